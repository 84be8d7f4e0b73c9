//! A validation as a table: what is expected, what is measured, what to make of it.

use forkful_lab::validate::{CheckReport, Study, ValidationReport, Verdict};

use crate::show::numbers::{plus_minus, short};
use crate::show::style::{BAD, BOLD, DIM, GOOD, count, paint, plain_line, wrapped};
use crate::show::table::Table;

/// How wide sources and reasons are.
const WIDTH: usize = 100;

/// The studies that there are.
pub fn list(studies: &[Study]) -> Vec<String> {
    let mut table = Table::default();
    for study in studies {
        let cells = [&study.name, &study.about].map(|text| plain_line(text));
        table.rows.push(cells.to_vec());
    }
    table.lines(2)
}

/// Every study with its source, its checks and, where one is not passed, the reason of its
/// tolerance; and how many were passed.
pub fn lines(report: &ValidationReport, studies: &[&Study]) -> Vec<String> {
    let mut lines = Vec::new();
    for study in studies {
        let own = report
            .checks
            .iter()
            .filter(|check| check.study == study.name);
        let own: Vec<&CheckReport> = own.collect();
        if own.is_empty() {
            continue;
        }
        lines.push(paint(BOLD, plain_line(&study.name)));
        lines.extend(wrapped(
            &format!("  {}", plain_line(&study.about)),
            WIDTH,
            2,
        ));
        let source = format!("  {}", plain_line(&study.source));
        lines.extend(
            wrapped(&source, WIDTH, 2)
                .iter()
                .map(|line| paint(DIM, line)),
        );
        lines.extend(table(&own));
        for check in own.iter().filter(|check| !check.verdict.is_good()) {
            let why = match &check.missing {
                Some(missing) => plain_line(missing),
                None => format!(
                    "tolerance {}: {}",
                    check.tolerance.map_or("–".to_owned(), short),
                    plain_line(&check.why)
                ),
            };
            let row = format!(
                "  {} {}, {}: {why}",
                paint(BAD, check.verdict.name()),
                plain_line(&check.case),
                plain_line(&check.what),
            );
            lines.extend(wrapped(&row, WIDTH, 2));
        }
        lines.push(String::new());
    }
    lines.push(sentence(report));
    lines
}

fn table(checks: &[&CheckReport]) -> Vec<String> {
    let mut table = Table::default();
    let heads = [
        "case",
        "what",
        "expected",
        "measured",
        "± 95 %",
        "tolerance",
        "runs",
        "",
    ];
    table.rows.push(heads.map(|head| paint(DIM, head)).to_vec());
    for check in checks {
        let half = check
            .high
            .zip(check.measured)
            .map(|(high, mean)| high - mean);
        let (mean, half) = match check.measured {
            // Runs that agree but for rounding agree.
            Some(mean) => plus_minus(
                mean,
                half.map(|half| if half > 1e-9 * mean.abs() { half } else { 0.0 }),
            ),
            None => ("–".to_owned(), "–".to_owned()),
        };
        let style = match check.verdict {
            Verdict::Pass => GOOD,
            Verdict::Told => DIM,
            Verdict::Fail | Verdict::TooWide | Verdict::NoValue => BAD,
        };
        table.rows.push(vec![
            plain_line(&check.case),
            plain_line(&check.what),
            check.expected.map_or("–".to_owned(), short),
            mean,
            half,
            check.tolerance.map_or("–".to_owned(), short),
            check.runs.to_string(),
            paint(style, check.verdict.name()),
        ]);
    }
    table.lines(2)
}

fn sentence(report: &ValidationReport) -> String {
    let are = |verdict: &dyn Fn(Verdict) -> bool| {
        let checks = report.checks.iter();
        checks.filter(|check| verdict(check.verdict)).count() as u64
    };
    let all = are(&|verdict| verdict != Verdict::Told);
    let passed = are(&|verdict| verdict == Verdict::Pass);
    let mut text = format!("{passed} of {} passed.", count(all, "check", "checks"));
    if report.interrupted {
        let reached = report.checks.len() as u64;
        let most = count(report.checks_max, "row was", "rows were");
        let head = format!("Interrupted when {reached} of {most} through");
        text = match all {
            0 => format!("{head}: nothing was judged."),
            _ => format!("{head}: {text}"),
        };
    }
    let is_good = passed == all && !report.interrupted;
    let text = paint(if is_good { GOOD } else { BAD }, text);
    let quick = match report.quick {
        true => " This was the quick version: its intervals are wide.",
        false => "",
    };
    format!("{text}{quick}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interrupted(checks: Vec<CheckReport>) -> String {
        let report = ValidationReport {
            quick: false,
            interrupted: true,
            passed: false,
            checks_max: 196,
            checks,
        };
        anstream::adapter::strip_str(&sentence(&report)).to_string()
    }

    #[test]
    fn who_was_interrupted_hears_how_far_it_came() {
        assert_eq!(
            interrupted(Vec::new()),
            "Interrupted when 0 of 196 rows were through: nothing was judged."
        );
        let check = serde_json::json!({
            "study": "s", "source": "s", "case": "c", "what": "w", "quantity": "height", "divided_by": 1.0,
            "expected": 1.0, "measured": 1.0, "low": 1.0, "high": 1.0, "tolerance": 0.0, "why": "w",
            "half_width_max": null, "runs": 2, "missing": null, "verdict": "pass",
        });
        let check: CheckReport = serde_json::from_value(check).unwrap();
        assert_eq!(
            interrupted(vec![check]),
            "Interrupted when 1 of 196 rows were through: 1 of 1 check passed."
        );
    }
}
