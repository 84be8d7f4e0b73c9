//! The files of results: what is in them is what the run was, and what they may overwrite.

use std::path::Path;

use forkful_lab::results::{
    Reorg, ReorgLog, Results, RunTables, blocks, nodes, propagation, reorgs, runs, schemas,
};
use forkful_lab::table::{ReadError, Schema, Table, read};
use forkful_lab::{LabError, Trace, trace_schema};
use forkful_scenario::{Outcome, Overrides, Scenario};
use forkful_sim::{Options, play};

const TOML: &str = "
    network = { nodes = 5, link = { latency = '90ms', loss = 0.05 } }
    stop = { height = 60 }
    workload = { every = '1s', count = 9 }
    [[events]]
    do = 'split'
    at = '3s'
    groups = ['0..2']
    [[events]]
    do = 'heal'
    at = '4s'
";

fn scenario() -> Scenario {
    Scenario::from_toml(TOML).unwrap()
}

fn written(directory: &Path) -> (Outcome, Vec<Reorg>) {
    let log = ReorgLog::default();
    let options = Options {
        watchers: vec![log.sink()],
        ..Options::default()
    };
    let outcome = play(&scenario(), options).unwrap();
    let reorgs = log.take();
    let mut results = Results::create(directory, &scenario(), false).unwrap();
    let tables = RunTables::new(&scenario(), &outcome, &reorgs);
    results.append(&tables).unwrap();
    results.finish(&outcome.report).unwrap();
    (outcome, reorgs)
}

/// All columns of a table.
fn whole(directory: &Path, schema: &Schema) -> Table {
    let names: Vec<&str> = schema.columns.iter().map(|c| c.name.as_ref()).collect();
    read(directory, schema, &names).unwrap()
}

#[test]
fn the_tables_hold_what_the_run_was() {
    let directory = tempfile::tempdir().unwrap();
    let (outcome, log) = written(directory.path());
    let report = &outcome.report;

    let table = whole(directory.path(), &blocks());
    assert_eq!(table.rows() as u64, report.blocks.mined);
    let on_chain = table.bools("on_chain").iter().filter(|on| **on).count();
    assert_eq!(on_chain as u64, report.blocks.on_chain);
    for (row, block) in outcome.tree.blocks()[1..].iter().enumerate() {
        assert_eq!(table.texts("hash")[row], block.hash.to_string());
        assert_eq!(table.texts("parent")[row], block.parent.to_string());
        assert_eq!(table.unsigned("time_ns")[row], block.time.0);
        assert_eq!(
            table.floats("exposure_ms")[row],
            Some(outcome.reach[row + 1].exposure * 1e3)
        );
    }

    let table = whole(directory.path(), &propagation());
    assert_eq!(table.rows() as u64, 6 * report.blocks.mined);
    let first = outcome.reach[1]
        .by_nodes
        .map(|after| Some(after?.as_secs_f64() * 1e3));
    assert_eq!(table.floats("nodes_ms")[..6], first);
    assert_eq!(table.unsigned("percent")[..6], [10, 25, 50, 75, 90, 99]);

    let table = whole(directory.path(), &reorgs());
    assert!(report.reorgs.count > 0, "the network forks");
    assert_eq!(table.rows() as u64, report.reorgs.count);
    assert_eq!(table.rows(), log.len());
    let deepest = table.unsigned("disconnected").into_iter().max();
    assert_eq!(deepest, Some(report.reorgs.max_depth.into()));

    let table = whole(directory.path(), &nodes());
    assert_eq!(table.rows(), 5);
    let shares: f64 = table.floats("revenue_share").into_iter().flatten().sum();
    assert!((shares - 1.0).abs() < 1e-12);
    assert_eq!(table.texts("strategy"), ["honest"; 5]);

    let table = whole(directory.path(), &runs());
    assert_eq!(table.floats("stale_rate"), [Some(report.stale_rate)]);
    assert_eq!(table.texts("trace"), [report.trace.clone().unwrap()]);
}

