//! The seam between a node and whoever asks about its peers, or wants them changed.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use forkful_core::PeerId;

use crate::tcp::address::is_of_a_line;

/// What is known of a connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerInfo {
    /// The number of the peer in this node. A number is used again when its peer is gone.
    pub id: PeerId,
    /// Its public key: who it is, whatever its address.
    pub key: Option<[u8; 32]>,
    /// The other end of the connection.
    pub address: SocketAddr,
    /// Whether it connected to us.
    pub inbound: bool,
    /// What it calls itself.
    pub user_agent: String,
    /// The version of the protocol that both speak.
    pub version: u32,
    /// The height of its best block when it connected.
    pub starting_height: u64,
    /// How long it has been connected.
    pub connected: Duration,
    /// Bytes that were sent to it, as they travel.
    pub bytes_sent: u64,
    /// Bytes that came from it.
    pub bytes_received: u64,
    /// The time that the last ping took to come back.
    pub ping: Option<Duration>,
    /// Its penalty points.
    pub penalty: u16,
    /// Who wanted the connection.
    pub connection: ConnectionKind,
    /// The shortest time that a ping took to come back.
    pub shortest_ping: Option<Duration>,
    /// How long ago it gave us a block that was valid and new.
    pub last_block: Option<Duration>,
    /// Addresses that it told and that were looked at.
    pub addresses_processed: u64,
    /// Addresses that it told too fast, and that were not looked at.
    pub addresses_limited: u64,
}

/// Who wanted a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionKind {
    /// The other end.
    Inbound,
    /// Whoever runs the node.
    Manual,
    /// The node itself, for an address of its book.
    Automatic,
}

/// An address of the book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownAddress {
    /// Which.
    pub address: SocketAddr,
    /// When somebody is said to have been connected to it last, in seconds since 1970.
    pub seen: u64,
    /// Whether we were.
    pub tried: bool,
}

/// An address that may not connect, until when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ban {
    /// Which; an IPv4 address is one, however it is written, and a public IPv6 one is the first of its /64.
    pub address: std::net::IpAddr,
    /// How long it lasts from now.
    pub left: Duration,
    /// Why, for people.
    pub reason: String,
    /// Whether the operator asked for it.
    pub asked: bool,
}

impl fmt::Display for Ban {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = if is_of_a_line(self.address) {
            "/64"
        } else {
            ""
        };
        write!(f, "{}{bits}", self.address)
    }
}

/// Why a wish was not fulfilled.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PeersError {
    /// There is no such peer or ban.
    #[error("there is no {0}")]
    Unknown(String),
    /// It is there already.
    #[error("{0} is there already")]
    Present(String),
    /// A bound of the tables.
    #[error("no room: {0}")]
    Full(String),
    /// It holds now, but may not after a restart.
    #[error("it holds until the node ends, but could not be stored: {0}")]
    NotStored(String),
}

/// The connections of a node, for whoever looks at them or steers them. No call waits for the
/// network.
pub trait Peers: Send + Sync {
    /// All connections that are in use, by number.
    fn peers(&self) -> Vec<PeerInfo>;

    /// Keeps up a connection to this `HOST:PORT` from now on.
    ///
    /// # Errors
    /// It is kept up already, or there are too many.
    fn add(&self, address: &str) -> Result<(), PeersError>;

    /// Tries this `HOST:PORT` once.
    ///
    /// # Errors
    /// There are too many tries under way.
    fn try_once(&self, address: &str) -> Result<(), PeersError>;

    /// Keeps it up no more; a connection that there is stays.
    ///
    /// # Errors
    /// It was not kept up.
    fn remove(&self, address: &str) -> Result<(), PeersError>;

    /// Ends a connection.
    ///
    /// # Errors
    /// There is no such peer.
    fn disconnect(&self, peer: PeerId) -> Result<(), PeersError>;

    /// Bans an address for so long, and ends its connections. The ban is durable when this returns.
    ///
    /// # Errors
    /// There are too many bans, or it could not be stored.
    fn ban(&self, address: std::net::IpAddr, time: Duration) -> Result<(), PeersError>;

    /// Ends a ban, durably.
    ///
    /// # Errors
    /// There is none, or that could not be stored.
    fn unban(&self, address: std::net::IpAddr) -> Result<(), PeersError>;

    /// Ends all bans, durably.
    ///
    /// # Errors
    /// That could not be stored.
    fn clear_bans(&self) -> Result<(), PeersError>;

    /// All bans that last, by address.
    fn bans(&self) -> Vec<Ban>;

    /// The addresses that the node knows, in an order of chance. Those that are no use any more are
    /// left out.
    fn addresses(&self) -> Vec<KnownAddress>;

    /// Whether there are connections at all; those that there are end when it is switched off.
    fn set_active(&self, active: bool);

    /// Whether there are.
    fn is_active(&self) -> bool;

    /// Where it listens.
    fn listening(&self) -> Option<SocketAddr>;
}
