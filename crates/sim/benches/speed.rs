//! How fast networks are simulated, on one core: `cargo bench -p forkful-sim --bench speed`.
//! docs/benchmarks.md says what each row means and what was measured.

#![allow(clippy::disallowed_methods, reason = "it measures, from outside")]

use std::time::Instant;

use forkful_scenario::{Overrides, Report, Scenario, preset};
use forkful_sim::{Options, play};

/// How often each row is measured; the median counts.
const TIMES: usize = 5;

/// A preset with so many nodes, until so many blocks are mined.
fn scenario(name: &str, nodes: Option<u32>, blocks: Option<u64>) -> Scenario {
    let overrides = Overrides {
        nodes,
        blocks,
        ..Overrides::default()
    };
    let preset = Scenario::from_toml(preset(name).unwrap().toml).unwrap();
    preset.with(&overrides).unwrap()
}

/// Seconds and the report of a run.
fn run(scenario: &Scenario) -> (f64, Report) {
    let begun = Instant::now();
    let outcome = play(scenario, Options::default()).unwrap();
    (begun.elapsed().as_secs_f64(), outcome.report)
}

/// The median of what several runs give.
fn median(of: impl Fn() -> f64) -> f64 {
    let mut values: Vec<f64> = (0..TIMES).map(|_| of()).collect();
    values.sort_by(f64::total_cmp);
    values[TIMES / 2]
}

/// Node-blocks per second of `blocks` blocks but the first, so that setting up is left out.
fn marginal(name: &str, nodes: u32, blocks: u64) -> f64 {
    let (first, all) = (
        scenario(name, Some(nodes), Some(1)),
        scenario(name, Some(nodes), Some(blocks)),
    );
    median(|| {
        let ((start, one), (end, report)) = (run(&first), run(&all));
        let mined = report.blocks.mined.saturating_sub(one.blocks.mined);
        mined as f64 * f64::from(nodes) / (end - start)
    })
}

fn main() {
    println!("on one core, medians of {TIMES}");
    for (nodes, blocks) in [(600, 100), (6_000, 30)] {
        let speed = marginal("simblock-2019", nodes, blocks);
        println!("simblock-2019, {nodes} nodes, {blocks} blocks - 1: {speed:.0} node-blocks/s");
    }
    for nodes in [10_000, 100_000] {
        let one = scenario("simblock-2019", Some(nodes), Some(1));
        let seconds = median(|| run(&one).0);
        println!("simblock-2019, {nodes} nodes, set up and 1 block: {seconds:.3} s");
    }
    for nodes in [25_000, 50_000, 100_000] {
        let speed = marginal("simblock-2019", nodes, 5);
        println!("simblock-2019, {nodes} nodes, 5 blocks - 1: {speed:.0} node-blocks/s");
    }
    let year = scenario("bitcoin-year", None, None);
    let seconds = median(|| run(&year).0);
    println!("bitcoin-year, 100 nodes, 52,560 blocks: {seconds:.2} s");
}
