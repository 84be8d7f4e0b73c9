//! Whole networks of the world `tcp`, from the first block to the report.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forkful_core::event::{DropReason, Event, What};
use forkful_core::{NodeId, sha256};
use forkful_net::play::{Carrier, Options, PlayError, check, play};
use forkful_scenario::{Outcome, Scenario, World};

const SOCKETS: Carrier = Carrier::Sockets { plaintext: false };

fn scenario(toml: &str) -> Scenario {
    Scenario::from_toml(toml).unwrap()
}

/// Plays it, and keeps what happened.
fn run(toml: &str, carrier: Carrier) -> (Outcome, Vec<Event>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&events);
    let options = Options {
        carrier,
        sinks: vec![Box::new(move |event| {
            kept.lock().unwrap().push(event.clone());
        })],
        ..Options::default()
    };
    let outcome = play(&scenario(toml), options).unwrap();
    let events = std::mem::take(&mut *events.lock().unwrap());
    (outcome, events)
}

fn assert_converged(outcome: &Outcome) {
    let report = &outcome.report;
    assert_eq!(report.world, World::Tcp);
    assert!(report.converged, "{report:#?}");
    let unmet: Vec<_> = report.unmet().collect();
    assert!(report.as_expected(), "{unmet:?}");
    let last = outcome.chain.last().unwrap();
    assert_eq!(last.header.hash(), report.tip);
    for pair in outcome.chain.windows(2) {
        assert_eq!(pair[1].header.previous_hash, pair[0].header.hash());
    }
}

fn happened(events: &[Event], node: u32) -> impl Iterator<Item = &What> {
    let of = move |event: &&Event| event.node == Some(NodeId(node));
    events.iter().filter(of).map(|event| &event.what)
}

#[test]
fn eight_nodes_race_over_sockets_and_all_data_is_on_the_chain() {
    for carrier in [SOCKETS, Carrier::Sockets { plaintext: true }] {
        let (outcome, events) = run(
            "network = { nodes = 8, link = { latency = '5ms', jitter = '2ms' } }
             consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
             mining = { hash_rate = '5k' }
             workload = { every = '50ms', bytes = 32, count = 10 }
             stop = { height = 20, time_limit = '120s' }",
            carrier,
        );
        assert_converged(&outcome);
        let given = scenario("workload = { every = '50ms', bytes = 32, count = 10 }").workload;
        for number in 0..10 {
            let entry = sha256(&given.as_ref().unwrap().entry(number));
            let entries = outcome.chain.iter().flat_map(|block| &block.entries);
            let times = entries.filter(|on_chain| sha256(on_chain) == entry).count();
            assert_eq!(times, 1, "entry {number} is on the chain once");
        }
        // Every link stays up.
        let down = |event: &&Event| matches!(event.what, What::PeerDown { .. });
        assert_eq!(events.iter().find(down), None);
        // A socket loses nothing, and only what its link carries goes into it.
        let total = outcome.report.messages_total();
        assert_eq!(total.dropped, 0);
        assert!(total.delivered > 0 && total.delivered <= total.sent);
    }
}

/// The first block is found in no time: it waits for the links.
#[test]
fn nobody_searches_before_every_link_is_up_at_both_ends() {
    let (outcome, events) = run(
        "network = { nodes = 12, link = { latency = '1ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 4 } }
         mining = { hash_rate = 'unlimited' }
         relay = { tip_interval = '100ms', request_timeout = '200ms' }
         stop = { height = 5, time_limit = '120s' }
         expect = { converged = true }",
        SOCKETS,
    );
    assert_converged(&outcome);
    let mined = |event: &Event| matches!(event.what, What::Mined { .. });
    let first = events.iter().position(mined).unwrap();
    let up = |event: &&Event| matches!(event.what, What::PeerUp { .. });
    assert_eq!(events[..first].iter().filter(up).count(), 12 * 11);
}

/// Inboxes for one message push back on the sockets: nothing is dropped, and nothing stands still.
#[test]
fn inboxes_for_one_message_do_not_deadlock_and_lose_nothing() {
    let (outcome, events) = run(
        "network = { nodes = 8, inbox = 1, link = { latency = '1ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 9 } }
         mining = { hash_rate = '20k' }
         relay = { policy = 'compact', tip_interval = '100ms', request_timeout = '200ms' }
         stop = { height = 20, time_limit = '120s' }",
        SOCKETS,
    );
    assert_converged(&outcome);
    assert_eq!(outcome.report.messages_total().dropped, 0);
    // What came over each link is what went in, in this order, but for what was under way at the end.
    let mut ways = BTreeMap::<_, (Vec<_>, Vec<_>)>::new();
    for event in &events {
        match event.what {
            What::Sent { to, kind, bytes } => {
                let way = ways.entry((event.node.unwrap(), to)).or_default();
                way.0.push((kind, bytes));
            }
            What::Delivered { from, kind, bytes } => {
                let way = ways.entry((from, event.node.unwrap())).or_default();
                way.1.push((kind, bytes));
            }
            _ => {}
        }
    }
    assert_eq!(ways.len(), 8 * 7);
    for (way, (sent, came)) in ways {
        assert!(sent.starts_with(&came), "{way:?}: {came:?} of {sent:?}");
    }
}

