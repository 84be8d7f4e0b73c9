//! Many runs of the simulated world, and what to make of them.
//!
//! One run is one sample. [`replicate`] plays a scenario with many seeds, on all cores, and
//! folds what came of each into an [`Ensemble`]: means with 95 % confidence intervals of
//! everything that a report tells. [`Results`] writes the rows of every run as Parquet and
//! CSV, [`Trace`] every message of one.
//!
//! The crate exists for the libraries that nobody below should carry: threads, statistics,
//! Parquet, drawing.

#![forbid(unsafe_code)]

mod ensemble;
mod ensemble_report;
mod error;
mod interval;
mod metric;
mod plot;
mod progress;
mod replicate;
pub mod results;
mod stopping;
pub mod table;
mod trace;
pub mod validate;

pub use ensemble::Ensemble;
pub use ensemble_report::{
    EnsembleReport, ExpectationCount, GroupEstimate, NodeEstimate, Quantity, ensemble_schema,
};
pub use error::LabError;
pub use interval::{CONFIDENCE, Estimate, Quantile, Sample};
pub use metric::Metric;
pub use plot::{Drawn, plot};
pub use progress::{Goal, Pace};
pub use replicate::{Control, Plan, replicate};
pub use results::Results;
pub use stopping::{BATCH, NoWidth, RUNS_MAX, RUNS_MIN, Until, UntilReport, Width};
pub use trace::{Trace, trace_schema};
