//! What a command line changes is checked like what a file says.

use std::sync::Arc;
use std::time::Duration;

use forkful_core::{ForkChoice, Relay, Timestamp};
use forkful_scenario::{HashRate, Overrides, Scenario, Topology, World, preset};

fn partition() -> Scenario {
    Scenario::from_toml(preset("partition").unwrap().toml).unwrap()
}

#[test]
fn a_race_of_two_hundred_is_still_a_race() {
    let race = Scenario::from_toml(preset("race").unwrap().toml).unwrap();
    let overrides = Overrides {
        nodes: Some(200),
        blocks: Some(50),
        seed: Some(u64::MAX),
        relay: Some(Relay::Announce),
        fork_choice: Some(ForkChoice::Longest),
        ..Overrides::default()
    };
    let big = race.with(&overrides).unwrap();
    assert_eq!(big.nodes().len(), 200);
    assert_eq!(big.links().len(), 19_900);
    assert_eq!(big.stop.height, Some(50));
    assert_eq!(big.stop.time_limit, Duration::from_secs(240));
    assert_eq!(big.seed, u64::MAX);
    assert!(
        big.nodes()
            .iter()
            .all(|node| node.config.relay == Relay::Announce)
    );
    assert_eq!(
        big.nodes()[7].hash_rate,
        HashRate::PerSecond(240_000.0 / 200.0)
    );
    assert_eq!(big.consensus(Timestamp(5)).fork_choice, ForkChoice::Longest);
    big.check_world(World::Mesh).unwrap();
}

#[test]
fn an_event_that_names_a_missing_node_says_so() {
    let overrides = Overrides {
        nodes: Some(4),
        ..Overrides::default()
    };
    let error = partition().with(&overrides).unwrap_err();
    assert_eq!(error.path, "nodes[1].nodes");
    let toml = preset("partition").unwrap().toml;
    let line = toml.lines().position(|line| line == "nodes = \"4..8\"");
    assert_eq!(
        error.line.map(|line| line as usize),
        line.map(|line| line + 1)
    );
    assert!(
        error
            .to_string()
            .ends_with("there is no node 7: the network has 4, numbered from 0")
    );
}

#[test]
fn what_the_command_line_got_wrong_has_no_line_in_the_file() {
    let wrong = |overrides: Overrides| partition().with(&overrides).unwrap_err().to_string();
    let nodes = |nodes| Overrides {
        nodes: Some(nodes),
        ..Overrides::default()
    };
    assert_eq!(
        wrong(nodes(0)),
        "network.nodes: 0 is out of range: from 1 to 1000000"
    );
    let blocks = Overrides {
        blocks: Some(u64::MAX),
        ..Overrides::default()
    };
    assert_eq!(
        wrong(blocks),
        "stop.height: 9223372036854775807 is out of range: from 1 to 1000000000"
    );
}

#[test]
fn each_world_has_its_bounds() {
    let nodes = |nodes| Overrides {
        nodes: Some(nodes),
        ..Overrides::default()
    };
    let plain = Scenario::from_toml("").unwrap();
    let million = plain.with(&nodes(1_000_000)).unwrap();
    let error = million.check_world(World::Mesh).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network.nodes: 1000000 nodes, but 500 is the most that the world mesh plays"
    );
    let error = million.check_world(World::Sim).unwrap_err();
    assert_eq!(
        error.to_string(),
        "network.topology: 499999500000 links, but 20000000 is the most in the world sim"
    );
    plain
        .with(&nodes(500))
        .unwrap()
        .check_world(World::Mesh)
        .unwrap();
}

#[test]
fn genesis_is_dated_where_time_does_not_matter_and_starts_with_the_run_where_it_does() {
    let start = Timestamp(1_800_000_000_000);
    let genesis = |toml: &str| {
        Scenario::from_toml(toml)
            .unwrap()
            .consensus(start)
            .genesis_time
    };
    assert_eq!(genesis(""), Timestamp(1_767_225_600_000));
    assert_eq!(genesis("consensus.difficulty.rule = 'lwma'"), start);
    assert_eq!(genesis("consensus.genesis_time = 'start'"), start);
    assert_eq!(genesis("consensus.genesis_time = 5"), Timestamp(5));
}

#[test]
fn made_up_data_is_never_twice_the_same() {
    let scenario = Scenario::from_toml(
        "events = [{ at = '1s', do = 'submit', count = 50 }, { at = '1s', do = 'submit', count = 50, bytes = 40 }]
         workload = { every = '1s', count = 50 }",
    )
    .unwrap();
    let workload = scenario.workload.unwrap();
    let mut all: Vec<Vec<u8>> = (0..50).map(|number| workload.entry(number)).collect();
    for event in &scenario.events {
        let forkful_scenario::Action::Submit { node: None, data } = &event.action else {
            panic!("{event:?}");
        };
        all.extend(data.entries());
    }
    assert!(all.iter().all(|entry| entry.len() >= 32));
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 150);
    assert_eq!(workload.due(49), Some(Duration::from_secs(50)));
    assert_eq!(workload.due(50), None);
}

