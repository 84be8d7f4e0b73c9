//! From the stream of events to the report.
//!
//! The recorder is told every event of a run, for every message two, while nodes wait:
//! so an event costs it a few additions, and its memory grows with blocks and submitted
//! data, never with messages.

use std::collections::{BTreeMap, BTreeSet};

use forkful_core::event::{DropReason, What};
use forkful_core::{BlockRef, Event, Hash, MessageKind, NodeId};
use hdrhistogram::Histogram;

use crate::expect::Expect;
use crate::final_state::{FinalState, NodeFinal};
use crate::fork_tree::{BlockRecord, ForkTree};
use crate::races::Races;
use crate::reach::{Reach, Spreading};
use crate::report::{
    AttemptReport, Blocks, Data, MessageCount, NodeReport, NodeState, Reorgs, Report, Spread,
};
use crate::revenue::{ratio, revenue};
use crate::scenario::Scenario;
use crate::spread::{count, histogram, spread};
use crate::strategy::StrategyKind;
use crate::world::World;

/// Folds the events of a run.
#[derive(Clone, Debug)]
pub struct Recorder {
    world: World,
    scenario: String,
    seed: u64,
    expect: Expect,
    tree: ForkTree,
    spreading: Spreading,
    /// `None` where nobody attacks.
    strategies: Option<Vec<StrategyKind>>,
    races: Option<Races>,
    attempts: Option<AttemptReport>,
    nodes: Vec<NodeCount>,
    messages: [KindCount; MessageKind::ALL.len()],
    reorgs: Reorgs,
    submitted: BTreeSet<Hash>,
    refused: u64,
    /// Microseconds from the moment a block was found to each arrival.
    propagation: Histogram<u64>,
    /// The greatest height that any node's tip has had.
    height: u64,
}

/// What is counted of one node.
#[derive(Clone, Copy, Debug, Default)]
struct NodeCount {
    mined: u64,
    reorgs: u64,
}

/// What is counted of one kind of message.
#[derive(Clone, Copy, Debug, Default)]
struct KindCount {
    sent: u64,
    delivered: u64,
    bytes: u64,
    dropped: [u64; REASONS.len()],
}

/// Every reason, in the order of the enum: its number is the place of its count.
const REASONS: [DropReason; 5] = [
    DropReason::Loss,
    DropReason::Cut,
    DropReason::InboxFull,
    DropReason::LinkFull,
    DropReason::Down,
];

/// One event as one line of a trace: JSON, without the newline.
///
/// # Errors
/// None that an event can cause; serde's signature asks for it.
pub fn event_line(event: &Event) -> Result<String, serde_json::Error> {
    serde_json::to_string(event)
}

impl Recorder {
    /// Nothing has happened yet.
    pub fn new(world: World, scenario: &Scenario, genesis: BlockRef) -> Self {
        let shares = scenario.hash_shares();
        let strategies = scenario.strategies();
        let spends = |strategy: &StrategyKind| matches!(strategy, StrategyKind::DoubleSpend { .. });
        let any_spends = strategies.iter().flatten().any(spends);
        Recorder {
            world,
            scenario: scenario.name.clone(),
            seed: scenario.seed,
            expect: scenario.expect,
            tree: ForkTree::new(genesis),
            spreading: Spreading::new(&shares),
            races: strategies
                .as_ref()
                .map(|of| Races::new(of, &shares, scenario.mining.hash_rate, genesis)),
            attempts: any_spends.then_some(AttemptReport::NONE),
            strategies,
            nodes: vec![NodeCount::default(); scenario.network.nodes as usize],
            messages: [KindCount::default(); MessageKind::ALL.len()],
            reorgs: Reorgs::default(),
            submitted: BTreeSet::new(),
            refused: 0,
            propagation: histogram(),
            height: 0,
        }
    }