#[test]
fn the_csv_is_the_same_table() {
    let directory = tempfile::tempdir().unwrap();
    written(directory.path());
    for schema in schemas() {
        let path = directory.path().join(format!("{}.csv", schema.name));
        let text = std::fs::read_to_string(path).unwrap();
        let mut lines = text.lines();
        let names: Vec<&str> = schema.columns.iter().map(|c| c.name.as_ref()).collect();
        assert_eq!(lines.next().unwrap(), names.join(","));
        let table = whole(directory.path(), &schema);
        assert_eq!(lines.clone().count(), table.rows(), "{}", schema.name);
        let seed = schema.place("seed").unwrap();
        for line in lines {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), names.len(), "{line}");
            assert_eq!(cells[seed], "1");
        }
    }
}

#[test]
fn the_scenario_beside_the_results_gives_the_run_again() {
    let changes = Overrides {
        seed: Some(9),
        set: vec!["network.link.latency=120ms".to_owned()],
        ..Overrides::default()
    };
    let scenario = scenario().with(&changes).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let results = Results::create(directory.path(), &scenario, false).unwrap();
    drop(results);
    let text = std::fs::read_to_string(directory.path().join("scenario.toml")).unwrap();
    let trace = |scenario: &Scenario| play(scenario, Options::default()).unwrap().report.trace;
    let again = Scenario::from_toml(&text).unwrap();
    assert_eq!(trace(&again), trace(&scenario));
}

#[test]
fn what_is_there_is_not_overwritten_unless_somebody_says_so() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("nodes.csv"), "mine").unwrap();
    let error = Results::create(directory.path(), &scenario(), false)
        .err()
        .unwrap();
    assert!(matches!(&error, LabError::Exists(path) if path.ends_with("nodes.csv")));
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    assert!(Results::create(directory.path(), &scenario(), true).is_ok());
}

#[test]
fn a_directory_that_cannot_be_written_is_known_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Results::create(&file.join("below"), &scenario(), false)
        .err()
        .unwrap();
    assert!(error.to_string().starts_with("cannot write "), "{error}");
}

#[test]
fn a_damaged_file_is_an_error_that_names_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("blocks.parquet");
    let missing = read(directory.path(), &blocks(), &["hash"]).unwrap_err();
    assert!(matches!(missing, ReadError::File { .. }));

    written(directory.path());
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let error = read(directory.path(), &blocks(), &["hash"]).unwrap_err();
    assert!(error.to_string().contains("blocks.parquet"), "{error}");

    std::fs::copy(directory.path().join("nodes.parquet"), &path).unwrap();
    let error = read(directory.path(), &blocks(), &["hash"]).unwrap_err();
    let text = error.to_string();
    assert!(
        text.ends_with("there is no column hash of type STRING"),
        "{text}"
    );
}

#[test]
fn a_trace_has_every_message_and_everything_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("trace.parquet");
    let trace = Trace::create(&path, false).unwrap();
    let options = Options {
        watchers: vec![trace.watcher()],
        messages: vec![trace.messages()],
        ..Options::default()
    };
    let report = play(&scenario(), options).unwrap().report;
    trace.finish().unwrap();

    let table = whole(directory.path(), &trace_schema());
    let events = table.texts("event");
    let count = |name: &str| events.iter().filter(|event| *event == name).count() as u64;
    let total = report.messages_total();
    assert_eq!(count("message"), total.sent);
    assert_eq!(count("mined"), report.blocks.mined);
    assert_eq!(count("submitted"), report.data.submitted);
    assert_eq!((count("split"), count("healed")), (1, 1));
    let times = table.unsigned("time_ns");
    assert!(times.is_sorted(), "in the order in which it happened");
    assert!(Trace::create(&path, false).is_err(), "it is there already");
}
