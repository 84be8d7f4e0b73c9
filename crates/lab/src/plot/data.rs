//! What figures are drawn from: the files of results, read back.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use serde::Deserialize;

use crate::error::LabError;
use crate::results::{self, REPORT};
use crate::table::{ReadError, Table, read};

/// The results of one directory, as far as figures need them.
pub struct Data {
    /// Where they are from, in words: scenario, world, seeds.
    pub source: String,
    /// How many runs.
    pub seeds: Vec<u64>,
    pub runs: Table,
    pub blocks: Table,
    pub propagation: Table,
    pub reorgs: Table,
    pub nodes: Table,
}

/// What the report says of itself, of one run or of many.
#[derive(Deserialize)]
struct Head {
    scenario: String,
    world: String,
}

/// Names in a title are held short.
const NAME_MAX: usize = 64;

impl Data {
    /// Reads the files that `--out` wrote.
    pub fn read(directory: &Path) -> Result<Data, LabError> {
        let head = head(&directory.join(REPORT))?;
        let of = |schema, names: &[&str]| read(directory, &schema, names);
        let runs = of(results::runs(), &["seed", "stale_rate", "fork_rate"])?;
        let seeds = runs.unsigned("seed");
        let blocks = &[
            "seed", "hash", "parent", "height", "miner", "time_ns", "on_chain",
        ];
        let nodes = &[
            "node",
            "strategy",
            "hash_share",
            "blocks_on_chain",
            "revenue_share",
        ];
        let short = |text: &str| text.chars().take(NAME_MAX).collect::<String>();
        let played = match seeds.as_slice() {
            [] => "no run".to_owned(),
            [seed] => format!("seed {seed}"),
            [first, .., last] => format!("{} runs, seeds {first} to {last}", seeds.len()),
        };
        Ok(Data {
            source: format!(
                "scenario “{}”, world {}, {played}",
                short(&head.scenario),
                short(&head.world)
            ),
            seeds,
            blocks: of(results::blocks(), blocks)?,
            propagation: of(
                results::propagation(),
                &["percent", "nodes_ms", "hash_rate_ms"],
            )?,
            reorgs: of(results::reorgs(), &["disconnected"])?,
            nodes: of(results::nodes(), nodes)?,
            runs,
        })
    }
}

fn head(path: &Path) -> Result<Head, ReadError> {
    let file = File::open(path).map_err(|error| ReadError::File {
        path: path.to_owned(),
        error,
    })?;
    serde_json::from_reader(BufReader::new(file)).map_err(|error| ReadError::Report {
        path: path.to_owned(),
        error,
    })
}

/// The value below which a part of the values is; they are sorted. `None` without values.
pub fn quantile(sorted: &[f64], part: f64) -> Option<f64> {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let place = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(place.saturating_sub(1)).copied()
}

/// A unit of time in which values up to `most_ms` are easily read: its name, and how many
/// milliseconds it has.
pub fn time_unit(most_ms: f64) -> (&'static str, f64) {
    match most_ms {
        ms if ms < 2_000.0 => ("ms", 1.0),
        ms if ms < 300_000.0 => ("s", 1e3),
        ms if ms < 18_000_000.0 => ("min", 6e4),
        _ => ("h", 3.6e6),
    }
}

/// A great number in thousands, millions and so on, and the letter for these.
pub fn shortened(value: f64) -> (f64, &'static str) {
    match value.abs() {
        v if v >= 1e9 => (1e9, "G"),
        v if v >= 1e6 => (1e6, "M"),
        v if v >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    }
}

/// A number above zero to three digits.
pub fn digits(value: f64) -> String {
    let (unit, letter) = shortened(value);
    let value = value / unit;
    let decimals = match value {
        v if v >= 99.95 || v.fract() == 0.0 => 0,
        v if v >= 10.0 => 1,
        v if v >= 1.0 => 2,
        v if v >= 0.1 => 3,
        v if v >= 0.01 => 4,
        _ => 5,
    };
    format!("{value:.decimals$}{letter}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn great_numbers_are_short() {
        let shown = [0.25, 7.0, 9_999.0, 12_345.0, 250_000.0, 31_400_000.0].map(digits);
        assert_eq!(shown, ["0.250", "7", "9999", "12.3k", "250k", "31.4M"]);
    }

    #[test]
    fn a_quantile_is_one_of_the_values() {
        let values = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(quantile(&values, 0.5), Some(2.0));
        assert_eq!(quantile(&values, 0.9), Some(4.0));
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
