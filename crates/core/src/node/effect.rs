//! What goes into a node, and what comes out.

use std::sync::Arc;
use std::time::Duration;

use crate::block::{Block, Entry};
use crate::door::Rejection;
use crate::hash::Hash;
use crate::limits;
use crate::message::{Ids, Message};
use crate::node::peers::PeerId;
use crate::node::pool::PoolError;
use crate::strategy::Attempt;
use crate::tree::BlockId;
use crate::units::Time;

/// How a node passes on what it learns. Every policy understands all messages, so
/// nodes with different ones get along.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Relay {
    /// Push whole blocks to everybody, as in the brief.
    #[default]
    Flood,
    /// Announce headers; who lacks the body fetches it. Synchronise headers first.
    Announce,
    /// Push one's own blocks whole to everybody, in the order of the list of peers, and
    /// announce those of others: the unsolicited block push of Gervais et al., "On the Security and Performance of
    /// Proof of Work Blockchains", CCS 2016.
    Unsolicited,
    /// Announce headers; who lacks the body asks for the short ids of its entries and
    /// rebuilds it from the data that waits, as in BIP 152. What does not come of it is
    /// asked for: single entries, or else the whole block.
    Compact,
}

impl Relay {
    /// Every policy.
    pub const ALL: [Relay; 4] = [
        Relay::Flood,
        Relay::Announce,
        Relay::Unsolicited,
        Relay::Compact,
    ];
}

/// How one node is set up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Config {
    /// How it passes blocks on.
    pub relay: Relay,
    /// How often it announces its tip to one random peer. `None` relies on no message
    /// being lost.
    pub tip_interval: Option<Duration>,
    /// How long a peer has to answer before another is asked.
    pub request_timeout: Duration,
    /// Whether it also passes on blocks of others that do not become its tip. Nobody needs them,
    /// unless the next block is built on one; then they come with it.
    pub all_blocks: bool,
    /// Whether it tells the oldest data that waits to whoever connects, and to one random peer
    /// whenever it announces its tip: so what was submitted before there were peers, or came
    /// back by a reorg, reaches those who mine. Real nodes do.
    pub tells_data: bool,
    /// For simulators alone, zero in every real node: of a million compact blocks
    /// *without entries*, how many count as if some of their entries were not here.
    ///
    /// A simulated block stands for one that is full, but carries no entries that could
    /// be missing. Where this many fail, by the node's own generator, the node sends a
    /// `RequestEntries` that names none, and the answer is an `Entries` without any: the
    /// messages, their order and deadlines are those of a real failure, and how many
    /// bytes the answer stands for is the simulator's to say. It changes nothing for a
    /// block that has entries.
    pub compact_failure_per_million: u32,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            relay: Relay::default(),
            tip_interval: Some(limits::TIP_INTERVAL),
            request_timeout: limits::REQUEST_TIMEOUT,
            all_blocks: false,
            tells_data: false,
            compact_failure_per_million: 0,
        }
    }
}

impl Config {
    /// Nothing waits for less than a millisecond, or a deadline could be due for ever.
    pub(super) fn with_time_passing(self) -> Self {
        let least = Duration::from_millis(1);
        Config {
            tip_interval: self.tip_interval.map(|interval| interval.max(least)),
            request_timeout: self.request_timeout.max(least),
            ..self
        }
    }
}

/// Something that happened outside the node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// The node starts. Once, before anything else.
    Start,
    /// Somebody wants this on the chain: the brief's `Mine(data)`.
    Mine(Entry),
    /// A peer said something, and it passed the door.
    Received(PeerId, Message<Ids>),
    /// A peer sent a block that the door refused. After what passed of the same message.
    /// Boxed because it is large and rare, and inputs are many.
    Rejected(PeerId, Box<Rejection>),
    /// The miner found a block. The driver has put it into the tree.
    Mined(BlockId),
    /// The operator wants this block, and what is built on it, not to be followed.
    Refuse(BlockId),
    /// The operator has nothing against this block any more, nor against any of its ancestors
    /// and descendants.
    Reconsider(BlockId),
    /// A connection was made.
    Connected(PeerId),
    /// A connection is gone.
    Disconnected(PeerId),
    /// The moment of the last [`Effect::Deadline`] has come.
    Deadline,
}

/// Something that the driver is to do. In the order in which they were pushed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Make the block durable, before any later message of the same batch is sent. Each
    /// block comes once, after its parent: so that a store, read in order, is a tree.
    Store(BlockId),
    /// Make the data durable until it is mined, before telling anyone that it was taken.
    StoreData(Entry),
    /// Send a message.
    Send(PeerId, Message<Ids>),
    /// Search for a block on this one, with a fresh
    /// [`template`](crate::Node::template), and give up any earlier search.
    Mine {
        /// What to build on.
        on: BlockId,
    },
    /// A valid block that was new to the node came in.
    Accepted {
        /// The block.
        block: BlockId,
        /// Who sent it; `None` for the node's own.
        from: Option<PeerId>,
    },
    /// The node rebuilt a block whose short ids this peer had sent. The driver takes it
    /// as if the peer had sent it whole, as a [`Message::Block`]: through the door. Never
    /// where the tree has every body, as in a simulation.
    Rebuilt(PeerId, Arc<Block>),
    /// The block, which the node found and which was just stored, is a secret until it is
    /// [`Published`](Effect::Published). Who restores the node from a store has to know.
    Withheld(BlockId),
    /// A block that was withheld is none any more: its branch was published, or given up.
    /// Comes before the block is sent to anybody.
    Published(BlockId),
    /// An attempt of the node's strategy to replace public blocks ended.
    Attempt(Attempt),
    /// The node follows another block now.
    TipChanged(TipChange),
    /// The node has no use for this body any more, which waited for one before it: it need not stay
    /// in memory, unless the node came to have it again meanwhile. It was not stored.
    Unused(BlockId),
    /// Data was taken, or why not.
    Data {
        /// SHA-256 of the data.
        entry: Hash,
        /// Its length in bytes.
        bytes: usize,
        /// Whether it was taken.
        taken: Result<(), PoolError>,
    },
    /// Wake the node at this moment instead of the last one named;
    /// [`Time::NEVER`] clears it.
    Deadline(Time),
    /// End the connection.
    Disconnect(PeerId, DisconnectReason),
}

/// A new tip. It is a reorg if anything was disconnected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TipChange {
    /// The tip before.
    pub old: BlockId,
    /// The tip now.
    pub new: BlockId,
    /// The last block that both chains have.
    pub fork_point: BlockId,
    /// Blocks from the fork point to `old`.
    pub disconnected: u64,
    /// Blocks from the fork point to `new`.
    pub connected: u64,
}

/// Why a node ends a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DisconnectReason {
    /// The peer broke so many rules that it cannot be by chance.
    #[error("it broke the rules too often")]
    Misbehaved,
    /// There is no room for another peer.
    #[error("too many peers")]
    TooManyPeers,
}

/// The buffer that a node pushes effects into. The driver owns and reuses it.
pub type Effects = Vec<Effect>;
