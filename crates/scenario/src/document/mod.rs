//! A scenario file as it is written: every key, none of them checked against another.
//!
//! These types are the format. Their comments become the JSON Schema, and
//! docs/scenarios.md is tested to name every key. What is not given is `None`, so that
//! defaults and conflicts are decided in one place, `check`.

mod consensus;
mod distribution;
mod network;
mod strategy;
mod topology;

use forkful_core::Relay;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{Fraction, Nodes, Rate, Size, Span, SpanOrOff};
use crate::scenario::Kernel;
use crate::world::World;

pub(crate) use consensus::{
    ConsensusTable, DifficultyTable, DifficultyWord, ForkChoiceWord, TargetTable,
};
pub(crate) use distribution::{BytesValue, DistributionTable, DistributionValue};
pub(crate) use network::{
    JitterTable, JitterValue, JitterWord, LinkTable, LinksTable, NetworkTable, NodesTable, PerWord,
    ProcessingTable, RegionsTable, RegionsValue,
};
pub(crate) use strategy::{StrategyTable, StrategyValue, StrategyWord};
pub(crate) use topology::{TopologyKind, TopologyTable, TopologyValue, TopologyWord};

/// What a network is, what happens to it, when the run ends, and what must hold then.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "forkful scenario")]
pub(crate) struct Document {
    /// What the scenario is called: 1 to 64 letters, digits, spaces, `-`, `_` or `.`.
    /// Default: "scenario".
    pub name: Option<String>,
    /// One sentence on what it shows: at most 200 characters. Default: none.
    pub about: Option<String>,
    /// Where all chance comes from: a whole number from 0. Default: 1.
    pub seed: Option<u64>,
    /// Which world plays it, if the command line does not say. Default: "mesh".
    pub world: Option<World>,
    /// The nodes and what connects them.
    pub network: NetworkTable,
    /// Links that differ from `network.link`.
    pub links: Vec<LinksTable>,
    /// The rules of the chain.
    pub consensus: ConsensusTable,
    /// How blocks spread.
    pub relay: RelayTable,
    /// How fast the network searches.
    pub mining: MiningTable,
    /// Nodes that differ from the others.
    pub nodes: Vec<NodesTable>,
    /// What happens, and when.
    pub events: Vec<EventTable>,
    /// Data given to random nodes at a steady pace, to be mined. Default: none.
    pub workload: Option<WorkloadTable>,
    /// Nodes that leave and come back, by chance. Default: none.
    pub churn: Option<ChurnTable>,
    /// When the run ends.
    pub stop: StopTable,
    /// What must hold at the end, for the run to count as a success.
    pub expect: ExpectTable,
}

/// How blocks spread.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RelayTable {
    /// What a node does with a block that is new to it. Default: "flood".
    pub policy: Option<RelayWord>,
    /// How often a node tells its tip to one random peer, which repairs what lost
    /// messages broke: a duration from "1ms", or "off". Default: "1s".
    pub tip_interval: Option<SpanOrOff>,
    /// How long a node waits for an answer before it asks another peer: a duration from
    /// "1ms". Default: "2s".
    pub request_timeout: Option<Span>,
    /// Whether a node also passes on blocks of others that do not become its tip.
    /// Default: false.
    pub all_blocks: Option<bool>,
    /// For `sim`, whose blocks carry no entries that could be missing: the probability that
    /// a node which is sent a compact block has to ask for entries. 0 to 1, or a
    /// percentage. Default: 0.
    pub compact_failure: Option<Fraction>,
}

/// What a node does with a block that is new to it.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RelayWord {
    /// Pushes the whole block to every peer.
    Flood,
    /// Announces its header; peers fetch the body.
    Announce,
    /// Pushes the whole block if it is its own, and announces the header if not.
    Unsolicited,
    /// Announces its header; peers ask for the names of its entries, and rebuild it.
    Compact,
}

impl From<RelayWord> for Relay {
    fn from(word: RelayWord) -> Relay {
        match word {
            RelayWord::Flood => Relay::Flood,
            RelayWord::Announce => Relay::Announce,
            RelayWord::Unsolicited => Relay::Unsolicited,
            RelayWord::Compact => Relay::Compact,
        }
    }
}

impl From<Relay> for RelayWord {
    fn from(relay: Relay) -> RelayWord {
        match relay {
            Relay::Flood => RelayWord::Flood,
            Relay::Announce => RelayWord::Announce,
            Relay::Unsolicited => RelayWord::Unsolicited,
            Relay::Compact => RelayWord::Compact,
        }
    }
}

/// How fast the network searches.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct MiningTable {
    /// Tries per second of the whole network, divided among the nodes by their
    /// `hash_share`: a number up to 1e24 such as "160k", or "unlimited": each node as
    /// fast as the machine can. Default: "160k".
    pub hash_rate: Option<Rate>,
    /// Instead of `hash_rate`: the mean time between two blocks under the first target, from
    /// "1ms". The hash rate is whatever gives it.
    pub interval: Option<Span>,
    /// What the nodes' `hash_share` is drawn from, each for itself: a distribution of numbers
    /// from 0 to 1e12. Default: 1 for each.
    pub hash_shares: Option<DistributionValue>,
    /// Which code searches; `sim` has no use for it. Default: "auto".
    pub kernel: Option<Kernel>,
}

