//! What carries messages: links with their conditions, and behind them channels or sockets.
//!
//! ```text
//! sender's actor ── try ──▶ link ──▶ postman of the receiver ── try ──▶ inbox ──▶ actor
//!                            │        │     (waits until                 │
//!                         lost, cut   │  the message arrives)          full
//!                                     └── in tcp ──▶ socket ═ socket ──▶ gate ──▶ inbox
//! ```
//!
//! In tcp the conditions are the same, by the same arithmetic, and are played before the bytes are
//! given to the socket of the sender: the message is on its way for as long as in the mesh, and for
//! what the loopback takes besides.
//!
//! Nobody on this way ever waits for a receiver, so no ring of full channels can stand
//! still. What does not fit is dropped and counted, and the protocol repairs it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forkful_core::event::{DropReason, What};
use forkful_core::node::DisconnectReason;
use forkful_core::{Block, Message, MessageKind, NodeId, PeerId, Time, Wire};
use forkful_scenario::{BlockBytes, Direction, LinkModel, NodeLines, Parcel, Scenario};
use tokio::sync::mpsc;

use super::postman::{Letter, Postman};
use super::sockets::Sockets;
use crate::actor::wire_bytes;
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::transport::{Envelope, Transport};

/// Messages that may be under way to one node. More are dropped, whatever the links'
/// bandwidth: it bounds the memory of a network whose receivers are too slow.
const UNDER_WAY_MAX: usize = 16_384;

/// All links of a network, and where they lead.
#[derive(Debug)]
pub(super) struct Wiring {
    clock: Clock,
    /// The run is over: what is under way is neither delivered nor dropped.
    closed: AtomicBool,
    ledger: Arc<Ledger>,
    model: LinkModel,
    block_bytes: BlockBytes,
    ends: Vec<End>,
    /// In the world `tcp`.
    sockets: Option<Sockets>,
}

/// What belongs to one node.
#[derive(Debug)]
struct End {
    /// The directions away from the node, by the number of the other end. A std mutex:
    /// the node's actor holds it for one message, the run when it cuts a link.
    out: Mutex<Vec<Option<Direction>>>,
    /// Until when the node's own lines are taken. A std mutex of its own, because whoever
    /// sends to the node looks too. It is held to copy, and never together with another's.
    lines: Mutex<NodeLines>,
    /// Which side of a split the node is on. Messages travel only within one.
    side: AtomicU32,
    /// Where messages to the node wait until they arrive. Unbounded as a channel, but
    /// `under_way` bounds what is in it.
    post: mpsc::UnboundedSender<Letter>,
    under_way: AtomicUsize,
    /// The way into the node; `None` while it is down.
    inbox: Mutex<Option<mpsc::Sender<Envelope>>>,
}

impl Wiring {
    /// The links of a scenario, all nodes down, and a postman for each of them.
    pub fn new(
        scenario: &Scenario,
        clock: Clock,
        ledger: Arc<Ledger>,
        sockets: Option<Sockets>,
    ) -> (Arc<Self>, Vec<Postman>) {
        let model = LinkModel::new(scenario);
        let count = scenario.network.nodes as usize;
        let mut outs: Vec<Vec<Option<Direction>>> = Vec::with_capacity(count);
        outs.resize_with(count, || {
            let mut out = Vec::new();
            out.resize_with(count, || None);
            out
        });
        for (a, b) in scenario.links() {
            for (from, to) in [(a, b), (b, a)] {
                outs[from.0 as usize][to.0 as usize] = Some(model.direction(from, to));
            }
        }
        let (ends, postmen) = (0..scenario.network.nodes)
            .zip(outs)
            .map(|(id, out)| {
                let (post, letters) = mpsc::unbounded_channel();
                let end = End {
                    out: Mutex::new(out),
                    lines: Mutex::new(NodeLines::default()),
                    side: AtomicU32::new(0),
                    post,
                    under_way: AtomicUsize::new(0),
                    inbox: Mutex::new(None),
                };
                let postman = Postman {
                    to: NodeId(id),
                    post: letters,
                };
                (end, postman)
            })
            .unzip();
        let wiring = Wiring {
            clock,
            closed: AtomicBool::new(false),
            ledger,
            model,
            block_bytes: scenario.network.block_bytes.clone(),
            ends,
            sockets,
        };
        (Arc::new(wiring), postmen)
    }

    /// The run is over: nothing is carried any more, and nothing is counted.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// Opens a node's inbox, or closes it.
    pub fn set_inbox(&self, node: NodeId, inbox: Option<mpsc::Sender<Envelope>>) {
        *lock(&self.end(node).inbox) = inbox;
    }

