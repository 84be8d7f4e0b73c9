//! How fast a peer may send: token buckets.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::limits::{FRAME_BYTES_MAX, Limits};

/// Frames and bytes of one peer.
#[derive(Clone, Debug)]
pub struct Pace {
    frames: Bucket,
    bytes: Bucket,
}

#[derive(Clone, Debug)]
struct Bucket {
    per_second: f64,
    level: f64,
    filled: Instant,
}

impl Pace {
    /// A pace of which nothing is used up.
    pub fn new(limits: &Limits) -> Self {
        // A second's worth holds the longest frame, or that frame would wait for ever.
        let bytes = f64::from(limits.bytes_per_second).max(FRAME_BYTES_MAX as f64 + 2.0);
        Pace {
            frames: Bucket::full(f64::from(limits.frames_per_second.max(1))),
            bytes: Bucket::full(bytes),
        }
    }

    /// A frame came. Returns when it may be looked at.
    pub async fn take(&mut self, bytes: usize) {
        let wait = self.wait(bytes, Instant::now());
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    fn wait(&mut self, bytes: usize, now: Instant) -> Duration {
        let frames = self.frames.take(1.0, now);
        frames.max(self.bytes.take(bytes as f64, now))
    }
}

impl Bucket {
    fn full(per_second: f64) -> Self {
        Bucket {
            per_second,
            level: per_second,
            filled: Instant::now(),
        }
    }

    /// Takes so much, on credit if need be, and says how long the credit lasts.
    fn take(&mut self, amount: f64, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.level = (self.level + since * self.per_second).min(self.per_second) - amount;
        self.filled = now;
        Duration::from_secs_f64((-self.level / self.per_second).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_at_once_and_the_rest_waits() {
        let limits = Limits {
            frames_per_second: 10,
            bytes_per_second: 100_000,
            ..Limits::default()
        };
        let mut pace = Pace::new(&limits);
        let now = Instant::now();
        for _ in 0..10 {
            assert_eq!(pace.wait(10, now), Duration::ZERO);
        }
        assert_eq!(pace.wait(10, now), Duration::from_millis(100));
        // A second later all but the credit is there again.
        let later = now + Duration::from_secs(1);
        assert_eq!(pace.wait(50_000, later), Duration::ZERO);
        assert_eq!(pace.wait(60_000, later), Duration::from_millis(100));
    }
}
