//! Many runs, files and figures, as a user asks for them.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Four miners far apart, in the world that is fast.
const FORKING: &str = r#"
name = "forking"
network = { nodes = 4, link = { latency = "90ms" } }
stop = { height = 20 }
"#;

fn forkful(directory: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(args)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn directory_with(scenario: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("forking.toml"), scenario).unwrap();
    directory
}

/// `forkful run forking.toml --world sim` and these.
fn run(directory: &Path, more: &[&str]) -> Output {
    let args = ["run", "forking.toml", "--world", "sim"];
    forkful(directory, &[&args, more].concat())
}

fn errors(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn many_runs_are_the_same_on_one_thread_and_on_two() {
    let directory = directory_with(FORKING);
    let many = ["--replications", "30", "--json"];
    let one = run(directory.path(), &[&many[..], &["--threads", "1"]].concat());
    let two = run(directory.path(), &[&many[..], &["--threads", "2"]].concat());
    assert_eq!(one.status.code(), Some(0), "{}", errors(&one));
    assert_eq!(one.stdout, two.stdout);
    let report: Value = serde_json::from_slice(&one.stdout).unwrap();
    assert_eq!(report["runs"], 30);
    let stale = &report["quantities"]["stale_rate"];
    assert!(stale["low"].as_f64().unwrap() < stale["mean"].as_f64().unwrap());
}

#[test]
fn people_see_a_table_and_the_seeds() {
    let directory = directory_with(FORKING);
    let output = run(directory.path(), &["--replications", "12", "--seed", "5"]);
    let text = String::from_utf8(output.stdout).unwrap();
    for part in [
        "world     sim: ",
        "quantity",
        "± 95 %",
        "stale_rate",
        "12 runs with seeds 5 to 16, intervals of 95 %. Every run was as expected.",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    assert!(output.stderr.is_empty());
}

#[test]
fn results_are_written_drawn_and_not_overwritten() {
    let directory = directory_with(FORKING);
    let out = ["--replications", "3", "--out", "results"];
    assert_eq!(run(directory.path(), &out).status.code(), Some(0));
    let report = std::fs::read(directory.path().join("results/report.json")).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    assert_eq!(report["runs"], 3);

    let drawn = forkful(directory.path(), &["plot", "results"]);
    assert_eq!(drawn.status.code(), Some(0), "{}", errors(&drawn));
    let files = String::from_utf8(drawn.stdout).unwrap();
    assert_eq!(files.lines().count(), 10);
    for file in files.lines() {
        assert!(directory.path().join(file).is_file(), "{file}");
    }

    let again = run(directory.path(), &out);
    assert_eq!(again.status.code(), Some(1));
    let expected =
        "error: forking.toml: results/report.json is there already; --force overwrites it\n";
    assert_eq!(errors(&again), expected);
    assert!(again.stdout.is_empty(), "nothing was played");
    let forced = run(directory.path(), &[&out[..], &["--force"]].concat());
    assert_eq!(forced.status.code(), Some(0));
}

#[test]
fn one_run_leaves_the_same_files_in_the_mesh() {
    let fast = format!(
        "{FORKING}\nconsensus = {{ difficulty = {{ zero_bits = 8 }} }}\nmining = {{ hash_rate = '4k' }}\n"
    );
    let directory = directory_with(&fast);
    let args = ["run", "forking.toml", "--blocks", "5", "--out", "results"];
    let output = forkful(directory.path(), &args);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let read = |name: &str| std::fs::read_to_string(directory.path().join("results").join(name));
    let report: Value = serde_json::from_str(&read("report.json").unwrap()).unwrap();
    assert_eq!(report["world"], "mesh");
    let mined = report["blocks"]["mined"].as_u64().unwrap();
    let rows = read("blocks.csv").unwrap().lines().count() as u64 - 1;
    assert_eq!(rows, mined);
}

#[test]
fn a_trace_is_written_beside_a_run() {
    let directory = directory_with(FORKING);
    let output = run(directory.path(), &["--json", "--trace", "trace.parquet"]);
    assert_eq!(output.status.code(), Some(0), "{}", errors(&output));
    let bytes = std::fs::read(directory.path().join("trace.parquet")).unwrap();
    assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1"));
    // It changes nothing of the run.
    let plain = run(directory.path(), &["--json"]);
    assert_eq!(plain.stdout, output.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn a_trace_that_cannot_be_written_ends_the_run() {
    let directory =
        directory_with(&FORKING.replace("height = 20", "height = 100000000, time_limit = '3650d'"));
    let output = run(
        directory.path(),
        &["--json", "--trace", "/dev/full", "--force"],
    );
    assert_eq!(output.status.code(), Some(1));
    assert!(errors(&output).starts_with("error: cannot write /dev/full: No space left"));
}

#[test]
fn what_was_not_as_expected_is_named_with_its_first_seed() {
    let directory = directory_with(&format!(
        "{FORKING}\nexpect = {{ forks = {{ min = 1000 }} }}\n"
    ));
    let output = run(
        directory.path(),
        &["--replications", "2", "--seed", "7", "--json"],
    );
    assert_eq!(output.status.code(), Some(1));
    let expected =
        "not as expected: expect.forks: at least 1000, not met in 2 of 2 runs, first with seed 7\n";
    assert_eq!(errors(&output), expected);
}

#[cfg(unix)]
#[test]
fn a_signal_leaves_the_runs_so_far() {
    let directory = directory_with(FORKING);
    let mut child = Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(["run", "forking.toml", "--world", "sim", "--json"])
        .args(["--replications", "100000000", "--out", "results"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // The tables of the first thousand runs or so are in the file: it goes on.
    let runs = directory.path().join("results/propagation.csv");
    while std::fs::metadata(&runs).map_or(0, |file| file.len()) < 10_000 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let kill = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["interrupted"], true);
    let played = report["runs"].as_u64().unwrap();
    assert!(played > 0);
    let rows = std::fs::read_to_string(directory.path().join("results/runs.csv")).unwrap();
    assert_eq!(rows.lines().count() as u64, played + 1);
    let drawn = forkful(directory.path(), &["plot", "results", "--to", "figures"]);
    assert_eq!(drawn.status.code(), Some(0), "the files are whole");
}

#[test]
fn the_summary_says_what_attackers_earned() {
    let attacked = "
        network = { nodes = 6, link = { latency = '20ms' } }
        mining = { interval = '10min' }
        stop = { height = 300, time_limit = '30d' }
        nodes = [
            { nodes = 0, hash_share = 2, strategy = 'selfish' },
            { nodes = 1, strategy = { kind = 'double-spend', confirmations = 1, give_up = 3 } },
        ]";
    let directory = directory_with(attacked);
    let output = run(directory.path(), &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "attackers selfish: ",
        "of the chain with 28.6 % of the hash rate",
        "races, gamma 0.",
        "double spends succeeded",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}
