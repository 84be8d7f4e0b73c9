//! Whom the node is connected to, and what they are known to have.

use crate::hash::Hash;
use crate::limits;
use crate::node::Node;
use crate::tree::{BlockId, BlockTree};

/// A connection, as the node names it: a small number that the driver chooses.
///
/// The driver keeps the numbers dense, because they index a table. A number may be
/// used again after its peer disconnected.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PeerId(pub u32);

impl PeerId {
    fn index(self) -> usize {
        self.0 as usize
    }
}

/// One connected peer: what is asked for with every message. Small, because a node looks at
/// all of its peers for each block, and a simulation has thousands of nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    /// The best block that it showed us.
    pub best: BlockId,
    /// The last block that we announced to it.
    pub told: BlockId,
    /// Requests in a row that it left unanswered.
    pub stalls: u8,
    /// Blocks that are being fetched from it.
    pub fetching: u8,
    /// Whether it showed us blocks that are not ancestors of its best one.
    has_branches: bool,
}

/// What else is known of a peer. It is seldom asked for, so it is kept apart.
#[derive(Clone, Copy, Debug)]
struct Record {
    /// A few blocks that it showed us and that are not ancestors of its best one: a fork
    /// does not hide them.
    recent: [BlockId; limits::PEER_RECENT_MAX],
    /// Points held against it for breaking rules.
    penalty: u16,
}

impl Peer {
    fn new() -> Self {
        Peer {
            best: BlockId::GENESIS,
            told: BlockId::GENESIS,
            stalls: 0,
            fetching: 0,
            has_branches: false,
        }
    }
}

impl Record {
    fn new() -> Self {
        Record {
            recent: [BlockId::GENESIS; limits::PEER_RECENT_MAX],
            penalty: 0,
        }
    }

    fn remember(&mut self, block: BlockId) {
        if !self.recent.contains(&block) {
            self.recent.copy_within(..limits::PEER_RECENT_MAX - 1, 1);
            self.recent[0] = block;
        }
    }
}

/// The connected peers, by number.
#[derive(Debug, Default)]
pub(super) struct Peers {
    slots: Vec<Option<Peer>>,
    /// By number too, as far as there is anything in it.
    records: Vec<Record>,
    count: usize,
    /// Peers that showed us something whose ancestors we lack, oldest first, and what.
    /// One entry a peer at most.
    ahead: Vec<(PeerId, Hash)>,
}

impl Peers {
    /// Whether there was room for it.
    pub fn connect(&mut self, id: PeerId) -> bool {
        if id.index() >= limits::PEERS_MAX {
            return false;
        }
        if id.index() >= self.slots.len() {
            self.slots.resize(id.index() + 1, None);
        }
        if let Some(record) = self.records.get_mut(id.index()) {
            *record = Record::new();
        }
        if self.slots[id.index()].replace(Peer::new()).is_none() {
            self.count += 1;
        }
        true
    }

    pub fn disconnect(&mut self, id: PeerId) {
        if let Some(slot) = self.slots.get_mut(id.index())
            && slot.take().is_some()
        {
            self.count -= 1;
        }
        self.ahead.retain(|(peer, _)| *peer != id);
    }

    pub fn get(&self, id: PeerId) -> Option<&Peer> {
        self.slots.get(id.index())?.as_ref()
    }

    pub fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.slots.get_mut(id.index())?.as_mut()
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// The connected peers, in the order of the table from the `start`-th slot on.
    pub fn iter_from(&self, start: usize) -> impl Iterator<Item = (PeerId, &Peer)> {
        let start = start.min(self.slots.len());
        let (before, after) = self.slots.split_at(start);
        let slots = numbered(start, after).chain(numbered(0, before));
        slots.filter_map(|(index, peer)| Some((PeerId(index), peer.as_ref()?)))
    }

    /// Notes of all peers, in that order, that they were told of the block, but of those that
    /// have it or were told already; and names the ones that are to be told now.
    pub fn tell_from<P>(
        &mut self,
        start: usize,
        tree: &BlockTree<P>,
        block: BlockId,
    ) -> impl Iterator<Item = PeerId> {
        let start = start.min(self.slots.len());
        let (before, after) = self.slots.split_at_mut(start);
        // PEERS_MAX bounds the table.
        let first = u32::try_from(start).unwrap_or(u32::MAX);
        let slots = (first..).zip(after).chain((0..).zip(before));
        let records = &self.records;
        slots.filter_map(move |(index, slot)| {
            let (id, peer) = (PeerId(index), slot.as_mut()?);
            if peer.told == block || has(tree, records, (id, peer), block) {
                return None;
            }
            peer.told = block;
            Some(id)
        })
    }

    /// Whether the peer is known to have the block.
    pub fn has<P>(&self, tree: &BlockTree<P>, peer: (PeerId, &Peer), block: BlockId) -> bool {
        has(tree, &self.records, peer, block)
    }

