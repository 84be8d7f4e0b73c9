//! The tree of blocks of one run, where it forks most.

use std::collections::BTreeMap;

use crate::plot::axes::title;
use crate::plot::canvas::{Anchor, Canvas, Colour, GREY, GRID, INK, PALETTE, Shape, Stroke, WHITE};
use crate::plot::data::Data;

/// Heights that are shown.
const WINDOW: u64 = 24;

/// Rows of stale branches that are shown below the chain.
const ROWS_MAX: usize = 12;

/// Pixels between two heights, and between two rows.
const STEP: (f32, f32) = (29.0, 46.0);

/// Where genesis, or the lowest height that is shown, is.
const ORIGIN: (f32, f32) = (56.0, 104.0);

/// A block in its place.
struct Placed {
    height: u64,
    /// 0 is the chain.
    row: usize,
    miner: Option<u64>,
    /// The place of the parent, if it is shown.
    parent: Option<(u64, usize)>,
}

/// The figure; `None` without blocks.
pub fn figure(data: &Data) -> Option<Canvas> {
    let seed = *data.seeds.first()?;
    let (from, placed) = place(data, seed)?;
    let rows = placed.iter().map(|block| block.row).max().unwrap_or(0);
    let rows = u8::try_from(rows).unwrap_or(u8::MAX);
    let height = ORIGIN.1 + STEP.1 * f32::from(rows) + 104.0;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a few hundred pixels"
    )]
    let mut canvas = Canvas::new(780, height as u16, "The tree of blocks");
    let stale = data
        .blocks
        .bools("on_chain")
        .iter()
        .filter(|on| !**on)
        .count();
    let heading = match stale {
        0 => "The tree of blocks: no forks",
        _ => "The tree of blocks, where it forks most",
    };
    let source = match data.seeds.len() {
        1 => data.source.clone(),
        _ => format!("{}; this is seed {seed}", data.source),
    };
    title(&mut canvas, heading, &source);
    let bottom = height - 72.0;
    for step in (0..=WINDOW).step_by(2) {
        let (x, _) = at(from, from + step, 0);
        canvas.line(&[(x, 80.0), (x, bottom)], Stroke::new(GRID, 1.0));
        let text = (from + step).to_string();
        canvas.text((x, bottom + 18.0), &text, 12.0, Anchor::Middle);
    }
    canvas.text(
        (390.0, bottom + 46.0),
        "height (blocks)",
        13.0,
        Anchor::Middle,
    );
    draw(&mut canvas, from, &placed);
    legend(&mut canvas, bottom + 46.0);
    Some(canvas)
}

fn draw(canvas: &mut Canvas, from: u64, placed: &[Placed]) {
    for block in placed {
        if let Some((height, row)) = block.parent {
            let (x, y) = at(from, block.height, block.row);
            let (px, py) = at(from, height, row);
            let pen = Stroke::new(GREY, 1.5);
            // A branch leaves its row at once, and then runs along its own.
            let bend = (px + 0.5 * STEP.0, y);
            canvas.line(&[(px, py), bend, (x, y)], pen);
        }
    }
    for block in placed {
        let (x, y) = at(from, block.height, block.row);
        let (fill, edge) = match block.row {
            _ if block.height == 0 => (GREY, GREY),
            0 => (PALETTE[0], PALETTE[0]),
            _ => (WHITE, PALETTE[1]),
        };
        let (left, top, right, bottom) = (x - 9.0, y - 9.0, x + 9.0, y + 9.0);
        canvas.rectangle(
            (left, top),
            (right, bottom),
            Some(fill),
            Some(Stroke::new(edge, 2.0)),
        );
        if let Some(miner) = block.miner {
            miner_name(
                canvas,
                (x, y),
                miner,
                if block.row == 0 { WHITE } else { INK },
            );
        }
    }
}

/// In the block if it is short, else above it.
fn miner_name(canvas: &mut Canvas, (x, y): (f32, f32), miner: u64, colour: Colour) {
    let text = miner.to_string();
    let (at, size, colour) = match text.len() {
        1 | 2 => ((x, y + 3.8), 11.0, colour),
        _ => ((x, y - 13.0), 9.5, INK),
    };
    canvas.text(at, &text, size, Anchor::Middle);
    if let Some(Shape::Text(text)) = canvas.shapes.last_mut() {
        text.colour = colour;
    }
}

