//! What carries a node's messages between strangers: TCP, encrypted, with limits.
//!
//! ```text
//! accept ─▶ half-open? per address? ─┐
//!                                    ├─▶ handshake ─▶ slot, number ─▶ reader ─▶ inbox
//! dial ─▶ kept-up loop, backoff ─────┘                  │             writer ◀─ queue
//!                                                       └─▶ Connected … Disconnected
//! ```
//!
//! One task drives a connection from its first byte to its last (`peer`). The reader waits
//! for a place in the node's inbox, so a flood pushes back on the socket it comes from; the
//! writer's queue is bounded in bytes, and who lets it fill is dropped.
//!
//! A peer's number is given to nobody else before the node has handled every message of
//! the peer and its `Disconnected`: what the node says of a number always concerns the peer
//! that it means.

pub mod address;
mod bans;
pub mod bans_blob;
pub mod book;
mod dial;
pub mod discover;
pub mod end;
mod enter;
pub mod evict;
mod finder;
pub mod gossip;
pub mod hello;
pub mod key;
pub mod limits;
mod link;
mod listen;
mod net;
pub mod pace;
mod peer;
mod peers;
mod retry;
pub mod session;
mod slots;
mod tell;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use forkful_core::node::DisconnectReason;
use forkful_core::{Hash, Message, MessageKind, PeerId, Wire, Work};
use tokio::sync::mpsc;

pub use self::dial::with_port;
use self::end::End;
pub use self::finder::Finding;
use self::key::NodeKey;
use self::limits::{DATA_QUEUED_MAX, Limits};
use self::net::Net;
use crate::actor::Command;
use crate::peers::{Peers, PeersError};
use crate::store::StoreError;
use crate::transport::{Envelope, Transport};

/// How long the connections have to end when the node does.
const SHUTDOWN: Duration = Duration::from_secs(2);

/// The port that a node listens on, unless it is told another one.
pub const DEFAULT_PORT: u16 = 9333;

/// What a node's network is made of.
pub struct TcpConfig {
    /// Where to listen; `None` to only dial. Port 0 is any port.
    pub listen: Option<SocketAddr>,
    /// Connections to keep up, as `HOST:PORT`.
    pub peers: Vec<String>,
    /// Who the node is.
    pub key: NodeKey,
    /// No encryption. Only loopback is spoken to then.
    pub plaintext: bool,
    /// The network: others are refused.
    pub genesis: Hash,
    /// What the node calls itself: printable ASCII, at most 64 bytes of it are told.
    pub user_agent: String,
    /// The limits.
    pub limits: Limits,
    /// The height and the total work of the best block, to be told to who connects. Called
    /// from any task, once a connection.
    pub best: Box<dyn Fn() -> (u64, Work) + Send + Sync>,
    /// How it finds peers by itself; `None` if it knows no others than it is told of, and keeps no
    /// bans over a restart.
    pub finding: Option<Finding>,
    /// Told what happens to connections. Called from any task; it must not block.
    pub notice: Box<dyn Fn(&Notice) + Send + Sync>,
}

/// Something that happened to a connection, for a log or a test.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Notice {
    /// A peer is connected.
    Up {
        /// Its number.
        peer: PeerId,
        /// Its key.
        key: [u8; 32],
        /// Its address.
        address: SocketAddr,
        /// Whether it connected to us.
        inbound: bool,
    },
    /// A peer is gone, and the node has been told.
    Down {
        /// Its number; free from now on.
        peer: PeerId,
        /// Its address.
        address: SocketAddr,
        /// Whether it had connected to us.
        inbound: bool,
        /// Why.
        why: End,
    },
    /// A connection was refused, or failed before the handshake was done.
    Refused {
        /// The other end.
        address: SocketAddr,
        /// Whether it connected to us.
        inbound: bool,
        /// Why.
        why: End,
    },
    /// A peer that was named has no address, or not now.
    Unresolved {
        /// The name, as `HOST:PORT`.
        name: String,
        /// Why.
        why: End,
    },
    /// What was kept from the last time is damaged, or another version's: it is begun anew.
    Forgotten {
        /// What was kept.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The local network cannot be looked at.
    NotDiscovering {
        /// Why.
        why: String,
    },
    /// Something could not be kept for the next time.
    NotKept {
        /// What.
        what: &'static str,
        /// Why.
        why: String,
    },
}

