//! Inputs in, effects out: what a driver is in any world, here for all nodes at once.

use std::sync::Arc;

use forkful_core::event::{DropReason, What};
use forkful_core::{
    BlockId, BlockRef, Effect, Event, Input, Message, MessageKind, NodeId, PeerId, Time,
    message::Ids,
};
use forkful_scenario::Parcel;

use crate::run::{Happening, Sending, Sim};

/// The length of an announcement: its type and a header (a test holds it against the codec).
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
            let bytes = self.bytes(&message);
            return self.tell_dropped((sender, back), kind, bytes, why);
        }
        let about = about(&message);
        self.tell_delivered(to, from, &message);
        self.input_about(to, Input::Received(from, message), about);
    }

    fn send(&mut self, from: NodeId, peer: PeerId, message: Message<Ids>) {
        let kind = message.kind();
        let bytes = self.bytes(&message);
        let Some((to, back, arrives)) = self.transmit(from, peer, kind, bytes) else {
            return;
        };
        let happening = match message {
            Message::NewBlock(block) | Message::Announce(block) => {
                return self.send_news((to, back), kind, block, arrives);
            }
            Message::RequestBlock(block) | Message::NotFound(block) | Message::Block(block) => {
                Happening::Deliver {
                    to,
                    from: back,
                    kind,
                    block,
                }
            }
            large => Happening::DeliverParcel {
                to,
                from: back,
                number: self.keep_parcel(large),
            },
        };
        self.queue.push(arrives, happening);
    }

    #[inline]
    fn trace_sent(&mut self, from: NodeId, to: NodeId, kind: MessageKind, arrives: Option<Time>) {
        let arrives = arrives.unwrap_or(Time::NEVER).0;
        self.trace.add(self.now.0 ^ arrives.rotate_left(32));
        let ends = u64::from(from.0) << 32 | u64::from(to.0);
        self.trace.add(ends ^ (kind as u64) << 56);
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

    fn keep_parcel(&mut self, message: Message<Ids>) -> u32 {
        if let Some(number) = self.free_parcels.pop() {
            self.parcels[number as usize] = Some(message);
            return number;
        }
        self.parcels.push(Some(message));
        u32::try_from(self.parcels.len() - 1).unwrap_or(u32::MAX)
    }

    /// What a message weighs on the links, with what its blocks weigh beyond their own length.
    fn bytes(&self, message: &Message<Ids>) -> u32 {
        let length = message.encoded_len(&self.tree) as u64;
        let of = |block: &BlockId| self.weights[block.index()];
        let extra = match message {
            Message::NewBlock(block) | Message::Block(block) => of(block),
            Message::Chain { blocks, .. } => blocks.iter().map(of).sum(),
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
        for effect in effects.drain(..) {
            self.perform(id, effect);
        }
        self.effects = effects;
        self.reconsider(id, about);
    }

    fn perform(&mut self, id: NodeId, effect: Effect) {
        match effect {
            // What a node has stored is its view, and outlives a crash.
            Effect::Store(_) | Effect::StoreData(_) => {}
            // Of all effects most are these.
            Effect::Send(peer, Message::Announce(block)) => {
                let kind = MessageKind::Announce;
                if let Some((to, back, arrives)) = self.transmit(id, peer, kind, ANNOUNCE_BYTES) {
                    self.send_news((to, back), kind, block, arrives);
                }
            }
            Effect::Send(peer, message) => self.send(id, peer, message),
            Effect::Mine { on } => {
                self.nodes[id.0 as usize].mining_on = on;
                if self.lottery.note_target(self.tree.child_target(on)) {
                    self.draw_again();
                }
            }
            Effect::Accepted { block, from } => self.tell_accepted(id, block, from),
            Effect::TipChanged(change) => {
                self.count_tip(id, change.old, false);
                self.count_tip(id, change.new, true);
                self.changed = true;
                // While nobody mines to see whether all agree, patience begins anew.
                self.paused_since = self.paused_since.map(|_| self.now);
                self.height = self.height.max(self.tree.height(change.new));
                let what = What::TipChanged {
                    old: self.block_ref(change.old),
                    new: self.block_ref(change.new),
                    disconnected: u32::try_from(change.disconnected).unwrap_or(u32::MAX),
                    connected: u32::try_from(change.connected).unwrap_or(u32::MAX),
                };
                self.trace.add(self.now.0 ^ u64::from(id.0) << 40);
                self.trace.add(change.new.index() as u64);
                self.tell(Some(id), what);
            }
            Effect::Data {
                entry,
                bytes,
                taken,
            } => {
                let what = match taken {
                    Ok(()) => What::Submitted {
                        entry,
                        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
                    },
                    Err(why) => What::Refused {
                        entry,
                        why: why.to_string(),
                    },
                };
                self.tell(Some(id), what);
            }
            Effect::Deadline(time) => self.schedule(id, time),
            Effect::Disconnect(peer, why) => {
                let (other, _) = self.network.other_end(id, peer);
                self.put_all_back();
                self.network.cut_peer(id, peer);
                let what = What::PeerDown {
                    peer: other,
                    why: why.to_string(),
                };
                self.tell(Some(id), what);
            }
        }
    }

    fn tell_accepted(&mut self, id: NodeId, block: BlockId, from: Option<PeerId>) {
        let named = self.block_ref(block);
        let what = match from {
            Some(peer) => What::Received {
                block: named,
                from: self.network.other_end(id, peer).0,
            },
            None => What::Mined {
                block: named,
                parent: self.tree.header(block).previous_hash,
                entries: self.tree.block(block).map_or(0, |block| {
                    u32::try_from(block.entries.len()).unwrap_or(u32::MAX)
                }),
            },
        };
        self.tell(Some(id), what);
    }

    pub(crate) fn tell(&mut self, node: Option<NodeId>, what: What) {
        let time = self.now;
        let event = Event { time, node, what };
        self.recorder.record(&event);
        let options = &mut self.options;
        for sink in options.sinks.iter_mut().chain(&mut options.watchers) {
            sink(&event);
        }
    }

    /// What there is millions of: an event only if somebody wants every single one.
    fn tell_of_message(&mut self, node: NodeId, what: impl FnOnce() -> What) {
        if self.options.sinks.is_empty() {
            return;
        }
        let event = Event {
            time: self.now,
            node: Some(node),
            what: what(),
        };
        for sink in &mut self.options.sinks {
            sink(&event);
        }
    }

    fn tell_sent(&mut self, sending: &Sending) {
        let &Sending {
            from,
            to,
            kind,
            bytes,
            ..
        } = sending;
        for sink in &mut self.options.messages {
            sink(sending);
        }
        self.tell_of_message(from, || What::Sent { to, kind, bytes });
    }

    fn tell_delivered(&mut self, to: NodeId, from: PeerId, message: &Message<Ids>) {
        let kind = message.kind();
        self.recorder.delivered(kind);
        if !self.options.sinks.is_empty() {
            let bytes = self.bytes(message);
            let (from, _) = self.network.other_end(to, from);
            self.tell_of_message(to, || What::Delivered { from, kind, bytes });
        }
    }

    fn tell_dropped(
        &mut self,
        (from, peer): (NodeId, PeerId),
        kind: MessageKind,
        bytes: u32,
        why: DropReason,
    ) {
        self.recorder.dropped(kind, why);
        let (to, _) = self.network.other_end(from, peer);
        self.tell_of_message(from, || What::Dropped {
            to,
            kind,
            bytes,
            why,
        });
    }

    /// A block that was found: its hash covers when, on what and with which data.
    fn trace_block(&mut self, block: BlockId) {
        self.trace.add(self.now.0);
        let hash = self.tree.hash(block);
        for word in hash.as_bytes().chunks_exact(8) {
            let word = word
                .iter()
                .fold(0, |word, byte| word << 8 | u64::from(*byte));
            self.trace.add(word);
        }
    }

    pub(crate) fn block_ref(&self, id: BlockId) -> BlockRef {
        BlockRef {
            hash: self.tree.hash(id),
            height: self.tree.height(id),
        }
    }
}

/// The block that a message tells of, if it is one.
fn about(message: &Message<Ids>) -> Option<BlockId> {
    match message {
        Message::NewBlock(block) | Message::Announce(block) | Message::Block(block) => Some(*block),
        _ => None,
    }
}
