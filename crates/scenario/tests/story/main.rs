//! Runs told as events, and the reports made of them.

mod races;

use std::time::Duration;

use forkful_core::event::{DropReason, What};
use forkful_core::{BlockRef, Event, Hash, MessageKind, NodeId, Time, sha256};
use forkful_scenario::{
    FinalState, NodeFinal, Recorder, Report, Scenario, World, event_line, report_schema,
};

/// A network of three nodes whose story is told in milliseconds.
struct Story {
    recorder: Recorder,
    events: Vec<Event>,
}

fn block(name: &str, height: u64) -> BlockRef {
    BlockRef {
        hash: sha256(name.as_bytes()),
        height,
    }
}

impl Story {
    fn new(expect: &str) -> Self {
        Story::of(&format!("[expect]\n{expect}"))
    }

    /// The same with these tables in the scenario.
    fn of(tables: &str) -> Self {
        let toml = format!("name = \"story\"\nseed = 7\nnetwork.nodes = 3\n{tables}");
        let scenario = Scenario::from_toml(&toml).unwrap();
        Story {
            recorder: Recorder::new(World::Sim, &scenario, block("genesis", 0)),
            events: Vec::new(),
        }
    }

    fn at(&mut self, ms: u64, node: u32, what: What) {
        let event = Event {
            time: Time(ms * 1_000_000),
            node: Some(NodeId(node)),
            what,
        };
        self.recorder.record(&event);
        self.events.push(event);
    }

    fn mines(&mut self, ms: u64, node: u32, new: BlockRef, on: BlockRef) {
        let what = What::Mined {
            block: new,
            parent: on.hash,
            entries: 1,
        };
        self.at(ms, node, what);
        self.follows(ms, node, on, new, 0);
    }

    fn receives(&mut self, ms: u64, node: u32, block: BlockRef, from: u32) {
        let from = NodeId(from);
        self.at(ms, node, What::Received { block, from });
    }

    fn follows(&mut self, ms: u64, node: u32, old: BlockRef, new: BlockRef, disconnected: u32) {
        let what = What::TipChanged {
            old,
            new,
            disconnected,
            connected: 1,
        };
        self.at(ms, node, what);
    }

    fn ends(&self, tips: [BlockRef; 3], entries: Vec<Hash>) -> Report {
        let node = |tip| NodeFinal {
            tip,
            up: true,
            connected: true,
            honest: true,
        };
        self.recorder.finish(&FinalState {
            elapsed: Duration::from_millis(1_500),
            nodes: tips.map(node).to_vec(),
            entries,
            interrupted: false,
            timed_out: false,
            trace: None,
        })
    }
}

/// Nodes 0 and 1 find a block each at height 1; node 2 hears of node 1's first. Node 0
/// finds the next block, and the two others reorganise.
fn a_fork(expect: &str) -> (Story, Report) {
    let mut story = Story::new(expect);
    let (genesis, a1, b1, a2) = (
        block("genesis", 0),
        block("a1", 1),
        block("b1", 1),
        block("a2", 2),
    );
    story.at(
        10,
        0,
        What::Submitted {
            entry: sha256(b"data"),
            bytes: 4,
        },
    );
    story.at(
        20,
        1,
        What::Submitted {
            entry: sha256(b"more"),
            bytes: 4,
        },
    );
    story.mines(100, 0, a1, genesis);
    story.mines(110, 1, b1, genesis);
    story.receives(130, 2, b1, 1);
    story.follows(130, 2, genesis, b1, 0);
    story.receives(150, 2, a1, 0);
    story.mines(400, 0, a2, a1);
    story.receives(440, 1, a2, 0);
    story.follows(440, 1, b1, a2, 1);
    story.receives(480, 2, a2, 0);
    story.follows(480, 2, b1, a2, 1);
    let report = story.ends([a2, a2, a2], vec![sha256(b"data"), sha256(b"nobody's")]);
    (story, report)
}

