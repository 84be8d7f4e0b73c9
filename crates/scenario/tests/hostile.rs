//! Scenario files that are wrong, and the sentence that each gets.

use forkful_scenario::{PRESETS, Problem, Scenario, World};
use proptest::prelude::*;

/// Each file and its whole error.
const WRONG: &[(&str, &str)] = &[
    // Not TOML.
    (
        "a = ",
        "line 1, column 5: this is not TOML: string values must be quoted, expected literal string",
    ),
    (
        "[network",
        "line 1, column 9: this is not TOML: unclosed table, expected `]`",
    ),
    (
        "seed = 1\nseed = 2",
        "line 2, column 1: this is not TOML: duplicate key",
    ),
    // Unknown keys and words.
    (
        "[network.link]\nlatncy = '3ms'",
        "line 2, column 1: network.link.latncy: there is no such key; did you mean latency?; known here: latency, jitter, bandwidth, loss, ordered",
    ),
    (
        "[relay]\ninterval = '3ms'",
        "line 2, column 1: relay.interval: there is no such key; known here: policy, tip_interval, request_timeout, all_blocks, compact_failure",
    ),
    (
        "[[events]]\nat = '1s'\ndo = 'splitt'",
        "line 3, column 6: events[0].do: \"splitt\" means nothing here; did you mean split?; known: split, heal, cut, crash, restart, hash-rate, submit",
    ),
    (
        "consensus.fork_choice = 'shortest'",
        "line 1, column 25: consensus.fork_choice: \"shortest\" means nothing here; known: most-work, longest",
    ),
    (
        "[[nodes]]\nnodes = 1\nstrategy = 'selfsih'",
        "line 3, column 12: nodes[0].strategy: \"selfsih\" means nothing here; did you mean selfish?; known: honest, selfish, lead-stubborn, equal-fork-stubborn, trail-stubborn, stubborn, double-spend, time-warp",
    ),
    // The wrong type.
    (
        "[network]\nnodes = 'x'",
        "line 2, column 9: network.nodes: expected a whole number, not \"x\"",
    ),
    (
        "[network]\nnodes = 4.5",
        "line 2, column 9: network.nodes: expected a whole number, not 4.5",
    ),
    (
        "network = 3",
        "line 1, column 11: network: expected a table, not 3",
    ),
    (
        "network = [3]",
        "line 1, column 11: network: expected a table, not a list",
    ),
    (
        "nodes = [['0..4', 1.0]]",
        "line 1, column 10: nodes[0]: expected a table, not a list",
    ),
    (
        "expect.converged = 'yes'",
        "line 1, column 20: expect.converged: expected true or false, not \"yes\"",
    ),
    (
        "seed = 99999999999999999999999",
        "line 1, column 8: seed: expected a whole number from 0, not 99999999999999999999999",
    ),
    // Numbers of nodes.
    (
        "[network]\nnodes = 0",
        "line 2, column 9: network.nodes: 0 is out of range: from 1 to 1000000",
    ),
    (
        "[network]\nnodes = -1",
        "line 2, column 9: network.nodes: -1 is out of range: from 1 to 1000000",
    ),
    (
        "[network]\nnodes = 1_000_000_000",
        "line 2, column 9: network.nodes: 1000000000 is out of range: from 1 to 1000000",
    ),
    (
        "network.inbox = 0",
        "line 1, column 17: network.inbox: 0 is out of range: from 1 to 65536",
    ),
    // Durations, rates and probabilities.
    (
        "network.link.latency = '-40ms'",
        "line 1, column 24: network.link.latency: expected a duration of at most ten years such as \"40ms\", \"1.5s\", \"10min\", \"1h\" or \"2d\", not \"-40ms\"",
    ),
    (
        "network.link.latency = 40",
        "line 1, column 24: network.link.latency: expected a duration of at most ten years such as \"40ms\", \"1.5s\", \"10min\", \"1h\" or \"2d\", not 40",
    ),
    (
        "network.link.latency = '25h'",
        "line 1, column 24: network.link.latency: 90000s is out of range: from 0ns to 86400s",
    ),
    (
        "network.link.loss = nan",
        "line 1, column 21: network.link.loss: expected a number from 0 to 1 such as 0.05, or \"5%\", not NaN",
    ),
    (
        "network.link.loss = -inf",
        "line 1, column 21: network.link.loss: expected a number from 0 to 1 such as 0.05, or \"5%\", not -inf",
    ),
    (
        "network.link.bandwidth = '0bit/s'",
        "line 1, column 26: network.link.bandwidth: expected a bandwidth above zero such as \"10Mbit/s\", \"56kbit/s\" or \"1.25MB/s\", not \"0bit/s\"",
    ),
    (
        "[network.link]\nlatency = '10ms'\njitter = '20ms'",
        "line 3, column 10: network.link.jitter: must not be more than the latency: time does not run backwards",
    ),
    (
        "mining.hash_rate = nan",
        "line 1, column 20: mining.hash_rate: expected \"unlimited\", or tries per second from 0 to 1e24 such as 500, \"20k\", \"1.5M\" or \"2G\", not NaN",
    ),
    (
        "workload = { every = '0ms' }",
        "line 1, column 22: workload.every: 0ns is out of range: from 1ms to 120s",
    ),
    // Hash shares.
    (
        "[[nodes]]\nnodes = '0..8'\nhash_share = 0",
        "line 1, column 1: nodes: the hash shares sum to 0, so nobody would mine",
    ),
    (
        "[[nodes]]\nnodes = 1\nhash_share = nan",
        "line 3, column 14: nodes[0].hash_share: NaN is out of range: from 0 to 1e12",
    ),
    (
        "[[nodes]]\nnodes = 1\nhash_share = -1.0",
        "line 3, column 14: nodes[0].hash_share: -1 is out of range: from 0 to 1e12",
    ),
    // Nodes and links that there are not.
    (
        "[[nodes]]\nnodes = '0..9'",
        "line 2, column 9: nodes[0].nodes: there is no node 8: the network has 8, numbered from 0",
    ),
    (
        "[[events]]\nat = '1s'\ndo = 'crash'\nnode = 8",
        "line 4, column 8: events[0].node: there is no node 8: the network has 8, numbered from 0",
    ),
    (
        "network.topology = { kind = 'edges', edges = [[0, 1], [1, 9]] }",
        "line 1, column 55: network.topology.edges[1]: there is no node 9: the network has 8, numbered from 0",
    ),
    (
        "network.topology = 'ring'\nlinks = [{ between = [0, 2] }]",
        "line 2, column 22: links[0].between: the topology has no link between n0 and n2",
    ),
    (
        "links = [{ between = [0, 1] }, { between = [1, 0] }]",
        "line 1, column 44: links[1].between: the link between n0 and n1 was given before",
    ),
    (
        "links = [{ between = [0] }]",
        "line 1, column 22: links[0].between: expected two different nodes such as [0, 1], not [0]",
    ),
    // Events.
    (
        "[[events]]\nat = '1s'",
        "line 1, column 1: events[0]: missing: do",
    ),
    (
        "[[events]]\ndo = 'heal'",
        "line 1, column 1: events[0]: missing: at, a time, or at_height, a height",
    ),
    (
        "[[events]]\nat = '1s'\nat_height = 3\ndo = 'heal'",
        "line 1, column 1: events[0]: only one of at and at_height can be given",
    ),
    (
        "[[events]]\nat = '1s'\ndo = 'heal'\nnode = 1",
        "line 4, column 8: events[0].node: heal takes no such key; it takes between",
    ),
    (
        "[[events]]\nat = '5min'\ndo = 'heal'",
        "line 2, column 6: events[0].at: this is later than stop.time_limit, which is 120s",
    ),
    (
        "[[events]]\nat = '1s'\ndo = 'split'\ngroups = ['0..4', '3..8']",
        "line 4, column 19: events[0].groups[1]: node 3 is in group 0 too: groups of a split must not overlap",
    ),
    (
        "[[events]]\nat = '1s'\ndo = 'submit'\ncount = 50000\nbytes = '1MB'",
        "line 1, column 1: events[0]: 50000000000 bytes of data in all; at most 32000000",
    ),
    (
        "[[events]]\nat = '1s'\ndo = 'submit'\ndata_hex = '0g'",
        "line 4, column 12: events[0].data_hex: expected hex digits, two for each byte",
    ),
    // Rules.
    (
        "consensus.difficulty = { zero_bits = 16, zero_hex_digits = 4 }",
        "line 1, column 24: consensus.difficulty: only one of zero_bits, zero_hex_digits and target can be given",
    ),
    (
        "consensus.difficulty = { zero_bits = 256 }",
        "line 1, column 38: consensus.difficulty.zero_bits: 256 is out of range: from 0 to 255",
    ),
    (
        "consensus.difficulty = { rule = 'asert', window = 3 }",
        "line 1, column 51: consensus.difficulty.window: asert takes no such key; it takes initial, limit, interval and half_life",
    ),
    (
        "consensus.difficulty = { rule = 'lwma', initial = { zero_bits = 4 }, limit = { zero_bits = 8 } }",
        "line 1, column 51: consensus.difficulty.initial: the initial target is easier than the limit",
    ),
    (
        "consensus.difficulty = { target = '00' }",
        "line 1, column 35: consensus.difficulty.target: a target is 64 hex digits, not \"00\"",
    ),
    (
        "consensus.difficulty = { target = '0000000000000000000000000000000000000000000000000000000000000000' }",
        "line 1, column 35: consensus.difficulty.target: a target of zero can never be met",
    ),
    // Stop and expect.
    (
        "stop.height = 0",
        "line 1, column 15: stop.height: 0 is out of range: from 1 to 1000000000",
    ),
    (
        "stop.time = '1h'",
        "line 1, column 13: stop.time: this is later than stop.time_limit, which is 120s",
    ),
    (
        "expect.reorgs = {}",
        "line 1, column 17: expect.reorgs: missing: min, max or both",
    ),
    (
        "expect.reorgs = { min = 3, max = 1 }",
        "line 1, column 17: expect.reorgs: min is 3, max is 1: nothing lies between them",
    ),
    // Text that would play tricks on a terminal.
    (
        "name = \"\\u001b[2J\"",
        "line 1, column 8: name: expected 1 to 64 letters, digits, spaces, \"-\", \"_\" or \".\"",
    ),
    (
        "about = \"a\\nb\"",
        "line 1, column 9: about: expected one line of at most 200 characters",
    ),
];

