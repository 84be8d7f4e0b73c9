//! One scenario in two worlds: reports of one form, and numbers of one distribution.

use std::process::Command;

use serde_json::Value;

/// A block needs a good part of the time between two to get to everybody, so that forks are
/// common, and twenty seconds of mesh show them.
const SCENARIO: &str = "
name = 'two worlds'
network = { nodes = 6, link = { latency = '30ms', jitter = '10ms' } }
consensus.difficulty = { rule = 'fixed', zero_bits = 12 }
mining = { interval = '120ms' }
relay = { policy = 'announce' }
stop = { height = 100, time_limit = '5min' }
";

/// What is compared of a report, by name.
type Quantity = (&'static str, fn(&Value) -> f64);

/// What is compared: each is a mean over a hundred blocks or more.
const QUANTITIES: [Quantity; 4] = [
    ("interval", |report| {
        number(&report["block_interval_ms"]["mean"])
    }),
    ("stale rate", |report| number(&report["stale_rate"])),
    ("reorgs per block", |report| {
        number(&report["reorgs"]["count"]) / number(&report["blocks"]["mined"])
    }),
    ("exposure", |report| number(&report["exposure_ms"])),
];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn report(world: &str, seed: u32) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("two-worlds.toml");
    std::fs::write(&file, SCENARIO).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_forkful"))
        .arg("run")
        .arg(file)
        .args(["--json", "--world", world, "--seed", &seed.to_string()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The keys of an object and of all objects in it, with the kinds of what they name.
fn form(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                // Depths and reasons that occur are different in every run.
                if !["by_depth", "dropped_by", "trace"].contains(&key.as_str()) {
                    form(value, &format!("{path}.{key}"), found);
                }
            }
        }
        Value::Array(items) => items
            .iter()
            .take(1)
            .for_each(|item| form(item, path, found)),
        _ => found.push(path.to_owned()),
    }
}

#[test]
fn the_mesh_and_the_simulator_tell_the_same_story() {
    let mesh = report("mesh", 1);
    let simulated: Vec<Value> = (1..=40).map(|seed| report("sim", seed)).collect();

    let (mut of_mesh, mut of_sim) = (Vec::new(), Vec::new());
    form(&mesh, "", &mut of_mesh);
    form(&simulated[0], "", &mut of_sim);
    assert_eq!(of_mesh, of_sim, "one form of report");

    for (name, quantity) in QUANTITIES {
        let values: Vec<f64> = simulated.iter().map(quantity).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let deviation = (squares.sum::<f64>() / (count - 1.0)).sqrt();
        let found = quantity(&mesh);
        println!("{name}: mesh {found:.4}, sim {mean:.4} ± {deviation:.4}");
        // Four standard deviations of a single run; and a busy machine's mesh is later
        // than it should be, by some milliseconds a message.
        let slack = 4.0 * deviation + 0.25 * mean;
        assert!(
            (found - mean).abs() < slack,
            "{name}: {found} {mean} {deviation}"
        );
    }
}
