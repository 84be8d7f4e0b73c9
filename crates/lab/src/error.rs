//! What goes wrong when many runs are played, written and drawn.

use std::io;
use std::path::{Path, PathBuf};

use forkful_scenario::ScenarioError;
use forkful_sim::PlayError;

use crate::table::ReadError;
use crate::validate::DataError;

/// Names that are offered at most for one that there is not.
const NEAREST_MAX: usize = 3;

/// Why there are no results.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The scenario with another seed is wrong.
    #[error(transparent)]
    Scenario(Box<ScenarioError>),
    /// The simulator cannot play it.
    #[error(transparent)]
    Play(Box<PlayError>),
    /// The seeds of so many runs are more than there are.
    #[error("seed: {first} and the {runs} after it are more than there are; take a smaller one")]
    Seeds {
        /// The first seed.
        first: u64,
        /// How many runs.
        runs: u64,
    },
    /// The quantity that an interval is wanted of is not measured.
    #[error("there is no quantity {name:?}{}", hint(nearest))]
    NoMetric {
        /// What was asked for.
        name: String,
        /// What may be meant, the likeliest first.
        nearest: Vec<String>,
    },
    /// The threads could not be started.
    #[error("cannot start threads: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// A file of results is there already.
    #[error("{} is there already; --force overwrites it", .0.display())]
    Exists(PathBuf),
    /// A file cannot be written.
    #[error("cannot write {}: {error}", path.display())]
    Output {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A file of studies is wrong.
    #[error("{name}: {error}")]
    Data {
        /// The file.
        name: String,
        /// What is wrong.
        error: Box<DataError>,
    },
    /// Results cannot be read.
    #[error(transparent)]
    Read(Box<ReadError>),
}

impl LabError {
    /// There is no such quantity among `names`: what is meant is the one that is spelled most
    /// like it, or else one of those that it is a part of.
    pub(crate) fn no_metric<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> LabError {
        let names: Vec<&str> = names.collect();
        let like = |other: &&&str| strsim::jaro_winkler(name, other);
        let spelled = names.iter().filter(|other| like(other) > 0.7);
        let nearest = spelled.max_by(|a, b| like(a).total_cmp(&like(b)));
        let has_it = |other: &&&str| !name.is_empty() && other.contains(name);
        let parts = names.iter().filter(has_it).take(NEAREST_MAX);
        let nearest: Vec<&&str> = match nearest {
            Some(nearest) => vec![nearest],
            None => parts.collect(),
        };
        LabError::NoMetric {
            name: name.to_owned(),
            nearest: nearest.into_iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    /// For `map_err`: writing to `path` failed.
    pub fn output(path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> LabError {
        let path = path.as_ref().to_owned();
        |error| LabError::Output { path, error }
    }
}

impl From<ScenarioError> for LabError {
    fn from(error: ScenarioError) -> Self {
        LabError::Scenario(Box::new(error))
    }
}

impl From<PlayError> for LabError {
    fn from(error: PlayError) -> Self {
        LabError::Play(Box::new(error))
    }
}

impl From<ReadError> for LabError {
    fn from(error: ReadError) -> Self {
        LabError::Read(Box::new(error))
    }
}

fn hint(nearest: &[String]) -> String {
    let quoted: Vec<String> = nearest.iter().map(|name| format!("{name:?}")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => format!(" (did you mean {one}?)"),
        [before @ .., last] => format!(" (did you mean {} or {last}?)", before.join(", ")),
    }
}
