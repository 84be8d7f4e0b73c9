//! What happens to a network: events, and data to be mined.

use std::time::Duration;

use forkful_core::NodeId;

use crate::node_set::NodeSet;
use crate::quantity::HashRate;

/// Something that happens once.
#[derive(Clone, PartialEq, Debug)]
pub struct TimedAction {
    /// When.
    pub when: When,
    /// What.
    pub action: Action,
}

/// When an action happens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum When {
    /// So long after the run began.
    At(Duration),
    /// As soon as the tip of any node has this height.
    Height(u64),
}

/// What can happen to a network.
#[derive(Clone, PartialEq, Debug)]
pub enum Action {
    /// Messages travel only within a group. Nodes that are in none form one more.
    Split {
        /// The groups; none overlaps another.
        groups: Vec<NodeSet>,
    },
    /// Every cut and split ends.
    Heal,
    /// A link carries nothing until it is healed.
    CutLink {
        /// Its ends, the lower first.
        between: (NodeId, NodeId),
    },
    /// A cut link works again.
    HealLink {
        /// Its ends, the lower first.
        between: (NodeId, NodeId),
    },
    /// A node stops and loses its memory. Nothing happens to one that is down.
    Crash {
        /// Which.
        node: NodeId,
    },
    /// A crashed node comes back with what it had stored. Nothing happens to one that is up.
    Restart {
        /// Which.
        node: NodeId,
    },
    /// A node's hash rate is this from now on.
    SetHashRate {
        /// Which.
        node: NodeId,
        /// Its own rate, not a share of the network's.
        hash_rate: HashRate,
    },
    /// Data is given to a node, to be mined.
    Submit {
        /// Which; `None` is one chosen by chance for each entry.
        node: Option<NodeId>,
        /// The data.
        data: Submission,
    },
}

/// Data given to a node at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Submission {
    /// One entry, as given.
    Entry(Vec<u8>),
    /// Entries that are made up, each different from every other of the run.
    Generated {
        /// What tells these entries from others: the number of the event in the file.
        event: u32,
        /// How many.
        count: u32,
        /// The length of each in bytes: at least 32.
        bytes: u32,
    },
}

/// Data given to random nodes at a steady pace: entry `k`, from 0, at `(k + 1) * every`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Workload {
    /// The time between two entries.
    pub every: Duration,
    /// The length of each in bytes: at least 32.
    pub bytes: u32,
    /// How many in all; `None` is until the stop clause is met.
    pub count: Option<u32>,
}

impl Submission {
    /// The entries, one after the other.
    pub fn entries(&self) -> Box<dyn Iterator<Item = Vec<u8>> + Send + '_> {
        match self {
            Submission::Entry(bytes) => Box::new(std::iter::once(bytes.clone())),
            Submission::Generated {
                event,
                count,
                bytes,
            } => {
                let (event, bytes) = (*event, *bytes);
                Box::new(
                    (0..*count)
                        .map(move |number| padded(format!("event {event} entry {number} "), bytes)),
                )
            }
        }
    }
}

impl Workload {
    /// Entry `number`, counted from 0: readable text, different for every number.
    pub fn entry(&self, number: u32) -> Vec<u8> {
        padded(format!("workload entry {number} "), self.bytes)
    }

    /// When entry `number` is given to a node, or `None` when there are not so many.
    pub fn due(&self, number: u32) -> Option<Duration> {
        if self.count.is_some_and(|count| number >= count) {
            return None;
        }
        self.every.checked_mul(number.checked_add(1)?)
    }
}

/// `text` filled up with dots to the length that was asked for.
fn padded(text: String, bytes: u32) -> Vec<u8> {
    let mut entry = text.into_bytes();
    entry.resize((bytes as usize).max(entry.len()), b'.');
    entry
}
