//! The store of a node that lives in memory.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use forkful_core::tree::Archive;
use forkful_core::{Block, Entry, Hash, sha256};

use crate::store::{BLOB_BYTES_MAX, Blob, ChainChange, Contents, Store, StoreError};

/// A store in memory: it outlives a crashed node of the mesh, not the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    blocks: Vec<Arc<Block>>,
    contents: Contents,
    blobs: BTreeMap<Blob, Vec<u8>>,
}

impl Store for MemoryStore {
    fn put_block(&mut self, _: Hash, block: Arc<Block>) {
        self.blocks.push(block);
    }

    /// Kept for ever: what is on the chain is not taken again by the node that comes back.
    fn put_data(&mut self, entry: Entry) {
        self.contents.data.push(entry);
    }

    fn remove_data(&mut self, entry: &Hash) {
        self.contents.data.retain(|data| sha256(data) != *entry);
    }

    fn put_withheld(&mut self, block: Hash) {
        self.contents.withheld.push(block);
    }

    fn set_published(&mut self, block: &Hash) {
        self.contents.withheld.retain(|withheld| withheld != block);
    }

    fn set_chain(&mut self, _: ChainChange) {}

    fn commit(&mut self) -> Result<(), StoreError> {
        Ok(())
    }

    fn waits(&self) -> bool {
        false
    }

    fn blocks(
        &self,
        take: &mut dyn FnMut(Arc<Block>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let _ = self.blocks.iter().cloned().try_for_each(take);
        Ok(())
    }

    fn archive(&self) -> Option<Box<dyn Archive>> {
        None
    }

    fn contents(&self) -> Result<Contents, StoreError> {
        Ok(Contents {
            refused: Contents::refused(self.load(Blob::Refused)?),
            ..self.contents.clone()
        })
    }

    fn load(&self, blob: Blob) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.blobs.get(&blob).cloned())
    }

    fn save(&mut self, blob: Blob, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(StoreError::TooLong(bytes.len()));
        }
        self.blobs.insert(blob, bytes.to_vec());
        Ok(())
    }
}
