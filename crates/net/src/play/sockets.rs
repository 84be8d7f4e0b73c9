//! The sockets of the world `tcp`: who listens where, who is connected to whom.
//!
//! Each node has the network of a real node ([`TcpNetwork`]), with a key of its own. Of each link
//! the end with the lower number dials, and keeps the connection up for as long as both ends are
//! up. What comes out of a socket goes through the [`Gate`](super::gate::Gate) of its node.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forkful_core::node::DisconnectReason;
use forkful_core::{Hash, Message, NodeId, PeerId, Wire};
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;

use super::PlayError;
use crate::actor::{Command, Shared};
use crate::peers::{PeerInfo, Peers};
use crate::tcp::key::NodeKey;
use crate::tcp::limits::Limits;
use crate::tcp::{Notice, TcpConfig, TcpNetwork, TcpTransport};
use crate::transport::{Envelope, Transport};

/// How long no link may come up while others are missing.
const PATIENCE: Duration = Duration::from_secs(60);

/// The sockets of all nodes.
#[derive(Debug)]
pub(super) struct Sockets {
    plaintext: bool,
    genesis: Hash,
    keys: Vec<NodeKey>,
    by_key: BTreeMap<[u8; 32], NodeId>,
    ends: Vec<Mutex<End>>,
    /// Told when a link came up.
    changed: Notify,
}

/// What one node has. A std mutex around each, held for one message or one look; never two at a
/// time, and never across an await.
#[derive(Default)]
struct End {
    /// What it sends by; `None` while it is down.
    transport: Option<TcpTransport>,
    peers: Option<Arc<dyn Peers>>,
    /// By which number its network knows the node at the other end of an open connection.
    numbers: BTreeMap<NodeId, PeerId>,
}

impl std::fmt::Debug for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut out = f.debug_struct("End");
        out.field("numbers", &self.numbers).finish_non_exhaustive()
    }
}

impl Sockets {
    /// No sockets yet, but who everybody is.
    ///
    /// # Errors
    /// There are no random numbers.
    pub fn new(nodes: u32, genesis: Hash, plaintext: bool) -> Result<Self, PlayError> {
        let keys: Result<Vec<_>, _> = (0..nodes).map(|_| NodeKey::ephemeral()).collect();
        let keys = keys?;
        let by_key = (0..).zip(&keys).map(|(id, key)| (key.public(), NodeId(id)));
        Ok(Sockets {
            plaintext,
            genesis,
            by_key: by_key.collect(),
            keys,
            ends: (0..nodes).map(|_| Mutex::default()).collect(),
            changed: Notify::new(),
        })
    }