    /// Takes in one event. Events come in the order of their time.
    pub fn record(&mut self, event: &Event) {
        if let Some(races) = &mut self.races {
            races.record(event);
        }
        match &event.what {
            What::Sent { kind, bytes, .. } => self.sent(*kind, *bytes),
            What::Delivered { kind, .. } => self.delivered(*kind),
            What::Dropped { kind, why, .. } => self.dropped(*kind, *why),
            What::Received { block, .. } => self.arrived(event, block),
            What::Mined {
                block,
                parent,
                entries,
            } => self.mined(event, block, *parent, *entries),
            What::TipChanged {
                new, disconnected, ..
            } => {
                self.height = self.height.max(new.height);
                if *disconnected > 0 {
                    self.reorg(event.node, *disconnected);
                }
            }
            What::Restarted { tip } => self.height = self.height.max(tip.height),
            What::AttemptEnded { won, .. } => {
                if let Some(attempts) = &mut self.attempts {
                    attempts.add(*won);
                }
            }
            What::Submitted { entry, .. } => {
                self.submitted.insert(*entry);
            }
            What::Refused { .. } => self.refused += 1,
            What::Unconnected { .. }
            | What::Rejected { .. }
            | What::PeerUp { .. }
            | What::PeerDown { .. }
            | What::Crashed
            | What::HashRate { .. }
            | What::Published { .. }
            | What::LinkCut { .. }
            | What::LinkHealed { .. }
            | What::Split { .. }
            | What::Healed => {}
        }
    }

    /// Takes in that a message was sent, without an event: where there are millions of
    /// them and nobody else wants to know.
    pub fn sent(&mut self, kind: MessageKind, bytes: u32) {
        let count = &mut self.messages[kind as usize];
        count.sent += 1;
        count.bytes += u64::from(bytes);
    }

    /// The same of one that arrived.
    pub fn delivered(&mut self, kind: MessageKind) {
        self.messages[kind as usize].delivered += 1;
    }

    /// The same of one that was lost.
    pub fn dropped(&mut self, kind: MessageKind, why: DropReason) {
        self.messages[kind as usize].dropped[why as usize] += 1;
    }

    /// The greatest height that any node's tip has had so far.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Blocks mined so far, genesis not counted.
    pub fn blocks_mined(&self) -> u64 {
        self.tree.blocks().len() as u64 - 1
    }

    /// Reorgs so far.
    pub fn reorgs(&self) -> &Reorgs {
        &self.reorgs
    }

    /// SHA-256 of every entry that a node took so far.
    pub fn submitted(&self) -> &BTreeSet<Hash> {
        &self.submitted
    }

    /// Every block so far.
    pub fn tree(&self) -> &ForkTree {
        &self.tree
    }

    /// How each block spread, in the order of the tree's blocks.
    pub fn reach(&self) -> &[Reach] {
        self.spreading.blocks()
    }

    /// The report of the run, which ended so; expectations are held against it.
    pub fn finish(&self, end: &FinalState) -> Report {
        let agreed = NodeFinal::agreed_tip(&end.nodes);
        let genesis = BlockRef {
            hash: self.tree.blocks()[0].hash,
            height: 0,
        };
        let tip = NodeFinal::final_tip(&end.nodes).unwrap_or(genesis);
        let on_chain = self.tree.on_chain(&tip.hash);
        let on_chain_count = on_chain.iter().filter(|on| **on).count() as u64;
        let blocks = Blocks {
            mined: self.blocks_mined(),
            // Genesis is there but was not mined.
            on_chain: on_chain_count.saturating_sub(1),
            stale: self.tree.blocks().len() as u64 - on_chain_count.max(1),
        };
        let forks = self.tree.fork_heights().len() as u64;
        let nodes = self.node_reports(&end.nodes, &on_chain);
        let mut report = Report {
            world: self.world,
            scenario: self.scenario.clone(),
            seed: self.seed,
            converged: agreed.is_some() && !end.timed_out,
            interrupted: end.interrupted,
            timed_out: end.timed_out,
            trace: end.trace.clone(),
            tip: tip.hash,
            height: tip.height,
            duration: end.elapsed.as_secs_f64(),
            stale_rate: ratio(blocks.stale, blocks.mined).unwrap_or(0.0),
            blocks,
            forks,
            fork_rate: ratio(forks, self.tree.heights()).unwrap_or(0.0),
            reorgs: self.reorgs.clone(),
            messages: self.message_counts(),
            data: self.data(&end.entries),
            block_interval_ms: self.block_intervals(&tip.hash),
            propagation_ms: spread(&self.propagation),
            node_propagation_ms: self.spreading.mean_arrivals(),
            reach: self.spreading.reports(),
            exposure_ms: self.spreading.exposure_ms(),
            races: self.races.as_ref().map(Races::report),
            attempts: self.attempts,
            revenue: revenue(self.strategies.as_deref(), &nodes, blocks.on_chain),
            nodes,
            expectations: Vec::new(),
        };
        report.expectations = self.expect.check(&report);
        report
    }

