//! Scenarios in real time: a network of nodes in one process, from its first block to its report.
//!
//! ```text
//!  timetable ─▶ Run ─ commands ─▶ Actor ─▶ Wiring ─▶ Postman ─▶ inbox ────────────▶ Actor    mesh
//!                                          (links)      └─▶ socket ═ socket ─▶ Gate ─▶ Actor tcp
//! ```
//!
//! [`play`] plays it. Each node is one task (an [`Actor`](crate::actor::Actor)), each has a
//! postman who brings what the links carry, and each searches on a blocking thread. Two worlds
//! differ in one step alone, how a message gets from the end of its link to the receiver: see
//! [`Carrier`]. A panic in any task ends the run with an error: there is no half-alive network.

mod actions;
mod files;
mod gate;
mod nodes;
mod postman;
mod run;
mod sockets;
mod wiring;

use std::time::Duration;

use forkful_core::NodeId;
use forkful_pow::Kernel;
use forkful_scenario::{Outcome, Scenario, ScenarioError, Sink, World};
use tokio_util::sync::CancellationToken;

pub use self::files::FilesError;
use crate::tcp::StartError;
use crate::tcp::key::KeyError;

/// How a scenario is played, apart from what it says itself.
#[derive(Default)]
pub struct Options {
    /// What brings the messages.
    pub carrier: Carrier,
    /// Consumers of the run's events.
    pub sinks: Vec<Sink>,
    /// Ends the run at once and cleanly when it is cancelled.
    pub interrupt: CancellationToken,
}

/// What brings a message when its link has done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Carrier {
    /// The world `mesh`: Tokio channels.
    #[default]
    Channels,
    /// The world `tcp`: a socket on loopback for each link, by the transport of real nodes.
    Sockets {
        /// Without encryption, so that a packet analyser shows what is said.
        plaintext: bool,
    },
}

impl Carrier {
    /// The world that it makes.
    pub fn world(self) -> World {
        match self {
            Carrier::Channels => World::Mesh,
            Carrier::Sockets { .. } => World::Tcp,
        }
    }
}

/// Why a run came to no end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The scenario asks for what the world cannot do.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// The kernel that the scenario asks for is not on this machine.
    #[error("mining.kernel: this machine has no {0}")]
    NoKernel(Kernel),
    /// The process may not open so many sockets.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The runtime did not start.
    #[error("the runtime did not start: {0}")]
    Runtime(#[from] std::io::Error),
    /// A node has no key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A node has no connections.
    #[error("node {node}: {error}")]
    Start {
        /// Which.
        node: NodeId,
        /// What went wrong.
        error: StartError,
    },
    /// Two nodes of a link do not reach each other.
    #[error("nodes {0} and {1} were not connected after {2:?} in which no other link came up")]
    NoLink(NodeId, NodeId, Duration),
    /// A part of the network panicked. This is a bug in forkful.
    #[error("{0} ended unexpectedly: this is a bug in forkful")]
    Died(String),
}

/// Threads beside those of the miners, for the runtime's own needs.
const SPARE_THREADS: usize = 16;

/// Whether a scenario can be played so, on this machine.
///
/// # Errors
/// It asks for what the world cannot do, or for more sockets than this process may open.
pub fn check(scenario: &Scenario, carrier: Carrier) -> Result<(), PlayError> {
    scenario.check_world(carrier.world())?;
    run::kernel(scenario.mining.kernel)?;
    if let Carrier::Sockets { .. } = carrier {
        files::check(scenario)?;
    }
    Ok(())
}

/// Plays a scenario in a runtime of its own, until it is over.
///
/// # Errors
/// What [`check`] says, sockets that cannot be had, or a part of the network that panicked.
pub fn play(scenario: &Scenario, options: Options) -> Result<Outcome, PlayError> {
    check(scenario, options.carrier)?;
    if let Carrier::Sockets { .. } = options.carrier {
        files::make_room(scenario)?;
    }
    let nodes = scenario.network.nodes as usize;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        // One search a node, and the one before it that is just being given up.
        .max_blocking_threads(2 * nodes + SPARE_THREADS)
        .build()?;
    // A consumer of events may panic in the run's own task as well.
    let run = || runtime.block_on(run::Run::play(scenario, options));
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(run))
        .unwrap_or_else(|_| Err(PlayError::Died("the run".to_owned())))
}
