//! What a node keeps when it loses its memory.

use std::sync::Arc;

use forkful_core::{Block, Entry};

/// A store in memory: it outlives a crashed node of the mesh, not the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    blocks: Vec<Arc<Block>>,
    data: Vec<Entry>,
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

    /// Every block, in the order in which they were kept.
    pub fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    /// All data that was ever taken, in order.
    pub fn data(&self) -> &[Entry] {
        &self.data
    }
}
