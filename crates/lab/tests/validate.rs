//! What validation makes of its data: good, wrong and hostile.

use std::cell::Cell;
use std::num::NonZero;

use forkful_lab::validate::{
    DataError, Study, ValidationPlan, ValidationReport, Verdict, Watch, built_in, parse, runs,
    validate,
};
use forkful_scenario::FileError;

/// A coin: two miners alike, no delay, so each finds half of the chain.
const COIN: &str = r#"
[[studies]]
name = "coin"
about = "Two miners alike find half of the chain each."
source = "a coin"
scenario = "network = { nodes = 2, link = { latency = '1ms' } }"
set = ["mining.interval=10min", "stop.height=200", "stop.time_limit=100d"]
quick_set = ["stop.height=50"]
runs = 40
quick_runs = 4
columns = [
    { what = "part of node 0 (%)", quantity = "nodes.0.revenue_share", divide_by = 0.01, tolerance = 1, why = "chance" },
    { what = "stale (%)", quantity = "stale_rate", divide_by = 0.01, tolerance = 0.01, why = "chance" },
]

[[studies.cases]]
what = "as it is"
expected = [50, "-"]
"#;

fn studies(text: &str) -> Result<Vec<Study>, DataError> {
    parse(text, &|_: &str, _: usize| {
        Err(FileError("there are no files".into()))
    })
}

fn rerun(studies: &[Study], plan: ValidationPlan) -> ValidationReport {
    let all: Vec<&Study> = studies.iter().collect();
    let mut watch = Watch {
        interrupted: &|| false,
        progress: &mut |_| {},
    };
    validate(&all, plan, &mut watch).unwrap()
}

fn rerun_text(text: &str) -> ValidationReport {
    rerun(&studies(text).unwrap(), ValidationPlan::default())
}

#[test]
fn what_is_true_passes_in_the_unit_of_the_source() {
    let report = rerun_text(COIN);
    assert!(report.passed && !report.interrupted);
    let [check] = report.checks.as_slice() else {
        panic!("a cell with a dash is left out: {:?}", report.checks);
    };
    assert_eq!(
        (check.verdict, check.runs, check.expected),
        (Verdict::Pass, 40, Some(50.0))
    );
    let (low, high) = (check.low.unwrap(), check.high.unwrap());
    assert!(
        45.0 < low && low < high && high < 55.0,
        "{low} to {high} per cent"
    );
}

#[test]
fn what_is_not_true_fails() {
    let report = rerun_text(&COIN.replace("[50, \"-\"]", "[55, \"-\"]"));
    assert!(!report.passed);
    assert_eq!(report.checks[0].verdict, Verdict::Fail);
    // The interval is widened by the tolerance, and by no more.
    let wide = COIN
        .replace("[50, \"-\"]", "[55, \"-\"]")
        .replace("tolerance = 1,", "tolerance = '10%',");
    assert_eq!(rerun_text(&wide).checks[0].verdict, Verdict::Pass);
}

#[test]
fn an_interval_that_is_too_wide_does_not_pass() {
    let vague = COIN.replace("tolerance = 1,", "tolerance = 1, half_width_max = 0.01,");
    let report = rerun_text(&vague);
    assert!(!report.passed);
    assert_eq!(report.checks[0].verdict, Verdict::TooWide);
}

#[test]
fn what_is_never_there_says_why() {
    let law = COIN
        .replace("[50, \"-\"]", "[\"fork_law\", \"-\"]")
        .replace(
            "\"mining.interval=10min\",",
            "\"consensus.difficulty={ rule = 'lwma' }\",",
        );
    let report = rerun_text(&law);
    let check = &report.checks[0];
    assert_eq!((report.passed, check.verdict), (false, Verdict::NoValue));
    let missing = check.missing.as_deref().unwrap();
    assert!(
        missing.starts_with("no run gave a value of fork_law"),
        "{missing}"
    );
    assert!(
        missing.contains("the difficulty rule is fixed"),
        "{missing}"
    );
}

#[test]
fn what_nothing_is_expected_of_is_told() {
    let told = COIN.replace(
        "expected = [50, \"-\"]",
        "checks = [{ quantity = 'height' }]",
    );
    let report = rerun_text(&told);
    assert!(report.passed);
    let check = &report.checks[0];
    assert_eq!(
        (check.verdict, check.expected, check.tolerance),
        (Verdict::Told, None, None)
    );
    assert_eq!(check.measured, Some(200.0));
}

#[test]
fn no_stale_block_in_eight_thousand_may_still_be_three() {
    let report = rerun_text(&COIN.replace("[50, \"-\"]", "[50, 0]"));
    let check = &report.checks[1];
    // Forks need two finds within a millisecond of ten minutes.
    assert_eq!(check.measured, Some(0.0));
    assert!((check.high.unwrap() - 100.0 * 3.0 / 8_000.0).abs() < 1e-9);
    assert_eq!(check.verdict, Verdict::Pass);
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let studies = studies(COIN).unwrap();
    let with = |threads| {
        let plan = ValidationPlan {
            threads: NonZero::new(threads),
            ..ValidationPlan::default()
        };
        rerun(&studies, plan)
    };
    assert_eq!(with(1), with(3));
}

