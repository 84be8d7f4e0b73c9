//! Checking headers beyond the tree without taking them in.

use std::collections::VecDeque;

use crate::block::Header;
use crate::consensus::{Consensus, MEDIAN_TIME_BLOCKS};
use crate::difficulty::DifficultyRule;
use crate::hash::Hash;
use crate::pow::ProofOfWork;
use crate::rules::{self, RuleError};
use crate::target::{Target, Work};
use crate::tree::derive::{ChainTo, History, child_target};
use crate::tree::{BlockId, BlockTree};
use crate::units::Timestamp;

/// A chain of headers that begins in a tree and leads out of it: every rule of a header is
/// checked, and nothing is kept but what the next one is checked against.
///
/// What it keeps is bounded by the difficulty rule, not by the length of the chain: a few
/// blocks' times and targets, 40 bytes each, of at most 1,001 blocks.
#[derive(Clone, Debug)]
pub struct Probe {
    last: Hash,
    height: u64,
    total_work: Work,
    /// Of the last blocks, oldest first.
    recent: VecDeque<(Timestamp, Target)>,
    /// How many of them the rules look at.
    needed: usize,
    /// The first block of the present difficulty window, where there are windows.
    window_first: Timestamp,
    child_target: Target,
}

impl Probe {
    /// A chain that ends at a block of the tree.
    pub fn at<P>(tree: &BlockTree<P>, from: BlockId) -> Self {
        let consensus = tree.consensus();
        let height = tree.height(from);
        let needed = blocks_needed(consensus);
        let blocks = usize::try_from(height)
            .unwrap_or(usize::MAX)
            .saturating_add(1);
        let chain = ChainTo { tree, tip: from };
        Probe {
            last: tree.hash(from),
            height,
            total_work: tree.total_work(from),
            recent: chain.recent(needed.min(blocks)).into(),
            needed,
            window_first: match window(consensus) {
                Some(window) => chain.window_first(window),
                None => Timestamp::default(),
            },
            child_target: tree.child_target(from),
        }
    }

    /// Goes on by one header.
    ///
    /// # Errors
    /// The first rule that it breaks, as [`BlockTree::insert_header`] would say. The chain
    /// ends where it ended before.
    pub fn push<P: ProofOfWork>(
        &mut self,
        tree: &BlockTree<P>,
        header: &Header,
        clock: Timestamp,
    ) -> Result<(), RuleError> {
        if header.previous_hash != self.last {
            return Err(RuleError::UnknownParent(header.previous_hash));
        }
        rules::check_index(self.height, header)?;
        let (hash, target) = (header.hash(), self.child_target);
        if !tree.pow.is_done(&hash, &target) {
            return Err(RuleError::WorkNotDone { hash, target });
        }
        rules::check_timestamp(self.median_time(), clock, header)?;
        let total_work = self.total_work.checked_add(target.work());
        self.total_work = total_work.ok_or(RuleError::WorkOverflow)?;
        self.last = hash;
        self.height = header.index;
        if self.recent.len() == self.needed {
            self.recent.pop_front();
        }
        self.recent.push_back((header.timestamp, target));
        let consensus = tree.consensus();
        if window(consensus).is_some_and(|window| self.height.is_multiple_of(window)) {
            self.window_first = header.timestamp;
        }
        self.child_target = child_target(consensus, self);
        Ok(())
    }

    /// The hash of the last block.
    pub fn last(&self) -> Hash {
        self.last
    }

    /// The height of the last block.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// The work from genesis to the last block.
    pub fn total_work(&self) -> Work {
        self.total_work
    }

    fn median_time(&self) -> Timestamp {
        let mut times = [Timestamp::default(); MEDIAN_TIME_BLOCKS];
        let latest = self.recent.iter().rev();
        let mut count = 0;
        for (place, (time, _)) in times.iter_mut().zip(latest) {
            *place = *time;
            count += 1;
        }
        rules::median_time(&mut times[..count])
    }
}

impl History for Probe {
    fn height(&self) -> u64 {
        self.height
    }

    fn last(&self) -> (Timestamp, Target) {
        // It is never empty.
        let never = (Timestamp::default(), self.child_target);
        self.recent.back().copied().unwrap_or(never)
    }

    fn window_first(&self, _window: u64) -> Timestamp {
        self.window_first
    }

    fn recent(&self, count: usize) -> Vec<(Timestamp, Target)> {
        let skipped = self.recent.len().saturating_sub(count);
        self.recent.iter().skip(skipped).copied().collect()
    }
}

/// How many of a chain's last blocks its next one is checked against.
fn blocks_needed(consensus: &Consensus) -> usize {
    let of_rule = match consensus.difficulty {
        DifficultyRule::Lwma { window, .. } => window as usize + 1,
        DifficultyRule::Fixed { .. }
        | DifficultyRule::Bitcoin { .. }
        | DifficultyRule::Asert { .. } => 1,
    };
    of_rule.max(MEDIAN_TIME_BLOCKS)
}

fn window(consensus: &Consensus) -> Option<u64> {
    match consensus.difficulty {
        DifficultyRule::Bitcoin { window, .. } => Some(window.into()),
        DifficultyRule::Fixed { .. }
        | DifficultyRule::Asert { .. }
        | DifficultyRule::Lwma { .. } => None,
    }
}
