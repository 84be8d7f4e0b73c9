//! What the store on disk takes: blocks in batches, single blocks, opening again.
//!
//! `cargo bench -p forkful-net --bench store` writes to the directory for temporary files
//! (`TMPDIR` chooses another disk). The chain is mined first, which takes most of the time.

use std::sync::Arc;
use std::time::Instant;

use forkful_core::merkle::merkle_root;
use forkful_core::{Block, Config, Consensus, Entry, Header, Honest, Target, Timestamp};
use forkful_net::actor::Participant;
use forkful_net::store::{ChainChange, DiskStore, Store};

/// What one `Chain` message may carry.
const BATCH: usize = 500;
const SINGLE: usize = 2_000;
const BLOCKS: usize = 100_000;
const ZERO_BITS: u32 = 4;
const CLOCK: Timestamp = Timestamp(1_900_000_000_000);

fn main() {
    // Cargo also runs benches as tests, with `--test`: then small.
    let quick = std::env::args().any(|arg| arg == "--test");
    let (blocks, single) = if quick {
        (2 * BATCH, 10)
    } else {
        (BLOCKS, SINGLE)
    };
    let target = Target::from_zero_bits(ZERO_BITS).expect("it is below 256");
    let consensus = Consensus::fixed(target);
    let chain = mine(&consensus, target, blocks);
    let directory = tempfile::tempdir().expect("there is a directory for temporary files");
    let path = directory.path();
    let mut store = DiskStore::open(path, &consensus).expect("a new store");
    let (batched, alone) = chain.split_at(blocks - single);
    let began = Instant::now();
    for batch in batched.chunks(BATCH) {
        keep(&mut store, batch);
    }
    rate("blocks in batches of 500", batched.len(), began);
    let began = Instant::now();
    for block in alone {
        keep(&mut store, std::slice::from_ref(block));
    }
    rate("blocks, one durable commit each", alone.len(), began);
    drop(store);
    let began = Instant::now();
    let mut store = DiskStore::open(path, &consensus).expect("it was closed");
    let opened = began.elapsed();
    let node = restore(consensus, &mut store);
    assert_eq!(node.tip().height, blocks as u64);
    println!(
        "opening {blocks} blocks again: checksums {:.2} s, reading and every rule {:.2} s",
        opened.as_secs_f64(),
        (began.elapsed() - opened).as_secs_f64(),
    );
    let bytes = std::fs::metadata(path.join(forkful_net::store::FILE_NAME));
    println!("bytes of the file: {}", bytes.expect("it is there").len());
}

fn restore(consensus: Consensus, store: &mut DiskStore) -> Participant {
    let strategy = Box::new(Honest);
    Participant::restore(consensus, Config::default(), strategy, 1, store, CLOCK)
        .expect("every block is valid")
}

fn keep(store: &mut DiskStore, blocks: &[Arc<Block>]) {
    let connected = blocks.iter().map(|block| block.header.hash());
    let connected: Vec<_> = connected.collect();
    for (hash, block) in connected.iter().zip(blocks) {
        store.put_block(*hash, Arc::clone(block));
    }
    store.set_chain(ChainChange {
        fork_height: blocks[0].header.index - 1,
        connected,
    });
    store.commit().expect("there is room on the disk");
}

/// So many blocks, each with an entry of 32 bytes.
fn mine(consensus: &Consensus, target: Target, count: usize) -> Vec<Arc<Block>> {
    let mut parent = consensus.genesis().header;
    let mut blocks = Vec::with_capacity(count);
    for number in 0..count {
        let mut data = [0; 32];
        data[..8].copy_from_slice(&number.to_be_bytes());
        let entries = vec![Entry::from(data.as_slice())];
        let mut header = Header {
            index: parent.index + 1,
            timestamp: Timestamp(parent.timestamp.0 + 1_000),
            data: merkle_root(&entries),
            previous_hash: parent.hash(),
            nonce: 0,
        };
        while !target.is_met_by(&header.hash()) {
            header.nonce += 1;
        }
        parent = header;
        blocks.push(Arc::new(Block { header, entries }));
    }
    blocks
}

fn rate(what: &str, count: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{what}: {count} in {seconds:.2} s, {:.0} per second",
        count as f64 / seconds
    );
}
