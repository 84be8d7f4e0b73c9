//! Bytes of the file are changed behind the store's back.

use std::time::Instant;

use forkful_net::store::{DiskStore, Store, StoreError};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::chain::{self, consensus, entry, hashes, line, put};
use crate::disk::Disk;

/// Opens these bytes, and says whether all that was stored is there. An error is as good; a chain
/// that breaks a rule, or a block that was never stored, is not.
fn open(bytes: Vec<u8>, stored: &[forkful_core::Hash]) -> Option<usize> {
    let opened = DiskStore::with_backend(Disk::new(bytes, false), &consensus())
        .and_then(|store| chain::blocks(&store).map(|blocks| (store, blocks)));
    match opened.and_then(|(store, blocks)| store.contents().map(|_| (store, blocks))) {
        Ok((mut store, blocks)) => {
            chain::participant(&mut store).unwrap();
            let hashes = hashes(&blocks);
            assert_eq!(hashes, stored[..hashes.len()]);
            Some(hashes.len())
        }
        Err(StoreError::Damaged { .. } | StoreError::Io { .. }) => None,
        Err(StoreError::Format { .. } | StoreError::Foreign { .. }) => None,
        Err(error) => panic!("{error:?}"),
    }
}

fn stored() -> (Vec<u8>, Vec<forkful_core::Hash>) {
    let disk = Disk::new(Vec::new(), false);
    let mut store = DiskStore::with_backend(disk.clone(), &consensus()).unwrap();
    for block in line(12) {
        put(&mut store, &block);
        store.put_data(entry(&format!("waits {}", block.header.index)));
        store.commit().unwrap();
    }
    let stored = hashes(&chain::blocks(&store).unwrap());
    drop(store);
    (disk.bytes(), stored)
}

/// Every part of the file that is not empty is hit; which bit of it, chance says.
#[test]
fn a_changed_byte_is_an_error_or_changes_nothing() {
    let (bytes, hashes) = stored();
    assert_eq!(open(bytes.clone(), &hashes), Some(hashes.len()));
    let written = (0..bytes.len()).filter(|at| bytes[*at] != 0);
    let written: Vec<_> = written.collect();
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(4);
    let (mut refused, mut whole) = (0, 0);
    let step = if std::env::var_os("FORKFUL_EVERY_BYTE").is_some() {
        1
    } else {
        16
    };
    for at in written.iter().step_by(step) {
        let mut damaged = bytes.clone();
        damaged[*at] ^= 1 << (chance.next_u64() % 8);
        let began = Instant::now();
        match open(damaged, &hashes) {
            Some(_) => whole += 1,
            None => refused += 1,
        }
        assert!(
            began.elapsed().as_secs() < 5,
            "byte {at} took {:?}",
            began.elapsed()
        );
    }
    assert!(refused > 0 && refused + whole == written.len().div_ceil(step));
}

#[test]
fn a_file_that_was_cut_off_is_an_error_or_a_chain() {
    let (bytes, hashes) = stored();
    for length in (0..bytes.len()).step_by(bytes.len() / 64 + 1) {
        open(bytes[..length].to_vec(), &hashes);
    }
}
