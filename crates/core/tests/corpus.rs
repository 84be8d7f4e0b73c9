//! The inputs that fuzzing kept, once each. How they came about: docs/testing.md.

#![allow(
    clippy::duplicate_mod,
    reason = "each target is a program of its own there, with all that it needs"
)]

#[path = "../../../fuzz/src/block.rs"]
mod block;
#[path = "../../../fuzz/src/message.rs"]
mod message;
#[path = "../../../fuzz/src/node.rs"]
mod node;
#[path = "../../../fuzz/src/replay.rs"]
mod replay;

use replay::replay;

#[test]
fn every_message_of_the_corpus_is_read_or_refused() {
    replay("message", message::check);
}

#[test]
fn every_block_of_the_corpus_is_read_or_refused() {
    replay("block", block::check);
}

#[test]
fn a_node_survives_every_sequence_of_the_corpus() {
    replay("node", node::check);
}
