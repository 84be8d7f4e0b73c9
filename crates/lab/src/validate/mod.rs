//! Published results and laws, rerun: what is expected, what is measured, and whether the two
//! agree.

mod attack;
mod data;
mod quantity;
mod report;

use std::num::NonZero;

use forkful_sim::play;

use crate::error::LabError;
use crate::interval::{Quantile, Sample, float};
use crate::replicate::{Plan, in_order, stoppable};
pub use data::{Case, Check, DataError, Expected, Study, Tolerance, built_in, parse};
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
}

/// How many runs these studies take.
pub fn runs(studies: &[&Study], quick: bool) -> u64 {
    let cases = studies.iter().flat_map(|study| &study.cases);
    cases.map(|case| case.runs_of(quick)).sum()
}

/// Reruns studies.
///
/// # Errors
/// A scenario cannot be simulated.
pub fn validate(
    studies: &[&Study],
    plan: ValidationPlan,
    watch: &mut Watch<'_>,
) -> Result<ValidationReport, LabError> {
    let mut checks = Vec::new();
    let mut done = 0;
    for study in studies {
        for case in &study.cases {
            let Some(measured) = case.measure(plan, watch, &mut done)? else {
                return Ok(whole(plan, true, checks));
            };
            for (check, measured) in case.checks.iter().zip(&measured) {
                checks.push(check.report(study, case, plan.quick, measured));
            }
        }
    }
    Ok(whole(plan, false, checks))
}

fn whole(plan: ValidationPlan, interrupted: bool, checks: Vec<CheckReport>) -> ValidationReport {
    ValidationReport {
        quick: plan.quick,
        interrupted,
        passed: !interrupted && checks.iter().all(|check| check.verdict == Verdict::Pass),
        checks,
    }
}

impl Case {
    fn runs_of(&self, quick: bool) -> u64 {
        if quick { self.runs.1 } else { self.runs.0 }
    }

    /// Plays the runs. `None` after an interrupt.
    fn measure(
        &self,
        plan: ValidationPlan,
        watch: &mut Watch<'_>,
        done: &mut u64,
    ) -> Result<Option<Vec<Measured>>, LabError> {
        let mut measured = vec![Measured::NOTHING; self.checks.len()];
        let runs = Plan {
            runs_max: self.runs_of(plan.quick),
            threads: plan.threads,
            until: None,
        };
        let one = |scenario: &_, stop: &_| -> Result<Vec<_>, LabError> {
            let outcome = play(scenario, stoppable(stop))?;
            let run = Observed {
                scenario,
                outcome: &outcome,
            };
            let checks = self.checks.iter();
            Ok(checks.map(|check| check.values(&run)).collect())
        };
        let all = in_order(
            &self.scenario,
            &runs,
            &one,
            watch.interrupted,
            &mut |values| {
                for (measured, (value, expected)) in measured.iter_mut().zip(values) {
                    measured.add(value, expected);
                }
                *done += 1;
                (watch.progress)(*done);
                Ok(false)
            },
        )?;
        Ok(all.then_some(measured))
    }
}

impl Check {
    /// What the run gives, and what it should give.
    fn values(&self, run: &Observed<'_>) -> (Option<f64>, Option<f64>) {
        let expected = match &self.expected {
            Expected::Number(number) => Some(*number),
            Expected::Quantity(quantity) => quantity.of(run),
        };
        (self.quantity.of(run), expected)
    }

    fn report(&self, study: &Study, case: &Case, quick: bool, measured: &Measured) -> CheckReport {
        let has_any = measured.values.count() > 0;
        let some = |sample: &Sample| has_any.then(|| sample.mean());
        let (mean, expected) = (some(&measured.values), some(&measured.expected));
        let half = measured.differences.half_width(&mut Quantile::new());
        let reference = expected.unwrap_or(0.0);
        // `parse` has refused what is no tolerance.
        let tolerance = self.tolerance.absolute(reference).unwrap_or(0.0);
        let fewer = float(case.runs.0) / float(case.runs_of(quick));
        let widest = self.half_width_max.as_ref();
        let widest = widest.and_then(|widest| widest.absolute(reference));
        let widest = widest.map(|widest| widest * fewer.max(1.0).sqrt());
        let verdict = match (mean, expected, half) {
            (Some(_), Some(_), Some(half)) => {
                verdict(measured.differences.mean(), half, tolerance, widest)
            }
            _ => Verdict::NoValue,
        };
        CheckReport {
            study: study.name.clone(),
            source: self.source.clone().unwrap_or_else(|| study.source.clone()),
            case: case.what.clone(),
            what: self.what.clone(),
            quantity: self.quantity.name().to_owned(),
            expected,
            measured: mean,
            low: mean.zip(half).map(|(mean, half)| mean - half),
            high: mean.zip(half).map(|(mean, half)| mean + half),
            tolerance,
            why: self.why.clone(),
            half_width_max: widest,
            runs: measured.differences.count(),
            verdict,
        }
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
    };

    /// A run without the one or the other says nothing.
    fn add(&mut self, value: Option<f64>, expected: Option<f64>) {
        if let (Some(value), Some(expected)) = (value, expected) {
            self.values.add(value);
            self.expected.add(expected);
            self.differences.add(value - expected);
        }
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
