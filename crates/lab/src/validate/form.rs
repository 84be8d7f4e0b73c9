//! The form of a file of studies, as it is written; and what makes studies of it.

use std::ops::Range;

use forkful_scenario::{Overrides, ReadFile, Scenario, preset};
use serde::Deserialize;
use toml::Spanned;

use crate::validate::data::{Case, Check, DataError, Expected, Play, Study, Tolerance};
use crate::validate::quantity::Quantity;

/// The most runs of one case.
const RUNS_MAX: u64 = 1_000_000;

/// The most cases of one file.
const CASES_MAX: usize = 10_000;

/// The most checks of one case, and columns of one study.
const CHECKS_MAX: usize = 100;

/// The longest file that holds a scenario.
const FILE_BYTES_MAX: usize = 1 << 20;

/// The mark of a cell of a table that is left out.
const NO_CELL: &str = "-";

/// A file of studies.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    studies: Vec<Spanned<StudyData>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct StudyData {
    name: String,
    about: String,
    source: String,
    preset: Option<String>,
    scenario: Option<String>,
    scenario_file: Option<String>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    quick_set: Vec<String>,
    runs: Spanned<u64>,
    quick_runs: Spanned<u64>,
    #[serde(default)]
    columns: Vec<Spanned<CheckData>>,
    cases: Vec<Spanned<CaseData>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseData {
    what: String,
    source: Option<String>,
    #[serde(default)]
    set: Vec<String>,
    #[serde(default)]
    quick_set: Vec<String>,
    runs: Option<Spanned<u64>>,
    quick_runs: Option<Spanned<u64>>,
    #[serde(default)]
    expected: Vec<ExpectedData>,
    #[serde(default)]
    checks: Vec<Spanned<CheckData>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckData {
    quantity: String,
    what: Option<String>,
    source: Option<String>,
    divide_by: Option<f64>,
    expected: Option<ExpectedData>,
    tolerance: Option<Tolerance>,
    quick_tolerance: Option<Tolerance>,
    why: Option<String>,
    half_width_max: Option<Tolerance>,
}

/// A number, or the name of a quantity that the same runs give.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum ExpectedData {
    Number(f64),
    Quantity(String),
}

/// Where in the file something is, for errors.
struct At<'a> {
    text: &'a str,
    place: String,
    span: Range<usize>,
}

impl At<'_> {
    fn error(&self, key: &str, problem: impl std::fmt::Display) -> DataError {
        DataError {
            line: line(self.text, self.span.start),
            place: self.place.clone(),
            key: key.to_owned(),
            problem: problem.to_string(),
        }
    }

    fn within(&self, name: &str, span: Range<usize>) -> At<'_> {
        At {
            text: self.text,
            place: format!("{}, {name}", self.place),
            span,
        }
    }
}

fn line(text: &str, offset: usize) -> usize {
    let before = text.as_bytes().iter().take(offset);
    before.filter(|byte| **byte == b'\n').count() + 1
}

/// Reads a file of studies. Scenarios may name files, which `read` reads.
///
/// # Errors
/// What is wrong, and where.
pub fn parse(text: &str, read: &ReadFile<'_>) -> Result<Vec<Study>, DataError> {
    let file: File = toml::from_str(text).map_err(|error| DataError {
        line: line(text, error.span().map_or(0, |span| span.start)),
        place: String::new(),
        key: String::new(),
        problem: error.message().to_owned(),
    })?;
    let mut studies: Vec<Study> = Vec::new();
    let mut cases = 0;
    for study in &file.studies {
        let at = At {
            text,
            place: study.as_ref().name.clone(),
            span: study.span(),
        };
        let study = study.as_ref();
        if studies.iter().any(|other| other.name == study.name) {
            return Err(at.error("name", "there are two studies of this name"));
        }
        cases += study.cases.len();
        if cases > CASES_MAX {
            return Err(at.error("cases", format!("a file has at most {CASES_MAX}")));
        }
        studies.push(study.checked(&at, read)?);
    }
    Ok(studies)
}

