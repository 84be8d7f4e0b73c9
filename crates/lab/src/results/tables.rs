//! The tables of a run: runs, blocks, propagation, reorgs, nodes. docs/results.md says what
//! their columns mean.

use std::borrow::Cow;
use std::time::Duration;

use forkful_core::NodeId;
use forkful_scenario::{NodeState, Outcome, PARTS, Report, Scenario};

use crate::interval::float;
use crate::metric::Metric;
use crate::results::Reorg;
use crate::table::{Column, Kind, Schema, Table, Value, column, optional};

/// The rows that one run adds to each table.
#[derive(Debug)]
pub struct RunTables {
    /// In the order of [`schemas`].
    pub(crate) tables: [Table; 5],
}

/// The forms of all tables.
pub fn schemas() -> [Schema; 5] {
    [runs(), blocks(), propagation(), reorgs(), nodes()]
}

impl RunTables {
    /// The rows of a run that was played to its end.
    pub fn new(scenario: &Scenario, outcome: &Outcome, reorgs: &[Reorg]) -> RunTables {
        let report = &outcome.report;
        RunTables {
            tables: [
                run_row(report),
                block_rows(outcome),
                propagation_rows(outcome),
                reorg_rows(report.seed, reorgs),
                node_rows(scenario, report),
            ],
        }
    }
}

/// The form of `runs`: what each run gave of every quantity.
pub fn runs() -> Schema {
    let mut columns = vec![
        column("seed", Kind::Unsigned),
        optional("trace", Kind::Text),
        column("interrupted", Kind::Bool),
    ];
    columns.extend(Metric::all().iter().map(|metric| Column {
        name: Cow::Owned(column_name(&metric.name)),
        kind: Kind::Float,
        optional: true,
    }));
    Schema {
        name: "runs",
        columns,
    }
}

/// The form of `blocks`: every block that was found.
pub fn blocks() -> Schema {
    Schema {
        name: "blocks",
        columns: vec![
            column("seed", Kind::Unsigned),
            column("hash", Kind::Hash),
            column("parent", Kind::Hash),
            column("height", Kind::Unsigned),
            optional("miner", Kind::Unsigned),
            column("time_ns", Kind::Unsigned),
            column("on_chain", Kind::Bool),
            column("entries", Kind::Unsigned),
            column("reached_nodes", Kind::Unsigned),
            column("reached_hash_share", Kind::Float),
            column("exposure_ms", Kind::Float),
        ],
    }
}

/// The form of `propagation`: when a part of the network had a block.
pub fn propagation() -> Schema {
    Schema {
        name: "propagation",
        columns: vec![
            column("seed", Kind::Unsigned),
            column("hash", Kind::Hash),
            column("height", Kind::Unsigned),
            column("percent", Kind::Unsigned),
            optional("nodes_ms", Kind::Float),
            optional("hash_rate_ms", Kind::Float),
        ],
    }
}

/// The form of `reorgs`: every reorg of every node.
pub fn reorgs() -> Schema {
    Schema {
        name: "reorgs",
        columns: vec![
            column("seed", Kind::Unsigned),
            column("time_ns", Kind::Unsigned),
            column("node", Kind::Unsigned),
            column("disconnected", Kind::Unsigned),
            column("connected", Kind::Unsigned),
            column("old", Kind::Hash),
            column("old_height", Kind::Unsigned),
            column("new", Kind::Hash),
            column("new_height", Kind::Unsigned),
        ],
    }
}

/// The form of `nodes`: what came of each node.
pub fn nodes() -> Schema {
    Schema {
        name: "nodes",
        columns: vec![
            column("seed", Kind::Unsigned),
            column("node", Kind::Unsigned),
            column("strategy", Kind::Text),
            column("hash_share", Kind::Float),
            column("blocks_mined", Kind::Unsigned),
            column("blocks_on_chain", Kind::Unsigned),
            optional("revenue_share", Kind::Float),
            optional("propagation_ms", Kind::Float),
            column("reorgs", Kind::Unsigned),
            column("tip", Kind::Hash),
            column("height", Kind::Unsigned),
            column("up", Kind::Bool),
        ],
    }
}