#[test]
fn every_mistake_gets_its_sentence() {
    let told: Vec<(&str, String)> = WRONG
        .iter()
        .map(|(toml, _)| match Scenario::from_toml(toml) {
            Ok(_) => (*toml, "accepted".to_owned()),
            Err(error) => (*toml, error.to_string()),
        })
        .collect();
    for ((toml, told), (_, sentence)) in told.iter().zip(WRONG) {
        if told != sentence {
            eprintln!("{toml}\n  told: {told}\n  not:  {sentence}");
        }
    }
    assert!(
        told.iter()
            .map(|(_, told)| told)
            .eq(WRONG.iter().map(|(_, sentence)| sentence))
    );
}

#[test]
fn an_unknown_key_cannot_write_to_the_terminal() {
    let error = Scenario::from_toml("\"\\u001b[2J\\n\" = 1").unwrap_err();
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
    let error = Scenario::from_toml("relay.policy = \"\\u001b[2J\"").unwrap_err();
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
    let error = Scenario::from_toml("network.nodes = \"\\u001b[2J\"").unwrap_err();
    assert!(!error.to_string().contains(char::is_control), "{error:?}");
    let long = format!("network.nodes = \"{}\"", "x".repeat(100_000));
    assert!(Scenario::from_toml(&long).unwrap_err().to_string().len() < 1_000);
}

