//! Real time, read once per input and handed to the core as an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forkful_core::{Now, Time, Timestamp};
use tokio::time::Instant;

/// The clock of one node: the run's monotonic clock, and a wall clock that may be wrong.
///
/// The wall clock is read once, when the run begins, and goes on monotonically from
/// there: a jump of the machine's clock in the middle of a run moves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    start_clock: Timestamp,
    /// How far this node's clock is ahead of the true time, in milliseconds.
    skew_ms: i64,
}

impl Clock {
    /// A clock that starts now and is right.
    pub fn start() -> Self {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        // A machine whose clock stands before 1970 counts from there.
        let millis = since_epoch.map_or(0, |since| since.as_millis());
        Clock {
            start: Instant::now(),
            start_clock: Timestamp(u64::try_from(millis).unwrap_or(u64::MAX)),
            skew_ms: 0,
        }
    }

    /// The same clock, but ahead of the true time by so many milliseconds.
    pub fn skewed(self, skew_ms: i64) -> Self {
        Clock { skew_ms, ..self }
    }

    /// The wall clock when the run began, without skew.
    pub fn start_timestamp(&self) -> Timestamp {
        self.start_clock
    }

    /// Both clocks, now.
    pub fn now(&self) -> Now {
        let elapsed = self.elapsed();
        let clock = self.start_clock.saturating_add(elapsed).0;
        Now {
            time: Time::ZERO + elapsed,
            clock: Timestamp(clock.saturating_add_signed(self.skew_ms)),
        }
    }

    /// How long the run lasts.
    pub fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    /// The moment at which the monotonic clock shows `time`; for [`Time::NEVER`], and
    /// whatever else is beyond the clock, one so far off that no run sees it.
    pub fn instant(&self, time: Time) -> Instant {
        const FAR: Duration = Duration::from_secs(100 * 365 * 86_400);
        self.start + time.since(Time::ZERO).min(FAR)
    }
}
