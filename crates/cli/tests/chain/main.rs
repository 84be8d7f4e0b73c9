//! `forkful chain` on the data directories of nodes and on chain files; a miner from outside.

mod miner;
mod support;

use std::io::Write as _;
use std::process::Stdio;
use std::time::Instant;

use serde_json::json;

use support::{Home, Node, PATIENCE, grown, has_store, mined, text, tip};

const NET: &str = "--network";

#[test]
fn what_a_node_mined_goes_out_and_into_another_directory() {
    let home = Home::new();
    {
        let node = Node::start(&home, "node");
        node.rpc(&["submitdata", "paid 5 to Ada"]);
        node.rpc(&["generate", "20"]);
        node.rpc(&["submitdata", "waits"]);
        node.rpc(&["setban", "192.0.2.7", "add"]);
        node.rpc(&["stop"]);
    }
    let before = home.info("@node");
    assert_eq!(before["height"], 20);
    assert_eq!(before["waiting"], json!({ "entries": 1, "bytes": 5 }));
    assert_eq!(
        (&before["bans"], &before["addresses"]),
        (&json!(1), &json!(0))
    );
    let told = home.done(&["export", "@node", "@chain.jsonl"]);
    assert!(told.contains("21 blocks of"), "{told}");
    assert!(home.done(&["verify", "@chain.jsonl"]).contains("21 blocks"));

    let told = home.done(&["import", "@copy", "@chain.jsonl", NET, "@test.toml"]);
    assert!(told.contains("20 blocks taken, 0 here already"), "{told}");
    let copy = home.info("@copy");
    for key in ["genesis", "height", "tip", "total_work", "blocks"] {
        assert_eq!(copy[key], before[key], "{key}");
    }
    let told = home.done(&["verify", "@copy"]);
    assert!(told.contains("20 blocks, every rule holds"), "{told}");
    let out = home.done(&["export", "@copy"]);
    assert_eq!(
        out,
        std::fs::read_to_string(home.path("chain.jsonl")).unwrap()
    );

    let told = home.done(&["import", "@copy", "@chain.jsonl"]);
    assert!(told.contains("0 blocks taken, 20 here already"), "{told}");
    // And a node starts on it.
    let node = Node::start(&home, "copy");
    assert_eq!(node.rpc(&["getbestblockhash"]), before["tip"]);
}

#[test]
fn a_forged_file_is_refused_with_line_and_rule_and_changes_nothing() {
    let home = Home::new();
    let chain = mined(30, "true");
    home.write("ten.jsonl", &chain[..=10]);
    home.done(&["import", "@node", "@ten.jsonl", NET, "@test.toml"]);
    let before = home.info("@node");
    let mut forged = chain.clone();
    forged[20].entries[0] = b"forged".as_slice().into();
    home.write("forged.jsonl", &forged);
    for directory in ["@node", "@new"] {
        let ended = home.chain(&["import", directory, "@forged.jsonl", NET, "@test.toml"]);
        assert_eq!(ended.code, 1, "{ended:?}");
        let told = "forged.jsonl: line 21: entries: the entries do not hash to the header's data";
        assert!(ended.stderr.contains(told), "{ended:?}");
    }
    let after = home.info("@node");
    for key in ["tip", "blocks", "branches", "waiting"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert!(!has_store(&home.path("new")));
}

#[test]
fn of_a_stream_everything_before_the_first_wrong_line_is_taken() {
    let home = Home::new();
    let chain = mined(30, "true");
    let mut forged = chain.clone();
    forged[20].header.index = 7;
    let ended = import_stream(&home, &text(&forged));
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("19 blocks taken"), "{ended:?}");
    assert!(
        ended.stderr.contains("standard input: line 21: index: "),
        "{ended:?}"
    );
    assert_eq!(home.info("@node")["height"], 19);
    let ended = import_stream(&home, &text(&chain));
    assert!(
        ended.stdout.contains("11 blocks taken, 19 here already"),
        "{ended:?}"
    );
    assert_eq!(home.info("@node")["tip"], tip(&chain));
    // A known block with other entries is found too.
    let mut forged = chain;
    forged[5].entries.clear();
    let ended = import_stream(&home, &text(&forged));
    assert!(ended.stderr.contains("line 6: entries: "), "{ended:?}");
}

