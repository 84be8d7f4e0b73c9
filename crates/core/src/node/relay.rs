//! What is told to whom.

use std::sync::Arc;
use std::time::Duration;

use crate::block::Entry;
use crate::limits;
use crate::message::Message;
use crate::node::{DisconnectReason, Effect, Node, PeerId, Relay, Step};
use crate::tree::{BlockId, BlockTree};
use crate::units::Time;

/// Whose block is relayed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// This node found it.
    Own,
    /// This node found it, kept it, and shows it now because others found one: it is not
    /// for losing time over announcements.
    OwnInRace,
    /// Somebody else did, as far as this node knows.
    Others,
}

impl Node {
    /// Tells every peer of a block, but those that are known to have it or were told.
    pub(super) fn relay<P>(&mut self, step: &mut Step<'_, P>, block: BlockId, whose: Whose) {
        let push = match (whose, self.config.relay) {
            (_, Relay::Flood) | (Whose::OwnInRace, _) => true,
            (Whose::Own, Relay::Unsolicited) => true,
            (_, Relay::Announce | Relay::Compact | Relay::Unsolicited) => false,
        };
        let slots = self.peers.slots();
        // Nobody is always the first to be told, but by a miner that pushes: its line is busy with
        // whole blocks for long, and it serves its peers as it lists them, other miners first for
        // instance. So do the miners of Gervais et al.
        let is_listed = push && self.config.relay == Relay::Unsolicited;
        let start = match slots {
            0 | 1 => 0,
            _ if is_listed => 0,
            slots => self.draw(slots),
        };
        for id in self.peers.tell_from(start, step.tree, block) {
            let message = if push {
                Message::NewBlock(block)
            } else {
                Message::Announce(block)
            };
            step.effects.push(Effect::Send(id, message));
        }
    }

    /// Passes data on to every peer but the one it came from. Who knows it already
    /// ignores it, so it stops where it has been.
    pub(super) fn relay_data<P>(
        &self,
        step: &mut Step<'_, P>,
        entry: &Entry,
        from: Option<PeerId>,
    ) {
        for (peer, _) in self.peers.iter_from(0) {
            if Some(peer) != from {
                let message = Message::NewData(Arc::clone(entry));
                step.effects.push(Effect::Send(peer, message));
            }
        }
    }

    /// A new connection: both sides say where they are, and who is behind asks.
    pub(super) fn connected<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId) {
        if !self.peers.connect(peer) {
            let reason = DisconnectReason::TooManyPeers;
            step.effects.push(Effect::Disconnect(peer, reason));
            return;
        }
        if self.public_tip != BlockId::GENESIS {
            self.announce_to(step, peer);
        }
        self.tell_data(step, peer);
    }

    /// Tells a peer what has waited longest. It ignores what it has.
    fn tell_data<P>(&self, step: &mut Step<'_, P>, peer: PeerId) {
        if !self.config.tells_data {
            return;
        }
        let mut room = limits::DATA_TOLD_BYTES_MAX;
        for entry in self.pool.iter().take(limits::DATA_TOLD_ENTRIES_MAX) {
            // One that is longer than the bound is told alone.
            if entry.len() > room && room < limits::DATA_TOLD_BYTES_MAX {
                return;
            }
            room = room.saturating_sub(entry.len());
            let message = Message::NewData(Arc::clone(entry));
            step.effects.push(Effect::Send(peer, message));
        }
    }

    pub(super) fn disconnected<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId) {
        self.peers.disconnect(peer);
        self.requests_lost(step, peer);
    }

    /// A peer announced a block that is behind our tip: perhaps it missed ours.
    pub(super) fn help_behind<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        if step.tree.is_better(self.public_tip, block) && !self.peer_has_tip(step.tree, peer) {
            self.announce_to(step, peer);
        }
    }

    /// Plans the next announcement: after half to one and a half intervals, so that
    /// nodes started together do not go on together.
    pub(super) fn schedule_announcement(&mut self, now: Time) {
        let Some(interval) = self.config.tip_interval else {
            return;
        };
        let nanos = usize::try_from(interval.as_nanos()).unwrap_or(usize::MAX);
        let wait = interval / 2 + Duration::from_nanos(self.draw(nanos) as u64);
        self.announce_at = now + wait;
    }

    /// The periodic announcement to one random peer. Whoever is behind asks, and whoever
    /// is ahead answers with its own tip, so what a lost message left behind is repaired
    /// in about log(n) intervals.
    pub(super) fn check_announcement<P>(&mut self, step: &mut Step<'_, P>) {
        if step.now.time < self.announce_at {
            return;
        }
        self.schedule_announcement(step.now.time);
        let start = self.draw(self.peers.slots());
        let peer = self.peers.iter_from(start).next().map(|(id, _)| id);
        if let Some(peer) = peer {
            self.announce_to(step, peer);
            self.tell_data(step, peer);
        }
    }

    fn announce_to<P>(&mut self, step: &mut Step<'_, P>, id: PeerId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.told = self.public_tip;
            let message = Message::Announce(self.public_tip);
            step.effects.push(Effect::Send(id, message));
        }
    }

    fn peer_has_tip<P>(&self, tree: &BlockTree<P>, peer: PeerId) -> bool {
        self.peers
            .get(peer)
            .is_none_or(|its| self.peers.has(tree, (peer, its), self.public_tip))
    }
}
