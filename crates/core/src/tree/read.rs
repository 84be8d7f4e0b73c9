//! Reading the tree: looking blocks up, comparing chains, walking them.

use crate::block::Header;
use crate::consensus::{Consensus, ForkChoice};
use crate::hash::Hash;
use crate::target::{Target, Work};
use crate::tree::{BlockId, BlockTree, Body, Fact};
use crate::units::Timestamp;

/// None of this needs to know how work is proved.
impl<P> BlockTree<P> {
    pub(super) fn fact(&self, id: BlockId) -> &Fact {
        &self.facts[id.index()]
    }

    /// The network's parameters.
    pub fn consensus(&self) -> &Consensus {
        &self.consensus
    }

    /// How many blocks are here, genesis and bare headers included.
    pub fn len(&self) -> usize {
        self.facts.len()
    }

    /// Never: genesis is always here.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Every block, parents before children.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = BlockId> + use<P> {
        // `insert_header` keeps the number of facts within u32.
        (0..u32::try_from(self.facts.len()).unwrap_or(u32::MAX)).map(BlockId)
    }

    /// The block with this hash, if it is here.
    pub fn find(&self, hash: &Hash) -> Option<BlockId> {
        self.by_hash.get(hash).copied()
    }

    /// The block's header.
    pub fn header(&self, id: BlockId) -> &Header {
        &self.fact(id).header
    }

    /// The block's hash.
    pub fn hash(&self, id: BlockId) -> Hash {
        self.fact(id).hash
    }

    /// The block's height, which is its index: genesis is 0.
    pub fn height(&self, id: BlockId) -> u64 {
        self.fact(id).header.index
    }

    /// The block's parent; genesis is its own.
    pub fn parent(&self, id: BlockId) -> BlockId {
        self.fact(id).parent
    }

    /// Whether the block is known to be invalid for ever, itself or by an ancestor.
    pub fn is_invalid(&self, id: BlockId) -> bool {
        matches!(self.fact(id).body, Body::Invalid)
    }

    /// The work of the chain from genesis to this block.
    pub fn total_work(&self, id: BlockId) -> Work {
        self.fact(id).total_work
    }

    /// The target that the block had to meet.
    pub fn target(&self, id: BlockId) -> Target {
        self.fact(id).target
    }

    /// The target that the block's children have to meet.
    pub fn child_target(&self, id: BlockId) -> Target {
        self.fact(id).child_target
    }

    /// The median of the last 11 timestamps: what children's have to be above.
    pub fn median_time(&self, id: BlockId) -> Timestamp {
        self.fact(id).median_time
    }

    /// Whether the chain to `a` is strictly better than the one to `b`.
    #[inline]
    pub fn is_better(&self, a: BlockId, b: BlockId) -> bool {
        match self.consensus.fork_choice {
            ForkChoice::MostWork => self.total_work(a) > self.total_work(b),
            ForkChoice::Longest => self.height(a) > self.height(b),
        }
    }

    /// The ancestor of `id` at `height`; `id` itself at its own height, nothing above.
    pub fn ancestor(&self, id: BlockId, height: u64) -> Option<BlockId> {
        if height > self.height(id) {
            return None;
        }
        let mut at = id;
        while self.height(at) > height {
            let skip = self.fact(at).skip;
            at = if self.height(skip) >= height {
                skip
            } else {
                self.parent(at)
            };
        }
        Some(at)
    }

    /// Whether `a` lies on the chain from genesis to `b`; every block on its own.
    pub fn is_ancestor(&self, a: BlockId, b: BlockId) -> bool {
        self.ancestor(b, self.height(a)) == Some(a)
    }

    /// The last block that the chains to `a` and `b` have in common.
    pub fn fork_point(&self, a: BlockId, b: BlockId) -> BlockId {
        let height = self.height(a).min(self.height(b));
        let at_height = |id| self.ancestor(id, height).unwrap_or(BlockId::GENESIS);
        let (mut a, mut b) = (at_height(a), at_height(b));
        while a != b {
            // At equal heights the skips are at equal heights too; where they differ
            // the fork is below them.
            let (skip_a, skip_b) = (self.fact(a).skip, self.fact(b).skip);
            (a, b) = if skip_a == skip_b {
                (self.parent(a), self.parent(b))
            } else {
                (skip_a, skip_b)
            };
        }
        a
    }

    /// The blocks after `from` up to and including `to`, which descends from it,
    /// in the order of the chain.
    pub fn path(&self, from: BlockId, to: BlockId) -> Vec<BlockId> {
        let mut path = Vec::new();
        let mut at = to;
        while at != from && at != BlockId::GENESIS {
            path.push(at);
            at = self.parent(at);
        }
        path.reverse();
        path
    }

    /// A block locator for the chain to `tip`: the last 11 blocks one by one, then in
    /// steps that double, then genesis.
    ///
    /// As Bitcoin's `LocatorEntries` (chain.cpp).
    pub fn locator(&self, tip: BlockId) -> Vec<BlockId> {
        let mut locator = Vec::new();
        let mut step = 1;
        let mut at = tip;
        loop {
            locator.push(at);
            let height = self.height(at);
            if height == 0 {
                return locator;
            }
            if locator.len() > 10 {
                step *= 2;
            }
            at = self
                .ancestor(tip, height.saturating_sub(step))
                .unwrap_or(BlockId::GENESIS);
        }
    }
}
