//! Fingerprints for ever: a scenario and a seed are one run, on every machine and in every
//! build. `golden/table.txt` has them, and `.ci/run` plays the same with the release build.
//!
//! A fingerprint that no longer fits is a change that users see: published results cannot
//! be repeated any more. If that is meant, CHANGELOG.md has to say so.

use std::path::Path;

use forkful_scenario::{Overrides, Scenario, preset};
use forkful_sim::{Options, play};

const TABLE: &str = include_str!("golden/table.txt");

/// One line: scenario, seed, nodes, blocks, fingerprint.
fn fingerprint(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let [name, seed, nodes, blocks, _] = words[..] else {
        panic!("five words: {line}");
    };
    let text = match name.strip_suffix(".toml") {
        Some(_) => {
            let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
            std::fs::read_to_string(golden.join(name)).unwrap()
        }
        None => preset(name).unwrap().toml.to_owned(),
    };
    let overrides = Overrides {
        seed: Some(seed.parse().unwrap()),
        nodes: nodes.parse().ok(),
        blocks: blocks.parse().ok(),
        ..Overrides::default()
    };
    let scenario = Scenario::from_toml(&text).unwrap().with(&overrides);
    let outcome = play(&scenario.unwrap(), Options::default()).unwrap();
    let trace = outcome.report.trace.unwrap();
    format!("{name} {seed} {nodes} {blocks} {trace}")
}

#[test]
fn every_fingerprint_is_what_it_was() {
    let lines: Vec<&str> = TABLE
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    assert!(lines.len() >= 15, "the table has lost its lines");
    let found: Vec<String> = lines.iter().map(|line| fingerprint(line)).collect();
    assert!(
        found.iter().eq(&lines),
        "this is what they are now:\n{}",
        found.join("\n")
    );
}
