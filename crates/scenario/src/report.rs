//! What came of a run, in one form for every world, so that two runs can be laid side
//! by side.

use std::collections::BTreeMap;

use forkful_core::event::DropReason;
use forkful_core::{Hash, MessageKind, NodeId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::world::World;

/// What came of a run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "forkful report")]
pub struct Report {
    /// The world that played the scenario: `mesh`, `tcp` or `sim`.
    pub world: World,
    /// The name of the scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// Whether all honest connected nodes share one tip, and the run was not given up.
    pub converged: bool,
    /// Whether the run was ended from outside, by Ctrl-C for instance.
    pub interrupted: bool,
    /// Whether `stop.time_limit` ended the run.
    pub timed_out: bool,
    /// The fingerprint of everything that happened: equal for equal runs. `null` in the
    /// worlds of real time, where no two runs are equal.
    pub trace: Option<String>,
    /// The tip: of all nodes if they converged, else the highest one of an honest node.
    /// 64 hex digits.
    #[schemars(with = "String")]
    pub tip: Hash,
    /// The height of the tip; genesis is 0.
    pub height: u64,
    /// How long the run took, in seconds on its own clock.
    pub duration: f64,
    /// Blocks, by what became of them.
    pub blocks: Blocks,
    /// Stale blocks as a part of those mined, 0 to 1.
    pub stale_rate: f64,
    /// Heights with more than one block.
    pub forks: u64,
    /// Heights with more than one block, as a part of all heights with any.
    pub fork_rate: f64,
    /// Reorgs: a node left blocks that it had followed.
    pub reorgs: Reorgs,
    /// Messages by kind. Every kind is here, those of other relay policies with zeros.
    #[schemars(with = "BTreeMap<String, MessageCount>")]
    pub messages: BTreeMap<MessageKind, MessageCount>,
    /// Data that was submitted to be mined.
    pub data: Data,
    /// Milliseconds between the moments when blocks of the final chain were found;
    /// `null` below two blocks.
    pub block_interval_ms: Option<Spread>,
    /// Milliseconds from the moment a block was found to its arrival at another node,
    /// for every block and node; `null` when none arrived.
    pub propagation_ms: Option<Spread>,
    /// The same, averaged for each node first: a spread over the nodes. The median and the
    /// 90th percentile of Gervais et al. 2016 are its `p50` and `p90`.
    pub node_propagation_ms: Option<Spread>,
    /// How fast blocks spread: one row for 10, 25, 50, 75, 90 and 99 % of the network.
    pub reach: Vec<ReachReport>,
    /// Milliseconds until a block arrived, averaged over the hash rate and over the blocks
    /// that all of it has: the integral of the part of the hash rate that lacks a block.
    /// With a mean interval of T, a competing block is found with probability
    /// 1 - exp(-exposure / T). `null` if no block reached everybody.
    pub exposure_ms: Option<f64>,
    /// Ties between attackers and the honest; `null` where no node attacks.
    pub races: Option<RaceReport>,
    /// Double spends; `null` where no node tries any.
    pub attempts: Option<AttemptReport>,
    /// What the nodes of each strategy earned together, the honest first.
    pub revenue: Vec<RevenueReport>,
    /// Every node, in order.
    pub nodes: Vec<NodeReport>,
    /// Every clause of `[expect]`, and whether it is met.
    pub expectations: Vec<Expectation>,
}

/// Blocks, by what became of them. Genesis is not counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Blocks {
    /// Found in all.
    pub mined: u64,
    /// On the chain of the tip.
    pub on_chain: u64,
    /// Not on the chain of the tip.
    pub stale: u64,
}

/// Reorgs, counted at every node: eight nodes that leave one block are eight.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Reorgs {
    /// How many.
    pub count: u64,
    /// Blocks disconnected by the deepest.
    pub max_depth: u32,
    /// How many of each depth.
    pub by_depth: BTreeMap<u32, u64>,
}

/// Messages of one kind.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct MessageCount {
    /// Given to the network.
    pub sent: u64,
    /// Arrived. Those under way when the run ends are neither delivered nor dropped.
    pub delivered: u64,
    /// Lost, for whatever reason.
    pub dropped: u64,
    /// Lost, by reason: `loss`, `cut`, `inbox_full`, `link_full`, `down`.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub dropped_by: BTreeMap<DropReason, u64>,
    /// Bytes of those sent.
    pub bytes: u64,
}

/// Data that was submitted to be mined. The same data twice is one entry.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Data {
    /// Entries that a node took.
    pub submitted: u64,
    /// Those that are on the chain of the tip.
    pub on_chain: u64,
    /// Those that are not.
    pub pending: u64,
    /// Times that a node refused an entry, for instance because it has it already.
    pub refused: u64,
}

