//! From a file as it is written to a scenario that can be played.
//!
//! Every default, range and conflict is decided here and nowhere else. One function per
//! part of the file; each names the key that is wrong. Numbers are checked before any
//! memory is taken for what they count.

mod distribution;
mod events;
mod network;
mod nodes;
mod regions;
mod rules;
mod strategy;
mod topology;

use std::ops::RangeInclusive;
use std::time::Duration;

use forkful_core::{Config, Relay, limits};

use crate::action::{TimedAction, When};
use crate::document::{BoundsTable, Document, ExpectTable, StopTable};
use crate::error::{Fault, Problem};
use crate::expect::{Bounds, Expect};
use crate::quantity::{SPAN_MAX, Size, Span, SpanOrOff};
use crate::scenario::{Scenario, Source};
use crate::stop::Stop;
use crate::topology::TooManyLinks;
use crate::world::World;

pub(crate) use regions::table as region_table;

type Checked<T> = Result<T, Fault>;

/// The most blocks, or the greatest height, that a scenario may name.
const BLOCKS_MAX: i64 = 1_000_000_000;
const MILLISECOND: Duration = Duration::from_millis(1);
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

    let seed = document.seed.unwrap_or(1);
    let network = network::network(document, &source.files, seed)?;
    let rules = rules::rules(&document.consensus)?;
    let stop = stop(&document.stop)?;
    let overrides = nodes::node_overrides(document, &network, seed)?;
    let mining = nodes::mining(&document.mining, &rules)?;
    nodes::somebody_is_honest(document, &overrides, network.nodes)?;
    nodes::somebody_mines(&mining, &overrides, network.nodes, seed)?;
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
        seed,
        world: document.world.unwrap_or_default(),
        churn: network::churn(document, network.nodes)?,
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
        all_blocks: document.relay.all_blocks.unwrap_or(false),
        // The published numbers are of networks without it.
        tells_data: false,
        compact_failure_per_million: document.relay.compact_failure.map_or(0, nodes::per_million),
    })
}

/// Checks what only some worlds can play.
pub(crate) fn world(scenario: &Scenario, world: World) -> Checked<()> {
    let nodes = scenario.network.nodes;
    if nodes > world.nodes_max() {
        let most = world.nodes_max();
        return Err(Problem::TooManyNodes { nodes, most, world }.at("network.nodes"));
    }
    let links = scenario.link_count();
    let most = world.links_max();
    if links > most {
        let problem = Problem::TooManyLinks(TooManyLinks { links, most }, world);
        return Err(problem.at("network.topology"));
    }
    let widest = scenario.widest();
    let peers_max = limits::PEERS_MAX as u64;
    if widest > peers_max {
        let form =
            format!("one node would have {widest} links; a node has at most {peers_max} peers");
        return Err(Problem::Form(form).at("network.topology"));
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
            found: value.to_string().into(),
            least: range.start().to_string().into(),
            most: range.end().to_string().into(),
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
        found: format!("{value:?}").into(),
        least: format!("{:?}", range.start()).into(),
        most: format!("{:?}", range.end()).into(),
    };
    Err(problem.at(path))
}

/// A length in bytes in its range.
fn size(path: &str, given: Option<Size>, default: u64, range: RangeInclusive<u64>) -> Checked<u32> {
    let value = given.map_or(default, |given| given.0);
    let fits = range.contains(&value).then(|| u32::try_from(value).ok());
    fits.flatten().ok_or_else(|| {
        let problem = Problem::OutOfRange {
            found: format!("{value} bytes").into(),
            least: range.start().to_string().into(),
            most: format!("{} bytes", range.end()).into(),
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

/// A key of a table that `owner` has no use for is a misunderstanding, so it is an error. What it
/// takes is written as a sentence has it: `a, b and c`.
fn only_keys(path: &str, owner: &str, takes: &'static str, given: &[(&str, bool)]) -> Checked<()> {
    let is_taken = |key: &str| takes.split([' ', ',']).any(|word| word == key);
    let mut given = given.iter().filter(|(_, is_given)| *is_given);
    match given.find(|(key, _)| !is_taken(key)) {
        Some((key, _)) => Err(not_taken(owner, takes).at(format!("{path}.{key}"))),
        None => Ok(()),
    }
}

/// The moment of an event, which the run must reach.
fn within_limit(path: String, time: Duration, stop: &Stop) -> Checked<When> {
    if time > stop.time_limit {
        return Err(Problem::AfterTimeLimit(stop.time_limit).at(path));
    }
    Ok(When::At(time))
}
