//! Whole simulated networks.

use forkful_scenario::{Outcome, PRESETS, Scenario};
use forkful_sim::{Options, play};

fn run(scenario: &Scenario) -> Outcome {
    play(scenario, Options::default()).unwrap()
}

/// The presets are made for real time; virtual time has to tell the same stories.
#[test]
fn every_preset_ends_as_expected_in_virtual_time() {
    for preset in PRESETS {
        let scenario = Scenario::from_toml(preset.toml).unwrap();
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
    let other = forkful_scenario::Overrides {
        seed: Some(2),
        ..Default::default()
    };
    let other = run(&scenario.with(&other).unwrap());
    assert_ne!(one.report.trace, other.report.trace);
}
