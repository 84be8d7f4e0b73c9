//! The frame of a diagram: from values to pixels, ticks, names.

use crate::plot::canvas::{Anchor, Canvas, GREY, GRID, INK, Shape, Stroke, Text};
use crate::plot::data::shortened;

/// The letters of ticks, in pixels.
const TICK_SIZE: f32 = 12.0;

/// The letters of names.
const NAME_SIZE: f32 = 13.0;

/// The values of one axis.
#[derive(Clone, PartialEq, Debug)]
pub struct Axis {
    /// What it shows, with the unit.
    pub name: String,
    /// The value at its beginning.
    pub from: f64,
    /// The value at its end.
    pub to: f64,
    /// Where there are ticks, and what they say.
    pub ticks: Vec<(f64, String)>,
    /// Whether equal steps are equal factors.
    pub logarithmic: bool,
}

/// Where a diagram is on the canvas.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// Left, top.
    pub from: (f32, f32),
    /// Right, bottom.
    pub to: (f32, f32),
    /// To the right.
    pub x: Axis,
    /// Upwards.
    pub y: Axis,
}

impl Axis {
    /// From 0 to a round number not below `most`, with about `count` ticks.
    pub fn from_zero(name: &str, most: f64, count: u32) -> Axis {
        Axis::linear(name, 0.0, if most > 0.0 { most } else { 1.0 }, count)
    }

    /// From a round number not above `least` to one not below `most`.
    pub fn linear(name: &str, least: f64, most: f64, count: u32) -> Axis {
        let step = round_step((most - least).max(f64::MIN_POSITIVE) / f64::from(count.max(1)));
        let from = (least / step).floor() * step;
        // What misses a tick by a rounding is on it.
        let to = (most / step - 1e-9).ceil() * step;
        let (unit, letter) = shortened(from.abs().max(to.abs()));
        let decimals = decimals(step / unit);
        let mut ticks = Vec::new();
        let mut tick = from;
        while tick <= to + step / 2.0 {
            let text = match tick.abs() < step / 2.0 {
                true => format!("{:.decimals$}", 0.0),
                false => format!("{:.decimals$}{letter}", tick / unit),
            };
            ticks.push((tick, text));
            tick += step;
        }
        Axis {
            name: name.to_owned(),
            from,
            to,
            ticks,
            logarithmic: false,
        }
    }

    /// Powers of ten from one not above `least` to one not below `most`, both above zero.
    pub fn logarithmic(name: &str, least: f64, most: f64) -> Axis {
        let from = least.log10().floor();
        let to = most.log10().ceil().max(from + 1.0);
        let mut ticks = Vec::new();
        let mut power = from;
        while power <= to + 0.5 {
            let tick = 10_f64.powf(power);
            let (unit, letter) = shortened(tick * 1.000_001);
            let decimals = decimals(tick / unit);
            ticks.push((tick, format!("{:.decimals$}{letter}", tick / unit)));
            power += 1.0;
        }
        Axis {
            name: name.to_owned(),
            from: 10_f64.powf(from),
            to: 10_f64.powf(to),
            ticks,
            logarithmic: true,
        }
    }

    /// How far along the axis a value is, 0 to 1.
    fn part(&self, value: f64) -> f64 {
        if self.logarithmic {
            let logs = [value.max(self.from), self.from, self.to].map(f64::log10);
            (logs[0] - logs[1]) / (logs[2] - logs[1])
        } else {
            (value - self.from) / (self.to - self.from)
        }
    }
}

