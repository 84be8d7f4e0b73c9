//! What is known of one address.

use std::net::IpAddr;

use super::Place;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How far ahead of our clock a time may be.
pub const AHEAD_MAX: u64 = 10 * MINUTE;
/// An address that nobody has seen for so long is no use (Bitcoin Core's `ADDRMAN_HORIZON`).
const HORIZON: u64 = 30 * DAY;
/// Tries without any success after which it is none.
const TRIES_MAX: u32 = 3;
/// Tries since the last success, and the time since then, after which it is none.
const FAILURES_MAX: u32 = 10;
const FAILING_FOR: u64 = 7 * DAY;
/// An address that was tried that lately is chosen rarely.
const LATELY: u64 = 10 * MINUTE;

/// What is known of one address. Times are seconds since 1970; 0 is never.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it stands in the book.
    pub place: Place,
    /// Who told of it first.
    pub source: IpAddr,
    /// When somebody is said to have been connected to it last.
    pub seen: u64,
    /// When we tried it last.
    pub last_try: u64,
    /// When that worked last.
    pub last_success: u64,
    /// Failed tries since.
    pub failures: u32,
}

impl Entry {
    /// One that was heard of, and not tried yet.
    pub fn new(place: Place, source: IpAddr, seen: u64) -> Self {
        Entry {
            place,
            source,
            seen,
            last_try: 0,
            last_success: 0,
            failures: 0,
        }
    }

    /// Whether it may go when another wants its place, and is told to nobody. The rules are those
    /// of Bitcoin Core's `AddrInfo::IsTerrible`.
    pub fn is_terrible(&self, now: u64) -> bool {
        if self.last_try + MINUTE > now {
            // Perhaps a connection is just being made.
            return false;
        }
        self.seen > now + AHEAD_MAX
            || self.seen + HORIZON < now
            || (self.last_success == 0 && self.failures >= TRIES_MAX)
            || (self.last_success + FAILING_FOR < now && self.failures >= FAILURES_MAX)
    }

    /// How likely it is taken when it is drawn: less with every failure, as in Bitcoin Core's
    /// `AddrInfo::GetChance`.
    pub fn chance(&self, now: u64) -> f64 {
        let lately = if self.last_try + LATELY > now {
            0.01
        } else {
            1.0
        };
        let failures = self.failures.min(8);
        (0..failures).fold(lately, |chance, _| chance * 0.66)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(now: u64) -> Entry {
        Entry::new(Place::default(), [192, 0, 2, 1].into(), now)
    }

    #[test]
    fn an_address_is_terrible_when_nobody_reaches_it() {
        let now = 1_000 * DAY;
        assert!(!entry(now).is_terrible(now));
        assert!(entry(now - 31 * DAY).is_terrible(now));
        assert!(entry(now + HOUR).is_terrible(now));
        let tried = |failures, last_success, last_try| Entry {
            failures,
            last_success,
            last_try,
            ..entry(now)
        };
        assert!(!tried(2, 0, now - HOUR).is_terrible(now));
        assert!(tried(3, 0, now - HOUR).is_terrible(now));
        assert!(!tried(3, 0, now - 1).is_terrible(now), "it is being tried");
        assert!(!tried(9, now - 8 * DAY, now - HOUR).is_terrible(now));
        assert!(tried(10, now - 8 * DAY, now - HOUR).is_terrible(now));
        assert!(!tried(10, now - DAY, now - HOUR).is_terrible(now));
    }

    #[test]
    fn the_chance_falls_with_failures_and_never_to_nothing() {
        let now = 1_000 * DAY;
        let failed = |failures| Entry {
            failures,
            ..entry(now)
        };
        assert!((failed(0).chance(now) - 1.0).abs() < 1e-9);
        assert!((failed(1).chance(now) - 0.66).abs() < 1e-9);
        assert!(failed(u32::MAX).chance(now) > 0.03);
        let lately = Entry {
            last_try: now,
            ..entry(now)
        };
        assert!(lately.chance(now) < 0.011);
    }
}
