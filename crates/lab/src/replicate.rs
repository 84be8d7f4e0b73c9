//! Plays one scenario with many seeds, on all cores.
//!
//! ```text
//!  seeds in order ──▶ threads, a run each ──▶ put back in order ──▶ ensemble, tables
//!        ▲                                                │
//!        └──────── no further ahead than a window ────────┘
//! ```
//!
//! Runs are independent, so threads share nothing. Their results are put back in the order of
//! the seeds before anything is made of them, and what decides when to stop sees them in that
//! order: so every number, table and fingerprint is the same with one thread or a hundred.

use std::any::Any;
use std::collections::BTreeMap;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use forkful_scenario::{Overrides, Report, Scenario};
use forkful_sim::{Options, play};

use crate::ensemble::Ensemble;
use crate::ensemble_report::EnsembleReport;
use crate::error::LabError;
use crate::interval::Quantile;
use crate::results::{ReorgLog, Results, RunTables};
use crate::stopping::Until;

/// Runs that may be under way or wait for an earlier one, for each thread. One long run
/// holds the others up only when it takes as long as so many of them.
const WINDOW: u64 = 4;

/// How often somebody looks whether to go on, while no run ends.
const LOOK: Duration = Duration::from_millis(50);

/// How a scenario is repeated.
#[derive(Clone, PartialEq, Debug)]
pub struct Plan {
    /// The most runs.
    pub runs_max: u64,
    /// How many threads; `None` is one for each core.
    pub threads: Option<NonZero<usize>>,
    /// Ends before `runs_max`, when an interval is narrow.
    pub until: Option<Until>,
}

impl Plan {
    /// Whether this can be done with the scenario: asked before anything is written or played.
    ///
    /// # Errors
    /// There is no such quantity, there are not so many seeds, or it cannot be simulated.
    pub fn check(&self, scenario: &Scenario) -> Result<(), LabError> {
        forkful_sim::check(scenario)?;
        if let Some(until) = &self.until {
            Ensemble::new(scenario).has(&until.metric)?;
        }
        has_seeds(scenario, self.runs_max)
    }
}

/// Who may end the runs from outside, and who is told how far they have come.
pub struct Control<'a> {
    /// Asked now and then.
    pub interrupted: &'a dyn Fn() -> bool,
    /// Told after every run, with all of them so far.
    pub progress: &'a mut dyn FnMut(&Ensemble),
}

/// What is kept of one run.
struct Run {
    report: Report,
    tables: Option<RunTables>,
}

/// What a thread made of a seed: something of a run, an error, or a panic that is to go on
/// elsewhere.
type Played<T> = Result<Result<T, LabError>, Box<dyn Any + Send>>;

/// Plays `scenario` with its own seed and those after it. Rows go to `results`, if there are
/// any, as runs are done.
///
/// # Errors
/// The scenario cannot be simulated, the quantity that is waited for does not exist, or the
/// results cannot be written.
pub fn replicate(
    scenario: &Scenario,
    plan: &Plan,
    mut results: Option<&mut Results>,
    control: &mut Control<'_>,
) -> Result<EnsembleReport, LabError> {
    plan.check(scenario)?;
    let mut ensemble = Ensemble::new(scenario);
    let until = plan.until.as_ref();
    let mut reached = false;
    let keeps_tables = results.is_some();
    let interrupted = control.interrupted;
    let one = |number, stop: &Stop| {
        let scenario = with_seed(scenario, scenario.seed + number)?;
        play_one(&scenario, keeps_tables, stop)
    };
    let jobs = Jobs {
        count: plan.runs_max,
        threads: plan.threads,
        one: &one,
    };
    let done = jobs.in_order(interrupted, &mut |run: Run| {
        if let (Some(results), Some(tables)) = (results.as_deref_mut(), &run.tables) {
            results.append(tables)?;
        }
        ensemble.add(&run.report);
        reached = is_reached(&ensemble, until);
        (control.progress)(&ensemble);
        Ok(reached)
    })?;
    let until = until.map(|until| until.report(reached));
    Ok(ensemble.report(plan.runs_max, until, !done))
}

