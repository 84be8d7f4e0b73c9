//! What was asked for and has not come yet.

use crate::limits;
use crate::node::PeerId;
use crate::node::rebuild::Rebuild;
use crate::node::segment::Segment;
use crate::tree::{BlockId, BlockTree};
use crate::units::Time;

/// The requests in flight, and how far fetching has come.
#[derive(Debug)]
pub(super) struct Sync {
    /// In the order of their deadlines, because all wait equally long.
    pub bodies: Vec<BodyRequest>,
    /// Blocks of which single entries are asked for; each has its request in `bodies`.
    /// At most [`REBUILDS_MAX`](limits::REBUILDS_MAX).
    pub rebuilds: Vec<Rebuild>,
    pub chain: Option<ChainRequest>,
    /// Stretches of the way, in the order of their deadlines. The window bounds them.
    pub segments: Vec<Segment>,
    /// Where fetching leads to: a better block than ours whose header we have and whose
    /// body some peer is known to have, or else our best.
    pub goal: BlockId,
    /// On the way there, the lowest height that was not asked for yet.
    pub fetch_from: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct BodyRequest {
    pub block: BlockId,
    pub peer: PeerId,
    pub ask: Ask,
    pub deadline: Time,
}

/// What is asked for to have a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    /// The block.
    Whole,
    /// The names of its entries.
    Compact,
    /// Those of its entries that are not here.
    Entries,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct ChainRequest {
    pub peer: PeerId,
    pub deadline: Time,
    /// Peers that were silent before this one.
    pub tries: u8,
    /// The height that an answer has to lead beyond if we are to ask on: so that even
    /// an answer without end comes to an end.
    pub above: u64,
}

impl Default for Sync {
    fn default() -> Self {
        Sync {
            bodies: Vec::new(),
            rebuilds: Vec::new(),
            chain: None,
            segments: Vec::new(),
            goal: BlockId::GENESIS,
            fetch_from: 1,
        }
    }
}

impl Sync {
    /// The next moment at which a request has waited long enough.
    pub fn deadline(&self) -> Time {
        let body = self.bodies.first().map_or(Time::NEVER, |r| r.deadline);
        let chain = self.chain.map_or(Time::NEVER, |r| r.deadline);
        let segment = self.segments.first();
        let segment = segment.map_or(Time::NEVER, |segment| segment.deadline);
        body.min(chain).min(segment)
    }

    pub fn touch(&self) -> u64 {
        self.bodies.first().map_or(0, |request| request.deadline.0)
    }

    pub fn restore<P>(&mut self, tree: &BlockTree<P>, tip: BlockId) {
        self.goal = tip;
        self.fetch_from = tree.height(tip) + 1;
    }

    pub fn is_fetching(&self, block: BlockId) -> bool {
        self.bodies.iter().any(|request| request.block == block)
    }

    pub fn is_fetching_from(&self, peer: PeerId, block: BlockId) -> bool {
        let this = |request: &BodyRequest| request.block == block && request.peer == peer;
        self.bodies.iter().any(this)
    }

    /// Whether the peer was asked for just this and has not answered.
    pub fn is_asked(&self, peer: PeerId, block: BlockId, ask: Ask) -> bool {
        let this = |r: &BodyRequest| r.block == block && r.peer == peer && r.ask == ask;
        self.bodies.iter().any(this)
    }

    /// Whether one more block may be asked for by the names of its entries.
    pub fn has_room_to_rebuild(&self) -> bool {
        let in_parts = self.bodies.iter().filter(|r| r.ask != Ask::Whole);
        in_parts.count() < limits::REBUILDS_MAX
    }

    /// The peer answered, and the next question about the same block waits as long.
    pub fn go_on_waiting(&mut self, block: BlockId, ask: Ask, deadline: Time) {
        if let Some(at) = self.bodies.iter().position(|r| r.block == block) {
            let request = self.bodies.remove(at);
            self.bodies.push(BodyRequest {
                ask,
                deadline,
                ..request
            });
        }
    }

    /// What this peer was asked single entries for.
    pub fn take_rebuild(&mut self, peer: PeerId, block: BlockId) -> Option<Rebuild> {
        let this = |r: &Rebuild| r.block == block && r.peer == peer;
        let at = self.rebuilds.iter().position(this)?;
        Some(self.rebuilds.remove(at))
    }

    /// The request is over, and so is what was to be rebuilt.
    pub fn remove(&mut self, at: usize) -> BodyRequest {
        let request = self.bodies.remove(at);
        self.rebuilds.retain(|r| r.block != request.block);
        request
    }
}
