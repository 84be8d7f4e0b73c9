//! What a delivered message costs the mesh, as the number of nodes grows.
//!
//! `cargo bench -p forkful-net --bench mesh` plays one network of each size, in which one
//! node mines and everybody passes blocks on to everybody, and divides the processor time
//! of the whole process by the messages that were delivered. The blocks come the more
//! slowly the larger the network is, so that every size sends about the same number of
//! messages per second. Every size is played in turn, three times, and the median is
//! shown, with its ratio to that of the smallest network. What the one miner costs, in a
//! network of its own at the same rate, is measured next to it and taken off.

use std::time::Duration;

use cpu_time::ProcessTime;
use forkful_net::play::{Options, play};
use forkful_scenario::Scenario;

const SIZES: [u32; 5] = [8, 16, 32, 64, 128];
const ROUNDS: usize = 3;
const SECONDS: u64 = 5;
/// In a full mesh of n nodes a block is about n squared messages.
const MESSAGES_PER_SECOND: u32 = 40_000;

fn main() {
    // Cargo also runs benches as tests, with `--test`: then once, and small.
    let quick = std::env::args().any(|arg| arg == "--test");
    let (sizes, rounds) = if quick {
        (&SIZES[..1], 1)
    } else {
        (&SIZES[..], ROUNDS)
    };
    let mut costs = vec![Vec::new(); sizes.len()];
    let mut messages = vec![0; sizes.len()];
    for _ in 0..rounds {
        for (place, nodes) in sizes.iter().enumerate() {
            let blocks_per_second = MESSAGES_PER_SECOND / (nodes * nodes);
            let (mining, _) = run(1, blocks_per_second);
            let (spent, delivered) = run(*nodes, blocks_per_second);
            let micros = spent.saturating_sub(mining).as_secs_f64() * 1e6;
            costs[place].push(micros / delivered.max(1) as f64);
            messages[place] = delivered;
        }
    }
    println!("nodes   delivered   us of processor per message   ratio");
    let first = median(&mut costs[0]);
    for (place, nodes) in sizes.iter().enumerate() {
        let cost = median(&mut costs[place]);
        let delivered = messages[place];
        println!("{nodes:5} {delivered:11} {cost:29.2} {:7.2}", cost / first);
    }
}

/// Processor time and delivered messages of one network.
fn run(nodes: u32, blocks_per_second: u32) -> (Duration, u64) {
    let hash_rate = 256 * blocks_per_second.max(1);
    let others = if nodes > 1 {
        format!("nodes = [{{ nodes = '1..{nodes}', hash_share = 0 }}]")
    } else {
        String::new()
    };
    let scenario = Scenario::from_toml(&format!(
        "network = {{ nodes = {nodes}, inbox = 65536, link = {{ latency = '5ms' }} }}
         consensus = {{ difficulty = {{ rule = 'fixed', zero_bits = 8 }} }}
         mining = {{ hash_rate = {hash_rate} }}
         relay = {{ policy = 'flood', tip_interval = 'off' }}
         stop = {{ time = '{SECONDS}s' }}
         {others}"
    ));
    let scenario = scenario.expect("the scenario above is right");
    let before = ProcessTime::now();
    let played = play(&scenario, Options::default());
    let report = played.expect("a mesh of this size is possible").report;
    (before.elapsed(), report.messages_total().delivered)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
