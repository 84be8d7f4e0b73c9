//! The rules of a block, one error variant each, cheapest first.
//!
//! The functions here are pure: they say what a rule demands of plain values. The
//! [`tree`](crate::tree) calls them with the values of a chain.

use crate::block::{Block, Header};
use crate::consensus::{Consensus, FUTURE_MS_MAX};
use crate::hash::Hash;
use crate::target::Target;
use crate::units::Timestamp;

/// The rule that a block broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// The block does not connect: its parent is unknown here.
    #[error("unknown parent {0}")]
    UnknownParent(Hash),
    /// It builds on a block that is known to be invalid, or is one itself.
    #[error("builds on an invalid block")]
    InvalidAncestor,
    /// The index is not the parent's plus one.
    #[error("index {found} where {expected} belongs")]
    WrongIndex {
        /// The parent's index plus one.
        expected: u64,
        /// The block's index.
        found: u64,
    },
    /// The hash does not meet the target that the chain's rule gives for this position.
    #[error("hash {hash} is above the target {target}")]
    WorkNotDone {
        /// The block's hash.
        hash: Hash,
        /// The target it had to meet.
        target: Target,
    },
    /// The timestamp is not above the median of the last 11.
    #[error("timestamp {found} ms is not above {median} ms, the median of the last 11 blocks")]
    TimestampTooOld {
        /// The median that it had to be above, in milliseconds since 1970.
        median: u64,
        /// The block's timestamp, in milliseconds since 1970.
        found: u64,
    },
    /// The timestamp is more than two hours ahead of the local clock: not yet, but
    /// perhaps later. This never makes a block invalid.
    #[error("timestamp {found} ms is more than two hours ahead of the clock, {clock} ms")]
    TimestampTooNew {
        /// The local clock, in milliseconds since 1970.
        clock: u64,
        /// The block's timestamp, in milliseconds since 1970.
        found: u64,
    },
    /// The entries are not those that the header commits to. This says something
    /// about who sent them, nothing about the header.
    #[error("the entries do not hash to the header's data")]
    BodyMismatch,
    /// More entries than the network allows.
    #[error("{found} entries, but {most} are allowed")]
    TooManyEntries {
        /// The network's limit.
        most: u32,
        /// The block's number of entries.
        found: usize,
    },
    /// More bytes than the network allows.
    #[error("entries of {found} bytes, but {most} are allowed")]
    BodyTooLarge {
        /// The network's limit in bytes.
        most: u32,
        /// The length of the block's entries in bytes.
        found: usize,
    },
    /// The total work would not fit in 256 bits.
    #[error("total work above 2^256")]
    WorkOverflow,
    /// The tree holds as many blocks as it can number.
    #[error("no room for another block")]
    TreeFull,
}

/// What a broken rule says, and about whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong: something is missing, or the time has not come.
    Undecided,
    /// The block breaks a rule and always will.
    Invalid,
    /// The sender altered it: the block itself may be fine.
    Mutated,
    /// This participant has reached a limit of its own.
    OurLimit,
}

impl RuleError {
    /// What the error says about the block. Exhaustive on purpose: a new rule has to
    /// decide.
    pub fn verdict(&self) -> Verdict {
        match self {
            RuleError::UnknownParent(_) | RuleError::TimestampTooNew { .. } => Verdict::Undecided,
            RuleError::BodyMismatch => Verdict::Mutated,
            RuleError::InvalidAncestor
            | RuleError::WrongIndex { .. }
            | RuleError::WorkNotDone { .. }
            | RuleError::TimestampTooOld { .. }
            | RuleError::TooManyEntries { .. }
            | RuleError::BodyTooLarge { .. }
            | RuleError::WorkOverflow => Verdict::Invalid,
            RuleError::TreeFull => Verdict::OurLimit,
        }
    }

    /// Points held against a peer that sent such a block; it is disconnected at
    /// [`PENALTY_MAX`](crate::limits::PENALTY_MAX).
    pub fn penalty(&self) -> u16 {
        match self.verdict() {
            Verdict::Undecided | Verdict::OurLimit => 0,
            Verdict::Mutated | Verdict::Invalid => 20,
        }
    }
}

