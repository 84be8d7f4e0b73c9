//! Whole simulated networks.

use forkful_scenario::{Outcome, Overrides, PRESETS, Scenario};
use forkful_sim::{Options, play};

fn run(scenario: &Scenario) -> Outcome {
    play(scenario, Options::default()).unwrap()
}

/// The presets are made for real time; virtual time has to tell the same stories.
#[test]
fn every_preset_ends_as_expected_in_virtual_time() {
    for preset in PRESETS {
        let mut scenario = Scenario::from_toml(preset.toml).unwrap();
        if scenario.network.nodes > 50 {
            // Those of the size of real networks, cut short.
            let short = Overrides {
                nodes: Some(100),
                blocks: Some(12),
                ..Overrides::default()
            };
            scenario = scenario.with(&short).unwrap();
        }
        let report = run(&scenario).report;
        let unmet: Vec<_> = report.unmet().collect();
        assert!(
            report.converged && unmet.is_empty(),
            "{}: {unmet:?} {report:#?}",
            preset.name
        );
    }
}

#[test]
fn equal_seeds_give_equal_runs_and_others_give_others() {
    let scenario = Scenario::from_toml(PRESETS[0].toml).unwrap();
    let (one, two) = (run(&scenario), run(&scenario));
    assert_eq!(one.report, two.report);
    let other = Overrides {
        seed: Some(2),
        ..Default::default()
    };
    let other = run(&scenario.with(&other).unwrap());
    assert_ne!(one.report.trace, other.report.trace);
}

/// A crash can leave a node alone just as a cut can: the others still agree.
#[test]
fn who_is_alone_after_a_crash_does_not_keep_the_others_from_agreeing() {
    let scenario = Scenario::from_toml(
        "network = { nodes = 5, topology = 'line' }
         events = [{ at_height = 2, do = 'crash', node = 1 }]
         stop = { height = 10, time_limit = '1h' }",
    );
    let report = run(&scenario.unwrap()).report;
    assert!(report.converged, "{report:#?}");
}

#[test]
fn what_is_unlimited_is_refused_wherever_it_stands() {
    for toml in [
        "mining = { hash_rate = 'unlimited' }",
        "events = [{ at = '1s', do = 'hash-rate', node = 0, hash_rate = 'unlimited' }]",
    ] {
        let scenario = Scenario::from_toml(toml).unwrap();
        assert!(play(&scenario, Options::default()).is_err(), "{toml}");
    }
}

#[test]
fn a_network_with_churn_ends_with_everybody_back_and_agreed() {
    let scenario = Scenario::from_toml(
        "network = { nodes = 40, topology = 'random' }
         relay = { tip_interval = '10s' }
         mining.interval = '20s'
         churn = { share = '50%', up = '5min', down = '2min' }
         stop = { height = 100, time_limit = '1d' }",
    )
    .unwrap();
    let (one, two) = (run(&scenario), run(&scenario));
    assert_eq!(one.report, two.report);
    let report = one.report;
    assert!(report.converged && !report.timed_out, "{report:#?}");
    let down = report
        .messages
        .values()
        .map(|kind| kind.dropped)
        .sum::<u64>();
    assert!(down > 0, "somebody was away when a message came");
    assert!(report.nodes.iter().all(|node| node.height >= 100));
}
