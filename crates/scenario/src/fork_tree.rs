//! Every block that was mined, as a tree: what is drawn at the end of a run.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use forkful_core::{BlockRef, Hash, NodeId, Time};

/// One block, as the events told it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BlockRecord {
    /// Its hash.
    pub hash: Hash,
    /// The hash of the block before it; zero for genesis.
    pub parent: Hash,
    /// Its height.
    pub height: u64,
    /// Who found it; `None` for genesis.
    pub miner: Option<NodeId>,
    /// When it was found.
    pub time: Time,
    /// How many entries it carries.
    pub entries: u32,
}

/// A stale branch: blocks, one on the other, that are not on the chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Branch<'a> {
    /// The block it grows on: one of the chain, or of another branch.
    pub fork_point: &'a BlockRecord,
    /// Its blocks, lowest first; at least one.
    pub blocks: Vec<&'a BlockRecord>,
}

/// All blocks of a run, in the order in which they were found; genesis first.
#[derive(Clone, Debug)]
pub struct ForkTree {
    blocks: Vec<BlockRecord>,
    /// The place of each block's parent, which is before its own: there are no cycles.
    /// `None` for genesis.
    parents: Vec<Option<usize>>,
    /// For look-up only; nothing iterates over it.
    places: HashMap<Hash, usize, RandomState>,
}

impl ForkTree {
    /// A tree of genesis alone.
    pub fn new(genesis: BlockRef) -> Self {
        ForkTree {
            blocks: vec![BlockRecord {
                hash: genesis.hash,
                parent: Hash::ZERO,
                height: genesis.height,
                miner: None,
                time: Time::ZERO,
                entries: 0,
            }],
            parents: vec![None],
            places: HashMap::from_iter([(genesis.hash, 0)]),
        }
    }

    /// Adds a block. Returns false, and leaves the tree as it is, if the block is there
    /// already or its parent is not.
    pub fn insert(&mut self, block: BlockRecord) -> bool {
        let Some(&parent) = self.places.get(&block.parent) else {
            return false;
        };
        if self.places.contains_key(&block.hash) {
            return false;
        }
        self.places.insert(block.hash, self.blocks.len());
        self.blocks.push(block);
        self.parents.push(Some(parent));
        true
    }

    /// All blocks in the order in which they were found, genesis first.
    pub fn blocks(&self) -> &[BlockRecord] {
        &self.blocks
    }

    /// The block with this hash.
    pub fn get(&self, hash: &Hash) -> Option<&BlockRecord> {
        self.places.get(hash).map(|place| &self.blocks[*place])
    }

    /// The place of the block with this hash in [`blocks`](Self::blocks).
    pub fn place(&self, hash: &Hash) -> Option<usize> {
        self.places.get(hash).copied()
    }

    /// The chain from genesis to `tip`; empty if there is no such block.
    pub fn chain(&self, tip: &Hash) -> Vec<&BlockRecord> {
        let mut chain: Vec<_> = self
            .back_from(tip)
            .map(|place| &self.blocks[place])
            .collect();
        chain.reverse();
        chain
    }

    /// For each of [`blocks`](Self::blocks), whether it is on the chain of `tip`.
    pub fn on_chain(&self, tip: &Hash) -> Vec<bool> {
        let mut on_chain = vec![false; self.blocks.len()];
        for place in self.back_from(tip) {
            on_chain[place] = true;
        }
        on_chain
    }

    /// The branches that are not on the chain of `tip`, by the height they leave it at,
    /// then by when their first block was found. Every stale block is in exactly one;
    /// where a branch forks again, the longer part goes on and the other is a branch of
    /// its own.
    pub fn branches(&self, tip: &Hash) -> Vec<Branch<'_>> {
        let mut taken = self.on_chain(tip);
        let mut has_child = vec![false; self.blocks.len()];
        for parent in self.parents.iter().flatten() {
            has_child[*parent] = true;
        }
        let mut ends: Vec<usize> = (0..self.blocks.len())
            .filter(|place| !taken[*place] && !has_child[*place])
            .collect();
        // The highest first, so that a longer part is taken before a shorter one.
        ends.sort_by_key(|place| (std::cmp::Reverse(self.blocks[*place].height), *place));