#[test]
fn quick_is_what_the_file_says_it_is() {
    let studies = studies(COIN).unwrap();
    assert_eq!(runs(&[&studies[0]], true), 4);
    let case = &studies[0].cases[0];
    assert_eq!(case.full.scenario.stop.height, Some(200));
    assert_eq!(case.quick.scenario.stop.height, Some(50));
    let quick = rerun(
        &studies,
        ValidationPlan {
            quick: true,
            threads: None,
        },
    );
    assert_eq!((quick.quick, quick.checks[0].runs), (true, 4));
}

#[test]
fn who_is_interrupted_tells_the_checks_that_are_done() {
    let two = format!("{COIN}\n[[studies.cases]]\nwhat = \"again\"\nexpected = [50, \"-\"]\n");
    let studies = studies(&two).unwrap();
    let done = Cell::new(0);
    let mut watch = Watch {
        interrupted: &|| done.get() >= 45,
        progress: &mut |runs| done.set(runs),
    };
    let plan = ValidationPlan {
        threads: NonZero::new(1),
        ..ValidationPlan::default()
    };
    let report = validate(&[&studies[0]], plan, &mut watch).unwrap();
    assert!(report.interrupted && !report.passed);
    assert_eq!(report.checks.len(), 1, "the first case was through");
    assert_eq!(report.checks_max, 2);
}

#[test]
fn what_comes_along_is_in_order() {
    let studies = built_in().unwrap();
    for study in &studies {
        for text in [&study.name, &study.about, &study.source] {
            assert!(!text.trim().is_empty(), "{}", study.name);
        }
        assert!(!study.cases.is_empty());
    }
    let names: Vec<&str> = studies.iter().map(|study| study.name.as_str()).collect();
    let issue = [
        "fork-law",
        "neutrality",
        "intervals",
        "retarget",
        "simblock-2019",
        "gervais-2016",
    ];
    for name in issue {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
}

/// A file with one thing wrong: what is replaced by what, the line that is named, and words of
/// the error.
const HOSTILE: &[(&str, &str, usize, &str)] = &[
    ("runs = 40", "runs = 1", 9, "runs: runs are from 2"),
    ("runs = 40", "runs = -1", 9, "-1"),
    ("runs = 40", "rnus = 40", 9, "unknown field `rnus`"),
    (
        "quick_runs = 4",
        "quick_runs = 99999999",
        10,
        "quick_runs: runs are from 2",
    ),
    (
        "nodes.0.revenue_share",
        "nodes.7.revenue_share",
        12,
        "quantity: there is no quantity",
    ),
    (
        "stale_rate",
        "stale_rat",
        13,
        "quantity: there is no quantity",
    ),
    ("tolerance = 1,", "", 12, "tolerance: how far"),
    (
        "tolerance = 1,",
        "tolerance = -1,",
        12,
        "tolerance: it is a number from 0",
    ),
    (
        "tolerance = 1,",
        "tolerance = nan,",
        12,
        "tolerance: it is a number from 0",
    ),
    (
        "tolerance = 1,",
        "tolerance = '5 percent',",
        12,
        "tolerance: it is a number from 0",
    ),
    (
        "why = \"chance\" },\n    { what",
        "why = ' ' },\n    { what",
        12,
        "why: why is",
    ),
    (
        "divide_by = 0.01, tolerance = 1",
        "divide_by = 0, tolerance = 1",
        12,
        "divide_by: it is a number above zero",
    ),
    (
        "[50, \"-\"]",
        "[50]",
        16,
        "expected: 1 values for 2 columns",
    ),
    (
        "[50, \"-\"]",
        "[inf, \"-\"]",
        12,
        "expected: it is no number",
    ),
    (
        "[50, \"-\"]",
        "[\"height_of_all\", \"-\"]",
        12,
        "expected: there is no quantity",
    ),
    (
        "[50, \"-\"]",
        "[\"-\", \"-\"]",
        16,
        "checks: there are none",
    ),
    ("nodes = 2,", "nodes = 2000000000,", 2, "scenario: "),
    ("\"stop.height=200\"", "\"stop.heihgt=200\"", 16, "set: "),
    (
        "\"stop.height=50\"",
        "\"network.nodes=0\"",
        16,
        "quick_set: ",
    ),
    (
        "scenario = \"network",
        "preset = \"race\"\nscenario = \"network",
        2,
        "preset: give one of",
    ),
    (
        "scenario = \"network = { nodes = 2, link = { latency = '1ms' } }\"",
        "preset = \"rcae\"",
        2,
        "preset: there is no preset \"rcae\"",
    ),
    (
        "scenario = \"network = { nodes = 2, link = { latency = '1ms' } }\"",
        "scenario = \"network.regions = './mine.toml'\"",
        2,
        "there are no files",
    ),
];

#[test]
fn a_file_with_something_wrong_is_refused_with_line_and_key() {
    for (what, by, line, words) in HOSTILE {
        assert!(COIN.contains(what), "{what}");
        let error = studies(&COIN.replacen(what, by, 1)).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(words), "{by}: {text}");
        assert_eq!(error.line, *line, "{by}: {text}");
    }
}

#[test]
fn two_studies_of_one_name_are_one_too_many() {
    let error = studies(&format!("{COIN}{COIN}")).unwrap_err();
    assert!(error.to_string().contains("two studies"), "{error}");
}

#[test]
fn a_file_has_so_many_cases_and_no_more() {
    let case = "\n[[studies.cases]]\nwhat = \"again\"\nexpected = [50, \"-\"]\n";
    let error = studies(&format!("{COIN}{}", case.repeat(10_000))).unwrap_err();
    assert!(error.to_string().contains("at most 10000"), "{error}");
}
