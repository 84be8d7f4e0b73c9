//! Runs of the smallest network: what it prints, what it writes, how it ends.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Two nodes, three blocks, hardly any work.
const TINY: &str = r#"
name = "tiny"

[network]
nodes = 2
link = { latency = "1ms" }

[consensus.difficulty]
rule = "fixed"
zero_bits = 8

[mining]
hash_rate = "4k"

[workload]
every = "10ms"
count = 3

[stop]
height = 3
time_limit = "5min"
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
    std::fs::write(directory.path().join("tiny.toml"), scenario).unwrap();
    directory
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn report_events_and_chain_agree_and_the_chain_is_valid() {
    let directory = directory_with(TINY);
    let args = [
        "run",
        "tiny.toml",
        "--json",
        "--events",
        "e.jsonl",
        "--chain",
        "c.jsonl",
    ];
    let output = forkful(directory.path(), &args);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["scenario"], "tiny");
    assert_eq!(report["converged"], true);
    assert_eq!(report["data"]["submitted"], 3);
    assert_eq!(report["data"]["pending"], 0);
    for node in report["nodes"].as_array().unwrap() {
        assert_eq!(node["tip"], report["tip"]);
    }

    let chain = lines(&directory.path().join("c.jsonl"));
    let height = report["height"].as_u64().unwrap();
    assert!(height >= 3);
    assert_eq!(chain.len() as u64, height + 1);
    assert_eq!(chain.last().unwrap()["hash"], report["tip"]);
    let entries: usize = chain[1..]
        .iter()
        .map(|block| block["entries"].as_array().unwrap().len())
        .sum();
    assert_eq!(entries, 3);

    let events = lines(&directory.path().join("e.jsonl"));
    let mined: BTreeSet<&str> = events
        .iter()
        .filter(|event| event["event"] == "mined")
        .map(|event| event["block"]["hash"].as_str().unwrap())
        .collect();
    assert_eq!(
        mined.len() as u64,
        report["blocks"]["mined"].as_u64().unwrap()
    );
    for block in &chain[1..] {
        assert!(mined.contains(block["hash"].as_str().unwrap()));
    }
    let sent = events
        .iter()
        .filter(|event| event["event"] == "sent")
        .count() as u64;
    let counted = report["messages"].as_object().unwrap().values();
    assert_eq!(
        sent,
        counted
            .map(|kind| kind["sent"].as_u64().unwrap())
            .sum::<u64>()
    );

    let verified = forkful(directory.path(), &["verify", "c.jsonl"]);
    assert_eq!(verified.status.code(), Some(0));
    let says = String::from_utf8(verified.stdout).unwrap();
    let valid = format!("✓ c.jsonl: a valid chain of {} blocks\n", height + 1);
    assert!(says.starts_with(&valid), "{says}");
}

#[test]
fn what_is_piped_is_plain_text_with_the_whole_story() {
    let directory = directory_with(TINY);
    let output = forkful(directory.path(), &["run", "./tiny.toml"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains('\x1b'), "{text}");
    for part in [
        "forkful · tiny",
        "mined #1 ",
        "The tree of blocks",
        "genesis",
        "◀ tip of n0, n1",
        "The nodes",
        "✓ expect.converged = true",
        "Both nodes agree on block #",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
}

#[test]
fn a_seed_is_one_run_in_virtual_time() {
    let directory = directory_with(TINY);
    let report = |seed| {
        let args = ["run", "tiny.toml", "--world", "sim", "--json", "--seed"];
        let output = forkful(directory.path(), &[&args[..], &[seed]].concat());
        assert_eq!(output.status.code(), Some(0));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let one = report("7");
    assert_eq!(one["world"], "sim");
    assert_eq!(one["data"]["pending"], 0);
    assert_eq!(one["trace"].as_str().unwrap().len(), 32);
    assert_eq!(one, report("7"));
    assert_ne!(one["trace"], report("8")["trace"]);
}

#[test]
fn a_chain_of_virtual_time_has_no_work_behind_it() {
    let directory = directory_with(TINY);
    let args = ["run", "tiny.toml", "--world", "sim", "--json"];
    let chain = ["--chain", "c.jsonl"];
    let played = forkful(directory.path(), &[&args[..], &chain].concat());
    assert_eq!(played.status.code(), Some(0));
    let verified = forkful(directory.path(), &["verify", "c.jsonl"]);
    assert_eq!(verified.status.code(), Some(1));
    let errors = String::from_utf8(verified.stderr).unwrap();
    assert!(errors.contains("is above the target"), "{errors}");
}

#[test]
fn colour_can_be_forced() {
    let directory = directory_with(TINY);
    let output = Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(["run", "tiny.toml"])
        .current_dir(directory.path())
        .env_remove("NO_COLOR")
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(String::from_utf8(output.stdout).unwrap().contains('\x1b'));
}

#[test]
fn data_on_standard_output_has_it_alone() {
    let directory = directory_with(TINY);
    let output = forkful(directory.path(), &["run", "tiny.toml", "--chain", "-"]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().count() >= 4);
    for line in text.lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["hash"].is_string());
    }
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("The tree of blocks")
    );
}

