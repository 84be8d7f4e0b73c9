//! What happens: events and the workload.

use std::time::Duration;

use forkful_core::{NodeId, limits};

use super::{
    BLOCKS_MAX, Checked, ENTRY_BYTES_MIN, MILLISECOND, not_taken, only_keys, size, span,
    topology::linked_pair, topology::node, whole, within_limit,
};
use crate::action::{Action, Submission, TimedAction, When, Workload};
use crate::document::{ActionWord, EventTable, WorkloadTable};
use crate::error::Problem;
use crate::network::Network;
use crate::node_set::NodeSet;
use crate::quantity::{Nodes, Size};
use crate::scenario::Rules;
use crate::stop::Stop;

/// One event; `position` is its place in the file.
pub(super) fn event(
    position: usize,
    table: &EventTable,
    network: &Network,
    rules: &Rules,
    stop: &Stop,
) -> Checked<TimedAction> {
    let path = format!("events[{position}]");
    keys_of_action(&path, table)?;
    Ok(TimedAction {
        when: when(&path, table, stop)?,
        action: action(&path, position, table, network, rules)?,
    })
}

/// The data given to random nodes at a steady pace.
pub(super) fn workload(table: &WorkloadTable, rules: &Rules, stop: &Stop) -> Checked<Workload> {
    let every = span(
        "workload.every",
        Some(table.every),
        Duration::ZERO,
        MILLISECOND..=stop.time_limit,
    )?;
    let bytes = entry_bytes("workload.bytes", table.bytes, rules)?;
    let count = table
        .count
        .map(|count| whole("workload.count", Some(count), 0, 1..=1_000_000))
        .transpose()?;
    if let Some(count) = count
        && every.saturating_mul(count) > stop.time_limit
    {
        return Err(Problem::AfterTimeLimit(stop.time_limit).at("workload.count"));
    }
    Ok(Workload {
        every,
        bytes,
        count,
    })
}

fn when(path: &str, table: &EventTable, stop: &Stop) -> Checked<When> {
    match (table.at, table.at_height) {
        (Some(time), None) => within_limit(format!("{path}.at"), time.0, stop),
        (None, Some(height)) => whole(
            &format!("{path}.at_height"),
            Some(height),
            0,
            0..=BLOCKS_MAX,
        )
        .map(When::Height),
        (None, None) => Err(Problem::Missing("at, a time, or at_height, a height").at(path)),
        (Some(_), Some(_)) => Err(Problem::OnlyOne("at and at_height").at(path)),
    }
}

fn action(
    path: &str,
    position: usize,
    table: &EventTable,
    network: &Network,
    rules: &Rules,
) -> Checked<Action> {
    let key = |name: &str| format!("{path}.{name}");
    let the_node = || -> Checked<NodeId> {
        let given = table
            .node
            .ok_or_else(|| Problem::Missing("node, such as 3").at(path))?;
        node(&key("node"), given, network.nodes)
    };
    let ends = |ends: &[i64]| linked_pair(&key("between"), ends, network.nodes, &network.topology);
    Ok(match table.action {
        ActionWord::Split => {
            let missing = || Problem::Missing("groups, such as [\"0..4\", \"4..8\"]").at(path);
            let given = table.groups.as_ref().filter(|groups| !groups.is_empty());
            Action::Split {
                groups: groups(&key("groups"), given.ok_or_else(missing)?, network.nodes)?,
            }
        }
        ActionWord::Cut => {
            let missing = || Problem::Missing("between, such as [0, 1]").at(path);
            Action::CutLink {
                between: ends(table.between.as_ref().ok_or_else(missing)?)?,
            }
        }
        ActionWord::Heal => match &table.between {
            Some(between) => Action::HealLink {
                between: ends(between)?,
            },
            None => Action::Heal,
        },
        ActionWord::Crash => Action::Crash { node: the_node()? },
        ActionWord::Restart => Action::Restart { node: the_node()? },
        ActionWord::HashRate => {
            let missing = || Problem::Missing("hash_rate, such as \"5k\" or 0").at(path);
            Action::SetHashRate {
                node: the_node()?,
                hash_rate: table.hash_rate.ok_or_else(missing)?.0,
            }
        }
        ActionWord::Submit => Action::Submit {
            node: table
                .node
                .map(|given| node(&key("node"), given, network.nodes))
                .transpose()?,
            data: submission(path, position, table, rules)?,
        },
    })
}

