//! Published results and laws, rerun: what is expected, what is measured, and whether the two
//! agree.

mod attack;
mod behind;
mod data;
mod form;
mod quantity;
mod report;

use std::num::NonZero;

use forkful_sim::play;

use crate::error::LabError;
use crate::interval::{Quantile, Sample, float};
use crate::replicate::{Jobs, Stop, has_seeds, stoppable, with_seed};
use crate::validate::behind::Watcher;
pub use behind::Behind;
pub use data::{Case, Check, DataError, Expected, Play, Study, Tolerance, built_in};
pub use form::parse;
pub use quantity::{Observed, Quantity};
pub use report::{CheckReport, ValidationReport, Verdict, validation_schema};

/// How studies are rerun.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ValidationPlan {
    /// With fewer runs.
    pub quick: bool,
    /// How many threads; `None` is one for each core.
    pub threads: Option<NonZero<usize>>,
}

/// Who may end it from outside, and who is told how far it has come.
pub struct Watch<'a> {
    /// Asked now and then.
    pub interrupted: &'a dyn Fn() -> bool,
    /// Told after every run: how many are done.
    pub progress: &'a mut dyn FnMut(u64),
}

/// What the runs of a case gave for one check.
#[derive(Clone, Copy)]
struct Measured {
    values: Sample,
    expected: Sample,
    /// One minus the other, run by run: what they share does not widen the interval.
    differences: Sample,
    trials: u64,
}

/// What one run gave for a check, and what it should have given.
#[derive(Clone, Copy, Default)]
struct Found {
    value: Option<f64>,
    expected: Option<f64>,
    /// Of a part of things that are counted, how many there were; else 0.
    trials: u64,
}

/// How many runs these studies take.
pub fn runs(studies: &[&Study], quick: bool) -> u64 {
    let cases = studies.iter().flat_map(|study| &study.cases);
    cases.map(|case| case.play(quick).runs).sum()
}

/// Reruns studies: all runs of all cases are one line of work, so that no core waits for the
/// last run of a case.
///
/// # Errors
/// A scenario cannot be simulated.
pub fn validate(
    studies: &[&Study],
    plan: ValidationPlan,
    watch: &mut Watch<'_>,
) -> Result<ValidationReport, LabError> {
    let cases: Vec<(&Study, &Case)> = studies
        .iter()
        .flat_map(|study| study.cases.iter().map(|case| (*study, case)))
        .collect();
    let mut ends = Vec::new();
    let mut count = 0;
    for (_, case) in &cases {
        let play = case.play(plan.quick);
        has_seeds(&play.scenario, play.runs)?;
        count += play.runs;
        ends.push(count);
    }
    let one = |number: u64, stop: &Stop| -> Result<Vec<Found>, LabError> {
        let place = ends.partition_point(|end| *end <= number);
        let (_, case) = cases[place];
        let play = case.play(plan.quick);
        case.run(play, number - (ends[place] - play.runs), stop)
    };
    let jobs = Jobs {
        count,
        threads: plan.threads,
        one: &one,
    };
    let mut checks = Vec::new();
    let (mut done, mut place) = (0, 0);
    let mut measured = Vec::new();
    let finished = jobs.in_order(watch.interrupted, &mut |values: Vec<Found>| {
        let (study, case) = cases[place];
        measured.resize(case.checks.len(), Measured::NOTHING);
        for (measured, found) in measured.iter_mut().zip(values) {
            measured.add(found);
        }
        done += 1;
        if done == ends[place] {
            for (check, measured) in case.checks.iter().zip(measured.drain(..)) {
                checks.push(check.report(study, case, plan.quick, &measured));
            }
            place += 1;
        }
        (watch.progress)(done);
        Ok(false)
    })?;
    Ok(ValidationReport {
        quick: plan.quick,
        interrupted: !finished,
        checks_max: cases.iter().map(|(_, case)| case.checks.len() as u64).sum(),
        passed: finished && checks.iter().all(|check| check.verdict.is_good()),
        checks,
    })
}

impl Case {
    /// One run, and what its checks find in it.
    fn run(&self, play_it: &Play, number: u64, stop: &Stop) -> Result<Vec<Found>, LabError> {
        let scenario = with_seed(&play_it.scenario, play_it.scenario.seed + number)?;
        let mut options = stoppable(stop);
        let watcher = self.needs_behind().then(|| Watcher::new(&scenario));
        options.watchers.extend(watcher.as_ref().map(Watcher::sink));
        let outcome = play(&scenario, options)?;
        let run = Observed {
            scenario: &scenario,
            outcome: &outcome,
            behind: watcher.map(|watcher| watcher.seen()),
        };
        Ok(self.checks.iter().map(|check| check.values(&run)).collect())
    }

    fn needs_behind(&self) -> bool {
        self.checks.iter().any(|check| {
            let expected = match &check.expected {
                Some(Expected::Quantity(quantity)) => quantity.needs_behind(),
                _ => false,
            };
            expected || check.quantity.needs_behind()
        })
    }
}

