//! The store of a node that lives in memory.

use std::collections::hash_map::Entry::Vacant;
use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use forkful_core::tree::Archive;
use forkful_core::{Block, Entry, Hash, sha256};

use crate::store::{BLOB_BYTES_MAX, Blob, ChainChange, Contents, Store, StoreError};

/// A store in memory: it outlives a crashed node of the mesh, not the process.
#[derive(Debug, Default)]
pub struct MemoryStore {
    blocks: Vec<Arc<Block>>,
    /// The place in `blocks`.
    by_hash: HashMap<Hash, usize>,
    /// The active chain, from height 1 on.
    chain: Vec<Arc<Block>>,
    /// Data that waits, in order, and the place of each entry by its SHA-256.
    data: BTreeMap<u64, Entry>,
    places: HashMap<Hash, u64>,
    withheld: Vec<Hash>,
    blobs: BTreeMap<Blob, Vec<u8>>,
}

impl Store for MemoryStore {
    fn put_block(&mut self, hash: Hash, block: Arc<Block>) {
        self.by_hash.insert(hash, self.blocks.len());
        self.blocks.push(block);
    }

    fn put_data(&mut self, entry: Entry) {
        let place = self.data.last_key_value().map_or(0, |(last, _)| last + 1);
        if let Vacant(free) = self.places.entry(sha256(&entry)) {
            free.insert(place);
            self.data.insert(place, entry);
        }
    }

    fn remove_data(&mut self, entry: &Hash) {
        if let Some(place) = self.places.remove(entry) {
            self.data.remove(&place);
        }
    }

    fn put_withheld(&mut self, block: Hash) {
        self.withheld.push(block);
    }

    fn set_published(&mut self, block: &Hash) {
        self.withheld.retain(|withheld| withheld != block);
    }

    fn set_chain(&mut self, change: ChainChange) {
        let fork = usize::try_from(change.fork_height).unwrap_or(usize::MAX);
        let left = self.chain.split_off(fork.min(self.chain.len()));
        for entry in left.iter().flat_map(|block| &block.entries) {
            self.put_data(Arc::clone(entry));
        }
        for hash in change.connected {
            let Some(&place) = self.by_hash.get(&hash) else {
                continue;
            };
            let block = Arc::clone(&self.blocks[place]);
            for entry in &block.entries {
                self.remove_data(&sha256(entry));
            }
            self.chain.push(block);
        }
    }

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
            data: self.data.values().cloned().collect(),
            withheld: self.withheld.clone(),
            refused: Contents::refused(self.load(Blob::Refused)?),
            tip: self.chain.last().map(|block| block.header.hash()),
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
