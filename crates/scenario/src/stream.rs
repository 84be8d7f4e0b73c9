//! Streams of chance: each purpose has its own, so that one more node or link does not
//! reshuffle the luck of the others.

use forkful_core::NodeId;

/// What chance is needed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stream {
    /// What a node chooses by chance.
    Node(NodeId),
    /// The jitter and loss of a link, in the direction from one node to another.
    Link(NodeId, NodeId),
    /// Which nodes data is given to.
    Data,
    /// Who finds the next block, and when, in virtual time.
    Lottery,
    /// In which region a node is.
    Region(NodeId),
    /// How fast a node sends.
    Upload(NodeId),
    /// How fast a node receives.
    Download(NodeId),
    /// A node's part of the hash rate.
    HashShare(NodeId),
    /// When a node leaves and comes back.
    Churn(NodeId),
    /// What blocks weigh.
    BlockBytes,
    /// The latency of a link that keeps it, in both directions: the lower node first.
    LinkLatency(NodeId, NodeId),
    /// Who is linked to whom.
    Topology,
    /// Whether a node is one of those that a `[[nodes]]` table is about: the table, the node.
    Chosen(u32, NodeId),
}

impl Stream {
    /// The seed of the stream in a run with `seed`.
    pub fn seed(self, seed: u64) -> u64 {
        let (purpose, a, b) = self.parts();
        pair(mix(mix(seed) ^ purpose), a, b)
    }

    /// The purpose, and whom it concerns.
    fn parts(self) -> (u64, u32, u32) {
        match self {
            Stream::Node(node) => (1, node.0, 0),
            Stream::Link(from, to) => (2, from.0, to.0),
            Stream::Data => (3, 0, 0),
            Stream::Lottery => (4, 0, 0),
            Stream::Region(node) => (5, node.0, 0),
            Stream::Upload(node) => (6, node.0, 0),
            Stream::Download(node) => (7, node.0, 0),
            Stream::HashShare(node) => (8, node.0, 0),
            Stream::Churn(node) => (9, node.0, 0),
            Stream::BlockBytes => (10, 0, 0),
            Stream::LinkLatency(low, high) => (11, low.0, high.0),
            Stream::Topology => (12, 0, 0),
            Stream::Chosen(table, node) => (13, table, node.0),
        }
    }

    /// What the seeds of all streams of this purpose have in common: with [`pair`] one step
    /// makes the seed of one.
    pub(crate) fn base(self, seed: u64) -> u64 {
        mix(mix(seed) ^ self.parts().0)
    }
}

/// The seed of the stream of a purpose that concerns these two.
#[inline]
pub(crate) fn pair(base: u64, a: u32, b: u32) -> u64 {
    mix(base ^ (u64::from(a) << 32 | u64::from(b)))
}

/// Number `k`, from 0, of the stream with this seed: a function and no state, so that a
/// hundred thousand streams cost nothing. The numbers are those of SplitMix64.
#[inline]
pub(crate) fn draw(seed: u64, k: u32) -> u64 {
    mix(seed.wrapping_add(u64::from(k).wrapping_mul(GOLDEN)))
}

/// A number from 0 up to but not including 1, exact in a float.
pub(crate) fn unit(bits: u64) -> f64 {
    // The 53 high bits: as many as a float holds exactly.
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014), after one of its steps: a
/// bijection in which every bit of the input moves half of the output's.
#[inline]
pub(crate) fn mix(word: u64) -> u64 {
    let z = word.wrapping_add(GOLDEN);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_streams_of_neighbouring_runs_are_the_same() {
        let mut seeds = BTreeSet::new();
        for run in 0..10 {
            seeds.insert(Stream::Data.seed(run));
            seeds.insert(Stream::Lottery.seed(run));
            for a in 0..20 {
                seeds.insert(Stream::Node(NodeId(a)).seed(run));
                seeds.extend((0..20).map(|b| Stream::Link(NodeId(a), NodeId(b)).seed(run)));
            }
        }
        assert_eq!(seeds.len(), 10 * (2 + 20 + 20 * 20));
    }
}