impl Check {
    /// What the run gives, and what it should give, in the unit of the source.
    fn values(&self, run: &Observed<'_>) -> Found {
        let own = |quantity: &Quantity| Some(quantity.of(run)? / self.divide_by);
        let expected = match &self.expected {
            None => None,
            Some(Expected::Number(number)) => Some(*number),
            Some(Expected::Quantity(quantity)) => own(quantity),
        };
        Found {
            value: own(&self.quantity),
            expected,
            trials: self.quantity.trials(run).unwrap_or(0),
        }
    }

    fn report(&self, study: &Study, case: &Case, quick: bool, measured: &Measured) -> CheckReport {
        let some = |sample: &Sample| (sample.count() > 0).then(|| sample.mean());
        let (mean, expected) = (some(&measured.values), some(&measured.expected));
        let sample = match self.expected {
            Some(_) => &measured.differences,
            None => &measured.values,
        };
        let half = measured.half_width(sample, self.divide_by);
        let reference = expected.unwrap_or(0.0);
        let tolerance = match quick {
            true => &self.quick_tolerance,
            false => &self.tolerance,
        };
        // `parse` has refused what is no tolerance.
        let tolerance = tolerance.absolute(reference).unwrap_or(0.0);
        let widest = self.half_width_max.as_ref().filter(|_| !quick);
        let widest = widest.and_then(|widest| widest.absolute(reference));
        let verdict = match (&self.expected, half) {
            (_, None) => Verdict::NoValue,
            (None, Some(_)) => Verdict::Told,
            (Some(_), Some(half)) => verdict(sample.mean(), half, tolerance, widest),
        };
        let source = self.source.as_ref().unwrap_or(&study.source);
        CheckReport {
            study: study.name.clone(),
            source: source.clone(),
            case: case.what.clone(),
            what: self.what.clone(),
            quantity: self.quantity.name().to_owned(),
            divided_by: self.divide_by,
            expected,
            measured: mean,
            low: mean.zip(half).map(|(mean, half)| mean - half),
            high: mean.zip(half).map(|(mean, half)| mean + half),
            tolerance: self.expected.as_ref().map(|_| tolerance),
            why: self.why.clone(),
            half_width_max: widest,
            runs: sample.count(),
            missing: half.is_none().then(|| self.missing(measured)),
            verdict,
        }
    }

    /// Why there is no interval.
    fn missing(&self, measured: &Measured) -> String {
        let (quantity, count) = match &self.expected {
            Some(Expected::Quantity(expected)) if measured.values.count() >= 2 => {
                (expected, measured.expected.count())
            }
            _ => (&self.quantity, measured.values.count()),
        };
        let runs = match count {
            0 => "no run",
            _ => "one run",
        };
        let condition = quantity
            .condition()
            .map_or(String::new(), |condition| format!("; {condition}"));
        format!(
            "{runs} gave a value of {}, and an interval takes two{condition}",
            quantity.name()
        )
    }
}

/// A difference from what is expected, known to ± `half`.
fn verdict(difference: f64, half: f64, tolerance: f64, widest: Option<f64>) -> Verdict {
    if difference.abs() > half + tolerance {
        Verdict::Fail
    } else if widest.is_some_and(|widest| half > widest) {
        Verdict::TooWide
    } else {
        Verdict::Pass
    }
}

impl Measured {
    const NOTHING: Measured = Measured {
        values: Sample::EMPTY,
        expected: Sample::EMPTY,
        differences: Sample::EMPTY,
        trials: 0,
    };

    /// A run without what is measured says nothing, nor does one that lacks what it should be
    /// held against.
    fn add(&mut self, found: Found) {
        let Some(value) = found.value else { return };
        self.values.add(value);
        self.trials += found.trials;
        if let Some(expected) = found.expected {
            self.expected.add(expected);
            self.differences.add(value - expected);
        }
    }

    /// Half of the interval of a sample of these. Where nothing was seen in all of n trials, runs that
    /// agree do not make it certain that there is nothing: it may be three in n (Hanley and
    /// Lippman-Hand, "If nothing goes wrong, is everything all right?", 1983).
    fn half_width(&self, sample: &Sample, divide_by: f64) -> Option<f64> {
        let half = sample.half_width(&mut Quantile::new())?;
        let is_nothing = self.trials > 0 && self.values.mean() == 0.0;
        Some(match is_nothing {
            true => half.max(3.0 / float(self.trials) / divide_by),
            false => half,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_passes_when_it_comes_near_and_is_narrow() {
        assert_eq!(verdict(0.5, 0.4, 0.2, None), Verdict::Pass);
        assert_eq!(verdict(-0.5, 0.4, 0.05, None), Verdict::Fail);
        assert_eq!(verdict(0.5, 0.6, 0.0, Some(0.5)), Verdict::TooWide);
        assert_eq!(
            verdict(5.0, 0.6, 0.0, Some(0.5)),
            Verdict::Fail,
            "wide, and far off"
        );
    }
}
