//! What a search must do, whatever the kernel: every kernel of this machine against plain SHA-256.

use std::ops::RangeInclusive;
use std::sync::atomic::AtomicBool;

use forkful_pow::{HEADER_LEN, Kernel, Outcome, Prepared, STOP_INTERVAL, Scan, scan};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use sha2::{Digest, Sha256};

/// No kernel hashes more nonces at once.
const MOST_LANES: u64 = 16;

fn kernels() -> impl Iterator<Item = Kernel> {
    Kernel::ALL
        .into_iter()
        .filter(|kernel| kernel.is_available())
}

/// The hash as the block format defines it.
fn plain_hash(mut header: [u8; HEADER_LEN], nonce: u64) -> [u8; 32] {
    header[80..].copy_from_slice(&nonce.to_be_bytes());
    Sha256::digest(header).into()
}

/// The search as one would write it on a blackboard.
fn plain_scan(header: &[u8; HEADER_LEN], target: &[u8; 32], nonces: RangeInclusive<u64>) -> Scan {
    let mut tries = 0;
    for nonce in nonces {
        tries += 1;
        let hash = plain_hash(*header, nonce);
        if hash <= *target {
            return Scan {
                outcome: Outcome::Found { nonce, hash },
                tries,
            };
        }
    }
    Scan {
        outcome: Outcome::Exhausted,
        tries,
    }
}

fn run(
    kernel: Kernel,
    header: &[u8; HEADER_LEN],
    target: &[u8; 32],
    nonces: RangeInclusive<u64>,
) -> Scan {
    scan(
        kernel,
        &Prepared::new(header, target),
        nonces,
        &AtomicBool::new(false),
    )
}

fn assert_all_agree(header: &[u8; HEADER_LEN], target: &[u8; 32], nonces: RangeInclusive<u64>) {
    let expected = plain_scan(header, target, nonces.clone());
    for kernel in kernels() {
        assert_eq!(
            run(kernel, header, target, nonces.clone()),
            expected,
            "{kernel} in {nonces:?}"
        );
    }
}

/// A header that looks like one.
fn header(seed: u8) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    for (i, byte) in (0_u8..).zip(&mut header) {
        *byte = seed.wrapping_mul(31) ^ i.wrapping_mul(0x9d);
    }
    header
}

/// Roughly one hash in `256 / (first_byte + 1)` meets this target.
fn target(first_byte: u8) -> [u8; 32] {
    let mut target = [0xff; 32];
    target[0] = first_byte;
    target
}

/// The nonce in the range with the smallest hash, and that hash: with the hash as target it is the only answer.
fn smallest(header: &[u8; HEADER_LEN], nonces: RangeInclusive<u64>) -> (u64, [u8; 32]) {
    let hashes = nonces.map(|nonce| (plain_hash(*header, nonce), nonce));
    let (hash, nonce) = hashes.min().expect("a range that is not empty");
    (nonce, hash)
}

fn minus_one(mut number: [u8; 32]) -> [u8; 32] {
    for byte in number.iter_mut().rev() {
        let (difference, borrow) = byte.overflowing_sub(1);
        *byte = difference;
        if !borrow {
            break;
        }
    }
    number
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, rng_seed: RngSeed::Fixed(88), ..ProptestConfig::default() })]

    #[test]
    fn the_hash_is_sha_256_of_the_header(header: [[u8; 11]; 8], nonce: u64) {
        let header: [u8; HEADER_LEN] = header.concat().try_into().unwrap();
        prop_assert_eq!(Prepared::new(&header, &[0; 32]).hash(nonce), plain_hash(header, nonce));
    }

    #[test]
    fn every_kernel_gives_the_answer_of_a_plain_loop(
        header: [[u8; 11]; 8], first_byte in 0..64_u8, start: u64, length in 1..300_u64
    ) {
        let header: [u8; HEADER_LEN] = header.concat().try_into().unwrap();
        assert_all_agree(&header, &target(first_byte), start..=start.saturating_add(length - 1));
    }

    #[test]
    fn every_kernel_crosses_into_the_next_high_word(
        header: [[u8; 11]; 8], first_byte in 0..16_u8, high in 1..=u64::from(u32::MAX), before in 0..40_u64
    ) {
        let header: [u8; HEADER_LEN] = header.concat().try_into().unwrap();
        let start = (high << 32) - before;
        assert_all_agree(&header, &target(first_byte), start..=start + 80);
    }
}

