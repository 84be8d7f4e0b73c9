//! Every bound of the API in one place, and what happens at it. docs/node/api.md has the table.

use std::time::Duration;

use forkful_core::limits::MESSAGE_BYTES_MAX;

/// Connections at one time. A further one is closed as soon as it is accepted.
pub const CONNECTIONS_MAX: usize = 128;

/// Requests that are worked on, or whose answer is not sent yet, at one time. A further one is answered 503.
pub const REQUESTS_MAX: usize = 64;

/// Calls that wait for a block at one time. A further one gets an error.
pub const WAITS_MAX: usize = 16;

/// Streams of events at one time. A further one is answered 503.
pub const STREAMS_MAX: usize = 16;

/// Bytes of a body without the cookie. A longer one is answered 413.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Bytes of a body with the cookie: the largest block that can travel, as hex, and what
/// stands around it. A longer one is answered 413.
pub const BODY_BYTES_WITH_COOKIE_MAX: usize = 2 * MESSAGE_BYTES_MAX + (64 << 10);

/// Calls in one batch. A longer one is refused as a whole.
pub const BATCH_CALLS_MAX: usize = 50;

/// Bytes of the answer to a batch. What would come after that gets an error instead.
pub const BATCH_ANSWER_BYTES_MAX: usize = 32 << 20;

/// Bytes of all answers that are made or not sent yet, but for short ones. An answer without room
/// becomes an error: four batches that nobody reads.
pub const ANSWER_BYTES_MAX: usize = 128 << 20;

/// Bytes of a short answer, which needs no room: of these there are as many as requests.
pub const SHORT_ANSWER_BYTES: usize = 64 << 10;

/// Brackets within brackets in a body. A deeper one is no JSON to us.
pub const JSON_DEPTH_MAX: usize = 32;

/// How long a client may take to send the head of a request; also how long a connection may
/// stand idle.
pub const HEAD_TIME: Duration = Duration::from_secs(15);

/// How long a client may take to send a body. 408 after that.
pub const BODY_TIME: Duration = Duration::from_secs(10);

/// How long a call or a batch may take, but for one that waits for a block.
pub const CALL_TIME: Duration = Duration::from_secs(30);

/// How long a client may take to read an answer. Its connection is cut then.
pub const ANSWER_TIME: Duration = Duration::from_secs(60);

/// How long a call may wait for a block: what a time-out of 0 means, too.
pub const WAIT_TIME_MAX: Duration = Duration::from_secs(600);

/// How often a call of `getblocktemplate` that waits looks whether there is new data. A new tip it
/// notices at once.
pub const LONG_POLL_LOOK: Duration = Duration::from_secs(5);

/// How long `GET /healthz` waits for the node to do what it was told.
pub const HEALTH_TIME: Duration = Duration::from_secs(5);

/// How long a connection lasts, a stream of events included. It is then ended between two
/// requests, or cut when it is in the middle of one for [`END_TIME`] more.
pub const CONNECTION_TIME: Duration = Duration::from_secs(3_600);

/// How long the end of a connection may take.
pub const END_TIME: Duration = Duration::from_secs(1);

/// Bytes of the head of a request. Longer ones are answered 431.
pub const HEAD_BYTES_MAX: usize = 32 << 10;

/// Headers of a request. More are answered 431.
pub const HEADERS_MAX: usize = 64;

/// Events that are kept for streams that come back, or read slowly.
pub const EVENTS_KEPT: usize = 4_096;

/// Of them those that peers caused for little: so many of a kind in [`EVENTS_OF_PEERS_WINDOW`].
/// Further ones are not told, and counted by the metrics alone.
pub const EVENTS_OF_PEERS_MAX: usize = 60;
/// See [`EVENTS_OF_PEERS_MAX`].
pub const EVENTS_OF_PEERS_WINDOW: Duration = Duration::from_secs(60);

/// Milliseconds by which the tip may be old before the node says that it is still catching up.
///
/// As Bitcoin Core's `DEFAULT_MAX_TIP_AGE`.
pub const TIP_AGE_MAX_MS: u64 = 24 * 3_600_000;

/// Data whose way onto the chain is told by an event: the latest that this API took.
pub const DATA_WATCHED_MAX: usize = 4_096;

/// Connected blocks of one change of the tip that are searched for such data.
pub const DATA_BLOCKS_MAX: usize = 144;

/// Blocks that one call of `generate` may ask for.
pub const GENERATE_MAX: u64 = 1_000;

/// How long `generate` searches at most; what it found by then is the answer.
pub const GENERATE_TIME: Duration = Duration::from_secs(25);

/// Tips that `getchaintips` names: the active one, and the highest others.
pub const TIPS_MAX: usize = 1_000;

/// Bytes of data that one `submitdata` may bring, before the network's own limit.
pub const DATA_BYTES_MAX: usize = MESSAGE_BYTES_MAX;