impl StudyData {
    fn checked(&self, at: &At<'_>, read: &ReadFile<'_>) -> Result<Study, DataError> {
        if self.name.trim().is_empty() {
            return Err(at.error("name", "it has none"));
        }
        let (key, toml) = self.base(at, read)?;
        let scenario = Scenario::from_toml_with(&toml, read);
        let scenario = scenario.map_err(|error| at.error(key, error))?;
        if self.cases.is_empty() {
            return Err(at.error("cases", "there are none"));
        }
        let cases = self.cases.iter().map(|case| {
            let at = at.within(&case.as_ref().what, case.span());
            case.as_ref().checked(self, &at, &scenario, read)
        });
        Ok(Study {
            cases: cases.collect::<Result<_, _>>()?,
            name: self.name.clone(),
            about: self.about.clone(),
            source: self.source.clone(),
        })
    }

    /// The text of the scenario that the cases change, and the key that gives it.
    fn base(&self, at: &At<'_>, read: &ReadFile<'_>) -> Result<(&'static str, String), DataError> {
        match (&self.preset, &self.scenario, &self.scenario_file) {
            (Some(of), None, None) => match preset(of) {
                Some(preset) => Ok(("preset", preset.toml.to_owned())),
                None => Err(at.error("preset", format!("there is no preset {of:?}"))),
            },
            (None, Some(toml), None) => Ok(("scenario", toml.clone())),
            (None, None, Some(file)) => {
                let key = "scenario_file";
                let text = read(file, FILE_BYTES_MAX).map_err(|error| at.error(key, error))?;
                Ok((key, text))
            }
            _ => Err(at.error("preset", "give one of preset, scenario and scenario_file")),
        }
    }
}

impl CaseData {
    fn checked(
        &self,
        study: &StudyData,
        at: &At<'_>,
        base: &Scenario,
        read: &ReadFile<'_>,
    ) -> Result<Case, DataError> {
        let play = |runs_key: &str, runs: &Spanned<u64>, key: &str, set: Vec<&String>| {
            let at_runs = At {
                span: runs.span(),
                place: at.place.clone(),
                ..*at
            };
            let runs = *runs.as_ref();
            if !(2..=RUNS_MAX).contains(&runs) {
                return Err(at_runs.error(runs_key, format!("runs are from 2 to {RUNS_MAX}")));
            }
            let overrides = Overrides {
                set: set.into_iter().cloned().collect(),
                ..Overrides::default()
            };
            let scenario = base.with_files(&overrides, read);
            let scenario = scenario.map_err(|error| at.error(key, error))?;
            Ok(Play { scenario, runs })
        };
        let set = || study.set.iter().chain(&self.set);
        let quick_set = study.quick_set.iter().chain(&self.quick_set);
        let quick_runs = self.quick_runs.as_ref().unwrap_or(&study.quick_runs);
        let full = play(
            "runs",
            self.runs.as_ref().unwrap_or(&study.runs),
            "set",
            set().collect(),
        )?;
        let quick = play(
            "quick_runs",
            quick_runs,
            "quick_set",
            set().chain(quick_set).collect(),
        )?;
        Ok(Case {
            what: self.what.clone(),
            checks: self.all_checks(study, at, &full.scenario)?,
            full,
            quick,
        })
    }

