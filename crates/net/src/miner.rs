//! The search for blocks, on blocking threads.
//!
//! One search at a time per node. A new template stops the search for the old one at
//! once: the flag is looked at every 4,096 tries, and a search that waits for its next
//! turn is woken. A limited node really makes its tries, only spread over time, so its
//! proofs are as real as everybody's.

mod stop;

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use forkful_core::{Block, NodeId, Template, Timestamp};
use forkful_pow::{Kernel, Outcome, Prepared, scan};
use tokio::sync::mpsc;

use stop::Stop;

/// How long a limited search rests between two turns at least: short against any
/// link's latency.
const REST: Duration = Duration::from_millis(5);

/// How much longer it rests for every other miner of the process, so that hundreds of
/// them together wake ten thousand times a second and not more.
const REST_PER_MINER: Duration = Duration::from_micros(100);

/// Time whose tries a new search takes over from the one that it replaces.
const CREDIT_MAX: Duration = Duration::from_secs(1);

/// Tries that a search makes at most before it looks at the clock, to renew the
/// block's timestamp: a fraction of a second on any machine.
const TURN: u64 = 1 << 20;

/// What a search found, or the panic that ended it: its node passes that on.
pub type Found = thread::Result<Arc<Block>>;

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

impl Speed {
    fn shared_by(self, threads: u32) -> Self {
        match self {
            Speed::Limited(rate) => Speed::Limited(rate / f64::from(threads)),
            speed => speed,
        }
    }
}

/// The miner of one node.
#[derive(Debug)]
pub struct Miner {
    kernel: Kernel,
    speed: Speed,
    rest: Duration,
    /// Where every search begins. Two nodes with the same tip and pool have the same
    /// template: with the same nonces too they would do the same work twice.
    first_nonce: u64,
    found: mpsc::UnboundedSender<Found>,
    /// How many threads share a search.
    threads: u32,
    /// The threads of the search under way; none when there is none.
    search: Vec<Arc<Stop>>,
}

impl Miner {
    /// The miner of node `id`, one of so many in this process. It does not search yet.
    /// What it finds will come out of the channel: one block a search at most, so
    /// nothing piles up.
    pub fn new(
        kernel: Kernel,
        speed: Speed,
        id: NodeId,
        miners: u32,
    ) -> (Self, mpsc::UnboundedReceiver<Found>) {
        let (found, blocks) = mpsc::unbounded_channel();
        let miner = Miner {
            kernel,
            speed,
            rest: REST.max(REST_PER_MINER * miners),
            // A million million tries apart: no search is that long.
            first_nonce: u64::from(id.0) << 40,
            found,
            threads: 1,
            search: Vec::new(),
        };
        (miner, blocks)
    }

    /// Shares every search among so many threads, at least one.
    #[must_use]
    pub fn with_threads(mut self, threads: u32) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Gives up the search under way and begins another.
    ///
    /// Tries that were due and not yet made are made for the new one: so a limited node keeps its rate.
    pub fn search(&mut self, template: Template) {
        let now = Instant::now();
        let earliest = now.checked_sub(CREDIT_MAX).unwrap_or(now);
        let paid_until = match self.stop() {
            Some(paid_until) => paid_until.max(earliest),
            None => now,
        };
        if self.speed == Speed::Off {
            return;
        }
        let speed = self.speed.shared_by(self.threads);
        let is_over = Arc::new(AtomicBool::new(false));
        let stops = (0..self.threads).map(|_| Arc::new(Stop::new(paid_until)));
        self.search = stops.collect();
        for (thread, stop) in (0..).zip(&self.search) {
            let search = Search {
                template: template.clone(),
                kernel: self.kernel,
                speed,
                rest: self.rest,
                // No thread gets as far as where the next one begins.
                first_nonce: self.first_nonce + (thread << 34),
                stop: Arc::clone(stop),
            };
            self.spawn(search, Arc::clone(&is_over));
        }
    }

    /// Searches on a thread of its own. Of the threads of one search, only the first one's find
    /// counts.
    fn spawn(&self, search: Search, is_over: Arc<AtomicBool>) {
        let found = self.found.clone();
        let all = self.search.clone();
        tokio::task::spawn_blocking(move || {
            // Nobody would see a panic here.
            let run = panic::catch_unwind(AssertUnwindSafe(|| search.run()));
            let Some(result) = run.transpose() else {
                return;
            };
            if !is_over.swap(true, Ordering::Relaxed) {
                for thread in all {
                    thread.stop();
                }
                // Nobody listens any more when the node was just stopped.
                let _ = found.send(result.map(Arc::new));
            }
        });
    }

    /// Gives up the search under way. Tells until when its tries were made.
    pub fn stop(&mut self) -> Option<Instant> {
        let threads = std::mem::take(&mut self.search);
        threads.iter().map(|thread| thread.stop()).max()
    }

