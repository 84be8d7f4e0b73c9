//! Real time, read once per input and handed to the core as an argument.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forkful_core::{Now, Time, Timestamp};
use tokio::time::Instant;

/// The clock of one node: the run's monotonic clock, and a wall clock that may be wrong.
///
/// In a run the wall clock is read once, when it begins, and goes on monotonically from there: a
/// jump of the machine's clock in the middle moves nothing. A node that runs for months reads the
/// machine's each time: it may have been set meanwhile, and a machine that sleeps stops
/// its monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    start: Instant,
    start_clock: Timestamp,
    /// Whether the wall clock is the machine's at any time.
    follows_machine: bool,
    /// How far this node's clock is ahead of the true time, in milliseconds.
    skew_ms: i64,
}

impl Clock {
    /// A clock that starts now and is right.
    pub fn start() -> Self {
        Clock {
            start: Instant::now(),
            start_clock: machine(),
            follows_machine: false,
            skew_ms: 0,
        }
    }

    /// A clock that starts now, and whose wall clock is the machine's at any time.
    pub fn of_machine() -> Self {
        Clock {
            follows_machine: true,
            ..Clock::start()
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
        let clock = match self.follows_machine {
            true => machine(),
            false => self.start_clock.saturating_add(elapsed),
        };
        Now {
            time: Time::ZERO + elapsed,
            clock: Timestamp(clock.0.saturating_add_signed(self.skew_ms)),
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

/// The machine's wall clock.
fn machine() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    // A machine whose clock stands before 1970 counts from there.
    let millis = since_epoch.map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(millis).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The monotonic clock moves on by itself here, as the machine's does while it sleeps.
    #[tokio::test(start_paused = true)]
    async fn the_wall_clock_of_a_node_is_the_machine_s_and_that_of_a_run_is_its_own() {
        const HOURS: Duration = Duration::from_secs(3 * 3_600);
        let (node, run) = (Clock::of_machine(), Clock::start());
        tokio::time::advance(HOURS).await;
        let off = |clock: Timestamp| clock.0.abs_diff(machine().0);
        assert!(off(node.now().clock) < 60_000);
        assert!(off(run.now().clock) > 60_000);
        assert_eq!(node.now().time, Time::ZERO + HOURS);
    }
}
