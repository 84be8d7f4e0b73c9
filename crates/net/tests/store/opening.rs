//! A store is closed, and opened again: by the same node, and by the wrong one.

use std::path::Path;
use std::sync::Arc;

use forkful_core::{Block, Consensus, Target};
use forkful_net::store::{Blob, ChainChange, DiskStore, FILE_NAME, MemoryStore, Store, StoreError};

use crate::chain::{self, consensus, entry, line, on, put};

fn open(directory: &Path) -> DiskStore {
    DiskStore::open(directory, &consensus()).unwrap()
}

#[test]
fn what_was_committed_is_there_again_and_what_was_only_put_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let blocks = line(3);
    let mut store = open(directory.path());
    put(&mut store, &blocks[0]);
    put(&mut store, &blocks[1]);
    store.put_data(entry("waits"));
    store.put_withheld(blocks[1].header.hash());
    store.commit().unwrap();
    store.save(Blob::Bans, b"nobody").unwrap();
    put(&mut store, &blocks[2]);
    drop(store);

    let mut store = open(directory.path());
    let contents = store.contents().unwrap();
    assert_eq!(chain::blocks(&store).unwrap(), blocks[..2]);
    assert_eq!(contents.data, [entry("waits")]);
    assert_eq!(contents.withheld, [blocks[1].header.hash()]);
    assert_eq!(store.load(Blob::Bans).unwrap().unwrap(), b"nobody");
    assert_eq!(store.load(Blob::Addresses).unwrap(), None);
    assert_eq!(store.check().unwrap(), 2);
    let node = chain::participant(&mut store).unwrap();
    assert_eq!(node.tip().hash, blocks[1].header.hash());
}

#[test]
fn a_secret_that_was_published_is_none_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let hash = line(1)[0].header.hash();
    store.put_withheld(hash);
    store.commit().unwrap();
    store.set_published(&hash);
    store.commit().unwrap();
    drop(store);
    assert!(
        open(directory.path())
            .contents()
            .unwrap()
            .withheld
            .is_empty()
    );
}

/// Data is mined, and a reorg takes it off the chain again.
fn mined_and_taken_off(store: &mut dyn Store) -> [Arc<Block>; 3] {
    let genesis = consensus().genesis();
    store.put_data(entry("mine me"));
    store.put_data(entry("mine me"));
    let mined = on(&genesis, vec![entry("mine me")]);
    put(store, &mined);
    store.commit().unwrap();
    assert!(store.contents().unwrap().data.is_empty());

    let first = on(&genesis, vec![]);
    let second = on(&first, vec![]);
    for block in [&first, &second] {
        store.put_block(block.header.hash(), block.clone());
    }
    store.set_chain(ChainChange {
        fork_height: 0,
        connected: [&first, &second].map(|block| block.header.hash()).into(),
    });
    store.commit().unwrap();
    [mined, first, second]
}

#[test]
fn data_is_kept_until_it_is_mined_and_again_when_a_reorg_takes_it_off_the_chain() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let blocks = mined_and_taken_off(&mut store);
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.check().unwrap(), 2);
    let mut memory = MemoryStore::default();
    assert_eq!(mined_and_taken_off(&mut memory), blocks);
    for store in [&store as &dyn Store, &memory] {
        let contents = store.contents().unwrap();
        assert_eq!(contents.data, [entry("mine me")]);
        assert_eq!(contents.tip, Some(blocks[2].header.hash()));
        assert_eq!(chain::blocks(store).unwrap(), blocks);
    }
}

#[test]
fn data_that_was_given_up_is_kept_no_longer() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = open(directory.path());
    let (given_up, waits) = (entry("nobody mines me"), entry("somebody may"));
    store.put_data(given_up.clone());
    store.put_data(waits.clone());
    store.commit().unwrap();
    store.remove_data(&forkful_core::sha256(&given_up));
    store.commit().unwrap();
    drop(store);
    assert_eq!(open(directory.path()).contents().unwrap().data, [waits]);
}

#[test]
fn a_store_that_is_in_use_is_not_opened_twice() {
    let directory = tempfile::tempdir().unwrap();
    let _first = open(directory.path());
    let second = DiskStore::open(directory.path(), &consensus());
    assert!(matches!(second, Err(StoreError::InUse(_))), "{second:?}");
}

#[test]
fn another_networks_store_is_refused_and_both_networks_are_named() {
    let directory = tempfile::tempdir().unwrap();
    drop(open(directory.path()));
    let other = Consensus::fixed(Target::from_zero_bits(5).unwrap());
    let error = DiskStore::open(directory.path(), &other).unwrap_err();
    let text = error.to_string();
    for genesis in [consensus().genesis(), other.genesis()] {
        assert!(text.contains(&genesis.header.hash().to_string()), "{text}");
    }
    // And it is as it was.
    open(directory.path());
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let text = "somebody's diary ".repeat(1_000);
    std::fs::write(&path, &text).unwrap();
    let error = DiskStore::open(directory.path(), &consensus()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn a_directory_that_is_not_there_is_an_error_with_the_path() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("nowhere");
    let error = DiskStore::open(&nowhere, &consensus()).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error:?}");
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[test]
fn a_store_that_was_never_finished_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("forkful.redb.new"), [0; 100_000]).unwrap();
    assert!(chain::blocks(&open(directory.path())).unwrap().is_empty());
    assert!(!directory.path().join("forkful.redb.new").exists());
}