    fn mined(&mut self, event: &Event, block: &BlockRef, parent: Hash, entries: u32) {
        let is_new = self.tree.insert(BlockRecord {
            hash: block.hash,
            parent,
            height: block.height,
            miner: event.node,
            time: event.time,
            entries,
        });
        if !is_new {
            return;
        }
        self.spreading.found(event.node.map(|node| node.0 as usize));
        if let Some(node) = self.node(event.node) {
            node.mined += 1;
        }
    }

    fn arrived(&mut self, event: &Event, block: &BlockRef) {
        if let Some(place) = self.tree.place(&block.hash) {
            let after = event.time.since(self.tree.blocks()[place].time);
            count(&mut self.propagation, after);
            let node = event.node.map(|node| node.0 as usize);
            self.spreading.arrived(place, node, after);
        }
    }

    fn reorg(&mut self, node: Option<NodeId>, depth: u32) {
        self.reorgs.count += 1;
        self.reorgs.max_depth = self.reorgs.max_depth.max(depth);
        *self.reorgs.by_depth.entry(depth).or_default() += 1;
        if let Some(node) = self.node(node) {
            node.reorgs += 1;
        }
    }

    /// A trace may be anybody's: a node that the scenario does not have is not counted.
    fn node(&mut self, node: Option<NodeId>) -> Option<&mut NodeCount> {
        self.nodes.get_mut(node?.0 as usize)
    }

    fn message_counts(&self) -> BTreeMap<MessageKind, MessageCount> {
        let counts = MessageKind::ALL.into_iter().map(|kind| {
            let count = &self.messages[kind as usize];
            let by_reason = REASONS.into_iter().zip(count.dropped);
            let count = MessageCount {
                sent: count.sent,
                delivered: count.delivered,
                dropped: count.dropped.iter().sum(),
                dropped_by: by_reason.filter(|(_, dropped)| *dropped > 0).collect(),
                bytes: count.bytes,
            };
            (kind, count)
        });
        counts.collect()
    }

    fn data(&self, entries: &[Hash]) -> Data {
        let mined: BTreeSet<&Hash> = entries
            .iter()
            .filter(|entry| self.submitted.contains(entry))
            .collect();
        let submitted = self.submitted.len() as u64;
        let on_chain = mined.len() as u64;
        Data {
            submitted,
            on_chain,
            pending: submitted - on_chain,
            refused: self.refused,
        }
    }

    fn block_intervals(&self, tip: &Hash) -> Option<Spread> {
        let mut intervals = histogram();
        // From the first block on: genesis was not found at any moment of the run.
        for two in self.tree.chain(tip).get(1..)?.windows(2) {
            count(&mut intervals, two[1].time.since(two[0].time));
        }
        spread(&intervals)
    }

    fn node_reports(&self, nodes: &[NodeFinal], on_chain: &[bool]) -> Vec<NodeReport> {
        let mut mined_on_chain = vec![0_u64; self.nodes.len()];
        for (block, on_chain) in self.tree.blocks().iter().zip(on_chain) {
            let count = block
                .miner
                .and_then(|miner| mined_on_chain.get_mut(miner.0 as usize));
            if let (true, Some(count)) = (on_chain, count) {
                *count += 1;
            }
        }
        let counts = self.nodes.iter().zip(mined_on_chain);
        let counts = counts.zip(self.spreading.shares());
        (0..)
            .zip(nodes.iter().zip(counts))
            .map(
                |(id, (end, ((count, blocks_on_chain), hash_share)))| NodeReport {
                    id: NodeId(id),
                    tip: end.tip.hash,
                    height: end.tip.height,
                    hash_share: *hash_share,
                    blocks_mined: count.mined,
                    blocks_on_chain,
                    propagation_ms: self.spreading.mean_arrival_ms(id as usize),
                    reorgs: count.reorgs,
                    state: if end.up {
                        NodeState::Up
                    } else {
                        NodeState::Crashed
                    },
                    honest: end.honest,
                },
            )
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_and_reasons_are_counted_at_the_place_of_their_number() {
        for (place, kind) in MessageKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, place);
        }
        for (place, reason) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
        }
        // Serde lists the reasons it knows: one that is new must get a place here.
        let error = serde_json::from_str::<DropReason>("\"?\"").unwrap_err();
        let known = error.to_string().matches('`').count() / 2 - 1;
        assert_eq!(known, REASONS.len());
    }
}
