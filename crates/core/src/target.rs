//! Targets and work: the two sides of proof of work, as 256-bit numbers.
//!
//! A *target* is the largest hash that a block may have; *work* is how many hashes
//! it takes on average to find one at or below it. The lower the target, the more
//! work a block stands for.

use std::fmt;
use std::iter::Sum;
use std::str::FromStr;

use ruint::aliases::U256;
use serde::{Deserialize, Serialize};

use crate::hash::Hash;

/// The largest hash, read as a 256-bit big-endian number, that proves the work of a block.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target(pub U256);

/// The expected number of hashes behind a block or a chain.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Work(pub U256);

/// Text or a number that is no target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetParseError {
    /// Not 64 hex digits.
    #[error("a target is 64 hex digits, not {0:?}")]
    NotHex(String),
    /// More leading zeros asked for than a hash has digits or bits.
    #[error("{asked} leading zeros asked for, but a hash has {most}")]
    TooManyZeros {
        /// Zeros asked for.
        asked: u32,
        /// Digits or bits of a hash, less one: some hash must still meet the target.
        most: u32,
    },
}

impl Target {
    /// Every hash meets this target: one try per block.
    pub const MAX: Target = Target(U256::MAX);

    /// The target under which hashes start with at least `bits` zero bits.
    ///
    /// # Errors
    /// [`TargetParseError::TooManyZeros`] above 255.
    pub fn from_zero_bits(bits: u32) -> Result<Self, TargetParseError> {
        if bits > 255 {
            return Err(TargetParseError::TooManyZeros {
                asked: bits,
                most: 255,
            });
        }
        Ok(Target(U256::MAX >> bits as usize))
    }

    /// The target under which hashes, written in hex, start with at least `digits` zeros.
    ///
    /// # Errors
    /// [`TargetParseError::TooManyZeros`] above 63.
    pub fn from_zero_hex_digits(digits: u32) -> Result<Self, TargetParseError> {
        if digits > 63 {
            return Err(TargetParseError::TooManyZeros {
                asked: digits,
                most: 63,
            });
        }
        Self::from_zero_bits(digits * 4)
    }

    /// The target that the 32 bytes spell, most significant first.
    pub fn from_be_bytes(bytes: [u8; 32]) -> Self {
        Target(U256::from_be_bytes(bytes))
    }

    /// The 32 bytes, most significant first.
    pub fn to_be_bytes(self) -> [u8; 32] {
        self.0.to_be_bytes()
    }

    /// Whether `hash` proves the work: hash <= target, as big-endian numbers.
    pub fn is_met_by(&self, hash: &Hash) -> bool {
        U256::from_be_bytes(hash.0) <= self.0
    }

    /// The work that one block under this target stands for: 2^256 / (target + 1).
    ///
    /// # Consensus
    /// As Bitcoin Core's `GetBlockProof`. 2^256 does not fit in 256 bits, so it is
    /// computed as (2^256 - target - 1) / (target + 1) + 1, where 2^256 - target - 1
    /// is the bitwise complement of the target.
    pub fn work(&self) -> Work {
        match self.0.checked_add(U256::ONE) {
            // Saturates only for a target of zero, which no hash but zero meets.
            Some(divisor) => Work((!self.0 / divisor).saturating_add(U256::ONE)),
            None => Work(U256::ONE),
        }
    }
}

/// A text that is no work.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("work is 1 to 64 hexadecimal digits")]
pub struct WorkParseError;

impl Work {
    /// No work at all.
    pub const ZERO: Work = Work(U256::ZERO);

    /// The sum, or `None` when it would not fit in 256 bits.
    pub fn checked_add(self, other: Work) -> Option<Work> {
        self.0.checked_add(other.0).map(Work)
    }

    /// The same number with the precision of a float, for statistics only.
    pub fn to_f64(self) -> f64 {
        f64::from(self.0)
    }
}

