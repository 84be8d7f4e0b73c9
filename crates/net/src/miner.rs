//! The search for blocks, on blocking threads.
//!
//! One search at a time per node. A new template stops the search for the old one at
//! once: the flag is looked at every 4,096 tries, and a search that waits for its next
//! turn is woken. A limited node really makes its tries, only spread over time, so its
//! proofs are as real as everybody's.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use forkful_core::{Block, Template, Timestamp};
use forkful_pow::{Kernel, Outcome, Prepared, scan};
use tokio::sync::mpsc;

/// How long a limited search rests between two turns at least. Short against any link's
/// latency, long enough that hundreds of miners do not keep two cores busy by waking.
const REST: Duration = Duration::from_millis(5);

/// Tries that an unlimited search makes before it looks at the clock, to renew the
/// block's timestamp: a fraction of a second on any machine.
const TURN: u64 = 1 << 20;

/// How fast a node searches.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Speed {
    /// Not at all.
    Off,
    /// So many tries per second on average, above zero.
    Limited(f64),
    /// As fast as the machine can.
    Unlimited,
}

/// The miner of one node.
#[derive(Debug)]
pub struct Miner {
    kernel: Kernel,
    speed: Speed,
    found: mpsc::UnboundedSender<Arc<Block>>,
    search: Option<Arc<Stop>>,
}

impl Miner {
    /// A miner that does not search yet, and where it will send what it finds: one block
    /// a search at most, so nothing piles up.
    pub fn new(kernel: Kernel, speed: Speed) -> (Self, mpsc::UnboundedReceiver<Arc<Block>>) {
        let (found, blocks) = mpsc::unbounded_channel();
        let miner = Miner {
            kernel,
            speed,
            found,
            search: None,
        };
        (miner, blocks)
    }

    /// Gives up the search under way and begins another.
    pub fn search(&mut self, template: Template) {
        self.stop();
        if self.speed == Speed::Off {
            return;
        }
        let stop = Arc::new(Stop::default());
        let search = Search {
            template,
            kernel: self.kernel,
            speed: self.speed,
            stop: Arc::clone(&stop),
        };
        let found = self.found.clone();
        self.search = Some(stop);
        tokio::task::spawn_blocking(move || {
            if let Some(block) = search.run() {
                // Nobody listens any more when the node was just stopped.
                let _ = found.send(Arc::new(block));
            }
        });
    }

    /// Gives up the search under way.
    pub fn stop(&mut self) {
        if let Some(search) = self.search.take() {
            search.stop();
        }
    }

    /// Searches that fast from the next template on.
    pub fn set_speed(&mut self, speed: Speed) {
        self.speed = speed;
    }
}

impl Drop for Miner {
    /// A blocking thread cannot be aborted, and the runtime waits for it: it must not
    /// outlive its node.
    fn drop(&mut self) {
        self.stop();
    }
}

/// The word to stop, for a thread that searches or rests.
#[derive(Debug, Default)]
struct Stop {
    flag: AtomicBool,
    /// Guards nothing but the wait for `wake`.
    resting: Mutex<()>,
    wake: Condvar,
}

impl Stop {
    fn stop(&self) {
        // Under the lock, so that the word cannot fall between a look at the flag and
        // the wait that follows it.
        let _resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        self.flag.store(true, Ordering::Relaxed);
        self.wake.notify_all();
    }

    /// Waits so long, or until the word to stop. False if it came.
    fn rest(&self, time: Duration) -> bool {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        let stopped = |_: &mut ()| !self.flag.load(Ordering::Relaxed);
        drop(self.wake.wait_timeout_while(resting, time, stopped));
        !self.flag.load(Ordering::Relaxed)
    }
}

/// One search for one block.
struct Search {
    template: Template,
    kernel: Kernel,
    speed: Speed,
    stop: Arc<Stop>,
}

impl Search {
    fn run(self) -> Option<Block> {
        let begun = Instant::now();
        let mut next_nonce = 0;
        let mut timestamp = self.template.header.timestamp;
        let mut prepared = self.prepare(timestamp);
        loop {
            let tries = self.wait_for_turn(begun, next_nonce)?;
            // The claimed time goes on with the clock. No rule looks at it before the
            // block is there, so the search loses nothing by a new one.
            let current = self
                .template
                .header
                .timestamp
                .saturating_add(begun.elapsed());
            if current.0 >= timestamp.0.saturating_add(1_000) {
                timestamp = current;
                prepared = self.prepare(timestamp);
            }
            let last = next_nonce + (tries - 1);
            match scan(self.kernel, &prepared, next_nonce..=last, &self.stop.flag).outcome {
                Outcome::Found { nonce, .. } => {
                    return Some(self.template.into_block(timestamp, nonce));
                }
                Outcome::Exhausted => next_nonce = last + 1,
                Outcome::Stopped => return None,
            }
        }
    }

    fn prepare(&self, timestamp: Timestamp) -> Prepared {
        let mut header = self.template.header;
        header.timestamp = timestamp;
        Prepared::new(&header.to_bytes(), &self.template.target.to_be_bytes())
    }

    /// How many tries to make now, one at least; `None` once the search is given up.
    ///
    /// A limited search is due `tries_per_second` for each second since it began.
    fn wait_for_turn(&self, begun: Instant, done: u64) -> Option<u64> {
        let tries_per_second = match self.speed {
            Speed::Off => return None,
            Speed::Unlimited => {
                return (!self.stop.flag.load(Ordering::Relaxed)).then_some(TURN);
            }
            Speed::Limited(tries_per_second) => tries_per_second,
        };
        let mut rest = REST;
        loop {
            if !self.stop.rest(rest) {
                return None;
            }
            let due = tries_per_second * begun.elapsed().as_secs_f64() - done as f64;
            if due >= 1.0 {
                // A float below 2^53 by far: a run lasts hours, not ages.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                return Some(due as u64);
            }
            let missing = (1.0 - due) / tries_per_second;
            rest = Duration::try_from_secs_f64(missing)
                .unwrap_or(Duration::MAX)
                .max(REST);
        }
    }
}
