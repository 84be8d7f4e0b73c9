//! The store of a node that outlives its process: one file, by redb.
//!
//! Every commit is durable when it returns, in two phases: redb's design document asks
//! for both where what is written comes from strangers. What is read is not trusted: opening holds
//! every page against its checksum, and every block passes the tree's rules again.

use std::fs::File;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forkful_core::tree::Archive;
use forkful_core::{Block, Consensus, Entry, Hash, sha256};
use redb::{Builder, Database, Durability, ReadableDatabase, ReadableTable, StorageBackend};

use crate::store::archive::{DiskArchive, Unread};
use crate::store::failed::{failed_at, guarded};
use crate::store::files::{identity, lock, sync_directory};
use crate::store::tables::{self, BLOBS, CHAIN, DATA, DATA_BY_HASH, FORMAT, META, Put, WITHHELD};
use crate::store::{BLOB_BYTES_MAX, Blob, ChainChange, Contents, Store, StoreError};

/// The store's file in a data directory.
pub const FILE_NAME: &str = "forkful.redb";

/// The name of a store that is being made.
const NEW_NAME: &str = "forkful.redb.new";

/// What redb keeps of the file in memory, in bytes.
const CACHE_BYTES: usize = 8 << 20;

/// A store in one file.
#[derive(Debug)]
pub struct DiskStore {
    pub(super) database: Arc<Database>,
    /// Why a block could not be read by the archive.
    unread: Unread,
    pub(super) path: PathBuf,
    puts: Vec<Put>,
    /// A commit failed: whether what it held is durable is not known, so nothing is after it.
    failed: bool,
    /// Which file was opened, as the system counts files. `None` if it is none, or the system
    /// does not say.
    identity: Option<(u64, u64)>,
    /// Locked while it lives, so that two processes never make or open one at the same time.
    /// `None` if it is no file.
    lock: Option<File>,
}

impl DiskStore {
    /// Opens the store of a data directory that is there, or makes one for this network.
    ///
    /// # Errors
    /// Another process has it open, it is another network's or version's, it is damaged, or the
    /// disk fails.
    pub fn open(data_dir: &Path, consensus: &Consensus) -> Result<Self, StoreError> {
        let path = data_dir.join(FILE_NAME);
        let io = |error| failed_at(&path, &error);
        let lock = lock(data_dir, &path)?;
        if !path.try_exists().map_err(io)? {
            // A cut of the power while redb makes a file leaves one that it does not open. So it
            // gets its name when it is whole.
            let new = data_dir.join(NEW_NAME);
            File::create(&new).map_err(io)?;
            drop(DiskStore::prepare(new.clone(), consensus, || {
                builder().create(&new)
            })?);
            std::fs::rename(&new, &path).map_err(io)?;
            sync_directory(data_dir).map_err(io)?;
        }
        let open = || builder().open(&path);
        let mut store = DiskStore::prepare(path.clone(), consensus, open)?;
        store.lock = Some(lock);
        store.identity = identity(&path);
        Ok(store)
    }

    /// Opens the store that is in a data directory, whatever its network, and says under which
    /// rules it was made. If a network is asked for, it has to be that one.
    ///
    /// # Errors
    /// There is none, and as those of [`open`](Self::open).
    pub fn open_existing(
        data_dir: &Path,
        asked: Option<&Consensus>,
    ) -> Result<(Self, Consensus), StoreError> {
        let path = data_dir.join(FILE_NAME);
        if !path
            .try_exists()
            .map_err(|error| failed_at(&path, &error))?
        {
            return Err(StoreError::Missing(data_dir.to_owned()));
        }
        let lock = lock(data_dir, &path)?;
        let store = guarded(&path, || {
            Ok(DiskStore {
                database: Arc::new(builder().open(&path)?),
                unread: Unread::default(),
                path: path.clone(),
                puts: Vec::new(),
                failed: false,
                identity: identity(&path),
                lock: Some(lock),
            })
        })?;
        let consensus = store.consensus()?;
        store.check_meta(asked.unwrap_or(&consensus))?;
        Ok((store, consensus))
    }