/// Why the network of a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// It cannot listen, or plaintext was asked for outside loopback.
    #[error(
        "cannot listen on {at} for peers: {error}. Another node may run there: take another address or port"
    )]
    Listen {
        /// Where.
        at: SocketAddr,
        /// What went wrong.
        error: io::Error,
    },
    /// What it has kept cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// It cannot stay connected to a peer that was named.
    #[error("cannot stay connected to {name}: {error}")]
    Peer {
        /// Which.
        name: String,
        /// Why.
        error: PeersError,
    },
}

/// The network of a node, running.
pub struct TcpNetwork {
    net: Arc<Net>,
}

/// The sending half, for the actor.
pub struct TcpTransport {
    net: Arc<Net>,
}

impl TcpNetwork {
    /// Starts listening and dialling. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// It cannot listen there, or what it kept or the peers that were named are no good.
    pub fn start(
        config: TcpConfig,
        inbox: mpsc::Sender<Envelope>,
        commands: mpsc::Sender<Command>,
    ) -> Result<(Self, TcpTransport), StartError> {
        let listener = config.listen.map(|at| {
            let bound = listen::bind(at, config.plaintext);
            let bound = bound.and_then(|it| it.local_addr().map(|at| (it, at)));
            bound.map_err(|error| StartError::Listen { at, error })
        });
        let (listener, at) = listener.transpose()?.unzip();
        let peers = config.peers.clone();
        let net = Arc::new(Net::new(config, at, inbox, commands)?);
        if let Some(listener) = listener {
            let listening = listen::run(Arc::clone(&net), listener);
            net.tracker.spawn(listening);
        }
        for peer in peers {
            // Named twice is kept up once. More than the bound is a mistake worth ending for.
            match Peers::add(&peers::TcpPeers(Arc::clone(&net)), &peer) {
                Ok(()) | Err(PeersError::Present(_)) => {}
                Err(error) => {
                    net.stop.cancel();
                    return Err(StartError::Peer { name: peer, error });
                }
            }
        }
        net.tracker.spawn(finder::keep(Arc::clone(&net)));
        let finding = net.finder.as_ref().map(|finder| &finder.finding);
        if finding.is_some_and(|finding| !finding.connect_only) {
            net.tracker.spawn(slots::fill(Arc::clone(&net)));
            net.tracker.spawn(slots::feel(Arc::clone(&net)));
        }
        if let Some(port) = finding.and_then(|finding| finding.discover) {
            net.tracker.spawn(discover::run(Arc::clone(&net), port));
        }
        let transport = TcpTransport {
            net: Arc::clone(&net),
        };
        Ok((TcpNetwork { net }, transport))
    }

    /// The connections, for whoever looks at them or steers them.
    pub fn peers(&self) -> Arc<dyn Peers> {
        Arc::new(peers::TcpPeers(Arc::clone(&self.net)))
    }

    /// Told of every peer that gave the node a block that was valid and new: such a peer is not the
    /// one that has to go when the slots are full.
    pub fn credit(&self) -> impl Fn(PeerId) + Send + 'static {
        let net = Arc::clone(&self.net);
        move |peer| {
            if let Some(link) = net.link(peer) {
                link.gave_block();
            }
        }
    }

    /// Ends all connections and waits for them, for at most two seconds. Whether all ended.
    pub async fn shutdown(self) -> bool {
        self.net.stop.cancel();
        self.net.tracker.close();
        let ended = self.net.tracker.wait();
        tokio::time::timeout(SHUTDOWN, ended).await.is_ok()
    }
}

impl Transport for TcpTransport {
    fn send(&mut self, to: PeerId, message: Message<Wire>) {
        let Some(link) = self.net.link(to) else {
            // It has gone; the node will be told.
            return;
        };
        // Data is told again (DATA_TOLD_ENTRIES_MAX); a block must find room behind it.
        let queued = link.queued.load(Ordering::Relaxed);
        if message.kind() == MessageKind::NewData
            && (queued > DATA_QUEUED_MAX || self.net.is_crowded())
        {
            return;
        }
        let mut bytes = Vec::with_capacity(message.encoded_len());
        message.encode(&mut bytes);
        self.net.enqueue(&link, session::Frame::Message(bytes));
    }

    fn disconnect(&mut self, peer: PeerId, why: DisconnectReason) {
        if let Some(link) = self.net.link(peer) {
            link.end(End::Node(why));
        }
    }
}
