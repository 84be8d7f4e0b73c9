//! The simulated world: the core's own nodes in virtual time.
//!
//! ```text
//!            ┌──────────────────────────── Sim ────────────────────────────┐
//!  queue ──▶ │ what happens next ─▶ Input ─▶ Node::handle ─▶ Effects ─▶ do │ ──▶ queue
//!            │        ten thousand nodes, one shared BlockTree<Lottery>    │ ──▶ events
//!            └─────────────────────────────────────────────────────────────┘
//! ```
//!
//! Everything that a node does here is done by the same `Node::handle` as in the real
//! worlds. What differs is what carries messages (a queue ordered by time and sequence),
//! the clock (an integer), and how blocks are found (a lottery with the statistics of
//! the search). A valid block is the same fact for everybody, so all nodes share one
//! tree, and only the views are their own.
//!
//! The same scenario and seed give the same run, told by its [`TraceHash`], on every
//! machine and in every build.

#![forbid(unsafe_code)]

mod actions;
mod drive;
mod ending;
mod lottery;
mod network;
mod news;
mod play;
mod queue;
mod run;
mod shelf;
mod tell;
mod touch;
mod trace;
mod wheel;

pub use lottery::{Clock, Lottery};
pub use play::{PlayError, check, play};
pub use queue::{EventQueue, Place};
pub use run::{MessageSink, Options, Sending};
pub use trace::TraceHash;