#[test]
fn what_was_not_as_expected_is_named() {
    let directory = directory_with(&format!("{TINY}\n[expect]\nforks = {{ min = 1000 }}\n"));
    let output = forkful(directory.path(), &["run", "tiny.toml", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let start = "not as expected: expect.forks: at least 1000, found ";
    assert!(errors.starts_with(start), "{errors}");
    assert!(serde_json::from_slice::<Value>(&output.stdout).is_ok());
}

#[test]
fn text_that_steers_the_terminal_is_spelled_out() {
    let directory = directory_with("\"\\u001b[31mred\\u202e\" = 1\n");
    let output = forkful(directory.path(), &["run", "tiny.toml"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    let start = r"error: tiny.toml: line 1, column 1: \u{1b}[31mred\u{202e}: there is no such key";
    assert!(errors.starts_with(start), "{errors}");
}

#[test]
fn every_command_has_a_page_of_the_manual() {
    let directory = tempfile::tempdir().unwrap();
    let output = forkful(directory.path(), &["man", "--out", "pages"]);
    assert_eq!(output.status.code(), Some(0));
    for page in ["forkful.1", "forkful-run.1", "forkful-verify.1"] {
        assert!(
            directory.path().join("pages").join(page).is_file(),
            "{page}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let directory = directory_with(&TINY.replace("height = 3", "height = 100000"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(["run", "tiny.toml", "--events", "-"])
        .current_dir(directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert!(first.starts_with('{'), "{first}");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_with_an_error() {
    let directory = directory_with(&TINY.replace("height = 3", "height = 100000"));
    let output = forkful(
        directory.path(),
        &["run", "tiny.toml", "--json", "--events", "/dev/full"],
    );
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        errors.starts_with("error: cannot write /dev/full: No space left"),
        "{errors}"
    );
}

#[cfg(unix)]
#[test]
fn a_signal_ends_the_run_with_its_summary() {
    let directory = directory_with(&TINY.replace("height = 3", "height = 100000"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(["run", "tiny.toml"])
        .current_dir(directory.path())
        .env("NO_COLOR", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The network runs.
    lines
        .find(|line| line.as_ref().unwrap().contains("mined #1 "))
        .unwrap()
        .unwrap();
    let kill = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(kill.success());
    let last = lines.last().unwrap().unwrap();
    assert!(last.contains("The run was interrupted."), "{last}");
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn show_prints_the_preset_exactly() {
    let directory = tempfile::tempdir().unwrap();
    for preset in forkful_scenario::PRESETS {
        let output = forkful(directory.path(), &["show", preset.name]);
        assert_eq!(output.stdout, preset.toml.as_bytes(), "{}", preset.name);
    }
    for network in forkful_scenario::NETWORKS {
        let output = forkful(directory.path(), &["show", network.name]);
        assert_eq!(output.stdout, network.toml.as_bytes(), "{}", network.name);
    }
}

/// The files that a scenario names are beside it, and those of the command line are where that was
/// given.
#[test]
fn a_network_of_ones_own_is_two_files_and_needs_nothing_else() {
    let directory = directory_with(TINY);
    let sub = directory.path().join("mine");
    std::fs::create_dir(&sub).unwrap();
    let table = "names = ['HERE']\nshare = [1]\nlatency_ms = [[7]]\n";
    std::fs::write(sub.join("table.toml"), table).unwrap();
    std::fs::write(directory.path().join("links.csv"), "0,1\n1,2\n").unwrap();
    let scenario = "world = 'sim'\nnetwork = { nodes = 3, regions = './table.toml' }\n";
    std::fs::write(sub.join("net.toml"), scenario).unwrap();
    let topology = "network.topology={ kind = 'edges', file = 'links.csv' }";
    let run = |set: &str| {
        let args = [
            "run",
            "mine/net.toml",
            "--blocks",
            "3",
            "--json",
            "--set",
            set,
        ];
        forkful(directory.path(), &args)
    };
    let output = run(topology);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["world"], "sim");
    assert_eq!(report["height"], 3);
    // Node 0 and node 2 have no link: 7 ms and twice as much.
    let slowest = report["propagation_ms"]["max"].as_f64().unwrap();
    assert!((7.0..30.0).contains(&slowest), "{slowest}");

    let error = |set: &str| String::from_utf8(run(set).stderr).unwrap();
    assert_eq!(
        error("network.nodes=2"),
        "",
        "two of three nodes are a network too"
    );
    assert_eq!(
        error("network.nodes=0"),
        "error: mine/net.toml: the command line: network.nodes: 0 is out of range: from 1 to 1000000\n"
    );
    std::fs::write(directory.path().join("links.csv"), "0,1\n1,9\n").unwrap();
    assert_eq!(
        error(topology),
        "error: mine/net.toml: links.csv: line 2: network.topology.file: there is no node 9: the network has 3, numbered from 0\n"
    );
    std::fs::write(sub.join("table.toml"), table.replace("7", "-7")).unwrap();
    assert_eq!(
        error("network.nodes=3"),
        "error: mine/net.toml: ./table.toml: line 3, column 16: latency_ms[0][0]: -7 is out of range: from 0 to 86400000\n"
    );
}

#[test]
fn a_scenario_too_large_is_not_read() {
    let directory = directory_with(&format!("{TINY}#{}", "x".repeat(1 << 20)));
    let output = forkful(directory.path(), &["run", "tiny.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: tiny.toml: the file is larger than a scenario may be, which is 1048576 bytes\n"
    );
}