    /// The same on something that is not a file. For tests of what disks do.
    ///
    /// # Errors
    /// As those of [`open`](Self::open).
    pub fn with_backend(
        backend: impl StorageBackend,
        consensus: &Consensus,
    ) -> Result<Self, StoreError> {
        let create = || builder().create_with_backend(backend);
        DiskStore::prepare(PathBuf::from("the store"), consensus, create)
    }

    fn prepare(
        path: PathBuf,
        consensus: &Consensus,
        create: impl FnOnce() -> Result<Database, redb::DatabaseError>,
    ) -> Result<Self, StoreError> {
        guarded(&path, || {
            let database = create()?;
            let mut store = DiskStore {
                database: Arc::new(database),
                unread: Unread::default(),
                path: path.clone(),
                puts: Vec::new(),
                failed: false,
                identity: None,
                lock: None,
            };
            if store.is_new()? {
                store.write(|transaction| describe(transaction, consensus))?;
            }
            Ok(store)
        })
        .and_then(|store| {
            store.check_meta(consensus)?;
            Ok(store)
        })
    }

    /// Nothing was ever committed to it.
    fn is_new(&self) -> Result<bool, redb::Error> {
        let transaction = self.database.begin_read()?;
        Ok(transaction.list_tables()?.next().is_none())
    }

    fn check_meta(&self, consensus: &Consensus) -> Result<(), StoreError> {
        self.format()?;
        let genesis = self.meta("genesis")?;
        let Some(theirs) = genesis.and_then(|bytes| bytes.try_into().ok()).map(Hash) else {
            return Err(self.damaged("it does not say its genesis"));
        };
        let ours = consensus.genesis().header.hash();
        if theirs != ours {
            let path = self.path.clone();
            return Err(StoreError::Foreign { path, theirs, ours });
        }
        Ok(())
    }

    /// One durable transaction.
    fn write(
        &mut self,
        change: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_two_phase_commit(true);
        transaction.set_durability(Durability::Immediate)?;
        change(&transaction)?;
        Ok(transaction.commit()?)
    }

    /// A transaction after which nothing is written if it fails.
    fn write_or_fail(
        &mut self,
        change: impl FnOnce(&redb::WriteTransaction) -> Result<(), redb::Error>,
    ) -> Result<(), StoreError> {
        let path = self.path.clone();
        if self.failed {
            let what = "an earlier write failed".to_owned();
            return Err(StoreError::Io { path, what });
        }
        self.failed = true;
        guarded(&path, || self.write(change))?;
        if self.identity.is_some() && identity(&path) != self.identity {
            return Err(StoreError::Gone(path));
        }
        self.failed = false;
        Ok(())
    }

    pub(super) fn damaged(&self, what: impl Into<String>) -> StoreError {
        StoreError::Damaged {
            path: self.path.clone(),
            what: what.into(),
        }
    }

    pub(super) fn read_data(&self) -> Result<Result<Vec<Entry>, String>, redb::Error> {
        let transaction = self.database.begin_read()?;
        let by_hash = transaction.open_table(DATA_BY_HASH)?;
        let mut data = Vec::new();
        for row in transaction.open_table(DATA)?.iter()? {
            let (place, bytes) = row?;
            let named = by_hash.get(&sha256(bytes.value()).0)?;
            if named.map(|place| place.value()) != Some(place.value()) {
                let place = place.value();
                return Ok(Err(format!("entry {place} is not the one that was stored")));
            }
            data.push(Entry::from(bytes.value()));
        }
        Ok(Ok(data))
    }

    pub(super) fn read_withheld(&self) -> Result<Vec<Hash>, redb::Error> {
        let table = self.database.begin_read()?.open_table(WITHHELD)?;
        let rows = table.iter()?;
        rows.map(|row| Ok(Hash(*row?.1.value()))).collect()
    }
}

