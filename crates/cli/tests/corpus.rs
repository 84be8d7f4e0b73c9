//! The inputs that fuzzing kept, once each. How they came about: docs/testing.md.

#[allow(dead_code, reason = "a part of it is asked here")]
#[path = "../src/chain_file/mod.rs"]
mod chain_file;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../fuzz/src/chain_file.rs"]
mod target;

#[test]
fn every_chain_file_of_the_corpus_is_read_or_refused() {
    replay::replay("chain_file", target::check);
}
