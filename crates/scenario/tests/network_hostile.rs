//! Networks that are wrong, and the sentence that each gets.

use std::collections::BTreeMap;
use std::time::Duration;

use forkful_core::{NodeId, limits};
use forkful_scenario::{FileError, Overrides, Scenario, ScenarioError, World};

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

/// Two regions, a number for everything, and no chance.
const PLAIN: &str = "
names = ['A', 'B']
share = [1, 1]
latency_ms = [[10, 100], [200, 20]]
upload_mbit_per_s = [8, 80]
download_mbit_per_s = [4, 40]
";

/// Each scenario and its whole error.
const WRONG: &[(&str, &str)] = &[
    (
        "network.regions = 'bitcoin-2109'",
        "line 1, column 19: network.regions: \"bitcoin-2109\" means nothing here; did you mean bitcoin-2019?; known: bitcoin-2019, bitcoin-2015, bitcoin-2016",
    ),
    (
        "network = { regions = 'bitcoin-2019', link.latency = '3ms' }",
        "line 1, column 54: network.link.latency: a network with regions takes no such key; it takes the latency between regions",
    ),
    (
        "network = { regions = 'bitcoin-2019', link.jitter = { kind = 'pareto', offset = '11ms' } }",
        "line 1, column 53: network.link.jitter: the offset of 11ms must be less than every latency, and that between EUROPE and EUROPE is 11ms",
    ),
    (
        "network.link.jitter = { kind = 'pareto', offset = '50ms' }",
        "line 1, column 23: network.link.jitter: the offset must be less than the latency",
    ),
    (
        "network.link.jitter = { kind = 'pareto', sigma = 1 }",
        "line 1, column 50: network.link.jitter.sigma: this kind of jitter takes no such key",
    ),
    (
        "network.link.jitter = { kind = 'lognormal', sigma = nan }",
        "line 1, column 53: network.link.jitter.sigma: NaN is out of range: from 0.001 to 4",
    ),
    (
        "network.block_bytes = [1, 0]",
        "line 1, column 27: network.block_bytes[1]: 0 is less than the number before it",
    ),
    (
        "network = { block_bytes = '1GB', block_scale = 9 }",
        "line 1, column 48: network.block_scale: 9000000000 is out of range: from 0 to 1e9",
    ),
    (
        "network.topology = { kind = 'random', degree = 0 }",
        "line 1, column 48: network.topology.degree: 0 is out of range: from 1 to 1000",
    ),
    (
        "network.topology = { kind = 'random', degree = { cdf = [0.5, 0.9] } }",
        "line 1, column 56: network.topology.degree.cdf: the last number of a cdf is 1, not 0.9",
    ),
    (
        "network.topology = { kind = 'random', degree = { cdf = [1], min = 1 } }",
        "line 1, column 48: network.topology.degree: expected min and max; or values and weights; or cdf; or mean and deviation, and maybe min",
    ),
    (
        "network.topology = { kind = 'ring', degree = 3 }",
        "line 1, column 46: network.topology.degree: this kind of topology takes no such key",
    ),
    (
        "network.topology = { kind = 'bounded', min_links = 20 }",
        "line 1, column 52: network.topology.min_links: must not be more than max_links",
    ),
    (
        "network.topology = { kind = 'small-world', neighbours = 3 }",
        "line 1, column 57: network.topology.neighbours: expected an even number, not 3",
    ),
    (
        "network.topology = { kind = 'random', interlinked = '0..9' }",
        "line 1, column 53: network.topology.interlinked: there is no node 8: the network has 8, numbered from 0",
    ),
    (
        "nodes = [{ nodes = 1, region = 'EUROPE' }]",
        "line 1, column 32: nodes[0].region: missing: network.regions, which says what regions there are",
    ),
    (
        "nodes = [{ nodes = 1, degree = 3 }]",
        "line 1, column 32: nodes[0].degree: a network that is neither random nor bounded takes no such key",
    ),
    (
        "mining = { interval = '10min', hash_rate = 3 }",
        "line 1, column 10: mining: only one of hash_rate and interval can be given",
    ),
    (
        "mining.hash_shares = 0",
        "nodes: the hash shares sum to 0, so nobody would mine",
    ),
    (
        "mining.hash_shares = { mean = 5, deviation = -1 }",
        "line 1, column 46: mining.hash_shares.deviation: -1 is out of range: from 0 to 1e12",
    ),
    (
        "churn = { up = '10min' }",
        "line 1, column 9: churn: missing: down",
    ),
    (
        "churn = { up = '1ms', down = '1h' }",
        "line 1, column 16: churn.up: 1ms is out of range: from 1s to 315576000s",
    ),
];

/// What is changed in the plain table, to what, and what is told of it.
const WRONG_TABLES: &[(&str, &str, &str)] = &[
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
];