#[test]
fn a_huge_file_is_refused_before_it_is_parsed() {
    let error = Scenario::from_toml(&"#".repeat(Scenario::TEXT_BYTES_MAX + 1)).unwrap_err();
    let most = Scenario::TEXT_BYTES_MAX;
    assert_eq!(
        error.problem,
        Problem::TooLarge {
            bytes: most + 1,
            most
        }
    );
    assert_eq!(error.line, None);
    assert!(Scenario::from_toml(&"#".repeat(most)).is_ok());
}

/// A mebibyte of one thing over and over: each ends in an error or a scenario, soon.
#[test]
fn a_mebibyte_of_anything_costs_no_more_than_reading_it() {
    let fill = |head: &str, part: &str, tail: &str| {
        let times = (Scenario::TEXT_BYTES_MAX - head.len() - tail.len()) / part.len();
        format!("{head}{}{tail}", part.repeat(times))
    };
    for text in [
        fill("a = ", "[", ""),
        fill("a = ", "{b=", ""),
        fill("", "a.", "a = 1"),
        fill("[", "a.", "a]"),
        fill("", "[[nodes]]\nnodes=0\n", ""),
        fill(
            "network.nodes = 1000000\n",
            "[[nodes]]\nnodes='0..1000000'\nhash_share=0\n",
            "",
        ),
        fill(
            "network.nodes = 1000000\n",
            "[[events]]\nat='1s'\ndo='split'\ngroups=['0..1000000']\n",
            "",
        ),
        fill(
            "events = [{ at = '1s', do = 'split', groups = [",
            "0,",
            "]}]",
        ),
        fill(
            "network.topology = { kind = 'edges', edges = [",
            "[0,1],",
            "]}",
        ),
        fill("name = '", "x", "'"),
        fill("about = '", "\u{e9}", "'"),
        fill("[network.link]\nlatency = '", "9", "s'"),
        fill("x", "y", "= 1"),
    ] {
        let _ = Scenario::from_toml(&text);
    }
    let named = fill(
        "network.nodes = 1000000\n",
        "[[nodes]]\nnodes='0..1000000'\n",
        "",
    );
    let error = Scenario::from_toml(&named).unwrap_err();
    assert!(
        matches!(error.problem, Problem::TooManyNamed { .. }),
        "{error}"
    );
}