#[test]
fn a_fork_is_one_stale_block_and_two_reorgs() {
    let (story, report) = a_fork("");
    assert!(report.converged);
    assert_eq!((report.height, report.tip), (2, block("a2", 2).hash));
    assert_eq!(
        (
            report.blocks.mined,
            report.blocks.on_chain,
            report.blocks.stale
        ),
        (3, 2, 1)
    );
    assert!((report.stale_rate - 1.0 / 3.0).abs() < 1e-12);
    assert_eq!(report.forks, 1);
    assert_eq!((report.reorgs.count, report.reorgs.max_depth), (2, 1));
    assert_eq!(report.reorgs.by_depth, [(1, 2)].into());
    assert_eq!(
        (
            report.data.submitted,
            report.data.on_chain,
            report.data.pending
        ),
        (2, 1, 1)
    );
    let per_node = |get: fn(&forkful_scenario::NodeReport) -> u64| -> Vec<u64> {
        report.nodes.iter().map(get).collect()
    };
    assert_eq!(per_node(|node| node.blocks_mined), [2, 1, 0]);
    assert_eq!(per_node(|node| node.blocks_on_chain), [2, 0, 0]);
    assert_eq!(per_node(|node| node.reorgs), [0, 1, 1]);

    let interval = report.block_interval_ms.unwrap();
    assert_eq!((interval.count, interval.p50.round()), (1, 300.0));
    let propagation = report.propagation_ms.unwrap();
    assert_eq!(propagation.count, 4, "20, 40, 50 and 80 ms");
    assert!((propagation.max - 80.0).abs() < 0.2);
    assert_eq!(story.recorder.tree().branches(&report.tip).len(), 1);

    // Node 1 received one block of another, node 2 three, node 0 none.
    let means: Vec<_> = report
        .nodes
        .iter()
        .map(|node| node.propagation_ms)
        .collect();
    assert_eq!(means, [None, Some(40.0), Some(50.0)]);
    assert_eq!(report.node_propagation_ms.unwrap().count, 2);

    // Node 0's block reached node 2 after 50 ms and node 1 never; its next one reached
    // node 1 after 40 ms and node 2 after 80. Node 1's reached node 2 after 20.
    assert!((report.fork_rate - 0.5).abs() < 1e-12);
    let half = report.reach[2];
    assert_eq!((half.percent, half.nodes_ms.unwrap().count), (50, 3));
    assert!((half.nodes_ms.unwrap().max - 50.0).abs() < 0.2);
    let all = report.reach[5];
    assert_eq!((all.percent, all.hash_rate_ms.unwrap().count), (99, 1));
    assert!(
        (report.exposure_ms.unwrap() - 40.0).abs() < 1e-9,
        "a third of 40 and 80"
    );
}

#[test]
fn expectations_are_told_clause_by_clause() {
    let (_, report) = a_fork(
        "data_on_chain = true\nreorgs = { min = 3 }\nmax_reorg_depth = { min = 1, max = 1 }\nstale = { max = 0 }",
    );
    assert!(!report.as_expected());
    assert_eq!(report.expectations.len(), 5);
    assert_eq!(report.expectations[0].clause, "expect.converged = true");
    let unmet: Vec<String> = report.unmet().collect();
    assert_eq!(
        unmet,
        [
            "expect.data_on_chain = true, found false",
            "expect.stale: exactly 0, found 1",
            "expect.reorgs: at least 3, found 2",
        ]
    );
}

#[test]
fn nodes_that_stand_apart_have_not_converged() {
    let (story, _) = a_fork("");
    let report = story.ends([block("a2", 2), block("b1", 1), block("a2", 2)], Vec::new());
    assert!(!report.converged);
    assert_eq!(report.height, 2, "the highest tip stands for the network");
    assert_eq!(
        report.unmet().collect::<Vec<_>>(),
        ["expect.converged = true, found false"]
    );
}

#[test]
fn messages_are_counted_by_kind_and_by_what_became_of_them() {
    let mut story = Story::new("");
    let (to, kind, bytes) = (NodeId(1), MessageKind::NewBlock, 100);
    for ms in 1..=3 {
        story.at(ms, 0, What::Sent { to, kind, bytes });
    }
    let from = NodeId(0);
    story.at(4, 1, What::Delivered { from, kind, bytes });
    story.at(
        5,
        0,
        What::Dropped {
            to,
            kind,
            bytes,
            why: DropReason::Loss,
        },
    );
    let genesis = block("genesis", 0);
    let report = story.ends([genesis; 3], Vec::new());
    let count = &report.messages[&kind];
    assert_eq!(
        (count.sent, count.delivered, count.dropped, count.bytes),
        (3, 1, 1, 300)
    );
    assert_eq!(count.dropped_by, [(DropReason::Loss, 1)].into());
    assert_eq!(
        report.messages.len(),
        MessageKind::ALL.len(),
        "every kind is there"
    );
    assert_eq!(&report.messages_total(), count);
    assert_eq!(report.stale_rate, 0.0, "of no blocks none is stale");
}

#[test]
fn a_strangers_trace_cannot_break_the_recorder() {
    let mut story = Story::new("");
    let (x, y) = (block("x", 9), block("y", u64::MAX));
    story.mines(5, 4_000_000_000, x, y);
    story.receives(1, 77, y, 88);
    story.follows(0, 99, x, y, u32::MAX);
    let report = story.ends([y; 3], Vec::new());
    assert_eq!(
        report.blocks.mined, 0,
        "a block on an unknown one is not taken"
    );
    assert_eq!(report.blocks.stale, 0);
}

#[test]
fn a_line_of_a_trace_reads_back() {
    let (story, _) = a_fork("");
    for event in &story.events {
        let line = event_line(event).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(&serde_json::from_str::<Event>(&line).unwrap(), event);
    }
    let healed = Event {
        time: Time(1),
        node: None,
        what: What::Healed,
    };
    assert_eq!(
        event_line(&healed).unwrap(),
        r#"{"time":1,"event":"healed"}"#
    );
}

#[test]
fn a_report_reads_back_and_has_the_fields_of_its_schema() {
    let (_, report) = a_fork("");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(
        serde_json::from_value::<Report>(json.clone()).unwrap(),
        report
    );
    let schema = report_schema();
    let known = schema["properties"].as_object().unwrap();
    for key in json.as_object().unwrap().keys() {
        assert!(known.contains_key(key), "{key}");
    }
}
