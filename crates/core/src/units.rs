//! Numbers with a unit: each has a type of its own, so that none is taken for another.

use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A point on the monotonic clock of a run: nanoseconds since it began.
///
/// Deadlines live on this clock, because it never jumps. In `sim` it is virtual.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub u64);

/// A point on a wall clock, as blocks carry it: milliseconds since the Unix epoch.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

/// What a node is told about time with every input: both clocks, read once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Now {
    /// The monotonic clock; deadlines are measured on it.
    pub time: Time,
    /// This participant's own wall clock. It may be wrong; peers' clocks are never asked.
    pub clock: Timestamp,
}

impl Time {
    /// The beginning of the run.
    pub const ZERO: Time = Time(0);
    /// Later than any moment of any run.
    pub const NEVER: Time = Time(u64::MAX);

    /// The time passed since `earlier`; zero when `earlier` is not earlier.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Seconds since the run began, for people to read.
    pub fn as_secs_f64(self) -> f64 {
        Duration::from_nanos(self.0).as_secs_f64()
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Saturates at [`Time::NEVER`], 584 years after the beginning.
    fn add(self, span: Duration) -> Time {
        let nanos = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
        Time(self.0.saturating_add(nanos))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3} s", self.as_secs_f64())
    }
}

impl Timestamp {
    /// This moment plus `span`, saturating at the end of time.
    pub fn saturating_add(self, span: Duration) -> Timestamp {
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Timestamp(self.0.saturating_add(millis))
    }
}

impl Sub for Timestamp {
    type Output = i128;

    /// Milliseconds from `earlier` to this moment; negative when `earlier` is later.
    /// Wide enough for any two timestamps, so that it cannot overflow.
    fn sub(self, earlier: Timestamp) -> i128 {
        i128::from(self.0) - i128::from(earlier.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_saturates_instead_of_wrapping() {
        assert_eq!(Time::NEVER + Duration::from_secs(1), Time::NEVER);
        assert_eq!(Time(5).since(Time(9)), Duration::ZERO);
        assert_eq!(Time::ZERO + Duration::from_millis(2), Time(2_000_000));
    }

    #[test]
    fn timestamps_differ_by_a_signed_number() {
        assert_eq!(Timestamp(3) - Timestamp(5), -2);
        assert_eq!(Timestamp(u64::MAX) - Timestamp(0), i128::from(u64::MAX));
    }
}
