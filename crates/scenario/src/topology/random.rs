//! The topologies in which chance has a part.

use forkful_core::NodeId;

use super::grow::Growing;
use super::{Luck, Topology};
use crate::distribution::Distribution;
use crate::node_set::NodeSet;
use crate::stream::unit;

/// The nodes whose number of links is their own. Of two that name a node, the later counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Degrees {
    given: Vec<Distribution>,
    /// For each node the place of its own in `given`, from 1; empty when nobody has any. A look at
    /// every set for every node would take hours for a file that names many.
    of_node: Vec<u32>,
}

impl Degrees {
    pub fn new(given: Vec<(NodeSet, Distribution)>, nodes: u32) -> Self {
        let mut degrees = Degrees::default();
        if !given.is_empty() {
            degrees.of_node = vec![0; nodes as usize];
        }
        for (place, (set, degree)) in (1..).zip(given) {
            for node in set.iter() {
                degrees.of_node[node.0 as usize] = place;
            }
            degrees.given.push(degree);
        }
        degrees
    }

    fn of(&self, node: u32) -> Option<&Distribution> {
        let place = *self.of_node.get(node as usize)?;
        self.given.get((place as usize).checked_sub(1)?)
    }
}

/// The links of a topology in which chance has a part. `named` links are there in any case, and
/// there is a path between any two nodes.
pub(super) fn links(
    topology: &Topology,
    nodes: u32,
    seed: u64,
    degrees: &Degrees,
    named: &[(NodeId, NodeId)],
) -> Vec<(NodeId, NodeId)> {
    let mut growing = Growing::new(nodes, topology.link_count(nodes));
    for (a, b) in named {
        growing.link(a.0, b.0);
    }
    match topology {
        Topology::Random {
            degree,
            interlinked,
        } => {
            growing.interlink(interlinked);
            for node in 0..nodes {
                let mut luck = Luck::of(seed, node);
                let own = degrees.of(node).unwrap_or(degree);
                let count = whole(own.draw(luck.bits()), nodes);
                growing.open(node, count, &mut luck, |_, _| true);
            }
        }
        Topology::Bounded {
            min_links,
            max_links,
            interlinked,
        } => {
            growing.interlink(interlinked);
            bounded(&mut growing, seed, degrees, min_links, max_links);
        }
        Topology::SmallWorld { neighbours, rewire } => {
            small_world(&mut growing, seed, *neighbours, *rewire);
        }
        Topology::ScaleFree { degree } => scale_free(&mut growing, seed, *degree),
        _ => {}
    }
    growing.connect(seed);
    growing.finish()
}

/// Each node opens links until it has its least number, to nodes that have not their greatest:
/// the nodes with bounds of their own first, as Gervais's simulator begins with the miners.
fn bounded(
    growing: &mut Growing,
    seed: u64,
    degrees: &Degrees,
    min_links: &Distribution,
    max_links: &Distribution,
) {
    let nodes = growing.nodes();
    let (mut least, mut most) = (Vec::new(), Vec::new());
    for node in 0..nodes {
        let bits = Luck::of(seed, node).bits();
        let (min, max) = match degrees.of(node) {
            Some(own) => own.range(),
            None => (min_links.draw(bits), max_links.draw(bits)),
        };
        least.push(whole(min, nodes));
        most.push(whole(max, nodes).max(whole(min, nodes)));
    }
    for with_own in [true, false] {
        for node in 0..nodes {
            if degrees.of(node).is_some() != with_own {
                continue;
            }
            let mut luck = Luck::of(seed, node);
            let _ = luck.bits(); // the one that drew its bounds
            let missing = least[node as usize].saturating_sub(growing.degree(node));
            growing.open(node, missing, &mut luck, |growing, other| {
                growing.degree(other) < most[other as usize]
            });
        }
    }
}

/// Watts and Strogatz, "Collective dynamics of 'small-world' networks", 1998.
fn small_world(growing: &mut Growing, seed: u64, neighbours: u32, rewire: f64) {
    let nodes = growing.nodes();
    for distance in 1..=neighbours / 2 {
        for node in 0..nodes {
            let next = (u64::from(node) + u64::from(distance)) % u64::from(nodes);
            let next = u32::try_from(next).unwrap_or(0);
            let mut luck = Luck::of(seed ^ u64::from(distance), node);
            if unit(luck.bits()) < rewire {
                growing.open(node, 1, &mut luck, |_, _| true);
            } else if next != node {
                growing.link(node, next);
            }
        }
    }
}

/// Barabási and Albert, "Emergence of scaling in random networks", 1999. The first nodes, as
/// many as a new one opens links and one more, are all linked with each other.
fn scale_free(growing: &mut Growing, seed: u64, degree: u32) {
    let nodes = growing.nodes();
    let first = degree.saturating_add(1).min(nodes);
    for a in 0..first {
        for b in 0..a {
            growing.link(a, b);
        }
    }
    for node in first..nodes {
        let mut luck = Luck::of(seed, node);
        let wanted = degree.min(node);
        let mut tries = 64 * u64::from(wanted) + 64;
        while growing.degree(node) < wanted && tries > 0 {
            tries -= 1;
            let other = growing.end_by_chance(&mut luck);
            if other != node {
                growing.link(node, other);
            }
        }
    }
}

/// A drawn number of links as a whole number: what is beyond the nodes there are is cut.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(links: f64, nodes: u32) -> u32 {
    (links as u32).clamp(1, nodes.saturating_sub(1).max(1))
}
