//! What a run leaves behind in files, for `--out` and `--trace`.

use forkful_lab::results::{ReorgLog, Results, RunTables};
use forkful_lab::{LabError, Trace};
use forkful_scenario::{Outcome, Scenario, Sink};
use forkful_sim::MessageSink;

use crate::measure_args::MeasureArgs;

/// The files of one run. Opened before the run, so that a path that cannot be written is
/// known at once.
pub struct Record {
    results: Option<Results>,
    reorgs: ReorgLog,
    trace: Option<Trace>,
}

impl Record {
    /// Creates the files that were asked for.
    pub fn open(args: &MeasureArgs, scenario: &Scenario) -> Result<Record, LabError> {
        let results = args.out.as_deref();
        let trace = args.trace.as_deref();
        Ok(Record {
            trace: trace
                .map(|path| Trace::create(path, args.force))
                .transpose()?,
            results: results
                .map(|dir| Results::create(dir, scenario, args.force))
                .transpose()?,
            reorgs: ReorgLog::default(),
        })
    }

    /// Consumers of all events but those of messages.
    pub fn watchers(&self) -> Vec<Sink> {
        let reorgs = self.results.as_ref().map(|_| self.reorgs.sink());
        let trace = self.trace.as_ref().map(Trace::watcher);
        reorgs.into_iter().chain(trace).collect()
    }

    /// Consumers of messages.
    pub fn messages(&self) -> Vec<MessageSink> {
        self.trace.iter().map(Trace::messages).collect()
    }

    /// Whether a file cannot be written any more.
    pub fn failed(&self) -> impl Fn() -> bool + 'static {
        let failed = self.trace.as_ref().map(Trace::failed);
        move || failed.as_ref().is_some_and(|failed| failed())
    }

    /// Writes what is left, and the ends of the files. The run's sinks must be gone.
    pub fn finish(self, scenario: &Scenario, outcome: &Outcome) -> Result<(), LabError> {
        if let Some(mut results) = self.results {
            let tables = RunTables::new(scenario, outcome, &self.reorgs.take());
            results.append(&tables)?;
            results.finish(&outcome.report)?;
        }
        self.trace.map_or(Ok(()), Trace::finish)
    }
}