/// How a quantity is spread. Quantiles are exact to one in a thousand.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// How many values.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// Half of them are at most this.
    pub p50: f64,
    /// 90 % of them are at most this.
    pub p90: f64,
    /// 99 % of them are at most this.
    pub p99: f64,
    /// The greatest.
    pub max: f64,
}

/// How long blocks took to a part of the network. Blocks that never got so far, the last
/// ones of a run for instance, are not counted.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ReachReport {
    /// The part, in per cent.
    pub percent: u32,
    /// Milliseconds until so many of the nodes had a block, over all blocks.
    pub nodes_ms: Option<Spread>,
    /// Milliseconds until nodes with so much of the hash rate had it.
    pub hash_rate_ms: Option<Spread>,
}

/// Ties between a branch that an attacker published in answer to others and one of the
/// honest, both of the greatest height.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RaceReport {
    /// How many there were. One may still be open when the run ends.
    pub count: u64,
    /// Those that ended with a block of an honest node.
    pub ended_by_honest: u64,
    /// Those of them whose last block was built on the attacker's branch.
    pub on_attackers_branch: u64,
    /// Those that ended with a block that an attacker published.
    pub ended_by_attackers: u64,
    /// The part of the honest hash rate on either branch that was on the attacker's when an
    /// honest node found the block that ended the race: the mean over these races, 0 to 1;
    /// `null` without any.
    pub gamma: Option<f64>,
}

/// Attempts of double spends.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AttemptReport {
    /// How many ended: were won, or given up.
    pub ended: u64,
    /// Those that were won.
    pub won: u64,
    /// Those won over those that ended, 0 to 1; `null` if none ended.
    pub success_rate: Option<f64>,
}

/// What all nodes of one strategy earned together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct RevenueReport {
    /// How they behave.
    pub strategy: String,
    /// How many there are.
    pub nodes: u64,
    /// Their part of the network's hash rate when the run began, 0 to 1.
    pub hash_share: f64,
    /// Blocks that they found.
    pub blocks_mined: u64,
    /// Those of them that are on the final chain.
    pub blocks_on_chain: u64,
    /// Their part of the blocks of that chain, 0 to 1; `null` if it has none.
    pub revenue_share: Option<f64>,
    /// The part of their blocks that is stale, 0 to 1; `null` if they found none.
    pub stale_rate: Option<f64>,
}

/// What came of one node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NodeReport {
    /// Its number.
    #[schemars(with = "u32")]
    pub id: NodeId,
    /// Its tip: 64 hex digits.
    #[schemars(with = "String")]
    pub tip: Hash,
    /// The height of its tip.
    pub height: u64,
    /// Its part of the network's hash rate when the run began, 0 to 1.
    pub hash_share: f64,
    /// Blocks that it found.
    pub blocks_mined: u64,
    /// Those of them that are on the final chain.
    pub blocks_on_chain: u64,
    /// Milliseconds that blocks of others took to it on average; `null` if none arrived.
    pub propagation_ms: Option<f64>,
    /// Its reorgs.
    pub reorgs: u64,
    /// Whether it was up at the end.
    pub state: NodeState,
    /// Whether it plays by the protocol.
    pub honest: bool,
}

/// Whether a node runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum NodeState {
    /// It runs.
    Up,
    /// It crashed and was not restarted.
    Crashed,
}

/// One clause of `[expect]`, held against the run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Expectation {
    /// The clause, such as `expect.reorgs: at least 1`.
    pub clause: String,
    /// Whether it is met.
    pub met: bool,
    /// What was found, such as `4` or `true`.
    pub found: String,
}

impl Report {
    /// Whether every expectation is met.
    pub fn as_expected(&self) -> bool {
        self.expectations.iter().all(|expectation| expectation.met)
    }

    /// The clauses that are not met, in words.
    pub fn unmet(&self) -> impl Iterator<Item = String> + '_ {
        self.expectations
            .iter()
            .filter(|expectation| !expectation.met)
            .map(|expectation| format!("{}, found {}", expectation.clause, expectation.found))
    }

    /// What the nodes of the strategy with this name earned together.
    pub fn revenue_of(&self, strategy: &str) -> Option<&RevenueReport> {
        self.revenue.iter().find(|row| row.strategy == strategy)
    }

    /// Messages of all kinds together.
    pub fn messages_total(&self) -> MessageCount {
        let mut total = MessageCount::default();
        for count in self.messages.values() {
            total.sent += count.sent;
            total.delivered += count.delivered;
            total.dropped += count.dropped;
            total.bytes += count.bytes;
            for (reason, dropped) in &count.dropped_by {
                *total.dropped_by.entry(*reason).or_default() += dropped;
            }
        }
        total
    }
}
