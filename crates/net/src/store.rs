//! What a node keeps when it loses its memory.

use std::sync::Arc;

use forkful_core::{Block, Entry, Hash};

/// A store in memory: it outlives a crashed node of the mesh, not the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    blocks: Vec<Arc<Block>>,
    data: Vec<Entry>,
    withheld: Vec<Hash>,
}

impl MemoryStore {
    /// Keeps a block. Its parent was kept before it, or is still on its way.
    pub fn put_block(&mut self, block: Arc<Block>) {
        self.blocks.push(block);
    }

    /// Keeps data that was taken to be mined.
    pub fn put_data(&mut self, entry: Entry) {
        self.data.push(entry);
    }

    /// Remembers that a block is a secret.
    pub fn put_withheld(&mut self, block: Hash) {
        self.withheld.push(block);
    }

    /// A block is a secret no more.
    pub fn set_published(&mut self, block: &Hash) {
        self.withheld.retain(|withheld| withheld != block);
    }

    /// The blocks that are secrets, in the order in which they were found.
    pub fn withheld(&self) -> &[Hash] {
        &self.withheld
    }

    /// Every block, in the order in which they were kept.
    pub fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    /// All data that was ever taken, in order.
    pub fn data(&self) -> &[Entry] {
        &self.data
    }
}
