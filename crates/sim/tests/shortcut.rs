//! Messages that are no news are not queued one by one (`crates/sim/src/news.rs`), and
//! nothing can tell. With a sink that wants every event in order, each goes through the
//! queue: these tests play runs both ways.

use forkful_scenario::{Outcome, Overrides, PRESETS, Scenario};
use forkful_sim::{Options, play};

fn both_ways(scenario: &Scenario) -> (Outcome, Outcome) {
    let short = play(scenario, Options::default()).unwrap();
    let every_message = Options {
        sinks: vec![Box::new(|_| {})],
        ..Options::default()
    };
    (short, play(scenario, every_message).unwrap())
}

fn assert_same(scenario: &Scenario) {
    let (short, long) = both_ways(scenario);
    assert_eq!(short.report, long.report, "{}", scenario.name);
    assert_eq!(short.reach, long.reach, "{}", scenario.name);
}

#[test]
fn every_preset_is_the_same_run_both_ways() {
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
        assert_same(&scenario);
    }
}

/// Blocks come faster than they spread, so that nodes are told of a block while they
/// have a better one, fetch several, and change their minds.
#[test]
fn a_network_of_many_forks_is_the_same_run_both_ways() {
    for (policy, seed) in [
        ("announce", 1),
        ("flood", 2),
        ("compact", 3),
        ("unsolicited", 4),
    ] {
        let toml = format!(
            "seed = {seed}
             network = {{ nodes = 60, topology = {{ kind = 'random', degree = 4 }},
                 link = {{ latency = '100ms', jitter = '90ms', bandwidth = '1Mbit/s' }} }}
             mining = {{ hash_rate = '400k' }}
             relay = {{ policy = '{policy}', tip_interval = 'off', request_timeout = '700ms' }}
             nodes = [
                 {{ nodes = '0..10', relay = 'flood' }},
                 {{ nodes = '10..20', relay = 'compact', compact_failure = 0.5 }},
                 {{ nodes = 20, hash_share = 20, strategy = 'selfish' }},
             ]
             stop = {{ height = 150, time_limit = '1h' }}"
        );
        let scenario = Scenario::from_toml(&toml).unwrap();
        let (short, long) = both_ways(&scenario);
        assert!(short.report.forks > 20, "{}", short.report.forks);
        assert_eq!(short.report, long.report, "{policy} {seed}");
    }
}

/// The workload that this is made for, and that no message of which may be lost.
#[test]
fn a_network_of_regions_is_the_same_run_both_ways() {
    for relay in ["announce", "compact", "unsolicited"] {
        let settings = [
            format!("relay.policy = '{relay}'"),
            "network.nodes = 300".to_owned(),
            "mining.interval = '20s'".to_owned(),
            "stop.height = 30".to_owned(),
        ];
        let set = Overrides {
            set: settings.to_vec(),
            ..Default::default()
        };
        let preset = forkful_scenario::preset("simblock-2019").unwrap();
        let scenario = Scenario::from_toml(preset.toml).unwrap();
        assert_same(&scenario.with(&set).unwrap());
    }
}

#[test]
fn a_storm_is_the_same_run_both_ways() {
    for storm in [
        include_str!("golden/storm.toml"),
        include_str!("golden/rules.toml"),
    ] {
        assert_same(&Scenario::from_toml(storm).unwrap());
    }
}

/// Crashes, cuts, splits and losses take messages that were put aside, too.
#[test]
fn a_network_in_trouble_is_the_same_run_both_ways() {
    for seed in 1..=10 {
        let toml = format!(
            "seed = {seed}
             network = {{ nodes = 30, topology = {{ kind = 'random', degree = 5 }},
                 link = {{ latency = '80ms', jitter = '60ms', loss = 0.05 }} }}
             mining = {{ hash_rate = '200k' }}
             relay = {{ policy = 'announce', tip_interval = '2s', request_timeout = '400ms' }}
             stop = {{ height = 120, time_limit = '1h' }}
             [[events]]
             at = '3s'
             do = 'crash'
             node = 3
             [[events]]
             at = '5s'
             do = 'split'
             groups = ['0..10']
             [[events]]
             at = '9s'
             do = 'restart'
             node = 3
             [[events]]
             at_height = 30
             do = 'heal'
             [[events]]
             at_height = 40
             do = 'crash'
             node = 7
             [[events]]
             at_height = 44
             do = 'restart'
             node = 7
             [[events]]
             at_height = 50
             do = 'submit'
             count = 40"
        );
        assert_same(&Scenario::from_toml(&toml).unwrap());
    }
}
