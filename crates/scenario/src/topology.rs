//! Who is linked to whom.

use std::collections::BTreeSet;

use forkful_core::NodeId;

/// The shape of a network. Links go both ways.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Topology {
    /// Every node with every other.
    Full,
    /// Each node with the next, and the last with the first.
    Ring,
    /// Each node with the next.
    Line,
    /// Node 0 with every other.
    Star,
    /// Each node with some others, by chance, but so that the network is connected.
    Random {
        /// Links that each node opens; it has twice as many on average.
        degree: u32,
    },
    /// As listed: the lower node of each pair first, in order, none twice.
    Edges(Vec<(NodeId, NodeId)>),
}

/// A topology with more links than a world can play.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{links} links, but {most} is the most")]
pub struct TooManyLinks {
    /// Links there would be.
    pub links: u64,
    /// Links there may be.
    pub most: u64,
}

impl Topology {
    /// At most how many links it has among `nodes` nodes. Exact but for
    /// [`Random`](Self::Random). Takes no memory.
    pub fn link_count(&self, nodes: u32) -> u64 {
        let nodes = u64::from(nodes);
        let pairs = nodes * nodes.saturating_sub(1) / 2;
        match self {
            Topology::Full => pairs,
            Topology::Ring if nodes > 2 => nodes,
            Topology::Ring | Topology::Line | Topology::Star => nodes.saturating_sub(1),
            Topology::Random { degree } => pairs.min(nodes * u64::from(*degree)),
            Topology::Edges(edges) => edges.len() as u64,
        }
    }

    /// Whether it links `a` and `b`, which differ; `None` where chance decides.
    pub fn has_link(&self, nodes: u32, a: NodeId, b: NodeId) -> Option<bool> {
        let (low, high) = (a.min(b), a.max(b));
        let next = high.0 - low.0 == 1;
        match self {
            Topology::Full => Some(true),
            Topology::Ring => Some(next || (low.0 == 0 && high.0 + 1 == nodes)),
            Topology::Line => Some(next),
            Topology::Star => Some(low.0 == 0),
            Topology::Random { .. } => None,
            Topology::Edges(edges) => Some(edges.binary_search(&(low, high)).is_ok()),
        }
    }

    /// Every link among `nodes` nodes, the lower node first, in order. The seed matters
    /// for [`Random`](Self::Random) only; the same seed gives the same links everywhere.
    pub fn links(&self, nodes: u32, seed: u64) -> Vec<(NodeId, NodeId)> {
        let id = NodeId;
        match self {
            Topology::Full => (0..nodes)
                .flat_map(|a| (a + 1..nodes).map(move |b| (id(a), id(b))))
                .collect(),
            Topology::Line => (1..nodes).map(|b| (id(b - 1), id(b))).collect(),
            Topology::Ring => {
                let mut links = Topology::Line.links(nodes, seed);
                if nodes > 2 {
                    links.push((id(0), id(nodes - 1)));
                    links.sort_unstable();
                }
                links
            }
            Topology::Star => (1..nodes).map(|b| (id(0), id(b))).collect(),
            Topology::Random { degree } => random_links(nodes, *degree, seed),
            Topology::Edges(edges) => edges.clone(),
        }
    }
}

/// Each node opens `degree` links to others chosen uniformly. The first link of every
/// node goes to one with a lower number, so there is a path to node 0 from everywhere.
fn random_links(nodes: u32, degree: u32, seed: u64) -> Vec<(NodeId, NodeId)> {
    let mut chance = SplitMix64(seed ^ 0x746f_706f_6c6f_6779); // "topology"
    let mut links = BTreeSet::new();
    let degree = degree.min(nodes.saturating_sub(1));
    for node in 0..nodes {
        let mut chosen = BTreeSet::new();
        if node > 0 {
            chosen.insert(chance.below(node));
        }
        while chosen.len() < degree as usize {
            // Skips the node itself: the others are numbered 0 to nodes - 2.
            let other = chance.below(nodes - 1);
            chosen.insert(if other >= node { other + 1 } else { other });
        }
        links.extend(chosen.iter().map(|&peer| {
            let (low, high) = (node.min(peer), node.max(peer));
            (NodeId(low), NodeId(high))
        }));
    }
    links.into_iter().collect()
}

/// Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators" (2014): small
/// and good enough to choose peers. Its numbers are part of what a seed means.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is above zero. Its bias, below 2^-32, is not seen here.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the product of 64 and 32 bits, shifted by 64"
    )]
    fn below(&mut self, end: u32) -> u32 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn degrees(links: &[(NodeId, NodeId)], nodes: u32) -> Vec<u32> {
        let mut degrees = vec![0; nodes as usize];
        for (a, b) in links {
            assert!(a < b, "the lower first");
            degrees[a.0 as usize] += 1;
            degrees[b.0 as usize] += 1;
        }
        assert!(links.is_sorted_by(|a, b| a < b), "in order, none twice");
        degrees
    }

    #[test]
    fn each_shape_has_the_links_it_is_named_for() {
        for (topology, degree_of_each) in [
            (Topology::Full, vec![4, 4, 4, 4, 4]),
            (Topology::Ring, vec![2, 2, 2, 2, 2]),
            (Topology::Line, vec![1, 2, 2, 2, 1]),
            (Topology::Star, vec![4, 1, 1, 1, 1]),
        ] {
            let links = topology.links(5, 1);
            assert_eq!(degrees(&links, 5), degree_of_each);
            assert_eq!(links.len() as u64, topology.link_count(5));
            assert!(
                links
                    .iter()
                    .all(|&(a, b)| topology.has_link(5, b, a) == Some(true))
            );
        }
    }

    #[test]
    fn one_node_is_a_network_and_two_have_one_link() {
        for topology in [
            Topology::Full,
            Topology::Ring,
            Topology::Line,
            Topology::Star,
            Topology::Random { degree: 4 },
        ] {
            assert_eq!(topology.links(1, 1), []);
            assert_eq!(topology.links(2, 1), [(NodeId(0), NodeId(1))]);
            assert_eq!(topology.link_count(2), 1);
        }
    }

    #[test]
    fn chance_depends_on_the_seed_only_and_reaches_everybody() {
        let topology = Topology::Random { degree: 3 };
        let links = topology.links(100, 7);
        assert_eq!(links, topology.links(100, 7));
        assert_ne!(links, topology.links(100, 8));
        assert!(degrees(&links, 100).iter().all(|degree| *degree >= 3));
        // Every node but 0 has a link to a lower one, so all are connected.
        let reached: BTreeSet<_> = links.iter().map(|(_, high)| high.0).collect();
        assert_eq!(reached.len(), 99);
    }
}
