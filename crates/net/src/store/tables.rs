//! The tables of a store on disk, and what a batch of puts changes in them.

use std::sync::Arc;

use forkful_core::{Block, Entry, Hash, sha256};
use redb::{ReadableTable, ReadableTableMetadata, Table, TableDefinition, WriteTransaction};

use crate::store::ChainChange;

/// The version of the layout.
pub(super) const FORMAT: u64 = 1;

type Hash32 = &'static [u8; 32];

pub(super) const META: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("meta");
/// Every block in the order in which it was put, from 1 on.
pub(super) const BLOCKS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("blocks");
/// The place in `blocks`, by hash.
pub(super) const BY_HASH: TableDefinition<'static, Hash32, u64> = TableDefinition::new("by_hash");
/// The active chain: the hash, by height, from 1 on.
pub(super) const CHAIN: TableDefinition<'static, u64, Hash32> = TableDefinition::new("chain");
/// Data that waits, in order.
pub(super) const DATA: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("data");
/// The place in `data`, by SHA-256.
pub(super) const DATA_BY_HASH: TableDefinition<'static, Hash32, u64> =
    TableDefinition::new("data_by_hash");
/// Blocks that are secrets, in order.
pub(super) const WITHHELD: TableDefinition<'static, u64, Hash32> = TableDefinition::new("withheld");
/// What the network keeps.
pub(super) const BLOBS: TableDefinition<'static, &str, &[u8]> = TableDefinition::new("blobs");

/// Something that waits for a commit.
#[derive(Debug)]
pub(super) enum Put {
    Block(Hash, Arc<Block>),
    Data(Entry),
    DataGone(Hash),
    Withheld(Hash),
    Published(Hash),
    Chain(ChainChange),
}

/// All tables that a batch may change, open.
struct Open<'txn> {
    blocks: Table<'txn, u64, &'static [u8]>,
    by_hash: Table<'txn, Hash32, u64>,
    chain: Table<'txn, u64, Hash32>,
    data: Table<'txn, u64, &'static [u8]>,
    data_by_hash: Table<'txn, Hash32, u64>,
    withheld: Table<'txn, u64, Hash32>,
}

/// Does in the transaction what was put.
pub(super) fn apply(transaction: &WriteTransaction, puts: &[Put]) -> Result<(), redb::Error> {
    let mut open = Open {
        blocks: transaction.open_table(BLOCKS)?,
        by_hash: transaction.open_table(BY_HASH)?,
        chain: transaction.open_table(CHAIN)?,
        data: transaction.open_table(DATA)?,
        data_by_hash: transaction.open_table(DATA_BY_HASH)?,
        withheld: transaction.open_table(WITHHELD)?,
    };
    for put in puts {
        match put {
            Put::Block(hash, block) => open.put_block(hash, block)?,
            Put::Data(entry) => open.put_data(entry)?,
            Put::DataGone(entry) => open.remove_data(entry)?,
            Put::Withheld(hash) => {
                let place = next(&open.withheld)?;
                open.withheld.insert(place, &hash.0)?;
            }
            Put::Published(hash) => open.withheld.retain(|_, withheld| *withheld != hash.0)?,
            Put::Chain(change) => open.set_chain(change)?,
        }
    }
    Ok(())
}

impl Open<'_> {
    fn put_block(&mut self, hash: &Hash, block: &Block) -> Result<(), redb::Error> {
        if self.by_hash.get(&hash.0)?.is_none() {
            let place = next(&self.blocks)?;
            self.blocks.insert(place, block.to_bytes().as_slice())?;
            self.by_hash.insert(&hash.0, place)?;
        }
        Ok(())
    }

    fn put_data(&mut self, entry: &[u8]) -> Result<(), redb::Error> {
        let hash = sha256(entry);
        if self.data_by_hash.get(&hash.0)?.is_none() {
            let place = next(&self.data)?;
            self.data.insert(place, entry)?;
            self.data_by_hash.insert(&hash.0, place)?;
        }
        Ok(())
    }

    fn set_chain(&mut self, change: &ChainChange) -> Result<(), redb::Error> {
        while let Some((height, hash)) = last(&self.chain)? {
            if height <= change.fork_height {
                break;
            }
            self.chain.remove(height)?;
            self.keep_data_of(&hash)?;
        }
        // One body after the other: a branch may be longer than memory.
        for (height, hash) in (change.fork_height + 1..).zip(&change.connected) {
            self.chain.insert(height, &hash.0)?;
            if self.data.is_empty()? {
                continue;
            }
            for entry in self.entries(&hash.0)? {
                self.remove_data(&sha256(&entry))?;
            }
        }
        Ok(())
    }

    /// What a stored block carries.
    fn entries(&self, hash: &[u8; 32]) -> Result<Vec<Entry>, redb::Error> {
        let Some(place) = self.by_hash.get(hash)?.map(|place| place.value()) else {
            return Ok(Vec::new());
        };
        let bytes = self.blocks.get(place)?;
        let block = bytes.and_then(|bytes| Block::from_bytes(bytes.value()).ok());
        Ok(block.map_or(Vec::new(), |block| block.entries))
    }

    fn remove_data(&mut self, entry: &Hash) -> Result<(), redb::Error> {
        let place = self.data_by_hash.remove(&entry.0)?;
        if let Some(place) = place.map(|place| place.value()) {
            self.data.remove(place)?;
        }
        Ok(())
    }

    /// The block left the active chain: what it carries waits again.
    fn keep_data_of(&mut self, hash: &[u8; 32]) -> Result<(), redb::Error> {
        for entry in self.entries(hash)? {
            self.put_data(&entry)?;
        }
        Ok(())
    }
}

/// The next free place of a table that counts.
fn next<V: redb::Value + 'static>(table: &Table<'_, u64, V>) -> Result<u64, redb::Error> {
    Ok(table.last()?.map_or(1, |(place, _)| place.value() + 1))
}

fn last(table: &Table<'_, u64, Hash32>) -> Result<Option<(u64, [u8; 32])>, redb::Error> {
    let last = table.last()?;
    Ok(last.map(|(place, hash)| (place.value(), *hash.value())))
}