    /// Holds points against a peer: all that it has by now, if it is connected.
    pub fn charge(&mut self, id: PeerId, points: u16) -> Option<u16> {
        self.get(id)?;
        let penalty = &mut self.record(id).penalty;
        *penalty = penalty.saturating_add(points);
        Some(*penalty)
    }

    /// Reads a little of every line of memory that the table has.
    pub fn touch(&self) -> u64 {
        // A line has 64 bytes.
        let step = 64 / size_of::<Option<Peer>>();
        let told = |slot: &Option<Peer>| slot.map_or(0, |peer| peer.told.index() as u64);
        self.slots.iter().step_by(step.max(1)).map(told).sum()
    }

    /// As many slots as were ever in use: the range to draw `start` from.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The peer showed us this block.
    #[inline]
    pub fn note_has<P>(&mut self, tree: &BlockTree<P>, id: PeerId, block: BlockId) {
        let Some(peer) = self.get_mut(id) else { return };
        if peer.best == block {
            return;
        }
        if tree.parent(block) == peer.best {
            // The usual case, and always better.
            peer.best = block;
        } else if tree.is_better(block, peer.best) {
            let before = std::mem::replace(&mut peer.best, block);
            if !tree.is_ancestor(before, block) {
                self.remember(id, before);
            }
        } else if !tree.is_ancestor(block, peer.best) {
            self.remember(id, block);
        }
    }

    /// The peer has a block that is not an ancestor of its best one.
    fn remember(&mut self, id: PeerId, block: BlockId) {
        if let Some(peer) = self.get_mut(id) {
            peer.has_branches = true;
            self.record(id).remember(block);
        }
    }

    /// The peer says that it does not have this block, so nothing built on it either.
    pub fn note_lacks<P>(&mut self, tree: &BlockTree<P>, id: PeerId, block: BlockId) {
        let Some(Some(peer)) = self.slots.get_mut(id.index()) else {
            return;
        };
        let record = self.records.get_mut(id.index());
        let recent = record.into_iter().flat_map(|record| &mut record.recent);
        for shown in recent.chain([&mut peer.best]) {
            if tree.is_ancestor(block, *shown) {
                *shown = BlockId::GENESIS;
            }
        }
    }

    fn record(&mut self, id: PeerId) -> &mut Record {
        if id.index() >= self.records.len() {
            self.records.resize(id.index() + 1, Record::new());
        }
        &mut self.records[id.index()]
    }

    /// The peer showed us `hash`, and we lack what it builds on.
    pub fn note_ahead(&mut self, id: PeerId, hash: Hash) {
        match self.ahead.iter_mut().find(|(peer, _)| *peer == id) {
            Some(entry) => entry.1 = hash,
            None => self.ahead.push((id, hash)),
        }
    }

    /// Takes the peer to ask for what we lack: the one with the fewest stalls, and of
    /// those the one that has waited longest.
    pub fn take_ahead(&mut self) -> Option<(PeerId, Hash)> {
        let stalls = |(id, _): &(PeerId, Hash)| self.get(*id).map_or(u8::MAX, |peer| peer.stalls);
        let (next, _) = (self.ahead.iter().enumerate()).min_by_key(|(_, ahead)| stalls(ahead))?;
        Some(self.ahead.remove(next))
    }
}

impl Node {
    /// How many peers it is connected to.
    pub fn peer_count(&self) -> usize {
        self.peers.count()
    }

    /// Whether it is connected to this peer.
    pub fn has_peer(&self, peer: PeerId) -> bool {
        self.peers.get(peer).is_some()
    }
}

/// Slots and their numbers, of which the first is `from`.
fn numbered(from: usize, slots: &[Option<Peer>]) -> impl Iterator<Item = (u32, &Option<Peer>)> {
    // PEERS_MAX bounds the table.
    (u32::try_from(from).unwrap_or(u32::MAX)..).zip(slots)
}

/// Whether the peer is known to have the block.
fn has<P>(
    tree: &BlockTree<P>,
    records: &[Record],
    (id, peer): (PeerId, &Peer),
    block: BlockId,
) -> bool {
    let is_recent = |record: &Record| record.recent.contains(&block);
    if peer.best == block || peer.has_branches && records.get(id.index()).is_some_and(is_recent) {
        return true;
    }
    // Mostly it is asked of a new block, whose parent is the best that the peer has.
    peer.best != tree.parent(block) && tree.is_ancestor(block, peer.best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_peers_are_within_one_line_of_the_cache() {
        assert_eq!(size_of::<Option<Peer>>(), 12);
    }

    #[test]
    fn who_comes_under_a_number_that_was_used_begins_anew() {
        let mut peers = Peers::default();
        let (old, new) = (PeerId(1), PeerId(1));
        assert!(peers.connect(old));
        assert_eq!(peers.charge(old, 40), Some(40));
        assert_eq!(peers.charge(old, 40), Some(80));
        peers.disconnect(old);
        assert_eq!(peers.charge(old, 40), None);
        assert!(peers.connect(new));
        assert_eq!(peers.charge(new, 40), Some(40));
    }
}
