//! When a run is over, and what came of it.

use forkful_core::{BlockId, NodeId, PeerId, Time, sha256};
use forkful_scenario::{FinalState, NodeFinal, Outcome, Progress, StrategyKind, Verdict, patience};

use crate::run::{Happening, Sim, SimNode};

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    TimeUp,
    Interrupted,
}

impl Sim<'_> {
    /// A node that is up has this tip, or has it no longer.
    pub(crate) fn count_tip(&mut self, id: NodeId, tip: BlockId, more: bool) {
        if self.nodes[id.0 as usize].spec.strategy != StrategyKind::Honest {
            return;
        }
        let count = self.tips.entry(tip).or_default();
        *count = if more {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        if *count == 0 {
            self.tips.remove(&tip);
        }
    }

    /// Whether the run is over, or is to be settled now.
    pub(crate) fn look(&mut self) -> Option<End> {
        self.changed = false;
        let progress = self.progress();
        match self.scenario.stop.verdict(&progress) {
            Verdict::Done => return Some(End::Done),
            Verdict::TimeUp => return Some(End::TimeUp),
            Verdict::GoOn => {}
            Verdict::Settle => {
                self.timetable.settle();
                self.settle(&progress);
            }
        }
        None
    }

    /// The goal is reached. Nobody mines until all agree; if nothing comes any more,
    /// two branches are tied, and mining goes on until the next block.
    fn settle(&mut self, progress: &Progress) {
        let ready = progress.events_left == 0 && progress.data_left == 0;
        let patience = patience(self.tips_are_level(), &self.scenario.relay);
        match self.paused_since {
            None if ready && progress.mined > self.mined_at_tie => {
                self.paused_since = Some(self.now);
                self.draw_again();
                self.queue.push(self.now + patience, Happening::Look);
            }
            Some(since) if !ready || self.now >= since + patience => {
                self.paused_since = None;
                self.mined_at_tie = progress.mined;
                self.draw_again();
            }
            Some(_) => self.queue.push(self.now + patience, Happening::Look),
            None => {}
        }
    }

    fn tips_are_level(&self) -> bool {
        let mut heights = self.tips.keys().map(|tip| self.tree.height(*tip));
        let first = heights.next();
        heights.all(|height| Some(height) == first)
    }

    fn progress(&self) -> Progress {
        let mut progress = Progress {
            elapsed: self.now.since(Time::ZERO),
            height: self.height,
            mined: self.mined,
            events_left: self.timetable.left(),
            agreed: false,
            data_left: 0,
        };
        // Both look at every node, and count only then.
        if self.scenario.stop.met(&progress) {
            progress.agreed = self.agreed();
            progress.data_left = self.data_left();
        }
        progress
    }

    fn agreed(&self) -> bool {
        // A crash can leave a node alone as a cut can: then each has to be looked at.
        if self.network.is_whole() && self.up == self.nodes.len() {
            return self.tips.len() == 1;
        }
        NodeFinal::agreed_tip(&self.finals()).is_some()
    }

    /// Submitted entries that are not on the chain of the first connected node.
    fn data_left(&self) -> u64 {
        let witness = self.nodes.iter().find(|node| self.is_connected(node));
        witness.map_or(0, |witness| {
            let pool = witness.node.pool();
            let submitted = self.recorder.submitted().iter();
            submitted.filter(|entry| !pool.is_on_chain(entry)).count() as u64
        })
    }

    fn finals(&self) -> Vec<NodeFinal> {
        let of = |node: &SimNode| NodeFinal {
            tip: self.block_ref(node.node.tip()),
            up: node.is_up,
            connected: self.is_connected(node),
            honest: node.spec.strategy == StrategyKind::Honest,
        };
        self.nodes.iter().map(of).collect()
    }

    fn is_connected(&self, node: &SimNode) -> bool {
        let id = node.spec.id;
        let open = |peer: u32| {
            let (other, _) = self.network.other_end(id, PeerId(peer));
            self.nodes[other.0 as usize].is_up && self.network.is_open(id, PeerId(peer))
        };
        node.is_up && (self.nodes.len() == 1 || (0..self.network.degree(id)).any(open))
    }

    pub(crate) fn finish(mut self, end: End) -> Outcome {
        self.put_all_back();
        let nodes = self.finals();
        let tip = NodeFinal::final_tip(&nodes).and_then(|tip| self.tree.find(&tip.hash));
        let tip = tip.unwrap_or(BlockId::GENESIS);
        let chain: Vec<_> = std::iter::once(BlockId::GENESIS)
            .chain(self.tree.path(BlockId::GENESIS, tip))
            .filter_map(|id| self.tree.block(id))
            .collect();
        let entries = chain.iter().flat_map(|block| &block.entries);
        self.trace.add(self.now.0);
        let state = FinalState {
            elapsed: self.now.since(Time::ZERO),
            nodes,
            entries: entries.map(|entry| sha256(entry)).collect(),
            interrupted: end == End::Interrupted,
            timed_out: end == End::TimeUp,
            trace: Some(self.trace.to_string()),
        };
        Outcome {
            report: self.recorder.finish(&state),
            tree: self.recorder.tree().clone(),
            reach: self.recorder.reach().to_vec(),
            chain,
            consensus: self.tree.consensus().clone(),
        }
    }
}
