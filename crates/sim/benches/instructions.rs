//! Instructions of the hot path, counted under valgrind: the same on a busy machine as on a
//! quiet one, so that CI can hold a bound. `cargo bench -p forkful-sim --bench instructions`
//! needs valgrind and `cargo install gungraun-runner` of the version in Cargo.lock.

#![allow(missing_docs, reason = "made by macros")]

use forkful_scenario::{Outcome, Overrides, Scenario, preset};
use forkful_sim::{Options, play};
use gungraun::prelude::*;
use gungraun::{Callgrind, EventKind};
use std::hint::black_box;

/// So many nodes of SimBlock's network of 2019, until so many blocks are mined.
fn simblock(nodes: u32, blocks: u64) -> Scenario {
    let overrides = Overrides {
        nodes: Some(nodes),
        blocks: Some(blocks),
        ..Overrides::default()
    };
    let scenario = Scenario::from_toml(preset("simblock-2019").unwrap().toml).unwrap();
    scenario.with(&overrides).unwrap()
}

// A bound is 5 % above what was counted when it was set. One that is passed is either a slip,
// to be mended, or has its reason written in docs/benchmarks.md.

#[library_benchmark(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::default().hard_limits([(EventKind::Ir, SET_UP)]))
)]
#[bench::one_block(args = (1_000, 1), setup = simblock)]
fn set_up(scenario: Scenario) -> Outcome {
    black_box(play(black_box(&scenario), Options::default()).unwrap())
}

#[library_benchmark(
    config = LibraryBenchmarkConfig::default()
        .tool(Callgrind::default().hard_limits([(EventKind::Ir, BLOCKS)]))
)]
#[bench::twenty_blocks(args = (1_000, 20), setup = simblock)]
fn blocks(scenario: Scenario) -> Outcome {
    black_box(play(black_box(&scenario), Options::default()).unwrap())
}

const SET_UP: u64 = 47_600_000;
const BLOCKS: u64 = 301_000_000;

library_benchmark_group!(name = simulator; benchmarks = set_up, blocks);
main!(library_benchmark_groups = simulator);
