//! Nodes that differ from the others, and the hash rate that they share.

use forkful_core::{NodeId, Relay, Target};

use super::distribution::{Bounds, distribution};
use super::regions::{DEGREE, LINKS};
use super::strategy::strategy;
use super::topology::there_are;
use super::{Checked, MILLISECOND, not_taken, span};
use crate::document::{Document, MiningTable, NodesTable};
use crate::error::Problem;
use crate::locate::nearest_of;
use crate::network::Network;
use crate::node_set::NodeSet;
use crate::quantity::{Fraction, HashRate, Rate, SPAN_MAX, shortened};
use crate::scenario::{Mining, NodeOverride, Rules};
use crate::strategy::StrategyKind;
use crate::stream::{Stream, unit};
use crate::topology::Topology;

/// The most nodes that all `[[nodes]]` tables name together: each costs a step at start-up.
const NAMED_MAX: u64 = 10_000_000;
/// The bounds of hash shares.
const HASH_SHARE: Bounds = Bounds {
    least: 0.0,
    most: 1e12,
    scale: 1.0,
};

pub(super) fn node_overrides(
    document: &Document,
    network: &Network,
    seed: u64,
) -> Checked<Vec<NodeOverride>> {
    // Before memory is taken for those that are chosen.
    let all = u64::from(network.nodes);
    let tables = document.nodes.iter();
    let named: u64 = tables
        .map(|table| table.nodes.as_ref().map_or(all, |nodes| nodes.0.len()))
        .sum();
    if named > NAMED_MAX {
        let problem = Problem::TooManyNamed {
            named,
            most: NAMED_MAX,
        };
        return Err(problem.at("nodes"));
    }
    document
        .nodes
        .iter()
        .enumerate()
        .map(|(position, table)| node_override(position, table, network, seed))
        .collect()
}

/// The nodes that a table is about.
fn chosen(position: usize, table: &NodesTable, network: &Network, seed: u64) -> Checked<NodeSet> {
    let nodes = match &table.nodes {
        Some(given) => given.0.clone(),
        None => NodeSet::new(std::iter::once(0..network.nodes).collect()),
    };
    there_are(&nodes, network.nodes, || format!("nodes[{position}].nodes"))?;
    let Some(Fraction(share)) = table.share else {
        return Ok(nodes);
    };
    let number = u32::try_from(position).unwrap_or(u32::MAX);
    let is_chosen = |node: &NodeId| unit(Stream::Chosen(number, *node).seed(seed)) < share;
    let ranges = nodes.iter().filter(is_chosen);
    let ranges = ranges.map(|node| node.0..node.0 + 1);
    Ok(NodeSet::new(ranges.collect()))
}

fn node_override(
    position: usize,
    table: &NodesTable,
    network: &Network,
    seed: u64,
) -> Checked<NodeOverride> {
    let key = |name: &str| format!("nodes[{position}].{name}");
    let nodes = chosen(position, table, network, seed)?;
    if let Some(share) = table.hash_share
        // NaN is in no range.
        && !(0.0..=HASH_SHARE.most).contains(&share)
    {
        let problem = Problem::OutOfRange {
            found: share.to_string().into(),
            least: "0".into(),
            most: "1e12".into(),
        };
        return Err(problem.at(key("hash_share")));
    }
    let region = table.region.as_deref();
    let region = region.map(|name| self::region(&key("region"), name, network));
    let bounds = match network.topology {
        Topology::Bounded { .. } => Some(LINKS),
        Topology::Random { .. } => Some(DEGREE),
        _ => None,
    };
    let degree = match (&table.degree, bounds) {
        (None, _) => None,
        (Some(value), Some(bounds)) => Some(distribution(&key("degree"), value, bounds)?),
        (Some(_), None) => {
            let problem = not_taken("a network that is neither random nor bounded", "");
            return Err(problem.at(key("degree")));
        }
    };
    Ok(NodeOverride {
        nodes,
        hash_share: table.hash_share,
        strategy: (table.strategy.as_ref())
            .map(|value| strategy(&key("strategy"), value))
            .transpose()?,
        relay: table.relay.map(Relay::from),
        compact_failure: table.compact_failure.map(per_million),
        clock_skew_ms: table.clock_skew.map(|skew| skew.0),
        region: region.transpose()?,
        upload_bits: table.upload.map(|given| given.0),
        download_bits: table.download.map(|given| given.0),
        degree,
    })
}