fn is_reached(ensemble: &Ensemble, until: Option<&Until>) -> bool {
    let Some(until) = until.filter(|_| Until::looks_after(ensemble.runs())) else {
        return false;
    };
    let sample = ensemble.sample(&until.metric);
    sample.is_some_and(|sample| until.is_reached(sample, &mut Quantile::new()))
}

/// Tells a run that it is wanted no more.
pub(crate) type Stop = Arc<AtomicBool>;

/// Numbered pieces of work that know nothing of each other.
pub(crate) struct Jobs<'a, T> {
    /// How many.
    pub count: u64,
    /// How many threads; `None` is one for each core.
    pub threads: Option<NonZero<usize>>,
    /// Does the one with this number.
    pub one: &'a (dyn Fn(u64, &Stop) -> Result<T, LabError> + Sync),
}

impl<T: Send> Jobs<'_, T> {
    /// Does them on all threads, and gives `take` what came of each in the order of their
    /// numbers, until it says that they are enough. Returns whether all were taken that were
    /// wanted; false after an interrupt.
    pub fn in_order(
        &self,
        interrupted: &dyn Fn() -> bool,
        take: &mut dyn FnMut(T) -> Result<bool, LabError>,
    ) -> Result<bool, LabError> {
        let threads = self.threads.map_or(0, NonZero::get);
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()?;
        let window = WINDOW * pool.current_num_threads() as u64;
        let stop = Arc::new(AtomicBool::new(false));
        let (sender, receiver) = mpsc::channel::<(u64, Played<T>)>();
        pool.in_place_scope_fifo(|scope| {
            let mut work = || {
                let (mut started, mut taken) = (0, 0);
                let mut waiting = BTreeMap::new();
                while taken < self.count {
                    while started < self.count.min(taken + window) {
                        let (sender, stop, number) = (sender.clone(), Arc::clone(&stop), started);
                        scope.spawn_fifo(move |_| {
                            let played =
                                catch_unwind(AssertUnwindSafe(|| (self.one)(number, &stop)));
                            // Nobody listens any more once there are runs enough.
                            let _ = sender.send((number, played));
                        });
                        started += 1;
                    }
                    match receiver.recv_timeout(LOOK) {
                        Ok((number, played)) => drop(waiting.insert(number, played)),
                        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
                    }
                    if interrupted() {
                        return Ok(false);
                    }
                    while let Some(played) = waiting.remove(&taken) {
                        taken += 1;
                        let run = played.unwrap_or_else(|panic| resume_unwind(panic))?;
                        if take(run)? {
                            return Ok(true);
                        }
                    }
                }
                Ok(true)
            };
            let done = work();
            // Runs under way end at their next look, and nobody waits for what they found.
            stop.store(true, Ordering::Relaxed);
            done
        })
    }
}

/// Every run has a seed of its own.
///
/// # Errors
/// There are not so many above that of the scenario.
pub(crate) fn has_seeds(scenario: &Scenario, runs: u64) -> Result<(), LabError> {
    match scenario.seed.checked_add(runs) {
        Some(_) => Ok(()),
        None => Err(LabError::Seeds {
            first: scenario.seed,
            runs,
        }),
    }
}

pub(crate) fn with_seed(scenario: &Scenario, seed: u64) -> Result<Scenario, LabError> {
    Ok(scenario.with(&Overrides {
        seed: Some(seed),
        ..Overrides::default()
    })?)
}

/// One run: nearly nothing but the simulation itself.
fn play_one(scenario: &Scenario, keeps_tables: bool, stop: &Stop) -> Result<Run, LabError> {
    let reorgs = ReorgLog::default();
    let mut options = stoppable(stop);
    if keeps_tables {
        options.watchers.push(reorgs.sink());
    }
    let outcome = play(scenario, options)?;
    let tables = keeps_tables.then(|| RunTables::new(scenario, &outcome, &reorgs.take()));
    Ok(Run {
        report: outcome.report,
        tables,
    })
}

/// A run that ends at its next look when it is wanted no more.
pub(crate) fn stoppable(stop: &Stop) -> Options {
    let stop = Arc::clone(stop);
    Options {
        interrupted: Some(Box::new(move || stop.load(Ordering::Relaxed))),
        ..Options::default()
    }
}
