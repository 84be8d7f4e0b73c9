//! One scenario in three worlds: reports of one form, and numbers of one distribution.

use std::process::Command;

use serde_json::Value;

/// A block needs a good part of the time between two to get to everybody, so that forks are
/// common, and twenty seconds of real time show them.
const SCENARIO: &str = "
name = 'three worlds'
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
    let file = directory.path().join("three-worlds.toml");
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
fn channels_sockets_and_the_simulator_tell_the_same_story() {
    let real = ["mesh", "tcp"].map(|world| (world, report(world, 1)));
    let simulated: Vec<Value> = (1..=40).map(|seed| report("sim", seed)).collect();

    let mut of_sim = Vec::new();
    form(&simulated[0], "", &mut of_sim);
    for (world, report) in &real {
        let mut of_world = Vec::new();
        form(report, "", &mut of_world);
        assert_eq!(of_world, of_sim, "{world}: one form of report");
        assert_eq!(report["world"], *world);
    }

    for (name, quantity) in QUANTITIES {
        let values: Vec<f64> = simulated.iter().map(quantity).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares = values.iter().map(|value| (value - mean).powi(2));
        let deviation = (squares.sum::<f64>() / (count - 1.0)).sqrt();
        for (world, report) in &real {
            let found = quantity(report);
            println!("{name}: {world} {found:.4}, sim {mean:.4} ± {deviation:.4}");
            // Four standard deviations of a single run; and on a busy machine real time is
            // later than it should be, by some milliseconds a message.
            let slack = 4.0 * deviation + 0.25 * mean;
            assert!(
                (found - mean).abs() < slack,
                "{name}: {world} {found}, {mean} ± {deviation}"
            );
        }
    }
}

/// A process that may open few files is told so before anything is opened.
#[cfg(unix)]
#[test]
fn too_few_files_for_the_sockets_are_an_error_that_says_how_many() {
    let forkful = env!("CARGO_BIN_EXE_forkful");
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -n 200 && exec \"$0\" run race --nodes 20 --world tcp",
            forkful,
        ])
        .output()
        .unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{error}");
    assert!(
        ["190 links", "464 open files", "may open 200"]
            .iter()
            .all(|part| error.contains(part)),
        "{error}"
    );
}
