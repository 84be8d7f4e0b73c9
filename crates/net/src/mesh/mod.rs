//! The mesh: every node in one process, over Tokio channels.
//!
//! [`play`] plays a scenario from its first block to its report. Each node is one task
//! (an [`Actor`](crate::actor::Actor)), each has a postman who brings what the links
//! carry, and each searches on a blocking thread. A panic in any of them ends the run
//! with an error: there is no half-alive network.

mod actions;
mod letter;
mod nodes;
mod run;
mod wiring;

use forkful_pow::Kernel;
use forkful_scenario::{Outcome, Scenario, ScenarioError, Sink, World};
use tokio_util::sync::CancellationToken;

/// How a scenario is played, apart from what it says itself.
#[derive(Default)]
pub struct Options {
    /// Consumers of the run's events.
    pub sinks: Vec<Sink>,
    /// Ends the run at once and cleanly when it is cancelled.
    pub interrupt: CancellationToken,
}

/// Why a run came to no end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The scenario asks for what a mesh cannot do.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The kernel that the scenario asks for is not on this machine.
    #[error("mining.kernel: this machine has no {0}")]
    NoKernel(Kernel),
    /// The runtime did not start.
    #[error("the runtime did not start: {0}")]
    Runtime(#[from] std::io::Error),
    /// A part of the network panicked. This is a bug in forkful.
    #[error("{0} ended unexpectedly: this is a bug in forkful")]
    Died(String),
}

/// Threads beside those of the miners, for the runtime's own needs.
const SPARE_THREADS: usize = 16;

/// Whether a mesh can play a scenario.
///
/// # Errors
/// It asks for what a mesh cannot do.
pub fn check(scenario: &Scenario) -> Result<(), PlayError> {
    scenario.check_world(World::Mesh)?;
    run::kernel(scenario.mining.kernel)?;
    Ok(())
}

/// Plays a scenario in a runtime of its own, until it is over.
///
/// # Errors
/// The scenario asks for what a mesh cannot do, or a part of the network panicked.
pub fn play(scenario: &Scenario, options: Options) -> Result<Outcome, PlayError> {
    check(scenario)?;
    let nodes = scenario.network.nodes as usize;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_time()
        // One search a node, and the one before it that is just being given up.
        .max_blocking_threads(2 * nodes + SPARE_THREADS)
        .build()?;
    // A consumer of events may panic in the run's own task as well.
    let run = || runtime.block_on(run::Run::play(scenario, options));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(PlayError::Died("the run".to_owned())))
}
