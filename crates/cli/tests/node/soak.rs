//! Nodes that are killed, cut off and given data, for as long as one likes; then they agree.
//!
//! Some seconds; `FORKFUL_SOAK_MINUTES=60 cargo test --release -p forkful --test node soak` is an
//! hour, and `FORKFUL_SEED` another course of it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde_json::json;

use crate::line::Line;
use crate::support::{Home, NETWORK, Node, asked, beside_others, text, until};

const NODES: usize = 4;

/// A ring of nodes that mine, each with a line to the one before it.
struct Ring {
    nodes: Vec<Option<Node>>,
    /// Where each listens, over its restarts.
    addresses: Vec<String>,
    lines: Vec<Line>,
    acknowledged: BTreeSet<String>,
    chance: Xoshiro256PlusPlus,
    /// Goes last, with the logs of nodes.
    home: Home,
}

fn name(at: usize) -> String {
    format!("node-{at}")
}

impl Ring {
    fn new(seed: u64) -> Ring {
        let mut ring = Ring {
            // Eight blocks a second of all of them.
            home: Home::of(&NETWORK.replace("zero_bits = 0", "zero_bits = 8")),
            nodes: Vec::new(),
            addresses: Vec::new(),
            lines: Vec::new(),
            acknowledged: BTreeSet::new(),
            chance: Xoshiro256PlusPlus::seed_from_u64(seed),
        };
        for at in 0..NODES {
            let node = ring.home.start(&name(at), &[]);
            ring.addresses.push(node.peers.clone());
            ring.lines.push(Line::to(&node.peers));
            node.terminate();
            ring.nodes.push(None);
        }
        ring
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.chance.next_u64() % most as u64).unwrap()
    }

    fn start(&mut self, at: usize, mines: bool) {
        let (before, other) = ((at + NODES - 1) % NODES, (at + 2) % NODES);
        let peers = [&self.lines[before].address, &self.lines[other].address].map(String::clone);
        let mut flags = vec!["--listen", &self.addresses[at]];
        flags.extend(peers.iter().flat_map(|peer| ["--peer", peer.as_str()]));
        if mines {
            flags.extend(["--mine", "--hash-rate", "512"]);
        }
        let node = self.home.start(&name(at), &flags);
        self.nodes[at] = Some(node);
    }

    /// Something happens to somebody.
    fn step(&mut self, number: u64) {
        let at = self.below(NODES);
        match self.below(10) {
            0 => {
                if let Some(node) = self.nodes[at].take() {
                    node.kill();
                }
            }
            1 => self.lines[at].cut(),
            2 | 3 => self.lines[at].mend(),
            4 if self.nodes[at].is_none() => self.start(at, true),
            _ => {
                let Some(node) = &self.nodes[at] else {
                    return;
                };
                match node.call("submitdata", json!([format!("data {number}")])) {
                    Ok(taken) => drop(self.acknowledged.insert(text(&taken["entry"]))),
                    Err(fault) => panic!("{fault:?}"),
                }
            }
        }
    }

    /// All is whole again, nobody mines by itself, and everything has to be there.
    fn settle(mut self) {
        for line in &self.lines {
            line.mend();
        }
        for at in 0..NODES {
            if let Some(node) = self.nodes[at].take() {
                node.terminate();
            }
        }
        for at in 0..NODES {
            self.start(at, false);
        }
        let nodes: Vec<&Node> = self.nodes.iter().flatten().collect();
        // One block decides between equal branches; those after it take up what waits, wherever.
        let mut turn = 0;
        until("one tip, and nothing that waits", || {
            turn += 1;
            let tip = nodes[turn % NODES].generate(1).pop()?;
            std::thread::sleep(Duration::from_millis(100));
            let agree = nodes
                .iter()
                .all(|node| node.tip() == tip && node.waiting().is_empty());
            agree.then_some(())
        });
        let mut times: BTreeMap<String, u32> = BTreeMap::new();
        for (entry, _) in nodes[0].entries_above(0) {
            *times.entry(entry).or_default() += 1;
        }
        for entry in &self.acknowledged {
            assert_eq!(times.get(entry), Some(&1), "{entry}");
        }
        eprintln!(
            "{} blocks, {} entries acknowledged, each on the chain once",
            nodes[0].height(),
            self.acknowledged.len()
        );
        for at in 0..NODES {
            if let Some(node) = self.nodes[at].take() {
                node.terminate();
            }
            self.home.verify(&name(at));
        }
    }
}

#[test]
fn soak() {
    let _others = beside_others();
    let length = match asked("FORKFUL_SOAK_MINUTES", 0) {
        0 => Duration::from_secs(8),
        minutes => Duration::from_secs(60 * minutes),
    };
    let mut ring = Ring::new(asked("FORKFUL_SEED", 1));
    for at in 0..NODES {
        ring.start(at, true);
    }
    let begun = Instant::now();
    let mut number = 0;
    while begun.elapsed() < length {
        ring.step(number);
        number += 1;
        let pause = Duration::from_millis(ring.below(80) as u64);
        std::thread::sleep(pause);
    }
    ring.settle();
}
