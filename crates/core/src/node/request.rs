//! The requests in flight.
//!
//! Two kinds are ever in flight: one for a *chain* (headers or whole blocks, after a
//! locator), to one peer at a time; and many for single *bodies* whose headers are
//! known, spread over the peers that have them. Every request has a deadline, and
//! another peer to turn to.

use crate::limits;
use crate::message::Message;
use crate::node::in_flight::{Ask, BodyRequest, ChainRequest};
use crate::node::peers::Peer;
use crate::node::segment::Stretch;
use crate::node::{Effect, Node, PeerId, Relay, Step};
use crate::tree::{BlockId, BlockTree};

/// How many peers are asked for a chain in turn, when one after the other is silent.
const CHAIN_TRIES: u8 = 3;

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
            match known.filter(|block| self.view.has_header(*block)) {
                None => return self.ask_for_chain(step, peer, None, 0),
                // Somebody else showed it to us meanwhile: one more peer to fetch from.
                Some(block) => self.peers.note_has(step.tree, peer, block),
            }
        }
        self.fetch(step, None);
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
            Relay::Announce | Relay::Unsolicited | Relay::Compact => {
                let goal = self.sync.goal;
                let best = if tree.is_better(goal, self.tip) {
                    goal
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
            above: from.map_or(0, |from| tree.height(from)),
        });
        step.effects.push(Effect::Send(peer, message));
    }

    /// The request that this peer now answered with a chain, if there was one.
    pub(super) fn chain_answered(&mut self, peer: PeerId) -> Option<ChainRequest> {
        let request = self.sync.chain.take_if(|request| request.peer == peer)?;
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.stalls = 0;
        }
        Some(request)
    }

    /// Goes on with the peer that just answered, if it has more and its answer led on, be
    /// it through blocks that we know; otherwise with the next one that is ahead of us.
    pub(super) fn ask_on<P>(
        &mut self,
        step: &mut Step<'_, P>,
        answered: ChainRequest,
        more: Option<BlockId>,
    ) {
        match more {
            Some(last) if step.tree.height(last) > answered.above => {
                self.ask_for_chain(step, answered.peer, Some(last), 0);
            }
            _ => self.ask_next(step),
        }
    }

    /// Asks for the bodies that are missing on the way to the goal, lowest first, as many
    /// as the window allows.
    pub(super) fn fetch<P>(&mut self, step: &mut Step<'_, P>, prefer: Option<PeerId>) {
        let tree = step.tree;
        if tree.is_invalid(self.sync.goal) {
            self.aim(step);
        }
        let goal = self.sync.goal;
        if self.view.is_connected(goal) {
            return;
        }
        let mut height = self.sync.fetch_from;
        while let Some(block) = tree.ancestor(goal, height) {
            // The one that the others wait for is always asked for.
            let is_next = self.view.is_connected(tree.parent(block));
            if !is_next && self.room_in_window(tree) == 0 {
                break;
            }
            match self.request_segment(step, height) {
                Stretch::Asked { next } => {
                    height = next;
                    continue;
                }
                Stretch::Wait => break,
                Stretch::Single => {}
            }
            if !is_next && !self.will_have_room_to_wait() {
                break;
            }
            if !self.view.has_body(block)
                && !self.is_asked_for(tree, block)
                && !self.request_body(step, block, Ask::Whole, prefer, None)
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
        ask: Ask,
        prefer: Option<PeerId>,
        avoid: Option<PeerId>,
    ) -> bool {
        let room = self.sync.bodies.len() < limits::FETCH_WINDOW;
        let chosen = self.choose_peer(step.tree, block, prefer, avoid);
        let Some(peer) = chosen.filter(|_| room) else {
            // It comes again with the next announcement; until then the window goes on
            // from here.
            if step.tree.is_ancestor(block, self.sync.goal) {
                self.go_on_from(step.tree.height(block));
            }
            return false;
        };
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.fetching += 1;
        }
        self.sync.bodies.push(BodyRequest {
            block,
            peer,
            ask,
            deadline: step.now.time + self.config.request_timeout,
        });
        let message = match ask {
            Ask::Compact => Message::RequestCompact(block),
            Ask::Whole | Ask::Entries => Message::RequestBlock(block),
        };
        step.effects.push(Effect::Send(peer, message));
        true
    }

    /// A peer that has the block and is not busy: the preferred one, else the one to avoid
    /// last. A silent one only if no other has the block, for busy is better than silent.
    fn choose_peer<P>(
        &mut self,
        tree: &BlockTree<P>,
        block: BlockId,
        prefer: Option<PeerId>,
        avoid: Option<PeerId>,
    ) -> Option<PeerId> {
        let is_free = |peer: &Peer| usize::from(peer.fetching) < limits::FETCH_PER_PEER_MAX;
        if let Some(id) = prefer
            && let Some(peer) = self.peers.get(id)
            && peer.stalls == 0
            && is_free(peer)
            && self.peers.has(tree, (id, peer), block)
        {
            return Some(id);
        }
        let start = self.draw(self.peers.slots());
        let holders = self.peers.iter_from(start);
        let (id, peer) = holders
            .filter(|(id, peer)| self.peers.has(tree, (*id, peer), block))
            .min_by_key(|(id, peer)| {
                (
                    peer.stalls > 0,
                    !is_free(peer),
                    Some(*id) == avoid,
                    peer.stalls,
                )
            })?;
        is_free(peer).then_some(id)
    }

    /// A peer did not give the block: asks another, and looks for another goal if there
    /// is no other.
    pub(super) fn ask_another_for<P>(
        &mut self,
        step: &mut Step<'_, P>,
        block: BlockId,
        avoid: PeerId,
    ) {
        let tree = step.tree;
        let has = |peer: (PeerId, &Peer)| peer.0 != avoid && self.peers.has(tree, peer, block);
        if !self.peers.iter_from(0).any(has) {
            self.aim(step);
        }
        // Not if the way leads elsewhere by now, or the block became known meanwhile.
        let on_the_way = tree.is_ancestor(block, self.sync.goal);
        let next = self.view.is_connected(tree.parent(block))
            && !tree.is_better(self.public_tip, block)
            && !tree.is_invalid(block);
        if (on_the_way || next) && !self.view.has_body(block) {
            self.request_body(step, block, Ask::Whole, None, Some(avoid));
        }
    }

    /// The block is here or will not come: its request, if any, is over.
    pub(super) fn fetched(&mut self, block: BlockId) {
        let at = self.sync.bodies.iter().position(|r| r.block == block);
        if let Some(at) = at {
            let request = self.sync.remove(at);
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
            self.sync.remove(0);
            self.free(request.peer);
            self.stalled(request.peer);
            self.ask_another_for(step, request.block, request.peer);
        }
        self.check_segments(step);
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
                lost.push(self.sync.remove(at).block);
            } else {
                at += 1;
            }
        }
        self.segments_lost(peer);
        self.aim(step);
        for block in lost {
            self.ask_another_for(step, block, peer);
        }
        self.fetch(step, None);
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

    /// Whether the peer left our last request unanswered.
    pub(super) fn is_silent(&self, peer: PeerId) -> bool {
        self.peers.get(peer).is_none_or(|peer| peer.stalls > 0)
    }

    pub(super) fn stalled(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.stalls = peer.stalls.saturating_add(1);
        }
    }
}
