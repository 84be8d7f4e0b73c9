//! Networks from files of one's own, and what is wrong with them.

use std::collections::BTreeMap;

use forkful_core::{NodeId, Time};
use forkful_scenario::{
    FileError, HashRate, LinkModel, NodeLines, Overrides, Parcel, Scenario, ScenarioError, World,
};

const REFERENCE: &str = include_str!("../../../docs/scenarios.md");

/// A scenario and the files beside it.
fn load(toml: &str, files: &[(&str, &str)]) -> Result<Scenario, ScenarioError> {
    let files: BTreeMap<_, _> = files.iter().copied().collect();
    Scenario::from_toml_with(toml, &|name, _| {
        let text = files.get(name).map(|text| (*text).to_owned());
        text.ok_or_else(|| FileError("no such file".to_owned()))
    })
}

fn wrong(toml: &str, files: &[(&str, &str)]) -> String {
    match load(toml, files) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    }
}

/// The block of TOML in the reference that has this line.
fn example(line: &str) -> &'static str {
    let blocks = REFERENCE.split("```toml\n").skip(1);
    let mut texts = blocks.map(|block| block.split("```").next().unwrap());
    texts
        .find(|text| text.lines().any(|other| other == line))
        .unwrap()
}

#[test]
fn the_example_of_the_reference_is_a_network_that_can_be_played() {
    let table = example("name = \"lite\"");
    let scenario = load(example("name = \"litecoin\""), &[("./lite.toml", table)]).unwrap();
    scenario.check_world(scenario.world).unwrap();
    assert_eq!(scenario.world, World::Sim);
    let nodes = scenario.nodes();
    let of = |region| {
        nodes
            .iter()
            .filter(|node| node.region == Some(region))
            .count()
    };
    // By the shares 304, 384 and 112; node 0 is where the file says.
    assert_eq!(of(0) + of(1) + of(2), 800);
    assert!((112..=113).contains(&of(2)));
    assert_eq!(nodes[0].upload_bits, Some(100_000_000));
    assert_eq!(nodes[0].region, Some(2));
    assert!(nodes[5..].iter().all(|node| !node.hash_rate.mines()));
    let HashRate::PerSecond(first) = nodes[0].hash_rate else {
        panic!("{:?}", nodes[0]);
    };
    assert!((first / (65_536.0 / 150.0) - 0.6).abs() < 1e-9);
    let of_first = scenario
        .links()
        .iter()
        .filter(|(low, _)| low.0 == 0)
        .count();
    assert!(of_first >= 50);
}

/// Two regions, a number for everything, and no chance.
const PLAIN: &str = "
names = ['A', 'B']
share = [1, 1]
latency_ms = [[10, 100], [200, 20]]
upload_mbit_per_s = [8, 80]
download_mbit_per_s = [4, 40]
";

/// Nodes 0 and 1 are in A, 2 and 3 in B.
fn plain(network: &str) -> Scenario {
    let toml = format!(
        "network = {{ nodes = 4, regions = './plain.toml', {network} }}
         nodes = [{{ nodes = '0..2', region = 'A' }}, {{ nodes = '2..4', region = 'B' }}]"
    );
    load(&toml, &[("./plain.toml", PLAIN)]).unwrap()
}

/// When a megabyte arrives that one node sends to others at once, in milliseconds.
fn arrivals(network: &str, from: u32, to: &[u32], has_body: bool) -> Vec<u64> {
    let scenario = plain(network);
    let model = LinkModel::new(&scenario);
    let (mut sender, mut receiver) = (NodeLines::default(), NodeLines::default());
    let bytes = 1_000_000;
    let of = |&to: &u32| {
        let (from, to) = (NodeId(from), NodeId(to));
        let line = &mut model.direction(from, to);
        let parcel = Parcel { bytes, has_body };
        let receiver = Some(&mut receiver);
        let time = model.arrival(from, to, line, &mut sender, receiver, Time::ZERO, parcel);
        time.unwrap().0 / 1_000_000
    };
    to.iter().map(of).collect()
}

#[test]
fn a_body_takes_latency_and_the_slower_of_the_two_lines() {
    // From A (8 Mbit/s up) to B (40 down): 100 ms and a second. To A (4 down): 10 ms and two.
    assert_eq!(
        arrivals("uplink = 'parallel'", 0, &[2, 1], true),
        [1_100, 2_010]
    );
    // From B (80 up) to B: 20 ms, and 0.2 s for 40 Mbit/s.
    assert_eq!(arrivals("uplink = 'parallel'", 2, &[3], true), [220]);
    // What has no body takes the latency.
    assert_eq!(
        arrivals("uplink = 'parallel'", 2, &[0, 3], false),
        [200, 20]
    );
}