/// Something that happens: once, at a time or at a height.
///
/// Each kind of event takes its own keys; the others are errors.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventTable {
    /// When: time since the run began. Either this or `at_height` is required.
    pub at: Option<Span>,
    /// When: as soon as the tip of any node has this height, from 0.
    pub at_height: Option<i64>,
    /// What. Required.
    #[serde(rename = "do")]
    pub action: ActionWord,
    /// For `split`: the groups, each a set of nodes. Messages travel only within a
    /// group. Nodes that are in none form one more.
    pub groups: Option<Vec<Nodes>>,
    /// For `cut` and `heal`: the two ends of a link. `heal` without it ends every cut
    /// and split.
    pub between: Option<Vec<i64>>,
    /// For `crash`, `restart` and `hash-rate`: the node. For `submit`: the node that is
    /// given the data; by default one chosen by chance.
    pub node: Option<i64>,
    /// For `hash-rate`: the node's tries per second from now on, or "unlimited"; 0 stops
    /// its mining.
    pub hash_rate: Option<Rate>,
    /// For `submit`: one entry, as text.
    pub data: Option<String>,
    /// For `submit`: one entry, as hex digits.
    pub data_hex: Option<String>,
    /// For `submit`: how many entries to make up, 1 to 50000, and
    /// 32 MB together.
    pub count: Option<i64>,
    /// For `submit` with `count`: the length of each, 32 bytes to `body_bytes_max`.
    /// Default: 32.
    pub bytes: Option<Size>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ActionWord {
    /// Messages travel only within groups of nodes.
    Split,
    /// Every cut and split ends, or one cut.
    Heal,
    /// One link carries nothing.
    Cut,
    /// A node stops and loses its memory.
    Crash,
    /// A crashed node comes back with what it had stored.
    Restart,
    /// A node mines faster, slower or not at all.
    HashRate,
    /// Data is given to a node, to be mined.
    Submit,
}

impl ActionWord {
    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            ActionWord::Split => "split",
            ActionWord::Heal => "heal",
            ActionWord::Cut => "cut",
            ActionWord::Crash => "crash",
            ActionWord::Restart => "restart",
            ActionWord::HashRate => "hash-rate",
            ActionWord::Submit => "submit",
        }
    }
}

/// Data given to random nodes at a steady pace.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WorkloadTable {
    /// The time between two entries, from "1ms". Required.
    pub every: Span,
    /// The length of each, 32 bytes to `body_bytes_max`. Default: 32.
    pub bytes: Option<Size>,
    /// How many in all, 1 to 1000000. Default: until the stop clause is met.
    pub count: Option<i64>,
}

/// Nodes that leave and come back: each is up and down in turns, for times that are drawn from
/// exponential distributions. It leaves as in `crash` and comes back as in `restart`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChurnTable {
    /// Which. Default: all.
    pub nodes: Option<Nodes>,
    /// How many of these, each by chance: 0 to 1, or a percentage. Default: 1.
    pub share: Option<Fraction>,
    /// The mean time that a node is up: from "1s". Required.
    pub up: Span,
    /// The mean time that it is down: from "1s". Required.
    pub down: Span,
}

/// When the run ends: as soon as any one of `height`, `blocks` and `time` is met, every
/// event has happened, all honest connected nodes agree on one tip, and the data is on
/// the chain.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct StopTable {
    /// A node's tip has this height: from 1. Default: 30, if no other clause is
    /// given.
    pub height: Option<i64>,
    /// So many blocks were mined in all: from 1. Default: none.
    pub blocks: Option<i64>,
    /// So much time has passed. Default: none.
    pub time: Option<Span>,
    /// After so much time the run is given up, as one that did not converge.
    /// Default: "2min".
    pub time_limit: Option<Span>,
}

/// What must hold at the end.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ExpectTable {
    /// Whether all honest connected nodes share one tip. Default: true.
    pub converged: Option<bool>,
    /// Whether all submitted data is on the chain. Default: not looked at.
    pub data_on_chain: Option<bool>,
    /// The height of the final tip.
    pub height: Option<BoundsTable>,
    /// Blocks mined in all.
    pub mined: Option<BoundsTable>,
    /// Blocks that are not on the final chain.
    pub stale: Option<BoundsTable>,
    /// Heights with more than one block.
    pub forks: Option<BoundsTable>,
    /// Reorgs, counted at every node.
    pub reorgs: Option<BoundsTable>,
    /// Blocks disconnected by the deepest reorg.
    pub max_reorg_depth: Option<BoundsTable>,
    /// Messages sent.
    pub sent: Option<BoundsTable>,
    /// Messages that did not arrive.
    pub dropped: Option<BoundsTable>,
}

/// A range that a number must lie in; at least one end is given.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BoundsTable {
    /// The least value, inclusive, from 0. Default: none.
    pub min: Option<i64>,
    /// The greatest value, inclusive, from 0. Default: none.
    pub max: Option<i64>,
}
