//! Looking at a store without a node: block by block, so that a chain of any length fits in memory.
//!
//! Who holds a [`DiskStore`] holds its directory's lock, so nothing changes between two pages.

use std::sync::Arc;

use forkful_core::{Block, Consensus, Hash};
use redb::{ReadableDatabase as _, ReadableTableMetadata as _, TableHandle as _};

use crate::store::failed::guarded;
use crate::store::tables::{BLOCKS, BY_HASH, CHAIN, META};
use crate::store::{Blob, DiskStore, Store as _, StoreError};

/// Blocks of one page, and bytes from which on it has no more.
const PAGE_BLOCKS: usize = 512;
const PAGE_BYTES: usize = 4 << 20;

/// What a store holds, without the blocks.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The version of its layout.
    pub format: u64,
    /// The version of forkful that made it.
    pub created_by: String,
    /// Blocks of all branches, genesis not counted.
    pub blocks: u64,
    /// Blocks of the active chain, genesis not counted.
    pub height: u64,
    /// Entries that wait to be mined, and their bytes.
    pub waiting: u64,
    /// Bytes of what waits.
    pub waiting_bytes: u64,
    /// Blocks that the node keeps secret.
    pub withheld: u64,
    /// What the network keeps of addresses, as it was saved.
    pub addresses: Option<Vec<u8>>,
    /// What the network keeps of bans, as it was saved.
    pub bans: Option<Vec<u8>>,
    /// Bytes of the file.
    pub file_bytes: u64,
}

/// A page of blocks, or what is wrong with one of them.
type Page = Result<Vec<(u64, Arc<Block>)>, String>;

