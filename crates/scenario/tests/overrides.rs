//! What a command line changes is checked like what a file says.

use std::time::Duration;

use forkful_core::{ForkChoice, Relay, Timestamp};
use forkful_scenario::{HashRate, Overrides, Scenario, World, preset};

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