/// The index is the parent's plus one.
///
/// # Errors
/// [`RuleError::WrongIndex`]
pub fn check_index(parent_index: u64, header: &Header) -> Result<(), RuleError> {
    let expected = parent_index.saturating_add(1);
    if header.index == expected && parent_index != u64::MAX {
        return Ok(());
    }
    Err(RuleError::WrongIndex {
        expected,
        found: header.index,
    })
}

/// The timestamp is above the median of the last 11 and not too far ahead.
///
/// # Consensus
/// Bitcoin's `time-too-old` and `time-too-new` (`ContextualCheckBlockHeader`,
/// validation.cpp). The second depends on the local clock and may hold later.
///
/// # Errors
/// [`RuleError::TimestampTooOld`], [`RuleError::TimestampTooNew`]
pub fn check_timestamp(
    median: Timestamp,
    clock: Timestamp,
    header: &Header,
) -> Result<(), RuleError> {
    if header.timestamp <= median {
        return Err(RuleError::TimestampTooOld {
            median: median.0,
            found: header.timestamp.0,
        });
    }
    if header.timestamp.0 > clock.0.saturating_add(FUTURE_MS_MAX) {
        return Err(RuleError::TimestampTooNew {
            clock: clock.0,
            found: header.timestamp.0,
        });
    }
    Ok(())
}

/// The entries are the ones that the header commits to, and within the limits.
///
/// Entries that break a limit *and* do not match are the sender's doing, so the
/// match decides first which of the two it is.
///
/// # Errors
/// [`RuleError::BodyMismatch`], [`RuleError::TooManyEntries`], [`RuleError::BodyTooLarge`]
pub fn check_body(consensus: &Consensus, block: &Block) -> Result<(), RuleError> {
    if !block.body_matches() {
        return Err(RuleError::BodyMismatch);
    }
    if block.entries.len() > consensus.entries_max as usize {
        return Err(RuleError::TooManyEntries {
            most: consensus.entries_max,
            found: block.entries.len(),
        });
    }
    let bytes = block.body_bytes();
    if bytes > consensus.body_bytes_max as usize {
        return Err(RuleError::BodyTooLarge {
            most: consensus.body_bytes_max,
            found: bytes,
        });
    }
    Ok(())
}

/// The median of up to 11 timestamps: sorted, the middle one; of an even number the
/// upper of the two, as in Bitcoin's `GetMedianTimePast`.
pub fn median_time(times: &mut [Timestamp]) -> Timestamp {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(index: u64, timestamp: u64) -> Header {
        Header {
            index,
            timestamp: Timestamp(timestamp),
            data: Hash::ZERO,
            previous_hash: Hash::ZERO,
            nonce: 0,
        }
    }

    #[test]
    fn the_index_cannot_wrap() {
        assert_eq!(check_index(4, &header(5, 0)), Ok(()));
        assert!(check_index(4, &header(4, 0)).is_err());
        assert!(check_index(u64::MAX, &header(u64::MAX, 0)).is_err());
        assert!(check_index(u64::MAX, &header(0, 0)).is_err());
    }

    #[test]
    fn a_timestamp_lies_between_the_median_and_two_hours_ahead() {
        let (median, clock) = (Timestamp(1_000), Timestamp(2_000));
        let check = |time| check_timestamp(median, clock, &header(1, time));
        assert!(check(1_000).is_err());
        assert_eq!(check(1_001), Ok(()));
        assert_eq!(check(2_000 + FUTURE_MS_MAX), Ok(()));
        let too_new = check(2_001 + FUTURE_MS_MAX).unwrap_err();
        assert_eq!(too_new.verdict(), Verdict::Undecided);
        assert!(check(u64::MAX).is_err());
    }

    #[test]
    fn the_median_is_of_sorted_times() {
        let median = |times: &[u64]| {
            let mut times: Vec<_> = times.iter().copied().map(Timestamp).collect();
            median_time(&mut times).0
        };
        assert_eq!(median(&[9]), 9);
        assert_eq!(median(&[9, 1]), 9);
        assert_eq!(median(&[9, 1, 5]), 5);
        assert_eq!(median(&[1, 9, 2, 8, 3, 7, 4, 6, 5, 11, 10]), 6);
    }
}
