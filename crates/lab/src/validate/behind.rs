//! Who is behind: nodes whose tip is lower than the highest tip of the network.
//!
//! A block that such a node finds does not make the chain longer. Finds are a Poisson process
//! that does not know who is behind, so for every network, and however slow it is,
//!
//! ```text
//! mean number of such blocks = mean of the integral over time of (hash rate behind / T)
//! ```
//!
//! holds exactly: the right side is the compensator of the left one (Watanabe, "On discontinuous
//! additive functionals and Levy measures of a Markov process", 1964), up to any moment that
//! does not depend on what comes after it. The fork law 1 - exp(-I/T) is its first order.

use std::sync::{Arc, Mutex, PoisonError};

use forkful_core::event::What;
use forkful_core::{Event, Time};
use forkful_scenario::{HashRate, Scenario, Sink};

/// What a run had seen of nodes behind, when the chain last grew.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Behind {
    /// The height of the highest tip.
    pub height: u64,
    /// Blocks found that did not make it higher.
    pub blocks: u64,
    /// The integral over time of the part of the hash rate that was behind, in seconds.
    pub seconds: f64,
}

/// Watches a run.
#[derive(Clone, Debug)]
pub(crate) struct Watcher {
    /// The sink belongs to the run.
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    shares: Vec<f64>,
    heights: Vec<u64>,
    /// Where the integral ends.
    goal: u64,
    /// The sum of the shares of nodes whose tip is below the highest.
    share: f64,
    since: Time,
    now: Behind,
    at_growth: Behind,
}

impl Watcher {
    /// For a run of this scenario; until its `stop.height`, if it has one.
    pub fn new(scenario: &Scenario) -> Watcher {
        let rate = |rate: HashRate| match rate {
            HashRate::PerSecond(rate) => rate,
            HashRate::Unlimited => 0.0,
        };
        let rates: Vec<f64> = scenario
            .nodes()
            .iter()
            .map(|node| rate(node.hash_rate))
            .collect();
        let sum: f64 = rates.iter().sum();
        let share = |rate: &f64| if sum > 0.0 { rate / sum } else { 0.0 };
        let state = State {
            heights: vec![0; rates.len()],
            shares: rates.iter().map(share).collect(),
            goal: scenario.stop.height.unwrap_or(u64::MAX),
            share: 0.0,
            since: Time::ZERO,
            now: Behind::default(),
            at_growth: Behind::default(),
        };
        Watcher {
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// What the run calls.
    pub fn sink(&self) -> Sink {
        let state = Arc::clone(&self.state);
        Box::new(move |event| {
            state
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(event);
        })
    }

    /// What was seen when the chain last grew, or reached its goal.
    pub fn seen(&self) -> Behind {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .at_growth
    }
}

impl State {
    fn take(&mut self, event: &Event) {
        let Some(node) = event.node.map(|node| node.0 as usize) else {
            return;
        };
        match &event.what {
            What::Mined { block, .. } if block.height <= self.now.height => self.now.blocks += 1,
            What::TipChanged { new, .. } => self.moved(event.time, node, new.height),
            _ => {}
        }
    }

    fn moved(&mut self, time: Time, node: usize, height: u64) {
        let (Some(own), Some(share)) = (self.heights.get_mut(node), self.shares.get(node)) else {
            return;
        };
        let passed = time.since(self.since).as_secs_f64();
        self.now.seconds += self.share * passed;
        self.since = time;
        let was_behind = *own < self.now.height;
        *own = height;
        if height > self.now.height {
            self.now.height = height;
            if height <= self.goal {
                self.at_growth = self.now;
            }
            self.share = 1.0 - share;
        } else if was_behind && height == self.now.height {
            self.share = (self.share - share).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use forkful_core::{BlockRef, Hash, NodeId};

    use super::*;

    fn block(height: u64) -> BlockRef {
        BlockRef {
            hash: Hash::ZERO,
            height,
        }
    }

    fn at(seconds: u64, node: u32, what: What) -> Event {
        Event {
            time: Time::ZERO + Duration::from_secs(seconds),
            node: Some(NodeId(node)),
            what,
        }
    }

    fn mined(seconds: u64, node: u32, height: u64) -> [Event; 2] {
        let mined = What::Mined {
            block: block(height),
            parent: Hash::ZERO,
            entries: 0,
        };
        [at(seconds, node, mined), moved(seconds, node, height)]
    }

    fn moved(seconds: u64, node: u32, height: u64) -> Event {
        let moved = What::TipChanged {
            old: block(height - 1),
            new: block(height),
            disconnected: 0,
            connected: 1,
        };
        at(seconds, node, moved)
    }

    #[test]
    fn an_integral_by_hand() {
        // Node 0 has half of the hash rate, 1 and 2 a quarter each.
        let toml = "network.nodes = 3\nstop.height = 2\n[[nodes]]\nnodes = 0\nhash_share = 2";
        let watcher = Watcher::new(&Scenario::from_toml(toml).unwrap());
        let mut sink = watcher.sink();
        let mut tell = |events: &[Event]| events.iter().for_each(&mut sink);
        // Half of the hash rate is behind for 4 s, until node 1 has the block.
        tell(&mined(10, 0, 1));
        tell(&[moved(14, 1, 1)]);
        // Node 2, a quarter, is behind for 6 s more. Then it finds a block in vain, and is level.
        tell(&mined(20, 2, 1));
        // The goal.
        tell(&mined(30, 1, 2));
        let expected = Behind {
            height: 2,
            blocks: 1,
            seconds: 0.5 * 4.0 + 0.25 * 6.0,
        };
        assert_eq!(watcher.seen(), expected);
        // What comes after the goal does not count.
        tell(&[moved(40, 0, 2)]);
        tell(&mined(50, 0, 3));
        assert_eq!(watcher.seen(), expected);
    }
}
