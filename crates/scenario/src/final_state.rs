//! How a world stood when its run ended.

use std::time::Duration;

use forkful_core::{BlockRef, Hash};

/// What the events do not tell: how the world stood when the run ended.
#[derive(Clone, Debug)]
pub struct FinalState {
    /// How long the run took on its own clock.
    pub elapsed: Duration,
    /// Every node, in order.
    pub nodes: Vec<NodeFinal>,
    /// SHA-256 of every entry on the final chain, in any order.
    pub entries: Vec<Hash>,
    /// Whether it was ended from outside.
    pub interrupted: bool,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// The fingerprint of everything that happened, in a world where it repeats.
    pub trace: Option<String>,
}

/// How one node stood when the run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NodeFinal {
    /// Its tip; for one that is down, the last it had.
    pub tip: BlockRef,
    /// Whether it was up.
    pub up: bool,
    /// Whether the others could reach it.
    pub connected: bool,
    /// Whether it plays by the protocol.
    pub honest: bool,
}

impl NodeFinal {
    /// The tip that all honest connected nodes share; `None` while they differ, or when
    /// there is no such node.
    pub fn agreed_tip<'a>(nodes: impl IntoIterator<Item = &'a NodeFinal>) -> Option<BlockRef> {
        let mut tips = nodes
            .into_iter()
            .filter(|node| node.up && node.connected && node.honest)
            .map(|node| node.tip);
        let first = tips.next()?;
        tips.all(|tip| tip == first).then_some(first)
    }

    /// The tip that a report and a chain file are about: the one that is agreed on, or
    /// else the first of the highest that an honest node has.
    pub fn final_tip(nodes: &[NodeFinal]) -> Option<BlockRef> {
        NodeFinal::agreed_tip(nodes).or_else(|| {
            let honest = nodes.iter().filter(|node| node.honest);
            let tips = honest.map(|node| node.tip);
            // `max_by_key` would take the last of equals.
            tips.reduce(|best, tip| if tip.height > best.height { tip } else { best })
        })
    }
}
