//! Nodes and links: what the network is like.

use std::collections::BTreeMap;
use std::time::Duration;

use super::distribution::{Bounds, distribution, in_bounds};
use super::regions::{BLOCK_BYTES, regions};
use super::topology::{linked_pair, topology};
use super::{Checked, not_taken, span, whole};
use crate::block_bytes::BlockBytes;
use crate::distribution::Distribution;
use crate::document::{
    BytesValue, Document, JitterTable, JitterValue, JitterWord, LinkTable, NetworkTable, PerWord,
    ProcessingTable,
};
use crate::error::Problem;
use crate::files::Files;
use crate::network::{Jitter, JitterKind, Link, Network, Processing, SpecialLink};
use crate::node_set::NodeSet;
use crate::quantity::SPAN_MAX;
use crate::regions::RegionTable;
use crate::topology::Topology;
use crate::traffic::{Downlink, Uplink};

/// The most nodes in any world.
const NODES_MAX: i64 = 1_000_000;
/// A day: longer than any message is under way.
const LATENCY_MAX: Duration = Duration::from_secs(86_400);

pub(super) fn network(document: &Document, files: &Files, seed: u64) -> Checked<Network> {
    let table: &NetworkTable = &document.network;
    let nodes: u32 = whole("network.nodes", table.nodes, 8, 1..=NODES_MAX)?;
    let regions = regions(document, files)?;
    let topology = topology(document, nodes, regions.as_deref(), files)?;
    if regions.is_some() && table.link.latency.is_some() {
        let problem = not_taken("a network with regions", "the latency between regions");
        return Err(problem.at("network.link.latency"));
    }
    let has_regions = regions.is_some();
    let plain = Link {
        latency: Duration::from_millis(40),
        jitter: Jitter::NONE,
        bandwidth_bits: None,
        loss: 0.0,
        ordered: !has_regions,
    };
    let base = link("network.link", &table.link, plain, !has_regions)?;
    let mut links = BTreeMap::new();
    for (position, table) in document.links.iter().enumerate() {
        let path = format!("links[{position}]");
        let between = format!("{path}.between");
        let ends = linked_pair(&between, &table.between, nodes, &topology)?;
        let given = LinkTable {
            latency: table.latency,
            jitter: table.jitter.clone(),
            bandwidth: table.bandwidth,
            loss: table.loss,
            ordered: table.ordered,
        };
        // A list of links may say a latency of its own.
        let own = topology.latency(ends);
        let base = own.map_or(base, |latency| base.with_latency(latency));
        let has_latency = table.latency.is_some() || own.is_some();
        if has_regions && !has_latency && table.jitter.is_some() {
            let owner = "a link with the latency between its regions";
            let problem = not_taken(owner, "the jitter of network.link, unless it has a latency");
            return Err(problem.at(format!("{path}.jitter")));
        }
        let special = SpecialLink {
            link: link(&path, &given, base, has_latency || !has_regions)?,
            has_latency,
        };
        if links.insert(ends, special).is_some() {
            return Err(Problem::LinkTwice(ends.0, ends.1).at(between));
        }
    }
    the_offset_is_below(&base.jitter, regions.as_deref(), &topology)?;
    Ok(Network {
        nodes,
        topology,
        inbox: whole("network.inbox", table.inbox, 256, 1..=65_536)?,
        link: base,
        links,
        uplink: table.uplink.map(Uplink::from).unwrap_or_default(),
        downlink: table.downlink.map(Downlink::from).unwrap_or_default(),
        processing: processing(&table.processing)?,
        block_bytes: block_bytes(table, regions.as_deref(), seed)?,
        regions,
    })
}

