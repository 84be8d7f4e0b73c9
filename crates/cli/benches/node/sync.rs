//! The whole chain from one peer, over loopback, into a store.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use forkful_core::{Block, BlockTree, Consensus, Sha256Pow, Target, Timestamp, sha256};
use serde_json::json;

use crate::chain;
use crate::client::Client;
use crate::process::{self, Node};

const BLOCKS: usize = 100_000;
const BLOCKS_QUICK: usize = 3_000;
const ZERO_BITS: u32 = 4;
/// Later than every block.
const CLOCK: Timestamp = Timestamp(1_900_000_000_000);

/// How the receiver differs from row to row.
struct Row {
    what: &'static str,
    relay: &'static str,
    flags: &'static [&'static str],
}

const ROWS: [Row; 6] = [
    Row {
        what: "flood, encrypted, on disk",
        relay: "flood",
        flags: &[],
    },
    Row {
        what: "flood, encrypted, in memory",
        relay: "flood",
        flags: &["--ephemeral"],
    },
    Row {
        what: "flood, plaintext, in memory",
        relay: "flood",
        flags: &["--ephemeral", "--plaintext"],
    },
    Row {
        what: "announce, encrypted, on disk",
        relay: "announce",
        flags: &[],
    },
    Row {
        what: "announce, encrypted, in memory",
        relay: "announce",
        flags: &["--ephemeral"],
    },
    Row {
        what: "announce, plaintext, in memory",
        relay: "announce",
        flags: &["--ephemeral", "--plaintext"],
    },
];

/// What one synchronisation took, in seconds.
struct Took {
    elapsed: f64,
    receiver: f64,
    sender: f64,
    tips: u64,
    /// Memory of the receiver at the end, in MiB.
    memory: f64,
}

pub fn run(quick: bool) {
    let count = if quick { BLOCKS_QUICK } else { BLOCKS };
    let home = tempfile::tempdir().expect("a directory for temporary files");
    let (network, text) = process::network(home.path(), ZERO_BITS, "announce");
    let consensus = chain::consensus(&text);
    let target = Target::from_zero_bits(ZERO_BITS).expect("it is below 256");
    let blocks = chain::mine(&consensus, target, count);
    let (hashing, validating) = floor(&consensus, &blocks);
    let source = home.path().join("source");
    let begun = Instant::now();
    chain::store(&source, &consensus, &blocks);
    let storing = begun.elapsed().as_secs_f64();
    println!("{count} blocks of one entry of 32 bytes; ratios are to validating, on one thread");
    let rate = |seconds: f64| count as f64 / seconds;
    let ratio = |seconds: f64| seconds / validating;
    println!(
        "hashing headers and entries   {:9.0} blocks/s, time {:6.2}",
        rate(hashing),
        ratio(hashing)
    );
    println!(
        "validating in memory          {:9.0} blocks/s, time {:6.2}",
        rate(validating),
        1.0
    );
    println!(
        "durable batches of 500        {:9.0} blocks/s, time {:6.2}",
        rate(storing),
        ratio(storing)
    );
    let begun = Instant::now();
    let sender = Node::start(&network, &source, &[]);
    let opened = begun.elapsed().as_secs_f64();
    println!(
        "a node opens the store in {opened:.2} s, time {:.2}",
        ratio(opened)
    );
    let plain = home.path().join("plain");
    chain::store(&plain, &consensus, &blocks);
    let plain = Node::start(&network, &plain, &["--plaintext"]);
    println!(
        "                                  blocks/s   time   receiver busy   sender busy   changes of the tip   memory"
    );
    for row in &ROWS {
        let sender = match row.flags.contains(&"--plaintext") {
            true => &plain,
            false => &sender,
        };
        let took = synchronise(&network, &home.path().join("receiver"), sender, row, count);
        println!(
            "{:31} {:10.0} {:6.2} {:13.0} % {:11.0} % {:20} {:4.0} MiB",
            row.what,
            rate(took.elapsed),
            ratio(took.elapsed),
            100.0 * took.receiver / took.elapsed,
            100.0 * took.sender / took.elapsed,
            took.tips,
            took.memory,
        );
    }
}

/// Seconds of hashing alone, and of every rule, on this thread: what nothing can be faster than.
fn floor(consensus: &Consensus, blocks: &[Arc<Block>]) -> (f64, f64) {
    let bytes: Vec<Vec<u8>> = blocks.iter().map(|block| block.to_bytes()).collect();
    let begun = Instant::now();
    let mut met = 0;
    for block in blocks {
        met += u64::from(block.header.hash().0[0] < 16);
        met += u64::from(sha256(&block.entries[0]).0[0] < 16);
    }
    std::hint::black_box(met);
    let hashing = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let mut tree = BlockTree::new(consensus.clone(), Sha256Pow);
    for bytes in &bytes {
        let block = Block::from_bytes(bytes).expect("it was made here");
        tree.insert_block(Arc::new(block), CLOCK)
            .expect("it keeps the rules");
    }
    assert_eq!(tree.len(), blocks.len() + 1);
    (hashing, begun.elapsed().as_secs_f64())
}

fn synchronise(network: &Path, directory: &Path, sender: &Node, row: &Row, count: usize) -> Took {
    let _ = std::fs::remove_dir_all(directory);
    std::fs::create_dir_all(directory).expect("a directory");
    let peer = sender.peers.to_string();
    let mut flags = vec!["--peer", &peer, "--relay", row.relay];
    flags.extend(row.flags);
    let before = sender.processor_seconds();
    let begun = Instant::now();
    let receiver = Node::start(network, directory, &flags);
    let mut client = Client::connect(receiver.api, None);
    let tip = client.call("waitforblockheight", json!([count, 600_000]));
    assert_eq!(tip["height"], count, "it did not come to the end");
    Took {
        elapsed: begun.elapsed().as_secs_f64(),
        receiver: receiver.processor_seconds(),
        sender: sender.processor_seconds() - before,
        memory: receiver.memory_mib().0,
        tips: client.settled_counter("forkful_events_total{kind=\"tip_changed\"}"),
    }
}
