//! Distributions: finite, ascending, in their range.

use super::Checked;
use crate::distribution::Distribution;
use crate::document::{DistributionTable, DistributionValue};
use crate::error::Problem;

/// The most numbers of one distribution.
const NUMBERS_MAX: usize = 10_000;

/// What the numbers of a distribution may be.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    /// The least one.
    pub least: f64,
    /// The greatest one.
    pub most: f64,
    /// What a number in the file is multiplied by.
    pub scale: f64,
}

/// A distribution all of whose numbers are in their bounds.
pub(super) fn distribution(
    path: &str,
    value: &DistributionValue,
    bounds: Bounds,
) -> Checked<Distribution> {
    match value {
        DistributionValue::Number(number) => {
            in_bounds(path, *number, bounds)?;
            Ok(Distribution::Constant(number * bounds.scale))
        }
        DistributionValue::List(values) => {
            ascending(path, values, bounds)?;
            Ok(Distribution::Quantiles(scaled(values, bounds)))
        }
        DistributionValue::Table(table) => table_form(path, table, bounds),
    }
}

fn table_form(path: &str, table: &DistributionTable, bounds: Bounds) -> Checked<Distribution> {
    let key = |name: &str| format!("{path}.{name}");
    match table {
        DistributionTable {
            min: Some(min),
            max: Some(max),
            values: None,
            weights: None,
            cdf: None,
            mean: None,
            deviation: None,
        } => {
            in_bounds(&key("min"), *min, bounds)?;
            in_bounds(&key("max"), *max, bounds)?;
            if min > max {
                return Err(Problem::MoreThan("max").at(key("min")));
            }
            Ok(Distribution::Quantiles(scaled(&[*min, *max], bounds)))
        }
        DistributionTable {
            values: Some(values),
            weights: Some(weights),
            min: None,
            max: None,
            cdf: None,
            mean: None,
            deviation: None,
        } => {
            ascending(&key("values"), values, bounds)?;
            let below = cumulated(&key("weights"), weights, values.len() - 1)?;
            let values = scaled(values, bounds);
            Ok(Distribution::Pieces { values, below })
        }
        DistributionTable {
            cdf: Some(cdf),
            min: None,
            max: None,
            values: None,
            weights: None,
            mean: None,
            deviation: None,
        } => whole(&key("cdf"), cdf, bounds),
        DistributionTable {
            mean: Some(mean),
            deviation: Some(deviation),
            min,
            max: None,
            values: None,
            weights: None,
            cdf: None,
        } => {
            normal(path, *mean, *deviation, *min, bounds)
        }
        _ => Err(Problem::Form(
            "expected min and max; or values and weights; or cdf; or mean and deviation, and maybe min"
                .to_owned(),
        )
        .at(path)),
    }
}

fn normal(
    path: &str,
    mean: f64,
    deviation: f64,
    min: Option<f64>,
    bounds: Bounds,
) -> Checked<Distribution> {
    in_bounds(&format!("{path}.mean"), mean, bounds)?;
    let spread = Bounds {
        least: 0.0,
        ..bounds
    };
    in_bounds(&format!("{path}.deviation"), deviation, spread)?;
    let min = min.unwrap_or(bounds.least.max(0.0));
    in_bounds(&format!("{path}.min"), min, bounds)?;
    Ok(Distribution::Normal {
        mean: mean * bounds.scale,
        deviation: deviation * bounds.scale,
        min: min * bounds.scale,
    })
}

fn scaled(values: &[f64], bounds: Bounds) -> Vec<f64> {
    values.iter().map(|value| value * bounds.scale).collect()
}

fn ascending(path: &str, values: &[f64], bounds: Bounds) -> Checked<()> {
    if values.len() < 2 || values.len() > NUMBERS_MAX {
        let form = format!("expected 2 to {NUMBERS_MAX} numbers, not {}", values.len());
        return Err(Problem::Form(form).at(path));
    }
    for (position, value) in values.iter().enumerate() {
        in_bounds(&format!("{path}[{position}]"), *value, bounds)?;
        if position > 0 && *value < values[position - 1] {
            let form = format!("{value} is less than the number before it");
            return Err(Problem::Form(form).at(format!("{path}[{position}]")));
        }
    }
    Ok(())
}

/// Weights as parts of their sum, added up from 0 to 1.
fn cumulated(path: &str, weights: &[f64], count: usize) -> Checked<Vec<f64>> {
    if weights.len() != count {
        let form = format!(
            "expected {count} numbers, one between each two values, not {}",
            weights.len()
        );
        return Err(Problem::Form(form).at(path));
    }
    let bounds = Bounds {
        least: 0.0,
        most: 1e12,
        scale: 1.0,
    };
    for (position, weight) in weights.iter().enumerate() {
        in_bounds(&format!("{path}[{position}]"), *weight, bounds)?;
    }
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return Err(Problem::Form("these numbers sum to 0".to_owned()).at(path));
    }
    let mut so_far = 0.0;
    let mut below = vec![0.0];
    for weight in weights {
        so_far += weight;
        below.push(so_far / sum);
    }
    // All is below the greatest value, whatever rounding says.
    below[count] = 1.0;
    Ok(below)
}

fn whole(path: &str, cdf: &[f64], bounds: Bounds) -> Checked<Distribution> {
    let part = Bounds {
        least: 0.0,
        most: 1.0,
        scale: 1.0,
    };
    let most = cdf.len() as f64;
    if cdf.is_empty() || cdf.len() > NUMBERS_MAX || most > bounds.most {
        let most = bounds.most.min(NUMBERS_MAX as f64);
        let form = format!("expected 1 to {most} numbers, not {}", cdf.len());
        return Err(Problem::Form(form).at(path));
    }
    for (position, below) in cdf.iter().enumerate() {
        let path = || format!("{path}[{position}]");
        in_bounds(&path(), *below, part)?;
        if position > 0 && *below < cdf[position - 1] {
            let form = format!("{below} is less than the number before it");
            return Err(Problem::Form(form).at(path()));
        }
    }
    let last = cdf[cdf.len() - 1];
    if (last - 1.0).abs() > 1e-9 {
        let form = format!("the last number of a cdf is 1, not {last}");
        return Err(Problem::Form(form).at(path));
    }
    let mut below = cdf.to_vec();
    if let Some(last) = below.last_mut() {
        *last = 1.0;
    }
    Ok(Distribution::Whole { below })
}

/// A number in its bounds; NaN is in none.
pub(super) fn in_bounds(path: &str, number: f64, bounds: Bounds) -> Checked<()> {
    if (bounds.least..=bounds.most).contains(&number) {
        return Ok(());
    }
    let problem = Problem::OutOfRange {
        found: number.to_string().into(),
        least: shown(bounds.least).into(),
        most: shown(bounds.most).into(),
    };
    Err(problem.at(path))
}

/// A bound as a person would write it.
fn shown(bound: f64) -> String {
    if bound != 0.0 && !(1e-3..1e9).contains(&bound.abs()) {
        format!("{bound:e}")
    } else {
        bound.to_string()
    }
}
