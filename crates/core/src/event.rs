//! What happens in a network, told as one type.
//!
//! Every world tells the same events, and everything that is shown, counted or
//! recorded is a consumer of this stream: terminal, report, trace file, web page.
//! One event is one line of JSON in a trace; docs/scenarios.md lists the fields.

use serde::{Deserialize, Serialize};

use crate::door::Rejection;
use crate::hash::Hash;
use crate::rules::RuleError;
use crate::strategy::Attempt;
use crate::units::Time;

/// One participant of a network, numbered from zero.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl std::fmt::Display for NodeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// A block as events name it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BlockRef {
    /// Its hash.
    pub hash: Hash,
    /// Its height: genesis is 0.
    pub height: u64,
}

/// Something that happened, when, and to whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// When, on the monotonic clock of the run.
    pub time: Time,
    /// To which node; `None` for what happens to the network as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// The node found a block.
    Mined {
        /// The new block.
        block: BlockRef,
        /// The block it was mined on.
        parent: Hash,
        /// How many entries it carries.
        entries: u32,
    },
    /// A valid block that was new to the node came in from a peer.
    Received {
        /// The block.
        block: BlockRef,
        /// Who sent it.
        from: NodeId,
    },
    /// A peer sent a block whose parent is not known to the node, which asks for the chain between.
    Unconnected {
        /// Who sent it.
        from: NodeId,
        /// The block.
        hash: Hash,
        /// Its parent.
        parent: Hash,
    },
    /// Something that a peer sent broke a rule.
    Rejected {
        /// Who sent it.
        from: NodeId,
        /// The rule, in words.
        why: String,
    },
    /// The node's tip is another block now. It is a reorg if blocks were disconnected.
    TipChanged {
        /// The tip before.
        old: BlockRef,
        /// The tip now.
        new: BlockRef,
        /// Blocks of the old chain that are not on the new one: the depth of the reorg.
        disconnected: u32,
        /// Blocks of the new chain that were not on the old one.
        connected: u32,
    },
    /// A block that the node had found and kept is a secret no more: it published its
    /// branch, or gave it up.
    Published {
        /// The block.
        block: BlockRef,
    },
    /// An attempt of the node's strategy to replace public blocks ended.
    AttemptEnded {
        /// Whether it succeeded.
        won: bool,
        /// Blocks of the public chain after the fork point.
        public_blocks: u64,
        /// Blocks of the node's own branch.
        own_blocks: u64,
    },
    /// The node took data to be mined.
    Submitted {
        /// SHA-256 of the data.
        entry: Hash,
        /// Its length in bytes.
        bytes: u32,
    },
    /// The node refused data to be mined.
    Refused {
        /// SHA-256 of the data.
        entry: Hash,
        /// Why, in words.
        why: String,
    },
    /// The node gave a message to the network.
    Sent {
        /// To whom.
        to: NodeId,
        /// What kind of message.
        kind: MessageKind,
        /// Its length on the wire in bytes.
        bytes: u32,
    },
    /// A message reached the node.
    Delivered {
        /// From whom.
        from: NodeId,
        /// What kind of message.
        kind: MessageKind,
        /// Its length on the wire in bytes.
        bytes: u32,
    },
    /// A message that the node sent was lost.
    Dropped {
        /// To whom it was sent.
        to: NodeId,
        /// What kind of message.
        kind: MessageKind,
        /// Its length on the wire in bytes.
        bytes: u32,
        /// What became of it.
        why: DropReason,
    },
    /// A peer connected.
    PeerUp {
        /// The peer.
        peer: NodeId,
    },
    /// A peer is gone.
    PeerDown {
        /// The peer.
        peer: NodeId,
        /// Why, in words.
        why: String,
    },
    /// The node lost its memory and stopped.
    Crashed,
    /// The node came back with what it had stored.
    Restarted {
        /// Its tip after start-up.
        tip: BlockRef,
    },
    /// The node's hash rate was changed.
    HashRate {
        /// Tries per second from now on; `None` is as fast as the machine can.
        tries_per_second: Option<u64>,
    },
    /// The link between the node and another was cut, in both directions.
    LinkCut {
        /// The other end.
        to: NodeId,
    },
    /// The link between the node and another works again.
    LinkHealed {
        /// The other end.
        to: NodeId,
    },
    /// The network was split: messages travel only within a group.
    Split {
        /// The groups; nodes that are in none form one more.
        groups: Vec<Vec<NodeId>>,
    },
    /// Every cut and split ended.
    Healed,
}

