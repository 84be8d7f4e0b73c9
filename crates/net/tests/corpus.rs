//! The inputs that fuzzing kept, once each. How they came about: docs/testing.md.

#![allow(
    clippy::duplicate_mod,
    reason = "each target is a program of its own there, with all that it needs"
)]

#[path = "../../../fuzz/src/frame.rs"]
mod frame;
#[path = "../../../fuzz/src/kept.rs"]
mod kept;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;
#[path = "../../../fuzz/src/rpc.rs"]
mod rpc;
#[path = "../../../fuzz/src/store.rs"]
mod store;

use replay::replay;

#[test]
fn every_stream_of_the_corpus_ends_in_frames_or_a_reason() {
    replay("frame", frame::check);
}

#[test]
fn every_store_of_the_corpus_is_refused_or_serves_a_valid_chain() {
    replay("store", store::check);
}

#[test]
fn every_book_and_list_of_the_corpus_is_refused_or_read_again() {
    replay("kept", kept::check);
}

#[test]
fn every_body_of_the_corpus_is_answered() {
    replay("rpc", rpc::check);
}
