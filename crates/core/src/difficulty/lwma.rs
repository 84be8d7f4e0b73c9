//! LWMA, a linearly weighted moving average: the last blocks count most.
//!
//! Over the last N blocks, the newest solve time has weight N and the oldest weight 1. The
//! next target is the average target of the window times how slow the window was:
//!
//! ```text
//!                                 1 * s1 + 2 * s2 + ... + N * sN
//!   target = average target  *  ----------------------------------,   T = interval
//!                                   T * (1 + 2 + ... + N)
//! ```
//!
//! It answers a change of hash power within a fraction of N blocks, which is why small
//! chains use it. With N = 1 it compares one solve time with the interval.
//!
//! There are several LWMAs and they differ. This is the one that Zawy, its author, heads
//! "LWMA-1 for BTC & Zcash clones" (github.com/zawy12/difficulty-algorithms, issue 3, comment
//! 442129791, as of 2019), in which timestamps that run backwards are made to rise. His
//! earlier form for Bitcoin clones (comment 388386175) lets solve times be negative, down to
//! the limit for timestamps ahead of the clock, and keeps the weighted sum above a tenth of
//! what is expected; the form for CryptoNote chains averages difficulties instead of targets.

use ruint::aliases::{U256, U512};

use crate::target::Target;
use crate::units::Timestamp;

/// A solve time counts as at most this many intervals.
const SOLVETIME_INTERVALS_MAX: u128 = 6;

