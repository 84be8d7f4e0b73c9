//! What each miner found of the chain, against its part of the hash rate.

use std::collections::BTreeMap;

use crate::interval::{Quantile, Sample, float};
use crate::plot::axes::{Axis, Frame, title};
use crate::plot::canvas::{Anchor, Canvas, GREY, PALETTE, SHADE, Stroke};
use crate::plot::data::Data;

/// Up to so many miners have a place each; more become a cloud.
const PLACES_MAX: usize = 40;

/// One miner, in per cent.
#[derive(Clone, PartialEq, Debug)]
struct Miner {
    node: u64,
    strategy: usize,
    share: f64,
    revenue: f64,
    low: f64,
    high: f64,
}

/// The figure; `None` if nobody mined.
pub fn figure(data: &Data) -> Option<Canvas> {
    let mut strategies = Vec::new();
    let miners = miners(data, &mut strategies);
    if miners.is_empty() {
        return None;
    }
    let mut canvas = Canvas::new(760, 490, "Revenue by miner");
    title(
        &mut canvas,
        "Revenue by miner, against its part of the hash rate",
        &data.source,
    );
    let most = miners
        .iter()
        .map(|m| m.high.max(m.share))
        .fold(0.0, f64::max);
    let revenue = Axis::from_zero("part of the blocks on the chain (%)", most, 6);
    if miners.len() <= PLACES_MAX {
        in_places(&mut canvas, &miners, revenue);
    } else {
        as_cloud(&mut canvas, &miners, revenue);
    }
    legend(
        &mut canvas,
        &strategies,
        miners.len() <= PLACES_MAX,
        data.seeds.len(),
    );
    Some(canvas)
}

/// A place for each miner: its part of the hash rate as a bar, its revenue as a mark on it.
fn in_places(canvas: &mut Canvas, miners: &[Miner], revenue: Axis) {
    let count = float(miners.len() as u64);
    let mut places = Axis::from_zero("miner, the one with the most hash rate first", count, 1);
    places.to = count;
    places.ticks = (0_u32..)
        .zip(miners)
        .map(|(place, miner)| (f64::from(place) + 0.5, format!("n{}", miner.node)))
        .collect();
    if miners.len() > 20 {
        let mut is_even = false;
        places.ticks.retain(|_| {
            is_even = !is_even;
            is_even
        });
    }
    let frame = frame(places, revenue);
    frame.draw(canvas);
    for (place, miner) in (0_u32..).zip(miners) {
        let middle = f64::from(place) + 0.5;
        let corner = frame.at(middle - 0.36, miner.share);
        canvas.rectangle(corner, frame.at(middle + 0.36, 0.0), Some(SHADE), None);
        value(canvas, &frame, middle, miner, 5.0);
    }
}

/// All miners over their parts of the hash rate, and the line of those who get what they
/// work for.
fn as_cloud(canvas: &mut Canvas, miners: &[Miner], revenue: Axis) {
    let most = miners.iter().map(|miner| miner.share).fold(0.0, f64::max);
    let share = Axis::from_zero(
        "part of the hash rate (%), those of the same part side by side",
        most,
        6,
    );
    let to = share.to.min(revenue.to);
    let frame = frame(share, revenue);
    frame.draw(canvas);
    let line = [frame.at(0.0, 0.0), frame.at(to, to)];
    canvas.line(&line, Stroke::dashed(GREY, 1.5));
    for alike in miners.chunk_by(|a, b| (a.share - b.share).abs() < 1e-9) {
        // Miners with the same part would hide each other: they stand side by side.
        let count = float(alike.len() as u64);
        let step = (0.04 / count).min(0.005) * frame.x.to;
        for (place, miner) in (0_u32..).zip(alike) {
            let aside = (f64::from(place) - (count - 1.0) / 2.0) * step;
            value(canvas, &frame, miner.share + aside, miner, 3.0);
        }
    }
}

fn frame(x: Axis, y: Axis) -> Frame {
    Frame {
        from: (78.0, 102.0),
        to: (730.0, 430.0),
        x,
        y,
    }
}

