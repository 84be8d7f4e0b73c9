//! Published results and laws, as data: what to play, what to measure, what it should be.
//!
//! A study is one source. Its cases are scenarios, each its own base with some keys changed;
//! the checks of a case are what is held against the source. docs/validation.md is the
//! reference of the form.

use forkful_scenario::{Overrides, ReadFile, Scenario, preset};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::error::LabError;
use crate::validate::quantity::Quantity;

/// The studies that come with forkful: the name of the file, and its text.
pub const STUDIES: &[(&str, &str)] = &[
    ("laws.toml", include_str!("../../validation/laws.toml")),
    (
        "attacks.toml",
        include_str!("../../validation/attacks.toml"),
    ),
];

/// The most runs of one case.
const RUNS_MAX: u64 = 1_000_000;

/// A file of studies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    studies: Vec<StudyData>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StudyData {
    name: String,
    about: String,
    source: String,
    preset: Option<String>,
    scenario: Option<String>,
    #[serde(default)]
    set: Vec<String>,
    runs: u64,
    quick_runs: u64,
    cases: Vec<CaseData>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseData {
    what: String,
    #[serde(default)]
    set: Vec<String>,
    runs: Option<u64>,
    quick_runs: Option<u64>,
    checks: Vec<CheckData>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckData {
    quantity: String,
    what: Option<String>,
    source: Option<String>,
    expected: ExpectedData,
    tolerance: Tolerance,
    why: String,
    half_width_max: Option<Tolerance>,
}

/// A number, or the name of a quantity that the same runs give.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ExpectedData {
    Number(f64),
    Quantity(String),
}

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
    pub scenario: Scenario,
    /// How many runs, and how many with `--quick`.
    pub runs: (u64, u64),
    /// What is measured.
    pub checks: Vec<Check>,
}

/// One measurement and what it should be.
#[derive(Debug)]
pub struct Check {
    /// What is measured, for people.
    pub what: String,
    /// Where this number is from, if not where the study is.
    pub source: Option<String>,
    /// What is measured.
    pub quantity: Quantity,
    /// What it should be.
    pub expected: Expected,
    /// How far it may be from that.
    pub tolerance: Tolerance,
    /// Why so far.
    pub why: String,
    /// Half of the interval is at most this, or the check is not passed.
    pub half_width_max: Option<Tolerance>,
}

/// What a measurement should be.
#[derive(Debug)]
pub enum Expected {
    /// A published or computed number.
    Number(f64),
    /// What a law gives for the same run.
    Quantity(Quantity),
}

/// What is wrong with a file of studies.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// It is no TOML of this form.
    #[error("{0}")]
    Form(#[from] toml::de::Error),
    /// Something is wrong with one study, case or check.
    #[error("{place}: {problem}")]
    At {
        /// Which.
        place: String,
        /// What is wrong.
        problem: String,
    },
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

impl std::fmt::Display for Tolerance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Tolerance::Absolute(value) => write!(f, "{value}"),
            Tolerance::Relative(text) => f.write_str(text),
        }
    }
}

/// Reads a file of studies. Scenarios may name files, which `read` reads.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(text: &str, read: &ReadFile<'_>) -> Result<Vec<Study>, DataError> {
    let file: File = toml::from_str(text)?;
    let studies = file.studies.into_iter();
    let studies: Vec<Study> = studies
        .map(|study| study.checked(read))
        .collect::<Result<_, _>>()?;
    for (place, study) in studies.iter().enumerate() {
        if studies[..place]
            .iter()
            .any(|other| other.name == study.name)
        {
            return Err(at(&study.name, "there are two studies of this name"));
        }
    }
    Ok(studies)
}