/// A quantity's name as that of a column: SQL reads a dot as something else.
pub(crate) fn column_name(metric: &str) -> String {
    metric.replace('.', "_")
}

fn run_row(report: &Report) -> Table {
    let mut row = vec![
        Value::Unsigned(report.seed),
        report.trace.clone().map_or(Value::Missing, Value::Text),
        Value::Bool(report.interrupted),
    ];
    let value = |metric: &Metric| metric.value(report).map_or(Value::Missing, Value::Float);
    row.extend(Metric::all().iter().map(value));
    let mut table = Table::new(runs());
    table.push_row(row);
    table
}

fn block_rows(outcome: &Outcome) -> Table {
    let mut table = Table::new(blocks());
    let on_chain = outcome.tree.on_chain(&outcome.report.tip);
    let found = outcome
        .tree
        .blocks()
        .iter()
        .zip(&outcome.reach)
        .zip(on_chain);
    // Genesis was not found by anybody.
    for ((block, reach), on_chain) in found.skip(1) {
        table.push([
            Value::Unsigned(outcome.report.seed),
            Value::Hash(block.hash),
            Value::Hash(block.parent),
            Value::Unsigned(block.height),
            block.miner.map_or(Value::Missing, node),
            Value::Unsigned(block.time.0),
            Value::Bool(on_chain),
            Value::Unsigned(block.entries.into()),
            Value::Unsigned(reach.nodes.into()),
            Value::Float(reach.hash_share),
            Value::Float(reach.exposure * 1e3),
        ]);
    }
    table
}

fn propagation_rows(outcome: &Outcome) -> Table {
    let mut table = Table::new(propagation());
    let found = outcome.tree.blocks().iter().zip(&outcome.reach).skip(1);
    for (block, reach) in found {
        let moments = reach.by_nodes.iter().zip(&reach.by_hash_rate);
        for (percent, (by_nodes, by_hash_rate)) in PARTS.into_iter().zip(moments) {
            table.push([
                Value::Unsigned(outcome.report.seed),
                Value::Hash(block.hash),
                Value::Unsigned(block.height),
                Value::Unsigned(percent.into()),
                by_nodes.map_or(Value::Missing, ms),
                by_hash_rate.map_or(Value::Missing, ms),
            ]);
        }
    }
    table
}

fn reorg_rows(seed: u64, found: &[Reorg]) -> Table {
    let mut table = Table::new(reorgs());
    for reorg in found {
        table.push([
            Value::Unsigned(seed),
            Value::Unsigned(reorg.time_ns),
            node(reorg.node),
            Value::Unsigned(reorg.disconnected.into()),
            Value::Unsigned(reorg.connected.into()),
            Value::Hash(reorg.old.0),
            Value::Unsigned(reorg.old.1),
            Value::Hash(reorg.new.0),
            Value::Unsigned(reorg.new.1),
        ]);
    }
    table
}

fn node_rows(scenario: &Scenario, report: &Report) -> Table {
    let mut table = Table::new(nodes());
    let on_chain = report.blocks.on_chain;
    for (own, spec) in report.nodes.iter().zip(scenario.nodes()) {
        let share = float(own.blocks_on_chain) / float(on_chain.max(1));
        table.push([
            Value::Unsigned(report.seed),
            node(own.id),
            Value::Text(spec.strategy.name().to_owned()),
            Value::Float(own.hash_share),
            Value::Unsigned(own.blocks_mined),
            Value::Unsigned(own.blocks_on_chain),
            if on_chain > 0 {
                Value::Float(share)
            } else {
                Value::Missing
            },
            own.propagation_ms.map_or(Value::Missing, Value::Float),
            Value::Unsigned(own.reorgs),
            Value::Hash(own.tip),
            Value::Unsigned(own.height),
            Value::Bool(own.state == NodeState::Up),
        ]);
    }
    table
}

fn node(node: NodeId) -> Value {
    Value::Unsigned(node.0.into())
}

fn ms(span: Duration) -> Value {
    Value::Float(span.as_secs_f64() * 1e3)
}
