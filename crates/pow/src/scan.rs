//! The search over a range of nonces: cuts it into pieces, looks at the stop flag, checks candidates in full.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::hoisted::Hoisted;
use crate::{Kernel, Prepared};

/// The most nonces that are tried between two looks at the stop flag.
pub const STOP_INTERVAL: u64 = 4096;

/// How a search ended and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// How the search ended.
    pub outcome: Outcome,
    /// How many nonces the search covered, counted from the start of its range: up to and with the nonce that
    /// was found, all of them when exhausted, those before the stop was seen. Only the range of all 2^64 nonces
    /// has more than fit; it counts as `u64::MAX`.
    ///
    /// A kernel hashes several nonces at once and may have hashed a few more behind the one it found.
    pub tries: u64,
}

/// How a search ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The lowest nonce in the range whose hash meets the target.
    Found {
        /// The nonce.
        nonce: u64,
        /// The hash of the header with that nonce.
        hash: [u8; 32],
    },
    /// No nonce in the range meets the target.
    Exhausted,
    /// The stop flag was seen before the range was exhausted. Nonces covered so far do not meet the target.
    Stopped,
}

/// Searches `nonces` for the lowest one whose hash is at most the target, or until `stop` is set.
///
/// The flag is read (relaxed) before every piece of at most [`STOP_INTERVAL`] nonces. An empty range is
/// exhausted with no tries, whatever the flag says. The range is an inclusive one so that the nonce `u64::MAX`
/// can be searched too.
///
/// A `kernel` that this machine cannot run is replaced by [`Kernel::Portable`]: the answer is the same.
#[must_use]
pub fn scan(
    kernel: Kernel,
    prepared: &Prepared,
    nonces: RangeInclusive<u64>,
    stop: &AtomicBool,
) -> Scan {
    if nonces.is_empty() {
        return Scan {
            outcome: Outcome::Exhausted,
            tries: 0,
        };
    }
    let search = kernel.search();
    let (first, last) = nonces.into_inner();
    let mut hoisted = Hoisted::new(prepared, first);
    let mut next = first;
    loop {
        if stop.load(Ordering::Relaxed) {
            return Scan {
                outcome: Outcome::Stopped,
                tries: next - first,
            };
        }
        if !hoisted.covers(next) {
            hoisted = Hoisted::new(prepared, next);
        }
        let (low, count) = piece(next, last);
        // A first word as small as the target's makes a candidate; the rare one whose other words are too large
        // is stepped over.
        let covered = match search(&hoisted, low, count) {
            Some(offset) => {
                let nonce = next + u64::from(offset);
                let hash = prepared.hash(nonce);
                if hash <= *prepared.target() {
                    let tries = (nonce - first).saturating_add(1);
                    return Scan {
                        outcome: Outcome::Found { nonce, hash },
                        tries,
                    };
                }
                nonce
            }
            None => next + u64::from(count - 1),
        };
        if covered == last {
            return Scan {
                outcome: Outcome::Exhausted,
                tries: (last - first).saturating_add(1),
            };
        }
        next = covered + 1;
    }
}

/// The low half of `next`, and how many nonces from there on to try in one go: not beyond `last`, not into the
/// next 2^32 range.
fn piece(next: u64, last: u64) -> (u32, u32) {
    let low = (next & 0xffff_ffff) as u32;
    let behind = (last - next)
        .min(u64::from(u32::MAX - low))
        .min(STOP_INTERVAL - 1);
    (low, (behind & 0xffff_ffff) as u32 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_piece_ends_at_the_stop_interval_at_the_range_end_and_at_the_high_word() {
        assert_eq!(piece(0, u64::MAX), (0, 4096));
        assert_eq!(piece(7, 7), (7, 1));
        assert_eq!(piece(7, 9), (7, 3));
        assert_eq!(piece(0x1_ffff_fffe, u64::MAX), (0xffff_fffe, 2));
        assert_eq!(piece(u64::MAX, u64::MAX), (u32::MAX, 1));
        assert_eq!(piece(u64::MAX - 4095, u64::MAX), (u32::MAX - 4095, 4096));
    }
}
