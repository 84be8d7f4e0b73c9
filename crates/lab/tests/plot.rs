//! Figures are drawn from the files alone, with their texts, whatever the machine has.

use std::path::Path;

use forkful_lab::results::{ReorgLog, Results, RunTables};
use forkful_lab::{LabError, plot};
use forkful_scenario::Scenario;
use forkful_sim::{Options, play};
use tiny_skia::Pixmap;

const FORKING: &str = "
    name = 'forking-racing'
    network = { nodes = 6, link = { latency = '90ms' } }
    stop = { height = 50 }
";

fn results_of(toml: &str, directory: &Path) {
    let scenario = Scenario::from_toml(toml).unwrap();
    let log = ReorgLog::default();
    let options = Options {
        watchers: vec![log.sink()],
        ..Options::default()
    };
    let outcome = play(&scenario, options).unwrap();
    let mut results = Results::create(directory, &scenario, false).unwrap();
    let tables = RunTables::new(&scenario, &outcome, &log.take());
    results.append(&tables).unwrap();
    results.finish(&outcome.report).unwrap();
}

/// How many pixels of this part of a picture are darker than grey.
fn ink(picture: &Pixmap, (left, top): (u32, u32), (right, bottom): (u32, u32)) -> usize {
    let places = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
    let dark = |(x, y): (u32, u32)| picture.pixel(x, y).is_some_and(|pixel| pixel.green() < 90);
    places.filter(|place| dark(*place)).count()
}

#[test]
fn every_figure_is_drawn_twice_with_its_title() {
    let directory = tempfile::tempdir().unwrap();
    results_of(FORKING, directory.path());
    let to = directory.path().join("figures");
    let drawn = plot(directory.path(), &to, false).unwrap();
    assert_eq!((drawn.files.len(), drawn.empty.len()), (10, 0));
    for file in drawn.files {
        let bytes = std::fs::read(&file).unwrap();
        if file.extension().is_some_and(|end| end == "png") {
            let picture = Pixmap::decode_png(&bytes).unwrap();
            // The title is letters, not boxes and not nothing: some of its place is ink.
            let title = ink(&picture, (48, 38), (400, 76));
            assert!(
                (1_000..8_000).contains(&title),
                "{}: {title}",
                file.display()
            );
        } else {
            let text = String::from_utf8(bytes).unwrap();
            assert!(text.contains("scenario “forking-racing”, world sim, seed 1"));
            assert!(
                !text.contains("<text"),
                "no font of the machine is asked for"
            );
        }
    }
}

#[test]
fn figures_are_not_overwritten_unless_somebody_says_so() {
    let directory = tempfile::tempdir().unwrap();
    results_of(FORKING, directory.path());
    plot(directory.path(), directory.path(), false).unwrap();
    let error = plot(directory.path(), directory.path(), false).unwrap_err();
    assert!(matches!(error, LabError::Exists(path) if path.ends_with("propagation.svg")));
    assert!(plot(directory.path(), directory.path(), true).is_ok());
}

#[test]
fn what_there_is_no_data_for_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let alone = "network = { nodes = 1 }\nstop = { height = 1 }";
    results_of(alone, directory.path());
    let drawn = plot(directory.path(), directory.path(), false).unwrap();
    assert_eq!(drawn.empty, ["propagation", "intervals"]);
}

#[test]
fn a_directory_without_results_is_an_error_that_names_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let error = plot(directory.path(), directory.path(), false).unwrap_err();
    assert!(error.to_string().contains("report.json: "), "{error}");
    std::fs::write(directory.path().join("report.json"), "{}").unwrap();
    let error = plot(directory.path(), directory.path(), false).unwrap_err();
    assert!(
        error.to_string().contains("this is not a report"),
        "{error}"
    );
}
