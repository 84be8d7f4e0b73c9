//! Every limit of the transport in one place, and what happens at it.

use std::time::Duration;

/// Bytes of one frame on the wire, without its length: what a Noise message may hold.
/// The two bytes of length cannot claim more.
pub const FRAME_BYTES_MAX: usize = 65_535;

/// Bytes of one frame before the handshake is done. A longer one ends the connection
/// before anything is allocated for it.
pub const HANDSHAKE_FRAME_BYTES_MAX: usize = 1_024;

/// Bytes of a message in one frame: the frame, less the tag of the cipher, less the byte
/// that says what the frame is.
pub const CHUNK_BYTES_MAX: usize = FRAME_BYTES_MAX - 16 - 1;

/// Bytes of a user agent. A longer one is refused.
pub const USER_AGENT_BYTES_MAX: usize = 64;

/// How much more memory a decoded message takes than its bytes, at most: an empty entry is 4 bytes
/// long, and takes a pointer of 16 bytes and an allocation of 32.
pub const DECODED_FACTOR: usize = 12;

/// What a message in a send queue counts beside its bytes, so that many small ones are
/// bounded too.
pub const QUEUED_OVERHEAD_BYTES: usize = 64;

/// Buckets of the new table of the address book, and how many of them the sources of one network
/// group reach. An address that would stand where a usable one stands is forgotten.
pub const NEW_BUCKETS: u16 = 256;
/// See [`NEW_BUCKETS`].
pub const NEW_BUCKETS_PER_SOURCE: u16 = 16;

/// Buckets of the tried table, and how many of them the addresses of one network group reach. An
/// address that would stand where one stands that works is not moved there.
pub const TRIED_BUCKETS: u16 = 64;
/// See [`TRIED_BUCKETS`].
pub const TRIED_BUCKETS_PER_GROUP: u16 = 4;

/// Places of a bucket.
pub const BUCKET_SLOTS: u16 = 64;

/// Addresses of the whole book. More are in no file either.
pub const BOOK_ENTRIES_MAX: usize =
    (NEW_BUCKETS as usize + TRIED_BUCKETS as usize) * BUCKET_SLOTS as usize;

/// Addresses that wait until the one in their place is tested. One more stays new.
pub const COLLISIONS_MAX: usize = 10;

/// Addresses at which the node met itself. One more is met again.
pub const OWN_ADDRESSES_MAX: usize = 64;

/// Peers of the last time that are tried first.
pub const ANCHORS_MAX: usize = 4;

/// Addresses of one frame. More are a ban.
pub const SAMPLE_MAX: usize = 1_000;

/// The part of the book that is told to one who asks, in percent.
pub const SAMPLE_PERCENT: usize = 23;

/// So many are told however small the book is: a small network has nothing to hide.
pub const SAMPLE_FLOOR: usize = 32;

/// Addresses of a frame that may be news; those of a longer one are passed on to nobody.
pub const NEWS_MAX: usize = 10;

/// Peers to which one piece of news is passed on.
pub const NEWS_PEERS: usize = 2;

/// Addresses that wait to be told to one peer. Further ones are not told to it.
pub const NEWS_WAITING_MAX: usize = 1_000;

/// Addresses of which it is remembered that one peer knows them. The oldest is forgotten.
pub const NEWS_KNOWN_MAX: usize = 2_000;

/// Addresses a second that one peer is believed, and how many at once. Others are not looked at.
pub const ADDRESSES_PER_SECOND: f64 = 0.1;
/// See [`ADDRESSES_PER_SECOND`].
pub const ADDRESSES_BURST: f64 = 1_000.0;

/// Addresses of one node that shows itself on the local network. Further ones are not looked at.
pub const FOUND_ADDRESSES_MAX: usize = 8;

/// Dialled addresses whose next try is remembered. That of the one whose wait ends first is
/// forgotten.
pub const RETRIES_MAX: usize = 1_024;

/// Bytes that may wait for one peer when data is told to it. Above, or when half of what may wait for
/// all does, it is not: whoever submits much must not get those disconnected who read slowly. Some
/// of it is told again later.
pub const DATA_QUEUED_MAX: usize = 4_000_000;

