//! How a search on a blocking thread is given up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The word to stop, for a thread that searches or rests.
#[derive(Debug)]
pub(super) struct Stop {
    pub flag: AtomicBool,
    /// Until when the search has made the tries that it owes. Held by the thread while
    /// it rests, which gives the lock back to whoever wakes it.
    paid_until: Mutex<Instant>,
    pub wake: Condvar,
}

impl Stop {
    pub fn new(paid_until: Instant) -> Self {
        Stop {
            flag: AtomicBool::new(false),
            paid_until: Mutex::new(paid_until),
            wake: Condvar::new(),
        }
    }

    pub fn stop(&self) -> Instant {
        // Under the lock, so that the word cannot fall between a look at the flag and
        // the wait that follows it.
        let paid_until = self.lock();
        self.flag.store(true, Ordering::Relaxed);
        self.wake.notify_all();
        *paid_until
    }

    pub fn is_set(&self) -> bool {
        self.flag.load(Ordering::Relaxed)
    }

    pub fn lock(&self) -> MutexGuard<'_, Instant> {
        self.paid_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