/// A setting, as the command line has it.
fn set(settings: &[&str]) -> Overrides {
    Overrides {
        set: settings.iter().map(|text| (*text).to_owned()).collect(),
        ..Overrides::default()
    }
}

#[test]
fn what_was_changed_before_stays_changed() {
    let first = Overrides {
        nodes: Some(12),
        blocks: Some(500),
        relay: Some(Relay::Compact),
        fork_choice: Some(ForkChoice::Longest),
        seed: Some(u64::MAX),
        ..set(&["network.link.latency=977ms"])
    };
    let race = Scenario::from_toml(preset("race").unwrap().toml).unwrap();
    let once = race.with(&first).unwrap();
    let twice = once.with(&set(&["mining.hash_rate=90k"])).unwrap();
    let limit = once.stop.time_limit;
    assert_ne!(limit, race.stop.time_limit);
    let link = |scenario: &Scenario| scenario.network.link.latency;
    assert_eq!(
        (twice.network.nodes, twice.seed, link(&twice)),
        (12, u64::MAX, Duration::from_millis(977))
    );
    assert_eq!(
        (twice.stop.height, twice.stop.time_limit),
        (Some(500), limit)
    );
    assert_eq!(twice.relay.relay, Relay::Compact);
    assert_eq!(twice.rules.fork_choice, ForkChoice::Longest);
    assert_ne!(twice.mining.hash_rate, once.mining.hash_rate);
    // What is set last holds, whichever way it was set before.
    let thrice = twice.with(&set(&["network.nodes=5", "seed=9"])).unwrap();
    assert_eq!((thrice.network.nodes, thrice.seed), (5, 9));
    assert_eq!(thrice.stop.height, Some(500));
}

#[test]
fn what_was_set_before_is_where_the_command_line_is_wrong() {
    let few = partition()
        .with(&set(&["network.nodes=4", "nodes=[]"]))
        .unwrap_err();
    assert_eq!(few.path, "events[0].groups[1]");
    let wide = Scenario::from_toml("")
        .unwrap()
        .with(&set(&["network.link.latency=9s"]))
        .unwrap();
    let error = wide.with(&set(&["network.link.jitter=20s"])).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the command line: network.link"),
        "{error}"
    );
}

#[test]
fn a_scenario_gives_a_file_that_gives_it_again() {
    let toml = preset("partition").unwrap().toml;
    assert_eq!(
        partition().to_toml(),
        toml,
        "with its comments, if nothing was changed"
    );
    let changes = Overrides {
        blocks: Some(70),
        seed: Some(77),
        ..set(&["mining.hash_rate=90k", "events[0].at_height=9"])
    };
    let changed = partition().with(&changes).unwrap();
    let again = Scenario::from_toml(&changed.to_toml()).unwrap();
    let told = |scenario: &Scenario| {
        let Scenario {
            network,
            mining,
            events,
            stop,
            seed,
            ..
        } = scenario.clone();
        format!("{network:?} {mining:?} {events:?} {stop:?} {seed}")
    };
    assert_eq!(told(&again), told(&changed));
    assert_ne!(told(&again), told(&partition()));
    let seed = Overrides {
        seed: Some(u64::MAX),
        ..Overrides::default()
    };
    let text = partition().with(&seed).unwrap().to_toml();
    assert!(
        text.starts_with("# Play it with --seed 18446744073709551615"),
        "{text}"
    );
}

#[test]
fn a_list_of_links_is_read_once_for_all_seeds() {
    let reads = std::cell::Cell::new(0);
    let read = |_: &str, _: usize| {
        reads.set(reads.get() + 1);
        Ok("0,1\n1,2\n".to_owned())
    };
    let toml = "network = { nodes = 3, topology = { kind = 'edges', file = 'net.csv' } }";
    let scenario = Scenario::from_toml_with(toml, &read).unwrap();
    let list = |scenario: &Scenario| match &scenario.network.topology {
        Topology::Edges(list) => Arc::clone(list),
        other => panic!("{other:?}"),
    };
    let seed = Overrides {
        seed: Some(5),
        ..Overrides::default()
    };
    let other = scenario.with(&seed).unwrap();
    assert!(Arc::ptr_eq(&list(&scenario), &list(&other)));
    assert_eq!(reads.get(), 1);
    // In a smaller network a node of the list is missing.
    let error = other.with(&set(&["network.nodes=2"])).unwrap_err();
    assert!(error.to_string().contains("no node 2"), "{error}");
}
