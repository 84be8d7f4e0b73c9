//! What a block demands of its children: computed once, when it enters.

use crate::consensus::{Consensus, MEDIAN_TIME_BLOCKS};
use crate::difficulty::{DifficultyRule, asert, bitcoin, lwma};
use crate::rules;
use crate::target::Target;
use crate::tree::{BlockId, BlockTree};
use crate::units::Timestamp;

/// A chain, as difficulty rules read it.
pub(super) trait History {
    /// The height of its last block.
    fn height(&self) -> u64;
    /// The timestamp and target of its last block.
    fn last(&self) -> (Timestamp, Target);
    /// The timestamp of the last block whose height is a multiple of `window`.
    fn window_first(&self, window: u64) -> Timestamp;
    /// Timestamp and target of its last `count` blocks, oldest first. It has so many.
    fn recent(&self, count: usize) -> Vec<(Timestamp, Target)>;
}

/// The target of the block that follows the last one of a chain.
pub(super) fn child_target(consensus: &Consensus, chain: &impl History) -> Target {
    let height = chain.height();
    match consensus.difficulty {
        DifficultyRule::Fixed { target } => target,
        DifficultyRule::Bitcoin {
            limit,
            window,
            interval_ms,
            clamp,
            ..
        } => {
            let window = u64::from(window);
            let (last_time, target) = chain.last();
            // Genesis is the first block of the first window, as in Bitcoin.
            if !(height + 1).is_multiple_of(window) {
                return target;
            }
            let took = last_time - chain.window_first(window);
            let expected = interval_ms.saturating_mul(window);
            bitcoin::next_target(target, took, expected, clamp, limit)
        }
        DifficultyRule::Asert {
            initial,
            limit,
            interval_ms,
            half_life_ms,
        } => {
            let (time, _) = chain.last();
            let time_diff = time - consensus.genesis_time + i128::from(interval_ms);
            asert::next_target(initial, time_diff, height, interval_ms, half_life_ms, limit)
        }
        DifficultyRule::Lwma {
            initial,
            limit,
            window,
            interval_ms,
        } => {
            // The first solve time needs a block before it, and genesis has no
            // honest timestamp: its work was not done.
            if height < u64::from(window) + 1 {
                return initial;
            }
            let blocks = chain.recent(window as usize + 1);
            lwma::next_target(&blocks, interval_ms, limit)
        }
    }
}

impl<P> BlockTree<P> {
    pub(super) fn compute_child_target(&self, parent: BlockId) -> Target {
        let chain = ChainTo {
            tree: self,
            tip: parent,
        };
        child_target(&self.consensus, &chain)
    }

    pub(super) fn compute_median_time(&self, tip: BlockId) -> Timestamp {
        let mut times = [Timestamp::default(); MEDIAN_TIME_BLOCKS];
        let mut count = 0;
        let mut at = tip;
        for time in &mut times {
            *time = self.fact(at).header.timestamp;
            count += 1;
            if at == BlockId::GENESIS {
                break;
            }
            at = self.parent(at);
        }
        rules::median_time(&mut times[..count])
    }
}

/// The chain from genesis to `tip`.
pub(super) struct ChainTo<'a, P> {
    pub tree: &'a BlockTree<P>,
    pub tip: BlockId,
}

impl<P> History for ChainTo<'_, P> {
    fn height(&self) -> u64 {
        self.tree.height(self.tip)
    }

    fn last(&self) -> (Timestamp, Target) {
        let fact = self.tree.fact(self.tip);
        (fact.header.timestamp, fact.target)
    }

    fn window_first(&self, window: u64) -> Timestamp {
        let height = self.height();
        let first = self.tree.ancestor(self.tip, height - height % window);
        self.tree
            .header(first.unwrap_or(BlockId::GENESIS))
            .timestamp
    }

    fn recent(&self, count: usize) -> Vec<(Timestamp, Target)> {
        let mut blocks = Vec::with_capacity(count);
        let mut at = self.tip;
        for _ in 0..count {
            let fact = self.tree.fact(at);
            blocks.push((fact.header.timestamp, fact.target));
            at = fact.parent;
        }
        blocks.reverse();
        blocks
    }
}