fn legend(canvas: &mut Canvas, y: f32) {
    let entries = [
        (PALETTE[0], PALETTE[0], "on the chain", 56.0),
        (WHITE, PALETTE[1], "stale", 172.0),
        (GREY, GREY, "genesis", 242.0),
    ];
    for (fill, edge, text, x) in entries {
        let corner = (x + 14.0, y);
        canvas.rectangle(
            (x, y - 14.0),
            corner,
            Some(fill),
            Some(Stroke::new(edge, 2.0)),
        );
        canvas.text((x + 22.0, y - 2.0), text, 12.5, Anchor::Start);
    }
    canvas.text((752.0, y - 2.0), "number: the miner", 12.5, Anchor::End);
}

fn at(from: u64, height: u64, row: usize) -> (f32, f32) {
    let step = u8::try_from(height.saturating_sub(from)).unwrap_or(u8::MAX);
    let row = u8::try_from(row).unwrap_or(u8::MAX);
    (
        ORIGIN.0 + STEP.0 * f32::from(step),
        ORIGIN.1 + STEP.1 * f32::from(row),
    )
}

/// The blocks of the window with the most stale ones, each in a row where nothing is in its
/// way. Parents come before their children in the file.
fn place(data: &Data, seed: u64) -> Option<(u64, Vec<Placed>)> {
    let seeds = data.blocks.unsigned("seed");
    let heights = data.blocks.unsigned("height");
    let miners = data.blocks.optional_unsigned("miner");
    let on_chain = data.blocks.bools("on_chain");
    let (hashes, parents) = (data.blocks.texts("hash"), data.blocks.texts("parent"));
    let own: Vec<usize> = (0..seeds.len()).filter(|row| seeds[*row] == seed).collect();
    let stale = own.iter().filter(|row| !on_chain[**row]);
    let stale: Vec<u64> = stale.map(|row| heights[*row]).collect();
    let from = window(&stale);
    let is_shown = |height: u64| (from..=from + WINDOW).contains(&height);

    let mut places: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    // By row, the first height that is free.
    let mut free = [0_u64; ROWS_MAX + 1];
    let mut placed = Vec::new();
    // Genesis is not in the file, for nobody found it.
    if let Some(first) = own.first().filter(|_| from == 0) {
        places.insert(&parents[*first], (0, 0));
        placed.push(Placed {
            height: 0,
            row: 0,
            miner: None,
            parent: None,
        });
    }
    for row in own {
        let height = heights[row];
        if !is_shown(height) {
            continue;
        }
        let parent = places.get(parents[row].as_str()).copied();
        let own = parent.map(|(_, lane)| lane);
        let lane = match on_chain[row] {
            true => Some(0),
            false => stale_lane(&free, own, height),
        };
        let Some(lane) = lane else {
            continue;
        };
        free[lane] = height + 1;
        places.insert(&hashes[row], (height, lane));
        placed.push(Placed {
            height,
            row: lane,
            miner: miners[row],
            parent,
        });
    }
    (!placed.is_empty()).then_some((from, placed))
}

/// The row of a stale block, if there is one; `parent` is that of the block before it.
fn stale_lane(free: &[u64; ROWS_MAX + 1], parent: Option<usize>, height: u64) -> Option<usize> {
    // A branch goes on in its row, if it is the first child there.
    let goes_on = parent.filter(|lane| *lane > 0 && free[*lane] <= height);
    // Another one leaves a gap, or the two would look like one.
    goes_on.or_else(|| (1..=ROWS_MAX).find(|lane| free[*lane] < height))
}

/// The lowest height of the window with the most of these.
fn window(heights: &[u64]) -> u64 {
    let mut sorted = heights.to_vec();
    sorted.sort_unstable();
    let in_window = |from: u64| {
        let end = sorted.partition_point(|height| *height < from + WINDOW - 1);
        end - sorted.partition_point(|height| *height < from)
    };
    let best = sorted.iter().rev().max_by_key(|height| in_window(**height));
    // A block of the chain before the first fork shows where it begins.
    best.map_or(0, |height| height.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_branches_in_a_row_do_not_look_like_one() {
        let mut free = [0; ROWS_MAX + 1];
        assert_eq!(stale_lane(&free, Some(0), 5), Some(1));
        free[1] = 6;
        assert_eq!(stale_lane(&free, Some(1), 6), Some(1), "the branch goes on");
        assert_eq!(
            stale_lane(&free, Some(0), 6),
            Some(2),
            "another one would touch it"
        );
        assert_eq!(
            stale_lane(&free, Some(0), 7),
            Some(1),
            "a height further on none does"
        );
        assert_eq!(stale_lane(&[9; ROWS_MAX + 1], Some(0), 9), None);
    }

    #[test]
    fn the_window_has_the_most_forks() {
        assert_eq!(window(&[]), 0);
        assert_eq!(window(&[1, 100, 105, 106, 300]), 99);
        assert_eq!(window(&[1]), 0);
    }
}