/// How many of a million compact blocks fail.
pub(super) fn per_million(given: Fraction) -> u32 {
    // A fraction lies from 0 to 1.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = libm::round(given.0 * 1e6) as u32;
    whole
}

fn region(path: &str, name: &str, network: &Network) -> Checked<u8> {
    let Some(table) = &network.regions else {
        let missing = Problem::Missing("network.regions, which says what regions there are");
        return Err(missing.at(path));
    };
    table.region(name).ok_or_else(|| {
        let (found, known) = (shortened(name), table.names.clone());
        Problem::UnknownWord {
            nearest: nearest_of(&found, &known),
            found: found.into(),
            known,
        }
        .at(path)
    })
}

/// How fast the network searches, and who has which part.
pub(super) fn mining(table: &MiningTable, rules: &Rules) -> Checked<Mining> {
    let hash_rate = match (table.hash_rate, table.interval) {
        (Some(_), Some(_)) => {
            return Err(Problem::OnlyOne("hash_rate and interval").at("mining"));
        }
        (Some(Rate(rate)), None) => rate,
        (None, None) => HashRate::PerSecond(160_000.0),
        (None, Some(given)) => {
            let path = "mining.interval";
            let interval = span(path, Some(given), MILLISECOND, MILLISECOND..=SPAN_MAX)?;
            let rate = expected_tries(rules.difficulty.initial()) / interval.as_secs_f64();
            if rate > HashRate::MAX {
                let form =
                    "no hash rate up to 1e24 gives so short an interval under the first target";
                return Err(Problem::Form(form.to_owned()).at(path));
            }
            HashRate::PerSecond(rate)
        }
    };
    let shares = table.hash_shares.as_ref();
    let shares = shares.map(|value| distribution("mining.hash_shares", value, HASH_SHARE));
    Ok(Mining {
        hash_rate,
        hash_shares: shares.transpose()?,
        kernel: table.kernel.unwrap_or_default(),
    })
}

/// How many tries a target takes on average, exact to the last digit of a float.
fn expected_tries(target: Target) -> f64 {
    // The 64 highest bits that count, and where they stand: a platform's own conversion
    // may differ in the last digit.
    let work = target.work().0;
    let zeros = work.leading_zeros();
    let high: u64 = ((work << zeros) >> 192_usize).to();
    libm::ldexp(high as f64, 192 - i32::try_from(zeros).unwrap_or(0))
}

/// A network whose hash shares are all zero is a mistake; to have nobody mine, say
/// `hash_rate = 0`.
pub(super) fn somebody_mines(
    mining: &Mining,
    overrides: &[NodeOverride],
    nodes: u32,
    seed: u64,
) -> Checked<()> {
    if !mining.hash_rate.mines() {
        return Ok(());
    }
    let drawn = |node| match &mining.hash_shares {
        Some(shares) => shares.draw(Stream::HashShare(NodeId(node)).seed(seed)) > 0.0,
        None => true,
    };
    let mut mines: Vec<bool> = (0..nodes).map(drawn).collect();
    for change in overrides {
        let Some(share) = change.hash_share else {
            continue;
        };
        for node in change.nodes.iter() {
            mines[node.0 as usize] = share > 0.0;
        }
    }
    match mines.contains(&true) {
        true => Ok(()),
        false => Err(Problem::NobodyMines.at("nodes")),
    }
}

/// Attackers attack somebody, and agreement is that of honest nodes. Where chance chooses the
/// attackers, a seed that leaves nobody honest is a run like others.
pub(super) fn somebody_is_honest(
    document: &Document,
    overrides: &[NodeOverride],
    nodes: u32,
) -> Checked<()> {
    let mut attack = vec![false; nodes as usize];
    for (table, change) in document.nodes.iter().zip(overrides) {
        if let Some(strategy) = change.strategy {
            let is_certain = table.share.is_none_or(|Fraction(share)| share >= 1.0);
            for node in change.nodes.iter() {
                attack[node.0 as usize] = strategy != StrategyKind::Honest && is_certain;
            }
        }
    }
    match attack.contains(&false) {
        true => Ok(()),
        false => Err(Problem::NobodyHonest.at("nodes")),
    }
}
