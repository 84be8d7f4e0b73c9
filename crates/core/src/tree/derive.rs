//! What a block demands of its children: computed once, when it enters.

use crate::consensus::MEDIAN_TIME_BLOCKS;
use crate::difficulty::{DifficultyRule, asert, bitcoin, lwma};
use crate::rules;
use crate::target::Target;
use crate::tree::{BlockId, BlockTree};
use crate::units::Timestamp;

impl<P> BlockTree<P> {
    pub(super) fn compute_child_target(&self, parent: BlockId) -> Target {
        let chain = ChainTo {
            tree: self,
            tip: parent,
        };
        let height = chain.height();
        match self.consensus.difficulty {
            DifficultyRule::Fixed { target } => target,
            DifficultyRule::Bitcoin {
                limit,
                window,
                interval_ms,
                clamp,
                ..
            } => {
                let window = u64::from(window);
                let (last_time, target) = chain.at(height);
                // Genesis is the first block of the first window, as in Bitcoin.
                if !(height + 1).is_multiple_of(window) {
                    return target;
                }
                let (first_time, _) = chain.at(height + 1 - window);
                let expected = interval_ms.saturating_mul(window);
                bitcoin::next_target(target, last_time - first_time, expected, clamp, limit)
            }
            DifficultyRule::Asert {
                initial,
                limit,
                interval_ms,
                half_life_ms,
            } => {
                let genesis_time = self.consensus.genesis_time;
                let (time, _) = chain.at(height);
                let time_diff = time - genesis_time + i128::from(interval_ms);
                asert::next_target(initial, time_diff, height, interval_ms, half_life_ms, limit)
            }
            DifficultyRule::Lwma {
                initial,
                limit,
                window,
                interval_ms,
            } => {
                let window = u64::from(window);
                // The first solve time needs a block before it, and genesis has no
                // honest timestamp: its work was not done.
                if height < window + 1 {
                    return initial;
                }
                let mut blocks = Vec::new();
                let mut at = parent;
                for _ in 0..=window {
                    blocks.push((self.header(at).timestamp, self.target(at)));
                    at = self.parent(at);
                }
                blocks.reverse();
                lwma::next_target(&blocks, interval_ms, limit)
            }
        }
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

/// The chain from genesis to `tip`, as difficulty rules read it.
struct ChainTo<'a, P> {
    tree: &'a BlockTree<P>,
    tip: BlockId,
}

impl<P> ChainTo<'_, P> {
    fn height(&self) -> u64 {
        self.tree.height(self.tip)
    }

    /// The timestamp and target of the ancestor at `height`.
    fn at(&self, height: u64) -> (Timestamp, Target) {
        let id = self
            .tree
            .ancestor(self.tip, height)
            .unwrap_or(BlockId::GENESIS);
        (self.tree.header(id).timestamp, self.tree.target(id))
    }
}
