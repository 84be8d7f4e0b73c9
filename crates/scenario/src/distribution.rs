//! Numbers drawn by chance: bandwidths, degrees, sizes, shares of the hash rate.

use std::f64::consts::{FRAC_1_SQRT_2, PI};

use crate::curve::normal_quantile;
use crate::stream::unit;

/// A distribution of numbers, as its quantile function.
#[derive(Clone, PartialEq, Debug)]
pub enum Distribution {
    /// Always the same.
    Constant(f64),
    /// Evenly spaced quantiles, at least two: the first is the least value, the last the
    /// greatest, and between two of them values are uniform.
    Quantiles(Vec<f64>),
    /// Values in ascending order, and how much of all is at or below each, from 0 to 1.
    /// Between two of them values are uniform.
    Pieces {
        /// The values, at least two.
        values: Vec<f64>,
        /// As many parts; the first is 0, the last 1.
        below: Vec<f64>,
    },
    /// The whole numbers from 1: how much of all is at or below each. The last is 1.
    Whole {
        /// Ascending parts, at least one.
        below: Vec<f64>,
    },
    /// Normal, but never less than a minimum, to which what is less is raised.
    Normal {
        /// The mean before anything is raised.
        mean: f64,
        /// The standard deviation.
        deviation: f64,
        /// The least value.
        min: f64,
    },
}

impl Distribution {
    /// The value for 64 random bits: `bits` / 2^64 of all values are below it.
    pub fn draw(&self, bits: u64) -> f64 {
        let part = unit(bits);
        match self {
            Distribution::Constant(value) => *value,
            Distribution::Quantiles(values) => {
                let place = part * (values.len() - 1) as f64;
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let index = place as usize;
                between(values[index], values[index + 1], place - index as f64)
            }
            Distribution::Pieces { values, below } => {
                let next = below.partition_point(|below| *below <= part);
                let (low, high) = (below[next - 1], below[next]);
                let along = (part - low) / (high - low);
                between(values[next - 1], values[next], along)
            }
            Distribution::Whole { below } => {
                let index = below.partition_point(|below| *below <= part);
                (index.min(below.len() - 1) + 1) as f64
            }
            Distribution::Normal {
                mean,
                deviation,
                min,
            } => {
                // In (0, 1): by symmetry the part above is as good as the part below.
                let above = 1.0 - part;
                let value = mean - deviation * normal_quantile(above.min(1.0 - 1e-16));
                value.max(*min)
            }
        }
    }

    /// The same with every value multiplied by `factor`, which is above zero.
    pub(crate) fn scaled(self, factor: f64) -> Distribution {
        let all = |values: Vec<f64>| values.into_iter().map(|value| value * factor).collect();
        match self {
            Distribution::Constant(value) => Distribution::Constant(value * factor),
            Distribution::Quantiles(values) => Distribution::Quantiles(all(values)),
            Distribution::Pieces { values, below } => Distribution::Pieces {
                values: all(values),
                below,
            },
            Distribution::Normal {
                mean,
                deviation,
                min,
            } => Distribution::Normal {
                mean: mean * factor,
                deviation: deviation * factor,
                min: min * factor,
            },
            // Whole numbers multiplied are no whole numbers: between two of them lies nothing.
            Distribution::Whole { below } => {
                let values = (0..2 * below.len()).map(|place| (place / 2 + 1) as f64 * factor);
                let mut parts = vec![0.0];
                for part in below {
                    parts.extend([part, part]);
                }
                parts.pop();
                Distribution::Pieces {
                    values: values.collect(),
                    below: parts,
                }
            }
        }
    }

    /// The least and the greatest value; what has no greatest one is unbounded.
    pub(crate) fn range(&self) -> (f64, f64) {
        let ends = |values: &[f64]| (values[0], values[values.len() - 1]);
        match self {
            Distribution::Constant(value) => (*value, *value),
            Distribution::Quantiles(values) | Distribution::Pieces { values, .. } => ends(values),
            Distribution::Whole { below } => (1.0, below.len() as f64),
            Distribution::Normal { min, .. } => (*min, f64::INFINITY),
        }
    }

