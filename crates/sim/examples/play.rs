//! Plays a scenario file and says how fast: `cargo run --release -p forkful-sim --example play FILE`.

#![allow(clippy::disallowed_methods, reason = "it measures, from outside")]

use std::time::Instant;

use forkful_scenario::Scenario;
use forkful_sim::{Options, play};

fn main() {
    let file = std::env::args().nth(1).expect("a scenario file");
    let text = std::fs::read_to_string(&file).expect("a readable file");
    let read = |name: &str, _| {
        let path = std::path::Path::new(&file).with_file_name(name);
        Ok(std::fs::read_to_string(path).expect("a readable file"))
    };
    let scenario = Scenario::from_toml_with(&text, &read).unwrap_or_else(|error| panic!("{error}"));
    let begun = Instant::now();
    let report = play(&scenario, Options::default())
        .expect("a playable scenario")
        .report;
    let seconds = begun.elapsed().as_secs_f64();
    let node_blocks = report.blocks.mined as f64 * f64::from(scenario.network.nodes);
    let messages = report.messages_total();
    println!(
        "{} blocks, {} nodes: {seconds:.2} s, {:.0} node-blocks/s, {:.0} messages/s, {:.1} messages per node-block",
        report.blocks.mined,
        scenario.network.nodes,
        node_blocks / seconds,
        messages.delivered as f64 / seconds,
        messages.delivered as f64 / node_blocks,
    );
    println!(
        "{}, trace {}",
        if report.converged {
            "converged"
        } else {
            "not converged"
        },
        report.trace.unwrap_or_default()
    );
}
