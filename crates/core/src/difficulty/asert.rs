//! ASERT, Bitcoin Cash's rule since 2020: where the chain stands against its schedule.
//!
//! ASERT stands for "absolutely scheduled exponentially rising targets". From one anchor
//! block on, every block has a time at which it is due. The target is that of the anchor,
//! doubled for every half-life that the chain is behind schedule and halved for every
//! half-life that it is ahead:
//!
//! ```text
//!   target = anchor target * 2^((time passed - time due) / half-life)
//! ```
//!
//! Nothing is averaged and nothing adds up, so errors cannot either: only the anchor and the
//! parent of the new block count, and no sequence of timestamps in between can game it.
//! The price is an exponential in integers, because every node must get the same bits.

use ruint::aliases::{U256, U512};

use crate::target::Target;

/// Numbers with 16 binary places stand for fractions.
const PLACES: u32 = 16;
const ONE: i128 = 1 << PLACES;

/// The target of a new block.
///
/// - `anchor`: the target of the anchor block.
/// - `time_diff`: from the timestamp of the *parent of the anchor* to the timestamp of the
///   *parent of the new block*. An anchor without a parent, a genesis block, is best given
///   one that is `ideal_interval` older than itself.
/// - `height_diff`: from the height of the *anchor* to the height of the *parent of the new
///   block*: zero for the first block after the anchor.
/// - `ideal_interval`: the time between two blocks on schedule, 600 seconds in Bitcoin Cash.
/// - `half_life`: 172,800 seconds (two days) in Bitcoin Cash. A zero counts as one.
/// - `limit`: the easiest target that the chain allows.
///
/// Time is in any unit, the same for all three.
///
/// # Consensus
/// aserti3-2d of Bitcoin Cash's upgrade of 2020-11-15, as its C++ computes it: the exponent
/// has 16 binary places and is *truncated towards zero*; only then it is split into a whole
/// part, rounded down, and a fraction; 2^fraction is a cubic polynomial, off by less than
/// 0.013 %. The pseudo-code printed in the specification does otherwise, and the published
/// test vectors contradict it.
///
/// The product is kept in full, where Bitcoin Cash relies on targets below 2^224. Exact for
/// the difference of any two timestamps; beyond that it saturates. Not rounded to the
/// compact form: for Bitcoin Cash's value take [`Target::to_compact`] of the result.
pub fn next_target(
    anchor: Target,
    time_diff: i128,
    height_diff: u64,
    ideal_interval: u64,
    half_life: u64,
    limit: Target,
) -> Target {
    let exponent = exponent(time_diff, height_diff, ideal_interval, half_life);
    // 256 bits times 17. The product carries the 16 binary places of the power.
    let product = U512::from(anchor.0) * U512::from(power_of_two(exponent));
    let doublings = (exponent >> PLACES) - i128::from(PLACES);

    // What does not fit in 512 bits is beyond every limit.
    let places = usize::try_from(doublings.unsigned_abs()).unwrap_or(usize::MAX);
    let next = if doublings < 0 {
        product >> places
    } else {
        product.saturating_shl(places)
    };
    Target(U256::saturating_from(next).min(limit.0).max(U256::ONE))
}

/// How many half-lives the chain is behind its schedule, with 16 binary places.
fn exponent(time_diff: i128, height_diff: u64, ideal_interval: u64, half_life: u64) -> i128 {
    // One more than the height difference, because the time runs from the anchor's parent.
    let blocks = i128::from(height_diff) + 1;
    let due = blocks.saturating_mul(i128::from(ideal_interval));
    let behind = time_diff.saturating_sub(due);
    // The division of Rust truncates, like that of C++. One that rounds down fails most of
    // the published vectors.
    behind.saturating_mul(ONE) / i128::from(half_life.max(1))
}