impl StudyData {
    fn checked(self, read: &ReadFile<'_>) -> Result<Study, DataError> {
        let name = self.name.as_str();
        let toml = match (&self.preset, &self.scenario) {
            (Some(of), None) => preset(of)
                .map(|preset| preset.toml)
                .ok_or_else(|| at(name, &format!("there is no preset {of:?}")))?,
            (None, Some(toml)) => toml,
            _ => return Err(at(name, "give either preset or scenario")),
        };
        let scenario = Scenario::from_toml_with(toml, read);
        let scenario = scenario.map_err(|error| at(name, &format!("scenario: {error}")))?;
        if self.cases.is_empty() {
            return Err(at(name, "there are no cases"));
        }
        let cases = self.cases.iter();
        let cases = cases.map(|case| case.checked(&self, &scenario, read));
        Ok(Study {
            cases: cases.collect::<Result<_, _>>()?,
            name: self.name,
            about: self.about,
            source: self.source,
        })
    }
}

impl CaseData {
    fn checked(
        &self,
        study: &StudyData,
        scenario: &Scenario,
        read: &ReadFile<'_>,
    ) -> Result<Case, DataError> {
        let place = format!("{}, {}", study.name, self.what);
        let overrides = Overrides {
            set: study.set.iter().chain(&self.set).cloned().collect(),
            ..Overrides::default()
        };
        let scenario = scenario.with_files(&overrides, read);
        let scenario = scenario.map_err(|error| at(&place, &error.to_string()))?;
        let runs = (
            self.runs.unwrap_or(study.runs),
            self.quick_runs.unwrap_or(study.quick_runs),
        );
        if [runs.0, runs.1]
            .iter()
            .any(|runs| !(2..=RUNS_MAX).contains(runs))
        {
            let problem = format!("runs and quick_runs are from 2 to {RUNS_MAX}");
            return Err(at(&place, &problem));
        }
        if self.checks.is_empty() {
            return Err(at(&place, "there are no checks"));
        }
        let checks = self
            .checks
            .iter()
            .map(|check| check.checked(&place, &scenario));
        Ok(Case {
            what: self.what.clone(),
            checks: checks.collect::<Result<_, _>>()?,
            scenario,
            runs,
        })
    }
}

impl CheckData {
    fn checked(&self, place: &str, scenario: &Scenario) -> Result<Check, DataError> {
        let quantity = |name: &str| {
            Quantity::parse(name, scenario).map_err(|error| at(place, &error.to_string()))
        };
        let expected = match &self.expected {
            ExpectedData::Number(number) if number.is_finite() => Expected::Number(*number),
            ExpectedData::Number(_) => return Err(at(place, "expected is not a number")),
            ExpectedData::Quantity(name) => Expected::Quantity(quantity(name)?),
        };
        for tolerance in [Some(&self.tolerance), self.half_width_max.as_ref()] {
            if tolerance.is_some_and(|tolerance| tolerance.absolute(1.0).is_none()) {
                let problem = "a tolerance is a number from 0, or a text such as \"5%\"";
                return Err(at(place, problem));
            }
        }
        if self.why.trim().is_empty() {
            return Err(at(place, "why is the tolerance what it is?"));
        }
        Ok(Check {
            what: self.what.clone().unwrap_or_else(|| self.quantity.clone()),
            source: self.source.clone(),
            quantity: quantity(&self.quantity)?,
            expected,
            tolerance: self.tolerance.clone(),
            why: self.why.clone(),
            half_width_max: self.half_width_max.clone(),
        })
    }
}

fn at(place: &str, problem: &str) -> DataError {
    DataError::At {
        place: place.to_owned(),
        problem: problem.to_owned(),
    }
}

/// The studies that come with forkful.
///
/// # Errors
/// None that a test would not have found.
pub fn built_in() -> Result<Vec<Study>, LabError> {
    let none = |_: &str, _: usize| Err(forkful_scenario::FileError("it is not built in".into()));
    let mut studies = Vec::new();
    for (name, text) in STUDIES {
        let found = parse(text, &none).map_err(|error| LabError::Data {
            name: (*name).to_owned(),
            error: Box::new(error),
        })?;
        studies.extend(found);
    }
    Ok(studies)
}
