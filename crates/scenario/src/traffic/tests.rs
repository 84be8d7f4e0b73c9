use std::time::Duration;

use forkful_core::{NodeId, Time};

use super::*;
use crate::Scenario;

const A: NodeId = NodeId(0);
const B: NodeId = NodeId(1);
const NOW: Time = Time(1_000);
const SECOND: Duration = Duration::from_secs(1);

/// The link from node 0 to node 1, and the lines of both.
struct Way {
    model: LinkModel,
    line: Direction,
    sender: NodeLines,
    receiver: NodeLines,
}

impl Way {
    fn new(toml: &str) -> Self {
        let model = LinkModel::new(&Scenario::from_toml(toml).unwrap());
        Way {
            line: model.direction(A, B),
            model,
            sender: NodeLines::default(),
            receiver: NodeLines::default(),
        }
    }

    fn send(&mut self, bytes: u64, has_body: bool) -> Option<Duration> {
        let parcel = Parcel { bytes, has_body };
        let (line, lines) = (&mut self.line, &mut self.sender);
        let receiver = Some(&mut self.receiver);
        let arrival = self.model.arrival(A, B, line, lines, receiver, NOW, parcel);
        arrival.map(|time| time.since(NOW))
    }
}

#[test]
fn what_links_and_nodes_remember_is_small() {
    assert!(size_of::<Direction>() <= 24);
    assert_eq!(size_of::<NodeLines>(), 24);
}

#[test]
fn a_message_takes_the_latency_and_its_time_on_the_line() {
    let mut plain = Way::new("network.link = { latency = '40ms' }");
    assert_eq!(plain.send(1_000, false), Some(Duration::from_millis(40)));

    let mut slow = Way::new("network.link = { latency = '40ms', bandwidth = '8kbit/s' }");
    let latency = Duration::from_millis(40);
    assert_eq!(slow.send(1_000, false), Some(SECOND + latency));
    assert_eq!(slow.send(1_000, true), Some(2 * SECOND + latency));
}

#[test]
fn jitter_strays_both_ways_and_never_reorders() {
    let mut link = Way::new("network.link = { latency = '40ms', jitter = '20ms' }");
    assert!(link.model.is_ordered());
    let arrivals: Vec<_> = (0..1_000).map(|_| link.send(100, false).unwrap()).collect();
    assert!(arrivals.is_sorted(), "no message overtakes another");
    assert!(arrivals[0] >= Duration::from_millis(20));
    assert!(arrivals[999] <= Duration::from_millis(60));
    assert!(arrivals[999] > Duration::from_millis(55));
}

#[test]
fn a_lossy_link_loses_about_its_share() {
    let mut link = Way::new("network.link = { loss = 0.2 }");
    let lost = (0..10_000).filter(|_| link.send(1, false).is_none());
    // Four standard deviations of a binomial with n = 10,000 and p = 0.2.
    let lost = lost.count();
    assert!((1_840..=2_160).contains(&lost), "{lost}");
    assert_eq!(Way::new("network.link = { loss = 1 }").send(1, false), None);
}

#[test]
fn messages_of_one_moment_have_each_their_own_luck_on_a_lossy_link() {
    let mut link = Way::new("network.link = { loss = 0.5 }");
    let lost = (0..64).filter(|_| link.send(1, false).is_none()).count();
    assert!((10..=54).contains(&lost), "{lost}");
}

#[test]
fn one_more_node_changes_no_others_luck() {
    let arrivals = |toml: &str| {
        let mut way = Way::new(toml);
        (0..20).map(|_| way.send(1, false)).collect::<Vec<_>>()
    };
    let eight = arrivals("network = { nodes = 8, link = { jitter = '20ms', loss = 0.3 } }");
    let nine = arrivals("network = { nodes = 9, link = { jitter = '20ms', loss = 0.3 } }");
    assert_eq!(eight, nine);
    let other =
        arrivals("seed = 2\nnetwork = { nodes = 8, link = { jitter = '20ms', loss = 0.3 } }");
    assert_ne!(eight, other);
}

#[test]
fn a_link_that_differs_differs_in_both_directions() {
    let scenario = Scenario::from_toml("links = [{ between = [1, 0], latency = '3s' }]").unwrap();
    let model = LinkModel::new(&scenario);
    let arrival = |from, to| {
        let (line, lines) = (&mut model.direction(from, to), &mut NodeLines::default());
        let (bytes, has_body) = (1, false);
        let parcel = Parcel { bytes, has_body };
        model.arrival(from, to, line, lines, None, Time::ZERO, parcel)
    };
    assert_eq!(arrival(A, B), Some(Time::ZERO + 3 * SECOND));
    assert_eq!(arrival(B, A), Some(Time::ZERO + 3 * SECOND));
    assert_eq!(arrival(A, NodeId(2)), Some(Time(40_000_000)));
}

#[test]
fn a_cut_link_keeps_its_kind() {
    let mut line = Direction::new(77);
    line.set_cut(true);
    assert!(line.is_cut());
    assert_eq!(line.class(), 77);
    line.set_cut(false);
    assert!(!line.is_cut());
    assert_eq!(line.class(), 77);
}

#[test]
fn a_downlink_serves_what_gets_there_first() {
    let second = 1_000_000_000;
    let mut line = Taken::default();
    // Sent first, but held back by its sender for 25 s.
    assert_eq!(line.take(25 * second, second), 25 * second);
    // Sent later, and there long before: it goes at once.
    assert_eq!(line.take(2 * second, second), 2 * second);
    // What comes while the first one is on the line waits until it is through.
    assert_eq!(line.take(25 * second, second), 26 * second);
    // So does what comes after that, for both.
    assert_eq!(line.take(26 * second, second), 27 * second);
    // And a line that was free is taken at once.
    assert_eq!(line.take(60 * second, second), 60 * second);
}

#[test]
fn the_quick_way_is_the_way() {
    let regions = "network = { nodes = 40, regions = 'bitcoin-2019',
        link.jitter = { kind = 'pareto', offset = '5ms' }, processing.message = '10ms' }";
    let mut way = Way::new(regions);
    for to in 1..40 {
        let now = Time(u64::from(to) << 30);
        let quick = way.model.quick_arrival(NodeId(0), NodeId(to), now);
        let parcel = Parcel::new(MessageKind::Announce, 89, 0);
        let whole = way.model.arrival(
            NodeId(0),
            NodeId(to),
            &mut way.line,
            &mut NodeLines::default(),
            None,
            now,
            parcel,
        );
        assert_eq!((quick, quick.is_some()), (whole, true));
    }
    for other in [
        "network = { nodes = 40 }",
        "network = { nodes = 40, regions = 'bitcoin-2019', link = { jitter = { kind = 'pareto' }, loss = 0.1 } }",
        "network = { nodes = 40, regions = 'bitcoin-2019', link.jitter = { kind = 'none' } }",
        "network = { nodes = 40, regions = 'bitcoin-2019', link.jitter = { kind = 'pareto', per = 'link' } }",
    ] {
        let model = Way::new(other).model;
        assert_eq!(
            model.quick_arrival(NodeId(0), NodeId(1), Time(5)),
            None,
            "{other}"
        );
    }
}
