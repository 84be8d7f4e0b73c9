//! The tree of blocks, drawn: the chain as a trunk from top to bottom, stale branches as
//! twigs that end.
//!
//! ```text
//!      4  ●       n3  1f0a77c2   1.213 s
//!      5  ├─○     n6  5b6c11d0   1.500 s  stale, found 43 ms before 90abcdef
//!      5  ●       n1  90abcdef   1.543 s
//!         ┊       7 blocks in a row: n2 n2 n0 n7 n5 n3 n1
//!     13  ●       n0  c44de901   4.021 s
//! ```
//!
//! One row is one block, in order of height. Each branch has a lane of its own while it
//! lives; a long stretch in which nothing forks is one row.

use std::collections::{BTreeMap, HashMap};

use forkful_core::{Hash, NodeId};
use forkful_scenario::{BlockRecord, Branch, ForkTree};

use crate::show::style::{
    BOLD, DIM, GOOD, LOST, columns, left, node_list, node_name, node_style, number, paint, seconds,
};

/// Columns of a row beside its lanes; each lane takes two.
const ROW_WIDTH: usize = 65;

/// Branches that live side by side, the chain among them, even on the widest screen.
/// Further ones are only counted.
const LANES_MAX: usize = 10;

/// A stretch of so many quiet blocks is drawn as one row.
const QUIET_MIN: usize = 3;

/// The width of such a row, however wide the screen is.
const STRETCH_WIDTH_MAX: usize = 120;

/// Rows that are drawn; of more, those in the middle are left out.
const ROWS_MAX: usize = 160;

/// The trunk's lane.
const TRUNK: usize = 0;

/// Draws the tree. `tips` says which nodes are at which block.
pub fn lines(
    tree: &ForkTree,
    tip: &Hash,
    tips: &BTreeMap<Hash, Vec<NodeId>>,
    width: usize,
) -> Vec<String> {
    let branches = tree.branches(tip);
    let lanes_max = (width.saturating_sub(ROW_WIDTH) / 2).clamp(2, LANES_MAX);
    let (mut rows, hidden) = rows(&tree.chain(tip), &branches, lanes_max);
    place(&mut rows);
    let lanes = rows.iter().map(|row| row.cells.len()).max().unwrap_or(1);
    let drawer = Drawer {
        tips,
        siblings: siblings(tree, tip),
        graph_width: 2 * lanes + 1,
        width,
    };
    let mut lines = drawer.draw(&rows);
    if hidden > 0 {
        let more = format!("         and {} more stale branches", number(hidden as u64));
        lines.push(paint(DIM, more));
    }
    lines
}

/// One block and where it is drawn.
struct Row<'a> {
    block: &'a BlockRecord,
    /// Which branch it is on; `None` is the chain.
    branch: Option<usize>,
    /// The branch that this one leaves here, with its first block.
    leaves: Option<Option<usize>>,
    /// The last block of its branch, and how many that has.
    ends: Option<usize>,
    cells: Vec<Cell>,
}

/// What one lane shows in one row, and the column to the right of it.
#[derive(Clone, Copy, PartialEq)]
enum Cell {
    Empty,
    /// A branch passes.
    Pass,
    /// The block of the row.
    Block,
    /// A branch leaves here to the right, and this one goes on.
    Fork,
    /// A branch leaves here to the right, and this one has no more blocks.
    Bend,
    /// The way of a leaving branch to its lane.
    Reach,
    /// The same, across a branch that passes.
    Cross,
}

