//! Networks from files of one's own, and what is wrong with them.

use std::collections::BTreeMap;

use forkful_core::{NodeId, Time};
use forkful_scenario::{
    FileError, HashRate, LinkModel, NodeLines, Parcel, Scenario, ScenarioError, World,
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