fn groups(path: &str, given: &[Nodes], nodes: u32) -> Checked<Vec<NodeSet>> {
    for (position, Nodes(group)) in given.iter().enumerate() {
        let path = || format!("{path}[{position}]");
        if let Some(last) = group.last().filter(|last| last.0 >= nodes) {
            let node = last.0.into();
            return Err(Problem::NoSuchNode { node, nodes }.at(path()));
        }
    }
    overlap(path, given)?;
    Ok(given.iter().map(|group| group.0.clone()).collect())
}

/// Sorts all ranges and looks at neighbours only: a hostile file may list a hundred
/// thousand groups.
fn overlap(path: &str, given: &[Nodes]) -> Checked<()> {
    let mut ranges: Vec<(u32, u32, usize)> = Vec::new();
    for (group, Nodes(set)) in given.iter().enumerate() {
        let of_group = set.clone().into_ranges().into_iter();
        ranges.extend(of_group.map(|range| (range.start, range.end, group)));
    }
    ranges.sort_unstable();
    match ranges.windows(2).find(|two| two[1].0 < two[0].1) {
        Some(two) => {
            let (first, second) = (two[0].2.min(two[1].2), two[0].2.max(two[1].2));
            let problem = Problem::Overlap {
                node: NodeId(two[1].0),
                group: first,
            };
            Err(problem.at(format!("{path}[{second}]")))
        }
        None => Ok(()),
    }
}

fn submission(
    path: &str,
    position: usize,
    table: &EventTable,
    rules: &Rules,
) -> Checked<Submission> {
    let key = |name: &str| format!("{path}.{name}");
    if table.bytes.is_some() && table.count.is_none() {
        return Err(not_taken("submit without count", "").at(key("bytes")));
    }
    let (name, entry) = match (&table.data, &table.data_hex, table.count) {
        (Some(text), None, None) => ("data", text.clone().into_bytes()),
        (None, Some(hex), None) => {
            let form = "expected hex digits, two for each byte";
            let bytes = const_hex::decode(hex);
            let wrong = |_| Problem::Form(form.to_owned()).at(key("data_hex"));
            ("data_hex", bytes.map_err(wrong)?)
        }
        (None, None, Some(count)) => {
            let pool = i64::try_from(limits::POOL_ENTRIES_MAX).unwrap_or(i64::MAX);
            let count = whole(&key("count"), Some(count), 0, 1..=pool)?;
            let bytes = entry_bytes(&key("bytes"), table.bytes, rules)?;
            let (sum, most) = (
                u64::from(count) * u64::from(bytes),
                limits::POOL_BYTES_MAX as u64,
            );
            if sum > most {
                return Err(Problem::TooMuchData { bytes: sum, most }.at(path));
            }
            return Ok(Submission::Generated {
                event: u32::try_from(position).unwrap_or(u32::MAX),
                count,
                bytes,
            });
        }
        (None, None, None) => {
            let missing = "data, data_hex or count, which says how many entries to make up";
            return Err(Problem::Missing(missing).at(path));
        }
        _ => return Err(Problem::OnlyOne("data, data_hex and count").at(path)),
    };
    let most = u64::from(rules.body_bytes_max);
    size(&key(name), Some(Size(entry.len() as u64)), 0, 1..=most)?;
    Ok(Submission::Entry(entry))
}

/// The length of an entry that is made up: no block could carry a longer one.
fn entry_bytes(path: &str, given: Option<Size>, rules: &Rules) -> Checked<u32> {
    let most = u64::from(rules.body_bytes_max);
    size(path, given, ENTRY_BYTES_MIN, ENTRY_BYTES_MIN..=most)
}

fn keys_of_action(path: &str, table: &EventTable) -> Checked<()> {
    let takes = match table.action {
        ActionWord::Split => "groups",
        ActionWord::Cut | ActionWord::Heal => "between",
        ActionWord::Crash | ActionWord::Restart => "node",
        ActionWord::HashRate => "node and hash_rate",
        ActionWord::Submit => "node, data, data_hex, count and bytes",
    };
    let given = [
        ("groups", table.groups.is_some()),
        ("between", table.between.is_some()),
        ("node", table.node.is_some()),
        ("hash_rate", table.hash_rate.is_some()),
        ("data", table.data.is_some()),
        ("data_hex", table.data_hex.is_some()),
        ("count", table.count.is_some()),
        ("bytes", table.bytes.is_some()),
    ];
    only_keys(path, table.action.name(), takes, &given)
}