/// The blocks in the order in which they are drawn: by height, stale ones before the
/// chain's, so that a branch leaves between its fork point and the next block. Branches
/// that there is no lane for are left out and counted.
fn rows<'a>(
    chain: &[&'a BlockRecord],
    branches: &[Branch<'a>],
    lanes_max: usize,
) -> (Vec<Row<'a>>, usize) {
    let mut on_branch: HashMap<Hash, usize> = HashMap::new();
    let mut nesting: Vec<usize> = Vec::new();
    let mut parents: Vec<Option<usize>> = Vec::new();
    for (number, branch) in branches.iter().enumerate() {
        // A branch of a branch comes after it: branches are in order of their fork points.
        let parent = on_branch.get(&branch.fork_point.hash).copied();
        nesting.push(1 + parent.map_or(0, |parent| nesting[parent]));
        parents.push(parent);
        for block in &branch.blocks {
            on_branch.insert(block.hash, number);
        }
    }
    let (drawn, hidden) = choose(branches, &parents, lanes_max);
    let row = |block, branch| Row {
        block,
        branch,
        leaves: None,
        ends: None,
        cells: Vec::new(),
    };
    let mut rows: Vec<Row> = chain.iter().map(|block| row(*block, None)).collect();
    for (number, branch) in branches
        .iter()
        .enumerate()
        .filter(|(number, _)| drawn[*number])
    {
        let first = rows.len();
        rows.extend(branch.blocks.iter().map(|block| row(*block, Some(number))));
        rows[first].leaves = Some(parents[number]);
        if let Some(last) = rows.last_mut() {
            last.ends = Some(branch.blocks.len());
        }
    }
    rows.sort_by_key(|row| {
        let nesting = row.branch.map_or(0, |branch| nesting[branch]);
        (row.block.height, std::cmp::Reverse(nesting), row.branch)
    });
    (rows, hidden)
}

/// Which branches are drawn: all, but no more at one height than there are lanes; and no
/// branch of one that is not drawn.
fn choose(branches: &[Branch], parents: &[Option<usize>], lanes_max: usize) -> (Vec<bool>, usize) {
    let mut drawn = vec![true; branches.len()];
    let mut living: Vec<u64> = Vec::new();
    for (number, branch) in branches.iter().enumerate() {
        let first = branch.blocks.first().map_or(0, |block| block.height);
        let last = branch.blocks.last().map_or(0, |block| block.height);
        living.retain(|end| *end >= first);
        drawn[number] =
            living.len() + 1 < lanes_max && parents[number].is_none_or(|parent| drawn[parent]);
        // A single block needs no lane beyond its own row.
        if drawn[number] && last > first {
            living.push(last);
        }
    }
    let hidden = drawn.iter().filter(|drawn| !**drawn).count();
    (drawn, hidden)
}

/// Gives each branch a lane while it lives, and fills in every row's cells.
fn place(rows: &mut [Row]) {
    // The last row in which a branch has a block, or another one leaves it.
    let mut last_row: HashMap<Option<usize>, usize> = HashMap::new();
    for (at, row) in rows.iter().enumerate() {
        last_row.insert(row.branch, at);
        if let Some(parent) = row.leaves {
            last_row.insert(parent, at);
        }
    }
    let mut lanes: Vec<Option<Option<usize>>> = vec![Some(None)];
    for (at, row) in rows.iter_mut().enumerate() {
        let lane_of = |lanes: &[Option<Option<usize>>], branch| {
            lanes.iter().position(|lane| *lane == Some(branch))
        };
        let from = row.leaves.and_then(|parent| lane_of(&lanes, parent));
        let lane = lane_of(&lanes, row.branch).unwrap_or_else(|| {
            let free = (from.unwrap_or(TRUNK) + 1..lanes.len()).find(|lane| lanes[*lane].is_none());
            let lane = free.unwrap_or(lanes.len());
            lanes.resize(lanes.len().max(lane + 1), None);
            lanes[lane] = Some(row.branch);
            lane
        });
        row.cells = lanes
            .iter()
            .enumerate()
            .map(|(number, occupant)| {
                let reached = from.is_some_and(|from| from < number && number < lane);
                match occupant {
                    _ if number == lane => Cell::Block,
                    Some(parent) if Some(number) == from => {
                        if last_row[parent] == at {
                            Cell::Bend
                        } else {
                            Cell::Fork
                        }
                    }
                    Some(_) if reached => Cell::Cross,
                    None if reached => Cell::Reach,
                    Some(_) => Cell::Pass,
                    None => Cell::Empty,
                }
            })
            .collect();
        for occupant in &mut lanes {
            if occupant.is_some_and(|branch| last_row[&branch] == at) {
                *occupant = None;
            }
        }
        while lanes.last().is_some_and(Option::is_none) {
            lanes.pop();
        }
    }
}

/// For each stale block on a block of the chain, the block of the chain that won.
fn siblings<'a>(tree: &'a ForkTree, tip: &Hash) -> HashMap<Hash, &'a BlockRecord> {
    tree.chain(tip)
        .into_iter()
        .map(|block| (block.parent, block))
        .collect()
}

struct Drawer<'a> {
    tips: &'a BTreeMap<Hash, Vec<NodeId>>,
    siblings: HashMap<Hash, &'a BlockRecord>,
    graph_width: usize,
    width: usize,
}