    /// Starts the network of a node: it listens, and dials nobody yet. What comes in goes to
    /// `inbox` and `commands`, under numbers that mean something to this network alone.
    ///
    /// # Errors
    /// It cannot listen.
    pub fn open(
        &self,
        node: NodeId,
        shared: Shared,
        inbox: mpsc::Sender<Envelope>,
        commands: mpsc::Sender<Command>,
        notice: Box<dyn Fn(&Notice) + Send + Sync>,
    ) -> Result<TcpNetwork, PlayError> {
        let config = TcpConfig {
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))),
            peers: Vec::new(),
            // The links are the scenario's, and nobody looks for more.
            finding: None,
            key: self.keys[node.0 as usize].clone(),
            plaintext: self.plaintext,
            genesis: self.genesis,
            user_agent: user_agent(node),
            limits: limits(self.keys.len()),
            best: Box::new(move || shared.lock().best()),
            notice,
        };
        let (network, transport) = TcpNetwork::start(config, inbox, commands)
            .map_err(|error| PlayError::Start { node, error })?;
        let mut end = self.end(node);
        end.transport = Some(transport);
        end.peers = Some(network.peers());
        Ok(network)
    }

    /// The node goes down, and whoever dials it gives up.
    pub fn close(&self, node: NodeId, neighbours: &[NodeId]) {
        let at = self.listening(node);
        *self.end(node) = End::default();
        for dials in neighbours.iter().filter(|other| **other < node) {
            self.give_up(*dials, at);
        }
    }

    /// Connects two nodes that are up, and keeps them connected.
    pub fn connect(&self, a: NodeId, b: NodeId) {
        let (dials, listens) = (a.min(b), a.max(b));
        if let (Some(peers), Some(at)) = (self.peers(dials), self.listening(listens)) {
            // Kept up already is as good; and there are as many places as nodes.
            let _ = peers.add(&at.to_string());
        }
    }

    /// Ends a connection for good, because one end does not want it any more.
    pub fn disconnect(&self, from: NodeId, to: NodeId, why: DisconnectReason) {
        self.give_up(from.min(to), self.listening(from.max(to)));
        let mut end = self.end(from);
        if let (Some(number), Some(transport)) = (end.number(to), &mut end.transport) {
            transport.disconnect(number, why);
        }
    }

    /// Hands a message to the socket; whether there is one.
    pub fn send(&self, from: NodeId, to: NodeId, message: Message<Wire>) -> bool {
        let mut end = self.end(from);
        match (end.number(to), &mut end.transport) {
            (Some(number), Some(transport)) => {
                transport.send(number, message);
                true
            }
            _ => false,
        }
    }

    /// Waits until all these links have come up, at both ends.
    ///
    /// # Errors
    /// One of them did not come up, and no other did for a long time.
    pub async fn all_up(&self, links: &[(NodeId, NodeId)]) -> Result<(), PlayError> {
        // Each is waited for in turn, so that a thousand of them are not looked at a thousand times.
        for (a, b) in links {
            while !self.is_up(*a, *b) || !self.is_up(*b, *a) {
                let changed = timeout(PATIENCE, self.changed.notified()).await;
                changed.map_err(|_| PlayError::NoLink(*a, *b, PATIENCE))?;
            }
        }
        Ok(())
    }

    /// A connection of a node is open. Who is at the other end, if it is one of us.
    pub fn opened(&self, node: NodeId, number: PeerId) -> Option<NodeId> {
        let infos = self.peers(node)?.peers();
        let other = self.who(infos.iter().find(|info| info.id == number)?)?;
        self.end(node).numbers.insert(other, number);
        self.changed.notify_one();
        Some(other)
    }

    /// A connection of a node is closed.
    pub fn closed(&self, node: NodeId, other: NodeId, number: PeerId) {
        let mut end = self.end(node);
        if end.number(other) == Some(number) {
            end.numbers.remove(&other);
        }
    }

    /// Ends a connection with a stranger.
    pub fn turn_away(&self, node: NodeId, number: PeerId) {
        if let Some(peers) = self.peers(node) {
            // It may have gone by itself.
            let _ = peers.disconnect(number);
        }
    }

    /// By its key, which it has proved to have. In plaintext nobody proves anything: by what it
    /// calls itself.
    fn who(&self, info: &PeerInfo) -> Option<NodeId> {
        match info.key {
            Some(key) => self.by_key.get(&key).copied(),
            None => (0..)
                .map(NodeId)
                .take(self.keys.len())
                .find(|node| info.user_agent == user_agent(*node)),
        }
    }

    fn give_up(&self, dials: NodeId, at: Option<SocketAddr>) {
        if let (Some(peers), Some(at)) = (self.peers(dials), at) {
            // It need not have begun.
            let _ = peers.remove(&at.to_string());
        }
    }

    fn is_up(&self, node: NodeId, other: NodeId) -> bool {
        self.end(node).numbers.contains_key(&other)
    }

    fn listening(&self, node: NodeId) -> Option<SocketAddr> {
        self.peers(node)?.listening()
    }

    fn peers(&self, node: NodeId) -> Option<Arc<dyn Peers>> {
        self.end(node).peers.clone()
    }

    fn end(&self, node: NodeId) -> MutexGuard<'_, End> {
        let end = &self.ends[node.0 as usize];
        // A panic anywhere ends the run with an error; until then this stays usable.
        end.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl End {
    fn number(&self, other: NodeId) -> Option<PeerId> {
        self.numbers.get(&other).copied()
    }
}

/// What a node calls itself: a packet analyser shows it, in plaintext.
fn user_agent(node: NodeId) -> String {
    format!("/forkful:{}/{node}/", env!("CARGO_PKG_VERSION"))
}

/// Room for everybody, and no pace: what a link carries is the scenario's to say, and all nodes
/// share one address and one machine. What guards against slow readers stays.
fn limits(nodes: usize) -> Limits {
    Limits {
        inbound_max: nodes,
        outbound_max: nodes,
        half_open_max: nodes,
        kept_max: nodes,
        frames_per_second: u32::MAX,
        bytes_per_second: u32::MAX,
        handshake: PATIENCE,
        backoff: Duration::from_millis(50),
        backoff_max: Duration::from_secs(1),
        ..Limits::default()
    }
}
