//! Latencies by table: what a message costs is one look-up, and no power or logarithm.

use crate::curve::Curve;

/// Bins of a table.
const BINS: usize = 1 << BIN_BITS;
const BIN_BITS: u32 = 10;
/// Bins at the upper end that are computed exactly: where a tail is heavy, a straight line
/// between two quantiles would lie too high.
const TAIL_BINS: usize = 16;
/// Bits after the point, at most, of an entry in units of rounding.
const FRACTION_BITS_MAX: u32 = 20;

/// The quantiles of many curves, evenly spaced, in 4 bytes each.
#[derive(Debug)]
pub(super) struct LatencyTables {
    curves: Vec<Curve>,
    /// `BINS` + 1 values of each curve, in units of `unit` / 2^`fraction_bits`.
    points: Vec<u32>,
    /// What samples are rounded to, in nanoseconds.
    unit: u64,
    fraction_bits: u32,
}

impl LatencyTables {
    /// Tables of curves in nanoseconds. Samples are whole multiples of `round`, which is
    /// above zero.
    pub fn new(curves: Vec<Curve>, round: u64) -> Self {
        // The last bins are never looked up, so the largest value is where they begin.
        let above = |bin: usize| (BINS - bin) as f64 / BINS as f64;
        let largest = curves
            .iter()
            .map(|curve| curve.upper_quantile(above(BINS - TAIL_BINS)))
            .fold(0.0, f64::max);
        let mut unit = round;
        while largest / unit as f64 >= f64::from(u32::MAX) {
            unit = unit.saturating_mul(2);
        }
        let mut fraction_bits = FRACTION_BITS_MAX;
        let scaled = |bits: u32| largest / unit as f64 * f64::from(1_u32 << bits);
        while fraction_bits > 0 && scaled(fraction_bits) >= f64::from(u32::MAX) {
            fraction_bits -= 1;
        }
        let scale = f64::from(1_u32 << fraction_bits) / unit as f64;
        // A value beyond the tail's beginning saturates, and is not looked up.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let points = curves
            .iter()
            .flat_map(|curve| {
                (0..=BINS).map(move |bin| {
                    let above = above(bin.min(BINS - TAIL_BINS));
                    libm::round(curve.upper_quantile(above) * scale) as u32
                })
            })
            .collect();
        LatencyTables {
            curves,
            points,
            unit,
            fraction_bits,
        }
    }

    /// The value in nanoseconds that `bits` / 2^64 of all samples of a curve are below.
    #[inline]
    pub fn sample(&self, curve: usize, bits: u64) -> u64 {
        #[allow(clippy::cast_possible_truncation, reason = "10 bits")]
        let bin = (bits >> (64 - BIN_BITS)) as usize;
        if bin >= BINS - TAIL_BINS {
            return exact(self.curves[curve], bits, self.unit);
        }
        let place = curve * (BINS + 1) + bin;
        let (low, high) = (self.points[place], self.points[place + 1]);
        let part = (bits << BIN_BITS) >> 32;
        let value = u64::from(low) + ((u64::from(high - low) * part) >> 32);
        let half = (1 << self.fraction_bits) >> 1;
        ((value + half) >> self.fraction_bits) * self.unit
    }
}

/// The quantile itself, rounded to whole units; in nanoseconds.
#[cold]
pub(super) fn exact(curve: Curve, bits: u64, unit: u64) -> u64 {
    // From 2^-53 to 1: the part of all samples that are above.
    let above = ((1_u64 << 53) - (bits >> 11)) as f64 / (1_u64 << 53) as f64;
    let units = libm::round(curve.upper_quantile(above) / unit as f64);
    // Later than the end of time is the end of time.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let units = units as u64;
    units.saturating_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::draw;

    const MS: f64 = 1e6;

    /// The curve of the 2019 table within Europe, between Japan and Brazil, and two more.
    fn curves() -> Vec<Curve> {
        vec![
            Curve::pareto(11.0 * MS, 5.0 * MS),
            Curve::pareto(301.0 * MS, 5.0 * MS),
            Curve::lognormal(80.0 * MS, 0.6),
            Curve::Uniform {
                least: 20.0 * MS,
                most: 60.0 * MS,
            },
        ]
    }

    #[test]
    fn a_table_has_the_quantiles_of_the_closed_form() {
        let tables = LatencyTables::new(curves(), 1);
        for (number, curve) in curves().into_iter().enumerate() {
            for step in 1..5_000_u64 {
                let above = 1.0 - step as f64 / 5_000.0;
                let bits = (u64::MAX / 5_000) * step;
                let expected = curve.upper_quantile(above);
                let found = tables.sample(number, bits) as f64;
                // Between two of 1,024 quantiles the line is nearly the curve; a lognormal
                // begins at zero and rises steeply, but these are microseconds.
                let error = (found - expected).abs();
                let allowed = (expected * 1e-3).max(0.2 * MS);
                assert!(
                    error < allowed || step < 5,
                    "{curve:?} {above}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn the_tail_is_as_heavy_as_the_closed_form_says() {
        let tables = LatencyTables::new(curves(), 1);
        for power in [8, 12, 20, 40, 52] {
            // One sample in 2^power is at least so large.
            let bits = u64::MAX - (u64::MAX >> power);
            let expected = 6.0 * MS * 2.0_f64.powf(f64::from(power) / 2.2);
            let found = tables.sample(0, bits) as f64;
            assert!((found / expected - 1.0).abs() < 1e-6, "{power}: {found}");
        }
        assert!(tables.sample(0, u64::MAX) > tables.sample(0, u64::MAX - (1 << 12)));
    }

    #[test]
    fn the_mean_of_many_samples_is_the_mean() {
        let tables = LatencyTables::new(curves(), 1_000_000);
        for (curve, mean, deviation) in [(1, 301.0, 10.0), (2, 80.0, 53.0), (3, 40.0, 12.0)] {
            let count = 100_000;
            let sum: u64 = (0..count)
                .map(|k| tables.sample(curve, draw(7, k)) / 1_000_000)
                .sum();
            let found = sum as f64 / f64::from(count);
            // Four standard errors.
            let error = 4.0 * deviation / f64::from(count).sqrt();
            assert!((found - mean).abs() < error, "{curve}: {found}");
        }
    }

    #[test]
    fn samples_are_whole_units() {
        let tables = LatencyTables::new(curves(), 1_000_000);
        for k in 0..10_000 {
            for curve in 0..4 {
                assert_eq!(tables.sample(curve, draw(3, k)) % 1_000_000, 0);
            }
        }
        // As the source rounds: 27.49 ms are 27 ms.
        let fixed = LatencyTables::new(vec![Curve::Fixed(27.49 * MS)], 1_000_000);
        assert_eq!(fixed.sample(0, 5), 27_000_000);
    }

    #[test]
    fn a_latency_of_hours_fits_too() {
        let hours = 20.0 * 3_600e9;
        let tables = LatencyTables::new(vec![Curve::lognormal(hours, 1.0)], 1);
        let median = hours * (-0.5_f64).exp();
        let found = tables.sample(0, 1 << 63) as f64;
        assert!((found / median - 1.0).abs() < 1e-3, "{found}");
    }
}