impl Ord for Work {
    /// As the numbers themselves, in halves: forks are chosen by it, millions of times in
    /// a simulation, where a loop over four limbs was felt.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let halves = |work: &Work| {
            let [a, b, c, d] = *work.0.as_limbs();
            let half = |high, low| u128::from(high) << 64 | u128::from(low);
            (half(d, c), half(b, a))
        };
        halves(self).cmp(&halves(other))
    }
}

impl PartialOrd for Work {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Sum for Work {
    /// Saturates: for reports, never for consensus.
    fn sum<I: Iterator<Item = Work>>(iter: I) -> Work {
        iter.fold(Work::ZERO, |sum, work| Work(sum.0.saturating_add(work.0)))
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:064x}", self.0)
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self})")
    }
}

impl FromStr for Target {
    type Err = TargetParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<Hash>()
            .map(|hash| Target::from_be_bytes(hash.0))
            .map_err(|_| TargetParseError::NotHex(text.chars().take(80).collect()))
    }
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:064x}", self.0)
    }
}

impl FromStr for Work {
    type Err = WorkParseError;

    /// Hexadecimal digits, as many as are needed: `0x` before them is allowed, as in Bitcoin Core.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        if !is_hex || !(1..=64).contains(&digits.len()) {
            return Err(WorkParseError);
        }
        let work = U256::from_str_radix(digits, 16);
        work.map(Work).map_err(|_| WorkParseError)
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Work({})", self.0)
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Target {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Work {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_read_as_it_is_written_and_shorter() {
        let work = Target::from_zero_bits(24).unwrap().work();
        assert_eq!(work.to_string().parse(), Ok(work));
        assert_eq!("0x1000000".parse(), Ok(work));
        let most = "f".repeat(64).parse::<Work>().unwrap();
        assert!(most > work && most.checked_add(work).is_none());
        for text in ["", "0x", "+1", "1g", "-1", &"1".repeat(65)] {
            assert_eq!(text.parse::<Work>(), Err(WorkParseError), "{text}");
        }
    }

    #[test]
    fn zero_digits_are_four_zero_bits_each() {
        let target = Target::from_zero_hex_digits(4).unwrap();
        assert_eq!(target, Target::from_zero_bits(16).unwrap());
        assert_eq!(&target.to_string()[..6], "0000ff");
        assert_eq!(target.work(), Work(U256::from(65_536)));
        assert!(Target::from_zero_bits(256).is_err());
        assert!(Target::from_zero_hex_digits(64).is_err());
    }

    #[test]
    fn work_is_right_at_both_ends() {
        assert_eq!(Target::MAX.work(), Work(U256::ONE));
        assert_eq!(Target(U256::ONE).work(), Work(U256::ONE << 255));
        // 2^256 itself does not fit: a target of zero counts as the largest number that does.
        assert_eq!(Target(U256::ZERO).work(), Work(U256::MAX));
    }

    #[test]
    fn a_hash_equal_to_the_target_meets_it() {
        let target = Target::from_zero_bits(8).unwrap();
        assert!(target.is_met_by(&Hash(target.to_be_bytes())));
        let above = Target(target.0 + U256::ONE);
        assert!(!target.is_met_by(&Hash(above.to_be_bytes())));
    }

    #[test]
    fn work_is_ordered_as_the_numbers_are() {
        let numbers: Vec<U256> = (0..4)
            .flat_map(|limb| [1_u64, 2].map(|n| U256::from(n) << (64 * limb)))
            .chain([U256::ZERO, U256::MAX])
            .collect();
        for a in &numbers {
            for b in &numbers {
                assert_eq!(Work(*a).cmp(&Work(*b)), a.cmp(b), "{a} {b}");
            }
        }
    }

    #[test]
    fn total_work_never_wraps() {
        let most = Work(U256::MAX);
        assert_eq!(most.checked_add(Work(U256::ONE)), None);
    }
}