impl Frame {
    /// The pixel of a value.
    pub fn at(&self, x: f64, y: f64) -> (f32, f32) {
        let between = |from: f32, to: f32, part: f64| {
            #[allow(
                clippy::cast_possible_truncation,
                reason = "pixels need no more digits"
            )]
            let part = part.clamp(-0.5, 1.5) as f32;
            from + (to - from) * part
        };
        (
            between(self.from.0, self.to.0, self.x.part(x)),
            between(self.to.1, self.from.1, self.y.part(y)),
        )
    }

    /// Draws lines behind the data, axes, ticks and names.
    pub fn draw(&self, canvas: &mut Canvas) {
        let ((left, top), (right, bottom)) = (self.from, self.to);
        for (value, text) in &self.y.ticks {
            let (_, y) = self.at(self.x.from, *value);
            canvas.line(&[(left, y), (right, y)], Stroke::new(GRID, 1.0));
            canvas.text((left - 8.0, y + 4.0), text, TICK_SIZE, Anchor::End);
        }
        for (value, text) in &self.x.ticks {
            let (x, _) = self.at(*value, self.y.from);
            canvas.line(&[(x, bottom), (x, bottom + 5.0)], Stroke::new(INK, 1.0));
            canvas.text((x, bottom + 19.0), text, TICK_SIZE, Anchor::Middle);
        }
        canvas.line(
            &[(left, top), (left, bottom), (right, bottom)],
            Stroke::new(INK, 1.0),
        );
        let middle = f32::midpoint(left, right);
        canvas.text(
            (middle, bottom + 42.0),
            &self.x.name,
            NAME_SIZE,
            Anchor::Middle,
        );
        canvas.shapes.push(Shape::Text(Text {
            at: (left - 50.0, f32::midpoint(top, bottom)),
            text: self.y.name.clone(),
            size: NAME_SIZE,
            anchor: Anchor::Middle,
            bold: false,
            upwards: true,
            colour: INK,
        }));
    }
}

/// The title of a figure, and below it where its data is from.
pub fn title(canvas: &mut Canvas, title: &str, source: &str) {
    let text = |at, text: &str, size, bold, colour| {
        Shape::Text(Text {
            at,
            text: text.to_owned(),
            size,
            anchor: Anchor::Start,
            bold,
            upwards: false,
            colour,
        })
    };
    let lines = [
        text((24.0, 34.0), title, 18.0, true, INK),
        text((24.0, 55.0), source, 13.0, false, GREY),
    ];
    canvas.shapes.extend(lines);
}

/// The next of 1, 2, 2.5, 5, times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let digits = [1.0, 2.0, 2.5, 5.0, 10.0];
    let fits = digits
        .iter()
        .find(|digit| *digit * power >= step * 0.999_999);
    fits.unwrap_or(&10.0) * power
}

/// The decimals that tell multiples of this step apart.
fn decimals(step: f64) -> usize {
    let fits = |decimals: &usize| {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_possible_wrap,
            reason = "below ten"
        )]
        let shifted = step * 10_f64.powi(*decimals as i32);
        (shifted - shifted.round()).abs() < 1e-6 * shifted.max(1.0) && shifted > 0.5
    };
    (0..9).find(fits).unwrap_or(9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers_around_the_data() {
        let texts = |axis: Axis| axis.ticks.into_iter().map(|t| t.1).collect::<Vec<_>>();
        let axis = Axis::from_zero("x", 870.0, 5);
        assert_eq!(texts(axis), ["0", "200", "400", "600", "800", "1000"]);
        let axis = Axis::from_zero("x", 0.25, 5);
        assert_eq!(
            texts(axis),
            ["0.00", "0.05", "0.10", "0.15", "0.20", "0.25"]
        );
        let axis = Axis::logarithmic("x", 0.03, 40.0);
        assert_eq!(texts(axis), ["0.01", "0.1", "1", "10", "100"]);
        let axis = Axis::from_zero("x", 11_000.0, 5);
        assert_eq!(
            texts(axis),
            ["0.0", "2.5k", "5.0k", "7.5k", "10.0k", "12.5k"]
        );
        let axis = Axis::from_zero("x", 19e6, 4);
        assert_eq!(texts(axis), ["0", "5M", "10M", "15M", "20M"]);
        let axis = Axis::logarithmic("x", 900.0, 3e7);
        assert_eq!(
            texts(axis),
            ["100", "1000", "10k", "100k", "1M", "10M", "100M"]
        );
        assert_eq!(Axis::from_zero("x", 0.0, 4).to, 1.0);
    }

    #[test]
    fn values_fall_on_their_pixels() {
        let frame = Frame {
            from: (100.0, 50.0),
            to: (300.0, 250.0),
            x: Axis::from_zero("x", 10.0, 5),
            y: Axis::logarithmic("y", 1.0, 100.0),
        };
        assert_eq!(frame.at(0.0, 1.0), (100.0, 250.0));
        assert_eq!(frame.at(5.0, 10.0), (200.0, 150.0));
        assert_eq!(frame.at(10.0, 100.0), (300.0, 50.0));
        assert_eq!(
            frame.at(0.0, 0.0).1,
            250.0,
            "below the least is at the least"
        );
    }
}
