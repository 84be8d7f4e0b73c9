//! Difficulty: which target the next block has to meet.
//!
//! Each rule is a pure function over plain numbers in a file of its own. This file only
//! names them and their parameters; the tree reads their arguments off the chain. Nothing
//! in a header may claim a target: everybody computes it, from the parent and back.

pub mod asert;
pub mod bitcoin;
pub mod lwma;

use crate::target::Target;

/// A rule that gives the target of every block of a chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DifficultyRule {
    /// One target for ever: the brief's "N leading zeros".
    Fixed {
        /// The target.
        target: Target,
    },
    /// Bitcoin's: every `window` blocks, scaled by how long they took.
    Bitcoin {
        /// The target of the first window.
        initial: Target,
        /// The easiest target there may be.
        limit: Target,
        /// Blocks between two adjustments.
        window: u32,
        /// The ideal time between blocks, in milliseconds.
        interval_ms: u64,
        /// The most that one adjustment may multiply or divide by.
        clamp: u32,
    },
    /// Bitcoin Cash's aserti3-2d: exponential in how far the chain is from schedule.
    /// The anchor is genesis, with the ideal interval before it.
    Asert {
        /// The anchor's target.
        initial: Target,
        /// The easiest target there may be.
        limit: Target,
        /// The ideal time between blocks, in milliseconds.
        interval_ms: u64,
        /// How far off schedule halves or doubles the target, in milliseconds.
        half_life_ms: u64,
    },
    /// zawy12's LWMA-1: a linearly weighted average of the last `window` solve times.
    Lwma {
        /// The target of the first `window` blocks.
        initial: Target,
        /// The easiest target there may be.
        limit: Target,
        /// Blocks that are averaged.
        window: u32,
        /// The ideal time between blocks, in milliseconds.
        interval_ms: u64,
    },
}

/// Parameters that no rule can work with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DifficultyError {
    /// A target of zero: nobody could ever mine.
    #[error("a target of zero can never be met")]
    ZeroTarget,
    /// The initial target is easier than the limit allows.
    #[error("the initial target is easier than the limit")]
    InitialAboveLimit,
    /// An interval, half-life, window or clamp out of its range.
    #[error("{name} must be between {least} and {most}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// Its least value.
        least: u64,
        /// Its greatest value.
        most: u64,
    },
}

/// Ten years in milliseconds: longer than any interval or half-life that makes sense.
const SPAN_MS_MAX: u64 = 315_576_000_000;

impl DifficultyRule {
    /// The target of the first block after genesis, and what genesis itself stands for.
    pub fn initial(&self) -> Target {
        match *self {
            DifficultyRule::Fixed { target } => target,
            DifficultyRule::Bitcoin { initial, .. }
            | DifficultyRule::Asert { initial, .. }
            | DifficultyRule::Lwma { initial, .. } => initial,
        }
    }

    /// The ideal time between blocks in milliseconds, where the rule has one.
    pub fn interval_ms(&self) -> Option<u64> {
        match *self {
            DifficultyRule::Fixed { .. } => None,
            DifficultyRule::Bitcoin { interval_ms, .. }
            | DifficultyRule::Asert { interval_ms, .. }
            | DifficultyRule::Lwma { interval_ms, .. } => Some(interval_ms),
        }
    }

    /// Whether the rule can work with its parameters.
    ///
    /// # Errors
    /// The first parameter that is out of its range.
    pub fn check(&self) -> Result<(), DifficultyError> {
        let in_range = |name, value: u64, least, most| {
            if (least..=most).contains(&value) {
                Ok(())
            } else {
                Err(DifficultyError::OutOfRange { name, least, most })
            }
        };
        let targets = |initial: Target, limit: Target| match initial {
            zero if zero.0.is_zero() => Err(DifficultyError::ZeroTarget),
            initial if initial > limit => Err(DifficultyError::InitialAboveLimit),
            _ => Ok(()),
        };
        match *self {
            DifficultyRule::Fixed { target } => targets(target, Target::MAX),
            DifficultyRule::Bitcoin {
                initial,
                limit,
                window,
                interval_ms,
                clamp,
            } => {
                targets(initial, limit)?;
                in_range("window", window.into(), 2, 1_000_000)?;
                in_range("interval_ms", interval_ms, 1, SPAN_MS_MAX)?;
                in_range("clamp", clamp.into(), 2, 1_000)
            }
            DifficultyRule::Asert {
                initial,
                limit,
                interval_ms,
                half_life_ms,
            } => {
                targets(initial, limit)?;
                in_range("interval_ms", interval_ms, 1, SPAN_MS_MAX)?;
                in_range("half_life_ms", half_life_ms, 1, SPAN_MS_MAX)
            }
            DifficultyRule::Lwma {
                initial,
                limit,
                window,
                interval_ms,
            } => {
                targets(initial, limit)?;
                in_range("window", window.into(), 1, 1_000)?;
                in_range("interval_ms", interval_ms, 1, SPAN_MS_MAX)
            }
        }
    }
}
