//! What blocks and headers that come in mean, and what is still missing then.
//!
//! An answer that nobody asked for, that comes twice or too late is only more facts.

use crate::door::Rejection;
use crate::limits;
use crate::node::request::BodyRequest;
use crate::node::{DisconnectReason, Effect, Node, PeerId, Step};
use crate::rules::{RuleError, Verdict};
use crate::tree::BlockId;

impl Node {
    pub(super) fn on_new_block<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        if !self.view.has_header(step.tree.parent(block)) {
            return self.unconnected(step, peer, block);
        }
        self.peers.note_has(step.tree, peer, block);
        self.fetched(block);
        self.take_block(step, block, Some(peer));
        self.learn_header(step.tree, block);
        self.fetch(step, Some(peer));
    }

    pub(super) fn on_block<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.stalls = 0;
        }
        self.on_new_block(step, peer, block);
    }

    pub(super) fn on_announce<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        if !self.view.has_header(step.tree.parent(block)) {
            return self.unconnected(step, peer, block);
        }
        self.peers.note_has(step.tree, peer, block);
        self.learn_header(step.tree, block);
        if step.tree.is_better(self.public_tip, block) {
            return self.help_behind(step, peer, block);
        }
        // Of a fork that is as good as our tip, the next block may make it better: it is
        // fetched at once, but only when it connects.
        let parent = step.tree.parent(block);
        if !self.view.has_body(block)
            && self.view.is_connected(parent)
            && !self.sync.is_fetching(block)
        {
            self.request_body(step, block, Some(peer), None);
        }
        self.fetch(step, Some(peer));
    }

    pub(super) fn on_headers<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        headers: &[BlockId],
        more: bool,
    ) {
        let asked = self.chain_answered(peer);
        let mut last_new = None;
        for &header in headers {
            if !self.view.has_header(step.tree.parent(header)) {
                break;
            }
            if !self.view.has_header(header) {
                last_new = Some(header);
            }
            self.learn_header(step.tree, header);
        }
        if let Some(&last) = headers.last() {
            self.peers.note_has(step.tree, peer, last);
        }
        self.fetch(step, Some(peer));
        self.ask_on(step, peer, last_new.filter(|_| asked && more), asked);
    }

    pub(super) fn on_chain<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        blocks: &[BlockId],
        more: bool,
    ) {
        let asked = self.chain_answered(peer);
        let mut last_new = None;
        for &block in blocks {
            if !self.view.has_header(step.tree.parent(block)) {
                break;
            }
            if !self.view.has_body(block) {
                last_new = Some(block);
            }
            self.fetched(block);
            self.take_block(step, block, Some(peer));
            self.learn_header(step.tree, block);
        }
        if let Some(&last) = blocks.last() {
            self.peers.note_has(step.tree, peer, last);
        }
        self.fetch(step, Some(peer));
        self.ask_on(step, peer, last_new.filter(|_| asked && more), asked);
    }

    pub(super) fn on_not_found<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        let asked = |request: &BodyRequest| request.block == block && request.peer == peer;
        if self.sync.bodies.iter().any(asked) {
            self.fetched(block);
            self.request_body(step, block, None, Some(peer));
        }
    }

    /// The door refused a block: the brief's "unconnected or invalid block".
    pub(super) fn rejected<P>(&mut self, step: &mut Step<'_, P>, id: PeerId, rejection: Rejection) {
        let Some(peer) = self.peers.get_mut(id) else {
            return;
        };
        peer.penalty = peer.penalty.saturating_add(rejection.rule.penalty());
        if peer.penalty >= limits::PENALTY_MAX {
            let reason = DisconnectReason::Misbehaved;
            step.effects.push(Effect::Disconnect(id, reason));
            return self.disconnected(step, id);
        }
        // What we asked this peer for, somebody else has to send; what it says of a block
        // never touches a request to another.
        if let Some(block) = step.tree.find(&rejection.hash) {
            self.on_not_found(step, id, block);
        }
        if step.tree.is_invalid(self.sync.best_header) {
            self.sync.best_header = self.tip;
            self.sync.fetch_from = step.tree.height(self.tip) + 1;
        }
        let asked = self.chain_answered(id);
        let unconnected = matches!(rejection.rule, RuleError::UnknownParent(_));
        let invalid = matches!(
            rejection.rule.verdict(),
            Verdict::Invalid | Verdict::Mutated
        );
        if (unconnected || invalid) && !asked {
            self.peers.note_ahead(id, rejection.hash);
        }
        self.ask_next(step);
    }
}
