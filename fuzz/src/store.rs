//! What stands in a store: every table holds what the bytes say, under the checksums of a file that
//! is whole. So what a node's own checks have to catch is caught by them alone.

#[path = "input.rs"]
mod input;
#[allow(dead_code, reason = "a part of it is asked here")]
#[path = "../../crates/core/tests/support/spec.rs"]
mod spec;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use forkful_core::{Block, BlockId, Consensus, Entry, Hash, Honest, Target, Timestamp, sha256};
use forkful_net::participant::Participant;
use forkful_net::store::{Blob, ChainChange, DiskStore, Store};
use redb::{Durability, StorageBackend, TableDefinition, WriteTransaction};

use input::Input;

const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
const BLOCKS: TableDefinition<u64, &[u8]> = TableDefinition::new("blocks");
const BY_HASH: TableDefinition<&[u8; 32], u64> = TableDefinition::new("by_hash");
const CHAIN: TableDefinition<u64, &[u8; 32]> = TableDefinition::new("chain");
const DATA: TableDefinition<u64, &[u8]> = TableDefinition::new("data");
const DATA_BY_HASH: TableDefinition<&[u8; 32], u64> = TableDefinition::new("data_by_hash");
const WITHHELD: TableDefinition<u64, &[u8; 32]> = TableDefinition::new("withheld");
const BLOBS: TableDefinition<&str, &[u8]> = TableDefinition::new("blobs");

/// Rows that are changed at most.
const ROWS_MAX: usize = 32;

/// Opens what the bytes made of a store. It is refused with a reason, or serves a valid chain.
pub fn check(bytes: &[u8]) {
    let disk = Disk::of(sound());
    change(&disk, &mut Input::new(bytes)).expect("a row can be written");
    let mut store = match DiskStore::with_backend(disk, &consensus()) {
        Ok(store) => store,
        Err(error) => return is_a_sentence(&error.to_string()),
    };
    if let Err(error) = store.check() {
        is_a_sentence(&error.to_string());
    }
    for blob in [Blob::Addresses, Blob::Bans] {
        if let Err(error) = store.load(blob) {
            is_a_sentence(&error.to_string());
        }
    }
    serves_a_valid_chain(&mut store);
    goes_on(&mut store);
}

fn serves_a_valid_chain(store: &mut DiskStore) {
    let clock = Timestamp(consensus().genesis_time.0 + 86_400_000);
    let config = forkful_core::Config::default();
    let consensus = consensus();
    let honest = Box::new(Honest);
    let node = Participant::restore(consensus.clone(), config, honest, 1, store, clock);
    let Participant { tree, node, .. } = match node {
        Ok(participant) => participant,
        Err(error) => return is_a_sentence(&error.to_string()),
    };
    let mut spec = spec::Spec::new(&consensus);
    for id in tree.path(BlockId::GENESIS, node.tip()) {
        let block = tree.block(id).expect("stored blocks have bodies");
        spec.insert(&block, clock.0);
    }
    assert_eq!(
        spec.best(),
        tree.hash(node.tip()),
        "not a chain from genesis to the tip"
    );
}

/// It is written on as before, or says why not.
fn goes_on(store: &mut DiskStore) {
    let block = &blocks()[2];
    let hash = block.header.hash();
    store.put_block(hash, Arc::clone(block));
    store.put_data(Entry::from([9].as_slice()));
    store.put_withheld(hash);
    store.set_published(&hash);
    store.set_chain(ChainChange {
        fork_height: 0,
        connected: blocks().iter().map(|block| block.header.hash()).collect(),
    });
    if let Err(error) = store.commit() {
        is_a_sentence(&error.to_string());
    }
    if let Err(error) = store.save(Blob::Bans, &[1]) {
        is_a_sentence(&error.to_string());
    }
}

