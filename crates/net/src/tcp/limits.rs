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

/// What a message in a send queue counts beside its bytes, so that many small ones are
/// bounded too.
pub const QUEUED_OVERHEAD_BYTES: usize = 64;

/// The limits that a node, or a test, may choose.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Connections that others made. A further one is closed at once.
    pub inbound_max: usize,
    /// Connections that we made: slots of their own, which nobody else can take. A further
    /// one waits for its next try.
    pub outbound_max: usize,
    /// Inbound connections of one address, an IPv4 address being one however it is written.
    /// A further one is closed at once. Loopback counts only if `loopback_is_foreign`.
    pub per_address_max: usize,
    /// Inbound connections whose handshake is not done. A further one is closed at once.
    pub half_open_max: usize,
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
    /// Bytes that wait to be sent to one peer. A peer for whom there would be more reads too
    /// slowly, and is dropped.
    pub send_queue_bytes: usize,
    /// Bytes that wait to be sent to all peers. Above, the message is not sent and the peer
    /// that it is for is dropped, if more than its fair share waits for it; otherwise the
    /// message alone is dropped, which the protocol repairs.
    pub send_total_bytes: usize,
    /// How often a peer is pinged.
    pub ping: Duration,
    /// How long it may say nothing at all after a ping, answer or not. Then it is dropped.
    /// A node that is busy with blocks reads no pings meanwhile, so this is long.
    pub pong: Duration,
    /// Bans at one time. One more takes the place of the one that ends first.
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
    /// Whether loopback is treated as a strange address: banned, and counted by address.
    /// Many nodes share it on one machine, so that is for tests.
    pub loopback_is_foreign: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            inbound_max: 112,
            outbound_max: 16,
            per_address_max: 4,
            half_open_max: 32,
            handshake: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            frames_per_second: 2_000,
            bytes_per_second: 16_000_000,
            inbox_share: 16,
            send_queue_bytes: 16_000_000,
            send_total_bytes: 64_000_000,
            ping: Duration::from_secs(60),
            pong: Duration::from_secs(45),
            bans_max: 1_024,
            ban: Duration::from_secs(24 * 3_600),
            kept_max: 64,
            tries_max: 16,
            backoff: Duration::from_millis(500),
            backoff_max: Duration::from_secs(60),
            loopback_is_foreign: false,
        }
    }
}