/// What a link is like. Its latency counts unless regions say it.
fn link(path: &str, table: &LinkTable, base: Link, latency_counts: bool) -> Checked<Link> {
    let latency = span(
        &format!("{path}.latency"),
        table.latency,
        base.latency,
        Duration::ZERO..=LATENCY_MAX,
    )?;
    let jitter = match &table.jitter {
        None => base.jitter,
        Some(value) => jitter(&format!("{path}.jitter"), value)?,
    };
    let at_most = match jitter.kind {
        JitterKind::Uniform { spread } => Some(spread),
        // The mean has to be above the offset.
        JitterKind::Pareto { offset } => Some(offset + Duration::from_nanos(1)),
        JitterKind::None | JitterKind::Lognormal { .. } => None,
    };
    if latency_counts && at_most.is_some_and(|at_most| at_most > latency) {
        // If only the latency was given here, it is the one that does not fit.
        let (key, problem) = match (&table.jitter, jitter.kind) {
            (None, JitterKind::Uniform { .. }) => {
                let form = "must not be less than the jitter";
                ("latency", Problem::Form(form.to_owned()))
            }
            (None, _) => {
                let form = "must be more than the offset of the jitter";
                ("latency", Problem::Form(form.to_owned()))
            }
            (Some(_), JitterKind::Uniform { .. }) => {
                let what = "the latency: time does not run backwards";
                ("jitter", Problem::MoreThan(what))
            }
            (Some(_), _) => {
                let form = "the offset must be less than the latency";
                ("jitter", Problem::Form(form.to_owned()))
            }
        };
        return Err(problem.at(format!("{path}.{key}")));
    }
    Ok(Link {
        latency,
        jitter,
        bandwidth_bits: table
            .bandwidth
            .map_or(base.bandwidth_bits, |given| Some(given.0)),
        loss: table.loss.map_or(base.loss, |given| given.0),
        ordered: table.ordered.unwrap_or(base.ordered),
    })
}

fn jitter(path: &str, value: &JitterValue) -> Checked<Jitter> {
    let range = Duration::ZERO..=LATENCY_MAX;
    let table = match value {
        JitterValue::Spread(given) => {
            let spread = span(path, Some(*given), Duration::ZERO, range)?;
            let kind = match spread {
                Duration::ZERO => JitterKind::None,
                spread => JitterKind::Uniform { spread },
            };
            return Ok(Jitter {
                kind,
                ..Jitter::NONE
            });
        }
        JitterValue::Table(table) => table,
    };
    let key = |name: &str| format!("{path}.{name}");
    jitter_keys(path, table)?;
    let kind = match table.kind {
        JitterWord::None => JitterKind::None,
        JitterWord::Uniform => {
            let missing = Problem::Missing("spread, such as \"20ms\"");
            let spread = table.spread.ok_or_else(|| missing.at(path))?;
            JitterKind::Uniform {
                spread: span(&key("spread"), Some(spread), Duration::ZERO, range)?,
            }
        }
        JitterWord::Pareto => JitterKind::Pareto {
            offset: span(
                &key("offset"),
                table.offset,
                Duration::from_millis(5),
                Duration::from_nanos(1)..=LATENCY_MAX,
            )?,
        },
        JitterWord::Lognormal => {
            let sigma = table.sigma.unwrap_or(0.5);
            let bounds = Bounds {
                least: 1e-3,
                most: 4.0,
                scale: 1.0,
            };
            in_bounds(&key("sigma"), sigma, bounds)?;
            JitterKind::Lognormal { sigma }
        }
    };
    let round = table.round.map(|given| {
        let range = Duration::from_micros(1)..=Duration::from_secs(1);
        span(&key("round"), Some(given), Duration::ZERO, range)
    });
    Ok(Jitter {
        kind,
        per_link: table.per == Some(PerWord::Link),
        round: round.transpose()?.unwrap_or_default(),
    })
}

/// A key that the law has no use for is a misunderstanding, so it is an error.
fn jitter_keys(path: &str, table: &JitterTable) -> Checked<()> {
    for (name, given, owner) in [
        ("spread", table.spread.is_some(), JitterWord::Uniform),
        ("offset", table.offset.is_some(), JitterWord::Pareto),
        ("sigma", table.sigma.is_some(), JitterWord::Lognormal),
    ] {
        if given && table.kind != owner {
            let problem = not_taken("this kind of jitter", "");
            return Err(problem.at(format!("{path}.{name}")));
        }
    }
    Ok(())
}

