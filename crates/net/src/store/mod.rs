//! What a node keeps when it loses its memory.
//!
//! A node puts things into its [`Store`], and commits them before anybody may rely on
//! them. [`MemoryStore`] is the mesh's: it outlives a crash that is played.
//! [`DiskStore`] outlives the process, the machine's crash and a cut of the power; its
//! layout is in docs/node/store.md.

mod archive;
mod disk;
mod failed;
mod files;
mod look;
mod memory;
mod tables;

use std::fmt::Debug;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use forkful_core::tree::Archive;
use forkful_core::{Block, Entry, Hash};

pub use disk::{DiskStore, FILE_NAME};
pub use look::Summary;
pub use memory::MemoryStore;

/// Bytes of one blob that the network keeps. A longer one is refused.
pub const BLOB_BYTES_MAX: usize = 4_000_000;

/// Why a store could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has it open.
    #[error("{} is in use: another node runs on this data directory. Stop it, or name another directory", .0.display())]
    InUse(PathBuf),
    /// There is none in a directory that was said to have one.
    #[error("{} is no data directory of a node: there is no {FILE_NAME} in it. Name the directory that forkful node was started with", .0.display())]
    Missing(PathBuf),
    /// It belongs to another network.
    #[error(
        "{} belongs to another network: its genesis is {theirs}, that of this network is {ours}. \
         Choose the network that it was made for, or name another directory", path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The genesis of the file's network.
        theirs: Hash,
        /// The genesis of the network that was asked for.
        ours: Hash,
    },
    /// Its layout is not the one that this version reads.
    #[error(
        "{} has format {found}, and this version reads format {}. \
         Use the version that made it, or name another directory", path.display(), tables::FORMAT
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The format that it says it has.
        found: u64,
    },
    /// Something in it is not as it was written.
    #[error(
        "{} is damaged: {what}. Move it away, and the node fetches the chain again from its peers; \
         data that only waited in it is lost", path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The disk failed or is full, or the file may not be read or written.
    #[error("{} cannot be read or written: {what}. Look at the disk's room and the file's permissions", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        what: String,
    },
    /// The file is not where it was opened: what is stored is in no file that a next start finds.
    #[error(
        "{} was moved or removed while the node ran. Put it back, or start without it: \
         then the chain is fetched again from peers", .0.display()
    )]
    Gone(PathBuf),
    /// A blob above [`BLOB_BYTES_MAX`].
    #[error("{0} bytes are too many: {BLOB_BYTES_MAX} are kept")]
    TooLong(usize),
}

/// What is kept beside the chain, as bytes that only who keeps it understands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Blob {
    /// Addresses of other nodes.
    Addresses,
    /// Who may not connect.
    Bans,
    /// Blocks that the operator refuses: their hashes, one after the other.
    Refused,
}

/// How the active chain changed: all above the fork point is replaced.
#[derive(Debug)]
pub struct ChainChange {
    /// The height up to which it stays as it is.
    pub fork_height: u64,
    /// The blocks of which it consists above, in order, without a gap. All were put before.
    pub connected: Vec<Hash>,
}

/// Everything that a store holds beside the blocks, as a node needs it to come back.
#[derive(Clone, Default, Debug)]
pub struct Contents {
    /// Data that was taken to be mined, in order. Some of it may be on the chain.
    pub data: Vec<Entry>,
    /// The blocks that are secrets, in the order in which they were found.
    pub withheld: Vec<Hash>,
    /// The blocks that the operator refuses.
    pub refused: Vec<Hash>,
    /// The tip of the active chain, if the store keeps it and it is not genesis.
    pub tip: Option<Hash>,
}

impl Contents {
    /// The hashes of a blob of refused blocks.
    fn refused(blob: Option<Vec<u8>>) -> Vec<Hash> {
        let blob = blob.unwrap_or_default();
        let (hashes, _) = blob.as_chunks::<32>();
        hashes.iter().map(|hash| Hash(*hash)).collect()
    }
}

/// What outlives a node. Nothing that was put is kept for certain before [`commit`](Store::commit)
/// returned; then all of it is. What is put between two commits is kept as a whole or not at all.
pub trait Store: Debug + Send {
    /// Keeps a block. Its parent was kept before it.
    fn put_block(&mut self, hash: Hash, block: Arc<Block>);

    /// Keeps data that was taken to be mined, until it is on the active chain. If a reorg takes it
    /// off again, it is kept again.
    fn put_data(&mut self, entry: Entry);

    /// Keeps data no longer that nobody mined.
    fn remove_data(&mut self, entry: &Hash);

    /// Remembers that a block is a secret.
    fn put_withheld(&mut self, block: Hash);

    /// A block is a secret no more.
    fn set_published(&mut self, block: &Hash);

    /// The active chain is another one.
    fn set_chain(&mut self, change: ChainChange);

    /// Makes everything durable that was put so far.
    ///
    /// # Errors
    /// It may not be durable, now or ever: the node has to end, and nothing that was put
    /// since the last commit may be told to anybody.
    fn commit(&mut self) -> Result<(), StoreError>;

    /// Whether [`commit`](Store::commit) waits for a disk.
    fn waits(&self) -> bool;

    /// Shows every block in the order in which they were put, parents before children, until
    /// `take` has seen enough.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    fn blocks(&self, take: &mut dyn FnMut(Arc<Block>) -> ControlFlow<()>)
    -> Result<(), StoreError>;

    /// Who reads a block that was committed; nobody, if the store has them in memory itself.
    /// A block that cannot be read is an error of the next commit.
    fn archive(&self) -> Option<Box<dyn Archive>>;

    /// What it holds beside the blocks.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    fn contents(&self) -> Result<Contents, StoreError>;

    /// What was last [`save`](Store::save)d under this name; nothing if nothing was.
    ///
    /// # Errors
    /// It cannot be read, or is damaged.
    fn load(&self, blob: Blob) -> Result<Option<Vec<u8>>, StoreError>;

    /// Keeps these bytes in place of what was saved under this name. Durable at once.
    ///
    /// # Errors
    /// They are too long, or cannot be written.
    fn save(&mut self, blob: Blob, bytes: &[u8]) -> Result<(), StoreError>;
}