impl What {
    /// Its name: that in the field `event` of a trace.
    pub fn name(&self) -> &'static str {
        match self {
            What::Mined { .. } => "mined",
            What::Received { .. } => "received",
            What::Unconnected { .. } => "unconnected",
            What::Rejected { .. } => "rejected",
            What::TipChanged { .. } => "tip_changed",
            What::Submitted { .. } => "submitted",
            What::Refused { .. } => "refused",
            What::Sent { .. } => "sent",
            What::Delivered { .. } => "delivered",
            What::Dropped { .. } => "dropped",
            What::PeerUp { .. } => "peer_up",
            What::PeerDown { .. } => "peer_down",
            What::Crashed => "crashed",
            What::Restarted { .. } => "restarted",
            What::HashRate { .. } => "hash_rate",
            What::LinkCut { .. } => "link_cut",
            What::LinkHealed { .. } => "link_healed",
            What::Split { .. } => "split",
            What::Healed => "healed",
            What::Published { .. } => "published",
            What::AttemptEnded { .. } => "attempt_ended",
        }
    }
}

impl From<Attempt> for What {
    fn from(attempt: Attempt) -> What {
        let Attempt {
            won,
            public_blocks,
            own_blocks,
        } = attempt;
        What::AttemptEnded {
            won,
            public_blocks,
            own_blocks,
        }
    }
}

impl From<(NodeId, &Rejection)> for What {
    /// What to tell of a block that this peer sent and that was refused at the door.
    fn from((from, rejection): (NodeId, &Rejection)) -> What {
        let hash = rejection.hash;
        match rejection.rule {
            RuleError::UnknownParent(parent) => What::Unconnected { from, hash, parent },
            _ => What::Rejected {
                from,
                why: rejection.to_string(),
            },
        }
    }
}

/// The kinds of messages, for counting: one for each variant of
/// [`Message`](crate::Message).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "each is documented at the message it names")]
pub enum MessageKind {
    NewBlock,
    Announce,
    RequestBlock,
    Block,
    NotFound,
    RequestHeaders,
    Headers,
    RequestChain,
    Chain,
    NewData,
    RequestCompact,
    CompactBlock,
    RequestEntries,
    Entries,
}

impl MessageKind {
    /// Every kind, in the order of the wire format's type bytes.
    pub const ALL: [MessageKind; 14] = [
        MessageKind::NewBlock,
        MessageKind::Announce,
        MessageKind::RequestBlock,
        MessageKind::Block,
        MessageKind::NotFound,
        MessageKind::RequestHeaders,
        MessageKind::Headers,
        MessageKind::RequestChain,
        MessageKind::Chain,
        MessageKind::NewData,
        MessageKind::RequestCompact,
        MessageKind::CompactBlock,
        MessageKind::RequestEntries,
        MessageKind::Entries,
    ];
}

/// Why a message did not arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DropReason {
    /// The link lost it, as its `loss` says.
    Loss,
    /// The link was cut, or the network split between the two.
    Cut,
    /// The receiver's inbox was full.
    InboxFull,
    /// Too much was under way on the link already.
    LinkFull,
    /// The receiver was down, or no longer a peer.
    Down,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names that serde knows: it lists them when it is asked for another one.
    fn names() -> Vec<String> {
        let error = serde_json::from_str::<What>(r#"{"event":"?"}"#).unwrap_err();
        let text = error.to_string();
        let (_, names) = text.split_once("expected one of ").unwrap();
        let names = names.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect()
    }

    #[test]
    fn every_event_has_the_name_that_a_trace_gives_it() {
        let names = names();
        assert!(names.len() >= 20, "{names:?}");
        for name in names {
            let hash = "00".repeat(32);
            let block = serde_json::json!({ "hash": hash, "height": 1 });
            let what = serde_json::json!({
                "event": name, "block": block, "old": block, "new": block, "tip": block,
                "hash": hash, "parent": hash, "entry": hash, "entries": 0, "bytes": 0, "from": 1, "to": 1, "peer": 1,
                "kind": "block", "why": "loss", "disconnected": 0, "connected": 1, "won": true,
                "public_blocks": 1, "own_blocks": 2, "tries_per_second": 3, "groups": [[0]],
            });
            let what: What = serde_json::from_value(what).unwrap();
            assert_eq!(what.name(), name);
        }
    }
}
