//! Blocks made by hand.

use std::sync::Arc;

use forkful_core::merkle::merkle_root;
use forkful_core::{
    Block, BlockId, BlockTree, Entry, Hash, Header, Message, Sha256Pow, Target, Timestamp, Wire,
};

use super::Net;

/// Blocks made by hand, in a tree of one's own: whole branches that no node has seen.
pub struct Forge {
    pub tree: BlockTree<Sha256Pow>,
    nonce: u64,
    clock: Timestamp,
}

impl Forge {
    pub fn new(net: &Net) -> Self {
        Forge {
            tree: BlockTree::new(net.plan.consensus.clone(), Sha256Pow),
            nonce: 1 << 60,
            clock: net.clock(),
        }
    }

    /// Knows what the node knows.
    pub fn like(net: &Net, node: usize) -> Self {
        let mut forge = Forge::new(net);
        for block in &net.participants[node].store {
            forge
                .tree
                .insert_block(Arc::clone(block), Timestamp(u64::MAX))
                .unwrap();
        }
        forge
    }

    /// A block with its work done, changed by `change` before that, and kept if valid.
    pub fn block_with(
        &mut self,
        parent: Hash,
        entries: &[&[u8]],
        change: impl FnOnce(&mut Header),
    ) -> Arc<Block> {
        let entries: Vec<Entry> = entries.iter().map(|entry| Entry::from(*entry)).collect();
        let id = self.tree.find(&parent).unwrap();
        let mut header = child_header(&self.tree, id, self.clock, &entries);
        self.nonce += 1 << 24;
        header.nonce = self.nonce;
        change(&mut header);
        work_on(&mut header, self.tree.child_target(id));
        let block = Arc::new(Block { header, entries });
        let _ = self
            .tree
            .insert_block(Arc::clone(&block), Timestamp(u64::MAX));
        block
    }

    pub fn block(&mut self, parent: Hash, entries: &[&[u8]]) -> Arc<Block> {
        self.block_with(parent, entries, |_| {})
    }

    pub fn chain(&mut self, mut parent: Hash, length: usize) -> Vec<Arc<Block>> {
        let mut blocks = Vec::new();
        for _ in 0..length {
            blocks.push(self.block(parent, &[]));
            parent = blocks[blocks.len() - 1].header.hash();
        }
        blocks
    }
}

pub fn headers(blocks: &[Arc<Block>], more: bool) -> Message<Wire> {
    Message::Headers {
        headers: blocks.iter().map(|block| block.header).collect(),
        more,
    }
}

pub(super) fn child_header(
    tree: &BlockTree<Sha256Pow>,
    parent: BlockId,
    clock: Timestamp,
    entries: &[Entry],
) -> Header {
    Header {
        index: tree.height(parent) + 1,
        timestamp: clock.max(Timestamp(tree.median_time(parent).0 + 1)),
        data: merkle_root(entries),
        previous_hash: tree.hash(parent),
        nonce: 0,
    }
}

pub fn work_on(header: &mut Header, target: Target) {
    while !target.is_met_by(&header.hash()) {
        header.nonce += 1;
    }
}