/// 2^x with 16 binary places, for x the fraction of `exponent`: from 65,536 up to 131,072.
///
/// 2^x is about 1 + 0.695502049 x + 0.2262698 x^2 + 0.0782318 x^3 for 0 <= x < 1. The
/// constants of the specification are these three with 48, 32 and 16 binary places.
fn power_of_two(exponent: i128) -> u128 {
    // The remainder of a division that rounds down is never negative.
    let x = exponent.rem_euclid(ONE).unsigned_abs();
    let cubic = 195_766_423_245_049 * x + 971_821_376 * x * x + 5_127 * x * x * x;
    let half = 1 << 47;
    ONE.unsigned_abs() + ((cubic + half) >> 48)
}

#[cfg(test)]
mod tests {
    use super::*;

    const T: u64 = 600;
    const HALF_LIFE: u64 = 172_800;
    const ANCHOR: Target = Target(U256::from_limbs([0, 0, 1 << 40, 0]));

    /// The block after one at `height_diff`, `late` seconds behind schedule.
    fn after(late: i128, height_diff: u64) -> Target {
        let due = i128::from(T) * (i128::from(height_diff) + 1);
        next_target(ANCHOR, due + late, height_diff, T, HALF_LIFE, Target::MAX)
    }

    #[test]
    fn a_chain_on_schedule_keeps_the_target_of_its_anchor() {
        for height_diff in [0, 1, 1000, u64::MAX] {
            assert_eq!(after(0, height_diff), ANCHOR);
        }
    }

    #[test]
    fn each_half_life_doubles_or_halves() {
        let half_life = i128::from(HALF_LIFE);
        assert_eq!(after(half_life, 7), Target(ANCHOR.0 << 1));
        assert_eq!(after(3 * half_life, 7), Target(ANCHOR.0 << 3));
        assert_eq!(after(-half_life, 7), Target(ANCHOR.0 >> 1));
        assert_eq!(after(-3 * half_life, 7), Target(ANCHOR.0 >> 3));
    }

    #[test]
    fn the_exponent_is_truncated_towards_zero() {
        // One second ahead of schedule is 65536 / 172800 = 0.38 units of the exponent. It
        // counts for nothing; rounding down would make it a whole unit.
        assert_eq!(exponent(-1, 0, 0, HALF_LIFE), 0);
        assert_eq!(after(-1, 0), ANCHOR);
        assert_eq!(after(1, 0), ANCHOR);
        assert!(after(-3, 0) < ANCHOR);
    }

    #[test]
    fn the_power_is_as_good_as_the_specification_says() {
        assert_eq!(power_of_two(0), 65_536);
        for x in 0..ONE {
            let exact = 65_536.0 * (f64::from(i32::try_from(x).unwrap()) / 65_536.0).exp2();
            let ours = f64::from(u32::try_from(power_of_two(x)).unwrap());
            assert!(
                (ours / exact - 1.0).abs() < 0.000_13 + 1.0 / 65_536.0,
                "{x}"
            );
            assert!(power_of_two(x) <= 131_072, "{x}");
        }
    }

    #[test]
    fn milliseconds_are_as_good_as_seconds() {
        for (late, height_diff) in [(1, 0), (-12_345, 3), (98_765, 1), (-999_999, 40)] {
            let due = i128::from(T) * (i128::from(height_diff) + 1);
            let millis = 1000 * (due + late);
            let (t, half_life) = (1000 * T, 1000 * HALF_LIFE);
            let next = next_target(ANCHOR, millis, height_diff, t, half_life, Target::MAX);
            assert_eq!(next, after(late, height_diff));
        }
    }

    #[test]
    fn the_result_stays_between_one_and_the_limit() {
        let limit = Target(ANCHOR.0 << 4);
        for late in [5 * i128::from(HALF_LIFE), 1 << 80, i128::MAX] {
            assert_eq!(next_target(ANCHOR, late, 0, T, HALF_LIFE, limit), limit);
        }
        for late in [-300 * i128::from(HALF_LIFE), -(1 << 80), i128::MIN] {
            let next = next_target(ANCHOR, late, 0, T, HALF_LIFE, limit);
            assert_eq!(next, Target(U256::ONE));
        }
    }
}
