//! How long a message is under way, and whether it arrives: one arithmetic for every world
//! that models its links.
//!
//! ```text
//!   sent ──▶ waits for the link ──▶ waits for the sender's ──▶ latency ──▶ waits for the ──▶ transfer, ──▶ arrives
//!            and its bandwidth      uplink (bodies only)                   receiver's        processing
//!                                                                          downlink
//! ```
//!
//! What a link and a node remember is a few words: when they are free again. Chance is a
//! function of the seed, the two ends, the moment, and on links that are ordered or lossy the
//! number of the message: so one more node or link changes nobody else's luck. Elsewhere two
//! messages that go the same way at the same nanosecond take equally long.

mod latency;
mod model;
#[cfg(test)]
mod tests;

use forkful_core::{MessageKind, Time};

pub(crate) use model::Cost;
pub use model::LinkModel;

/// What one direction of a link remembers. Made by [`LinkModel::direction`].
#[derive(Clone, Copy, Debug)]
pub struct Direction {
    /// When the line is free again.
    pub free_at: Time,
    /// When the last message arrives.
    pub last_arrival: Time,
    /// Messages so far, where chance has to tell those of one moment apart.
    pub messages: u32,
    /// What kind of link it is, and in the highest bit whether it is cut.
    class_and_cut: u32,
}

/// Until when the lines of a node are taken, if they carry one body after the other.
#[derive(Clone, Copy, Debug, Default)]
pub struct NodeLines {
    /// When its uplink is free again.
    pub up_free_at: Time,
    /// Until when its downlink is taken.
    pub down: Taken,
}

/// The last stretch of time, or the one that is furthest ahead, in which a line is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Taken {
    /// When it begins.
    pub from: Time,
    /// When the line is free again.
    pub until: Time,
}

impl Taken {
    /// When a body that gets there at `arrival`, and takes the line for so many nanoseconds, has
    /// the line. What was sent before, but waits at its sender still and gets there later, is not waited
    /// for.
    #[inline]
    fn take(&mut self, arrival: u64, nanos: u64) -> u64 {
        if arrival < self.from.0 {
            return arrival;
        }
        let begin = arrival.max(self.until.0);
        if begin > self.until.0 {
            self.from = Time(begin);
        }
        self.until = Time(begin.saturating_add(nanos));
        begin
    }
}

/// What travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Parcel {
    /// Its length on the line in bytes.
    pub bytes: u64,
    /// Whether it carries the body of a block, or a good part of it. Only such a message
    /// takes time on the uplink and the downlink of a node.
    pub has_body: bool,
}

impl Parcel {
    /// A message of this kind and length, whose blocks weigh `extra` bytes besides: see
    /// [`BlockBytes`](crate::BlockBytes).
    pub fn new(kind: MessageKind, length: u64, extra: u64) -> Parcel {
        let has_body = match kind {
            MessageKind::NewBlock
            | MessageKind::Block
            | MessageKind::Chain
            | MessageKind::CompactBlock
            | MessageKind::Entries => true,
            MessageKind::Announce
            | MessageKind::RequestBlock
            | MessageKind::NotFound
            | MessageKind::RequestHeaders
            | MessageKind::Headers
            | MessageKind::RequestChain
            | MessageKind::NewData
            | MessageKind::RequestCompact
            | MessageKind::RequestEntries => false,
        };
        Parcel {
            bytes: length.saturating_add(extra),
            has_body,
        }
    }
}

/// Bodies that one node sends at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Uplink {
    /// Each goes at full speed, as if it were alone.
    Parallel,
    /// One after the other: the next starts when this one has left.
    #[default]
    Serial,
    /// One after the other: the next starts when this one has arrived.
    UntilArrival,
}

/// Bodies that arrive at one node at the same time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Downlink {
    /// Each comes at full speed, as if it were alone.
    #[default]
    Parallel,
    /// One after the other, in the order in which they get there.
    Serial,
}

const CUT: u32 = 1 << 31;

impl Direction {
    /// A free line of this class, which is below 2^31.
    fn new(class: u32) -> Self {
        Direction {
            free_at: Time::ZERO,
            last_arrival: Time::ZERO,
            messages: 0,
            class_and_cut: class,
        }
    }

    /// Whether the link was cut.
    #[inline]
    pub fn is_cut(&self) -> bool {
        self.class_and_cut & CUT != 0
    }

    /// Cuts it, or heals it.
    pub fn set_cut(&mut self, cut: bool) {
        self.class_and_cut = self.class_and_cut & !CUT | if cut { CUT } else { 0 };
    }

    #[inline]
    fn class(&self) -> usize {
        (self.class_and_cut & !CUT) as usize
    }
}