fn import_stream(home: &Home, text: &str) -> support::Ended {
    let mut command = home.chain_command(&["import", "@node", "-", NET, "@test.toml"]);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It may have seen enough before the end.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    child.wait_with_output().unwrap().into()
}

#[test]
fn branches_are_kept_and_the_one_with_more_work_becomes_the_chain() {
    let home = Home::new();
    let common = mined(5, "both");
    let long = grown(common.clone(), 5, "one");
    let short = grown(common, 3, "other");
    home.write("long.jsonl", &long);
    home.write("short.jsonl", &short);
    home.write("longer.jsonl", &grown(short.clone(), 4, "other"));
    home.done(&["import", "@node", "@long.jsonl", NET, "@test.toml"]);
    home.done(&["import", "@node", "@short.jsonl"]);
    let info = home.info("@node");
    assert_eq!(
        (&info["height"], &info["tip"]),
        (&json!(10), &json!(tip(&long)))
    );
    assert_eq!(
        (&info["blocks"], &info["branches"]),
        (&json!(14), &json!(2))
    );
    // What was mined and disconnected waits again, as in a node.
    let told = home.done(&["import", "@node", "@longer.jsonl"]);
    assert!(
        told.contains("4 blocks taken, 8 here already; the tip is #12"),
        "{told}"
    );
    let info = home.info("@node");
    assert_eq!(info["waiting"]["entries"], 5);
    assert!(
        home.done(&["verify", "@node"])
            .contains("the chain has height 12")
    );
}

