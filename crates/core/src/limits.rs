//! Every bound of the protocol in one place, and what happens at it.
//!
//! Consensus limits (what a block may hold) are not here: they belong to the network,
//! see [`Consensus`](crate::Consensus).

use std::time::Duration;

/// Bytes of one message on the wire. A longer one is refused before it is read.
///
/// As Bitcoin's `MAX_PROTOCOL_MESSAGE_LENGTH` (net.h).
pub const MESSAGE_BYTES_MAX: usize = 4_000_000;

/// Hashes in a block locator. A longer one is refused.
///
/// As Bitcoin's `MAX_LOCATOR_SZ`. Ours has at most 10 + log2(height) + 1.
pub const LOCATOR_HASHES_MAX: usize = 101;

/// Headers in one `Headers` message: what a reply is cut to, and what is refused above.
pub const HEADERS_MAX: usize = 2_000;

/// How many blocks' work a branch may lack against the active chain and still be taken in at
/// once. A weaker one has to prove first what it leads to, see
/// [`Doorkeeper`](crate::doorkeeper::Doorkeeper).
///
/// As Bitcoin's `ANTI_DOS_WORK_BUFFER` (net_processing.cpp): 144 blocks.
pub const WORK_BUFFER_BLOCKS: u32 = 144;

/// Headers of a weak branch between two that are remembered while it is surveyed: what one
/// `Headers` message holds, so that an answer is a whole segment.
pub const SURVEY_SEGMENT: usize = HEADERS_MAX;

/// Segments that are remembered of one weak branch, 32 bytes each. A survey of a longer one
/// ends there: sixteen million headers, five years of blocks every ten seconds.
pub const SURVEY_SEGMENTS_MAX: usize = 8_000;

/// How long a survey is left alone. A peer that answers later than that, or not at all, may
/// begin another.
pub const SURVEY_PATIENCE: Duration = Duration::from_secs(60);

/// How far headers may be ahead of the blocks that are here. A peer that has more is asked for
/// them when half of these blocks have come.
pub const HEADERS_LEAD_MAX: u64 = 20_000;

/// Blocks in one `Chain` message: what a reply is cut to, and what is refused above.
pub const CHAIN_BLOCKS_MAX: usize = 500;

/// Bytes of blocks in one `Chain` message: a reply stops before it grows beyond
/// (but holds one block at least).
pub const CHAIN_BYTES_MAX: usize = 2_000_000;

/// Entries that a message may claim for one block, whatever the network allows:
/// more is refused before anything is allocated.
pub const WIRE_ENTRIES_MAX: usize = 100_000;

/// Peers of one node. A further connection is refused by the node at once.
pub const PEERS_MAX: usize = 16_384;

/// Blocks that are being fetched at one time. Further ones wait for their turn.
///
/// As Bitcoin's `BLOCK_DOWNLOAD_WINDOW` (1,024): also how far ahead of the first
/// missing body a block may be asked for, so it bounds the blocks that wait for a parent.
pub const FETCH_WINDOW: usize = 1_024;

/// Memory of the bodies that wait for one before them, about. Above, only the first missing body
/// is asked for, and a further one that comes is forgotten until it has come: whoever holds one
/// body back must not fill the memory with those behind it.
pub const WAITING_BYTES_MAX: usize = 64_000_000;

/// Blocks that are being fetched from one peer at one time.
///
/// As Bitcoin's `MAX_BLOCKS_IN_TRANSIT_PER_PEER`.
pub const FETCH_PER_PEER_MAX: usize = 16;

/// Missing bodies in a row from which on they are asked for together, as the chain after a
/// block. Fewer are asked for one by one.
pub const SEGMENT_BLOCKS_MIN: u64 = 128;

/// Such stretches that are asked of one peer at one time: while one is taken in, the next is on
/// its way.
pub const SEGMENTS_PER_PEER_MAX: usize = 2;

/// Blocks that are being rebuilt from the names of their entries at one time. Further
/// ones are asked for as a whole: so few that what a block may claim to hold bounds them.
///
/// Bitcoin asks three peers at most to send compact blocks unasked.
pub const REBUILDS_MAX: usize = 3;

/// Blocks on top of one from which on it is no longer told by the names of its entries, nor entry by
/// entry: who asks gets it whole. A short answer must not cost a search for an old body.
///
/// As Bitcoin's `MAX_BLOCKTXN_DEPTH` (BIP 152).
pub const COMPACT_DEPTH_MAX: u64 = 10;

/// Blocks that a peer was seen to have on other branches than its best one. The oldest
/// is forgotten; the price is one announcement too many.
pub const PEER_RECENT_MAX: usize = 2;

/// Blocks that the operator of a node may refuse. Further ones are not refused.
pub const REFUSED_MAX: usize = 64;

/// Penalty points at which a peer is disconnected.
pub const PENALTY_MAX: u16 = 100;

/// Data waiting to be mined, in entries. More is refused to whoever submits it.
pub const POOL_ENTRIES_MAX: usize = 50_000;

/// Data waiting to be mined, in bytes. More is refused to whoever submits it.
///
/// Data that a reorg brings back is kept even above these two bounds, for it was
/// promised to somebody; the reorg's own length bounds it.
pub const POOL_BYTES_MAX: usize = 32_000_000;

/// The part of both bounds, in percent, up to which data of peers is taken: what is left is for
/// the operator, whatever strangers send.
pub const POOL_PEERS_PERCENT: usize = 75;

/// Entries of the active chain that are known to be on it, so that they are not taken to be mined
/// again: at least the newest half as many, for older ones are forgotten in lots. What was forgotten is
/// taken and mined again if somebody submits it again.
pub const ON_CHAIN_ENTRIES_MAX: usize = 200_000;

/// Data that is told at one time to a peer that may not have it, in entries: the oldest.
pub const DATA_TOLD_ENTRIES_MAX: usize = 100;

/// The same in bytes.
pub const DATA_TOLD_BYTES_MAX: usize = 256_000;

/// Blocks that a dishonest node may withhold. The oldest is published at the bound.
pub const WITHHELD_MAX: usize = 10_000;

/// How long data waits to be mined before it is given up, counted from when the node took it, or
/// came back with it. It can be submitted again.
///
/// As Bitcoin's `DEFAULT_MEMPOOL_EXPIRY_HOURS`: 14 days.
pub const DATA_EXPIRY: Duration = Duration::from_secs(14 * 24 * 3_600);

/// How long a peer has to answer, unless configured otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// How long new data may wait until a search that has just begun is begun anew with it.
/// A search loses nothing by that, but each beginning costs the Merkle root of a block.
pub const DATA_WAIT: Duration = Duration::from_millis(250);

/// How often a tip is announced to one peer, unless configured otherwise.
pub const TIP_INTERVAL: Duration = Duration::from_secs(30);