#[test]
fn an_uplink_sends_one_body_after_the_other() {
    // The line of 8 Mbit/s is taken for a second by each.
    let to = &[2, 3, 2];
    assert_eq!(
        arrivals("uplink = 'serial'", 0, to, true),
        [1_100, 2_100, 3_100]
    );
    // Until it has arrived: latency and processing too.
    let network = "uplink = 'until-arrival', processing = { block = '2ms' }";
    assert_eq!(arrivals(network, 0, to, true), [1_102, 2_204, 3_306]);
    // Others do not wait for it.
    assert_eq!(arrivals("uplink = 'serial'", 0, &[2, 2], false), [100, 100]);
}

#[test]
fn a_downlink_receives_one_body_after_the_other() {
    // From B (80 up) to A (4 down): 200 ms, and two seconds each.
    let network = "uplink = 'parallel', downlink = 'serial'";
    assert_eq!(arrivals(network, 2, &[0, 0], true), [2_200, 4_200]);
    assert_eq!(
        arrivals("uplink = 'parallel'", 2, &[0, 0], true),
        [2_200, 2_200]
    );
}

#[test]
fn processing_is_by_the_message_and_by_the_megabyte() {
    let network = "processing = { message = '10ms', block = '2ms', block_per_megabyte = '380ms' }";
    assert_eq!(arrivals(network, 2, &[3], true), [220 + 382]);
    assert_eq!(arrivals(network, 2, &[3], false), [30]);
}

#[test]
fn a_link_draws_once_where_each_link_draws() {
    let scenario = plain("link.jitter = { kind = 'lognormal', per = 'link' }");
    let model = LinkModel::new(&scenario);
    let arrival = |from: u32, to: u32| {
        let (from, to) = (NodeId(from), NodeId(to));
        let line = &mut model.direction(from, to);
        let (bytes, has_body) = (1, false);
        let parcel = Parcel { bytes, has_body };
        let lines = &mut NodeLines::default();
        model.arrival(from, to, line, lines, None, Time::ZERO, parcel)
    };
    assert_eq!(arrival(0, 1), arrival(0, 1));
    assert_eq!(arrival(0, 1), arrival(1, 0), "in both directions");
    assert_ne!(arrival(0, 1), Some(Time(10_000_000)));
    assert!(!model.is_ordered());
}

#[test]
fn a_file_of_links_gives_links_and_their_latencies() {
    let toml = "network = { nodes = 4, topology = { kind = 'edges', file = 'net.csv' } }";
    let scenario = load(toml, &[("net.csv", "0,1\n1 2 250\n# end\n")]).unwrap();
    assert_eq!(scenario.links().len(), 2);
    let model = LinkModel::new(&scenario);
    let arrival = |from, to| {
        let line = &mut model.direction(NodeId(from), NodeId(to));
        let (bytes, has_body) = (1, false);
        let parcel = Parcel { bytes, has_body };
        let lines = &mut NodeLines::default();
        model.arrival(
            NodeId(from),
            NodeId(to),
            line,
            lines,
            None,
            Time::ZERO,
            parcel,
        )
    };
    assert_eq!(arrival(0, 1), Some(Time(40_000_000)));
    assert_eq!(arrival(2, 1), Some(Time(250_000_000)));
}

#[test]
fn what_is_wrong_in_another_file_is_told_with_its_name_and_line() {
    let named = "network.regions = './mine.toml'";
    let of_table = |old: &str, new: &str| {
        let text = PLAIN.replace(old, new);
        assert_ne!(text, PLAIN);
        wrong(named, &[("./mine.toml", &text)])
    };
    for (old, new, told) in [
        (
            "share = [1, 1]",
            "share = [1, -1]",
            "line 3, column 13: share[1]: -1 is out of range: from 0 to 1e12",
        ),
        (
            "share = [1, 1]",
            "share = [0, 0]",
            "line 3, column 9: share: the shares sum to 0",
        ),
        (
            "share = [1, 1]",
            "share = [1, 1, 1]",
            "line 3, column 9: share: expected 2 numbers, one for each region, not 3",
        ),
        (
            "[[10, 100]",
            "[[-10, 100]",
            "line 4, column 16: latency_ms[0][0]: -10 is out of range: from 0 to 86400000",
        ),
        (
            "[[10, 100]",
            "[[nan, 100]",
            "line 4, column 16: latency_ms[0][0]: NaN is out of range: from 0 to 86400000",
        ),
        (
            "[8, 80]",
            "[8, [80, 70]]",
            "line 5, column 30: upload_mbit_per_s[1][1]: 70 is less than the number before it",
        ),
        (
            "[8, 80]",
            "[8, inf]",
            "line 5, column 25: upload_mbit_per_s[1]: inf is out of range: from 1e-6 to 1000000",
        ),
        (
            "[8, 80]",
            "[8, 0]",
            "line 5, column 25: upload_mbit_per_s[1]: 0 is out of range: from 1e-6 to 1000000",
        ),
        (
            "'B'",
            "'A'",
            "line 2, column 15: names[1]: A was named before",
        ),
        (
            "names",
            "nmaes",
            "line 2, column 1: nmaes: there is no such key; did you mean names?; known here: name, about, source, names, share, latency_ms, upload_mbit_per_s, download_mbit_per_s, degree, min_links, max_links, block_bytes",
        ),
    ] {
        assert_eq!(of_table(old, new), format!("./mine.toml: {told}"));
    }
    assert_eq!(
        wrong(named, &[]),
        "line 1, column 19: network.regions: cannot read \"./mine.toml\": no such file"
    );
    let links = "network = { nodes = 3, topology = { kind = 'edges', file = 'net.csv' } }";
    assert_eq!(
        wrong(links, &[("net.csv", "0 1\n1 3\n")]),
        "net.csv: line 2: network.topology.file: there is no node 3: the network has 3, numbered from 0"
    );
    assert_eq!(
        wrong(links, &[("net.csv", "0 1\n0 \u{1b}[2J\n")]),
        "net.csv: line 2: network.topology.file: expected two nodes, and maybe a latency in milliseconds, such as 0,1 or 0,1,12.5, not 0 \\u{1b}[2J"
    );
}

