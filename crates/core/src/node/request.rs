//! The requests in flight.
//!
//! Two kinds are ever in flight: one for a *chain* (headers or whole blocks, after a
//! locator), to one peer at a time; and many for single *bodies* whose headers are
//! known, spread over the peers that have them. Every request has a deadline, and
//! another peer to turn to.

use crate::limits;
use crate::message::Message;
use crate::node::peers::Peer;
use crate::node::{Effect, Node, PeerId, Relay, Step};
use crate::tree::{BlockId, BlockTree};
use crate::units::Time;

/// How many peers are asked for a chain in turn, when one after the other is silent.
const CHAIN_TRIES: u8 = 3;

/// The requests in flight, and how far fetching has come.
#[derive(Debug)]
pub(super) struct Sync {
    /// In the order of their deadlines, because all wait equally long.
    pub bodies: Vec<BodyRequest>,
    pub chain: Option<ChainRequest>,
    /// The best header that was shown to us: where fetching leads to.
    pub best_header: BlockId,
    /// On the way there, the lowest height that was not asked for yet.
    pub fetch_from: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct BodyRequest {
    pub block: BlockId,
    pub peer: PeerId,
    deadline: Time,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ChainRequest {
    pub peer: PeerId,
    deadline: Time,
    /// Peers that were silent before this one.
    tries: u8,
}

impl Default for Sync {
    fn default() -> Self {
        Sync {
            bodies: Vec::new(),
            chain: None,
            best_header: BlockId::GENESIS,
            fetch_from: 1,
        }
    }
}

impl Sync {
    /// The next moment at which a request has waited long enough.
    pub fn deadline(&self) -> Time {
        let body = self.bodies.first().map_or(Time::NEVER, |r| r.deadline);
        let chain = self.chain.map_or(Time::NEVER, |r| r.deadline);
        body.min(chain)
    }

    /// A block and all its ancestors are here.
    pub fn note_connected<P>(&mut self, tree: &BlockTree<P>, block: BlockId) {
        if tree.is_better(block, self.best_header) {
            self.best_header = block;
            self.fetch_from = tree.height(block) + 1;
        }
    }

    pub fn restore<P>(&mut self, tree: &BlockTree<P>, tip: BlockId) {
        self.note_connected(tree, tip);
    }

    pub fn is_fetching(&self, block: BlockId) -> bool {
        self.bodies.iter().any(|request| request.block == block)
    }
}

impl Node {
    /// A peer showed us a block whose parent was never shown to us.
    pub(super) fn unconnected<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        self.peers.note_ahead(peer, step.tree.hash(block));
        self.ask_next(step);
    }

    /// Asks the next peer that is ahead of us, unless somebody is being asked.
    pub(super) fn ask_next<P>(&mut self, step: &mut Step<'_, P>) {
        if self.sync.chain.is_some() {
            return;
        }
        while let Some((peer, hash)) = self.peers.take_ahead() {
            let known = step.tree.find(&hash);
            if known.is_none_or(|block| !self.view.has_header(block)) {
                return self.ask_for_chain(step, peer, None, 0);
            }
        }
    }

    /// Asks a peer for what follows `from`, or else the best that we have.
    fn ask_for_chain<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        from: Option<BlockId>,
        tries: u8,
    ) {
        let tree = step.tree;
        let message = match self.config.relay {
            Relay::Flood => Message::RequestChain(tree.locator(from.unwrap_or(self.public_tip))),
            Relay::Announce => {
                let header = self.sync.best_header;
                let best = if tree.is_better(header, self.tip) {
                    header
                } else {
                    self.public_tip
                };
                Message::RequestHeaders(tree.locator(from.unwrap_or(best)))
            }
        };
        self.sync.chain = Some(ChainRequest {
            peer,
            deadline: step.now.time + self.config.request_timeout,
            tries,
        });
        step.effects.push(Effect::Send(peer, message));
    }

    /// Whether this peer was the one asked for a chain; its answer ends the request.
    pub(super) fn chain_answered(&mut self, peer: PeerId) -> bool {
        let asked = self.sync.chain.is_some_and(|request| request.peer == peer);
        if asked {
            self.sync.chain = None;
            if let Some(peer) = self.peers.get_mut(peer) {
                peer.stalls = 0;
            }
        }
        asked
    }