fn is_a_sentence(text: &str) {
    assert!(!text.is_empty() && text.len() < 2_000);
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// Changes rows as the bytes say.
fn change(disk: &Disk, input: &mut Input) -> Result<(), redb::Error> {
    let database = redb::Builder::new().create_with_backend(disk.clone())?;
    let mut transaction = database.begin_write()?;
    transaction.set_durability(Durability::Immediate)?;
    for _ in 0..ROWS_MAX {
        if input.is_empty() {
            break;
        }
        // A table that was made another one takes no more rows.
        if row(&transaction, input).is_err() {
            break;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn row(transaction: &WriteTransaction, input: &mut Input) -> Result<(), redb::Error> {
    let kind = input.byte();
    let place = u64::from(input.byte());
    match kind % 16 {
        0 => {
            transaction
                .open_table(BLOCKS)?
                .insert(place, input.bytes())?;
        }
        1 => {
            let bytes = input.bytes();
            let hash = bytes.get(..88).map_or(Hash::ZERO, sha256);
            transaction.open_table(BLOCKS)?.insert(place, bytes)?;
            transaction.open_table(BY_HASH)?.insert(&hash.0, place)?;
        }
        2 => {
            transaction
                .open_table(BY_HASH)?
                .insert(&hash(input).0, place)?;
        }
        3 => {
            transaction
                .open_table(CHAIN)?
                .insert(place, &hash(input).0)?;
        }
        4 => {
            transaction.open_table(DATA)?.insert(place, input.bytes())?;
        }
        5 => {
            let bytes = input.bytes();
            transaction.open_table(DATA)?.insert(place, bytes)?;
            transaction
                .open_table(DATA_BY_HASH)?
                .insert(&sha256(bytes).0, place)?;
        }
        6 => {
            transaction
                .open_table(WITHHELD)?
                .insert(place, &hash(input).0)?;
        }
        7 => {
            let key = ["format", "genesis", "consensus", "created_by"][input.below(4)];
            transaction.open_table(META)?.insert(key, input.bytes())?;
        }
        8 => {
            let key = ["addresses", "bans", "refused"][input.below(3)];
            transaction.open_table(BLOBS)?.insert(key, input.bytes())?;
        }
        9 => {
            transaction
                .open_table(DATA_BY_HASH)?
                .insert(&hash(input).0, place)?;
        }
        10..=13 => row_is_gone(transaction, kind % 4, place, input)?,
        14 => table_is_gone(transaction, place)?,
        _ => table_is_another(transaction, place)?,
    }
    Ok(())
}

fn row_is_gone(
    transaction: &WriteTransaction,
    which: u8,
    place: u64,
    input: &mut Input,
) -> Result<(), redb::Error> {
    match which {
        0 => {
            transaction.open_table(BLOCKS)?.remove(place)?;
        }
        1 => {
            transaction.open_table(BY_HASH)?.remove(&hash(input).0)?;
        }
        2 => {
            transaction.open_table(CHAIN)?.remove(place)?;
        }
        _ => {
            let key = ["format", "genesis", "consensus", "created_by"][input.below(4)];
            transaction.open_table(META)?.remove(key)?;
        }
    }
    Ok(())
}

fn table_is_gone(transaction: &WriteTransaction, place: u64) -> Result<(), redb::Error> {
    match place % 8 {
        0 => transaction.delete_table(META)?,
        1 => transaction.delete_table(BLOCKS)?,
        2 => transaction.delete_table(BY_HASH)?,
        3 => transaction.delete_table(CHAIN)?,
        4 => transaction.delete_table(DATA)?,
        5 => transaction.delete_table(DATA_BY_HASH)?,
        6 => transaction.delete_table(WITHHELD)?,
        _ => transaction.delete_table(BLOBS)?,
    };
    Ok(())
}

/// The name is there, with values of another type. Whoever opens the real one is told so.
fn table_is_another(transaction: &WriteTransaction, place: u64) -> Result<(), redb::Error> {
    let names = ["blocks", "by_hash", "chain", "data"];
    let name = names[usize::try_from(place).unwrap_or(0) % names.len()];
    let other: TableDefinition<u8, u8> = TableDefinition::new(name);
    if transaction.open_table(other).is_err() {
        table_is_gone(transaction, 1 + place % 4)?;
        transaction.open_table(other)?.insert(1, 1)?;
    }
    Ok(())
}

/// A hash of a real block, or any.
fn hash(input: &mut Input) -> Hash {
    match usize::from(input.byte()) {
        0 => consensus().genesis().header.hash(),
        place if place <= blocks().len() => blocks()[place - 1].header.hash(),
        _ => Hash(input.array()),
    }
}

fn consensus() -> Consensus {
    Consensus::fixed(Target::from_zero_bits(1).expect("one bit is valid"))
}

/// Three blocks in a row.
fn blocks() -> &'static [Arc<Block>] {
    static BLOCKS: OnceLock<Vec<Arc<Block>>> = OnceLock::new();
    BLOCKS.get_or_init(|| {
        let genesis = consensus().genesis();
        let mut blocks = vec![];
        let mut parent = genesis.header;
        for number in 1..4_u8 {
            let entries = vec![Entry::from([number].as_slice())];
            let mut header = forkful_core::Header {
                index: parent.index + 1,
                timestamp: Timestamp(parent.timestamp.0 + 1_000),
                data: spec::merkle(&entries),
                previous_hash: parent.hash(),
                nonce: 0,
            };
            while header.hash().0[0] >= 0x80 {
                header.nonce += 1;
            }
            parent = header;
            blocks.push(Arc::new(Block { header, entries }));
        }
        blocks
    })
}

/// The file of a store with two blocks, as a node left it.
fn sound() -> &'static [u8] {
    static SOUND: OnceLock<Vec<u8>> = OnceLock::new();
    SOUND.get_or_init(|| {
        let disk = Disk::of(&[]);
        let mut store = DiskStore::with_backend(disk.clone(), &consensus()).expect("a new store");
        let two = &blocks()[..2];
        for block in two {
            store.put_block(block.header.hash(), Arc::clone(block));
        }
        store.put_data(Entry::from([9].as_slice()));
        store.set_chain(ChainChange {
            fork_height: 0,
            connected: two.iter().map(|block| block.header.hash()).collect(),
        });
        store.commit().expect("memory takes everything");
        drop(store);
        disk.bytes().clone()
    })
}

/// A file in memory that outlives who has it open.
#[derive(Clone, Debug)]
struct Disk(Arc<Mutex<Vec<u8>>>);

impl Disk {
    fn of(bytes: &[u8]) -> Disk {
        Disk(Arc::new(Mutex::new(bytes.to_vec())))
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> Result<u64, io::Error> {
        Ok(self.bytes().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), io::Error> {
        let bytes = self.bytes();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let until = from.saturating_add(out.len());
        let read = bytes.get(from..until);
        out.copy_from_slice(read.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> Result<(), io::Error> {
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.bytes().resize(length, 0);
        Ok(())
    }

    fn sync_data(&self) -> Result<(), io::Error> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), io::Error> {
        let mut bytes = self.bytes();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let until = from.saturating_add(data.len());
        let place = bytes.get_mut(from..until);
        place
            .ok_or(io::ErrorKind::UnexpectedEof)?
            .copy_from_slice(data);
        Ok(())
    }
}
