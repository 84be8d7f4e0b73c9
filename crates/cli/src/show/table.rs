//! A table of nodes: who is where, who found what.

use forkful_core::{Hash, NodeId};
use forkful_scenario::{NodeReport, NodeState, Report};

use crate::show::style::{BAD, DIM, GOOD, LOST, left, node_name, node_style, number, paint, right};

/// Nodes that are listed. Of more, only those that are not like the rest.
const ROWS_MAX: usize = 24;

/// The table of a report's nodes.
pub fn lines(report: &Report, miner_of: impl Fn(&Hash) -> Option<NodeId>) -> Vec<String> {
    let heads = [
        "node", "tip", "height", "mined", "on chain", "stale", "reorgs",
    ];
    let mut table = Table::default();
    table.rows.push(heads.map(|head| paint(DIM, head)).to_vec());
    for node in report.nodes.iter().take(ROWS_MAX) {
        table.rows.push(row(node, report, &miner_of));
    }
    let mut lines = table.lines(2);
    if let Some(left) = report
        .nodes
        .len()
        .checked_sub(ROWS_MAX)
        .filter(|left| *left > 0)
    {
        let rest = &report.nodes[ROWS_MAX..];
        let at_tip = rest.iter().filter(|node| node.tip == report.tip).count();
        lines.push(format!(
            "  and {left} more nodes, {at_tip} of them at the same tip"
        ));
    }
    lines
}

fn row(
    node: &NodeReport,
    report: &Report,
    miner_of: impl Fn(&Hash) -> Option<NodeId>,
) -> Vec<String> {
    let tip = match miner_of(&node.tip) {
        Some(miner) => paint(node_style(miner), node.tip.short()),
        None => "genesis".to_owned(),
    };
    let mark = match node.state {
        NodeState::Crashed => paint(BAD, "✗ down"),
        NodeState::Up if node.tip == report.tip => paint(GOOD, "✓"),
        NodeState::Up => paint(LOST, "≠"),
    };
    let stale = node.blocks_mined.saturating_sub(node.blocks_on_chain);
    let lost = |count: u64| match count {
        0 => paint(DIM, "0"),
        count => paint(LOST, number(count)),
    };
    vec![
        node_name(node.id),
        format!("{tip} {mark}"),
        number(node.height),
        number(node.blocks_mined),
        number(node.blocks_on_chain),
        lost(stale),
        lost(node.reorgs),
    ]
}

/// Cells in columns that are as wide as their widest cell.
#[derive(Default)]
pub struct Table {
    /// Rows of equal length.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// The lines, the first `texts` columns aligned left, numbers behind them right.
    pub fn lines(&self, texts: usize) -> Vec<String> {
        let count = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells
                .map(|cell| crate::show::style::columns(cell))
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..count).map(width).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().enumerate().map(|(column, cell)| {
                if column < texts {
                    left(cell, widths[column])
                } else {
                    right(cell, widths[column])
                }
            });
            format!("  {}", cells.collect::<Vec<_>>().join("  "))
                .trim_end()
                .to_owned()
        };
        self.rows.iter().map(line).collect()
    }
}