        let mut branches = Vec::with_capacity(ends.len());
        for end in ends {
            let mut blocks = Vec::new();
            let mut place = end;
            while !taken[place] {
                taken[place] = true;
                blocks.push(place);
                // Genesis is on every chain, and where `tip` is unknown it has no parent.
                match self.parents[place] {
                    Some(parent) => place = parent,
                    None => break,
                }
            }
            blocks.reverse();
            branches.push((place, blocks));
        }
        branches.sort_by_key(|(fork_point, blocks)| (self.blocks[*fork_point].height, blocks[0]));
        branches
            .into_iter()
            .map(|(fork_point, blocks)| Branch {
                fork_point: &self.blocks[fork_point],
                blocks: blocks
                    .into_iter()
                    .map(|place| &self.blocks[place])
                    .collect(),
            })
            .collect()
    }

    /// The heights that have more than one block, in order.
    pub fn fork_heights(&self) -> Vec<u64> {
        let mut heights: Vec<u64> = self.blocks.iter().map(|block| block.height).collect();
        heights.sort_unstable();
        let mut forks: Vec<u64> = heights
            .windows(2)
            .filter(|two| two[0] == two[1])
            .map(|two| two[0])
            .collect();
        forks.dedup();
        forks
    }

    /// How many heights have a block, genesis not counted. A parent always comes first, so
    /// no height is left out.
    pub fn heights(&self) -> u64 {
        let heights = self.blocks.iter().map(|block| block.height);
        heights
            .max()
            .unwrap_or(0)
            .saturating_sub(self.blocks[0].height)
    }

    /// The places from `tip` back to genesis.
    fn back_from(&self, tip: &Hash) -> impl Iterator<Item = usize> + '_ {
        std::iter::successors(self.places.get(tip).copied(), |place| self.parents[*place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(name: u8) -> Hash {
        Hash([name; 32])
    }

    /// Blocks as `(name, parent)`; the name of genesis is 0.
    fn tree(blocks: &[(u8, u8)]) -> ForkTree {
        let genesis = BlockRef {
            hash: hash(0),
            height: 0,
        };
        let mut tree = ForkTree::new(genesis);
        for (name, parent) in blocks {
            let height = tree.get(&hash(*parent)).unwrap().height + 1;
            assert!(tree.insert(BlockRecord {
                hash: hash(*name),
                parent: hash(*parent),
                height,
                miner: Some(NodeId(0)),
                time: Time::ZERO,
                entries: 0,
            }));
        }
        tree
    }

    fn names(blocks: &[&BlockRecord]) -> Vec<u8> {
        blocks.iter().map(|block| block.hash.0[0]).collect()
    }

    #[test]
    fn the_chain_and_its_stale_branches_share_out_all_blocks() {
        // 0 - 1 - 2 - 3 - 4
        //      \ 12 - 13
        //            \ 23      (on 12)
        let tree = tree(&[
            (1, 0),
            (2, 1),
            (12, 1),
            (23, 12),
            (13, 12),
            (3, 2),
            (14, 13),
            (4, 3),
            (5, 4),
        ]);
        assert_eq!(names(&tree.chain(&hash(5))), [0, 1, 2, 3, 4, 5]);
        let branches = tree.branches(&hash(5));
        let shape: Vec<_> = branches
            .iter()
            .map(|branch| (branch.fork_point.hash.0[0], names(&branch.blocks)))
            .collect();
        assert_eq!(shape, [(1, vec![12, 13, 14]), (12, vec![23])]);
        assert_eq!(tree.fork_heights(), [2, 3, 4]);
    }

    #[test]
    fn a_block_without_a_parent_or_twice_is_refused() {
        let mut tree = tree(&[(1, 0)]);
        let again = tree.blocks()[1].clone();
        assert!(!tree.insert(again.clone()));
        assert!(!tree.insert(BlockRecord {
            hash: hash(9),
            parent: hash(8),
            ..again
        }));
        assert_eq!(tree.blocks().len(), 2);
    }

    #[test]
    fn an_unknown_tip_has_no_chain() {
        let tree = tree(&[(1, 0), (2, 1)]);
        assert!(tree.chain(&hash(7)).is_empty());
        assert_eq!(names(&tree.branches(&hash(7))[0].blocks), [0, 1, 2]);
    }
}