#[test]
fn another_network_is_refused_by_name() {
    let home = Home::new();
    home.write("chain.jsonl", &mined(3, "test"));
    // A directory that is not there is of the playground.
    let ended = home.chain(&["import", "@new", "@chain.jsonl"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    let told = "line 1: the file is of another network (genesis ";
    assert!(ended.stderr.contains(told), "{ended:?}");
    assert!(
        ended.stderr.contains("of the network playground (genesis"),
        "{ended:?}"
    );
    assert!(!has_store(&home.path("new")));

    home.done(&["import", "@node", "@chain.jsonl", NET, "@test.toml"]);
    for args in [["export", "@node"], ["info", "@node"], ["verify", "@node"]] {
        let ended = home.chain(&[args[0], args[1], NET, "playground"]);
        assert_eq!(ended.code, 2, "{ended:?}");
        assert!(
            ended.stderr.contains("and not of playground (genesis"),
            "{ended:?}"
        );
    }
    let told = home.done(&["info", "@node"]);
    assert!(told.contains("one of its own"), "{told}");
    assert!(told.contains("4 blocks on 1 branch"), "{told}");
}

/// Bitcoin Core keeps it, and so must the stored chain: a node that forgot it would go on from a tip that
/// the store does not have.
#[test]
fn what_an_operator_refused_is_refused_after_a_restart() {
    let home = Home::new();
    let node = Node::start(&home, "node");
    let hashes = node.rpc(&["generate", "10"]);
    let (fourth, fifth, tenth) = (&hashes[3], &hashes[4], &hashes[9]);
    node.rpc(&["invalidateblock", fifth.as_str().unwrap()]);
    assert_eq!(node.rpc(&["getbestblockhash"]), *fourth);
    drop(node);
    home.done(&["verify", "@node"]);

    let node = Node::start(&home, "node");
    assert_eq!(node.rpc(&["getbestblockhash"]), *fourth);
    node.rpc(&["generate", "2"]);
    node.rpc(&["reconsiderblock", fifth.as_str().unwrap()]);
    assert_eq!(node.rpc(&["getbestblockhash"]), *tenth);
    drop(node);
    assert!(home.done(&["verify", "@node"]).contains("height 10"));
    let node = Node::start(&home, "node");
    assert_eq!(node.rpc(&["getbestblockhash"]), *tenth);
    assert_eq!(node.rpc(&["generate", "1"]).as_array().unwrap().len(), 1);
    drop(node);
    assert!(home.done(&["verify", "@node"]).contains("height 11"));
}

/// An operator may prefer the later of two equally good branches; a node that starts again takes the one
/// that was there first. What is stored is the node's chain all the same.
#[test]
fn the_stored_chain_is_that_of_the_node_that_starts() {
    let home = Home::new();
    let common = mined(5, "both");
    home.write("one.jsonl", &grown(common.clone(), 2, "one"));
    home.write("other.jsonl", &grown(common, 2, "other"));
    home.done(&["import", "@node", "@one.jsonl", NET, "@test.toml"]);
    home.done(&["import", "@node", "@other.jsonl"]);
    let node = Node::start(&home, "node");
    let one = node.rpc(&["getbestblockhash"]);
    node.rpc(&["invalidateblock", one.as_str().unwrap()]);
    node.rpc(&["reconsiderblock", one.as_str().unwrap()]);
    assert_ne!(node.rpc(&["getbestblockhash"]), one);
    drop(node);
    let node = Node::start(&home, "node");
    node.rpc(&["generate", "1"]);
    drop(node);
    assert!(home.done(&["verify", "@node"]).contains("height 8"));
}

#[test]
fn while_a_node_runs_its_directory_is_in_use() {
    let home = Home::new();
    home.write("chain.jsonl", &mined(3, "test"));
    let _node = Node::start(&home, "node");
    for args in [
        vec!["export", "@node"],
        vec!["import", "@node", "@chain.jsonl"],
        vec!["verify", "@node"],
        vec!["info", "@node"],
    ] {
        let ended = home.chain(&args);
        assert_eq!(ended.code, 1, "{ended:?}");
        assert!(
            ended.stderr.contains("is in use: another node runs"),
            "{ended:?}"
        );
    }
}

#[test]
fn what_is_not_there_is_wrong_usage_for_every_command() {
    let home = Home::new();
    std::fs::create_dir(home.path("empty")).unwrap();
    for args in [
        vec!["info", "@nowhere"],
        vec!["verify", "@nowhere"],
        vec!["export", "@nowhere", "@out"],
        vec!["import", "@new", "@nowhere"],
        vec!["info", "@empty"],
        vec!["verify", "@empty"],
    ] {
        let ended = home.chain(&args);
        assert_eq!(ended.code, 2, "{args:?}: {ended:?}");
    }
}

#[test]
fn a_file_that_is_there_is_not_overwritten_and_no_half_of_one_is_left() {
    let home = Home::new();
    home.write("chain.jsonl", &mined(3, "test"));
    home.done(&["import", "@node", "@chain.jsonl", NET, "@test.toml"]);
    std::fs::write(home.path("precious"), "mine").unwrap();
    let ended = home.chain(&["export", "@node", "@precious"]);
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("it is not overwritten"), "{ended:?}");
    assert_eq!(
        std::fs::read_to_string(home.path("precious")).unwrap(),
        "mine"
    );
    let ended = home.chain(&["export", "@nowhere", "@out"]);
    assert!(
        ended.stderr.contains("is no data directory of a node"),
        "{ended:?}"
    );
    let left = std::fs::read_dir(home.path("")).unwrap();
    let names: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    assert!(
        !names
            .iter()
            .any(|name| name.to_str().unwrap().starts_with(".forkful")),
        "{names:?}"
    );
}

/// Killed at many moments, until three of them were after a commit and before the end; what it had
/// committed is a valid chain, and the import that comes after it goes on from there.
#[test]
fn a_killed_import_leaves_a_valid_store_and_goes_on() {
    let home = Home::new();
    let chain = mined(6_000, "long");
    home.write("chain.jsonl", &chain);
    home.write("first.jsonl", &chain[..2]);
    home.done(&["import", "@node", "@first.jsonl", NET, "@test.toml"]);
    let begun = Instant::now();
    let mut heights = vec![1];
    while heights.iter().filter(|height| **height > 1).count() < 3 {
        assert!(begun.elapsed() < PATIENCE, "never half-way: {heights:?}");
        let mut command = home.chain_command(&["import", "@node", "-"]);
        command.stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        // It waits for the rest, so it does not end by itself.
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(text(&chain[..5_000]).as_bytes()).unwrap();
        home.wait_for_writes("node/forkful.redb", heights.len());
        child.kill().unwrap();
        child.wait().unwrap();
        home.done(&["verify", "@node"]);
        heights.push(home.info("@node")["height"].as_u64().unwrap());
    }
    assert!(heights.is_sorted(), "{heights:?}");
    home.done(&["import", "@node", "@chain.jsonl"]);
    assert_eq!(home.info("@node")["tip"], tip(&chain));
}
