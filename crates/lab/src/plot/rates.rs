//! What was lost: the rates of stale blocks and of forks, and reorgs by depth.

use std::collections::BTreeMap;

use crate::interval::{Quantile, Sample, float};
use crate::plot::axes::{Axis, Frame, title};
use crate::plot::canvas::{Anchor, Canvas, INK, PALETTE, Stroke};
use crate::plot::data::{Data, digits};

/// Depths that have a bar of their own.
const DEPTHS_MAX: u64 = 12;

/// The figure; `None` without a run.
pub fn figure(data: &Data) -> Option<Canvas> {
    if data.seeds.is_empty() {
        return None;
    }
    let mut canvas = Canvas::new(760, 470, "Stale blocks, forks and reorgs");
    title(&mut canvas, "Stale blocks, forks and reorgs", &data.source);
    rates(&mut canvas, data);
    depths(&mut canvas, data);
    Some(canvas)
}

fn rates(canvas: &mut Canvas, data: &Data) {
    let mut quantile = Quantile::new();
    let rate = |column: &str, quantile: &mut Quantile| {
        let mut sample = Sample::EMPTY;
        let values = data.runs.floats(column);
        values
            .iter()
            .flatten()
            .for_each(|rate| sample.add(rate * 100.0));
        (sample.mean(), sample.half_width(quantile))
    };
    let bars = [
        ("stale blocks", rate("stale_rate", &mut quantile)),
        ("forked heights", rate("fork_rate", &mut quantile)),
    ];
    let tops = bars
        .iter()
        .map(|(_, (mean, half))| mean + half.unwrap_or(0.0));
    let frame = Frame {
        from: (78.0, 80.0),
        to: (320.0, 410.0),
        x: places(&bars.map(|(name, _)| name.to_owned()), ""),
        y: Axis::from_zero(
            "part of the blocks, or of the heights (%)",
            tops.fold(0.0, f64::max),
            5,
        ),
    };
    frame.draw(canvas);
    for (place, (_, (mean, half))) in (0_u32..).zip(bars) {
        let text = match half {
            Some(half) => format!("{mean:.2} ± {half:.2}"),
            None => format!("{mean:.2}"),
        };
        bar(
            canvas,
            &frame,
            place,
            mean,
            half,
            PALETTE[place as usize % 2],
            &text,
        );
    }
}

fn depths(canvas: &mut Canvas, data: &Data) {
    let mut by_depth: BTreeMap<u64, u64> = BTreeMap::new();
    for depth in data.reorgs.unsigned("disconnected") {
        *by_depth.entry(depth.min(DEPTHS_MAX)).or_default() += 1;
    }
    if by_depth.is_empty() {
        canvas.text((560.0, 240.0), "no reorgs", 14.0, Anchor::Middle);
        return;
    }
    let runs = float(data.seeds.len() as u64);
    let deepest = by_depth.keys().copied().max().unwrap_or(1);
    let counts: Vec<f64> = (1..=deepest)
        .map(|depth| float(by_depth.get(&depth).copied().unwrap_or(0)) / runs)
        .collect();
    let name = |depth: u64| match depth {
        DEPTHS_MAX => format!("{DEPTHS_MAX}+"),
        depth => depth.to_string(),
    };
    let names: Vec<String> = (1..=deepest).map(name).collect();
    let most = counts.iter().copied().fold(0.0, f64::max);
    let seen = counts.iter().copied().filter(|count| *count > 0.0);
    let least = seen.fold(most, f64::min);
    let what = match data.seeds.len() {
        1 => "reorgs, over all nodes",
        _ => "reorgs in a run, over all nodes",
    };
    // Deep reorgs are rare: where the counts differ by much, steps are factors.
    let y = if most / least > 30.0 {
        Axis::logarithmic(what, least * 0.5, most)
    } else {
        Axis::from_zero(what, most, 5)
    };
    let frame = Frame {
        from: (410.0, 80.0),
        to: (730.0, 410.0),
        x: places(&names, "depth: blocks that a node left"),
        y,
    };
    frame.draw(canvas);
    for (place, count) in (0_u32..).zip(&counts) {
        if *count > 0.0 {
            let text = digits(*count);
            bar(canvas, &frame, place, *count, None, PALETTE[2], &text);
        }
    }
}

/// An axis of named places.
fn places(names: &[String], name: &str) -> Axis {
    let mut axis = Axis::from_zero(name, float(names.len() as u64), 1);
    axis.to = float(names.len() as u64);
    axis.ticks = (0_u32..)
        .zip(names)
        .map(|(place, name)| (f64::from(place) + 0.5, name.clone()))
        .collect();
    axis
}

fn bar(
    canvas: &mut Canvas,
    frame: &Frame,
    place: u32,
    value: f64,
    half: Option<f64>,
    colour: crate::plot::canvas::Colour,
    text: &str,
) {
    let middle = f64::from(place) + 0.5;
    let corner = frame.at(middle - 0.32, value);
    let ground = frame.at(middle + 0.32, frame.y.from);
    canvas.rectangle(corner, ground, Some(colour), None);
    let half = half.unwrap_or(0.0);
    let (x, top) = frame.at(middle, value + half);
    if half > 0.0 {
        let (_, low) = frame.at(middle, (value - half).max(frame.y.from));
        let pen = Stroke::new(INK, 1.5);
        canvas.line(&[(x, low), (x, top)], pen);
        canvas.line(&[(x - 5.0, top), (x + 5.0, top)], pen);
        canvas.line(&[(x - 5.0, low), (x + 5.0, low)], pen);
    }
    // Many bars are narrow.
    let size = if frame.x.to > 8.0 { 9.5 } else { 12.0 };
    canvas.text((x, top - 7.0), text, size, Anchor::Middle);
}
