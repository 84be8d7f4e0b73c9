//! Inputs in, effects out: what a driver is in any world, here for all nodes at once.

use std::sync::Arc;

use forkful_core::event::{DropReason, What};
use forkful_core::{
    BlockId, BlockRef, Effect, Event, Input, Message, NodeId, PeerId, Time, message::Ids,
};

use crate::run::{Happening, Sim};

impl Sim<'_> {
    pub(crate) fn deliver(&mut self, to: NodeId, from: PeerId, message: Message<Ids>) {
        let (sender, _) = self.network.other_end(to, from);
        let kind = message.kind();
        let bytes = self.bytes(&message);
        let why = if !self.network.is_open(to, from) {
            Some(DropReason::Cut)
        } else if !self.nodes[to.0 as usize].is_up {
            Some(DropReason::Down)
        } else {
            None
        };
        if let Some(why) = why {
            let what = What::Dropped {
                to,
                kind,
                bytes,
                why,
            };
            return self.tell(Some(sender), what);
        }
        let what = What::Delivered {
            from: sender,
            kind,
            bytes,
        };
        self.tell(Some(to), what);
        self.input(to, Input::Received(from, message));
    }

    fn send(&mut self, from: NodeId, peer: PeerId, message: Message<Ids>) {
        let (to, back) = self.network.other_end(from, peer);
        let kind = message.kind();
        let bytes = self.bytes(&message);
        self.tell(Some(from), What::Sent { to, kind, bytes });
        let dropped = |why| What::Dropped {
            to,
            kind,
            bytes,
            why,
        };
        if !self.network.is_open(from, peer) {
            return self.tell(Some(from), dropped(DropReason::Cut));
        }
        let Some(arrives) = self.network.arrival(from, peer, self.now, bytes) else {
            return self.tell(Some(from), dropped(DropReason::Loss));
        };
        let deliver = |block| Happening::Deliver {
            to,
            from: back,
            kind,
            block,
        };
        let happening = match message {
            Message::NewBlock(block)
            | Message::Announce(block)
            | Message::RequestBlock(block)
            | Message::NotFound(block)
            | Message::Block(block) => deliver(block),
            large => Happening::DeliverParcel {
                to,
                from: back,
                number: self.keep_parcel(large),
            },
        };
        self.queue.push(arrives, happening);
    }

    fn keep_parcel(&mut self, message: Message<Ids>) -> u32 {
        if let Some(number) = self.free_parcels.pop() {
            self.parcels[number as usize] = Some(message);
            return number;
        }
        self.parcels.push(Some(message));
        u32::try_from(self.parcels.len() - 1).unwrap_or(u32::MAX)
    }

    fn bytes(&self, message: &Message<Ids>) -> u32 {
        u32::try_from(message.encoded_len(&self.tree)).unwrap_or(u32::MAX)
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
            self.queue.push(deadline, Happening::Deadline(id));
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
                self.input(id, Input::Mined(block));
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
        let mut effects = std::mem::take(&mut self.effects);
        let node = &mut self.nodes[id.0 as usize];
        let now = node.now(self.now);
        node.node.handle(now, input, &self.tree, &mut effects);
        self.trace.add(self.now.0);
        self.trace.add(u64::from(id.0));
        for effect in effects.drain(..) {
            self.perform(id, effect);
        }
        self.effects = effects;
    }

    fn perform(&mut self, id: NodeId, effect: Effect) {
        match effect {
            // What a node has stored is its view, and outlives a crash.
            // The one tree has every body, so nothing is ever rebuilt from its parts.
            Effect::Store(_) | Effect::StoreData(_) | Effect::Rebuilt(..) => {}
            Effect::Send(peer, message) => self.send(id, peer, message),
            Effect::Mine { on } => {
                self.nodes[id.0 as usize].mining_on = on;
                if self.lottery.note_target(self.tree.child_target(on)) {
                    self.draw_again();
                }
            }
            Effect::Accepted { block, from } => self.tell_accepted(id, block, from),
            Effect::TipChanged(change) => {
                self.move_tip(change.old, change.new);
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
                self.trace.add(u64::from(id.0));
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
        for sink in &mut self.options.sinks {
            sink(&event);
        }
    }

    pub(crate) fn block_ref(&self, id: BlockId) -> BlockRef {
        BlockRef {
            hash: self.tree.hash(id),
            height: self.tree.height(id),
        }
    }
}
