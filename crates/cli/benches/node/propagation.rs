//! One block over 20 nodes: how much longer it takes than the links alone.
//!
//! The nodes stand in a ring, each with two chords: degree 4, and three links to the farthest.
//! Between any two stands a proxy that delays every byte by 50 ms. A block is submitted to one
//! node, and each node's stream of events says when it is its tip. The ideal of a node is the
//! time that latency alone takes on the shortest path: one crossing a link where whole blocks are
//! pushed, three where a header is announced, the body asked for and sent.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use forkful_core::{Consensus, Entry, Header, Target};
use serde_json::json;

use crate::client::Client;
use crate::process::{self, Node};
use crate::{chain, proxy, quantile};

const NODES: usize = 20;
const NODES_QUICK: usize = 6;
const BLOCKS: usize = 40;
const BLOCKS_QUICK: usize = 3;
const LATENCY: Duration = Duration::from_millis(50);
const ZERO_BITS: u32 = 4;
/// How far apart on the ring the ends of a chord are.
const CHORD: usize = 5;
/// Longer than a block takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Which node saw which block as its tip, and when.
type Seen = (usize, u64, Instant);

pub fn run(quick: bool) {
    let (nodes, blocks) = match quick {
        true => (NODES_QUICK, BLOCKS_QUICK),
        false => (NODES, BLOCKS),
    };
    println!(
        "{nodes} processes, links of {} ms, {blocks} blocks each; ms are medians, to all nodes",
        LATENCY.as_millis()
    );
    println!("relay      ideal ms   measured ms   ratio   p90 ratio   overhead per link ms");
    for (relay, crossings) in [("flood", 1), ("announce", 3)] {
        spread(relay, crossings, nodes, blocks);
    }
}

fn spread(relay: &str, crossings: u32, count: usize, blocks: usize) {
    let home = tempfile::tempdir().expect("a directory for temporary files");
    let (network, text) = process::network(home.path(), ZERO_BITS, relay);
    let consensus = chain::consensus(&text);
    let links = links(count);
    let nodes = start(&network, &links, count);
    wait_for_peers(&nodes, &links);
    let (seen, sight) = channel();
    for (number, node) in nodes.iter().enumerate() {
        let mut events = Client::connect(node.api, None).events("tip_changed");
        let seen = seen.clone();
        thread::spawn(move || {
            while let Some(event) = events.next() {
                let height = event["new"]["height"].as_u64().unwrap_or(0);
                if seen.send((number, height, Instant::now())).is_err() {
                    return;
                }
            }
        });
    }
    let hops = distances(&links, count);
    let farthest = hops.iter().copied().max().unwrap_or(0);
    let ideal = f64::from(farthest * crossings) * LATENCY.as_secs_f64();
    let mut times = give(&nodes, &consensus, blocks, &sight);
    let mut ratios: Vec<f64> = times.iter().map(|time| time / ideal).collect();
    let median = quantile(&mut times, 0.5);
    let fastest = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(
        fastest >= 1.0,
        "{relay}: a block took {fastest:.3} of the latency on its path, so it went another way"
    );
    println!(
        "{relay:9} {:9.0} {:13.1} {:7.3} {:11.3} {:22.2}",
        ideal * 1e3,
        median * 1e3,
        quantile(&mut ratios, 0.5),
        quantile(&mut ratios, 0.9),
        (median - ideal) * 1e3 / f64::from(farthest)
    );
}

/// The pairs that are connected.
fn links(count: usize) -> Vec<(usize, usize)> {
    let mut links = Vec::new();
    for node in 0..count {
        for step in [1, CHORD.min(count / 2)] {
            let pair = (node, (node + step) % count);
            if !links.contains(&pair) && !links.contains(&(pair.1, pair.0)) {
                links.push(pair);
            }
        }
    }
    links
}

/// Links from node 0 to each.
fn distances(links: &[(usize, usize)], count: usize) -> Vec<u32> {
    let mut distances = vec![u32::MAX; count];
    distances[0] = 0;
    for _ in 0..count {
        for &(a, b) in links {
            let (from_b, from_a) = (
                distances[b].saturating_add(1),
                distances[a].saturating_add(1),
            );
            distances[a] = distances[a].min(from_b);
            distances[b] = distances[b].min(from_a);
        }
    }
    distances
}

/// Starts the nodes; each dials those before it.
fn start(network: &std::path::Path, links: &[(usize, usize)], count: usize) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for number in 0..count {
        let others = links.iter().filter_map(|&(a, b)| match number {
            _ if a.max(b) != number => None,
            _ => Some(a.min(b)),
        });
        // Addresses travel: without this, nodes would also connect past the proxies.
        let mut flags = vec!["--ephemeral".to_owned(), "--connect-only".to_owned()];
        for other in others {
            let at = proxy::link(nodes[other].peers, LATENCY);
            flags.extend(["--peer".to_owned(), at.to_string()]);
        }
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        nodes.push(Node::start(network, network, &flags));
    }
    nodes
}

/// Waits until every link stands.
fn wait_for_peers(nodes: &[Node], links: &[(usize, usize)]) {
    let begun = Instant::now();
    for (number, node) in nodes.iter().enumerate() {
        let wanted = links.iter().filter(|(a, b)| *a == number || *b == number);
        let wanted = wanted.count();
        let mut client = Client::connect(node.api, None);
        while client.call("getconnectioncount", json!([])) != wanted {
            assert!(
                begun.elapsed() < PATIENCE,
                "node {number} has not {wanted} peers"
            );
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Submits the blocks one by one; the seconds until the last node had each.
fn give(nodes: &[Node], consensus: &Consensus, blocks: usize, sight: &Receiver<Seen>) -> Vec<f64> {
    let target = Target::from_zero_bits(ZERO_BITS).expect("it is below 256");
    let mut parent: Header = consensus.genesis().header;
    let mut client = nodes[0].client();
    let mut times = Vec::new();
    for number in 0..=blocks {
        let entry = Entry::from(number.to_be_bytes().as_slice());
        let block = chain::block_after(&parent, target, vec![entry]);
        parent = block.header;
        let hex = const_hex::encode(block.to_bytes());
        let begun = Instant::now();
        let taken = client.call("submitblock", json!([hex]));
        assert!(taken.is_null(), "{taken}");
        let mut last = begun;
        let mut missing = nodes.len();
        while missing > 0 {
            match sight.recv_timeout(PATIENCE) {
                Ok((_, height, at)) if height == parent.index => {
                    last = last.max(at);
                    missing -= 1;
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{missing} nodes never had block {}", parent.index)
                }
            }
        }
        // The first warms up what is done once.
        if number > 0 {
            times.push((last - begun).as_secs_f64());
        }
    }
    times
}
