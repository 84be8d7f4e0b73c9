//! Who is linked to whom: the parameters of each topology, and pairs of nodes.

use std::sync::Arc;

use forkful_core::NodeId;

use super::distribution::{Bounds, distribution};
use super::regions::{DEGREE, LINKS};
use super::{Checked, only_keys, whole};
use crate::distribution::Distribution;
use crate::document::{
    DistributionValue, Document, TopologyKind, TopologyTable, TopologyValue, TopologyWord,
};
use crate::error::{Fault, Problem};
use crate::files::Files;
use crate::node_set::NodeSet;
use crate::regions::RegionTable;
use crate::topology::{EdgeFault, EdgeList, Topology, parse_edges};

const KEY: &str = "network.topology";
/// The most nodes that are all linked with each other besides: 18 million links.
const INTERLINKED_MAX: u64 = 6_000;

/// The topology of a scenario.
pub(super) fn topology(
    document: &Document,
    nodes: u32,
    regions: Option<&RegionTable>,
    files: &Files,
) -> Checked<Topology> {
    let plain = |kind| TopologyTable {
        kind,
        degree: None,
        min_links: None,
        max_links: None,
        interlinked: None,
        neighbours: None,
        rewire: None,
        edges: None,
        file: None,
    };
    let table = match &document.network.topology {
        None => return Ok(Topology::Full),
        Some(TopologyValue::Table(table)) => table,
        Some(TopologyValue::Word(word)) => &plain(match word {
            TopologyWord::Full => TopologyKind::Full,
            TopologyWord::Ring => TopologyKind::Ring,
            TopologyWord::Line => TopologyKind::Line,
            TopologyWord::Star => TopologyKind::Star,
            TopologyWord::Random => TopologyKind::Random,
            TopologyWord::Bounded => TopologyKind::Bounded,
        }),
    };
    keys_of_kind(table)?;
    Ok(match table.kind {
        TopologyKind::Full => Topology::Full,
        TopologyKind::Ring => Topology::Ring,
        TopologyKind::Line => Topology::Line,
        TopologyKind::Star => Topology::Star,
        TopologyKind::Random => {
            let of_table = regions.and_then(|table| table.degree.as_ref());
            Topology::Random {
                degree: drawn("degree", &table.degree, of_table, 4.0, DEGREE)?,
                interlinked: interlinked(table, nodes)?,
            }
        }
        TopologyKind::Bounded => bounded(table, nodes, regions)?,
        TopologyKind::SmallWorld => small_world(table)?,
        TopologyKind::ScaleFree => Topology::ScaleFree {
            degree: match &table.degree {
                None => 4,
                Some(DistributionValue::Number(degree)) if degree.trunc() == *degree => {
                    super::distribution::in_bounds(&key("degree"), *degree, DEGREE)?;
                    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                    let degree = *degree as u32;
                    degree
                }
                Some(_) => {
                    let form = "expected a whole number for this kind of topology";
                    return Err(Problem::Form(form.to_owned()).at(key("degree")));
                }
            },
        },
        TopologyKind::Edges => Topology::Edges(edges(table, nodes, files)?),
    })
}

fn key(name: &str) -> String {
    format!("{KEY}.{name}")
}

fn drawn(
    name: &str,
    given: &Option<DistributionValue>,
    of_table: Option<&Distribution>,
    default: f64,
    bounds: Bounds,
) -> Checked<Distribution> {
    match given {
        Some(value) => distribution(&key(name), value, bounds),
        None => Ok(of_table.cloned().unwrap_or(Distribution::Constant(default))),
    }
}

fn bounded(table: &TopologyTable, nodes: u32, regions: Option<&RegionTable>) -> Checked<Topology> {
    let of = |part: fn(&RegionTable) -> &Option<Distribution>| {
        regions.and_then(|table| part(table).as_ref())
    };
    let least = of(|table| &table.min_links);
    let most = of(|table| &table.max_links);
    let min_links = drawn("min_links", &table.min_links, least, 4.0, LINKS)?;
    let max_links = drawn("max_links", &table.max_links, most, 16.0, LINKS)?;
    let (least, most) = (min_links.range(), max_links.range());
    if least.0 > most.0 || least.1 > most.1 {
        return Err(Problem::MoreThan("max_links").at(key("min_links")));
    }
    Ok(Topology::Bounded {
        min_links,
        max_links,
        interlinked: interlinked(table, nodes)?,
    })
}

fn small_world(table: &TopologyTable) -> Checked<Topology> {
    let neighbours: u32 = whole(&key("neighbours"), table.neighbours, 4, 2..=1_000)?;
    if neighbours % 2 == 1 {
        let form = format!("expected an even number, not {neighbours}");
        return Err(Problem::Form(form).at(key("neighbours")));
    }
    Ok(Topology::SmallWorld {
        neighbours,
        rewire: table.rewire.map_or(0.1, |given| given.0),
    })
}

