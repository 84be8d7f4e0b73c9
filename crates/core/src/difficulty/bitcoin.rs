//! Bitcoin's retarget: once per period, by how long the period took.
//!
//! The simplest rule there is: when a period took twice as long as it should, the target
//! doubles. Between retargets it stands still, so that after a sudden loss of hash power
//! the period drags on; and only two timestamps of the period count, so that whoever mines
//! those two has a say in the result.

use ruint::aliases::{U256, U512};

use crate::target::Target;

/// The target of the period that follows a period under `previous`.
///
/// - `actual_timespan`: from the first block of the period to its last. In Bitcoin that is
///   2015 intervals for a period of 2016 blocks: an old mistake that makes blocks 0.05 %
///   too slow, and that is the caller's to repeat or not.
/// - `expected_timespan`: what it should have been, 1,209,600 seconds in Bitcoin. In any
///   unit, the same for both. A zero counts as one.
/// - `clamp`: by which factor a single retarget may at most move, either way; 4 in Bitcoin.
///   A zero counts as one, which keeps the target where it is.
/// - `limit`: the easiest target that the chain allows.
///
/// # Consensus
/// As Bitcoin Core's `CalculateNextWorkRequired` (`src/pow.cpp`): the timespan brought into
/// [expected / clamp, expected * clamp], then previous * timespan / expected, both divisions
/// rounding down, at most `limit` and at least 1. Two differences:
/// - The product is kept in full, where Bitcoin's wraps around for targets near 2^256.
/// - The result is not rounded to the compact form. Bitcoin's value is that of
///   [`Target::to_compact`] on the result.
pub fn next_target(
    previous: Target,
    actual_timespan: i128,
    expected_timespan: u64,
    clamp: u32,
    limit: Target,
) -> Target {
    let expected = u128::from(expected_timespan.max(1));
    let clamp = u128::from(clamp.max(1));
    // A timespan can be negative: timestamps need not rise from block to block.
    let actual = u128::try_from(actual_timespan)
        .unwrap_or(0)
        .clamp(expected / clamp, expected * clamp);

    // 256 bits times 96.
    let next = U512::from(previous.0) * U512::from(actual) / U512::from(expected);
    Target(U256::saturating_from(next).min(limit.0).max(U256::ONE))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Target = Target::MAX;

    fn target(number: u64) -> Target {
        Target(U256::from(number))
    }

    #[test]
    fn the_target_follows_the_timespan() {
        for (timespan, expected) in [(100, 1000), (50, 500), (200, 2000), (101, 1010)] {
            let next = next_target(target(1000), timespan, 100, 4, LIMIT);
            assert_eq!(next, target(expected));
        }
        // Rounds down: 999 * 67 / 100 = 669.33.
        assert_eq!(next_target(target(999), 67, 100, 4, LIMIT), target(669));
    }

    #[test]
    fn one_retarget_moves_by_the_clamp_at_most() {
        for (timespan, expected) in [(24, 250), (0, 250), (-1, 250), (i128::MIN, 250)] {
            let next = next_target(target(1000), timespan, 100, 4, LIMIT);
            assert_eq!(next, target(expected));
        }
        for timespan in [400, 401, i128::MAX] {
            let next = next_target(target(1000), timespan, 100, 4, LIMIT);
            assert_eq!(next, target(4000));
            // The other clamps of the same rule.
            let next = next_target(target(1000), timespan, 100, 2, LIMIT);
            assert_eq!(next, target(2000));
            let next = next_target(target(1000), timespan, 100, 1, LIMIT);
            assert_eq!(next, target(1000));
        }
    }

    #[test]
    fn the_result_stays_between_one_and_the_limit() {
        let limit = target(1500);
        assert_eq!(next_target(target(1000), 400, 100, 4, limit), limit);
        assert_eq!(next_target(target(9000), 100, 100, 4, limit), limit);
        assert_eq!(next_target(target(1), 25, 100, 4, limit), target(1));
    }

    #[test]
    fn the_product_does_not_wrap_around() {
        let next = next_target(Target::MAX, 400, 100, 4, LIMIT);
        assert_eq!(next, Target::MAX);
        let next = next_target(Target::MAX, 50, 100, 4, LIMIT);
        assert_eq!(next, Target(U256::MAX >> 1));
    }
}