impl Drawer<'_> {
    fn draw(&self, rows: &[Row]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut at = 0;
        while at < rows.len() {
            let quiet = (at..rows.len())
                .take_while(|at| self.is_quiet(rows, *at))
                .count();
            if quiet >= QUIET_MIN {
                lines.push(self.stretch(&rows[at..at + quiet]));
                at += quiet;
            } else {
                lines.push(self.row(&rows[at]));
                at += 1;
            }
        }
        if lines.len() > ROWS_MAX {
            let out = lines.len() - ROWS_MAX;
            let middle = ROWS_MAX / 2;
            let text = format!("         ┊ {} rows left out", number(out as u64));
            lines.splice(middle..middle + out, [paint(DIM, text)]);
        }
        lines
    }

    /// Whether nothing is to be seen at a row: a block of the chain with no other at its
    /// height, none that leaves from it, and nobody's tip.
    fn is_quiet(&self, rows: &[Row], at: usize) -> bool {
        let row = &rows[at];
        let alone = |other: Option<&Row>| other.is_some_and(|other| other.branch.is_none());
        row.branch.is_none()
            && row.cells.len() == 1
            && at > 0
            && alone(rows.get(at - 1))
            && alone(rows.get(at + 1))
            && !self.tips.contains_key(&row.block.hash)
    }

    /// One row for a stretch of quiet blocks.
    fn stretch(&self, rows: &[Row]) -> String {
        let miners = rows.iter().filter_map(|row| row.block.miner);
        let graph = left(&paint(DIM, "┊"), self.graph_width);
        let count = number(rows.len() as u64);
        let mut line = format!("{:>7}  {graph}{count} blocks in a row:", "");
        let mut used = columns(&line);
        for miner in miners {
            let name = miner.to_string();
            used += 1 + name.len();
            if used + 2 > self.width.min(STRETCH_WIDTH_MAX) {
                line.push_str(" …");
                break;
            }
            line.push(' ');
            line.push_str(&node_name(miner));
        }
        line
    }

    fn row(&self, row: &Row) -> String {
        let block = row.block;
        let height = paint(DIM, format_args!("{:>7}", block.height));
        let graph = left(&graph(row), self.graph_width);
        let Some(miner) = block.miner else {
            let genesis = paint(BOLD, "genesis");
            let line = format!("{height}  {graph}{genesis}  {}", self.note(row));
            return line.trim_end().to_owned();
        };
        let style = if row.branch.is_none() {
            node_style(miner)
        } else {
            node_style(miner).dimmed()
        };
        let miner = paint(style, format_args!("{:<4}", miner.to_string()));
        let hash = paint(style, block.hash.short());
        let time = paint(DIM, format_args!("{:>8.3} s", block.time.as_secs_f64()));
        let line = format!("{height}  {graph}{miner} {hash} {time}  {}", self.note(row));
        line.trim_end().to_owned()
    }

    /// What there is to say about a block.
    fn note(&self, row: &Row) -> String {
        let mut notes = Vec::new();
        if row.branch.is_some() {
            notes.push(self.stale(row));
        }
        if let Some(nodes) = self.tips.get(&row.block.hash) {
            let nodes = node_list(nodes, 4);
            notes.push(format!("{} {nodes}", paint(GOOD, "◀ tip of")));
        }
        notes.join("  ")
    }

    fn stale(&self, row: &Row) -> String {
        let block = row.block;
        let mut text = "stale".to_owned();
        if let Some(winner) = self.siblings.get(&block.parent)
            && row.leaves.is_some()
        {
            let (gap, order) = if block.time < winner.time {
                (winner.time.since(block.time), "before")
            } else {
                (block.time.since(winner.time), "after")
            };
            // Milliseconds are as fine as anybody looks.
            let gap = match gap.as_millis() {
                millis @ ..1_000 => format!("{millis} ms"),
                _ => seconds(gap.as_secs_f64()),
            };
            text.push_str(&format!(", {gap} {order} {}", winner.hash.short()));
        }
        if let Some(blocks @ 2..) = row.ends {
            text.push_str(&format!(": the end of {blocks} blocks"));
        }
        paint(LOST, text)
    }
}

fn graph(row: &Row) -> String {
    let mut text = String::new();
    for (lane, cell) in row.cells.iter().enumerate() {
        let (glyph, reaches) = match cell {
            Cell::Empty => (" ", false),
            Cell::Pass => ("│", false),
            Cell::Block if lane == TRUNK => ("●", false),
            Cell::Block => ("○", false),
            Cell::Fork => ("├", true),
            Cell::Bend => ("└", true),
            Cell::Reach => ("─", true),
            Cell::Cross => ("┼", true),
        };
        if *cell == Cell::Block {
            text.push_str(&match row.block.miner {
                Some(miner) => paint(node_style(miner), glyph),
                None => glyph.to_owned(),
            });
        } else {
            text.push_str(&paint(DIM, glyph));
        }
        text.push_str(&if reaches {
            paint(DIM, "─")
        } else {
            " ".to_owned()
        });
    }
    text
}

#[cfg(test)]
mod tests;
