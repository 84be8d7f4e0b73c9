//! Many runs of small networks: what comes of them does not depend on who played them.

use std::cell::Cell;
use std::num::NonZero;
use std::path::Path;

use forkful_lab::results::{Results, schemas};
use forkful_lab::{Control, EnsembleReport, LabError, Plan, Until, Width, replicate};
use forkful_scenario::Scenario;

/// Four miners far apart: a fork every few blocks.
const FORKING: &str = "
    name = 'forking'
    seed = 11
    network = { nodes = 4, link = { latency = '90ms' } }
    stop = { height = 30 }
";

fn scenario() -> Scenario {
    Scenario::from_toml(FORKING).unwrap()
}

fn plan(runs_max: u64, threads: usize) -> Plan {
    Plan {
        runs_max,
        threads: NonZero::new(threads),
        until: None,
    }
}

fn until(metric: &str, width: Width) -> Option<Until> {
    Some(Until {
        metric: metric.to_owned(),
        width,
    })
}

fn played(plan: &Plan, results: Option<&mut Results>) -> Result<EnsembleReport, LabError> {
    let mut control = Control {
        interrupted: &|| false,
        progress: &mut |_| {},
    };
    replicate(&scenario(), plan, results, &mut control)
}

/// Every file of the directory, by name.
fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let mut names = vec!["report.json".to_owned()];
    for schema in schemas() {
        names.extend(["parquet", "csv"].map(|end| format!("{}.{end}", schema.name)));
    }
    names
        .into_iter()
        .map(|name| {
            let bytes = std::fs::read(directory.join(&name)).unwrap();
            (name, bytes)
        })
        .collect()
}

#[test]
fn the_same_bytes_come_of_one_thread_and_of_three() {
    let of = |threads| {
        let directory = tempfile::tempdir().unwrap();
        let mut results = Results::create(directory.path(), &scenario(), false).unwrap();
        let report = played(&plan(25, threads), Some(&mut results)).unwrap();
        results.finish(&report).unwrap();
        assert_eq!(report.runs, 25);
        assert!(report.quantities["stale_rate"].estimate.mean.unwrap() > 0.0);
        files(directory.path())
    };
    let (one, three) = (of(1), of(3));
    for ((name, one), (_, three)) in one.iter().zip(&three) {
        assert!(one == three, "{name} differs");
    }
}

#[test]
fn the_runs_are_those_of_the_seeds_in_a_row() {
    let report = played(&plan(3, 2), None).unwrap();
    let height = |seed| {
        let overrides = forkful_scenario::Overrides {
            seed: Some(seed),
            ..Default::default()
        };
        let scenario = scenario().with(&overrides).unwrap();
        let played = forkful_sim::play(&scenario, forkful_sim::Options::default());
        played.unwrap().report.duration
    };
    let mean = (height(11) + height(12) + height(13)) / 3.0;
    let duration = report.quantities["duration"].estimate;
    assert!((duration.mean.unwrap() - mean).abs() < 1e-9);
    assert_eq!(report.first_seed, 11);
}

#[test]
fn the_runs_go_on_until_the_interval_is_narrow() {
    let wanted = Plan {
        until: until("stale_rate", Width::Relative(0.1)),
        ..plan(1_000, 2)
    };
    let report = played(&wanted, None).unwrap();
    let stale = report.quantities["stale_rate"].estimate;
    let half = stale.high.unwrap() - stale.mean.unwrap();
    assert!(half <= 0.1 * stale.mean.unwrap());
    assert!(report.until.as_ref().unwrap().reached);
    assert!((20..1_000).contains(&report.runs), "{}", report.runs);
    assert_eq!(report.runs % 10, 0);

    // Ten fewer were not enough; and it is the same with one thread.
    let before = played(&plan(report.runs - 10, 2), None).unwrap();
    let stale = before.quantities["stale_rate"].estimate;
    assert!(stale.high.unwrap() > 1.1 * stale.mean.unwrap());
    let alone = Plan {
        threads: NonZero::new(1),
        ..wanted
    };
    assert_eq!(played(&alone, None).unwrap(), report);
}

#[test]
fn an_interval_that_stays_wide_is_said_to() {
    let wanted = Plan {
        until: until("stale_rate", Width::Absolute(1e-9)),
        ..plan(12, 2)
    };
    let report = played(&wanted, None).unwrap();
    assert_eq!(report.runs, 12);
    assert!(!report.until.unwrap().reached);
    assert!(!report.interrupted);
}

#[test]
fn a_quantity_that_there_is_not_is_refused_before_anything_is_played() {
    for (name, hint) in [
        ("stale_rat", " (did you mean \"stale_rate\"?)"),
        (
            "nodes.2.revenue",
            " (did you mean \"nodes.2.revenue_share\"?)",
        ),
        (
            "groups.honst.stale_rate",
            " (did you mean \"groups.honest.stale_rate\"?)",
        ),
        (
            "depth",
            " (did you mean \"reorgs.max_depth\" or \"reorgs.mean_depth\"?)",
        ),
        ("xyzzy", ""),
    ] {
        let wanted = Plan {
            until: until(name, Width::Relative(0.1)),
            ..plan(1_000_000_000, 1)
        };
        let error = played(&wanted, None).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("there is no quantity {name:?}{hint}")
        );
    }
}

#[test]
fn seeds_that_run_out_are_refused() {
    let error = played(&plan(u64::MAX, 1), None).unwrap_err();
    assert!(error.to_string().starts_with("seed: 11 and "), "{error}");
}

#[test]
fn an_interrupt_leaves_whole_runs_and_whole_files() {
    let directory = tempfile::tempdir().unwrap();
    let mut results = Results::create(directory.path(), &scenario(), false).unwrap();
    let runs = Cell::new(0);
    let mut control = Control {
        interrupted: &|| runs.get() >= 7,
        progress: &mut |ensemble| runs.set(ensemble.runs()),
    };
    let endless = plan(1_000_000, 2);
    let report = replicate(&scenario(), &endless, Some(&mut results), &mut control).unwrap();
    results.finish(&report).unwrap();
    assert!(report.interrupted);
    assert!(report.runs >= 7 && report.runs < 100, "{}", report.runs);
    assert_eq!(report.runs_max, 1_000_000);

    // Those that were done are as if no more had been wanted.
    let same = played(&plan(report.runs, 1), None).unwrap();
    assert_eq!(same.trace, report.trace);
    assert_eq!(same.quantities, report.quantities);
    let runs = std::fs::read_to_string(directory.path().join("runs.csv")).unwrap();
    assert_eq!(runs.lines().count() as u64, report.runs + 1);
}

#[test]
fn nobody_plays_more_than_what_is_wanted_when_nothing_was_done() {
    let mut control = Control {
        interrupted: &|| true,
        progress: &mut |_| panic!("nothing is done"),
    };
    let report = replicate(&scenario(), &plan(5, 1), None, &mut control).unwrap();
    assert!(report.interrupted);
    assert_eq!(report.runs, 0);
    assert_eq!(report.quantities["stale_rate"].estimate.mean, None);
}
