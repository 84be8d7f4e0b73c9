//! What each miner found of the chain, against its part of the hash rate.

use std::collections::BTreeMap;

use crate::interval::{Quantile, Sample, float};
use crate::plot::axes::{Axis, Frame, title};
use crate::plot::canvas::{Anchor, Canvas, GREY, PALETTE, SHADE, Stroke};
use crate::plot::data::Data;

/// Up to so many miners have a place each; more are shown in groups.
const PLACES_MAX: usize = 40;

/// Into so many groups of miners with nearly the same hash rate.
const GROUPS: usize = 16;

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
    let has_places = miners.len() <= PLACES_MAX;
    let marks = if has_places { miners } else { grouped(&miners) };
    let tops = marks.iter().map(|m| m.high.max(m.share));
    let revenue = "part of the blocks on the chain (%)";
    let revenue = Axis::from_zero(revenue, tops.fold(0.0, f64::max), 6);
    if has_places {
        in_places(&mut canvas, &marks, revenue);
    } else {
        in_groups(&mut canvas, &marks, revenue);
    }
    let interval = match (has_places, data.seeds.len()) {
        (false, _) => "a mark: miners of like hash rate, their mean, and its 95 % interval",
        (true, 1) => "revenue with the 95 % interval of as many independent blocks",
        (true, _) => "mean revenue with its 95 % interval over the runs",
    };
    legend(&mut canvas, &strategies, has_places, interval);
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
        value(canvas, &frame, middle, miner);
    }
}

/// Groups of miners over their part of the hash rate, and the line of those who get what
/// they work for.
fn in_groups(canvas: &mut Canvas, groups: &[Miner], revenue: Axis) {
    let most = groups.iter().map(|group| group.share).fold(0.0, f64::max);
    let share = Axis::from_zero("part of the hash rate (%), of one miner", most, 6);
    let to = share.to.min(revenue.to);
    let frame = frame(share, revenue);
    frame.draw(canvas);
    let line = [frame.at(0.0, 0.0), frame.at(to, to)];
    canvas.line(&line, Stroke::dashed(GREY, 1.5));
    for group in groups {
        value(canvas, &frame, group.share, group);
    }
}

/// The miners of each strategy, in groups of nearly the same hash rate. A group's interval
/// is that of the mean over its miners; a miner that is alone keeps its own.
fn grouped(miners: &[Miner]) -> Vec<Miner> {
    let strategies = miners.iter().map(|miner| miner.strategy + 1).max();
    let mut groups = Vec::new();
    for strategy in 0..strategies.unwrap_or(0) {
        let own = miners.iter().filter(|miner| miner.strategy == strategy);
        let own: Vec<&Miner> = own.collect();
        let alike: Vec<&[&Miner]> = own.chunk_by(|a, b| a.share - b.share < 1e-9).collect();
        let chunks = if alike.len() <= GROUPS {
            alike
        } else {
            own.chunks(own.len().div_ceil(GROUPS)).collect()
        };
        groups.extend(chunks.into_iter().map(group));
    }
    groups
}

fn group(miners: &[&Miner]) -> Miner {
    let first = miners[0];
    if miners.len() == 1 {
        return first.clone();
    }
    let (mut share, mut revenue) = (Sample::EMPTY, Sample::EMPTY);
    for miner in miners {
        share.add(miner.share);
        revenue.add(miner.revenue);
    }
    let half = revenue.half_width(&mut Quantile::new()).unwrap_or(0.0);
    Miner {
        share: share.mean(),
        revenue: revenue.mean(),
        low: (revenue.mean() - half).max(0.0),
        high: revenue.mean() + half,
        ..first.clone()
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

fn value(canvas: &mut Canvas, frame: &Frame, x: f64, miner: &Miner) {
    let colour = PALETTE[miner.strategy % PALETTE.len()];
    let (low, high) = (frame.at(x, miner.low), frame.at(x, miner.high));
    canvas.line(&[low, high], Stroke::new(colour, 1.5));
    for (x, y) in [low, high] {
        canvas.line(&[(x - 4.0, y), (x + 4.0, y)], Stroke::new(colour, 1.5));
    }
    canvas.mark(frame.at(x, miner.revenue), miner.strategy, 5.0);
}

/// Above the diagram.
fn legend(canvas: &mut Canvas, strategies: &[String], has_places: bool, interval: &str) {
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
    fn groups_are_alike_and_an_attacker_stands_alone() {
        let miner = |node: u32, strategy, share| Miner {
            node: node.into(),
            strategy,
            share,
            revenue: share + f64::from(node % 2),
            low: 0.0,
            high: 9.0,
        };
        let mut miners = vec![miner(0, 1, 30.0)];
        miners.extend((1..=20).map(|node| miner(node, 0, 2.0)));
        miners.extend((21..=40).map(|node| miner(node, 0, 1.0)));
        let groups = grouped(&miners);
        let seen: Vec<_> = groups
            .iter()
            .map(|g| (g.strategy, g.share, g.revenue))
            .collect();
        assert_eq!(seen, [(0, 2.0, 2.5), (0, 1.0, 1.5), (1, 30.0, 30.0)]);
        assert_eq!(groups[2].high, 9.0);
        // Twenty values, half of them 1 apart: sd 0.513, t(19) = 2.093, half 0.24.
        assert!((groups[0].high - 2.74).abs() < 0.01, "{}", groups[0].high);
    }

    #[test]
    fn the_interval_of_a_part() {
        // Wilson's interval of 10 in 100, as any table or calculator has it.
        let (low, high) = wilson(10, 100);
        assert!((low - 0.0552).abs() < 1e-4 && (high - 0.1744).abs() < 1e-4);
        assert!(wilson(0, 10).0.abs() < 1e-12);
    }
}
