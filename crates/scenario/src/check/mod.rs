//! From a file as it is written to a scenario that can be played.
//!
//! Every default, range and conflict is decided here and nowhere else. One function per
//! part of the file; each names the key that is wrong. Numbers are checked before any
//! memory is taken for what they count.

mod events;
mod network;
mod rules;

use std::ops::RangeInclusive;
use std::time::Duration;

use forkful_core::{Config, Relay};

use crate::action::{TimedAction, When};
use crate::document::{BoundsTable, Document, ExpectTable, NodesTable, StopTable};
use crate::error::{Fault, Problem};
use crate::expect::{Bounds, Expect};
use crate::quantity::{HashRate, Rate, SPAN_MAX, Size, Span, SpanOrOff};
use crate::scenario::{Mining, NodeOverride, Scenario, Source};
use crate::stop::Stop;
use crate::topology::TooManyLinks;
use crate::world::World;

type Checked<T> = Result<T, Fault>;

/// The most nodes that all `[[nodes]]` tables name together: each costs a step at start-up.
const NAMED_MAX: u64 = 10_000_000;
/// The most blocks, or the greatest height, that a scenario may name.
const BLOCKS_MAX: i64 = 1_000_000_000;
const MILLISECOND: Duration = Duration::from_millis(1);
/// The greatest hash share of a node.
const HASH_SHARE_MAX: f64 = 1e12;
/// The shortest entry that is made up: its number must fit in.
const ENTRY_BYTES_MIN: u64 = 32;

/// Checks everything that does not depend on a world.
pub(crate) fn scenario(source: Source) -> Checked<Scenario> {
    let document: &Document = &source.document;
    let name = document
        .name
        .clone()
        .unwrap_or_else(|| "scenario".to_owned());
    check_name(&name)?;
    let about = document.about.clone();
    check_about(about.as_deref())?;

    let network = network::network(document)?;
    let nodes = network.nodes;
    let rules = rules::rules(&document.consensus)?;
    let stop = stop(&document.stop)?;
    let overrides = node_overrides(document, nodes)?;
    let mining = Mining {
        hash_rate: document
            .mining
            .hash_rate
            .map_or(HashRate::PerSecond(160_000.0), |Rate(rate)| rate),
        hash_shares: None,
        kernel: document.mining.kernel.unwrap_or_default(),
    };
    somebody_mines(&mining, &overrides, nodes)?;
    let mut events: Vec<TimedAction> = document
        .events
        .iter()
        .enumerate()
        .map(|(position, table)| events::event(position, table, &network, &rules, &stop))
        .collect::<Checked<_>>()?;
    // By time, then by height; a stable sort keeps the file's order where these are equal.
    events.sort_by_key(|event| event.when);
    let workload = document
        .workload
        .as_ref()
        .map(|table| events::workload(table, &rules, &stop))
        .transpose()?;

    Ok(Scenario {
        name,
        about,
        seed: document.seed.unwrap_or(1),
        network,
        rules,
        relay: relay(document)?,
        mining,
        events,
        workload,
        stop,
        expect: expect(&document.expect)?,
        overrides,
        source,
    })
}

fn relay(document: &Document) -> Checked<Config> {
    Ok(Config {
        relay: document.relay.policy.map_or(Relay::Flood, Relay::from),
        tip_interval: tip_interval(document.relay.tip_interval)?,
        request_timeout: span(
            "relay.request_timeout",
            document.relay.request_timeout,
            Duration::from_secs(2),
            MILLISECOND..=Duration::from_secs(86_400),
        )?,
    })
}

fn node_overrides(document: &Document, nodes: u32) -> Checked<Vec<NodeOverride>> {
    let overrides: Vec<NodeOverride> = document
        .nodes
        .iter()
        .enumerate()
        .map(|(position, table)| node_override(position, table, nodes))
        .collect::<Checked<_>>()?;
    let named: u64 = overrides.iter().map(|change| change.nodes.len()).sum();
    if named > NAMED_MAX {
        let problem = Problem::TooManyNamed {
            named,
            most: NAMED_MAX,
        };
        return Err(problem.at("nodes"));
    }
    Ok(overrides)
}

