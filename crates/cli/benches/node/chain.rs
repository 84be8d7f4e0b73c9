//! A chain that is there from the start: mined here, stored as a node stores it.

use std::path::Path;
use std::sync::Arc;

use forkful_core::merkle::merkle_root;
use forkful_core::{Block, Consensus, Entry, Hash, Header, Target, Timestamp};
use forkful_net::store::{ChainChange, DiskStore, Store};
use forkful_scenario::{GenesisTime, Scenario};

/// What one `Chain` message may carry.
const BATCH: usize = 500;

/// The rules of a network's file.
pub fn consensus(text: &str) -> Consensus {
    let scenario = Scenario::from_toml(text).expect("the file above is right");
    match scenario.rules.genesis_time {
        GenesisTime::At(moment) => scenario.consensus(moment),
        GenesisTime::Start => unreachable!("the file names a moment"),
    }
}

/// A block with these entries after that header.
pub fn block_after(parent: &Header, target: Target, entries: Vec<Entry>) -> Arc<Block> {
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
    Arc::new(Block { header, entries })
}

/// So many blocks, each with an entry of 32 bytes.
pub fn mine(consensus: &Consensus, target: Target, count: usize) -> Vec<Arc<Block>> {
    let mut parent = consensus.genesis().header;
    let mut blocks = Vec::with_capacity(count);
    for number in 0..count {
        let mut data = [0; 32];
        data[..8].copy_from_slice(&number.to_be_bytes());
        let block = block_after(&parent, target, vec![Entry::from(data.as_slice())]);
        parent = block.header;
        blocks.push(block);
    }
    blocks
}

/// Stores the chain in a new data directory, in durable batches.
pub fn store(directory: &Path, consensus: &Consensus, blocks: &[Arc<Block>]) {
    std::fs::create_dir_all(directory).expect("a directory");
    let mut store = DiskStore::open(directory, consensus).expect("a new store");
    for batch in blocks.chunks(BATCH) {
        let connected: Vec<Hash> = batch.iter().map(|block| block.header.hash()).collect();
        for (hash, block) in connected.iter().zip(batch) {
            store.put_block(*hash, Arc::clone(block));
        }
        store.set_chain(ChainChange {
            fork_height: batch[0].header.index - 1,
            connected,
        });
        store.commit().expect("there is room on the disk");
    }
}