proptest! {
    #[test]
    fn random_text_never_panics(text in "\\PC{0,200}") {
        let _ = Scenario::from_toml(&text);
    }

    #[test]
    fn a_damaged_preset_is_a_scenario_or_an_error(
        which in 0..PRESETS.len(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..6),
    ) {
        let mut bytes = PRESETS[which].toml.as_bytes().to_vec();
        for (place, byte, how) in damage {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => drop(bytes.remove(place)),
                _ => bytes[place] = b"0123456789-+.einf[]{}'\"=#,"[usize::from(byte) % 26],
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        match Scenario::from_toml(&text) {
            Ok(scenario) => if scenario.check_world(World::Mesh).is_ok() {
                prop_assert_eq!(scenario.nodes().len(), scenario.network.nodes as usize);
                let links = scenario.links();
                let nodes = u64::from(scenario.network.nodes);
                prop_assert!(links.len() as u64 <= nodes * nodes.saturating_sub(1) / 2);
                prop_assert!(links.is_sorted_by(|a, b| a < b));
            },
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn any_number_anywhere_is_taken_or_refused(
        key in prop::sample::select(vec![
            "network.nodes", "network.inbox", "network.link.loss", "mining.hash_rate", "seed",
            "consensus.entries_max", "consensus.body_bytes_max", "consensus.genesis_time",
            "consensus.difficulty.zero_bits", "stop.height", "stop.blocks", "expect.reorgs.min",
        ]),
        number in prop_oneof![any::<i64>().prop_map(|n| n.to_string()), any::<f64>().prop_map(|n| format!("{n:?}").to_lowercase())],
    ) {
        let _ = Scenario::from_toml(&format!("{key} = {number}"));
    }
}
