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
}

impl Stream {
    /// The seed of the stream in a run with `seed`.
    pub fn seed(self, seed: u64) -> u64 {
        let (purpose, a, b) = match self {
            Stream::Node(node) => (1, node.0, 0),
            Stream::Link(from, to) => (2, from.0, to.0),
            Stream::Data => (3, 0, 0),
            Stream::Lottery => (4, 0, 0),
        };
        let ids = u64::from(a) << 32 | u64::from(b);
        mix(mix(mix(seed) ^ purpose) ^ ids)
    }
}

/// The finalizer of SplitMix64 (Steele, Lea and Flood 2014), after one of its steps: a
/// bijection in which every bit of the input moves half of the output's.
fn mix(word: u64) -> u64 {
    let z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
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
