//! Bodies of a long way, in stretches.
//!
//! Who is far behind does not ask for thousands of blocks one by one: each answer would be a
//! message, an input and a durable commit of its own. Where the headers are known and many
//! bodies in a row are missing, the node asks a peer that has them for the *chain after* a block
//! of the way, and the answer is a whole batch. Several stretches are under way at one time, of
//! as many peers as there are. A stretch that does not come, or comes in part, goes on from where
//! it ended, with somebody else; what cannot be had so is asked for block by block.

use crate::limits;
use crate::message::Message;
use crate::node::peers::Peer;
use crate::node::{Effect, Node, PeerId, Relay, Step};
use crate::tree::{BlockId, BlockTree};
use crate::units::Time;

/// A stretch of the way that a peer was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub peer: PeerId,
    pub deadline: Time,
    /// The height of its first block.
    first: u64,
    /// Its last block.
    last: BlockId,
}

impl Segment {
    fn covers<P>(&self, tree: &BlockTree<P>, block: BlockId) -> bool {
        tree.height(block) >= self.first && tree.is_ancestor(block, self.last)
    }

    /// Blocks that it counts in the window.
    fn len<P>(&self, tree: &BlockTree<P>) -> usize {
        let len = tree.height(self.last) + 1 - self.first;
        usize::try_from(len).unwrap_or(usize::MAX)
    }
}

/// What came of asking for a stretch.
pub(super) enum Stretch {
    /// A peer was asked; the way goes on at this height.
    Asked {
        /// The height behind the stretch.
        next: u64,
    },
    /// There is no room, or all who have it are busy: it is asked for when an answer came.
    Wait,
    /// Too short, or nobody who answers has it: the block is to be asked for alone.
    Single,
}

impl Node {
    /// Whether the body was asked for, alone or in a stretch, and has not come.
    pub fn is_asked_for<P>(&self, tree: &BlockTree<P>, block: BlockId) -> bool {
        let segments = &self.sync.segments;
        self.sync.is_fetching(block) || segments.iter().any(|segment| segment.covers(tree, block))
    }

    /// How many bodies more may be asked for: at most the window's are on their way or wait for
    /// their parent's, and none is asked for while those that wait take too much memory.
    pub(super) fn room_in_window<P>(&self, tree: &BlockTree<P>) -> usize {
        if !self.has_room_to_wait() {
            return 0;
        }
        let segments = self.sync.segments.iter();
        let in_segments: usize = segments.map(|segment| segment.len(tree)).sum();
        let taken = self.sync.bodies.len() + self.waiting.len() + in_segments;
        limits::FETCH_WINDOW.saturating_sub(taken)
    }

    /// Whether one more body may wait for one before it.
    pub(super) fn has_room_to_wait(&self) -> bool {
        self.waiting.len() < limits::FETCH_WINDOW
            && self.waiting_bytes() < limits::WAITING_BYTES_MAX
    }

    /// Whether there will be room for one more body, if those that were asked for singly are as long
    /// as those that wait: what has no room when it comes was asked for in vain.
    pub(super) fn will_have_room_to_wait(&self) -> bool {
        let bytes = self.waiting_bytes();
        let usual = bytes / self.waiting.len().max(1);
        bytes + usual * self.sync.bodies.len() < limits::WAITING_BYTES_MAX
    }

    fn waiting_bytes(&self) -> usize {
        self.waiting.iter().map(|(_, bytes)| bytes).sum()
    }

    /// Asks for the stretch of the way to the goal that begins at this height, if it is long
    /// enough and somebody who answers has it.
    pub(super) fn request_segment<P>(&mut self, step: &mut Step<'_, P>, first: u64) -> Stretch {
        let tree = step.tree;
        let Some((from, last)) = self.missing_stretch(tree, first) else {
            return Stretch::Single;
        };
        let count = tree.height(last) + 1 - first;
        // What all others wait for is asked for in any case: it connects, and takes no room.
        let is_next = self.view.is_connected(from);
        if !is_next && (self.room_in_window(tree) as u64) < count {
            return Stretch::Wait;
        }
        let Some((peer, asked)) = self.choose_for_segment(tree, last) else {
            return Stretch::Single;
        };
        if asked >= limits::SEGMENTS_PER_PEER_MAX {
            return Stretch::Wait;
        }
        self.sync.segments.push(Segment {
            peer,
            deadline: step.now.time + self.config.request_timeout,
            first,
            last,
        });
        let message = Message::RequestChain(vec![from]);
        step.effects.push(Effect::Send(peer, message));
        Stretch::Asked {
            next: first + count,
        }
    }