#[test]
fn a_key_from_the_command_line_is_checked_and_named() {
    let base = Scenario::from_toml("network = { nodes = 4, topology = 'ring' }\nevents = [{ at = '1s', do = 'crash', node = 3 }]").unwrap();
    let with = |settings: &[&str]| {
        let set = settings
            .iter()
            .map(|setting| (*setting).to_owned())
            .collect();
        base.with(&Overrides {
            set,
            ..Overrides::default()
        })
    };
    let changed = with(&[
        "network.link.loss=5%",
        "relay.policy = announce",
        "network.topology={ kind = 'random', degree = { min = 1, max = 2 } }",
        "nodes[0].nodes=[1, 2]",
        "nodes[0].hash_share=0",
        "events[0].node=2",
    ])
    .unwrap();
    assert_eq!(changed.network.link.loss, 0.05);
    assert_eq!(changed.nodes()[2].hash_share, 0.0);
    for (setting, told) in [
        (
            "network.nodes=0",
            "the command line: network.nodes: 0 is out of range: from 1 to 1000000",
        ),
        (
            "network.nods=3",
            "the command line: network.nods: there is no such key; did you mean nodes?; known here: nodes, topology, inbox, link, regions, uplink, downlink, processing, block_bytes, block_scale, compact_bytes",
        ),
        (
            "network.link.loss=2",
            "the command line: network.link.loss: expected a number from 0 to 1 such as 0.05, or \"5%\", not 2",
        ),
        (
            "network.nodes",
            "the command line: expected KEY=VALUE, not \"network.nodes\"",
        ),
        (
            "network.nodes=[1",
            "the command line: network.nodes: expected a value of TOML, not [1",
        ),
        (
            "network.topology.degree=3",
            "the command line: network.topology.degree: topology is not a table: set the whole of it",
        ),
        (
            "events[2].at=1s",
            "the command line: events[2].at: events has only 1 items",
        ),
        (
            "network.regions=./x.toml",
            "the command line: network.regions: cannot read \"./x.toml\": no further files are read here",
        ),
        // What no longer fits is where it was written.
        (
            "network.nodes=3",
            "line 2, column 45: events[0].node: there is no node 3: the network has 3, numbered from 0",
        ),
    ] {
        assert_eq!(with(&[setting]).unwrap_err().to_string(), told);
    }
}

#[test]
fn what_is_too_large_is_refused_before_memory_is_taken() {
    for (toml, told) in [
        (
            "network.nodes = 1_000_000",
            "network.topology: 499999500000 links, but 20000000 is the most in the world sim",
        ),
        (
            "network = { nodes = 1_000_000, topology = 'star' }",
            "line 1, column 43: network.topology: one node would have 999999 links; a node has at most 16384 peers",
        ),
        (
            "network = { nodes = 1_000_000, topology = { kind = 'random', degree = 1000 } }",
            "line 1, column 43: network.topology: 1000000000 links, but 20000000 is the most in the world sim",
        ),
        (
            "network = { nodes = 1_000_000, topology = { kind = 'small-world', neighbours = 1000 } }",
            "line 1, column 43: network.topology: 500000000 links, but 20000000 is the most in the world sim",
        ),
    ] {
        let error = Scenario::from_toml(toml)
            .unwrap()
            .check_world(World::Sim)
            .unwrap_err();
        assert!(error.to_string().ends_with(told), "{error}");
    }
}
