//! The example miner against a node: it mines what it is told to, and ends.

use std::process::Command;

use crate::support::{Ended, Home, Node};

#[test]
fn the_example_miner_mines_blocks_with_the_data_that_waits() {
    let home = Home::new();
    let node = Node::start(&home, "node");
    let taken = node.rpc(&["submitdata", "paid 5 to Ada"]);
    // Cargo builds examples beside the tests.
    let tests = std::env::current_exe().unwrap();
    let miner = tests.ancestors().nth(2).unwrap().join("examples/miner");
    assert!(
        miner.exists(),
        "build it: cargo build -p forkful --example miner"
    );
    let mut command = Command::new(miner);
    command.args([home.path("node").as_str(), "3"]);
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.stdout, "1 null\n2 null\n3 null\n");
    assert_eq!(node.rpc(&["getblockcount"]), 3);
    let first = node.rpc(&["getblockhash", "1"]);
    let block = node.rpc(&["getblock", first.as_str().unwrap()]);
    assert_eq!(block["tx"][0], taken["entry"]);
}
