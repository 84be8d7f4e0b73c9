//! Proof of work as a lottery: who finds the next block, and when.

use forkful_core::{Hash, NodeId, ProofOfWork, Target, Time};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

/// In virtual time no hash is searched: whoever draws a block from the [`Clock`] has
/// done its work. Lives here, so that no real node can be built with it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lottery;

impl ProofOfWork for Lottery {
    fn is_done(&self, _hash: &Hash, _target: &Target) -> bool {
        true
    }
}

/// One clock for all miners.
///
/// Searching has no memory, so a network in which node i makes r(i) tries per second,
/// each successful with probability p, finds blocks as one Poisson process of rate
/// p x sum of r, and the finder of each is i with probability r(i) / sum of r. That is
/// exact, and needs no timer per node. Where nodes work under different targets, the
/// clock runs for the easiest of them, and a draw counts with probability p(i) / p: the
/// process is *thinned*, which is exact too.
#[derive(Debug)]
pub struct Clock {
    chance: Xoshiro256PlusPlus,
    /// Tries per second, added up to and including each node.
    cumulative: Vec<f64>,
    rates: Vec<f64>,
    /// The success probability per try that the clock runs for.
    easiest: f64,
}

impl Clock {
    /// A clock for nodes with these tries per second. Equal seeds draw equally.
    pub fn new(rates: Vec<f64>, seed: u64) -> Self {
        let mut clock = Clock {
            chance: Xoshiro256PlusPlus::seed_from_u64(seed),
            cumulative: Vec::new(),
            rates,
            easiest: 0.0,
        };
        clock.add_up();
        clock
    }

    /// Changes a node's tries per second. The next draw has to be made anew.
    pub fn set_rate(&mut self, node: NodeId, rate: f64) {
        if let Some(place) = self.rates.get_mut(node.0 as usize) {
            *place = rate;
            self.add_up();
        }
    }

    /// A node works under this target. True if it is easier than any before, so that the
    /// next draw has to be made anew: by memorylessness that changes nothing else.
    pub fn note_target(&mut self, target: Target) -> bool {
        let p = success_probability(target);
        let easier = p > self.easiest;
        self.easiest = self.easiest.max(p);
        easier
    }

    /// The clock runs for these targets and no others from now on.
    pub fn set_targets(&mut self, targets: impl Iterator<Item = Target>) {
        self.easiest = targets.map(success_probability).fold(0.0, f64::max);
    }

    /// When the next draw is, after `now`; `None` when nobody searches.
    pub fn next_draw(&mut self, now: Time) -> Option<Time> {
        let per_second = self.easiest * self.total();
        if per_second <= 0.0 {
            return None;
        }
        let seconds = -libm::log(1.0 - self.uniform()) / per_second;
        // Later than the end of time is the end of time.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let nanos = (seconds * 1e9) as u64;
        Some(Time(now.0.saturating_add(nanos.max(1))))
    }

    /// Who draws.
    pub fn draw_miner(&mut self) -> NodeId {
        let place = self.uniform() * self.total();
        let index = self.cumulative.partition_point(|sum| *sum <= place);
        // Rounding can lead just behind the last node that searches.
        let last = self.rates.iter().rposition(|rate| *rate > 0.0).unwrap_or(0);
        NodeId(u32::try_from(index.min(last)).unwrap_or(0))
    }

    /// Whether a draw by a node that works under `target` counts.
    pub fn counts(&mut self, target: Target) -> bool {
        let p = success_probability(target);
        // Without a draw where every node works under one target.
        p >= self.easiest || self.uniform() * self.easiest < p
    }

    fn total(&self) -> f64 {
        self.cumulative.last().copied().unwrap_or(0.0)
    }

    fn add_up(&mut self) {
        let mut sum = 0.0;
        self.cumulative.clear();
        for rate in &self.rates {
            sum += rate;
            self.cumulative.push(sum);
        }
    }

    /// From 0 up to but not including 1.
    fn uniform(&mut self) -> f64 {
        // The 53 high bits: as many as a float holds exactly.
        (self.chance.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The probability that one try meets the target: (target + 1) / 2^256, but for the one,
/// which is far below what a float can tell for any real target.
fn success_probability(target: Target) -> f64 {
    // The 64 highest bits that count, and where they stand: exact steps only, because a
    // platform's own powers and conversions differ in the last bit.
    let zeros = target.0.leading_zeros();
    let high: u64 = ((target.0 << zeros) >> 192_usize).to();
    libm::ldexp(high as f64, -64 - i32::try_from(zeros).unwrap_or(256))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(rates: &[f64]) -> Clock {
        let mut clock = Clock::new(rates.to_vec(), 7);
        clock.note_target(Target::from_zero_bits(10).unwrap());
        clock
    }

    #[test]
    fn blocks_come_as_often_as_the_tries_say() {
        let mut clock = clock(&[512.0, 512.0]);
        let mut now = Time::ZERO;
        for _ in 0..10_000 {
            now = clock.next_draw(now).unwrap();
        }
        let mean = now.as_secs_f64() / 10_000.0;
        // 1,024 tries per second, one in 1,024 counts; the standard error is 0.01.
        assert!((0.96..=1.04).contains(&mean), "{mean}");
    }

    #[test]
    fn a_probability_is_the_part_of_all_hashes_that_meet_the_target() {
        for bits in 0..=255 {
            let target = Target::from_zero_bits(bits).unwrap();
            let expected = 0.5_f64.powi(i32::try_from(bits).unwrap());
            let found = success_probability(target);
            // Below 53 one bits, the neglected one of (target + 1) can be seen.
            if bits < 200 {
                assert_eq!(found, expected, "{bits} bits");
            }
        }
    }

    #[test]
    fn the_finder_is_drawn_by_hash_rate() {
        let mut clock = clock(&[0.0, 1.0, 3.0, 0.0]);
        let mut found = [0; 4];
        for _ in 0..10_000 {
            found[clock.draw_miner().0 as usize] += 1;
        }
        assert_eq!((found[0], found[3]), (0, 0));
        assert!((2_300..=2_700).contains(&found[1]), "{found:?}");
    }

    #[test]
    fn a_harder_target_counts_more_rarely() {
        let mut clock = clock(&[1.0]);
        let harder = Target::from_zero_bits(12).unwrap();
        let counted = (0..10_000).filter(|_| clock.counts(harder)).count();
        assert!((2_300..=2_700).contains(&counted), "{counted}");
    }

    #[test]
    fn nobody_searching_finds_nothing() {
        assert_eq!(clock(&[0.0, 0.0]).next_draw(Time::ZERO), None);
        assert_eq!(clock(&[]).next_draw(Time::ZERO), None);
    }
}