    /// The mean.
    pub fn mean(&self) -> f64 {
        match self {
            Distribution::Constant(value) => *value,
            Distribution::Quantiles(values) => {
                let middles = values.windows(2).map(|two| (two[0] + two[1]) / 2.0);
                middles.sum::<f64>() / (values.len() - 1) as f64
            }
            Distribution::Pieces { values, below } => {
                let pieces = values.windows(2).zip(below.windows(2));
                pieces
                    .map(|(value, part)| (value[0] + value[1]) / 2.0 * (part[1] - part[0]))
                    .sum()
            }
            Distribution::Whole { below } => {
                // The sum of the parts above each whole number from 0.
                1.0 + below.iter().map(|below| 1.0 - below).sum::<f64>()
            }
            Distribution::Normal {
                mean,
                deviation,
                min,
            } => raised_mean(*mean, *deviation, *min),
        }
    }
}

/// The mean of a normal distribution of which everything below `min` is raised to it.
fn raised_mean(mean: f64, deviation: f64, min: f64) -> f64 {
    if deviation == 0.0 {
        return mean.max(min);
    }
    let z = (mean - min) / deviation;
    let density = libm::exp(-z * z / 2.0) / libm::sqrt(2.0 * PI);
    let above = libm::erfc(-z * FRAC_1_SQRT_2) / 2.0;
    min + deviation * (density + z * above)
}

fn between(low: f64, high: f64, part: f64) -> f64 {
    low + (high - low) * part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stream::draw;

    fn mean_of_draws(distribution: &Distribution) -> f64 {
        let count = 100_000;
        let sum: f64 = (0..count).map(|k| distribution.draw(draw(1, k))).sum();
        sum / f64::from(count)
    }

    #[test]
    fn draws_have_the_mean_that_is_computed() {
        for (distribution, mean) in [
            (Distribution::Constant(3.0), 3.0),
            (Distribution::Quantiles(vec![0.0, 1.0, 10.0]), 3.0),
            (
                Distribution::Pieces {
                    values: vec![0.0, 1.0, 10.0],
                    below: vec![0.0, 0.9, 1.0],
                },
                1.0,
            ),
            (
                Distribution::Whole {
                    below: vec![0.5, 0.5, 1.0],
                },
                2.0,
            ),
            (
                Distribution::Normal {
                    mean: 100.0,
                    deviation: 10.0,
                    min: 1.0,
                },
                100.0,
            ),
            (
                Distribution::Normal {
                    mean: 0.0,
                    deviation: 1.0,
                    min: 0.0,
                },
                0.398_942_280_401_432_7,
            ),
        ] {
            assert!((distribution.mean() - mean).abs() < 1e-12);
            let found = mean_of_draws(&distribution);
            assert!(
                (found / mean - 1.0).abs() < 0.02,
                "{distribution:?} {found}"
            );
        }
    }

    #[test]
    fn the_extremes_of_chance_stay_in_the_range() {
        for distribution in [
            Distribution::Quantiles(vec![2.0, 4.0, 8.0]),
            Distribution::Pieces {
                values: vec![1.0, 2.0, 3.0, 4.0],
                below: vec![0.0, 0.0, 0.5, 1.0],
            },
            Distribution::Whole {
                below: vec![0.0, 0.3, 1.0],
            },
            Distribution::Normal {
                mean: 0.0,
                deviation: 1.0,
                min: -1.0,
            },
        ] {
            let (least, most) = distribution.range();
            for bits in [0, 1, 1 << 63, u64::MAX - 1, u64::MAX] {
                let value = distribution.draw(bits);
                assert!((least..=most).contains(&value), "{distribution:?} {value}");
                assert!(value.is_finite());
            }
        }
        // A whole number whose part is nothing is never drawn.
        let whole = Distribution::Whole {
            below: vec![0.0, 1.0],
        };
        assert!((0..1_000).all(|k| whole.draw(draw(1, k)) == 2.0));
    }
}
