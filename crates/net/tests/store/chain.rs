//! Small chains to be stored.

use std::ops::ControlFlow;
use std::sync::Arc;

use forkful_core::merkle::merkle_root;
use forkful_core::{
    Block, BlockTree, Config, Consensus, Entry, Hash, Header, Honest, Sha256Pow, Target, Timestamp,
};
use forkful_net::actor::Participant;
use forkful_net::participant::RestoreError;
use forkful_net::store::{ChainChange, Store, StoreError};

pub const CLOCK: Timestamp = Timestamp(1_800_000_000_000);

pub fn consensus() -> Consensus {
    Consensus::fixed(Target::from_zero_bits(4).unwrap())
}

pub fn entry(text: &str) -> Entry {
    Entry::from(text.as_bytes())
}

/// A valid block on this one.
pub fn on(parent: &Block, entries: Vec<Entry>) -> Arc<Block> {
    let mut header = Header {
        index: parent.header.index + 1,
        timestamp: Timestamp(parent.header.timestamp.0 + 1_000),
        data: merkle_root(&entries),
        previous_hash: parent.header.hash(),
        nonce: 0,
    };
    let target = Target::from_zero_bits(4).unwrap();
    while !target.is_met_by(&header.hash()) {
        header.nonce += 1;
    }
    Arc::new(Block { header, entries })
}

/// So many blocks on genesis, each with one entry of its own.
pub fn line(length: usize) -> Vec<Arc<Block>> {
    let mut tip = Arc::new(consensus().genesis());
    let mut blocks = Vec::new();
    for number in 0..length {
        tip = on(&tip, vec![entry(&format!("block {number}"))]);
        blocks.push(Arc::clone(&tip));
    }
    blocks
}

/// Puts the block as a node does: it, and the active chain that ends with it.
pub fn put(store: &mut dyn Store, block: &Arc<Block>) {
    let hash = block.header.hash();
    store.put_block(hash, Arc::clone(block));
    store.set_chain(ChainChange {
        fork_height: block.header.index - 1,
        connected: vec![hash],
    });
}

/// Every block that is stored, in order.
pub fn blocks(store: &dyn Store) -> Result<Vec<Arc<Block>>, StoreError> {
    let mut blocks = Vec::new();
    store.blocks(&mut |block| {
        blocks.push(block);
        ControlFlow::Continue(())
    })?;
    Ok(blocks)
}

/// None of them breaks a rule.
pub fn assert_valid(blocks: &[Arc<Block>]) {
    let mut tree = BlockTree::new(consensus(), Sha256Pow);
    for block in blocks {
        tree.insert_block(Arc::clone(block), CLOCK).unwrap();
    }
}

/// The node that comes back with what is stored.
pub fn participant(store: &mut dyn Store) -> Result<Participant, RestoreError> {
    let strategy = Box::new(Honest);
    Participant::restore(consensus(), Config::default(), strategy, 1, store, CLOCK)
}

pub fn hashes(blocks: &[Arc<Block>]) -> Vec<Hash> {
    let blocks = blocks.iter();
    blocks.map(|block| block.header.hash()).collect()
}
