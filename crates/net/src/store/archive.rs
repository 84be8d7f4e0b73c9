//! Blocks of a store on disk, read while a node runs on it.
//!
//! A read sees what was committed, and waits for no commit under way.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use forkful_core::merkle::merkle_root;
use forkful_core::tree::Archive;
use forkful_core::{Block, Hash};
use redb::{Database, ReadableDatabase as _};

use crate::store::StoreError;
use crate::store::failed::guarded;
use crate::store::tables::{BLOCKS, BY_HASH};

/// Why a block could not be read: for the store, whose next commit says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Unread(Arc<Mutex<Option<StoreError>>>);

impl Unread {
    pub(super) fn take(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn is(&self, error: StoreError) {
        let mut unread = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unread.get_or_insert(error);
    }
}

/// The blocks of a store. It does not keep the file open: that ends with the store.
#[derive(Debug)]
pub(super) struct DiskArchive {
    database: Weak<Database>,
    path: PathBuf,
    unread: Unread,
}

impl DiskArchive {
    pub(super) fn new(database: &Arc<Database>, path: PathBuf, unread: Unread) -> Self {
        DiskArchive {
            database: Arc::downgrade(database),
            path,
            unread,
        }
    }

    fn read(&self, hash: &Hash) -> Result<Arc<Block>, StoreError> {
        let database = self.database.upgrade();
        let bytes = guarded(&self.path, || {
            // Who still looks at a node that has ended sees the end of its chain.
            let Some(database) = &database else {
                return Ok(None);
            };
            let transaction = database.begin_read()?;
            let place = transaction.open_table(BY_HASH)?.get(&hash.0)?;
            let Some(place) = place.map(|place| place.value()) else {
                return Ok(None);
            };
            let bytes = transaction.open_table(BLOCKS)?.get(place)?;
            Ok(bytes.map(|bytes| bytes.value().to_vec()))
        })?;
        let block = bytes.and_then(|bytes| Block::from_bytes(&bytes).ok());
        let is_it = |block: &Block| {
            block.header.hash() == *hash && merkle_root(&block.entries) == block.header.data
        };
        let block = block.filter(is_it).ok_or_else(|| StoreError::Damaged {
            path: self.path.clone(),
            what: format!("block {hash} is not as it was stored"),
        })?;
        Ok(Arc::new(block))
    }
}

impl Archive for DiskArchive {
    fn block(&self, hash: &Hash) -> Option<Arc<Block>> {
        self.read(hash).map_err(|error| self.unread.is(error)).ok()
    }
}
