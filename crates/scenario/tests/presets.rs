//! The presets are what they say they are.

use forkful_core::{ForkChoice, NodeId};
use forkful_scenario::{HashRate, PRESETS, Scenario, World, preset};

fn load(name: &str) -> Scenario {
    Scenario::from_toml(preset(name).unwrap().toml).unwrap()
}

#[test]
fn every_preset_plays_in_every_world_under_its_own_name() {
    for preset in PRESETS {
        let scenario = Scenario::from_toml(preset.toml).unwrap_or_else(|error| {
            panic!("{}: {error}", preset.name);
        });
        assert_eq!(scenario.name, preset.name);
        assert_eq!(scenario.about.as_deref(), Some(preset.about));
        for world in World::ALL {
            scenario.check_world(world).unwrap();
        }
    }
}

#[test]
fn every_preset_leaves_a_laptop_idle() {
    for preset in PRESETS {
        match load(preset.name).mining.hash_rate {
            HashRate::PerSecond(rate) => assert!(rate <= 400_000.0, "{}", preset.name),
            HashRate::Unlimited => panic!("{} would use the whole machine", preset.name),
        }
    }
}

#[test]
fn longest_differs_from_most_work_in_the_fork_choice_and_what_is_expected() {
    let lesson = |name: &str| {
        let toml = preset(name).unwrap().toml;
        let from = toml.find("[network]").unwrap();
        let to = toml.find("[expect]").unwrap();
        toml[from..to].to_owned()
    };
    let longest = lesson("longest");
    assert_eq!(
        lesson("most-work").replace("\"most-work\"", "\"longest\""),
        longest
    );
    assert_eq!(load("longest").rules.fork_choice, ForkChoice::Longest);
}

#[test]
fn in_hashpower_half_of_the_tries_are_the_first_miners() {
    let nodes = load("hashpower").nodes();
    let rates: Vec<HashRate> = nodes.iter().map(|node| node.hash_rate).collect();
    let expected = [32_000.0, 16_000.0, 8_000.0, 8_000.0, 0.0].map(HashRate::PerSecond);
    assert_eq!(rates, expected);
}

#[test]
fn in_lossy_the_link_that_differs_is_there() {
    let lossy = load("lossy");
    let ends = (NodeId(0), NodeId(1));
    for seed in 0..20 {
        assert!(lossy.network.topology.links(8, seed).contains(&ends));
    }
    assert_eq!(lossy.link(NodeId(1), NodeId(0)).loss, 0.9);
    assert_eq!(lossy.link(NodeId(1), NodeId(2)).loss, 0.2);
}
