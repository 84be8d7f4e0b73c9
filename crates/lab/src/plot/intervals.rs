//! The time between blocks of the chain, and the exponential that a search without memory
//! has.

use crate::plot::axes::{Axis, Frame, title};
use crate::plot::canvas::{Anchor, Canvas, PALETTE, Stroke};
use crate::plot::data::{Data, digits, time_unit};

/// Bins of the histogram; they end at five times the mean.
const BINS: usize = 40;

/// How many means the histogram shows.
const MEANS: f64 = 5.0;

/// The figure; `None` below two intervals.
pub fn figure(data: &Data) -> Option<Canvas> {
    let intervals = intervals(data);
    if intervals.len() < 2 {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "a number of blocks")]
    let count = intervals.len() as f64;
    let mean = intervals.iter().sum::<f64>() / count;
    if mean <= 0.0 {
        return None;
    }
    #[allow(clippy::cast_precision_loss, reason = "there are few bins")]
    let width = MEANS * mean / BINS as f64;
    let parts = parts(&intervals, width, count);
    // What an exponential of the same mean has in a bin that begins at `from`.
    let expected = |from: f64| 100.0 * ((-from / mean).exp() - (-(from + width) / mean).exp());
    let most = parts.iter().copied().fold(expected(0.0), f64::max);

    let (unit, ms) = time_unit(MEANS * mean);
    let mut canvas = Canvas::new(760, 470, "The time between blocks");
    title(&mut canvas, "The time between blocks", &data.source);
    let name = format!("time from a block of the chain to the next ({unit})");
    let frame = Frame {
        from: (78.0, 80.0),
        to: (730.0, 410.0),
        x: Axis::from_zero(&name, MEANS * mean / ms, 8),
        y: Axis::from_zero("part of the intervals (%)", most, 5),
    };
    frame.draw(&mut canvas);
    for (bin, part) in (0_u32..).zip(&parts) {
        let from = f64::from(bin) * width;
        let corner = frame.at(from / ms, *part);
        let other = frame.at((from + width) / ms, 0.0);
        let edge = Stroke::new(crate::plot::canvas::WHITE, 1.0);
        canvas.rectangle(corner, other, Some(PALETTE[5]), Some(edge));
    }
    let curve: Vec<_> = (0..=200_u32)
        .map(|step| f64::from(step) / 200.0 * MEANS * mean)
        .map(|x| frame.at(x / ms, expected(x - width / 2.0).min(frame.y.to)))
        .skip_while(|(x, _)| *x < frame.at(width / 2.0 / ms, 0.0).0)
        .collect();
    canvas.line(&curve, Stroke::new(PALETTE[1], 2.5));
    legend(&mut canvas, intervals.len(), mean, &parts);
    Some(canvas)
}

fn legend(canvas: &mut Canvas, count: usize, mean: f64, parts: &[f64]) {
    let (unit, ms) = time_unit(mean);
    let shown: f64 = parts.iter().sum();
    canvas.rectangle((440.0, 100.0), (468.0, 114.0), Some(PALETTE[5]), None);
    let text = format!("{count} intervals, mean {} {unit}", digits(mean / ms));
    canvas.text((478.0, 112.0), &text, 12.5, Anchor::Start);
    canvas.line(
        &[(440.0, 130.0), (468.0, 130.0)],
        Stroke::new(PALETTE[1], 2.5),
    );
    let text = "exponential of the same mean";
    canvas.text((478.0, 134.5), text, 12.5, Anchor::Start);
    if shown < 99.995 {
        let text = format!("{:.2} % are longer than shown", 100.0 - shown);
        canvas.text((478.0, 156.0), &text, 12.5, Anchor::Start);
    }
}

/// Milliseconds from block to block of every run's chain.
fn intervals(data: &Data) -> Vec<f64> {
    let seeds = data.blocks.unsigned("seed");
    let times = data.blocks.unsigned("time_ns");
    let heights = data.blocks.unsigned("height");
    let rows = data.blocks.bools("on_chain").iter().enumerate();
    let mut chain: Vec<(u64, u64, u64)> = rows
        .filter(|(_, on_chain)| **on_chain)
        .map(|(row, _)| (seeds[row], heights[row], times[row]))
        .collect();
    chain.sort_unstable();
    let of_one_run = chain.windows(2).filter(|two| two[0].0 == two[1].0);
    of_one_run
        .map(|two| {
            #[allow(clippy::cast_precision_loss, reason = "a picture needs few digits")]
            let ns = two[1].2.saturating_sub(two[0].2) as f64;
            ns / 1e6
        })
        .collect()
}

/// The part of the intervals in each bin, in per cent.
fn parts(intervals: &[f64], width: f64, count: f64) -> Vec<f64> {
    let mut parts = vec![0.0; BINS];
    for interval in intervals {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the number of a bin; what is longer is in none"
        )]
        let bin = (interval / width) as usize;
        if let Some(part) = parts.get_mut(bin) {
            *part += 100.0 / count;
        }
    }
    parts
}
