//! Published results and laws, as data: what to play, what to measure, what it should be.
//!
//! A study is one source. Its cases are scenarios, each its own base with some keys changed;
//! the checks of a case are what is held against the source. docs/validation.md is the
//! reference of the form.

use forkful_scenario::Scenario;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::LabError;
use crate::validate::form::parse;
use crate::validate::quantity::Quantity;

/// The studies that come with forkful: the name of the file, and its text.
pub const STUDIES: &[(&str, &str)] = &[
    ("laws.toml", include_str!("../../validation/laws.toml")),
    (
        "attacks.toml",
        include_str!("../../validation/attacks.toml"),
    ),
    (
        "simblock-2019.toml",
        include_str!("../../validation/simblock-2019.toml"),
    ),
    (
        "gervais-2016.toml",
        include_str!("../../validation/gervais-2016.toml"),
    ),
];

/// How far a measurement may be from what is expected: a number in the unit of the quantity, or
/// a text such as `5%`, a part of what is expected.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Tolerance {
    /// In the unit of the quantity.
    Absolute(f64),
    /// A part of what is expected, in per cent, as a text.
    Relative(String),
}

/// One source, and what is held against it.
#[derive(Debug)]
pub struct Study {
    /// What it is called on the command line.
    pub name: String,
    /// What it shows, in a sentence.
    pub about: String,
    /// Paper, section, table; or the law.
    pub source: String,
    /// What is played.
    pub cases: Vec<Case>,
}

/// One scenario, played with many seeds.
#[derive(Debug)]
pub struct Case {
    /// What differs from the other cases.
    pub what: String,
    /// What is played.
    pub full: Play,
    /// What is played with `--quick`.
    pub quick: Play,
    /// What is measured.
    pub checks: Vec<Check>,
}

/// A scenario, and how often.
#[derive(Debug)]
pub struct Play {
    /// Its seed is that of the first run.
    pub scenario: Scenario,
    /// With so many seeds.
    pub runs: u64,
}

/// One measurement and what it should be. All numbers have the unit of the source.
#[derive(Debug)]
pub struct Check {
    /// What is measured, for people.
    pub what: String,
    /// Where this number is from, if not where the study is.
    pub source: Option<String>,
    /// What is measured.
    pub quantity: Quantity,
    /// So many of the quantity's unit are one of the source's.
    pub divide_by: f64,
    /// What it should be; `None` if it is only told.
    pub expected: Option<Expected>,
    /// How far it may be from that.
    pub tolerance: Tolerance,
    /// How far with `--quick`.
    pub quick_tolerance: Tolerance,
    /// Why so far.
    pub why: String,
    /// Half of the interval is at most this, or the check is not passed.
    pub half_width_max: Option<Tolerance>,
}

/// What a measurement should be.
#[derive(Debug)]
pub enum Expected {
    /// A published or computed number, in the unit of the source.
    Number(f64),
    /// What a law gives for the same run, in the unit of the quantity.
    Quantity(Quantity),
}

/// What is wrong with a file of studies.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}: {}{}{problem}", colon(place), colon(key))]
pub struct DataError {
    /// The line at which the study, case or check begins that is wrong; from 1.
    pub line: usize,
    /// Which study, case and check; empty where the file is no TOML of this form.
    pub place: String,
    /// Which key; empty likewise.
    pub key: String,
    /// What is wrong.
    pub problem: String,
}

fn colon(text: &str) -> String {
    match text {
        "" => String::new(),
        text => format!("{text}: "),
    }
}

impl Tolerance {
    /// In the unit of the quantity, if `expected` is expected; `None` for a text that is no part.
    pub fn absolute(&self, expected: f64) -> Option<f64> {
        let value = match self {
            Tolerance::Absolute(value) => *value,
            Tolerance::Relative(text) => {
                let percent: f64 = text.strip_suffix('%')?.trim().parse().ok()?;
                percent / 100.0 * expected.abs()
            }
        };
        (value.is_finite() && value >= 0.0).then_some(value)
    }
}

impl Case {
    /// What is played.
    pub fn play(&self, quick: bool) -> &Play {
        if quick { &self.quick } else { &self.full }
    }
}

/// The studies that come with forkful.
///
/// # Errors
/// None that a test would not have found.
pub fn built_in() -> Result<Vec<Study>, LabError> {
    let none = |_: &str, _: usize| Err(forkful_scenario::FileError("it is not built in".into()));
    let mut studies: Vec<Study> = Vec::new();
    for (name, text) in STUDIES {
        let found = parse(text, &none).map_err(|error| LabError::Data {
            name: (*name).to_owned(),
            error: Box::new(error),
        })?;
        studies.extend(found);
    }
    Ok(studies)
}