impl DiskStore {
    fn read_tip(&self) -> Result<Option<Hash>, redb::Error> {
        let chain = self.database.begin_read()?.open_table(CHAIN)?;
        let last = chain.last()?;
        Ok(last.map(|(_, hash)| Hash(*hash.value())))
    }
}

impl Store for DiskStore {
    fn put_block(&mut self, hash: Hash, block: Arc<Block>) {
        self.puts.push(Put::Block(hash, block));
    }

    fn put_data(&mut self, entry: Entry) {
        self.puts.push(Put::Data(entry));
    }

    fn remove_data(&mut self, entry: &Hash) {
        self.puts.push(Put::DataGone(*entry));
    }

    fn put_withheld(&mut self, block: Hash) {
        self.puts.push(Put::Withheld(block));
    }

    fn set_published(&mut self, block: &Hash) {
        self.puts.push(Put::Published(*block));
    }

    fn set_chain(&mut self, change: ChainChange) {
        self.puts.push(Put::Chain(change));
    }

    fn commit(&mut self) -> Result<(), StoreError> {
        if let Some(error) = self.unread.take() {
            self.failed = true;
            return Err(error);
        }
        if self.puts.is_empty() {
            return Ok(());
        }
        let puts = std::mem::take(&mut self.puts);
        self.write_or_fail(|transaction| tables::apply(transaction, &puts))
    }

    fn waits(&self) -> bool {
        !self.puts.is_empty()
    }

    fn blocks(
        &self,
        take: &mut dyn FnMut(Arc<Block>) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let seen = self.each_block(|_, block| match take(block) {
            ControlFlow::Continue(()) => Ok(()),
            // Enough was seen, and nothing is wrong.
            ControlFlow::Break(()) => Err(None),
        });
        seen.or_else(|error| error.map_or(Ok(()), Err))
    }

    fn archive(&self) -> Option<Box<dyn Archive>> {
        Some(Box::new(DiskArchive::new(
            &self.database,
            self.path.clone(),
            self.unread.clone(),
        )))
    }

    fn contents(&self) -> Result<Contents, StoreError> {
        let data = guarded(&self.path, || self.read_data())?;
        Ok(Contents {
            data: data.map_err(|what| self.damaged(what))?,
            withheld: guarded(&self.path, || self.read_withheld())?,
            refused: Contents::refused(self.load(Blob::Refused)?),
            tip: guarded(&self.path, || self.read_tip())?,
        })
    }

    fn load(&self, blob: Blob) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(&self.path, || {
            let table = self.database.begin_read()?.open_table(BLOBS)?;
            Ok(table.get(name(blob))?.map(|bytes| bytes.value().to_vec()))
        })
    }

    fn save(&mut self, blob: Blob, bytes: &[u8]) -> Result<(), StoreError> {
        if bytes.len() > BLOB_BYTES_MAX {
            return Err(StoreError::TooLong(bytes.len()));
        }
        self.write_or_fail(|transaction| {
            transaction.open_table(BLOBS)?.insert(name(blob), bytes)?;
            Ok(())
        })
    }
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES);
    builder.set_check_integrity_on_open(true);
    builder
}

fn name(blob: Blob) -> &'static str {
    match blob {
        Blob::Addresses => "addresses",
        Blob::Bans => "bans",
        Blob::Refused => "refused",
    }
}

/// Makes every table, and says whose store it is.
fn describe(
    transaction: &redb::WriteTransaction,
    consensus: &Consensus,
) -> Result<(), redb::Error> {
    let genesis = consensus.genesis().header.hash();
    let text = consensus.canonical_text();
    let mut meta = transaction.open_table(META)?;
    meta.insert("format", FORMAT.to_be_bytes().as_slice())?;
    meta.insert("genesis", genesis.0.as_slice())?;
    meta.insert("consensus", text.as_bytes())?;
    meta.insert(
        "created_by",
        concat!("forkful ", env!("CARGO_PKG_VERSION")).as_bytes(),
    )?;
    transaction.open_table(BLOBS)?;
    tables::apply(transaction, &[])
}