    /// Cuts the link between two nodes, or heals it, in both directions.
    pub fn set_cut(&self, a: NodeId, b: NodeId, cut: bool) {
        for (from, to) in [(a, b), (b, a)] {
            if let Some(direction) = &mut lock(&self.end(from).out)[to.0 as usize] {
                direction.set_cut(cut);
            }
        }
    }

    /// Puts a node on one side of a split.
    pub fn set_side(&self, node: NodeId, side: u32) {
        self.end(node).side.store(side, Ordering::Relaxed);
    }

    /// Ends every cut and split.
    pub fn heal(&self) {
        for end in &self.ends {
            end.side.store(0, Ordering::Relaxed);
            for direction in lock(&end.out).iter_mut().flatten() {
                direction.set_cut(false);
            }
        }
    }

    /// The nodes to which a node has a link, cut or not.
    pub fn neighbours(&self, node: NodeId) -> Vec<NodeId> {
        let out = lock(&self.end(node).out);
        let linked = |(id, direction): (u32, &Option<_>)| direction.as_ref().map(|_| NodeId(id));
        (0..).zip(out.iter()).filter_map(linked).collect()
    }

    /// Whether a message from a node can get to another that is up now.
    pub fn is_connected(&self, node: NodeId) -> bool {
        let side = self.side(node);
        let out = lock(&self.end(node).out);
        let open = |(to, direction): (&End, &Option<Direction>)| {
            direction
                .as_ref()
                .is_some_and(|direction| !direction.is_cut())
                && to.side.load(Ordering::Relaxed) == side
                && lock(&to.inbox).is_some()
        };
        self.ends.iter().zip(out.iter()).any(open)
    }

    /// Whether a message can get from one node to another now.
    fn is_open(&self, from: NodeId, to: NodeId) -> bool {
        let uncut = |direction: &Direction| !direction.is_cut();
        self.side(from) == self.side(to)
            && lock(&self.end(from).out)[to.0 as usize]
                .as_ref()
                .is_some_and(uncut)
    }

    fn side(&self, node: NodeId) -> u32 {
        self.end(node).side.load(Ordering::Relaxed)
    }

    fn send(&self, from: NodeId, to: NodeId, message: Message<Wire>) {
        if self.is_closed() {
            return;
        }
        let kind = message.kind();
        let bytes = self.bytes(&message);
        let parcel = Parcel::new(kind, bytes.into(), 0);
        self.ledger.tell(Some(from), What::Sent { to, kind, bytes });
        if !self.is_open(from, to) {
            return self.dropped(from, to, kind, bytes, DropReason::Cut);
        }
        let now = self.clock.now().time;
        let arrival = self.arrival(from, to, now, parcel);
        let Some(arrives) = arrival.map(|time| self.clock.instant(time)) else {
            return self.dropped(from, to, kind, bytes, DropReason::Loss);
        };
        let end = self.end(to);
        if end.under_way.fetch_add(1, Ordering::Relaxed) >= UNDER_WAY_MAX {
            end.under_way.fetch_sub(1, Ordering::Relaxed);
            return self.dropped(from, to, kind, bytes, DropReason::LinkFull);
        }
        let letter = Letter {
            arrives,
            from,
            bytes,
            message,
        };
        // The postman is only gone when the run is over.
        let _ = end.post.send(letter);
    }

    /// When a message that is sent now arrives; `None` if it is lost.
    fn arrival(&self, from: NodeId, to: NodeId, now: Time, parcel: Parcel) -> Option<Time> {
        let mut out = lock(&self.end(from).out);
        let line = out[to.0 as usize].as_mut()?;
        // One after the other, and never both: two nodes may send to each other. The uplink
        // changes only while `out` is held.
        let mut sender = *lock(&self.end(from).lines);
        let mut receiver = *lock(&self.end(to).lines);
        let arrival = self.model.arrival(
            from,
            to,
            line,
            &mut sender,
            Some(&mut receiver),
            now,
            parcel,
        );
        lock(&self.end(from).lines).up_free_at = sender.up_free_at;
        let mut lines = lock(&self.end(to).lines);
        // Somebody else may have taken the line meanwhile: then it is taken for the longer time.
        if receiver.down.until > lines.down.until {
            lines.down = receiver.down;
        }
        arrival
    }

    /// What a message counts: its own length, and what its blocks weigh beyond theirs.
    fn bytes(&self, message: &Message<Wire>) -> u32 {
        wire_bytes(message).saturating_add(self.extra_bytes(message))
    }

