//! One direction of a link: how long a message takes, and whether it arrives. The same
//! arithmetic in every world that models its links.

use std::time::Duration;

use forkful_core::Time;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::scenario::Link;

/// One direction of a link.
///
/// A message first waits until those before it are on the line, then takes `bytes x 8 /
/// bandwidth` to get on the line itself, then the latency. Messages of one direction
/// never overtake each other, as over TCP.
#[derive(Debug)]
pub struct Direction {
    link: Link,
    chance: Xoshiro256PlusPlus,
    /// When the line is free again.
    free_at: Time,
    /// When the last message arrives.
    last_arrival: Time,
    /// Whether the link was cut.
    pub cut: bool,
}

impl Direction {
    /// A free line. Equal seeds give equal chances.
    pub fn new(link: Link, seed: u64) -> Self {
        Direction {
            link,
            chance: Xoshiro256PlusPlus::seed_from_u64(seed),
            free_at: Time::ZERO,
            last_arrival: Time::ZERO,
            cut: false,
        }
    }

    /// When a message of so many bytes that is sent now arrives; `None` if it is lost.
    pub fn arrival(&mut self, now: Time, bytes: u32) -> Option<Time> {
        let on_line = match self.link.bandwidth_bits {
            Some(bits_per_second) => {
                let nanos = u128::from(bytes) * 8 * 1_000_000_000 / u128::from(bits_per_second);
                Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
            }
            None => Duration::ZERO,
        };
        self.free_at = self.free_at.max(now) + on_line;
        if self.draw() < self.link.loss {
            return None;
        }
        let earliest = self.link.latency.saturating_sub(self.link.jitter);
        let stray = 2 * self.link.latency.min(self.link.jitter);
        let arrival = self.free_at + earliest + part(stray, self.draw());
        self.last_arrival = self.last_arrival.max(arrival);
        Some(self.last_arrival)
    }

    /// A number from 0 up to but not including 1, exact in a float.
    fn draw(&mut self) -> f64 {
        // The 53 high bits: as many as a float holds exactly.
        (self.chance.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// A part of a span, in whole nanoseconds: integers, because a run has to repeat on every
/// machine and with every release of the standard library.
fn part(span: Duration, of_one: f64) -> Duration {
    // `of_one` is a multiple of 2^-53 below one, so this is exact.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let fifty_three_bits = (of_one * (1_u64 << 53) as f64) as u128;
    let nanos = (span.as_nanos() * fifty_three_bits) >> 53;
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direction(link: Link) -> (Direction, Time) {
        (Direction::new(link, 7), Time(1_000))
    }

    const PLAIN: Link = Link {
        latency: Duration::from_millis(40),
        jitter: Duration::ZERO,
        bandwidth_bits: None,
        loss: 0.0,
    };

    #[test]
    fn a_message_takes_the_latency_and_its_time_on_the_line() {
        let (mut plain, now) = direction(PLAIN);
        assert_eq!(plain.arrival(now, 1_000), Some(now + PLAIN.latency));

        let (mut slow, now) = direction(Link {
            bandwidth_bits: Some(8_000),
            ..PLAIN
        });
        let second = Duration::from_secs(1);
        assert_eq!(
            slow.arrival(now, 1_000),
            Some(now + (second + PLAIN.latency))
        );
        assert_eq!(
            slow.arrival(now, 1_000),
            Some(now + (2 * second + PLAIN.latency))
        );
    }

    #[test]
    fn jitter_strays_both_ways_and_never_reorders() {
        let (mut link, now) = direction(Link {
            jitter: Duration::from_millis(20),
            ..PLAIN
        });
        let mut last = now;
        let mut arrivals = Vec::new();
        for _ in 0..1_000 {
            let arrival = link.arrival(now, 100).unwrap();
            assert!(arrival >= last, "no message overtakes another");
            last = arrival;
            arrivals.push(arrival.since(now));
        }
        assert!(arrivals[0] >= Duration::from_millis(20));
        assert!(last.since(now) <= Duration::from_millis(60));
    }

    #[test]
    fn a_lossy_link_loses_about_its_share() {
        let (mut link, now) = direction(Link { loss: 0.2, ..PLAIN });
        let lost = (0..10_000)
            .filter(|_| link.arrival(now, 1).is_none())
            .count();
        // Four standard deviations of a binomial with n = 10,000 and p = 0.2.
        assert!((1_840..=2_160).contains(&lost), "{lost}");
    }
}
