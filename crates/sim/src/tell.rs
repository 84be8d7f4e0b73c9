//! What happens is told: to the recorder, to whoever listens, and to the fingerprint.

use forkful_core::event::{DropReason, What};
use forkful_core::node::PoolError;
use forkful_core::{
    BlockId, BlockRef, Event, Hash, Message, MessageKind, NodeId, PeerId, Time, message::Ids,
};

use crate::run::{Sending, Sim};

impl Sim<'_> {
    pub(crate) fn tell_accepted(&mut self, id: NodeId, block: BlockId, from: Option<PeerId>) {
        let named = self.block_ref(block);
        let what = match from {
            Some(peer) => What::Received {
                block: named,
                from: self.network.other_end(id, peer).0,
            },
            None => What::Mined {
                block: named,
                parent: self.tree.header(block).previous_hash,
                entries: u32::try_from(self.tree.entries(block)).unwrap_or(u32::MAX),
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

    pub(crate) fn tell_sent(&mut self, sending: &Sending) {
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

    pub(crate) fn tell_delivered(&mut self, to: NodeId, from: PeerId, message: &Message<Ids>) {
        let kind = message.kind();
        self.recorder.delivered(kind);
        if !self.options.sinks.is_empty() {
            let bytes = self.bytes(message, to);
            let (from, _) = self.network.other_end(to, from);
            self.tell_of_message(to, || What::Delivered { from, kind, bytes });
        }
    }

    pub(crate) fn tell_dropped(
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
    pub(crate) fn trace_block(&mut self, block: BlockId) {
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

    pub(crate) fn tell_data(
        &mut self,
        id: NodeId,
        entry: Hash,
        bytes: usize,
        taken: Result<(), PoolError>,
    ) {
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

    #[inline]
    pub(crate) fn trace_sent(
        &mut self,
        from: NodeId,
        to: NodeId,
        kind: MessageKind,
        arrives: Option<Time>,
    ) {
        let arrives = arrives.unwrap_or(Time::NEVER).0;
        let ends = u64::from(from.0) << 32 | u64::from(to.0);
        let moments = self.now.0 ^ arrives.rotate_left(32);
        self.trace.add_pair(moments, ends ^ (kind as u64) << 56);
    }

    pub(crate) fn trace_tip(&mut self, id: NodeId, tip: BlockId) {
        self.trace.add(self.now.0 ^ u64::from(id.0) << 40);
        self.trace.add(tip.index() as u64);
    }
}