fn interlinked(table: &TopologyTable, nodes: u32) -> Checked<NodeSet> {
    let set = table
        .interlinked
        .clone()
        .map(|given| given.0)
        .unwrap_or_default();
    let path = || key("interlinked");
    there_are(&set, nodes, path)?;
    if set.len() > INTERLINKED_MAX {
        let (named, most) = (set.len(), INTERLINKED_MAX);
        return Err(Problem::TooManyNamed { named, most }.at(path()));
    }
    Ok(set)
}

/// A set of nodes that there are.
pub(super) fn there_are(set: &NodeSet, nodes: u32, path: impl Fn() -> String) -> Checked<()> {
    match set.last().filter(|last| last.0 >= nodes) {
        Some(last) => {
            let node = last.0.into();
            Err(Problem::NoSuchNode { node, nodes }.at(path()))
        }
        None => Ok(()),
    }
}

fn edges(table: &TopologyTable, nodes: u32, files: &Files) -> Checked<Arc<EdgeList>> {
    let list = match (&table.edges, &table.file) {
        (Some(_), Some(_)) => return Err(Problem::OnlyOne("edges and file").at(KEY)),
        (None, None) => {
            let missing = "edges, such as [[0, 1], [1, 2]], or file, such as \"net.csv\"";
            return Err(Problem::Missing(missing).at(key("edges")));
        }
        (None, Some(name)) => {
            if let Some(links) = files.links(name, nodes) {
                return Ok(links);
            }
            let text = files.get(name).unwrap_or_default();
            let links = parse_edges(text, nodes).map_err(|fault| of_file(fault, name, nodes))?;
            return Ok(Arc::new(links));
        }
        (Some(list), None) => list,
    };
    let mut edges = Vec::with_capacity(list.len());
    for (position, ends) in (0..).zip(list) {
        let (a, b) = pair(&key(&format!("edges[{position}]")), ends, nodes)?;
        edges.push((a, b, position, None));
    }
    EdgeList::new(edges)
        .map(Arc::new)
        .map_err(|fault| match fault {
            EdgeFault::Twice { line, a, b } => {
                Problem::LinkTwice(a, b).at(key(&format!("edges[{line}]")))
            }
            other => of_file(other, "edges", nodes),
        })
}

/// What is wrong with a file of links, and where in it.
fn of_file(fault: EdgeFault, name: &str, nodes: u32) -> Fault {
    let (line, problem) = match fault {
        EdgeFault::Form { line, text } => {
            let form = format!(
                "expected two nodes, and maybe a latency in milliseconds, such as 0,1 or 0,1,12.5, not {text}"
            );
            (line, Problem::Form(form))
        }
        EdgeFault::NoSuchNode { line, node } => (line, Problem::NoSuchNode { node, nodes }),
        EdgeFault::ItSelf { line, node } => (line, Problem::NotAPair(format!("{node}, {node}"))),
        EdgeFault::Twice { line, a, b } => (line, Problem::LinkTwice(a, b)),
        EdgeFault::TooMany { line, most } => (
            line,
            Problem::Form(format!("there are more than {most} links")),
        ),
    };
    problem.at(key("file")).on_line(name, line)
}

fn keys_of_kind(table: &TopologyTable) -> Checked<()> {
    let (owner, takes) = match table.kind {
        TopologyKind::Full | TopologyKind::Ring | TopologyKind::Line | TopologyKind::Star => {
            ("this kind of topology", "")
        }
        TopologyKind::Random => ("random", "degree and interlinked"),
        TopologyKind::Bounded => ("bounded", "min_links, max_links and interlinked"),
        TopologyKind::SmallWorld => ("small-world", "neighbours and rewire"),
        TopologyKind::ScaleFree => ("scale-free", "degree"),
        TopologyKind::Edges => ("edges", "edges or file"),
    };
    let given = [
        ("degree", table.degree.is_some()),
        ("min_links", table.min_links.is_some()),
        ("max_links", table.max_links.is_some()),
        ("interlinked", table.interlinked.is_some()),
        ("neighbours", table.neighbours.is_some()),
        ("rewire", table.rewire.is_some()),
        ("edges", table.edges.is_some()),
        ("file", table.file.is_some()),
    ];
    only_keys(KEY, owner, takes, &given)
}

/// One node that there is.
pub(super) fn node(path: &str, node: i64, nodes: u32) -> Checked<NodeId> {
    match u32::try_from(node) {
        Ok(id) if id < nodes => Ok(NodeId(id)),
        _ => Err(Problem::NoSuchNode { node, nodes }.at(path)),
    }
}

/// Two different nodes that there are, the lower first.
pub(super) fn pair(path: &str, ends: &[i64], nodes: u32) -> Checked<(NodeId, NodeId)> {
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