#[test]
fn the_nonce_is_found_in_every_lane_and_nowhere_else() {
    let header = header(1);
    let (nonce, hash) = smallest(&header, 5000..=5200);
    for kernel in kernels() {
        for before in 0..3 * MOST_LANES {
            for behind in 0..=MOST_LANES {
                let found = run(kernel, &header, &hash, nonce - before..=nonce + behind);
                assert_eq!(
                    found.outcome,
                    Outcome::Found { nonce, hash },
                    "{kernel}, {before} before"
                );
                assert_eq!(found.tries, before + 1);
            }
        }
    }
}

#[test]
fn a_nonce_right_behind_or_before_the_range_is_not_found() {
    let header = header(2);
    let (nonce, hash) = smallest(&header, 5000..=5200);
    for kernel in kernels() {
        for length in 1..=3 * MOST_LANES {
            let below = run(kernel, &header, &hash, nonce - length..=nonce - 1);
            assert_eq!(
                below,
                Scan {
                    outcome: Outcome::Exhausted,
                    tries: length
                },
                "{kernel}, below"
            );
            let above = run(kernel, &header, &hash, nonce + 1..=nonce + length);
            assert_eq!(
                above,
                Scan {
                    outcome: Outcome::Exhausted,
                    tries: length
                },
                "{kernel}, above"
            );
        }
    }
}

#[test]
fn the_target_itself_is_small_enough_and_one_more_is_not() {
    for seed in 0..20 {
        let header = header(seed);
        let (nonce, hash) = smallest(&header, 0..=100);
        for kernel in kernels() {
            assert_eq!(
                run(kernel, &header, &hash, 0..=100).outcome,
                Outcome::Found { nonce, hash }
            );
            // The first word still fits: this candidate must be checked in full, and the search go on behind it.
            let refused = run(kernel, &header, &minus_one(hash), 0..=100);
            assert_eq!(
                refused,
                Scan {
                    outcome: Outcome::Exhausted,
                    tries: 101
                },
                "{kernel}"
            );
        }
    }
}

/// The first word of this hash, all else zero: the hash passes the first check and fails the second.
fn just_too_small(hash: [u8; 32]) -> [u8; 32] {
    let mut target = [0; 32];
    target[..4].copy_from_slice(&hash[..4]);
    target
}

#[test]
fn the_search_goes_on_behind_a_candidate_that_fails() {
    let header = header(3);
    let (candidate, hash) = smallest(&header, 0..=999);
    let target = just_too_small(hash);
    let (better, _) = smallest(&header, 1000..=20_000);
    assert!(
        plain_hash(header, better) < target,
        "a better nonce further on"
    );
    assert_all_agree(&header, &target, candidate..=20_000);
}

#[test]
fn the_search_goes_on_to_the_last_nonce_behind_a_candidate_that_fails() {
    let header = header(3);
    for candidate in 0..100 {
        let target = just_too_small(plain_hash(header, candidate));
        assert_all_agree(&header, &target, candidate..=candidate);
        assert_all_agree(&header, &target, candidate..=candidate + 1);
        assert_all_agree(&header, &target, candidate..=candidate + 2);
    }
}

#[test]
fn the_largest_target_is_met_at_once_and_zero_never() {
    for kernel in kernels() {
        for start in [0, 7, 1 << 32, u64::MAX] {
            let found = run(kernel, &header(4), &[0xff; 32], start..=u64::MAX);
            let hash = plain_hash(header(4), start);
            assert_eq!(
                found,
                Scan {
                    outcome: Outcome::Found { nonce: start, hash },
                    tries: 1
                },
                "{kernel}"
            );
        }
        let none = run(kernel, &header(4), &[0; 32], 0..=10_000);
        assert_eq!(
            none,
            Scan {
                outcome: Outcome::Exhausted,
                tries: 10_001
            },
            "{kernel}"
        );
    }
}

