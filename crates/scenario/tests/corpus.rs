//! The inputs that fuzzing kept, once each. How they came about: docs/testing.md.

#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../fuzz/src/scenario.rs"]
mod scenario;

#[test]
fn every_scenario_of_the_corpus_is_checked_or_refused() {
    replay::replay("scenario", scenario::check);
}