/// A Pareto with a mean that is not above its offset is none.
fn the_offset_is_below(
    jitter: &Jitter,
    regions: Option<&RegionTable>,
    topology: &Topology,
) -> Checked<()> {
    let JitterKind::Pareto { offset } = jitter.kind else {
        return Ok(());
    };
    let too_near = |between: String, latency: Duration| {
        let form = format!(
            "the offset of {offset:?} must be less than every latency, and that between {between} is {latency:?}"
        );
        Err(Problem::Form(form).at("network.link.jitter"))
    };
    if let Some(table) = regions {
        let count = table.names.len();
        for (place, latency) in table.latency_ms.iter().enumerate() {
            let latency = Duration::from_nanos(crate::regions::nanos(*latency));
            if latency <= offset {
                let (from, to) = (&table.names[place / count], &table.names[place % count]);
                return too_near(format!("{from} and {to}"), latency);
            }
        }
    }
    for ((a, b), latency) in topology.latencies() {
        if latency <= offset {
            return too_near(format!("{a} and {b}"), latency);
        }
    }
    Ok(())
}

fn processing(table: &ProcessingTable) -> Checked<Processing> {
    let of = |name: &str, given| {
        let path = format!("network.processing.{name}");
        span(&path, given, Duration::ZERO, Duration::ZERO..=LATENCY_MAX)
    };
    Ok(Processing {
        message: of("message", table.message)?,
        block: of("block", table.block)?,
        block_per_megabyte: of("block_per_megabyte", table.block_per_megabyte)?,
    })
}

/// The most that a block weighs: its length in an event has 32 bits.
const WEIGHT_MAX: f64 = 1e9;

fn block_bytes(
    table: &NetworkTable,
    regions: Option<&RegionTable>,
    seed: u64,
) -> Checked<BlockBytes> {
    let scale = table.block_scale.unwrap_or(1.0);
    let bounds = Bounds {
        least: 1e-6,
        most: 1e6,
        scale: 1.0,
    };
    in_bounds("network.block_scale", scale, bounds)?;
    let of_regions = || regions.and_then(|table| table.block_bytes.clone());
    let key = "network.block_bytes";
    let block = match &table.block_bytes {
        #[allow(clippy::cast_precision_loss, reason = "checked to be small")]
        Some(BytesValue::Size(bytes)) => {
            in_bounds(key, *bytes as f64, BLOCK_BYTES)?;
            Some(Distribution::Constant(*bytes as f64))
        }
        Some(BytesValue::Drawn(value)) => Some(distribution(key, value, BLOCK_BYTES)?),
        None => of_regions(),
    };
    let block = block.map(|block| block.scaled(scale));
    if let Some(block) = &block
        && block.range().1.is_finite()
    {
        let bounds = Bounds {
            most: WEIGHT_MAX,
            ..BLOCK_BYTES
        };
        in_bounds("network.block_scale", block.range().1, bounds)?;
    }
    let compact = table.compact_bytes.map_or(0, |given| given.0);
    #[allow(clippy::cast_precision_loss, reason = "it only has to be too large")]
    in_bounds("network.compact_bytes", compact as f64, BLOCK_BYTES)?;
    let part = Bounds {
        least: 0.0,
        most: 1.0,
        scale: 1.0,
    };
    let missing = (table.compact_missing.as_ref())
        .map(|value| distribution("network.compact_missing", value, part))
        .transpose()?;
    Ok(BlockBytes::new(seed, block, compact, missing))
}

/// The mean times of churn; see [`crate::churn`].
pub(super) fn churn(document: &Document, nodes: u32) -> Checked<Option<crate::churn::Churn>> {
    let Some(table) = &document.churn else {
        return Ok(None);
    };
    let given = table.nodes.as_ref().map(|given| given.0.clone());
    let all = || NodeSet::new(std::iter::once(0..nodes).collect());
    let set = given.unwrap_or_else(all);
    super::topology::there_are(&set, nodes, || "churn.nodes".to_owned())?;
    let range = || Duration::from_secs(1)..=SPAN_MAX;
    Ok(Some(crate::churn::Churn {
        nodes: set,
        share: table.share.map_or(1.0, |given| given.0),
        up: span("churn.up", Some(table.up), Duration::ZERO, range())?,
        down: span("churn.down", Some(table.down), Duration::ZERO, range())?,
    }))
}
