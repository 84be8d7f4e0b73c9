//! Messages that are no news, and need no place in the queue.
//!
//! A block is announced to a node by nearly all of its peers, and all of these messages but
//! the first change nothing but the node's note of who else has the block. Queueing each
//! would be most of a simulation's work. So a message that is known to be no news is put
//! aside, and noted just before the node's next input, together with the others.
//!
//! That is exact. What a node does depends on its own inputs, in order, and on facts; and
//! that order is kept. A message may be put aside if handling it gives no effect, which
//! [`Node::is_no_news`](forkful_core::Node::is_no_news) tells, or if an earlier one for the
//! same block is in the queue. After each input of the node both are looked at again, and
//! what is news by then goes to its place in the queue, which was taken when it was sent.
//! `crates/sim/tests/shortcut.rs` plays runs with and without.

use forkful_core::{BlockId, MessageKind, NodeId, PeerId, Time};

use crate::queue::Place;
use crate::run::{Happening, Sim, SimNode, Tree};

/// What messages about blocks mean to one node. Looked at whenever somebody sends it one,
/// so it is kept together, and small.
#[derive(Debug, Default)]
#[repr(align(64))] // one line of the cache
pub(crate) struct Mailbox {
    /// An announcement of this block is no news, and whether the block itself is none.
    known: Option<(BlockId, bool)>,
    /// A block, and the place in the queue of the first message that tells of it.
    expected: Option<(BlockId, Place)>,
    /// Messages that were put aside.
    aside: Vec<Aside>,
}

impl Mailbox {
    /// Reads a little of what the next message will write to.
    pub fn touch(&self) -> u64 {
        self.aside.last().map_or(0, |message| message.place.time.0)
    }

    fn knows(&self, block: BlockId, is_whole: bool) -> bool {
        self.known
            .is_some_and(|(known, body)| known == block && (body || !is_whole))
    }

    fn expects(&self, block: BlockId, before: Place) -> bool {
        self.expected
            .is_some_and(|(expected, place)| expected == block && place < before)
    }
}

/// A message that was put aside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Aside {
    place: Place,
    from: PeerId,
    block: BlockId,
    /// The block was pushed, not announced.
    is_whole: bool,
}

impl Aside {
    fn kind(&self) -> MessageKind {
        match self.is_whole {
            true => MessageKind::NewBlock,
            false => MessageKind::Announce,
        }
    }
}

impl SimNode {
    fn knows(&self, tree: &Tree, block: BlockId) -> Option<(BlockId, bool)> {
        let body = self.node.view().is_connected(block);
        (self.node.is_no_news(tree, block)).then_some((block, body))
    }
}

impl Sim<'_> {
    /// A message that tells of a block is on its way: puts it aside or into the queue.
    pub(crate) fn send_news(
        &mut self,
        (to, from): (NodeId, PeerId),
        kind: MessageKind,
        block: BlockId,
        arrives: Time,
    ) {
        let place = self.queue.place(arrives);
        let aside = Aside {
            place,
            from,
            block,
            is_whole: kind == MessageKind::NewBlock,
        };
        let mailbox = &mut self.mailboxes[to.0 as usize];
        let expected = mailbox.expects(block, place);
        let no_news = expected || mailbox.knows(block, aside.is_whole);
        if no_news && self.puts_aside && self.network.is_whole() {
            return mailbox.aside.push(aside);
        }
        // Another block than the one expected so far: the later one is worth waiting for.
        if !expected {
            mailbox.expected = Some((block, place));
        }
        self.queue_news(to, aside);
    }

    fn queue_news(&mut self, to: NodeId, aside: Aside) {
        let happening = Happening::Deliver {
            to,
            from: aside.from,
            kind: aside.kind(),
            block: aside.block,
        };
        self.queue.put(aside.place, happening);
    }

    /// Hands a node what was put aside and has arrived by now.
    pub(crate) fn catch_up(&mut self, id: NodeId) {
        let index = id.0 as usize;
        let here = self.here;
        let aside = &mut self.mailboxes[index].aside;
        let Some(first) = aside.first().map(|message| message.block) else {
            return;
        };
        // Whom the messages are from matters, and their order only where one may tell of
        // two blocks.
        if aside.iter().any(|message| message.block != first) {
            aside.sort_unstable_by_key(|message| message.place);
        }
        let node = &mut self.nodes[index].node;
        aside.retain(|message| {
            let is_late = message.place > here;
            if !is_late {
                self.recorder.delivered(message.kind());
                node.note(&self.tree, message.from, message.block);
            }
            is_late
        });
    }

    /// A node has had an input, which was about this block if any: what is no news to it
    /// may have become news.
    pub(crate) fn reconsider(&mut self, id: NodeId, about: Option<BlockId>) {
        let index = id.0 as usize;
        let mailbox = &mut self.mailboxes[index];
        let node = &self.nodes[index];
        let about = about.or(mailbox.known.map(|(block, _)| block));
        mailbox.known = about.and_then(|block| node.knows(&self.tree, block));
        if mailbox
            .expected
            .is_some_and(|(_, place)| place <= self.here)
        {
            mailbox.expected = None;
        }
        if mailbox.aside.is_empty() {
            return;
        }
        let mut aside = std::mem::take(&mut mailbox.aside);
        let is_news = |message: &mut Aside| {
            let known = node.knows(&self.tree, message.block);
            !mailbox.expects(message.block, message.place)
                && !known.is_some_and(|(_, body)| body || !message.is_whole)
        };
        let news: Vec<Aside> = aside.extract_if(.., is_news).collect();
        mailbox.aside = aside;
        for message in news {
            self.queue_news(id, message);
        }
    }

    /// Whatever was put aside for a node goes to its place in the queue.
    pub(crate) fn put_back(&mut self, id: NodeId) {
        let mailbox = std::mem::take(&mut self.mailboxes[id.0 as usize]);
        for message in mailbox.aside {
            self.queue_news(id, message);
        }
    }

    /// The same for all nodes: what is cut or healed changes what arrives.
    pub(crate) fn put_all_back(&mut self) {
        for node in 0..self.scenario.network.nodes {
            self.catch_up(NodeId(node));
            self.put_back(NodeId(node));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_one_line_of_the_cache() {
        assert_eq!(size_of::<Mailbox>(), 64);
    }
}
