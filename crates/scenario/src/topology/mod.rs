//! Who is linked to whom.

mod edges;
mod grow;
mod random;

use std::sync::Arc;
use std::time::Duration;

use forkful_core::NodeId;

use crate::distribution::Distribution;
use crate::node_set::NodeSet;
use crate::stream::{Stream, draw, mix};

pub use edges::EdgeList;
pub(crate) use edges::{EdgeFault, most_often, parse_edges};
pub(crate) use random::Degrees;

/// The shape of a network. Links go both ways, no two nodes have more than one, and no node
/// has one with itself.
#[derive(Clone, PartialEq, Debug)]
pub enum Topology {
    /// Every node with every other.
    Full,
    /// Each node with the next, and the last with the first.
    Ring,
    /// Each node with the next.
    Line,
    /// Node 0 with every other.
    Star,
    /// Each node opens links to others, by chance.
    Random {
        /// How many each opens; it has twice as many on average.
        degree: Distribution,
        /// Nodes that are all linked with each other besides.
        interlinked: NodeSet,
    },
    /// Each node has at least so many links and at most so many, by chance.
    Bounded {
        /// The least number of links, counting those that others opened.
        min_links: Distribution,
        /// The greatest number, drawn with the same luck as the least.
        max_links: Distribution,
        /// Nodes that are all linked with each other first; these count.
        interlinked: NodeSet,
    },
    /// A ring in which each node is linked with its nearest neighbours, and each of these
    /// links is, with some probability, led to a node by chance instead.
    SmallWorld {
        /// Neighbours of each node, half of them on each side: even.
        neighbours: u32,
        /// The probability that a link is led elsewhere.
        rewire: f64,
    },
    /// Node by node, each new one linked to some that are there, by their number of links.
    ScaleFree {
        /// Links that each new node opens.
        degree: u32,
    },
    /// As listed.
    Edges(Arc<EdgeList>),
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
    /// About how many links it has among `nodes` nodes: exact where chance has no part. Takes
    /// no memory.
    pub fn link_count(&self, nodes: u32) -> u64 {
        let pairs = pairs(nodes);
        let opened = |each: f64| {
            // At most 16,384 links for each of a million nodes.
            #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            let opened = libm::ceil(each * f64::from(nodes)) as u64;
            opened
        };
        let nodes_u64 = u64::from(nodes);
        match self {
            Topology::Full => pairs,
            Topology::Ring if nodes > 2 => nodes_u64,
            Topology::Ring | Topology::Line | Topology::Star => nodes_u64.saturating_sub(1),
            Topology::Random {
                degree,
                interlinked,
            } => pairs.min(opened(degree.mean()) + pairs_of(interlinked)),
            Topology::Bounded {
                min_links,
                max_links,
                interlinked,
            } => {
                let each = (min_links.mean() + max_links.mean()) / 4.0;
                pairs.min(opened(each) + pairs_of(interlinked))
            }
            Topology::SmallWorld { neighbours, .. } => {
                pairs.min(nodes_u64 * u64::from(*neighbours) / 2)
            }
            Topology::ScaleFree { degree } => pairs.min(nodes_u64 * u64::from(*degree)),
            Topology::Edges(edges) => edges.pairs().len() as u64,
        }
    }

    /// The most links that one node has for certain: no node can have more than its limit
    /// of peers.
    pub(crate) fn widest(&self, nodes: u32) -> u64 {
        let others = u64::from(nodes.saturating_sub(1));
        match self {
            Topology::Full | Topology::Star => others,
            Topology::Random { interlinked, .. } | Topology::Bounded { interlinked, .. } => {
                interlinked.len().saturating_sub(1)
            }
            Topology::Edges(edges) => edges.widest(),
            _ => 0,
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
            Topology::Edges(edges) => Some(edges.pairs().binary_search(&(low, high)).is_ok()),
            _ => None,
        }
    }

    /// Whether chance has a part in it.
    pub(crate) fn is_by_chance(&self) -> bool {
        matches!(
            self,
            Topology::Random { .. }
                | Topology::Bounded { .. }
                | Topology::SmallWorld { .. }
                | Topology::ScaleFree { .. }
        )
    }

    /// Every link among `nodes` nodes, the lower node first, in order. The seed matters where
    /// chance has a part; the same seed gives the same links everywhere.
    pub fn links(&self, nodes: u32, seed: u64) -> Vec<(NodeId, NodeId)> {
        self.links_with(nodes, seed, &Degrees::default(), &[])
    }

    /// The same, with nodes whose degree is their own, and links that chance does not take away.
    pub(crate) fn links_with(
        &self,
        nodes: u32,
        seed: u64,
        degrees: &Degrees,
        named: &[(NodeId, NodeId)],
    ) -> Vec<(NodeId, NodeId)> {
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
            Topology::Edges(edges) => edges.pairs().to_vec(),
            by_chance => random::links(by_chance, nodes, seed, degrees, named),
        }
    }

    /// The links that a list gives a latency of their own, in order.
    pub(crate) fn latencies(&self) -> impl Iterator<Item = ((NodeId, NodeId), Duration)> + '_ {
        let list = match self {
            Topology::Edges(edges) => Some(edges),
            _ => None,
        };
        list.into_iter().flat_map(|edges| edges.latencies())
    }

    /// The latency that a list gives the link of two nodes, the lower first.
    pub(crate) fn latency(&self, ends: (NodeId, NodeId)) -> Option<Duration> {
        match self {
            Topology::Edges(edges) => edges.latency(ends),
            _ => None,
        }
    }
}

/// Pairs of `nodes` nodes.
fn pairs(nodes: u32) -> u64 {
    let nodes = u64::from(nodes);
    nodes * nodes.saturating_sub(1) / 2
}

fn pairs_of(nodes: &NodeSet) -> u64 {
    let count = nodes.len();
    count * count.saturating_sub(1) / 2
}

/// The chance of one node in choosing its peers: its own, so that a further node changes
/// little for the others.
struct Luck {
    key: u64,
    draws: u32,
}

impl Luck {
    fn of(seed: u64, node: u32) -> Self {
        Luck {
            key: mix(Stream::Topology.seed(seed) ^ u64::from(node)),
            draws: 0,
        }
    }

    fn bits(&mut self) -> u64 {
        let number = self.draws;
        self.draws = number.wrapping_add(1);
        draw(self.key, number)
    }

    /// A number below `end`, which is above zero. Its bias, below 2^-32, is not seen here.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "the product of 64 and 32 bits, shifted by 64"
    )]
    fn below(&mut self, end: u32) -> u32 {
        ((u128::from(self.bits()) * u128::from(end)) >> 64) as u32
    }
}

#[cfg(test)]
mod tests;
