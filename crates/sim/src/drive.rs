//! Inputs in, effects out: what a driver is in any world, here for all nodes at once.

use std::sync::Arc;

use forkful_core::event::{DropReason, What};
use forkful_core::node::TipChange;
use forkful_core::{
    BlockId, Effect, Input, Message, MessageKind, NodeId, PeerId, Time, message::Ids,
};
use forkful_scenario::Parcel;

use crate::run::{Happening, Sending, Sim};
use crate::shelf::only_block;

/// The length of an announcement: its type and a header.
const ANNOUNCE_BYTES: u32 = 89;

impl Sim<'_> {
    pub(crate) fn deliver(&mut self, to: NodeId, from: PeerId, message: Message<Ids>) {
        let kind = message.kind();
        let why = if !self.network.is_open(to, from) {
            Some(DropReason::Cut)
        } else if !self.nodes[to.0 as usize].is_up {
            Some(DropReason::Down)
        } else {
            None
        };
        if let Some(why) = why {
            // Others may have been put aside because this one was to come first.
            self.put_back(to);
            let (sender, back) = self.network.other_end(to, from);
            let bytes = self.bytes(&message, to);
            return self.tell_dropped((sender, back), kind, bytes, why);
        }
        let about = about(&message);
        self.tell_delivered(to, from, &message);
        self.input_about(to, Input::Received(from, message), about);
    }

    fn send(&mut self, from: NodeId, peer: PeerId, message: Message<Ids>) {
        let kind = message.kind();
        let bytes = self.bytes(&message, self.network.other_end(from, peer).0);
        let Some((to, back, arrives)) = self.transmit(from, peer, kind, bytes) else {
            return;
        };
        let from = back;
        let happening = match (&message, only_block(&message)) {
            (Message::NewBlock(_) | Message::Announce(_), Some(block)) => {
                return self.send_news((to, from), kind, block, arrives);
            }
            (_, Some(block)) => Happening::Deliver {
                to,
                from,
                kind,
                block,
            },
            (_, None) => Happening::DeliverFromShelf {
                to,
                from,
                number: self.shelf.put(message),
            },
        };
        self.queue.push(arrives, happening);
    }

    fn announce(&mut self, from: NodeId, peer: PeerId, block: BlockId) {
        let kind = MessageKind::Announce;
        let (to, back) = self.network.other_end(from, peer);
        if !self.tells_of_messages
            && self.network.is_whole()
            && let Some(arrives) = self.network.quick_arrival(from, to, self.now)
        {
            self.trace_sent(from, to, kind, Some(arrives));
            self.recorder.sent(kind, ANNOUNCE_BYTES);
            self.send_news((to, back), kind, block, arrives);
        } else if let Some((to, back, arrives)) = self.transmit(from, peer, kind, ANNOUNCE_BYTES) {
            self.send_news((to, back), kind, block, arrives);
        }
    }

    /// Gives a message to a link: whom it reaches, as whose, and when, unless it is lost.
    #[inline]
    fn transmit(
        &mut self,
        from: NodeId,
        peer: PeerId,
        kind: MessageKind,
        bytes: u32,
    ) -> Option<(NodeId, PeerId, Time)> {
        let (to, back) = self.network.other_end(from, peer);
        let is_open = self.network.is_open(from, peer);
        let arrives = match is_open {
            true => {
                let parcel = Parcel::new(kind, bytes.into(), 0);
                self.network.arrival(from, peer, self.now, parcel)
            }
            false => None,
        };
        self.trace_sent(from, to, kind, arrives);
        self.recorder.sent(kind, bytes);
        if self.tells_of_messages {
            self.tell_sent(&Sending {
                sent: self.now,
                arrives,
                from,
                to,
                kind,
                bytes,
            });
        }
        if arrives.is_none() {
            let why = match is_open {
                true => DropReason::Loss,
                false => DropReason::Cut,
            };
            self.tell_dropped((from, peer), kind, bytes, why);
        }
        Some((to, back, arrives?))
    }

    /// What a message weighs on the links, with what its blocks weigh beyond their own length.
    pub(crate) fn bytes(&self, message: &Message<Ids>, to: NodeId) -> u32 {
        let length = message.encoded_len(&self.tree) as u64;
        let of = |block: &BlockId| self.weights[block.index()];
        let extra = match message {
            Message::NewBlock(block) | Message::Block(block) => of(block),
            Message::Chain { blocks, .. } => blocks.iter().map(of).sum(),
            Message::CompactBlock { .. } => self.scenario.network.block_bytes.compact(),
            Message::Entries { block, entries } if entries.is_empty() => {
                let weights = &self.scenario.network.block_bytes;
                weights.missing(&self.tree.hash(*block), to)
            }
            _ => 0,
        };
        u32::try_from(length.saturating_add(extra)).unwrap_or(u32::MAX)
    }

    /// The deadline of a node has come, if it did not change its mind meanwhile.
    pub(crate) fn wake(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        if node.scheduled != self.now || !node.is_up {
            return;
        }
        node.scheduled = Time::NEVER;
        if node.deadline <= self.now {
            node.deadline = Time::NEVER;
            self.input(id, Input::Deadline);
        } else {
            let deadline = node.deadline;
            self.schedule(id, deadline);
        }
    }

    fn schedule(&mut self, id: NodeId, deadline: Time) {
        let node = &mut self.nodes[id.0 as usize];
        node.deadline = deadline;
        // One that is due earlier wakes the node, and then this one is scheduled.
        if deadline < node.scheduled {
            node.scheduled = deadline;
            self.queue.push_in_row(deadline, Happening::Deadline(id));
        }
    }

    /// Somebody finds a block, unless the draw does not count for that node's target.
    pub(crate) fn find(&mut self) {
        let id = self.lottery.draw_miner();
        let node = &self.nodes[id.0 as usize];
        let target = self.tree.child_target(node.mining_on);
        if node.is_up && self.lottery.counts(target) {
            let now = node.now(self.now);
            let template = node.node.template(now, &self.tree);
            let timestamp = template.header.timestamp;
            // Whoever finds it, no two blocks are the same: the number is the nonce.
            let block = template.into_block(timestamp, self.mined);
            if let Ok(block) = self.tree.insert_block(Arc::new(block), now.clock) {
                self.mined += 1;
                self.changed = true;
                let weights = &self.scenario.network.block_bytes;
                self.weights.push(weights.of(&self.tree.hash(block)));
                self.trace_block(block);
                self.input_about(id, Input::Mined(block), Some(block));
            }
            let targets = self.nodes.iter().map(|node| node.mining_on);
            if self.tree.consensus().difficulty.interval_ms().is_some() {
                let tree = &self.tree;
                self.lottery
                    .set_targets(targets.map(|on| tree.child_target(on)));
            }
        }
        self.draw_again();
    }

    pub(crate) fn input(&mut self, id: NodeId, input: Input) {
        self.input_about(id, input, None);
    }

    /// An input that is about a block.
    fn input_about(&mut self, id: NodeId, input: Input, about: Option<BlockId>) {
        self.catch_up(id);
        let mut effects = std::mem::take(&mut self.effects);
        let node = &mut self.nodes[id.0 as usize];
        let now = node.now(self.now);
        node.node.handle(now, input, &self.tree, &mut effects);
        if effects.len() > 4 {
            self.touch_receivers(id, &effects);
        }
        for effect in effects.drain(..) {
            self.perform(id, effect);
        }
        self.effects = effects;
        self.reconsider(id, about);
    }

    fn perform(&mut self, id: NodeId, effect: Effect) {
        match effect {
            // What a node has stored is its view, and outlives a crash.
            // The one tree has every body, so nothing is ever rebuilt from its parts, or forgotten.
            Effect::Store(_)
            | Effect::StoreData(_)
            | Effect::Withheld(_)
            | Effect::Rebuilt(..)
            | Effect::Unused(_) => {}
            Effect::Published(block) => {
                let block = self.block_ref(block);
                self.tell(Some(id), What::Published { block });
            }
            Effect::Attempt(attempt) => self.tell(Some(id), attempt.into()),
            // Of all effects most are these.
            Effect::Send(peer, Message::Announce(block)) => self.announce(id, peer, block),
            Effect::Send(peer, message) => self.send(id, peer, message),
            Effect::Mine { on } => {
                self.nodes[id.0 as usize].mining_on = on;
                if self.lottery.note_target(self.tree.child_target(on)) {
                    self.draw_again();
                }
            }
            Effect::Accepted { block, from } => self.tell_accepted(id, block, from),
            Effect::TipChanged(change) => self.tip_changed(id, change),
            Effect::Data {
                entry,
                bytes,
                taken,
            } => self.tell_data(id, entry, bytes, taken),
            Effect::Deadline(time) => self.schedule(id, time),
            Effect::Disconnect(peer, why) => {
                self.put_all_back();
                self.network.cut_peer(id, peer);
                let (peer, _) = self.network.other_end(id, peer);
                let why = why.to_string();
                self.tell(Some(id), What::PeerDown { peer, why });
            }
        }
    }

    fn tip_changed(&mut self, id: NodeId, change: TipChange) {
        self.count_tip(id, change.old, false);
        self.count_tip(id, change.new, true);
        self.changed = true;
        // While nobody mines to see whether all agree, patience begins anew.
        self.paused_since = self.paused_since.map(|_| self.now);
        self.height = self.height.max(self.tree.height(change.new));
        self.trace_tip(id, change.new);
        let what = What::TipChanged {
            old: self.block_ref(change.old),
            new: self.block_ref(change.new),
            disconnected: u32::try_from(change.disconnected).unwrap_or(u32::MAX),
            connected: u32::try_from(change.connected).unwrap_or(u32::MAX),
        };
        self.tell(Some(id), what);
    }
}

/// The block that a message tells of, if it is one.
fn about(message: &Message<Ids>) -> Option<BlockId> {
    match message {
        Message::NewBlock(block)
        | Message::Announce(block)
        | Message::Block(block)
        | Message::CompactBlock { header: block, .. }
        | Message::Entries { block, .. } => Some(*block),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use forkful_core::{BlockTree, Consensus, Sha256Pow, Target};

    use super::*;

    #[test]
    fn an_announcement_is_as_long_as_the_codec_makes_it() {
        let tree = BlockTree::new(Consensus::fixed(Target::MAX), Sha256Pow);
        let message: Message<Ids> = Message::Announce(BlockId::GENESIS);
        assert_eq!(message.encoded_len(&tree), ANNOUNCE_BYTES as usize);
    }
}
