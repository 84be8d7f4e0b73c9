//! What replications gain from cores, and what a trace costs.
//!
//! `cargo bench -p forkful-lab` plays the same ensemble with one thread and with one for each
//! core, in turns, and shows the median of the ratios: with two cores it should be near 2.
//! Then it plays one scenario without and with a trace, in turns, and shows the processor
//! time of the whole process, writer included, for each message.

use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use cpu_time::ProcessTime;
use forkful_lab::{Control, Plan, Trace, replicate};
use forkful_scenario::Scenario;
use forkful_sim::{Options, play};

const ROUNDS: usize = 5;

/// Sixty nodes, a few forks: about 0.1 s a run.
const ENSEMBLE: &str = "
    network = { nodes = 60, topology = { kind = 'random', degree = 4 }, link = { latency = '90ms' } }
    relay = { policy = 'announce' }
    mining = { hash_rate = '6.5k' }
    stop = { height = 300, time_limit = '10h' }
";

/// A thousand nodes with sixteen links each.
const TRACED: &str = "
    network = { nodes = 1000, topology = { kind = 'random', degree = 8 }, link = { latency = '90ms' } }
    relay = { policy = 'announce' }
    mining = { hash_rate = '2k' }
    stop = { height = 100, time_limit = '10h' }
";

fn main() {
    // Cargo also runs benches as tests, with `--test`: then once.
    let quick = std::env::args().any(|arg| arg == "--test");
    let rounds = if quick { 1 } else { ROUNDS };
    scaling(rounds, if quick { 4 } else { 40 });
    tracing(rounds);
}

fn scaling(rounds: usize, runs: u64) {
    let cores = available_parallelism().map_or(1, NonZero::get);
    let scenario = Scenario::from_toml(ENSEMBLE).expect("it is written above");
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let one = ensemble(&scenario, runs, 1);
        let all = ensemble(&scenario, runs, cores);
        ratios.push(one.as_secs_f64() / all.as_secs_f64());
        rates.push(runs as f64 / all.as_secs_f64());
    }
    println!(
        "replications: {cores} threads are {:.2} times as fast as one",
        median(&mut ratios)
    );
    println!("replications: {:.1} runs per second", median(&mut rates));
}

fn ensemble(scenario: &Scenario, runs_max: u64, threads: usize) -> Duration {
    let plan = Plan {
        runs_max,
        threads: NonZero::new(threads),
        until: None,
    };
    let mut control = Control {
        interrupted: &|| false,
        progress: &mut |_| {},
    };
    let begin = Instant::now();
    replicate(scenario, &plan, None, &mut control).expect("the scenario is played");
    begin.elapsed()
}

fn tracing(rounds: usize) {
    let scenario = Scenario::from_toml(TRACED).expect("it is written above");
    let directory = tempfile::tempdir().expect("there is a place for a file");
    let path = directory.path().join("trace.parquet");
    let (mut plain, mut traced, mut parts) = (Vec::new(), Vec::new(), Vec::new());
    let (mut sent, mut bytes) = (0, 0);
    for _ in 0..rounds {
        let begin = ProcessTime::now();
        let report = play(&scenario, Options::default()).expect("the scenario is played");
        let without = begin.elapsed().as_secs_f64();

        let begin = ProcessTime::now();
        let trace = Trace::create(&path, true).expect("the file can be written");
        let options = Options {
            watchers: vec![trace.watcher()],
            messages: vec![trace.messages()],
            ..Options::default()
        };
        play(&scenario, options).expect("the scenario is played");
        trace.finish().expect("the file can be written");
        let with = begin.elapsed().as_secs_f64();

        sent = report.report.messages_total().sent;
        bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
        plain.push(without * 1e9 / sent as f64);
        traced.push((with - without) * 1e9 / sent as f64);
        parts.push(with / without);
    }
    println!(
        "trace: {sent} messages, {:.1} bytes each in the file",
        bytes as f64 / sent as f64
    );
    println!(
        "trace: a message costs {:.0} ns of processor, its trace {:.0} ns more",
        median(&mut plain),
        median(&mut traced)
    );
    println!(
        "trace: {:.2} times the processor time of a run without",
        median(&mut parts)
    );
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
