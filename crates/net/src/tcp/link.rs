//! A connection as the rest of the node sees it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use forkful_core::PeerId;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::hello::Hello;
use super::net::Charge;
use super::session::Frame;
use crate::peers::PeerInfo;

/// A frame that waits to be written.
pub type Waiting = (Frame, Charge);

/// A connection whose handshake is done.
pub struct Link {
    pub id: PeerId,
    pub key: [u8; 32],
    pub encrypted: bool,
    pub address: SocketAddr,
    pub inbound: bool,
    pub hello: Hello,
    pub since: Instant,
    pub sent: Arc<AtomicU64>,
    pub received: Arc<AtomicU64>,
    /// Frames that wait to be written; `queued` bounds them in bytes.
    pub queue: mpsc::UnboundedSender<Waiting>,
    pub queued: Arc<AtomicUsize>,
    /// Places of its messages in the node's inbox.
    pub places: Arc<Semaphore>,
    /// Frames heard so far.
    pub heard: AtomicU64,
    /// Whether the reader waits for the node: what the peer says is not heard then.
    pub blocked: AtomicBool,
    /// The last round trip in nanoseconds, plus one; 0 is none.
    pub ping: AtomicU64,
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

    /// What is shown of it.
    pub fn info(&self, penalty: u16) -> PeerInfo {
        let ping = self.ping.load(Ordering::Relaxed).checked_sub(1);
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
        }
    }
}
