//! What whoever is outside has of a running node: an API, a test.

use std::path::PathBuf;
use std::sync::Arc;

use forkful_core::Event;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::actor::{Command, Shared};
use crate::clock::Clock;
use crate::peers::Peers;

/// A running node, as others see it. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    /// Its facts and opinions, to be looked at.
    pub shared: Shared,
    /// Its clock.
    pub clock: Clock,
    /// What it is told to do.
    pub commands: mpsc::Sender<Command>,
    /// Its connections.
    pub peers: Arc<dyn Peers>,
    /// What happens in it, from when one subscribes. Who reads too slowly misses events.
    pub events: broadcast::Sender<Arc<Event>>,
    /// What does not change while it runs.
    pub about: Arc<About>,
    /// Ends it, cleanly.
    pub shutdown: CancellationToken,
}

/// What does not change while a node runs.
#[derive(Clone, Debug)]
pub struct About {
    /// The name of its network.
    pub network: String,
    /// What it calls itself to others.
    pub user_agent: String,
    /// Where it keeps what it has; `None` if only in memory.
    pub data_dir: Option<PathBuf>,
    /// When it was started.
    pub started: Instant,
    /// Whether it searches for blocks.
    pub mines: bool,
}