/// The target of a new block.
///
/// - `window`: timestamp and target of the last N + 1 blocks, oldest first, the parent of the
///   new block last. N solve times lie between them. Of the first block only the timestamp
///   counts. With fewer than two blocks there is nothing to average: the result is `limit`.
/// - `interval_ms`: the time between blocks to aim at, in milliseconds. A zero counts as one.
/// - `limit`: the easiest target that the chain allows.
///
/// # Consensus
/// - A timestamp that does not lie above the one before counts as that one plus one
///   millisecond (Zawy's clock has seconds, so there it is one second); what is compared next
///   is the timestamp as counted. So a timestamp far ahead makes the target easier at first,
///   and the blocks after it pay back. Counting a negative solve time as zero instead would
///   pay nothing back, and forged timestamps could lower the difficulty at will.
/// - A solve time is at most six intervals.
/// - The quotient is computed exactly and rounded down once. Zawy divides the target of each
///   block by N and by the weights, rounding down twice per block, because his numbers have
///   256 bits. For targets above 2^160 the two differ by less than one part in 2^100: by the
///   last digit of the compact form at most, and hardly ever.
/// - One step leads to at most six times the average target, and to no less than the average
///   target divided by `interval_ms`; then to 1..=limit.
///
/// The chain's limit for timestamps ahead of the clock should be small against the window,
/// Zawy says N * T / 20: one block that far ahead makes those after it count as instant.
pub fn next_target(window: &[(Timestamp, Target)], interval_ms: u64, limit: Target) -> Target {
    let Some(((first, _), blocks @ [_, ..])) = window.split_first() else {
        return limit.max(Target(U256::ONE));
    };
    let interval = u128::from(interval_ms.max(1));
    let solvetime_max = interval * SOLVETIME_INTERVALS_MAX;

    // A block takes 40 bytes of memory, so there are fewer than 2^58: nothing overflows below.
    let (mut targets, mut solvetimes) = (U512::ZERO, U512::ZERO);
    let mut previous = u128::from(first.0);
    for (weight, (timestamp, target)) in (1_u128..).zip(blocks) {
        let counted = u128::from(timestamp.0).max(previous + 1);
        let solvetime = (counted - previous).min(solvetime_max);
        previous = counted;
        solvetimes += U512::from(solvetime * weight);
        targets += U512::from(target.0);
    }

    let count = U512::from(blocks.len());
    let weights = (count * (count + U512::ONE)) >> 1;
    let on_schedule = weights * U512::from(interval);
    let next = targets * solvetimes / (count * on_schedule);
    Target(U256::saturating_from(next).min(limit.0).max(U256::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Target = Target::MAX;
    const T: u64 = 10;

    fn block(timestamp: u64, target: u64) -> (Timestamp, Target) {
        (Timestamp(timestamp), Target(U256::from(target)))
    }

    /// After three blocks at the times `at`, with targets of 1000 and 2000 to average.
    fn after(at: [u64; 3]) -> Target {
        let window = [block(at[0], 77), block(at[1], 1000), block(at[2], 2000)];
        next_target(&window, T, LIMIT)
    }

    fn target(number: u64) -> Target {
        Target(U256::from(number))
    }

    #[test]
    fn an_example_by_hand() {
        // Solve times 5 and 20: 1 * 5 + 2 * 20 = 45, where 10 * (1 + 2) = 30 is expected.
        // The average target is 1500, and 1500 * 45 / 30 = 2250.
        assert_eq!(after([100, 105, 125]), target(2250));
        // The same solve times the other way round: 1 * 20 + 2 * 5 = 30, just as expected.
        assert_eq!(after([100, 120, 125]), target(1500));
    }

    #[test]
    fn a_solve_time_counts_as_six_intervals_at_most() {
        // 1 * 60 + 2 * 10 = 80, and 1500 * 80 / 30 = 4000.
        assert_eq!(after([100, 160, 170]), target(4000));
        assert_eq!(after([100, 1100, 1110]), target(4000));
        // All of them: six times the average.
        assert_eq!(after([0, 1_000, u64::MAX]), target(9000));
    }

    #[test]
    fn timestamps_that_run_backwards_count_as_one_millisecond_apart() {
        // 120 and 121: 1 * 20 + 2 * 1 = 22, and 1500 * 22 / 30 = 1100.
        for late in [0, 115, 120, 121] {
            assert_eq!(after([100, 120, late]), target(1100));
        }
        // 101 and 102: 1 * 1 + 2 * 1 = 3, a tenth of what is expected.
        assert_eq!(after([100, 0, 0]), target(150));
        // Where the clock ends, counting goes on.
        assert_eq!(after([u64::MAX; 3]), target(150));
    }

    #[test]
    fn what_is_compared_next_is_the_timestamp_as_counted() {
        // 101 and 120: 1 * 1 + 2 * 19 = 39, and 1500 * 39 / 30 = 1950.
        assert_eq!(after([100, 90, 120]), target(1950));
    }

    #[test]
    fn the_time_that_a_forged_timestamp_adds_is_taken_off_again() {
        let after = |at: [u64; 5]| next_target(&at.map(|at| block(at, 1000)), T, LIMIT);
        assert_eq!(after([0, 10, 20, 30, 40]), target(1000));
        // The block at 20 claims to be from 60, and those at 30 and 40 count as 61 and 62:
        // 1 * 10 + 2 * 50 + 3 * 1 + 4 * 1 = 117, where 100 is expected.
        assert_eq!(after([0, 10, 60, 30, 40]), target(1170));
        // One block later: 1 * 50 + 2 * 1 + 3 * 1 + 4 * 1 = 59.
        assert_eq!(after([10, 60, 30, 40, 50]), target(590));
    }

    #[test]
    fn one_solve_time_is_a_window_too() {
        let window = [block(100, 77), block(115, 1000)];
        assert_eq!(next_target(&window, T, LIMIT), target(1500));
    }

    #[test]
    fn without_a_solve_time_the_limit_holds() {
        assert_eq!(next_target(&[], T, target(500)), target(500));
        assert_eq!(next_target(&[block(1, 9)], T, target(500)), target(500));
    }

    #[test]
    fn the_result_stays_between_one_and_the_limit() {
        let slow = [block(0, 1), block(60, 1000)];
        assert_eq!(next_target(&slow, T, target(1500)), target(1500));
        let fast = [block(0, 1), block(0, 1)];
        assert_eq!(next_target(&fast, T, LIMIT), target(1));
    }
}