    fn extra_bytes(&self, message: &Message<Wire>) -> u32 {
        if !self.block_bytes.is_any() {
            return 0;
        }
        let of = |block: &Arc<Block>| self.block_bytes.of(&block.header.hash());
        let extra = match message {
            Message::NewBlock(block) | Message::Block(block) => of(block),
            Message::Chain { blocks, .. } => blocks.iter().map(of).sum(),
            Message::CompactBlock { .. } => self.block_bytes.compact(),
            _ => 0,
        };
        u32::try_from(extra).unwrap_or(u32::MAX)
    }

    /// Its time has come.
    pub fn deliver(&self, to: NodeId, letter: Letter) {
        if self.is_closed() {
            return;
        }
        let end = self.end(to);
        end.under_way.fetch_sub(1, Ordering::Relaxed);
        let Letter {
            from,
            bytes,
            message,
            ..
        } = letter;
        let kind = message.kind();
        // A link that was cut while a message was under way loses it.
        if !self.is_open(from, to) {
            return self.dropped(from, to, kind, bytes, DropReason::Cut);
        }
        if let Some(sockets) = &self.sockets {
            if !sockets.send(from, to, message) {
                self.dropped(from, to, kind, bytes, DropReason::Down);
            }
            return;
        }
        let Some(inbox) = lock(&end.inbox).clone() else {
            return self.dropped(from, to, kind, bytes, DropReason::Down);
        };
        let from_peer = PeerId(from.0);
        // Told first: the node may act on the message before this function goes on.
        let Ok(place) = inbox.try_reserve() else {
            let why = if inbox.is_closed() {
                DropReason::Down
            } else {
                DropReason::InboxFull
            };
            return self.dropped(from, to, kind, bytes, why);
        };
        self.ledger
            .tell(Some(to), What::Delivered { from, kind, bytes });
        place.send(Envelope::new(from_peer, message));
    }

    /// A message came out of a socket.
    pub fn arrived(&self, from: NodeId, to: NodeId, message: &Message<Wire>) {
        let (kind, bytes) = (message.kind(), self.bytes(message));
        self.tell(to, What::Delivered { from, kind, bytes });
    }

    /// A connection of a node is open. Who is at the other end, if they are linked; else it is
    /// closed again.
    pub fn opened(&self, node: NodeId, number: PeerId) -> Option<NodeId> {
        let sockets = self.sockets.as_ref()?;
        let other = sockets.opened(node, number);
        let other = other.filter(|other| lock(&self.end(node).out)[other.0 as usize].is_some());
        if other.is_none() {
            sockets.turn_away(node, number);
        }
        other
    }

    /// A connection of a node is closed.
    pub fn closed(&self, node: NodeId, other: NodeId, number: PeerId) {
        if let Some(sockets) = &self.sockets {
            sockets.closed(node, other, number);
        }
    }

    /// The sockets, in the world that has them.
    pub fn sockets(&self) -> Option<&Sockets> {
        self.sockets.as_ref()
    }

    /// Tells what happened to a node, unless the run is over.
    pub fn tell(&self, node: NodeId, what: What) {
        if !self.is_closed() {
            self.ledger.tell(Some(node), what);
        }
    }

    fn dropped(&self, from: NodeId, to: NodeId, kind: MessageKind, bytes: u32, why: DropReason) {
        let what = What::Dropped {
            to,
            kind,
            bytes,
            why,
        };
        self.ledger.tell(Some(from), what);
    }

    fn end(&self, node: NodeId) -> &End {
        &self.ends[node.0 as usize]
    }
}

/// The messages of one node.
#[derive(Debug)]
pub(super) struct LinkTransport {
    pub id: NodeId,
    pub wiring: Arc<Wiring>,
}

impl Transport for LinkTransport {
    fn send(&mut self, to: PeerId, message: Message<Wire>) {
        self.wiring.send(self.id, NodeId(to.0), message);
    }

    /// A link that one end will not have any more is a cut link. A socket of it is closed too, and
    /// both ends tell so when it is.
    fn disconnect(&mut self, peer: PeerId, why: DisconnectReason) {
        let peer = NodeId(peer.0);
        self.wiring.set_cut(self.id, peer, true);
        match &self.wiring.sockets {
            Some(sockets) => sockets.disconnect(self.id, peer, why),
            None => {
                let why = why.to_string();
                self.wiring.tell(self.id, What::PeerDown { peer, why });
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic anywhere ends the run with an error; until then the wiring stays usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
