//! `forkful validate`, as a user asks for it: exit codes, tables, files. What is made of the rows is
//! tested in `forkful-lab`.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// Two miners alike, who find half of the chain each.
const COIN: &str = r#"
[[studies]]
name = "coin"
about = "Two miners alike find half of the chain each."
source = "a coin"
scenario_file = "coin.toml"
runs = 20
quick_runs = 4

[[studies.cases]]
what = "node 0"
checks = [{ what = "its part", quantity = "nodes.0.revenue_share", expected = 0.5, tolerance = 0.02, why = "chance" }]
"#;

const SCENARIO: &str = r#"
network = { nodes = 2, link = { latency = "1ms" } }
mining.interval = "10min"
stop = { height = 100, time_limit = "100d" }
"#;

fn directory_with(studies: &str) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("own")).unwrap();
    std::fs::write(directory.path().join("own/rows.toml"), studies).unwrap();
    std::fs::write(directory.path().join("own/coin.toml"), SCENARIO).unwrap();
    directory
}

fn validate(directory: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(["validate", "--data", "own/rows.toml"])
        .args(more)
        .current_dir(directory)
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn ones_own_rows_pass_and_files_are_found_beside_them() {
    let directory = directory_with(COIN);
    let output = validate(directory.path(), &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for part in [
        "coin",
        "a coin",
        "its part",
        "0.5",
        "pass",
        "1 of 1 check passed",
    ] {
        assert!(table.contains(part), "{part} is not in\n{table}");
    }
}

#[test]
fn one_row_that_fails_fails_the_command() {
    let directory = directory_with(&COIN.replace("expected = 0.5", "expected = 0.6"));
    let output = validate(directory.path(), &[]);
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    assert!(
        table.contains("FAIL") && table.contains("0 of 1 check passed"),
        "{table}"
    );
    assert!(
        table.contains("chance"),
        "the reason of the tolerance is told"
    );
}

#[test]
fn programs_get_it_as_json() {
    let directory = directory_with(COIN);
    let output = validate(directory.path(), &["--json", "--quick", "--threads", "2"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&report["passed"], &report["quick"]),
        (&true.into(), &true.into())
    );
    assert_eq!(report["checks"][0]["runs"], 4);
}

#[test]
fn a_wrong_file_is_named_with_line_and_key() {
    let wrong = COIN.replace("tolerance = 0.02", "tolerance = '2'");
    let output = validate(directory_with(&wrong).path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    let error = text(&output.stderr);
    for part in ["own/rows.toml", "line 12", "tolerance"] {
        assert!(error.contains(part), "{part} is not in {error}");
    }
}

#[test]
fn who_asks_for_a_study_that_is_not_there_hears_which_are() {
    let directory = directory_with(COIN);
    let output = validate(directory.path(), &["con"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the studies are coin"));
    let list = validate(directory.path(), &["--list"]);
    assert_eq!(list.status.code(), Some(0));
    assert!(text(&list.stdout).contains("Two miners alike"));
}
