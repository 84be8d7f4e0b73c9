//! Region tables: as many numbers as there are regions, each in its range.

use std::sync::Arc;

use super::Checked;
use super::distribution::{Bounds, distribution, in_bounds};
use crate::distribution::Distribution;
use crate::document::{DistributionValue, Document, RegionsTable, RegionsValue};
use crate::error::{Fault, Problem};
use crate::files::{Files, is_path};
use crate::locate::{nearest_of, parse_table, place_in};
use crate::quantity::shortened;
use crate::regions::{NETWORKS, RegionTable, network_file};

/// The most regions of a table.
const REGIONS_MAX: usize = 64;
/// The bounds of latencies: a day in milliseconds.
const LATENCY_MS: Bounds = Bounds {
    least: 0.0,
    most: 86_400_000.0,
    scale: 1.0,
};
/// The bounds of bandwidths, from Mbit/s to bits per second.
const MBIT_PER_S: Bounds = Bounds {
    least: 1e-6,
    most: 1e6,
    scale: 1e6,
};
/// The bounds of what a block weighs.
pub(super) const BLOCK_BYTES: Bounds = Bounds {
    least: 0.0,
    most: 1e9,
    scale: 1.0,
};
/// The bounds of the number of links that a node opens.
pub(super) const DEGREE: Bounds = Bounds {
    least: 1.0,
    most: 1_000.0,
    scale: 1.0,
};
/// The bounds of the number of links that a node has: as many as it can have peers.
pub(super) const LINKS: Bounds = Bounds {
    least: 1.0,
    most: 16_384.0,
    scale: 1.0,
};

const KEY: &str = "network.regions";

/// The region table that a scenario names, or has.
pub(super) fn regions(document: &Document, files: &Files) -> Checked<Option<Arc<RegionTable>>> {
    let table = match &document.network.regions {
        None => return Ok(None),
        Some(RegionsValue::Table(table)) => checked(table, &format!("{KEY}."))?,
        Some(RegionsValue::Name(name)) if is_path(name) => {
            let text = files.get(name).unwrap_or_default();
            from_text(text, name)?
        }
        Some(RegionsValue::Name(name)) => {
            let file = network_file(name).ok_or_else(|| unknown(name))?;
            from_text(file.toml, name)?
        }
    };
    Ok(Some(Arc::new(table)))
}

/// A table from a file of its own; errors name that file, and the line in it.
fn from_text(text: &str, name: &str) -> Checked<RegionTable> {
    let table: RegionsTable = parse_table(text, name)?;
    checked(&table, "").map_err(|fault| place_in(text, name, fault))
}

/// The table in a file, for tests and for whoever wants to look at it.
pub(crate) fn table(text: &str, name: &str) -> Result<RegionTable, crate::ScenarioError> {
    from_text(text, name).map_err(Fault::without_place)
}

fn unknown(name: &str) -> Fault {
    let known: Vec<String> = NETWORKS.iter().map(|file| file.name.to_owned()).collect();
    let found = shortened(name);
    Problem::UnknownWord {
        nearest: nearest_of(&found, &known),
        found: found.into(),
        known,
    }
    .at(KEY)
}

fn checked(table: &RegionsTable, prefix: &str) -> Checked<RegionTable> {
    let key = |name: &str| format!("{prefix}{name}");
    let count = table.names.len();
    if count == 0 || count > REGIONS_MAX {
        let form = format!("expected 1 to {REGIONS_MAX} names of regions, not {count}");
        return Err(Problem::Form(form).at(key("names")));
    }
    for (position, name) in table.names.iter().enumerate() {
        let path = || key(&format!("names[{position}]"));
        if name.is_empty() || name.chars().count() > 64 || name.chars().any(char::is_control) {
            let form = "expected a name of 1 to 64 characters";
            return Err(Problem::Form(form.to_owned()).at(path()));
        }
        if table.names[..position].contains(name) {
            return Err(Problem::Form(format!("{name} was named before")).at(path()));
        }
    }
    let lines = |name: &str, given: &Option<Vec<DistributionValue>>| {
        let of = |values: &Vec<DistributionValue>| -> Checked<Vec<Distribution>> {
            one_each(&key(name), values.len(), count)?;
            let each = values.iter().enumerate();
            each.map(|(position, value)| {
                distribution(&key(&format!("{name}[{position}]")), value, MBIT_PER_S)
            })
            .collect()
        };
        given.as_ref().map(of).transpose()
    };
    let drawn = |name: &str, given: &Option<DistributionValue>, bounds| {
        let of = |value| distribution(&key(name), value, bounds);
        given.as_ref().map(of).transpose()
    };
    Ok(RegionTable {
        name: table.name.clone(),
        names: table.names.clone(),
        shares: shares(&key("share"), &table.share, count)?,
        latency_ms: latencies(&key("latency_ms"), &table.latency_ms, count)?,
        upload_bits: lines("upload_mbit_per_s", &table.upload_mbit_per_s)?,
        download_bits: lines("download_mbit_per_s", &table.download_mbit_per_s)?,
        degree: drawn("degree", &table.degree, DEGREE)?,
        min_links: drawn("min_links", &table.min_links, LINKS)?,
        max_links: drawn("max_links", &table.max_links, LINKS)?,
        block_bytes: drawn("block_bytes", &table.block_bytes, BLOCK_BYTES)?,
    })
}

fn one_each(path: &str, given: usize, count: usize) -> Checked<()> {
    if given == count {
        return Ok(());
    }
    let form = format!("expected {count} numbers, one for each region, not {given}");
    Err(Problem::Form(form).at(path))
}

fn shares(path: &str, given: &[f64], count: usize) -> Checked<Vec<f64>> {
    one_each(path, given.len(), count)?;
    let bounds = Bounds {
        least: 0.0,
        most: 1e12,
        scale: 1.0,
    };
    for (position, share) in given.iter().enumerate() {
        in_bounds(&format!("{path}[{position}]"), *share, bounds)?;
    }
    let sum: f64 = given.iter().sum();
    if sum <= 0.0 {
        return Err(Problem::Form("the shares sum to 0".to_owned()).at(path));
    }
    Ok(given.iter().map(|share| share / sum).collect())
}

fn latencies(path: &str, given: &[Vec<f64>], count: usize) -> Checked<Vec<f64>> {
    if given.len() != count {
        let form = format!(
            "expected {count} rows, one for each region, not {}",
            given.len()
        );
        return Err(Problem::Form(form).at(path));
    }
    let mut all = Vec::with_capacity(count * count);
    for (from, row) in given.iter().enumerate() {
        let path = format!("{path}[{from}]");
        one_each(&path, row.len(), count)?;
        for (to, latency) in row.iter().enumerate() {
            in_bounds(&format!("{path}[{to}]"), *latency, LATENCY_MS)?;
            all.push(*latency);
        }
    }
    Ok(all)
}
