//! Reports of runs, folded: means, intervals, groups, fingerprints.

use forkful_lab::Ensemble;
use forkful_scenario::{Overrides, Report, Scenario};

const TOML: &str = "
    network = { nodes = 4, link = { latency = '90ms' } }
    stop = { height = 60 }
    expect = { forks = { min = 4 } }
    [[nodes]]
    nodes = 0
    hash_share = 3
";

fn reports(seeds: std::ops::Range<u64>) -> (Scenario, Vec<Report>) {
    let scenario = Scenario::from_toml(TOML).unwrap();
    let of = |seed| {
        let seed = Some(seed);
        let changed = scenario.with(&Overrides {
            seed,
            ..Overrides::default()
        });
        let played = forkful_sim::play(&changed.unwrap(), forkful_sim::Options::default());
        played.unwrap().report
    };
    let reports = seeds.map(of).collect();
    (scenario, reports)
}

fn folded(scenario: &Scenario, reports: &[Report]) -> Ensemble {
    let mut ensemble = Ensemble::new(scenario);
    reports.iter().for_each(|report| ensemble.add(report));
    ensemble
}

#[test]
fn the_means_are_those_of_the_reports() {
    let (scenario, reports) = reports(1..7);
    let report = folded(&scenario, &reports).report(6, None, false);
    let mean = |of: &dyn Fn(&Report) -> f64| reports.iter().map(of).sum::<f64>() / 6.0;
    let stale = report.quantities["stale_rate"].estimate;
    assert_eq!(stale.runs, 6);
    assert!((stale.mean.unwrap() - mean(&|r| r.stale_rate)).abs() < 1e-12);
    assert!(stale.low.unwrap() < stale.mean.unwrap());
    let strong = &report.nodes[0];
    assert_eq!(strong.hash_share, 0.5);
    let on_chain = mean(&|r| r.nodes[0].blocks_on_chain as f64);
    assert!((strong.blocks_on_chain.mean.unwrap() - on_chain).abs() < 1e-9);
    let depth_one = report.reorgs_by_depth[&1];
    assert_eq!(depth_one.runs, 6, "runs without such a reorg count as zero");
}

#[test]
fn the_groups_share_out_the_chain() {
    let (scenario, reports) = reports(1..4);
    let report = folded(&scenario, &reports).report(3, None, false);
    let [honest] = report.groups.as_slice() else {
        panic!("all are honest");
    };
    assert_eq!((honest.strategy.as_str(), honest.nodes), ("honest", 4));
    assert!((honest.revenue_share.mean.unwrap() - 1.0).abs() < 1e-12);
    let stale = report.quantities["stale_rate"].estimate.mean.unwrap();
    assert!((honest.stale_rate.mean.unwrap() - stale).abs() < 1e-12);
}

#[test]
fn another_order_has_another_fingerprint() {
    let (scenario, mut reports) = reports(1..3);
    let before = folded(&scenario, &reports).report(2, None, false).trace;
    assert_eq!(
        before,
        folded(&scenario, &reports).report(2, None, false).trace
    );
    reports.swap(0, 1);
    assert_ne!(
        before,
        folded(&scenario, &reports).report(2, None, false).trace
    );
}

#[test]
fn every_quantity_is_found_by_its_name_and_no_other() {
    let (scenario, reports) = reports(1..3);
    let ensemble = folded(&scenario, &reports);
    for name in ensemble.metric_names().collect::<Vec<_>>() {
        assert!(ensemble.sample(name).is_some(), "{name}");
    }
    for name in ["nodes.3.revenue_share", "groups.honest.stale_rate"] {
        assert_eq!(ensemble.sample(name).unwrap().count(), 2, "{name}");
    }
    for name in [
        "",
        "stale",
        "nodes.4.reorgs",
        "nodes.0.tip",
        "groups.x.stale_rate",
    ] {
        assert!(ensemble.sample(name).is_none(), "{name}");
    }
}

#[test]
fn a_run_that_is_not_as_expected_is_counted_and_named() {
    let (scenario, mut reports) = reports(5..8);
    for report in &mut reports {
        let forks = report.expectations.iter_mut();
        for clause in forks.filter(|clause| clause.clause.contains("forks")) {
            clause.met = report.seed == 5;
        }
    }
    let report = folded(&scenario, &reports).report(3, None, false);
    let clauses = report.expectations.iter();
    let clause = clauses
        .clone()
        .find(|clause| clause.clause.contains("forks"));
    let clause = clause.unwrap();
    assert_eq!((clause.met, clause.unmet), (1, 2));
    assert_eq!(clause.first_unmet_seed, Some(6));
    assert!(!report.as_expected());
}