fn value(canvas: &mut Canvas, frame: &Frame, x: f64, miner: &Miner, radius: f32) {
    let colour = PALETTE[miner.strategy % PALETTE.len()];
    let (low, high) = (frame.at(x, miner.low), frame.at(x, miner.high));
    canvas.line(&[low, high], Stroke::new(colour, 1.5));
    if radius > 4.0 {
        for (x, y) in [low, high] {
            canvas.line(&[(x - 4.0, y), (x + 4.0, y)], Stroke::new(colour, 1.5));
        }
    }
    canvas.mark(frame.at(x, miner.revenue), miner.strategy, radius);
}

/// Above the diagram.
fn legend(canvas: &mut Canvas, strategies: &[String], has_places: bool, runs: usize) {
    let interval = match runs {
        1 => "revenue with the 95 % interval of as many independent blocks",
        _ => "mean revenue with its 95 % interval over the runs",
    };
    let mut x = 84.0;
    if has_places {
        canvas.rectangle((x, 76.0), (x + 22.0, 88.0), Some(SHADE), None);
    } else {
        canvas.line(&[(x, 82.0), (x + 22.0, 82.0)], Stroke::dashed(GREY, 1.5));
    }
    canvas.text((x + 30.0, 86.5), "hash rate", 12.5, Anchor::Start);
    x += 112.0;
    for (series, strategy) in strategies.iter().enumerate().take(4) {
        canvas.mark((x, 82.0), series, 5.0);
        canvas.text((x + 10.0, 86.5), strategy, 12.5, Anchor::Start);
        x += 30.0 + 7.0 * f32::from(u8::try_from(strategy.len()).unwrap_or(u8::MAX));
    }
    canvas.text((730.0, 86.5), interval, 12.5, Anchor::End);
}

/// Who has hash rate or found a block, the one with the most hash rate first.
fn miners(data: &Data, strategies: &mut Vec<String>) -> Vec<Miner> {
    let nodes = data.nodes.unsigned("node");
    let shares = data.nodes.floats("hash_share");
    let revenues = data.nodes.floats("revenue_share");
    let found = data.nodes.unsigned("blocks_on_chain");
    let words = data.nodes.texts("strategy");
    let mut by_node: BTreeMap<u64, (Sample, Sample, u64, usize)> = BTreeMap::new();
    let mut blocks = 0;
    for (row, node) in nodes.iter().enumerate() {
        let strategy = strategies.iter().position(|word| *word == words[row]);
        let strategy = strategy.unwrap_or_else(|| {
            strategies.push(words[row].clone());
            strategies.len() - 1
        });
        let empty = (Sample::EMPTY, Sample::EMPTY, 0, strategy);
        let (share, revenue, count, _) = by_node.entry(*node).or_insert(empty);
        share.add(shares[row].unwrap_or(0.0));
        if let Some(part) = revenues[row] {
            revenue.add(part);
        }
        *count += found[row];
        blocks += found[row];
    }
    let mut quantile = Quantile::new();
    let mut miners = Vec::new();
    for (node, (share, revenue, count, strategy)) in by_node {
        if share.mean() == 0.0 && count == 0 {
            continue;
        }
        let mean = revenue.mean();
        let (low, high) = match revenue.half_width(&mut quantile) {
            Some(half) => (mean - half, mean + half),
            None => wilson(count, blocks),
        };
        miners.push(Miner {
            node,
            strategy,
            share: share.mean() * 100.0,
            revenue: mean * 100.0,
            low: low.max(0.0) * 100.0,
            high: high * 100.0,
        });
    }
    miners.sort_by(|a, b| b.share.total_cmp(&a.share).then(a.node.cmp(&b.node)));
    miners
}

/// The 95 % interval of a part of which `count` of `all` were seen (Wilson, Journal of the
/// American Statistical Association 1927).
fn wilson(count: u64, all: u64) -> (f64, f64) {
    let (n, z) = (float(all.max(1)), 1.959_964);
    let part = float(count) / n;
    let middle = (part + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (part * (1.0 - part) / n + z * z / (4.0 * n * n)).sqrt();
    (middle - half, middle + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_part() {
        // Wilson's interval of 10 in 100, as any table or calculator has it.
        let (low, high) = wilson(10, 100);
        assert!((low - 0.0552).abs() < 1e-4 && (high - 0.1744).abs() < 1e-4);
        assert!(wilson(0, 10).0.abs() < 1e-12);
    }
}
