//! The reorgs of a run, collected as they happen.

use std::sync::{Arc, Mutex, PoisonError};

use forkful_core::event::What;
use forkful_core::{Event, Hash, NodeId};
use forkful_scenario::Sink;

/// A reorg of one node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reorg {
    /// When, in nanoseconds since the run began.
    pub time_ns: u64,
    /// Of which node.
    pub node: NodeId,
    /// Blocks of the old chain that it left: the depth.
    pub disconnected: u32,
    /// Blocks of the new one that it took on.
    pub connected: u32,
    /// Its tip before: hash and height.
    pub old: (Hash, u64),
    /// Its tip afterwards.
    pub new: (Hash, u64),
}

/// Collects reorgs. Its memory grows with them, about a hundred bytes each.
#[derive(Clone, Debug, Default)]
pub struct ReorgLog {
    /// The sink belongs to the run, which may be on another thread.
    reorgs: Arc<Mutex<Vec<Reorg>>>,
}

impl ReorgLog {
    /// What the run calls.
    pub fn sink(&self) -> Sink {
        let reorgs = Arc::clone(&self.reorgs);
        Box::new(move |event| {
            if let Some(reorg) = Reorg::of(event) {
                reorgs
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(reorg);
            }
        })
    }

    /// What was collected so far.
    pub fn take(&self) -> Vec<Reorg> {
        std::mem::take(&mut *self.reorgs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reorg {
    /// The reorg that an event tells of, if it does.
    fn of(event: &Event) -> Option<Reorg> {
        match &event.what {
            What::TipChanged {
                old,
                new,
                disconnected,
                connected,
            } if *disconnected > 0 => Some(Reorg {
                time_ns: event.time.0,
                node: event.node?,
                disconnected: *disconnected,
                connected: *connected,
                old: (old.hash, old.height),
                new: (new.hash, new.height),
            }),
            _ => None,
        }
    }
}
