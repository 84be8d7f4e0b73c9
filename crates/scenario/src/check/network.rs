//! Nodes and links: the shape of the network.

use std::collections::BTreeMap;
use std::time::Duration;

use forkful_core::NodeId;

use super::{Checked, not_taken, span, whole};
use crate::block_bytes::BlockBytes;
use crate::distribution::Distribution;
use crate::document::{
    Document, LinkTable, NetworkTable, TopologyKind, TopologyTable, TopologyValue, TopologyWord,
};
use crate::error::Problem;
use crate::node_set::NodeSet;
use crate::scenario::{Jitter, JitterKind, Link, Network, Processing, SpecialLink};
use crate::topology::{EdgeFault, EdgeList, Topology};
use crate::traffic::{Downlink, Uplink};

/// The most nodes in any world.
const NODES_MAX: i64 = 1_000_000;
/// A day: longer than any message is under way.
const LATENCY_MAX: Duration = Duration::from_secs(86_400);

pub(super) fn network(document: &Document) -> Checked<Network> {
    let table: &NetworkTable = &document.network;
    let nodes: u32 = whole("network.nodes", table.nodes, 8, 1..=NODES_MAX)?;
    let topology = match &table.topology {
        None => Topology::Full,
        Some(TopologyValue::Word(word)) => match word {
            TopologyWord::Full => Topology::Full,
            TopologyWord::Ring => Topology::Ring,
            TopologyWord::Line => Topology::Line,
            TopologyWord::Star => Topology::Star,
        },
        Some(TopologyValue::Table(table)) => topology_of(table, nodes)?,
    };
    let plain = Link {
        latency: Duration::from_millis(40),
        jitter: Jitter::NONE,
        bandwidth_bits: None,
        loss: 0.0,
        ordered: true,
    };
    let base = link("network.link", &table.link, plain)?;
    let mut links = BTreeMap::new();
    for (position, table) in document.links.iter().enumerate() {
        let path = format!("links[{position}]");
        let between = format!("{path}.between");
        let ends = linked_pair(&between, &table.between, nodes, &topology)?;
        let given = LinkTable {
            latency: table.latency,
            jitter: table.jitter,
            bandwidth: table.bandwidth,
            loss: table.loss,
        };
        let special = SpecialLink {
            link: link(&path, &given, base)?,
            has_latency: table.latency.is_some(),
        };
        if links.insert(ends, special).is_some() {
            return Err(Problem::LinkTwice(ends.0, ends.1).at(between));
        }
    }
    Ok(Network {
        nodes,
        topology,
        inbox: whole("network.inbox", table.inbox, 256, 1..=65_536)?,
        link: base,
        links,
        regions: None,
        uplink: Uplink::default(),
        downlink: Downlink::default(),
        processing: Processing::default(),
        block_bytes: BlockBytes::new(document.seed.unwrap_or(1), None, 0),
    })
}

fn topology_of(table: &TopologyTable, nodes: u32) -> Checked<Topology> {
    let key = |key: &str| format!("network.topology.{key}");
    if table.degree.is_some() && table.kind != TopologyKind::Random {
        return Err(not_taken("this kind of topology", "").at(key("degree")));
    }
    if table.edges.is_some() && table.kind != TopologyKind::Edges {
        return Err(not_taken("this kind of topology", "").at(key("edges")));
    }
    Ok(match table.kind {
        TopologyKind::Full => Topology::Full,
        TopologyKind::Ring => Topology::Ring,
        TopologyKind::Line => Topology::Line,
        TopologyKind::Star => Topology::Star,
        TopologyKind::Random => Topology::Random {
            degree: Distribution::Constant(f64::from(whole::<u32>(
                &key("degree"),
                table.degree,
                4,
                1..=1_000,
            )?)),
            interlinked: NodeSet::default(),
        },
        TopologyKind::Edges => {
            let pairs = table.edges.as_ref().ok_or_else(|| {
                Problem::Missing("edges, such as [[0, 1], [1, 2]]").at(key("edges"))
            })?;
            let mut edges = Vec::with_capacity(pairs.len());
            for (position, ends) in (0..).zip(pairs) {
                let path = format!("network.topology.edges[{position}]");
                let (a, b) = pair(&path, ends, nodes)?;
                edges.push((a, b, position, None));
            }
            let edges = EdgeList::new(edges).map_err(|fault| match fault {
                EdgeFault::Twice { line, a, b } => {
                    Problem::LinkTwice(a, b).at(format!("network.topology.edges[{line}]"))
                }
                other => Problem::Form(format!("{other:?}")).at(key("edges")),
            })?;
            Topology::Edges(std::sync::Arc::new(edges))
        }
    })
}

fn link(path: &str, table: &LinkTable, base: Link) -> Checked<Link> {
    let range = Duration::ZERO..=LATENCY_MAX;
    let latency = span(
        &format!("{path}.latency"),
        table.latency,
        base.latency,
        range.clone(),
    )?;
    let base_spread = match base.jitter.kind {
        JitterKind::Uniform { spread } => spread,
        _ => Duration::ZERO,
    };
    let jitter = span(&format!("{path}.jitter"), table.jitter, base_spread, range)?;
    if jitter > latency {
        // If only the latency was given here, it is the one that does not fit.
        let key = if table.jitter.is_some() {
            "jitter"
        } else {
            "latency"
        };
        let problem = match key {
            "jitter" => Problem::MoreThan("the latency: time does not run backwards"),
            _ => Problem::Form("must not be less than the jitter".to_owned()),
        };
        return Err(problem.at(format!("{path}.{key}")));
    }
    Ok(Link {
        latency,
        jitter: Jitter {
            kind: match jitter {
                Duration::ZERO => JitterKind::None,
                spread => JitterKind::Uniform { spread },
            },
            ..base.jitter
        },
        bandwidth_bits: table
            .bandwidth
            .map_or(base.bandwidth_bits, |given| Some(given.0)),
        loss: table.loss.map_or(base.loss, |given| given.0),
        ordered: base.ordered,
    })
}

/// One node that there is.
pub(super) fn node(path: &str, node: i64, nodes: u32) -> Checked<NodeId> {
    match u32::try_from(node) {
        Ok(id) if id < nodes => Ok(NodeId(id)),
        _ => Err(Problem::NoSuchNode { node, nodes }.at(path)),
    }
}

/// Two different nodes that there are, the lower first.
fn pair(path: &str, ends: &[i64], nodes: u32) -> Checked<(NodeId, NodeId)> {
    match *ends {
        [a, b] if a != b => {
            let (a, b) = (node(path, a, nodes)?, node(path, b, nodes)?);
            Ok((a.min(b), a.max(b)))
        }
        ref other => {
            let shown: Vec<String> = other.iter().take(4).map(i64::to_string).collect();
            Err(Problem::NotAPair(format!("[{}]", shown.join(", "))).at(path))
        }
    }
}

/// The ends of a link that the topology has, as far as that can be told.
pub(super) fn linked_pair(
    path: &str,
    ends: &[i64],
    nodes: u32,
    topology: &Topology,
) -> Checked<(NodeId, NodeId)> {
    let (a, b) = pair(path, ends, nodes)?;
    match topology.has_link(nodes, a, b) {
        Some(false) => Err(Problem::NoSuchLink(a, b).at(path)),
        _ => Ok((a, b)),
    }
}