impl DiskStore {
    /// Shows every block, in the order in which they were stored, with its place: parents before
    /// children. That they keep the rules is the tree's to say.
    ///
    /// # Errors
    /// The store cannot be read, or is damaged; and what `take` says.
    pub fn each_block<E: From<StoreError>>(
        &self,
        take: impl FnMut(u64, Arc<Block>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(|after| self.stored_page(after), take)
    }

    /// Shows every block of the active chain but genesis, with its height.
    ///
    /// # Errors
    /// The store cannot be read, or is damaged; and what `take` says.
    pub fn each_on_chain<E: From<StoreError>>(
        &self,
        take: impl FnMut(u64, Arc<Block>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each(|after| self.chain_page(after), take)
    }

    fn each<E: From<StoreError>>(
        &self,
        page: impl Fn(u64) -> Result<Page, redb::Error>,
        mut take: impl FnMut(u64, Arc<Block>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut last = 0;
        loop {
            let blocks = guarded(&self.path, || page(last))?;
            let blocks = blocks.map_err(|what| self.damaged(what))?;
            if blocks.is_empty() {
                return Ok(());
            }
            for (place, block) in blocks {
                last = place;
                take(place, block)?;
            }
        }
    }

    fn stored_page(&self, after: u64) -> Result<Page, redb::Error> {
        let transaction = self.database.begin_read()?;
        let by_hash = transaction.open_table(BY_HASH)?;
        let table = transaction.open_table(BLOCKS)?;
        let mut page = Vec::new();
        let mut bytes_read = 0;
        for row in table.range(after.saturating_add(1)..)? {
            let (place, bytes) = row?;
            let place = place.value();
            let block = match Block::from_bytes(bytes.value()) {
                Ok(block) => block,
                Err(error) => return Ok(Err(format!("block {place}: {error}"))),
            };
            let named = by_hash.get(&block.header.hash().0)?;
            if named.map(|place| place.value()) != Some(place) {
                return Ok(Err(format!("block {place} is not the one that was stored")));
            }
            page.push((place, Arc::new(block)));
            bytes_read += bytes.value().len();
            if page.len() >= PAGE_BLOCKS || bytes_read >= PAGE_BYTES {
                break;
            }
        }
        Ok(Ok(page))
    }

    fn chain_page(&self, after: u64) -> Result<Page, redb::Error> {
        let transaction = self.database.begin_read()?;
        let chain = transaction.open_table(CHAIN)?;
        let by_hash = transaction.open_table(BY_HASH)?;
        let blocks = transaction.open_table(BLOCKS)?;
        let mut page: Vec<(u64, Arc<Block>)> = Vec::new();
        let mut bytes_read = 0;
        let mut parent = match after {
            0 => None,
            after => chain.get(after)?.map(|hash| *hash.value()),
        };
        for (height, row) in
            (after.saturating_add(1)..).zip(chain.range(after.saturating_add(1)..)?)
        {
            let (at, hash) = row?;
            let hash = *hash.value();
            let place = by_hash.get(&hash)?.map(|place| place.value());
            let bytes = place.map(|place| blocks.get(place)).transpose()?.flatten();
            let block = bytes.and_then(|bytes| {
                bytes_read += bytes.value().len();
                Block::from_bytes(bytes.value()).ok()
            });
            let follows = |block: &Block| {
                let header = &block.header;
                let is_child = parent.is_none_or(|parent| parent == header.previous_hash.0);
                header.index == height && is_child && header.hash() == Hash(hash)
            };
            let Some(block) = block.filter(|block| at.value() == height && follows(block)) else {
                return Ok(Err(format!("the chain has no block {height}")));
            };
            parent = Some(hash);
            page.push((height, Arc::new(block)));
            if page.len() >= PAGE_BLOCKS || bytes_read >= PAGE_BYTES {
                break;
            }
        }
        Ok(Ok(page))
    }

    /// Holds the tables against each other and every block against its name, and counts the
    /// blocks of the active chain. That they keep the rules is the tree's to say.
    ///
    /// # Errors
    /// It cannot be read, or its tables disagree.
    pub fn check(&self) -> Result<u64, StoreError> {
        self.each_block(|_, _| Ok::<_, StoreError>(()))?;
        let data = guarded(&self.path, || self.read_data())?;
        data.map_err(|what| self.damaged(what))?;
        guarded(&self.path, || self.read_withheld())?;
        let mut heights = 0;
        self.each_on_chain(|height, _| {
            heights = height;
            Ok::<_, StoreError>(())
        })?;
        Ok(heights)
    }

    /// What it holds, counted.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    pub fn summary(&self) -> Result<Summary, StoreError> {
        let (addresses, bans) = (self.load(Blob::Addresses)?, self.load(Blob::Bans)?);
        let data = guarded(&self.path, || self.read_data())?;
        let data = data.map_err(|what| self.damaged(what))?;
        let withheld = guarded(&self.path, || self.read_withheld())?;
        let created_by = self.meta("created_by")?.unwrap_or_default();
        let file = std::fs::metadata(&self.path).map_err(|error| StoreError::Io {
            path: self.path.clone(),
            what: error.to_string(),
        })?;
        let (blocks, height) = guarded(&self.path, || {
            let transaction = self.database.begin_read()?;
            let blocks = transaction.open_table(BLOCKS)?.len()?;
            Ok((blocks, transaction.open_table(CHAIN)?.len()?))
        })?;
        Ok(Summary {
            format: self.format()?,
            created_by: String::from_utf8_lossy(&created_by).into_owned(),
            blocks,
            height,
            waiting: data.len() as u64,
            waiting_bytes: data.iter().map(|entry| entry.len() as u64).sum(),
            withheld: withheld.len() as u64,
            addresses,
            bans,
            file_bytes: file.len(),
        })
    }

    /// The rules of the network that it was made for.
    ///
    /// # Errors
    /// It cannot be read, or is damaged; or its format is another version's.
    pub(super) fn consensus(&self) -> Result<Consensus, StoreError> {
        self.format()?;
        let text = self.meta("consensus")?;
        let text = text.and_then(|text| String::from_utf8(text).ok());
        let consensus = text.and_then(|text| Consensus::from_canonical_text(&text).ok());
        consensus.ok_or_else(|| self.damaged("it does not say its network's rules"))
    }

    /// The version of the layout, which has to be the one that is read here.
    ///
    /// # Errors
    /// It is another one, or is not there.
    pub(super) fn format(&self) -> Result<u64, StoreError> {
        let format: Option<[u8; 8]> = self.meta("format")?.and_then(|bytes| bytes.try_into().ok());
        match format.map(u64::from_be_bytes) {
            None => Err(self.damaged("it does not say its format")),
            Some(found) if found != super::tables::FORMAT => Err(StoreError::Format {
                path: self.path.clone(),
                found,
            }),
            Some(format) => Ok(format),
        }
    }

    /// A value of the table `meta`.
    pub(super) fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(&self.path, || {
            let transaction = self.database.begin_read()?;
            let is_there = transaction
                .list_tables()?
                .any(|table| table.name() == META.name());
            if !is_there {
                return Ok(None);
            }
            let meta = transaction.open_table(META)?;
            Ok(meta.get(key)?.map(|bytes| bytes.value().to_vec()))
        })
    }
}
