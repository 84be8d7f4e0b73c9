//! What goes out of a run, whichever world played it.

use std::sync::Arc;

use forkful_core::{Block, Consensus, Event};

use crate::fork_tree::ForkTree;
use crate::reach::Reach;
use crate::report::Report;

/// A consumer of events. Called in the order of time, one event after the other; the
/// network waits for it, so it must be quick.
pub type Sink = Box<dyn FnMut(&Event) + Send>;

/// What came of a run.
#[derive(Debug)]
pub struct Outcome {
    /// The report.
    pub report: Report,
    /// Every block that was found.
    pub tree: ForkTree,
    /// How each block of `tree` spread, in the same order.
    pub reach: Vec<Reach>,
    /// The final chain with all bodies, genesis first.
    pub chain: Vec<Arc<Block>>,
    /// The rules that it keeps.
    pub consensus: Consensus,
}
