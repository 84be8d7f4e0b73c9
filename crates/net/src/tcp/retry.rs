//! When an address may be dialled again: the wait doubles while connections do not last.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::limits::RETRIES_MAX;

/// Addresses that were dialled, and when they may be again. Times are since any one moment.
#[derive(Clone, Default, Debug)]
pub struct Retries(BTreeMap<SocketAddr, Retry>);

#[derive(Clone, Copy, Debug)]
struct Retry {
    wait: Duration,
    from: Duration,
}

impl Retries {
    /// Whether it may be dialled.
    pub fn may(&self, address: SocketAddr, now: Duration) -> bool {
        self.0.get(&address).is_none_or(|retry| retry.from <= now)
    }

    /// The try is over. If the connection lasted, the wait begins anew. `share` is 0 to 1, drawn:
    /// the wait is half to one and a half of itself.
    pub fn ended(
        &mut self,
        address: SocketAddr,
        lasted: bool,
        now: Duration,
        bounds: (Duration, Duration),
        share: f64,
    ) {
        let (least, most) = bounds;
        let last = self.0.get(&address).map(|retry| retry.wait);
        let wait = match last {
            Some(wait) if !lasted => (wait * 2).min(most),
            _ => least,
        };
        let from = now + wait / 2 + wait.mul_f64(share);
        if self.0.len() >= RETRIES_MAX && last.is_none() {
            let first = self.0.iter().min_by_key(|(_, retry)| retry.from);
            if let Some(first) = first.map(|(address, _)| *address) {
                self.0.remove(&first);
            }
        }
        self.0.insert(address, Retry { wait, from });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_wait_doubles_to_its_bound_and_begins_anew() {
        let mut retries = Retries::default();
        let address = "192.0.2.1:1".parse().unwrap();
        let bounds = (SECOND, SECOND * 5);
        let mut now = Duration::ZERO;
        for (lasted, wait) in [(false, 1), (false, 2), (false, 4), (false, 5), (true, 1)] {
            assert!(retries.may(address, now));
            retries.ended(address, lasted, now, bounds, 0.5);
            assert!(!retries.may(address, now + SECOND * wait - SECOND / 1_000));
            now += SECOND * wait;
        }
        retries.ended(address, true, now, bounds, 0.0);
        assert!(retries.may(address, now + SECOND / 2));
    }

    #[test]
    fn the_table_is_bounded() {
        let mut retries = Retries::default();
        for port in 1..=5_000 {
            let address = SocketAddr::from(([192, 0, 2, 1], port));
            retries.ended(address, false, Duration::ZERO, (SECOND, SECOND), 0.0);
        }
        assert_eq!(retries.0.len(), RETRIES_MAX);
    }
}
