//! The power is cut at any moment, and what was acknowledged is there again.
//!
//! `FORKFUL_POWER_CUTS=50000 cargo test --release -p forkful-net --test store power_cuts` plays so
//! many; 500 otherwise.

use forkful_core::Block;
use forkful_net::store::{DiskStore, Store};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use std::sync::Arc;

use crate::chain::{self, assert_valid, consensus, entry, line, put};
use crate::disk::Disk;

const BLOCKS: usize = 24;

fn seeds() -> u64 {
    let seeds = std::env::var("FORKFUL_POWER_CUTS").ok();
    seeds.map_or(500, |seeds| seeds.parse().unwrap())
}

/// One life with one or two cuts.
///
/// # Errors
/// What was acknowledged and is not there.
fn live(seed: u64, blocks: &[Arc<Block>], empty: &[u8], lies: bool) -> Result<Life, String> {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut below = |most: u64| chance.next_u64() % most;
    // A quarter of the disks are new: then the cut may hit the first start.
    let first = if below(4) == 0 {
        Vec::new()
    } else {
        empty.to_vec()
    };
    let was_made = !first.is_empty();
    let mut disk = Disk::new(first, lies);
    disk.cut_after(u32::try_from(below(220)).unwrap());
    let mut life = Life::default();
    if let Ok(mut store) = DiskStore::with_backend(disk.clone(), &consensus()) {
        life.made = true;
        life.write(&mut store, blocks, &mut below);
    }
    disk = disk.after_the_cut(below(u64::MAX));
    if below(4) == 0 {
        life.cut_while_opening = true;
        disk.cut_after(u32::try_from(below(8)).unwrap());
        drop(DiskStore::with_backend(disk.clone(), &consensus()));
        disk = disk.after_the_cut(below(u64::MAX));
    }
    let store = match DiskStore::with_backend(disk, &consensus()) {
        Ok(store) => store,
        // A file that is not whole has not got its name yet, and is made anew.
        Err(_) if !was_made && !life.made => return Ok(life),
        Err(error) => return Err(error.to_string()),
    };
    let contents = store.contents().map_err(|error| error.to_string())?;
    let stored = chain::blocks(&store).map_err(|error| error.to_string())?;
    let there = stored.len();
    if there != life.blocks && there != life.put {
        return Err(format!(
            "{there} blocks, {} acknowledged, {} put",
            life.blocks, life.put
        ));
    }
    if stored != blocks[..there] {
        return Err("other blocks".to_owned());
    }
    let waiting = (0..there).map(|number| entry(&format!("waits {number}")));
    if contents.data != waiting.collect::<Vec<_>>() {
        return Err("other data".to_owned());
    }
    store.check().map_err(|error| error.to_string())?;
    assert_valid(&stored);
    Ok(life)
}

#[derive(Default)]
struct Life {
    /// The store was opened, or made, before the power was cut.
    made: bool,
    /// Blocks that were acknowledged.
    blocks: usize,
    /// Those, and those of the commit that the power was cut in.
    put: usize,
    cut_while_opening: bool,
}

impl Life {
    /// Commits batches until the power is cut: blocks, and data that waits beside each.
    fn write(
        &mut self,
        store: &mut DiskStore,
        blocks: &[Arc<Block>],
        below: &mut impl FnMut(u64) -> u64,
    ) {
        while self.put < blocks.len() {
            for _ in 0..=below(4) {
                if let Some(block) = blocks.get(self.put) {
                    put(store, block);
                    store.put_data(entry(&format!("waits {}", self.put)));
                    self.put += 1;
                }
            }
            if store.commit().is_err() {
                return;
            }
            self.blocks = self.put;
        }
    }
}

/// The bytes of a store in which nothing is.
fn empty() -> Vec<u8> {
    let disk = Disk::new(Vec::new(), false);
    drop(DiskStore::with_backend(disk.clone(), &consensus()).unwrap());
    disk.bytes()
}

#[test]
fn nothing_that_was_acknowledged_is_lost() {
    let (blocks, empty) = (line(BLOCKS), empty());
    let (mut within, mut opening, mut in_commit) = (0, 0, 0);
    for seed in 0..seeds() {
        let life = live(seed, &blocks, &empty, false);
        let life = life.unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        within += u64::from(life.blocks > 0 && life.blocks < blocks.len());
        opening += u64::from(life.cut_while_opening);
        in_commit += u64::from(life.put > life.blocks);
    }
    // The cuts hit what they were meant to hit.
    for (times, what) in [
        (within, "writing"),
        (opening, "opening"),
        (in_commit, "a commit"),
    ] {
        assert!(
            times * 10 > seeds(),
            "{times} of {} cuts while {what}",
            seeds()
        );
    }
}

/// The canary: the same test of a disk that says it has synced and has not must fail.
#[test]
fn a_disk_that_lies_is_caught() {
    let (blocks, empty) = (line(BLOCKS), empty());
    let caught = (0..100).filter(|seed| live(*seed, &blocks, &empty, true).is_err());
    let caught = caught.count();
    assert!(caught > 30, "{caught} of 100");
}
