//! How fast blocks spread: the part of the network that has a block, over the time.

use crate::plot::axes::{Axis, Frame, title};
use crate::plot::canvas::{Anchor, Canvas, PALETTE, Stroke};
use crate::plot::data::{Data, quantile, time_unit};

/// One line: what of, over which part of the blocks.
struct Curve {
    name: &'static str,
    series: usize,
    dashed: bool,
    /// Milliseconds, per cent.
    points: Vec<(f64, f64)>,
}

impl Curve {
    fn stroke(&self) -> Stroke {
        Stroke {
            dashed: self.dashed,
            ..Stroke::new(
                PALETTE[self.series],
                if self.series == 0 { 2.0 } else { 5.0 },
            )
        }
    }

    fn radius(&self) -> f32 {
        if self.series == 0 { 4.0 } else { 7.0 }
    }
}

/// The figure; `None` if no block reached anybody.
pub fn figure(data: &Data) -> Option<Canvas> {
    let curves = [
        // Where all nodes mine alike the two are one: so the wider line is below.
        curve(data, "hash rate, median block", "hash_rate_ms", 1, 0.5),
        curve(
            data,
            "hash rate, 90 % of the blocks",
            "hash_rate_ms",
            1,
            0.9,
        ),
        curve(data, "nodes, median block", "nodes_ms", 0, 0.5),
        curve(data, "nodes, 90 % of the blocks", "nodes_ms", 0, 0.9),
    ];
    let all = curves.iter().flat_map(|curve| &curve.points);
    let most = all.map(|(ms, _)| *ms).fold(0.0, f64::max);
    if most <= 0.0 {
        return None;
    }
    let (unit, ms) = time_unit(most);
    let mut canvas = Canvas::new(760, 510, "How fast blocks spread");
    title(&mut canvas, "How fast blocks spread", &data.source);
    let name = format!("time since the block was found ({unit})");
    let frame = Frame {
        from: (78.0, 120.0),
        to: (730.0, 450.0),
        x: Axis::from_zero(&name, most / ms, 6),
        y: Axis::from_zero("part of the network that has it (%)", 100.0, 5),
    };
    frame.draw(&mut canvas);
    for curve in &curves {
        let points: Vec<_> = curve
            .points
            .iter()
            .map(|(x, y)| frame.at(x / ms, *y))
            .collect();
        canvas.line(&points, curve.stroke());
        for point in points {
            canvas.mark(point, curve.series, curve.radius());
        }
    }
    legend(&mut canvas, &curves);
    Some(canvas)
}

fn curve(data: &Data, name: &'static str, column: &str, series: usize, part: f64) -> Curve {
    let percents = data.propagation.unsigned("percent");
    let times = data.propagation.floats(column);
    let mut points = Vec::new();
    for percent in forkful_scenario::PARTS {
        let rows = percents.iter().zip(&times);
        let own = rows.filter(|(own, _)| **own == u64::from(percent));
        let mut values: Vec<f64> = own.filter_map(|(_, ms)| *ms).collect();
        values.sort_by(f64::total_cmp);
        if let Some(ms) = quantile(&values, part) {
            points.push((ms, f64::from(percent)));
        }
    }
    Curve {
        name,
        series,
        dashed: part > 0.5,
        points,
    }
}

/// Above the diagram, where no curve can be: a column for the hash rate and one for the nodes.
fn legend(canvas: &mut Canvas, curves: &[Curve]) {
    for (place, curve) in (0_u8..).zip(curves) {
        let x = 84.0 + 300.0 * f32::from(place / 2);
        let y = 80.0 + 20.0 * f32::from(place % 2);
        canvas.line(&[(x, y), (x + 38.0, y)], curve.stroke());
        canvas.mark((x + 19.0, y), curve.series, curve.radius());
        canvas.text((x + 48.0, y + 4.5), curve.name, 12.5, Anchor::Start);
    }
}