/// The limits that a node, or a test, may choose.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that others made. A further one takes the place of one that is protected by
    /// nothing; if there is none, it is closed.
    pub inbound_max: usize,
    /// Connections that the operator asked for: slots of their own, which nobody else can
    /// take. A further one waits for its next try.
    pub outbound_max: usize,
    /// Connections that the node makes by itself, to addresses of its book; slots of their own.
    pub automatic_max: usize,
    /// Inbound connections of one address, an IPv4 address being one however it is written, and all
    /// of a public /64 of IPv6 being one.
    /// A further one is closed at once. Loopback counts only if `loopback_is_foreign`.
    pub per_address_max: usize,
    /// Inbound connections whose handshake is not done. A further one is closed at once.
    pub half_open_max: usize,
    /// The same of one network group, so that a few addresses that say nothing do not take all of
    /// them. Loopback counts only if `loopback_is_foreign`.
    pub half_open_group_max: usize,
    /// The time until the handshake is done. A connection that needs longer is closed.
    pub handshake: Duration,
    /// The time until a dialled address answers.
    pub connect: Duration,
    /// Frames a second of one peer, and as many at once. Above, the peer is read no faster:
    /// it waits, and nobody else does.
    pub frames_per_second: u32,
    /// Bytes a second of one peer, and as many at once. Above, as with frames.
    pub bytes_per_second: u32,
    /// Messages of one peer that wait for the node. Above, the peer is not read until the
    /// node has handled one, so that no peer fills the node's inbox alone.
    pub inbox_share: u32,
    /// Bytes of memory of the messages of all peers that wait for the node, each counted as
    /// [`DECODED_FACTOR`] times its own. Above, no further one is decoded until the node has
    /// handled one; they go in the order in which they came.
    pub inbox_bytes: u32,
    /// Bytes that wait to be sent to one peer. A peer for whom there would be more reads too
    /// slowly, and is dropped.
    pub send_queue_bytes: usize,
    /// Bytes that wait to be sent to all peers, beside one message for each. Above, the peer that has
    /// taken nothing for longest is dropped, if that is `stalled` or more. If it is less, everybody
    /// reads, and the message alone is dropped, which the protocol repairs.
    pub send_total_bytes: usize,
    /// How long a peer that takes nothing still passes for one that reads.
    pub stalled: Duration,
    /// How long a peer may take nothing of what is sent to it. Then it reads too slowly, and is
    /// dropped.
    pub write: Duration,
    /// How often a peer is pinged.
    pub ping: Duration,
    /// How long it may say nothing at all after a ping, answer or not. Then it is dropped.
    /// A node that is busy with blocks reads no pings meanwhile, so this is long.
    pub pong: Duration,
    /// Bans at one time. One more takes the place of the automatic one that ends first.
    pub bans_max: usize,
    /// How long an automatic ban lasts.
    pub ban: Duration,
    /// Addresses that are kept up. One more is refused to whoever asks.
    pub kept_max: usize,
    /// Single tries under way. One more is refused to whoever asks.
    pub tries_max: usize,
    /// The wait after the first failed try; it doubles with each, jittered.
    pub backoff: Duration,
    /// The longest wait between tries.
    pub backoff_max: Duration,
    /// The longest wait between two tries of an address of the book.
    pub retry_max: Duration,
    /// How long the node waits, jittered, before it fills another of its own slots.
    pub fill: Duration,
    /// How long it waits if it found no address to fill one with, unless it hears of one.
    pub idle: Duration,
    /// How often it tries whether a new address answers, jittered, without keeping the connection.
    pub feeler: Duration,
    /// How often what is news is told to a peer, jittered.
    pub news: Duration,
    /// How often a peer is told again where the node listens, jittered.
    pub announce: Duration,
    /// For how long who asks for addresses gets the same answer, so that asking often shows no
    /// more of the book. Jittered.
    pub answer: Duration,
    /// How often the address book is saved, if it has changed.
    pub save: Duration,
    /// Whether loopback is treated as a strange address: banned, and counted by address.
    /// Many nodes share it on one machine, so that is for tests.
    pub loopback_is_foreign: bool,
}

impl Limits {
    /// Connections in use at one time.
    pub fn links_max(&self) -> usize {
        self.inbound_max + self.outbound_max + self.automatic_max
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            inbound_max: 112,
            outbound_max: 16,
            automatic_max: 8,
            per_address_max: 4,
            half_open_max: 32,
            half_open_group_max: 8,
            handshake: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            frames_per_second: 2_000,
            bytes_per_second: 16_000_000,
            inbox_share: 16,
            inbox_bytes: 64_000_000,
            send_queue_bytes: 16_000_000,
            send_total_bytes: 64_000_000,
            stalled: Duration::from_secs(2),
            write: Duration::from_secs(60),
            ping: Duration::from_secs(60),
            pong: Duration::from_secs(45),
            bans_max: 1_024,
            ban: Duration::from_secs(24 * 3_600),
            kept_max: 64,
            tries_max: 16,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(60),
            retry_max: Duration::from_secs(600),
            fill: Duration::from_millis(500),
            idle: Duration::from_secs(30),
            feeler: Duration::from_secs(120),
            news: Duration::from_secs(30),
            announce: Duration::from_secs(24 * 3_600),
            answer: Duration::from_secs(24 * 3_600),
            save: Duration::from_secs(300),
            loopback_is_foreign: false,
        }
    }
}