    /// Goes on with the peer that just answered, if it brought something new and has
    /// more; otherwise with the next one that is ahead of us.
    pub(super) fn ask_on<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        from: Option<BlockId>,
        asked: bool,
    ) {
        match from {
            Some(from) => self.ask_for_chain(step, peer, Some(from), 0),
            None if asked => self.ask_next(step),
            None => {}
        }
    }

    pub(super) fn learn_header<P>(&mut self, tree: &BlockTree<P>, header: BlockId) {
        self.view.add_header(header);
        let before = self.sync.best_header;
        if tree.is_better(header, before) && !self.view.is_connected(header) {
            self.sync.best_header = header;
            if tree.parent(header) != before {
                let fork = tree.fork_point(self.tip, header);
                self.sync.fetch_from = tree.height(fork) + 1;
            }
        }
    }

    /// Asks for the bodies that are missing on the way to the best header, lowest first,
    /// as many as the window allows.
    pub(super) fn fetch<P>(&mut self, step: &mut Step<'_, P>, prefer: Option<PeerId>) {
        let tree = step.tree;
        let best = self.sync.best_header;
        if self.view.is_connected(best) {
            return;
        }
        let mut height = self.sync.fetch_from;
        while self.sync.bodies.len() + self.waiting.len() < limits::FETCH_WINDOW {
            let Some(block) = tree.ancestor(best, height) else {
                break;
            };
            if !self.view.has_body(block)
                && !self.sync.is_fetching(block)
                && !self.request_body(step, block, prefer, None)
            {
                break;
            }
            height += 1;
        }
        self.sync.fetch_from = height;
    }

    /// Asks one peer for one body. False if nobody who has it can be asked now.
    pub(super) fn request_body<P>(
        &mut self,
        step: &mut Step<'_, P>,
        block: BlockId,
        prefer: Option<PeerId>,
        avoid: Option<PeerId>,
    ) -> bool {
        let chosen = self.choose_peer(step.tree, block, prefer, avoid);
        let Some(peer) = chosen else {
            // It comes again with the next announcement; until then the window goes on
            // from here.
            self.sync.fetch_from = self.sync.fetch_from.min(step.tree.height(block));
            return false;
        };
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.fetching += 1;
        }
        self.sync.bodies.push(BodyRequest {
            block,
            peer,
            deadline: step.now.time + self.config.request_timeout,
        });
        step.effects
            .push(Effect::Send(peer, Message::RequestBlock(block)));
        true
    }

    /// A peer that has the block and is not busy: the preferred one, else the one with
    /// the fewest stalls, the one to avoid only if it is the only one.
    fn choose_peer<P>(
        &mut self,
        tree: &BlockTree<P>,
        block: BlockId,
        prefer: Option<PeerId>,
        avoid: Option<PeerId>,
    ) -> Option<PeerId> {
        let free = |peer: &Peer| {
            usize::from(peer.fetching) < limits::FETCH_PER_PEER_MAX && peer.has(tree, block)
        };
        if let Some(id) = prefer
            && self.peers.get(id).is_some_and(free)
        {
            return Some(id);
        }
        let start = self.draw(self.peers.slots());
        self.peers
            .iter_from(start)
            .filter(|(_, peer)| free(peer))
            .min_by_key(|(id, peer)| (Some(*id) == avoid, peer.stalls))
            .map(|(id, _)| id)
    }

    /// The block is here or will not come: its request, if any, is over.
    pub(super) fn fetched(&mut self, block: BlockId) {
        let at = self.sync.bodies.iter().position(|r| r.block == block);
        if let Some(at) = at {
            let request = self.sync.bodies.remove(at);
            self.free(request.peer);
        }
    }

    fn free(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.fetching = peer.fetching.saturating_sub(1);
        }
    }

    /// Turns to other peers for what was not answered in time.
    pub(super) fn check_requests<P>(&mut self, step: &mut Step<'_, P>) {
        let now = step.now.time;
        while let Some(&request) = self.sync.bodies.first()
            && request.deadline <= now
        {
            self.sync.bodies.remove(0);
            self.free(request.peer);
            self.stalled(request.peer);
            self.request_body(step, request.block, None, Some(request.peer));
        }
        if let Some(request) = self.sync.chain
            && request.deadline <= now
        {
            self.sync.chain = None;
            self.stalled(request.peer);
            self.ask_another(step, request);
        }
        self.fetch(step, None);
    }

    /// Requests to a peer that is gone go to others at once.
    pub(super) fn requests_lost<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId) {
        let mut at = 0;
        let mut lost = Vec::new();
        while at < self.sync.bodies.len() {
            if self.sync.bodies[at].peer == peer {
                lost.push(self.sync.bodies.remove(at).block);
            } else {
                at += 1;
            }
        }
        for block in lost {
            self.request_body(step, block, None, None);
        }
        if let Some(request) = self.sync.chain.filter(|request| request.peer == peer) {
            self.sync.chain = None;
            self.ask_another(step, request);
        }
    }

    /// Asks somebody else for a chain: who is known to be ahead, or else anyone.
    fn ask_another<P>(&mut self, step: &mut Step<'_, P>, silent: ChainRequest) {
        self.ask_next(step);
        if self.sync.chain.is_some() || silent.tries >= CHAIN_TRIES {
            return;
        }
        let start = self.draw(self.peers.slots());
        let other = self
            .peers
            .iter_from(start)
            .min_by_key(|(id, peer)| (*id == silent.peer, peer.stalls))
            .map(|(id, _)| id);
        if let Some(peer) = other {
            self.ask_for_chain(step, peer, None, silent.tries + 1);
        }
    }

    fn stalled(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.stalls = peer.stalls.saturating_add(1);
        }
    }
}
