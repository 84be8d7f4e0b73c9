//! Where the events of a run are told: one stream, in the order of time.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use forkful_core::event::What;
use forkful_core::{BlockRef, Event, NodeId};
use forkful_scenario::Sink;
use tokio::sync::Notify;

use crate::clock::Clock;

/// Takes every event of a run, gives it its time, and passes it on.
pub struct Ledger {
    clock: Clock,
    /// A std mutex, held for one event and never across an await: it makes the stream
    /// one stream, in the order of time.
    inner: Mutex<Inner>,
    /// Told when a tip changed, for whoever decides whether the run is over.
    changed: Notify,
}

struct Inner {
    board: Board,
    sinks: Vec<Sink>,
}

/// What has to be known at every moment to decide whether a run is over.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// Each node's tip.
    pub tips: Vec<BlockRef>,
    /// Blocks mined so far, stale ones included.
    pub mined: u64,
    /// The greatest height that any tip has had.
    pub height: u64,
}

impl Ledger {
    /// A ledger for so many nodes, all at genesis.
    pub fn new(clock: Clock, genesis: BlockRef, nodes: usize, sinks: Vec<Sink>) -> Self {
        Ledger {
            clock,
            inner: Mutex::new(Inner {
                board: Board {
                    tips: vec![genesis; nodes],
                    ..Board::default()
                },
                sinks,
            }),
            changed: Notify::new(),
        }
    }

    /// Something happened, to a node or to the network as a whole.
    pub fn tell(&self, node: Option<NodeId>, what: What) {
        let tip_changed = matches!(what, What::TipChanged { .. } | What::Restarted { .. });
        {
            let mut inner = self.lock();
            // Read under the lock, so that the order of the stream is the order of time.
            let time = self.clock.now().time;
            let event = Event { time, node, what };
            inner.board.note(&event);
            for sink in &mut inner.sinks {
                sink(&event);
            }
        }
        if tip_changed {
            self.changed.notify_one();
        }
    }

    /// Waits until a tip has changed since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }

    /// How the run stands.
    pub fn board(&self) -> Board {
        self.lock().board.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic in a sink ends the run with an error; how it stands may still be read.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

impl Board {
    fn note(&mut self, event: &Event) {
        let tip = match event.what {
            What::Mined { .. } => {
                self.mined += 1;
                return;
            }
            What::TipChanged { new, .. } => new,
            What::Restarted { tip } => tip,
            _ => return,
        };
        self.height = self.height.max(tip.height);
        let place = event
            .node
            .and_then(|node| self.tips.get_mut(node.0 as usize));
        if let Some(place) = place {
            *place = tip;
        }
    }
}
