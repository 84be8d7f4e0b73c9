//! The API under 64 clients, while the node mines on one core; and from a submitted block to its
//! event.

use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use forkful_core::{Entry, Header, Target};
use serde_json::{Value, json};

use crate::client::{Client, RESULT, request};
use crate::process::{self, Node};
use crate::{chain, quantile};

const CLIENTS: usize = 64;
const TIME: Duration = Duration::from_secs(8);
/// Data is submitted for less long, for a pool holds 50,000 entries.
const SUBMITTING: Duration = Duration::from_secs(2);
const TIME_QUICK: Duration = Duration::from_millis(500);
const BLOCKS: usize = 200;
const BLOCKS_QUICK: usize = 10;
/// A block in a second or so of one core, and in no time where the search is not what is measured.
const MINING_ZERO_BITS: u32 = 26;
const ZERO_BITS: u32 = 4;

pub fn run(quick: bool) {
    let time = if quick { TIME_QUICK } else { TIME };
    let home = tempfile::tempdir().expect("a directory for temporary files");
    println!(
        "{CLIENTS} clients that keep their connections, {} s each; ratios are to getblockcount without mining",
        time.as_secs_f64()
    );
    println!("call                         mining   requests/s   ratio    p50 ms    p99 ms");
    let (network, _) = process::network(home.path(), MINING_ZERO_BITS, "announce");
    let mut base = None;
    for mines in [false, true] {
        let directory = home.path().join(if mines { "mining" } else { "quiet" });
        let (node, hash) = node_with_a_block(&network, &directory, mines);
        let calls = [
            ("getblockcount", json!([])),
            ("getblockheader", json!([hash])),
            ("getblock, 100 entries", json!([hash, 2])),
            ("submitdata", json!([])),
        ];
        for (name, params) in calls {
            let time = match name {
                "submitdata" => time.min(SUBMITTING),
                _ => time,
            };
            let (rate, mut times) = load(&node, name, &params, time);
            let base = *base.get_or_insert(rate);
            println!(
                "{name:28} {:6} {rate:12.0} {:7.2} {:9.2} {:9.2}",
                if mines { "yes" } else { "no" },
                rate / base,
                quantile(&mut times, 0.5) * 1e3,
                quantile(&mut times, 0.99) * 1e3
            );
        }
    }
    latency(home.path(), if quick { BLOCKS_QUICK } else { BLOCKS });
}

/// A node on whose chain is a block with 100 entries, and the block's hash.
fn node_with_a_block(network: &Path, directory: &Path, mines: bool) -> (Node, String) {
    let hash = {
        let node = Node::start(network, directory, &[]);
        let mut client = node.client();
        for number in 0..100 {
            client.call("submitdata", json!([format!("entry {number}")]));
        }
        // It ends early after its time; a build without optimisation needs several.
        loop {
            let hashes = client.call("generate", json!([1]));
            if let Some(hash) = hashes[0].as_str() {
                break hash.to_owned();
            }
        }
    };
    let flags = ["--mine", "--hash-rate", "unlimited", "--threads", "1"];
    let flags = if mines { &flags[..] } else { &[] };
    (Node::start(network, directory, flags), hash)
}

/// Requests per second, and the time of each, with all clients at once.
fn load(node: &Node, name: &str, params: &Value, time: Duration) -> (f64, Vec<f64>) {
    let method = name.split(',').next().unwrap_or(name);
    let (stop, number) = (AtomicBool::new(false), AtomicU64::new(0));
    let start = Barrier::new(CLIENTS + 1);
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = node.client();
                    let mut times = Vec::new();
                    start.wait();
                    while !stop.load(Ordering::Relaxed) {
                        // Data is taken once only.
                        let number = number.fetch_add(1, Ordering::Relaxed);
                        let params = match method {
                            "submitdata" => json!([format!("data {number}")]),
                            _ => params.clone(),
                        };
                        let body = request(method, &params);
                        let begun = Instant::now();
                        let answer = client.post(&body);
                        assert!(answer.starts_with(RESULT), "{method} failed");
                        times.push(begun.elapsed().as_secs_f64());
                    }
                    times
                })
            })
            .collect();
        start.wait();
        let begun = Instant::now();
        thread::sleep(time);
        stop.store(true, Ordering::Relaxed);
        let times = clients
            .into_iter()
            .flat_map(|client| client.join().expect("every answer has a result"));
        let times: Vec<f64> = times.collect();
        (times.len() as f64 / begun.elapsed().as_secs_f64(), times)
    })
}

/// From a submitted block to its event, on disk and in memory: what is between is the disk.
fn latency(home: &Path, blocks: usize) {
    println!("submitblock to its event on /events, {blocks} blocks      p50 ms    p99 ms");
    let mut medians = Vec::new();
    for (what, flags) in [("on disk", &[][..]), ("in memory", &["--ephemeral"][..])] {
        let (network, text) = process::network(home, ZERO_BITS, "announce");
        let node = Node::start(&network, &home.join("latency"), flags);
        let mut times = give(&node, &text, blocks);
        let median = quantile(&mut times, 0.5) * 1e3;
        println!(
            "{what:50} {median:9.3} {:9.3}",
            quantile(&mut times, 0.99) * 1e3
        );
        medians.push(median);
    }
    let mut syncs = syncs(home, blocks);
    let sync = quantile(&mut syncs, 0.5) * 1e3;
    println!(
        "{:50} {sync:9.3} {:9.3}",
        "a page written and synced, by itself",
        quantile(&mut syncs, 0.99) * 1e3
    );
    println!(
        "the disk costs {:.1} such syncs a block",
        (medians[0] - medians[1]) / sync
    );
}

fn give(node: &Node, text: &str, blocks: usize) -> Vec<f64> {
    let consensus = chain::consensus(text);
    let target = Target::from_zero_bits(ZERO_BITS).expect("it is below 256");
    let mut parent: Header = consensus.genesis().header;
    let mut client = node.client();
    let mut events = Client::connect(node.api, None).events("tip_changed");
    let mut times = Vec::new();
    for number in 0..blocks {
        let entry = Entry::from(number.to_be_bytes().as_slice());
        let block = chain::block_after(&parent, target, vec![entry]);
        parent = block.header;
        let hex = const_hex::encode(block.to_bytes());
        let event = thread::scope(|scope| {
            let (reader, begun) = (&mut events, Instant::now());
            let event = scope.spawn(move || {
                let event = reader.next();
                event.map(|_| begun.elapsed().as_secs_f64())
            });
            client.call("submitblock", json!([hex]));
            event.join()
        });
        times.push(event.expect("no panic").expect("an event"));
    }
    times
}

/// Seconds of writing a page and waiting until it is on the disk.
fn syncs(home: &Path, count: usize) -> Vec<f64> {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = std::fs::File::create(home.join("page")).expect("a file");
    let page = vec![7; 4_096];
    let mut times = Vec::new();
    for _ in 0..count {
        let begun = Instant::now();
        file.seek(SeekFrom::Start(0)).expect("a file");
        file.write_all(&page).expect("room");
        file.sync_data().expect("a disk");
        times.push(begun.elapsed().as_secs_f64());
    }
    times
}