/// Checks what only some worlds can play.
pub(crate) fn world(scenario: &Scenario, world: World) -> Checked<()> {
    let nodes = scenario.network.nodes;
    if nodes > world.nodes_max() {
        let most = world.nodes_max();
        return Err(Problem::TooManyNodes { nodes, most, world }.at("network.nodes"));
    }
    let links = scenario.network.topology.link_count(nodes);
    let most = world.links_max();
    if links > most {
        let problem = Problem::TooManyLinks(TooManyLinks { links, most }, world);
        return Err(problem.at("network.topology"));
    }
    Ok(())
}

fn check_name(name: &str) -> Checked<()> {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '.');
    if name.is_empty() || name.chars().count() > 64 || !name.chars().all(fine) {
        let form = "expected 1 to 64 letters, digits, spaces, \"-\", \"_\" or \".\"";
        return Err(Problem::Form(form.to_owned()).at("name"));
    }
    Ok(())
}

fn check_about(about: Option<&str>) -> Checked<()> {
    let about = about.unwrap_or_default();
    // Control characters could rewrite the terminal that shows it.
    if about.chars().count() > 200 || about.chars().any(char::is_control) {
        let form = "expected one line of at most 200 characters";
        return Err(Problem::Form(form.to_owned()).at("about"));
    }
    Ok(())
}

fn node_override(position: usize, table: &NodesTable, nodes: u32) -> Checked<NodeOverride> {
    let path = format!("nodes[{position}]");
    if let Some(last) = table.nodes.0.last().filter(|last| last.0 >= nodes) {
        let node = last.0.into();
        return Err(Problem::NoSuchNode { node, nodes }.at(format!("{path}.nodes")));
    }
    if let Some(share) = table.hash_share
        // NaN is in no range.
        && !(0.0..=HASH_SHARE_MAX).contains(&share)
    {
        let problem = Problem::OutOfRange {
            found: share.to_string(),
            least: "0".to_owned(),
            most: "1e12".to_owned(),
        };
        return Err(problem.at(format!("{path}.hash_share")));
    }
    Ok(NodeOverride {
        nodes: table.nodes.0.clone(),
        hash_share: table.hash_share,
        strategy: table.strategy,
        relay: table.relay.map(Relay::from),
        clock_skew_ms: table.clock_skew.map(|skew| skew.0),
        region: None,
        upload_bits: None,
        download_bits: None,
        degree: None,
    })
}

