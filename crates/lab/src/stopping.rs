//! When there are runs enough: when an interval is as narrow as somebody wants it.
//!
//! Looking again and again, and stopping as soon as the interval is narrow, favours
//! samples that happen to stray little: Chow and Robbins (Annals of Mathematical Statistics
//! 1965) show that the interval still has the true mean in it as often as it should when it
//! is narrow, and a least number of runs keeps the error small before. So nobody looks
//! before [`RUNS_MIN`] runs, nor between multiples of [`BATCH`]; and since these are counted
//! in the order of the seeds, the answer does not depend on the number of threads.

use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::interval::{Quantile, Sample};

/// Runs before the first look.
pub const RUNS_MIN: u64 = 10;

/// Runs between two looks.
pub const BATCH: u64 = 10;

/// The most runs, unless somebody says another number.
pub const RUNS_MAX: u64 = 10_000;

/// How narrow an interval is to be.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Width {
    /// Half of its width is at most this, in the unit of the quantity.
    Absolute(f64),
    /// Half of its width is at most this part of the mean.
    Relative(f64),
}

/// A text that is no width.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected a number above zero such as 0.0005, or a part of the mean such as 5%")]
pub struct NoWidth;

/// What the runs go on for.
#[derive(Clone, PartialEq, Debug)]
pub struct Until {
    /// The name of the quantity.
    pub metric: String,
    /// How narrow its interval is to be.
    pub width: Width,
}

/// What the runs went on for, and whether they got there.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UntilReport {
    /// The name of the quantity.
    pub metric: String,
    /// Half of the width that its interval was to have: in its unit, or as a part of the mean.
    pub half_width: f64,
    /// Whether it is a part of the mean.
    pub relative: bool,
    /// Whether the interval is as narrow.
    pub reached: bool,
}

impl FromStr for Width {
    type Err = NoWidth;

    fn from_str(text: &str) -> Result<Self, NoWidth> {
        let (number, width): (&str, fn(f64) -> Width) = match text.strip_suffix('%') {
            Some(number) => (number.trim_end(), |percent| {
                Width::Relative(percent / 100.0)
            }),
            None => (text, Width::Absolute),
        };
        match number.parse::<f64>() {
            Ok(number) if number.is_finite() && number > 0.0 => Ok(width(number)),
            _ => Err(NoWidth),
        }
    }
}

impl Until {
    /// Whether it is time to look after so many runs.
    pub fn looks_after(runs: u64) -> bool {
        runs >= RUNS_MIN && runs.is_multiple_of(BATCH)
    }

    /// Whether the interval is narrow enough. One without any width is not: runs that all
    /// gave the same value, a stale rate of zero for instance, have not shown yet how far
    /// they stray. Nor is one of fewer values than [`RUNS_MIN`], of a quantity that few runs
    /// have: two values that are close by chance make it narrow.
    pub fn is_reached(&self, sample: &Sample, quantile: &mut Quantile) -> bool {
        if sample.count() < RUNS_MIN {
            return false;
        }
        let half = sample.half_width(quantile);
        half.is_some_and(|half| half > 0.0 && half <= self.half_width(sample))
    }

    /// Half of the width that the interval of this sample is to have.
    pub fn half_width(&self, sample: &Sample) -> f64 {
        match self.width {
            Width::Absolute(most) => most,
            Width::Relative(part) => part * sample.mean().abs(),
        }
    }

    /// As data.
    pub fn report(&self, reached: bool) -> UntilReport {
        let (half_width, relative) = match self.width {
            Width::Absolute(half) => (half, false),
            Width::Relative(part) => (part, true),
        };
        UntilReport {
            metric: self.metric.clone(),
            half_width,
            relative,
            reached,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_width_is_a_number_or_a_part_of_the_mean() {
        assert_eq!("0.0005".parse(), Ok(Width::Absolute(0.0005)));
        assert_eq!("5%".parse(), Ok(Width::Relative(0.05)));
        for text in ["", "%", "0", "-1", "nan", "inf", "5 %%", "0%", "5 percent"] {
            assert_eq!(text.parse::<Width>(), Err(NoWidth), "{text:?}");
        }
    }

    #[test]
    fn nobody_looks_too_early_or_too_often() {
        let looks: Vec<u64> = (0..45).filter(|runs| Until::looks_after(*runs)).collect();
        assert_eq!(looks, [10, 20, 30, 40]);
    }

    #[test]
    fn an_interval_is_narrow_when_half_of_it_fits() {
        let until = |width: &str| Until {
            metric: "height".to_owned(),
            width: width.parse().unwrap(),
        };
        let mut sample = Sample::EMPTY;
        [9.0, 11.0].repeat(50).iter().for_each(|v| sample.add(*v));
        // sd 1.005, t(99) = 1.984, half of the width 0.1994; a part of the mean 0.01994.
        let quantile = &mut Quantile::new();
        assert!(until("0.2").is_reached(&sample, quantile));
        assert!(!until("0.199").is_reached(&sample, quantile));
        assert!(until("2%").is_reached(&sample, quantile));
        assert!(!until("1.99%").is_reached(&sample, quantile));
    }

    #[test]
    fn a_few_values_that_are_close_by_chance_are_not_enough() {
        let until = Until {
            metric: "reorgs.mean_depth".to_owned(),
            width: Width::Absolute(0.5),
        };
        let mut sample = Sample::EMPTY;
        let mut values = [1.0, 1.01].into_iter().cycle();
        let mut add = |count: u64, sample: &mut Sample| {
            let values = values.by_ref().take(usize::try_from(count).unwrap());
            values.for_each(|value| sample.add(value));
        };
        add(RUNS_MIN - 1, &mut sample);
        assert!(sample.half_width(&mut Quantile::new()).unwrap() < 0.5);
        assert!(!until.is_reached(&sample, &mut Quantile::new()));
        add(1, &mut sample);
        assert!(until.is_reached(&sample, &mut Quantile::new()));
    }

    #[test]
    fn what_never_strayed_is_not_known() {
        let mut sample = Sample::EMPTY;
        (0..50).for_each(|_| sample.add(0.0));
        let until = Until {
            metric: "stale_rate".to_owned(),
            width: Width::Absolute(0.1),
        };
        assert!(!until.is_reached(&sample, &mut Quantile::new()));
    }
}
