//! What must hold of the rules for every input, tried on random ones.

use forkful_core::compact::CompactError;
use forkful_core::difficulty::{asert, bitcoin, lwma};
use forkful_core::merkle::{InclusionProof, ProofError, merkle_root};
use forkful_core::{Hash, Target, Timestamp, sha256};
use proptest::prelude::*;
use ruint::aliases::U256;

/// Numbers of every length, so that the smallest and the largest come up often.
fn any_length() -> impl Strategy<Value = u64> {
    (any::<u64>(), 0..=64_u32).prop_map(|(bits, zeros)| bits.checked_shr(zeros).unwrap_or(0))
}

/// Differences of two timestamps, and now and then much more.
fn any_span() -> impl Strategy<Value = i128> {
    let between = (any_length(), any_length()).prop_map(|(a, b)| Timestamp(a) - Timestamp(b));
    prop_oneof![4 => between, 1 => any::<i128>(), 1 => Just(i128::MIN), 1 => Just(i128::MAX)]
}

/// Targets of every length, zero among them.
fn any_target() -> impl Strategy<Value = Target> {
    (any::<[u64; 4]>(), 0..=256_usize)
        .prop_map(|(limbs, zeros)| Target(U256::from_limbs(limbs) >> zeros))
}

fn any_window() -> impl Strategy<Value = Vec<(Timestamp, Target)>> {
    prop::collection::vec((any_length().prop_map(Timestamp), any_target()), 0..20)
}

/// What every difficulty rule promises; a limit of zero counts as one.
fn is_within(target: Target, limit: Target) -> bool {
    (U256::ONE..=limit.0.max(U256::ONE)).contains(&target.0)
}

/// A list of entries that are all different.
fn entries(count: u64) -> Vec<Vec<u8>> {
    (0..count).map(|i| format!("entry {i}").into()).collect()
}