/// A network whose hash shares are all zero is a mistake; to have nobody mine, say
/// `hash_rate = 0`.
fn somebody_mines(mining: &Mining, overrides: &[NodeOverride], nodes: u32) -> Checked<()> {
    if !mining.hash_rate.mines() {
        return Ok(());
    }
    let mut mines = vec![true; nodes as usize];
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

fn tip_interval(given: Option<SpanOrOff>) -> Checked<Option<Duration>> {
    let path = "relay.tip_interval";
    match given {
        None => Ok(Some(Duration::from_secs(1))),
        Some(SpanOrOff(None)) => Ok(None),
        Some(SpanOrOff(Some(given))) => {
            let range = MILLISECOND..=Duration::from_secs(86_400);
            span(path, Some(Span(given)), given, range).map(Some)
        }
    }
}

fn stop(table: &StopTable) -> Checked<Stop> {
    let count = |key: &str, value: Option<i64>| {
        let path = format!("stop.{key}");
        value
            .map(|value| whole(&path, Some(value), 0, 1..=BLOCKS_MAX))
            .transpose()
    };
    let time_limit = span(
        "stop.time_limit",
        table.time_limit,
        Duration::from_secs(120),
        MILLISECOND..=SPAN_MAX,
    )?;
    let time = table.time.map(|given| given.0);
    if time.is_some_and(|time| time > time_limit) {
        return Err(Problem::AfterTimeLimit(time_limit).at("stop.time"));
    }
    let mut stop = Stop {
        height: count("height", table.height)?,
        blocks: count("blocks", table.blocks)?,
        time,
        time_limit,
    };
    if (stop.height, stop.blocks, stop.time) == (None, None, None) {
        stop.height = Some(30);
    }
    Ok(stop)
}

fn expect(table: &ExpectTable) -> Checked<Expect> {
    let bounds = |key: &str, given: Option<BoundsTable>| -> Checked<Option<Bounds>> {
        let Some(given) = given else { return Ok(None) };
        let path = format!("expect.{key}");
        let end = |name: &str, value: Option<i64>| {
            let path = format!("{path}.{name}");
            value
                .map(|value| whole::<u64>(&path, Some(value), 0, 0..=i64::MAX))
                .transpose()
        };
        let (min, max) = (end("min", given.min)?, end("max", given.max)?);
        match (min, max) {
            (None, None) => Err(Problem::Missing("min, max or both").at(path)),
            (Some(min), Some(max)) if min > max => Err(Problem::EmptyBounds { min, max }.at(path)),
            (min, max) => Ok(Some(Bounds {
                min: min.unwrap_or(0),
                max,
            })),
        }
    };
    Ok(Expect {
        converged: table.converged.unwrap_or(true),
        data_on_chain: table.data_on_chain,
        height: bounds("height", table.height)?,
        mined: bounds("mined", table.mined)?,
        stale: bounds("stale", table.stale)?,
        forks: bounds("forks", table.forks)?,
        reorgs: bounds("reorgs", table.reorgs)?,
        max_reorg_depth: bounds("max_reorg_depth", table.max_reorg_depth)?,
        sent: bounds("sent", table.sent)?,
        dropped: bounds("dropped", table.dropped)?,
    })
}

/// A whole number in its range.
fn whole<T: TryFrom<i64>>(
    path: &str,
    given: Option<i64>,
    default: i64,
    range: RangeInclusive<i64>,
) -> Checked<T> {
    let value = given.unwrap_or(default);
    let out_of_range = || {
        Problem::OutOfRange {
            found: value.to_string(),
            least: range.start().to_string(),
            most: range.end().to_string(),
        }
        .at(path)
    };
    if given.is_some() && !range.contains(&value) {
        return Err(out_of_range());
    }
    T::try_from(value).map_err(|_| out_of_range())
}

/// A duration in its range.
fn span(
    path: &str,
    given: Option<Span>,
    default: Duration,
    range: RangeInclusive<Duration>,
) -> Checked<Duration> {
    let value = given.map_or(default, |given| given.0);
    if range.contains(&value) {
        return Ok(value);
    }
    let problem = Problem::OutOfRange {
        found: format!("{value:?}"),
        least: format!("{:?}", range.start()),
        most: format!("{:?}", range.end()),
    };
    Err(problem.at(path))
}

/// A length in bytes in its range.
fn size(path: &str, given: Option<Size>, default: u64, range: RangeInclusive<u64>) -> Checked<u32> {
    let value = given.map_or(default, |given| given.0);
    let fits = range.contains(&value).then(|| u32::try_from(value).ok());
    fits.flatten().ok_or_else(|| {
        let problem = Problem::OutOfRange {
            found: format!("{value} bytes"),
            least: range.start().to_string(),
            most: format!("{} bytes", range.end()),
        };
        problem.at(path)
    })
}

fn not_taken(owner: &str, takes: &'static str) -> Problem {
    Problem::NotTaken {
        owner: owner.to_owned(),
        takes,
    }
}

/// The moment of an event, which the run must reach.
fn within_limit(path: String, time: Duration, stop: &Stop) -> Checked<When> {
    if time > stop.time_limit {
        return Err(Problem::AfterTimeLimit(stop.time_limit).at(path));
    }
    Ok(When::At(time))
}