#[test]
fn every_mistake_in_a_network_gets_its_sentence() {
    for (toml, sentence) in WRONG {
        assert_eq!(wrong(toml, &[]), *sentence);
    }
}

#[test]
fn what_is_wrong_in_another_file_is_told_with_its_name_and_line() {
    let named = "network.regions = './mine.toml'";
    let of_table = |old: &str, new: &str| {
        let text = PLAIN.replace(old, new);
        assert_ne!(text, PLAIN);
        wrong(named, &[("./mine.toml", &text)])
    };
    for (old, new, told) in WRONG_TABLES {
        assert_eq!(of_table(old, new), format!("./mine.toml: {told}"));
    }
}

#[test]
fn a_file_that_is_missing_or_holds_no_links_is_told_with_its_name() {
    let named = "network.regions = './mine.toml'";
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
            "the command line: network.nods: there is no such key; did you mean nodes?; known here: nodes, topology, inbox, link, regions, uplink, downlink, processing, block_bytes, block_scale, compact_bytes, compact_missing",
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
            "network = { nodes = 1_000_000, topology = { kind = 'random', degree = { mean = 1, deviation = 1000 } } }",
            "line 1, column 43: network.topology: 399942281 links, but 20000000 is the most in the world sim",
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

/// Named links can fill a node, and it has to be linked to the others by a neighbour of it.
#[test]
fn a_node_that_is_full_is_joined_by_another() {
    let most = u32::try_from(limits::PEERS_MAX).unwrap();
    let named = |count: u32| {
        let link = |other| format!("[[links]]\nbetween = [1, {}]\n", other + 2);
        let links: String = (0..count).map(link).collect();
        format!(
            "network = {{ nodes = 20_000, topology = {{ kind = 'random', degree = 1 }} }}\n{links}"
        )
    };
    let scenario = Scenario::from_toml(&named(most)).unwrap();
    scenario.check_world(World::Sim).unwrap();
    let links = scenario.links();
    let ends = links.iter().flat_map(|(a, b)| [a.0, b.0]);
    assert_eq!(ends.filter(|end| *end == 1).count(), limits::PEERS_MAX);

    let error = Scenario::from_toml(&named(most + 1)).unwrap();
    let error = error.check_world(World::Sim).unwrap_err().to_string();
    assert!(error.contains("one node would have 16385 links"), "{error}");
}

/// To look for each of 18 million links whether it is there would take minutes.
#[test]
fn thousands_of_interlinked_nodes_are_linked_at_once() {
    let toml = "network = { nodes = 6_000, topology = { kind = 'random', degree = 1, interlinked = '0..6000' } }";
    let scenario = Scenario::from_toml(toml).unwrap();
    assert_eq!(scenario.links().len(), 6_000 * 5_999 / 2);
}

#[test]
fn jitter_without_a_latency_is_refused_between_regions() {
    let toml = |latency: &str| {
        format!(
            "network = {{ nodes = 9, regions = 'bitcoin-2019', topology = 'full' }}\n\
             [[links]]\nbetween = [0, 1]\njitter = '1ms'\n{latency}"
        )
    };
    Scenario::from_toml(&toml("latency = '9ms'")).unwrap();
    let error = Scenario::from_toml(&toml("")).unwrap_err().to_string();
    let told = "links[0].jitter: a link with the latency between its regions takes no such key";
    assert!(error.contains(told), "{error}");
}

#[test]
fn a_network_of_attackers_alone_is_refused() {
    let error = Scenario::from_toml("nodes = [{ strategy = 'selfish' }]").unwrap_err();
    let told = "nodes: every node attacks: at least one must be honest";
    assert!(error.to_string().contains(told), "{error}");
}

/// Attackers that a seed chooses by chance may be all of a small network in one run of many.
#[test]
fn attackers_chosen_by_chance_may_be_everybody() {
    let toml = "network.nodes = 2\nnodes = [{ share = 0.999, strategy = 'selfish' }]";
    Scenario::from_toml(toml).unwrap();
}

/// A table that names a link for its loss alone used to give it back the latency of all links.
#[test]
fn a_link_of_a_list_keeps_its_latency() {
    let toml = "network = { nodes = 3, topology = { kind = 'edges', file = 'net.csv' } }\n\
                [[links]]\nbetween = [0, 1]\nloss = 0.5";
    let scenario = load(toml, &[("net.csv", "0,1,250\n1,2\n")]).unwrap();
    let link = scenario.link(NodeId(0), NodeId(1));
    assert_eq!((link.latency, link.loss), (Duration::from_millis(250), 0.5));
    assert_eq!(
        scenario.link(NodeId(1), NodeId(2)).latency,
        Duration::from_millis(40)
    );
}