#[test]
fn the_last_nonces_of_all_can_be_searched() {
    let header = header(5);
    assert_all_agree(&header, &[0; 32], u64::MAX..=u64::MAX);
    assert_all_agree(&header, &plain_hash(header, u64::MAX), u64::MAX..=u64::MAX);
    for length in [2, 7, 8, 15, 16, 17, 4095, 4096, 4097] {
        assert_all_agree(&header, &[0; 32], u64::MAX - (length - 1)..=u64::MAX);
    }
    let (_, hash) = smallest(&header, u64::MAX - 40..=u64::MAX);
    assert_all_agree(&header, &hash, u64::MAX - 40..=u64::MAX);
}

#[test]
fn the_high_word_changes_in_the_middle_of_a_long_range() {
    let header = header(6);
    let start = (7 << 32) - 5000;
    assert_all_agree(&header, &[0; 32], start..=start + 10_000);
    let (nonce, hash) = smallest(&header, 7 << 32..=(7 << 32) + 5000);
    assert!(nonce >= 7 << 32);
    assert_eq!(
        smallest(&header, start..=start + 10_000).1.min(hash),
        smallest(&header, start..=start + 10_000).1
    );
    assert_all_agree(&header, &hash, nonce - 10..=nonce + 10);
    assert_all_agree(
        &header,
        &smallest(&header, start..=start + 10_000).1,
        start..=start + 10_000,
    );
}

#[test]
#[expect(
    clippy::reversed_empty_ranges,
    reason = "a range that is empty is the point"
)]
fn an_empty_range_is_exhausted_without_a_try() {
    for kernel in kernels() {
        for stop in [false, true] {
            let prepared = Prepared::new(&header(7), &[0xff; 32]);
            let scan = scan(kernel, &prepared, 1..=0, &AtomicBool::new(stop));
            assert_eq!(
                scan,
                Scan {
                    outcome: Outcome::Exhausted,
                    tries: 0
                }
            );
        }
    }
}

#[test]
fn the_nonce_in_the_header_does_not_matter() {
    let (plain, mut other) = (header(8), header(8));
    other[80..].fill(0xa5);
    for kernel in kernels() {
        assert_eq!(
            run(kernel, &plain, &target(3), 0..=9999),
            run(kernel, &other, &target(3), 0..=9999)
        );
    }
}

#[test]
fn a_kernel_that_the_machine_lacks_gives_the_same_answer() {
    for kernel in Kernel::ALL {
        let expected = plain_scan(&header(9), &target(0), 0..=4000);
        assert_eq!(
            run(kernel, &header(9), &target(0), 0..=4000),
            expected,
            "{kernel}"
        );
    }
}

#[test]
fn a_flag_that_is_set_stops_the_search_before_it_starts() {
    for kernel in kernels() {
        let prepared = Prepared::new(&header(10), &[0; 32]);
        let scan = scan(kernel, &prepared, 0..=u64::MAX, &AtomicBool::new(true));
        assert_eq!(
            scan,
            Scan {
                outcome: Outcome::Stopped,
                tries: 0
            }
        );
    }
}

#[test]
fn a_flag_that_is_set_meanwhile_stops_a_search_without_end() {
    use std::sync::atomic::Ordering;
    for kernel in kernels() {
        let prepared = Prepared::new(&header(11), &[0; 32]);
        let stop = AtomicBool::new(false);
        let scan = std::thread::scope(|scope| {
            let search = scope.spawn(|| scan(kernel, &prepared, 1..=u64::MAX, &stop));
            std::thread::sleep(std::time::Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
            search.join().unwrap()
        });
        assert_eq!(scan.outcome, Outcome::Stopped, "{kernel}");
        assert_eq!(
            scan.tries % STOP_INTERVAL,
            0,
            "{kernel} looks at the flag once in {STOP_INTERVAL} tries"
        );
    }
}
