//! What blocks and headers that come in mean, and what is still missing then.
//!
//! An answer that nobody asked for, that comes twice or too late is only more facts.

use crate::door::Rejection;
use crate::limits;
use crate::node::in_flight::ChainRequest;
use crate::node::{DisconnectReason, Effect, Node, PeerId, Step};
use crate::rules::{RuleError, Verdict};
use crate::tree::{BlockId, BlockTree};

impl Node {
    pub(super) fn on_new_block<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        if !self.view.has_header(step.tree.parent(block)) {
            return self.unconnected(step, peer, block);
        }
        self.peers.note_has(step.tree, peer, block);
        self.fetched(block);
        self.learn_header(step, block, peer);
        self.take_block(step, block, Some(peer));
        self.fetch(step, Some(peer));
    }

    pub(super) fn on_block<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        if self.sync.is_fetching_from(peer, block)
            && let Some(peer) = self.peers.get_mut(peer)
        {
            peer.stalls = 0;
        }
        self.on_new_block(step, peer, block);
    }

    #[inline]
    pub(super) fn on_announce<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        // The same as what follows, and what most announcements are.
        if self.is_no_news(step.tree, block) {
            return self.peers.note_has(step.tree, peer, block);
        }
        if !self.view.has_header(step.tree.parent(block)) {
            return self.unconnected(step, peer, block);
        }
        self.peers.note_has(step.tree, peer, block);
        self.learn_header(step, block, peer);
        if step.tree.is_better(self.public_tip, block) {
            return self.help_behind(step, peer, block);
        }
        // Of a fork that is as good as our tip, the next block may make it better: it is
        // fetched at once, but only when it connects.
        let parent = step.tree.parent(block);
        if !self.view.has_body(block) && self.view.is_connected(parent) {
            // Whoever announces first and sends nothing delays nobody.
            let asked = self.sync.bodies.iter().find(|r| r.block == block);
            if asked.is_some_and(|asked| self.is_silent(asked.peer) && !self.is_silent(peer)) {
                self.fetched(block);
            }
            if !self.is_asked_for(step.tree, block) {
                let ask = self.ask_for_new();
                self.request_body(step, block, ask, Some(peer), None);
            }
        }
        self.fetch(step, Some(peer));
    }

    /// Whether `Announce(block)` from a peer would change nothing now, but for the note that
    /// this peer has the block too: no effect, no other goal, no other request.
    ///
    /// A node that was told of a block hears of it from all its other peers as well. A
    /// driver of many nodes that knows so can let these messages wait, and have them
    /// [noted](Self::note) together just before the node's next input: that is the same.
    /// Says no where it would take more than a look to tell.
    #[inline]
    pub fn is_no_news<P>(&self, tree: &BlockTree<P>, block: BlockId) -> bool {
        let goal = self.sync.goal;
        if block == goal && block == self.public_tip {
            return true;
        }
        if self.view.is_connected(goal) {
            // We have it, and nothing better that its sender may lack.
            return self.view.is_connected(block)
                && !tree.is_better(self.public_tip, block)
                && !tree.is_invalid(goal);
        }
        // It is what we are fetching, from somebody who answers.
        goal == block
            && self.sync.fetch_from > tree.height(block)
            && self.view.is_connected(tree.parent(block))
            && !tree.is_better(self.public_tip, block)
            && !tree.is_invalid(goal)
            && (self.sync.bodies.iter())
                .any(|request| request.block == block && !self.is_silent(request.peer))
    }

    /// What [`handle`](Self::handle) does of an announcement, or a pushed block, that
    /// [is no news](Self::is_no_news): notes that the peer has the block.
    #[inline]
    pub fn note<P>(&mut self, tree: &BlockTree<P>, peer: PeerId, block: BlockId) {
        debug_assert!(self.is_no_news(tree, block), "it was news");
        self.peers.note_has(tree, peer, block);
    }

    pub(super) fn on_headers<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        headers: &[BlockId],
        more: bool,
    ) {
        let known = |node: &mut Self, step: &mut Step<'_, P>, header| {
            node.learn_header(step, header, peer);
        };
        let answered = self.chain_answered(peer);
        self.on_batch(step, peer, (headers, more), answered, known);
    }

    pub(super) fn on_chain<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        blocks: &[BlockId],
        more: bool,
    ) {
        let answered = match self.on_segment(step, peer, blocks) {
            true => None,
            false => self.chain_answered(peer),
        };
        let known = |node: &mut Self, step: &mut Step<'_, P>, block| {
            node.fetched(block);
            node.learn_header(step, block, peer);
            node.take_block(step, block, Some(peer));
        };
        self.on_batch(step, peer, (blocks, more), answered, known);
    }

    /// Takes what connects, parents first, and asks on.
    fn on_batch<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        (batch, more): (&[BlockId], bool),
        answered: Option<ChainRequest>,
        mut take: impl FnMut(&mut Self, &mut Step<'_, P>, BlockId),
    ) {
        let mut last = None;
        for &block in batch {
            if !self.view.has_header(step.tree.parent(block)) {
                self.peers.note_ahead(peer, step.tree.hash(block));
                break;
            }
            take(self, step, block);
            last = Some(block);
        }
        if let Some(last) = last {
            self.peers.note_has(step.tree, peer, last);
        }
        self.fetch(step, Some(peer));
        if let Some(answered) = answered {
            self.ask_on(step, answered, last.filter(|_| more));
        }
    }

    pub(super) fn on_not_found<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        if self.sync.is_fetching_from(peer, block) {
            self.fetched(block);
            self.peers.note_lacks(step.tree, peer, block);
            self.ask_another_for(step, block, peer);
            self.fetch(step, None);
        }
    }

    /// The door refused a block: the brief's "unconnected or invalid block".
    pub(super) fn rejected<P>(&mut self, step: &mut Step<'_, P>, id: PeerId, rejection: Rejection) {
        self.charge(step, id, rejection.rule.penalty());
        if self.peers.get(id).is_none() {
            return;
        }
        // What we asked this peer for, somebody else has to send; what it says of a block
        // never touches a request to another.
        let known = step.tree.find(&rejection.hash);
        if let Some(block) = known {
            self.on_not_found(step, id, block);
        }
        // The block may have made the goal invalid.
        self.fetch(step, None);
        let unconnected = matches!(rejection.rule, RuleError::UnknownParent(_));
        let invalid = matches!(
            rejection.rule.verdict(),
            Verdict::Invalid | Verdict::Mutated
        );
        if (unconnected || invalid) && known.is_none_or(|block| !self.view.has_header(block)) {
            self.peers.note_ahead(id, rejection.hash);
        }
        self.ask_next(step);
    }

    /// Holds points against a peer, and ends the connection when they are too many.
    pub(super) fn charge<P>(&mut self, step: &mut Step<'_, P>, id: PeerId, points: u16) {
        let penalty = self.peers.charge(id, points);
        if penalty.is_some_and(|penalty| penalty >= limits::PENALTY_MAX) {
            let reason = DisconnectReason::Misbehaved;
            step.effects.push(Effect::Disconnect(id, reason));
            self.disconnected(step, id);
        }
    }
}