fn flip_bit(hash: &mut Hash, bit: usize) {
    hash.0[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn every_entry_of_every_small_list_has_a_proof_and_only_its_own() {
    for count in 1..=40 {
        let entries = entries(count);
        let root = merkle_root(&entries);
        for (index, entry) in (0..).zip(&entries) {
            let proof = InclusionProof::of(&entries, index).unwrap();
            assert_eq!(proof.verify(entry, &root), Ok(()), "{index} of {count}");
            for other in (0..count).filter(|other| *other != index) {
                let moved = InclusionProof {
                    index: other,
                    ..proof.clone()
                };
                assert!(moved.verify(entry, &root).is_err(), "{other} of {count}");
            }
        }
    }
}

proptest! {
    #[test]
    fn a_mutated_proof_fails(
        (count, index) in (1..=40_u64).prop_flat_map(|count| (Just(count), 0..count)),
        at in any::<prop::sample::Index>(),
        bit in 0..256_usize,
    ) {
        let entries = entries(count);
        let mut root = merkle_root(&entries);
        let proof = InclusionProof::of(&entries, index).unwrap();
        let entry = entries[usize::try_from(index).unwrap()].as_slice();

        prop_assert_eq!(proof.verify(b"another", &root), Err(ProofError::WrongRoot));
        let mut longer = proof.clone();
        longer.path.insert(at.index(proof.path.len() + 1), sha256(b"one more"));
        prop_assert_eq!(longer.verify(entry, &root), Err(ProofError::PathTooLong));
        if !proof.path.is_empty() {
            let at = at.index(proof.path.len());
            let mut changed = proof.clone();
            flip_bit(&mut changed.path[at], bit);
            prop_assert_eq!(changed.verify(entry, &root), Err(ProofError::WrongRoot));
            let mut shorter = proof.clone();
            shorter.path.remove(at);
            prop_assert_eq!(shorter.verify(entry, &root), Err(ProofError::PathTooShort));
        }
        flip_bit(&mut root, bit);
        prop_assert_eq!(proof.verify(entry, &root), Err(ProofError::WrongRoot));
    }

    #[test]
    fn verifying_any_proof_ends_in_an_answer(
        index in any_length(),
        count in any_length(),
        length in 0..80_usize,
    ) {
        let proof = InclusionProof { index, count, path: vec![Hash::ZERO; length] };
        prop_assert!(proof.verify(b"entry", &Hash::ZERO).is_err());
    }

    #[test]
    fn every_change_of_a_list_changes_its_root(
        entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..4), 1..20),
        at in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let root = merkle_root(&entries);
        let (at, to) = (at.index(entries.len()), to.index(entries.len()));
        let mut changed = entries.clone();
        changed[at].push(0);
        prop_assert_ne!(merkle_root(&changed), root);

        let mut swapped = entries.clone();
        swapped.swap(at, to);
        prop_assert_eq!(merkle_root(&swapped) == root, entries[at] == entries[to]);

        let mut shorter = entries.clone();
        shorter.remove(at);
        prop_assert_ne!(merkle_root(&shorter), root);

        let mut longer = entries.clone();
        longer.push(entries[at].clone());
        prop_assert_ne!(merkle_root(&longer), root);
    }

    #[test]
    fn a_compact_form_stands_for_a_target_or_is_refused(bits: u32) {
        // The conditions as Bitcoin Core states them.
        let size = bits >> 24;
        let mantissa = (bits & 0x007f_ffff) >> (8 * 3_u32.saturating_sub(size));
        let too_large = size > 34 || mantissa > 0xff && size > 33 || mantissa > 0xffff && size > 32;
        match Target::from_compact(bits) {
            Err(CompactError::Zero) => prop_assert_eq!(mantissa, 0),
            Err(CompactError::Negative) => prop_assert!(mantissa > 0 && bits & 0x0080_0000 != 0),
            Err(CompactError::Overflow) => prop_assert!(mantissa > 0 && too_large),
            Ok(target) => {
                prop_assert!(mantissa > 0 && bits & 0x0080_0000 == 0 && !too_large);
                prop_assert_eq!(Target::from_compact(target.to_compact()), Ok(target));
            }
        }
    }

    #[test]
    fn the_compact_form_rounds_down_by_less_than_one_part_in_32768(target in any_target()) {
        let Ok(rounded) = Target::from_compact(target.to_compact()) else {
            prop_assert_eq!(target, Target(U256::ZERO));
            return Ok(());
        };
        prop_assert!(rounded <= target);
        prop_assert!(target.0 - rounded.0 <= rounded.0 >> 15);
        prop_assert_eq!(rounded.to_compact(), target.to_compact());
    }

    #[test]
    fn bitcoin_stays_within_its_bounds(
        previous in any_target(),
        (actual, expected, clamp) in (any_span(), any_length(), any::<u32>()),
        limit in any_target(),
    ) {
        let next = bitcoin::next_target(previous, actual, expected, clamp, limit);
        prop_assert!(is_within(next, limit));
        // Slower blocks never make for a harder target.
        let slower = bitcoin::next_target(previous, actual.saturating_add(1), expected, clamp, limit);
        prop_assert!(slower >= next);
    }

    #[test]
    fn asert_stays_within_its_bounds(
        anchor in any_target(),
        (time_diff, height_diff) in (any_span(), any_length()),
        (ideal_interval, half_life) in (any_length(), any_length()),
        limit in any_target(),
    ) {
        let after = |time_diff, height_diff| {
            asert::next_target(anchor, time_diff, height_diff, ideal_interval, half_life, limit)
        };
        let next = after(time_diff, height_diff);
        prop_assert!(is_within(next, limit));
        // Later never makes for a harder target, and one more block never for an easier one.
        prop_assert!(after(time_diff.saturating_add(1), height_diff) >= next);
        prop_assert!(after(time_diff, height_diff.saturating_add(1)) <= next);
    }

    #[test]
    fn asert_knows_nothing_of_how_the_chain_came_to_be_late(
        late in -2_000_000..2_000_000_i128,
        (height_diff, other_height_diff) in (0..1_000_000_u64, 0..1_000_000_u64),
    ) {
        let anchor = Target::from_zero_bits(40).unwrap();
        let after = |height_diff: u64| {
            let due = 600 * (i128::from(height_diff) + 1);
            asert::next_target(anchor, due + late, height_diff, 600, 172_800, Target::MAX)
        };
        prop_assert_eq!(after(height_diff), after(other_height_diff));
    }

    #[test]
    fn lwma_stays_within_its_bounds(
        window in any_window(),
        interval_ms in any_length(),
        limit in any_target(),
    ) {
        let next = lwma::next_target(&window, interval_ms, limit);
        prop_assert!(is_within(next, limit));

        // One step moves to six times the average target at most.
        let targets = window.iter().skip(1).map(|(_, target)| target.0);
        if let Some(easiest) = targets.max() {
            let most = easiest.saturating_mul(U256::from(6)).max(U256::ONE);
            prop_assert!(next.0 <= most);
        }
    }

    #[test]
    fn lwma_keeps_a_steady_chain_as_it_is(
        target in any_target().prop_filter("not zero", |target| !target.0.is_zero()),
        interval_ms in 1..1_000_000_u64,
        count in 1..120_u64,
        start in 0..1_u64 << 40,
    ) {
        let every = |interval_ms: u64| -> Vec<_> {
            let block = |i| (Timestamp(start + i * interval_ms), target);
            (0..=count).map(block).collect()
        };
        let after = |window: &[_]| lwma::next_target(window, interval_ms, Target::MAX);
        prop_assert_eq!(after(&every(interval_ms)), target);
        prop_assert!(after(&every(interval_ms * 2)) >= target);
        prop_assert!(after(&every(interval_ms / 2)) <= target);
    }

    #[test]
    fn lwma_answers_a_slower_last_block_with_an_easier_target(
        mut window in any_window().prop_filter("not empty", |window| !window.is_empty()),
        interval_ms in any_length(),
    ) {
        let before = lwma::next_target(&window, interval_ms, Target::MAX);
        if let Some((timestamp, _)) = window.last_mut() {
            timestamp.0 = timestamp.0.saturating_add(1);
        }
        prop_assert!(lwma::next_target(&window, interval_ms, Target::MAX) >= before);
    }
}