#[test]
fn a_crash_closes_the_sockets_and_a_restart_dials_and_listens_again() {
    // Node 1 is in the middle: node 0 dials it, and it dials node 2.
    let (outcome, events) = run(
        "network = { nodes = 3, topology = 'line', link = { latency = '2ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '5k' }
         relay = { policy = 'announce', tip_interval = '100ms', request_timeout = '300ms' }
         events = [
             { at_height = 5, do = 'submit', node = 1, data = 'kept by node 1' },
             { at_height = 5, do = 'crash', node = 1 },
             { at_height = 20, do = 'restart', node = 1 },
         ]
         stop = { height = 25, time_limit = '120s' }",
        SOCKETS,
    );
    assert_converged(&outcome);
    let data = outcome.report.data;
    assert_eq!((data.submitted, data.on_chain), (1, 1));
    for neighbour in [0, 2] {
        let told: Vec<_> = happened(&events, neighbour)
            .filter_map(|what| match what {
                What::PeerUp { peer } => Some((peer.0, true)),
                What::PeerDown { peer, .. } => Some((peer.0, false)),
                _ => None,
            })
            .collect();
        assert_eq!(told, [(1, true), (1, false), (1, true)], "node {neighbour}");
    }
}

#[test]
fn after_a_split_one_side_reorganises_deeply_and_no_connection_ends() {
    let (outcome, events) = run(
        "network = { nodes = 6, link = { latency = '2ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '10k' }
         relay = { tip_interval = '100ms', request_timeout = '300ms' }
         nodes = [{ nodes = '0..3', hash_share = 3 }]
         events = [
             { at_height = 2, do = 'split', groups = ['0..3', '3..6'] },
             { at_height = 60, do = 'heal' },
         ]
         stop = { height = 62, time_limit = '120s' }
         expect = { max_reorg_depth = { min = 3 } }",
        SOCKETS,
    );
    assert_converged(&outcome);
    let dropped = outcome.report.messages_total().dropped;
    assert!(dropped > 0, "what was sent across the split was lost");
    let down = |event: &&Event| matches!(event.what, What::PeerDown { .. });
    assert_eq!(events.iter().find(down), None);
}

#[test]
fn a_lossy_link_loses_before_the_socket() {
    let (outcome, events) = run(
        "network = { nodes = 4, link = { latency = '2ms', loss = 0.3 } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '5k' }
         relay = { tip_interval = '100ms', request_timeout = '200ms' }
         stop = { height = 30, time_limit = '120s' }",
        SOCKETS,
    );
    assert_converged(&outcome);
    let why = events.iter().filter_map(|event| match event.what {
        What::Dropped { why, .. } => Some(why),
        _ => None,
    });
    assert!(why.clone().all(|why| why == DropReason::Loss));
    let total = outcome.report.messages_total();
    let share = why.count() as f64 / total.sent as f64;
    assert!((0.15..0.45).contains(&share), "{share} of {}", total.sent);
}

/// Latency is played before the bytes are given to the socket: nothing arrives earlier.
#[test]
fn no_message_arrives_before_its_latency_is_over() {
    let latency = Duration::from_millis(40);
    let (_, events) = run(
        "network = { nodes = 2, link = { latency = '40ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '2k' }
         stop = { height = 40, time_limit = '120s' }",
        SOCKETS,
    );
    // One direction of one link, equal latencies: the order of arrivals is that of sending.
    let blocks = |wanted: fn(&What) -> bool, node| {
        let of = move |event: &&Event| event.node == Some(NodeId(node)) && wanted(&event.what);
        events.iter().filter(of).map(|event| event.time)
    };
    let sent = |what: &What| matches!(what, What::Sent { .. });
    let came = |what: &What| matches!(what, What::Delivered { .. });
    let mut seen = 0;
    for (sent, came) in blocks(sent, 0).zip(blocks(came, 1)) {
        assert!(came.since(sent) >= latency, "{:?}", came.since(sent));
        seen += 1;
    }
    assert!(seen >= 5, "{seen}");
}

#[test]
fn an_attacker_plays_over_sockets_and_nobody_is_banned_for_it() {
    let (outcome, events) = run(
        "network = { nodes = 6, link = { latency = '5ms' } }
         consensus = { difficulty = { rule = 'fixed', zero_bits = 8 } }
         mining = { hash_rate = '5k' }
         relay = { policy = 'compact' }
         stop = { height = 40, time_limit = '120s' }
         nodes = [{ nodes = 0, hash_share = 4, strategy = 'selfish' }]",
        SOCKETS,
    );
    assert_converged(&outcome);
    assert!(!outcome.report.nodes[0].honest && outcome.report.nodes[0].blocks_mined > 0);
    let down = |event: &&Event| matches!(event.what, What::PeerDown { .. });
    assert_eq!(events.iter().find(down), None);
}

#[test]
fn what_tcp_cannot_play_is_refused_by_name() {
    let many = scenario("network = { nodes = 101, topology = 'line' }");
    let error = check(&many, SOCKETS).unwrap_err();
    assert!(matches!(error, PlayError::Scenario(_)), "{error}");
    assert!(error.to_string().contains("network.nodes"), "{error}");
    check(&many, Carrier::Channels).unwrap();
}