    /// The cells of its row of the table, then what is its own.
    fn all_checks(
        &self,
        study: &StudyData,
        at: &At<'_>,
        scenario: &Scenario,
    ) -> Result<Vec<Check>, DataError> {
        if !self.expected.is_empty() && self.expected.len() != study.columns.len() {
            let (cells, columns) = (self.expected.len(), study.columns.len());
            let problem = format!("{cells} values for {columns} columns");
            return Err(at.error("expected", problem));
        }
        if self.checks.len().max(study.columns.len()) > CHECKS_MAX {
            return Err(at.error("checks", format!("there are at most {CHECKS_MAX}")));
        }
        let mut checks = Vec::new();
        for (column, cell) in study.columns.iter().zip(&self.expected) {
            let at = at.within(&column.as_ref().quantity, column.span());
            if column.as_ref().expected.is_some() {
                return Err(at.error("expected", "a column has none: its cases have"));
            }
            let check = column.as_ref();
            if matches!(cell, ExpectedData::Quantity(text) if text == NO_CELL) {
                Quantity::parse(&check.quantity, scenario)
                    .map_err(|error| at.error("quantity", error))?;
            } else {
                checks.push(check.checked(Some(cell), self.source.as_ref(), &at, scenario)?);
            }
        }
        for check in &self.checks {
            let at = at.within(&check.as_ref().quantity, check.span());
            let check = check.as_ref();
            let expected = check.expected.as_ref();
            checks.push(check.checked(expected, self.source.as_ref(), &at, scenario)?);
        }
        if checks.is_empty() {
            return Err(at.error("checks", "there are none, and no expected values"));
        }
        Ok(checks)
    }
}

impl CheckData {
    fn checked(
        &self,
        expected: Option<&ExpectedData>,
        source: Option<&String>,
        at: &At<'_>,
        scenario: &Scenario,
    ) -> Result<Check, DataError> {
        let quantity = |key: &str, name: &str| {
            Quantity::parse(name, scenario).map_err(|error| at.error(key, error))
        };
        let expected = match expected {
            None => None,
            Some(ExpectedData::Number(number)) if number.is_finite() => {
                Some(Expected::Number(*number))
            }
            Some(ExpectedData::Number(_)) => return Err(at.error("expected", "it is no number")),
            Some(ExpectedData::Quantity(name)) => {
                Some(Expected::Quantity(quantity("expected", name)?))
            }
        };
        self.tolerances(at, expected.is_some())?;
        let divide_by = self.divide_by.unwrap_or(1.0);
        if !(divide_by.is_finite() && divide_by > 0.0) {
            return Err(at.error("divide_by", "it is a number above zero"));
        }
        let tolerance = self.tolerance.clone().unwrap_or(Tolerance::Absolute(0.0));
        Ok(Check {
            what: self.what.clone().unwrap_or_else(|| self.quantity.clone()),
            source: self.source.as_ref().or(source).cloned(),
            quantity: quantity("quantity", &self.quantity)?,
            divide_by,
            expected,
            quick_tolerance: self
                .quick_tolerance
                .clone()
                .unwrap_or_else(|| tolerance.clone()),
            tolerance,
            why: self.why.clone().unwrap_or_default(),
            half_width_max: self.half_width_max.clone(),
        })
    }

    /// What is held against a value has a tolerance with a reason; what is not, has none.
    fn tolerances(&self, at: &At<'_>, is_expected: bool) -> Result<(), DataError> {
        let all = [
            ("tolerance", &self.tolerance),
            ("quick_tolerance", &self.quick_tolerance),
            ("half_width_max", &self.half_width_max),
        ];
        for (key, tolerance) in all {
            match tolerance {
                None if key == "tolerance" && is_expected => {
                    return Err(at.error(key, "how far may it be from what is expected?"));
                }
                Some(_) if !is_expected => {
                    return Err(at.error(key, "nothing is expected that it could be far from"));
                }
                Some(tolerance) if tolerance.absolute(1.0).is_none() => {
                    let problem = "it is a number from 0, or a text such as \"5%\"";
                    return Err(at.error(key, problem));
                }
                _ => {}
            }
        }
        let is_why = self.why.as_ref().is_some_and(|why| !why.trim().is_empty());
        if is_expected && !is_why {
            return Err(at.error("why", "why is the tolerance what it is?"));
        }
        Ok(())
    }
}
