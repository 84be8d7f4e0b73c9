//! A connection as the rest of the node sees it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forkful_core::PeerId;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::gossip::Gossip;
use super::hello::Hello;
use super::net::Charge;
use super::session::Frame;
use crate::peers::{ConnectionKind, PeerInfo};

/// A frame that waits to be written.
pub type Waiting = (Frame, Charge);

/// A connection whose handshake is done.
pub struct Link {
    pub id: PeerId,
    pub key: [u8; 32],
    pub encrypted: bool,
    pub address: SocketAddr,
    pub inbound: bool,
    pub kind: ConnectionKind,
    pub hello: Hello,
    pub since: Instant,
    pub sent: Arc<AtomicU64>,
    pub received: Arc<AtomicU64>,
    /// Frames that wait to be written; `queued` bounds them in bytes.
    pub queue: mpsc::UnboundedSender<Waiting>,
    pub queued: Arc<AtomicUsize>,
    /// When it last took something of what waits, or nothing waited, in nanoseconds since the
    /// connection was made.
    pub took: AtomicU64,
    /// Places of its messages in the node's inbox.
    pub places: Arc<Semaphore>,
    /// Whether the reader waits for the node: what the peer says is not heard then.
    pub blocked: AtomicBool,
    /// The number of the ping that was not answered yet, which nobody can guess, and when it was sent,
    /// in nanoseconds since the connection was made. A std mutex, held for one look.
    pub pinged: Mutex<Option<(u64, u64)>>,
    /// The last round trip in nanoseconds, plus one; 0 is none.
    pub ping: AtomicU64,
    /// The shortest round trip, likewise.
    pub ping_min: AtomicU64,
    /// When it gave us a block that was new, in nanoseconds since the connection was made, plus one;
    /// 0 is never.
    pub block: AtomicU64,
    /// What it told, and was told, of addresses. A std mutex, held for one frame; no other is taken
    /// meanwhile.
    pub gossip: Mutex<Gossip>,
    /// Cancelled when it is to end.
    pub stop: CancellationToken,
    /// Why it ends. A std mutex, held for one assignment.
    pub why: Mutex<Option<End>>,
}

impl Link {
    /// Ends the connection; the first reason counts.
    pub fn end(&self, why: End) {
        let mut first = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        first.get_or_insert(why);
        drop(first);
        self.stop.cancel();
    }

    /// Why it was told to end, if it was.
    pub fn told(&self) -> Option<End> {
        let why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        why.clone()
    }

    /// What it told, and was told, of addresses.
    pub fn gossip(&self) -> MutexGuard<'_, Gossip> {
        self.gossip.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the node chose to make it.
    pub fn is_automatic(&self) -> bool {
        self.kind == ConnectionKind::Automatic
    }

    /// Whether it has been told to end.
    pub fn is_ending(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// The time since the connection was made, in nanoseconds.
    pub fn nanos(&self) -> u64 {
        u64::try_from(self.since.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// It took something of what waits, or nothing had waited.
    pub fn takes(&self) {
        self.took.store(self.nanos(), Ordering::Relaxed);
    }

    /// For how long it has taken nothing although something waits.
    pub fn stalled(&self) -> Duration {
        if self.queued.load(Ordering::Relaxed) == 0 {
            return Duration::ZERO;
        }
        let took = self.took.load(Ordering::Relaxed);
        Duration::from_nanos(self.nanos().saturating_sub(took))
    }

    /// A ping with this number is sent.
    pub fn pinging(&self, number: u64) {
        *self.pinged() = Some((number, self.nanos()));
    }

    /// An answer to a ping came. Only to the last one, and once: the shortest way protects a
    /// connection, so a peer must not be able to make it shorter.
    pub fn pong(&self, number: u64) {
        let Some((_, sent)) = self.pinged().take_if(|(asked, _)| *asked == number) else {
            return;
        };
        let trip = self.nanos().saturating_sub(sent).saturating_add(1);
        self.ping.store(trip, Ordering::Relaxed);
        let least = self.ping_min.load(Ordering::Relaxed);
        let least = if least == 0 { trip } else { least.min(trip) };
        self.ping_min.store(least, Ordering::Relaxed);
    }

    fn pinged(&self) -> MutexGuard<'_, Option<(u64, u64)>> {
        self.pinged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The shortest round trip.
    pub fn shortest(&self) -> Option<Duration> {
        let least = self.ping_min.load(Ordering::Relaxed).checked_sub(1);
        least.map(Duration::from_nanos)
    }

    /// It gave us a block that was valid and new.
    pub fn gave_block(&self) {
        let now = self.nanos().saturating_add(1);
        self.block.store(now, Ordering::Relaxed);
    }

    /// How long ago it last did.
    pub fn last_block(&self) -> Option<Duration> {
        let at = self.block.load(Ordering::Relaxed).checked_sub(1)?;
        Some(Duration::from_nanos(self.nanos().saturating_sub(at)))
    }

    /// What is shown of it.
    pub fn info(&self, penalty: u16) -> PeerInfo {
        let ping = self.ping.load(Ordering::Relaxed).checked_sub(1);
        let (processed, limited) = {
            let gossip = self.gossip();
            (gossip.processed, gossip.limited)
        };
        PeerInfo {
            id: self.id,
            key: self.encrypted.then_some(self.key),
            address: self.address,
            inbound: self.inbound,
            user_agent: self.hello.user_agent.clone(),
            version: self.hello.version,
            starting_height: self.hello.height,
            connected: self.since.elapsed(),
            bytes_sent: self.sent.load(Ordering::Relaxed),
            bytes_received: self.received.load(Ordering::Relaxed),
            ping: ping.map(Duration::from_nanos),
            penalty,
            connection: self.kind,
            shortest_ping: self.shortest(),
            last_block: self.last_block(),
            addresses_processed: processed,
            addresses_limited: limited,
        }
    }
}
