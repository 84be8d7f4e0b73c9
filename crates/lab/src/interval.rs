//! Means with confidence intervals.
//!
//! Runs with different seeds are independent samples of one quantity. Their mean strays
//! from the true one by Student's t distribution ("The probable error of a mean",
//! Biometrika 1908): with n runs and a standard deviation of s, the true mean is within
//! t(0.975, n - 1) * s / sqrt(n) of theirs in 95 of 100 such experiments. That is exact for
//! normal values, and good for others as n grows, by the central limit theorem.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::distribution::{ContinuousCDF as _, StudentsT};

/// The part of experiments whose interval has the true mean in it.
pub const CONFIDENCE: f64 = 0.95;

/// Values of one quantity, one a run, folded by Welford's method ("Note on a method for
/// calculating corrected sums of squares and products", Technometrics 1962): one pass, no
/// list of values, no loss of digits. The order of the values decides the last bits.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Sample {
    count: u64,
    mean: f64,
    /// The sum of the squares of the distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
}

/// What runs say of one quantity. All numbers but `runs` have the quantity's unit.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// How many runs gave a value.
    pub runs: u64,
    /// The mean over them; `null` without runs.
    pub mean: Option<f64>,
    /// The standard deviation of one run's value; `null` below two runs.
    pub sd: Option<f64>,
    /// The lower end of the 95 % confidence interval of the mean; `null` below two runs.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// The least value.
    pub min: Option<f64>,
    /// The greatest value.
    pub max: Option<f64>,
}

impl Sample {
    /// No values yet.
    pub const EMPTY: Sample = Sample {
        count: 0,
        mean: 0.0,
        squares: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    /// Values that were all zero.
    pub fn of_zeros(count: u64) -> Sample {
        let ends = if count > 0 {
            (0.0, 0.0)
        } else {
            (Self::EMPTY.min, Self::EMPTY.max)
        };
        Sample {
            count,
            min: ends.0,
            max: ends.1,
            ..Self::EMPTY
        }
    }

    /// Takes in a value. One that is not a number is left out.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        self.count += 1;
        let before = value - self.mean;
        self.mean += before / float(self.count);
        self.squares += before * (value - self.mean);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// How many values there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean; 0 if there are none.
    pub fn mean(&self) -> f64 {
        self.mean
    }

    /// Half the width of the confidence interval; `None` below two values.
    pub fn half_width(&self, quantile: &mut Quantile) -> Option<f64> {
        let sd = self.standard_deviation()?;
        Some(quantile.of(self.count - 1) * sd / float(self.count).sqrt())
    }

    /// What the values say.
    pub fn estimate(&self, quantile: &mut Quantile) -> Estimate {
        let some = |value: f64| (self.count > 0).then_some(value);
        let half = self.half_width(quantile);
        Estimate {
            runs: self.count,
            mean: some(self.mean),
            sd: self.standard_deviation(),
            low: half.map(|half| self.mean - half),
            high: half.map(|half| self.mean + half),
            min: some(self.min),
            max: some(self.max),
        }
    }

    fn standard_deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / float(self.count - 1)).sqrt())
    }
}

/// The 0.975 quantile of Student's t distribution, kept for the degrees of freedom that
/// were asked for last: those of all quantities of an ensemble are mostly the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quantile {
    freedom: u64,
    value: f64,
}

impl Quantile {
    /// Nothing is kept yet.
    pub fn new() -> Quantile {
        Quantile::default()
    }

    /// The quantile for so many degrees of freedom; infinite for none.
    pub fn of(&mut self, freedom: u64) -> f64 {
        if freedom != self.freedom {
            self.freedom = freedom;
            let t = StudentsT::new(0.0, 1.0, float(freedom));
            self.value = t.map_or(f64::INFINITY, |t| {
                t.inverse_cdf(f64::midpoint(1.0, CONFIDENCE))
            });
        } else if freedom == 0 {
            return f64::INFINITY;
        }
        self.value
    }
}

/// A count as a number to calculate with.
#[allow(
    clippy::cast_precision_loss,
    reason = "counts of runs are far below 2^53"
)]
pub(crate) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(values: &[f64]) -> Sample {
        let mut sample = Sample::EMPTY;
        values.iter().for_each(|value| sample.add(*value));
        sample
    }

    #[test]
    fn the_quantiles_are_those_of_the_tables() {
        // Any printed table of Student's t, two-sided 95 %.
        let table = [
            (1, 12.7062),
            (2, 4.3027),
            (9, 2.2622),
            (29, 2.0452),
            (999, 1.9623),
        ];
        let mut quantile = Quantile::new();
        for (freedom, value) in table {
            assert!((quantile.of(freedom) - value).abs() < 1e-4, "{freedom}");
            assert!(
                (quantile.of(freedom) - value).abs() < 1e-4,
                "{freedom}, kept"
            );
        }
        assert_eq!(Quantile::new().of(0), f64::INFINITY);
    }

    #[test]
    fn an_interval_by_hand() {
        // Mean 6, squares 16 + 4 + 0 + 4 + 16 = 40, sd sqrt(10), t(4) = 2.7764.
        let estimate = sample(&[2.0, 4.0, 6.0, 8.0, 10.0]).estimate(&mut Quantile::new());
        assert_eq!((estimate.runs, estimate.mean), (5, Some(6.0)));
        assert!((estimate.sd.unwrap() - 10.0_f64.sqrt()).abs() < 1e-12);
        assert!((estimate.high.unwrap() - 6.0 - 2.7764 * 2.0_f64.sqrt()).abs() < 1e-3);
        assert!((estimate.low.unwrap() + estimate.high.unwrap() - 12.0).abs() < 1e-9);
        assert_eq!((estimate.min, estimate.max), (Some(2.0), Some(10.0)));
    }

    #[test]
    fn one_value_has_no_interval_and_none_has_no_mean() {
        let one = sample(&[3.0]).estimate(&mut Quantile::new());
        assert_eq!((one.mean, one.sd, one.low), (Some(3.0), None, None));
        let none = sample(&[]).estimate(&mut Quantile::new());
        assert_eq!((none.runs, none.mean, none.max), (0, None, None));
    }

    #[test]
    fn values_before_the_first_can_be_zeros() {
        let mut late = Sample::of_zeros(3);
        late.add(4.0);
        assert_eq!(late, sample(&[0.0, 0.0, 0.0, 4.0]));
        assert_eq!(Sample::of_zeros(0), Sample::EMPTY);
    }

    #[test]
    fn what_is_not_a_number_is_left_out() {
        assert_eq!(sample(&[1.0, f64::NAN, f64::INFINITY]), sample(&[1.0]));
    }
}