    /// Searches that fast from the next template on.
    pub fn set_speed(&mut self, speed: Speed) {
        // What was due at the old speed is not due at the new one.
        self.stop();
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

/// One search for one block.
struct Search {
    template: Template,
    kernel: Kernel,
    speed: Speed,
    rest: Duration,
    first_nonce: u64,
    stop: Arc<Stop>,
}

impl Search {
    fn run(self) -> Option<Block> {
        let begun = Instant::now();
        let mut next_nonce = self.first_nonce;
        let mut timestamp = self.template.header.timestamp;
        let mut prepared = self.prepare(timestamp);
        loop {
            let tries = self.wait_for_turn()?;
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
            let last = next_nonce.saturating_add(tries - 1);
            match scan(self.kernel, &prepared, next_nonce..=last, &self.stop.flag).outcome {
                Outcome::Found { nonce, .. } => {
                    return Some(self.template.into_block(timestamp, nonce));
                }
                Outcome::Exhausted => next_nonce = last.wrapping_add(1),
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
    fn wait_for_turn(&self) -> Option<u64> {
        let tries_per_second = match self.speed {
            Speed::Off => return None,
            Speed::Unlimited => return (!self.stop.is_set()).then_some(TURN),
            Speed::Limited(tries_per_second) => tries_per_second,
        };
        let a_try = Duration::try_from_secs_f64(1.0 / tries_per_second).unwrap_or(Duration::MAX);
        let pause = a_try.max(self.rest);
        let mut paid_until = self.stop.lock();
        loop {
            if self.stop.is_set() {
                return None;
            }
            let now = Instant::now();
            // What a machine that is too slow cannot make is not owed for ever.
            let earliest = now.checked_sub(CREDIT_MAX.max(pause)).unwrap_or(now);
            *paid_until = (*paid_until).max(earliest);
            let owed = now.saturating_duration_since(*paid_until);
            if owed >= pause {
                // One at least, though the division may fall a hair short of it; and not
                // more than an unlimited search makes before it looks at the clock.
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
                let tries = ((owed.as_secs_f64() * tries_per_second) as u64).clamp(1, TURN);
                *paid_until += Duration::from_secs_f64(tries as f64 / tries_per_second);
                return Some(tries);
            }
            let woken = self.stop.wake.wait_timeout(paid_until, pause - owed);
            (paid_until, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forkful_core::node::{Config, Node};
    use forkful_core::strategy::Honest;
    use forkful_core::{BlockTree, Consensus, Now, Sha256Pow, Target, Time};

    const NOW: Now = Now {
        time: Time::ZERO,
        clock: Timestamp(1_800_000_000_000),
    };

    /// A template whose search takes 2^`bits` tries on average.
    fn template(bits: u32) -> Template {
        let consensus = Consensus::fixed(Target::from_zero_bits(bits).unwrap());
        let tree = BlockTree::new(consensus, Sha256Pow);
        let node = Node::new(Config::default(), Box::new(Honest), 1);
        node.template(NOW, &tree)
    }

    fn miner(speed: Speed) -> (Miner, mpsc::UnboundedReceiver<Found>) {
        Miner::new(Kernel::best(), speed, NodeId(0), 1)
    }

    #[tokio::test]
    async fn what_it_finds_meets_the_target() {
        for speed in [Speed::Unlimited, Speed::Limited(1e6)] {
            let (mut miner, mut found) = miner(speed);
            let template = template(12);
            let target = template.target;
            miner.search(template);
            let block = found.recv().await.unwrap().unwrap();
            assert!(target.is_met_by(&block.header.hash()));
            assert!(block.header.timestamp >= NOW.clock);
        }
    }

    #[tokio::test]
    async fn a_search_is_given_up_at_once_whether_it_works_or_rests() {
        // One try in eighteen minutes: it rests until it is woken.
        for speed in [Speed::Unlimited, Speed::Limited(0.001)] {
            let mut quickest = Duration::MAX;
            // A busy machine may not run the thread for a while, but not ten times over.
            for _ in 0..10 {
                let (mut miner, mut found) = miner(speed);
                miner.search(template(255));
                tokio::time::sleep(Duration::from_millis(20)).await;
                let asked = Instant::now();
                drop(miner);
                // The thread owns the last sender: the channel closes when it has ended.
                assert!(found.recv().await.is_none());
                quickest = quickest.min(asked.elapsed());
            }
            assert!(quickest < Duration::from_millis(50), "{quickest:?}");
        }
    }

    #[tokio::test]
    async fn new_templates_do_not_slow_a_limited_search_down() {
        let (mut miner, mut found) = miner(Speed::Limited(20_000.0));
        let begun = Instant::now();
        let mut blocks = 0;
        let mut template = template(8);
        // Every block and every millisecond begin a new search.
        while begun.elapsed() < Duration::from_secs(1) {
            template.header.timestamp.0 += 1;
            miner.search(template.clone());
            tokio::select! {
                block = found.recv() => {
                    block.unwrap().unwrap();
                    blocks += 1;
                }
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
        // 78 are expected; four standard deviations are 35.
        assert!((40..=120).contains(&blocks), "{blocks} blocks");
    }

    /// Seen in a run: two nodes with the same pool and tip found the very same block.
    #[tokio::test]
    async fn miners_of_one_template_do_not_do_the_same_work() {
        let mut nonces = Vec::new();
        for id in [0, 1] {
            let (mut miner, mut found) =
                Miner::new(Kernel::best(), Speed::Unlimited, NodeId(id), 2);
            miner.search(template(8));
            nonces.push(found.recv().await.unwrap().unwrap().header.nonce);
        }
        assert_ne!(nonces[0], nonces[1]);
    }

    #[tokio::test]
    async fn threads_share_a_search_and_find_one_block() {
        for speed in [Speed::Unlimited, Speed::Limited(1e6)] {
            let (miner, mut found) = miner(speed);
            let mut miner = miner.with_threads(4);
            // Every try of every thread would do.
            miner.search(template(0));
            found.recv().await.unwrap().unwrap();
            drop(miner);
            assert!(found.recv().await.is_none(), "a second block of one search");
        }
    }

    #[tokio::test]
    async fn a_miner_without_hash_rate_does_not_search() {
        let (mut miner, mut found) = miner(Speed::Off);
        miner.search(template(0));
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(found.try_recv().is_err());
    }
}
