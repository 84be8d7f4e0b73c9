//! How a block spreads: when which part of the network had it.

use std::time::Duration;

use crate::report::{ReachReport, Spread};
use crate::spread::{count, histogram, spread};

/// The parts of the network whose moment is kept: 10, 25, 50, 75, 90 and 99 of a hundred.
pub const PARTS: [u32; 6] = [10, 25, 50, 75, 90, 99];

/// How one block spread, measured from the moment it was found. Its miner has it at once.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Reach {
    /// When so many of a hundred nodes had it, in the order of [`PARTS`]; `None` if so
    /// many never did.
    pub by_nodes: [Option<Duration>; PARTS.len()],
    /// When nodes with so many of a hundred parts of the hash rate had it.
    pub by_hash_rate: [Option<Duration>; PARTS.len()],
    /// How many nodes have it.
    pub nodes: u32,
    /// The part of the hash rate that has it, 0 to 1.
    pub hash_share: f64,
    /// The time until it arrived, averaged over the hash rate that has it, in seconds: the
    /// integral over time of the part of the hash rate that lacked it still.
    ///
    /// Decker and Wattenhofer 2013: with a mean block interval of T, a competing block is
    /// found with probability 1 - exp(-exposure / T).
    pub exposure: f64,
}

impl Reach {
    /// Nobody has it.
    pub const NOBODY: Reach = Reach {
        by_nodes: [None; PARTS.len()],
        by_hash_rate: [None; PARTS.len()],
        nodes: 0,
        hash_share: 0.0,
        exposure: 0.0,
    };

    /// One node more has it, `after` it was found: one of `nodes`, with `share` of the
    /// hash rate.
    pub fn add(&mut self, after: Duration, nodes: u32, share: f64) {
        self.nodes += 1;
        self.hash_share += share;
        self.exposure += share * after.as_secs_f64();
        let part = u64::from(self.nodes) * 100;
        for (moment, percent) in self.by_nodes.iter_mut().zip(PARTS) {
            if moment.is_none() && part >= u64::from(percent) * u64::from(nodes) {
                *moment = Some(after);
            }
        }
        // Shares are added in another order in every run, so the sum may miss by rounding.
        let share = self.hash_share * 100.0 + 1e-9;
        for (moment, percent) in self.by_hash_rate.iter_mut().zip(PARTS) {
            if moment.is_none() && share >= f64::from(percent) {
                *moment = Some(after);
            }
        }
    }
}

/// Of every block, by its place in the order in which they were found; and of every node,
/// its part of the hash rate.
#[derive(Clone, Debug)]
pub(crate) struct Spreading {
    shares: Vec<f64>,
    blocks: Vec<Reach>,
    /// Of every node, how many blocks of others arrived, and how long they took together.
    arrivals: Vec<(u32, Duration)>,
}

impl Spreading {
    /// Nodes with these hash rates, and genesis, which nobody had to send.
    pub fn new(rates: &[f64]) -> Self {
        let sum: f64 = rates.iter().sum();
        let share = |rate: &f64| if sum > 0.0 { rate / sum } else { 0.0 };
        Spreading {
            shares: rates.iter().map(share).collect(),
            blocks: vec![Reach::NOBODY],
            arrivals: vec![(0, Duration::ZERO); rates.len()],
        }
    }

    /// A block was found by `miner`.
    pub fn found(&mut self, miner: Option<usize>) {
        self.blocks.push(Reach::NOBODY);
        self.has(self.blocks.len() - 1, miner, Duration::ZERO);
    }

    /// The block at `place` arrived at a node.
    pub fn arrived(&mut self, place: usize, node: Option<usize>, after: Duration) {
        self.has(place, node, after);
        if let Some((count, sum)) = node.and_then(|node| self.arrivals.get_mut(node)) {
            *count = count.saturating_add(1);
            *sum = sum.saturating_add(after);
        }
    }

    fn has(&mut self, place: usize, node: Option<usize>, after: Duration) {
        let share = node.and_then(|node| self.shares.get(node));
        if let (Some(reach), Some(share)) = (self.blocks.get_mut(place), share) {
            let nodes = u32::try_from(self.shares.len()).unwrap_or(u32::MAX);
            reach.add(after, nodes, *share);
        }
    }

    /// How long blocks of others took to this node on average; `None` if none arrived.
    fn mean_arrival(&self, node: usize) -> Option<Duration> {
        let (count, sum) = self.arrivals.get(node)?;
        sum.checked_div(*count)
    }

    /// The same in milliseconds.
    pub fn mean_arrival_ms(&self, node: usize) -> Option<f64> {
        let mean = self.mean_arrival(node)?;
        Some(mean.as_secs_f64() * 1_000.0)
    }

    /// The means of all nodes, as a quantity that is spread over them.
    pub fn mean_arrivals(&self) -> Option<Spread> {
        let mut means = histogram();
        for mean in (0..self.arrivals.len()).filter_map(|node| self.mean_arrival(node)) {
            count(&mut means, mean);
        }
        spread(&means)
    }

    /// Of every block, genesis first.
    pub fn blocks(&self) -> &[Reach] {
        &self.blocks
    }

    /// One row for each of [`PARTS`].
    pub fn reports(&self) -> Vec<ReachReport> {
        let over_blocks = |moment: &dyn Fn(&Reach) -> Option<Duration>| {
            let mut moments = histogram();
            for moment in self.but_genesis().iter().filter_map(moment) {
                count(&mut moments, moment);
            }
            spread(&moments)
        };
        let report = |(place, percent)| ReachReport {
            percent,
            nodes_ms: over_blocks(&|reach| reach.by_nodes[place]),
            hash_rate_ms: over_blocks(&|reach| reach.by_hash_rate[place]),
        };
        PARTS.into_iter().enumerate().map(report).collect()
    }

    /// The mean exposure of the blocks that all of the hash rate has, lest the last ones of
    /// a run count as fast. In milliseconds.
    pub fn exposure_ms(&self) -> Option<f64> {
        let everywhere = |reach: &&Reach| reach.hash_share > 1.0 - 1e-9;
        let (mut sum, mut blocks) = (0.0, 0_u32);
        for reach in self.but_genesis().iter().filter(everywhere) {
            sum += reach.exposure;
            blocks += 1;
        }
        (blocks > 0).then(|| sum * 1_000.0 / f64::from(blocks))
    }

    /// Genesis was not found by anybody.
    fn but_genesis(&self) -> &[Reach] {
        self.blocks.get(1..).unwrap_or_default()
    }

    /// Of every node, its part of the hash rate at the beginning.
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_reached_with_the_node_that_completes_it() {
        let second = Duration::from_secs(1);
        let mut spreading = Spreading::new(&[6.0, 1.0, 1.0, 2.0]);
        spreading.found(Some(0));
        spreading.arrived(1, Some(1), second);
        spreading.arrived(1, Some(2), 2 * second);
        let reach = spreading.blocks()[1];
        // One of four is 25 of a hundred, two are 50, three are 75.
        let (at_once, one, two) = (Some(Duration::ZERO), Some(second), Some(2 * second));
        assert_eq!(reach.by_nodes, [at_once, at_once, one, two, None, None]);
        assert_eq!(
            reach.by_hash_rate,
            [at_once, at_once, at_once, two, None, None]
        );
        spreading.arrived(1, Some(3), 10 * second);
        let reach = spreading.blocks()[1];
        assert_eq!(reach.by_hash_rate[5], Some(10 * second));
        assert!((reach.exposure - 2.3).abs() < 1e-12, "{}", reach.exposure);
    }
}
