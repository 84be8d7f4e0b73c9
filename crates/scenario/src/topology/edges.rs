//! Links as listed, in a scenario or in a file of their own.

use std::time::Duration;

use forkful_core::NodeId;

/// Links as listed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EdgeList {
    /// The lower node of each first, in order, none twice.
    pairs: Vec<(NodeId, NodeId)>,
    /// The latency of those that have their own, by place in `pairs`.
    latencies: Vec<(u32, Duration)>,
}

/// What is wrong with a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum EdgeFault {
    /// A line that is no link.
    Form { line: u32, text: String },
    /// A node that there is not.
    NoSuchNode { line: u32, node: i64 },
    /// A link of a node with itself.
    ItSelf { line: u32, node: u32 },
    /// A link that is on two lines, or in two places of a list.
    Twice { line: u32, a: NodeId, b: NodeId },
    /// More links than there may be in any world.
    TooMany { line: u32, most: usize },
}

/// The most links of a list, those of the largest world.
const EDGES_MAX: usize = 20_000_000;
/// The greatest latency of a link: a day, in milliseconds.
const LATENCY_MS_MAX: u64 = 86_400_000;

impl EdgeList {
    /// A list of links with the lower node first, each with its line and maybe its latency.
    pub(crate) fn new(
        mut links: Vec<(NodeId, NodeId, u32, Option<Duration>)>,
    ) -> Result<EdgeList, EdgeFault> {
        links.sort_unstable();
        let same = |two: &&[(NodeId, NodeId, u32, _)]| (two[0].0, two[0].1) == (two[1].0, two[1].1);
        if let Some(twice) = links.windows(2).find(same) {
            let (a, b, line, _) = twice[1];
            return Err(EdgeFault::Twice { line, a, b });
        }
        let latencies = (0..).zip(&links);
        let latencies = latencies.filter_map(|(place, link)| link.3.map(|own| (place, own)));
        Ok(EdgeList {
            latencies: latencies.collect(),
            pairs: links.into_iter().map(|(a, b, ..)| (a, b)).collect(),
        })
    }

    /// The links, the lower node of each first, in order.
    pub fn pairs(&self) -> &[(NodeId, NodeId)] {
        &self.pairs
    }

    /// Those with a latency of their own, in order.
    pub(super) fn latencies(&self) -> impl Iterator<Item = ((NodeId, NodeId), Duration)> + '_ {
        let own = self.latencies.iter();
        own.map(|(place, latency)| (self.pairs[*place as usize], *latency))
    }

    /// The latency that it gives the link of two nodes, the lower first.
    pub(super) fn latency(&self, ends: (NodeId, NodeId)) -> Option<Duration> {
        let place = self.pairs.binary_search(&ends).ok()?;
        let place = u32::try_from(place).ok()?;
        let own = self
            .latencies
            .binary_search_by_key(&place, |(place, _)| *place);
        Some(self.latencies[own.ok()?].1)
    }

    /// The most links of one node.
    pub(super) fn widest(&self) -> u64 {
        let ends = self.pairs.iter().flat_map(|(a, b)| [*a, *b]);
        most_often(ends.collect())
    }
}

/// How often the node is there that is most often.
pub(crate) fn most_often(mut nodes: Vec<NodeId>) -> u64 {
    nodes.sort_unstable();
    let most = nodes.chunk_by(|a, b| a == b).map(<[NodeId]>::len).max();
    most.unwrap_or(0) as u64
}

/// Reads a file of links among `nodes` nodes: two nodes on a line, with a comma or blanks between,
/// and maybe a latency in milliseconds. Empty lines, and what follows `#`, say nothing.
pub(crate) fn parse_edges(text: &str, nodes: u32) -> Result<EdgeList, EdgeFault> {
    let mut links = Vec::new();
    for (line, whole) in (1..).zip(text.lines()) {
        let said = whole.split('#').next().unwrap_or_default().trim();
        if said.is_empty() {
            continue;
        }
        if links.len() >= EDGES_MAX {
            let most = EDGES_MAX;
            return Err(EdgeFault::TooMany { line, most });
        }
        let form = || EdgeFault::Form {
            line,
            text: crate::quantity::shortened(&said.escape_debug().to_string()),
        };
        let mut words = said
            .split([',', ';', ' ', '\t'])
            .filter(|word| !word.is_empty());
        let mut node = || -> Result<u32, EdgeFault> {
            let number: i64 = words
                .next()
                .and_then(|word| word.parse().ok())
                .ok_or_else(form)?;
            let known = u32::try_from(number).ok().filter(|node| *node < nodes);
            known.ok_or(EdgeFault::NoSuchNode { line, node: number })
        };
        let (a, b) = (node()?, node()?);
        let latency = words.next().map(|word| milliseconds(word).ok_or_else(form));
        let latency = latency.transpose()?;
        if words.next().is_some() {
            return Err(form());
        }
        if a == b {
            return Err(EdgeFault::ItSelf { line, node: a });
        }
        links.push((NodeId(a.min(b)), NodeId(a.max(b)), line, latency));
    }
    EdgeList::new(links)
}

/// A decimal number of milliseconds, of at most a day, to the microsecond.
fn milliseconds(text: &str) -> Option<Duration> {
    let number = crate::quantity::decimal(text)?;
    // NaN is in no range.
    if !(0.0..=LATENCY_MS_MAX as f64).contains(&number) {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let micros = libm::round(number * 1_000.0) as u64;
    Some(Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_links_is_read_line_by_line() {
        let text = "# my net\n0,1\n2 1  # back\n\n0;3;12.5\n";
        let list = parse_edges(text, 4).unwrap();
        let pair = |a, b| (NodeId(a), NodeId(b));
        assert_eq!(list.pairs(), [pair(0, 1), pair(0, 3), pair(1, 2)]);
        let own: Vec<_> = list.latencies().collect();
        assert_eq!(own, [(pair(0, 3), Duration::from_micros(12_500))]);
    }

    #[test]
    fn what_is_no_link_is_refused_with_its_line() {
        let fault = |text| parse_edges(text, 4).unwrap_err();
        let node = |line, node| EdgeFault::NoSuchNode { line, node };
        assert_eq!(fault("0 1\n1 4"), node(2, 4));
        assert_eq!(fault("-1 2"), node(1, -1));
        assert_eq!(fault("\n2 2"), EdgeFault::ItSelf { line: 2, node: 2 });
        let (a, b) = (NodeId(0), NodeId(1));
        assert_eq!(fault("0 1\n\n1 0"), EdgeFault::Twice { line: 3, a, b });
        for text in [
            "0",
            "0 x",
            "0 1 -5",
            "0 1 nan",
            "0 1 1e3",
            "0 1 86400001",
            "0 1 2 3",
        ] {
            assert!(
                matches!(fault(text), EdgeFault::Form { line: 1, .. }),
                "{text}"
            );
        }
    }
}