    /// The block before this height of the way, and the last of those after it that are missing
    /// without a gap, at most as many as one answer holds. `None` if they are too few.
    fn missing_stretch<P>(&self, tree: &BlockTree<P>, first: u64) -> Option<(BlockId, BlockId)> {
        let goal = self.sync.goal;
        let is_missing =
            |block: &&BlockId| !self.view.has_body(**block) && !self.is_asked_for(tree, **block);
        // Who floods asks for chains anyway.
        let left = (tree.height(goal) + 1).saturating_sub(first);
        // When there is no room for bodies out of their order, they come in order, in stretches.
        let least = match self.has_room_to_wait() {
            true => limits::SEGMENT_BLOCKS_MIN,
            false => 2,
        };
        if self.config.relay == Relay::Flood || left < least {
            return None;
        }
        let from = tree.ancestor(goal, first.checked_sub(1)?)?;
        is_missing(&&tree.ancestor(goal, first)?).then_some(())?;
        let count = left.min(limits::CHAIN_BLOCKS_MAX as u64);
        let stretch = tree.path(from, tree.ancestor(goal, first + count - 1)?);
        let missing = stretch.iter().take_while(is_missing);
        let missing = missing.count();
        let is_long = missing as u64 >= least;
        is_long.then(|| (from, stretch[missing - 1]))
    }

    /// Of the peers that have the block and answer, one of those that are asked for least, and
    /// for how many stretches it is asked.
    fn choose_for_segment<P>(
        &mut self,
        tree: &BlockTree<P>,
        last: BlockId,
    ) -> Option<(PeerId, usize)> {
        let start = self.draw(self.peers.slots());
        let segments = &self.sync.segments;
        let asked = |id: PeerId| segments.iter().filter(|s| s.peer == id).count();
        let able = |(id, peer): &(PeerId, &Peer)| {
            peer.stalls == 0 && self.peers.has(tree, (*id, peer), last)
        };
        let able = self.peers.iter_from(start).filter(able);
        let able = able.map(|(id, _)| (id, asked(id)));
        able.min_by_key(|(_, asked)| *asked)
    }

    /// A peer sent blocks in a row, and perhaps answered with them for a stretch. Whether there
    /// was one.
    pub(super) fn on_segment<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        blocks: &[BlockId],
    ) -> bool {
        let tree = step.tree;
        let of_peer = |segment: &Segment| segment.peer == peer;
        let answered = |segment: &Segment| {
            let first = blocks.first();
            let is_first = first.is_some_and(|block| tree.height(*block) == segment.first);
            of_peer(segment) && is_first
        };
        let segments = &self.sync.segments;
        let at = segments.iter().position(answered);
        let Some(at) = at.or_else(|| segments.iter().position(of_peer)) else {
            return false;
        };
        let segment = self.sync.segments.remove(at);
        if let Some(peer) = self.peers.get_mut(peer) {
            peer.stalls = 0;
        }
        // What of it does not come now is asked for again, wherever it is missing: an answer may end
        // early, and a peer may leave something out.
        self.go_on_from(segment.first);
        if !blocks.iter().any(|block| segment.covers(tree, *block)) {
            // Its chain is another one by now.
            self.peers.note_lacks(tree, peer, segment.last);
            self.aim(step);
        }
        true
    }

    /// Gives up the stretches that were not answered in time; whoever was silent is asked last.
    pub(super) fn check_segments<P>(&mut self, step: &mut Step<'_, P>) {
        while let Some(segment) = self.sync.segments.first().copied()
            && segment.deadline <= step.now.time
        {
            self.stalled(segment.peer);
            self.segments_lost(segment.peer);
        }
    }

    /// What this peer was asked for, others have to give.
    pub(super) fn segments_lost(&mut self, peer: PeerId) {
        let mut lowest = u64::MAX;
        self.sync.segments.retain(|segment| {
            let is_lost = segment.peer == peer;
            if is_lost {
                lowest = lowest.min(segment.first);
            }
            !is_lost
        });
        self.go_on_from(lowest);
    }

    pub(super) fn go_on_from(&mut self, height: u64) {
        self.sync.fetch_from = self.sync.fetch_from.min(height);
    }
}
