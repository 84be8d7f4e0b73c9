//! What came of a validation, as data.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

/// What came of a validation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "forkful validation")]
pub struct ValidationReport {
    /// Whether it was the quick version, with fewer runs.
    pub quick: bool,
    /// Whether it was ended from outside; checks that were not reached are not listed.
    pub interrupted: bool,
    /// Whether every check was passed.
    pub passed: bool,
    /// How many checks there were to be.
    pub checks_max: u64,
    /// Every check, in order.
    pub checks: Vec<CheckReport>,
}

/// One measurement, and what it should be.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct CheckReport {
    /// The study.
    pub study: String,
    /// Where the expected value is from.
    pub source: String,
    /// The scenario of the study.
    pub case: String,
    /// What is measured, for people.
    pub what: String,
    /// Its name.
    pub quantity: String,
    /// So many of the unit that the quantity has in reports are one of the unit here.
    pub divided_by: f64,
    /// What it should be; `null` if it is only told, or the runs gave nothing to compute it from.
    pub expected: Option<f64>,
    /// The mean over the runs; `null` if none gave a value.
    pub measured: Option<f64>,
    /// The lower end of the 95 % confidence interval. Where what is expected comes from the
    /// same runs, the interval is that of the difference, around the mean. Where no run saw a
    /// stale block, it reaches to three in all the blocks that they found.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
    /// How far the mean may be from what is expected, beyond the interval; `null` if nothing is.
    pub tolerance: Option<f64>,
    /// Why so far.
    pub why: String,
    /// Half of the interval was to be at most this.
    pub half_width_max: Option<f64>,
    /// Runs that gave a value.
    pub runs: u64,
    /// Why there is no interval; `null` if there is one.
    pub missing: Option<String>,
    /// What is to be made of it.
    pub verdict: Verdict,
}

/// What is to be made of a check.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The interval reaches what is expected, or comes as near as the tolerance.
    Pass,
    /// It does not.
    Fail,
    /// The interval is too wide to tell.
    TooWide,
    /// No two runs gave a value.
    NoValue,
    /// Nothing is expected: the number is for information.
    Told,
}

impl Verdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "FAIL",
            Verdict::TooWide => "TOO WIDE",
            Verdict::NoValue => "NO VALUE",
            Verdict::Told => "info",
        }
    }

    /// Whether nothing speaks against it.
    pub fn is_good(self) -> bool {
        matches!(self, Verdict::Pass | Verdict::Told)
    }
}

/// The JSON Schema (draft 2020-12) of a validation's report.
pub fn validation_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator
        .into_root_schema_for::<ValidationReport>()
        .to_value()
}
