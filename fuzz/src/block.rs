//! Bytes that claim to be a block, as they stand in messages and in stores.

#[allow(dead_code, reason = "a part of it is asked here")]
#[path = "../../crates/core/tests/support/spec.rs"]
mod spec;

use std::sync::Arc;

use forkful_core::rules::RuleError;
use forkful_core::wire::block_len;
use forkful_core::{Block, BlockTree, Consensus, Header, Message, Sha256Pow, Target, Timestamp};

use spec::Spec;

/// A block has one encoding only, is the same in a message, and enters a tree only if it keeps the
/// rules as they are written a second time.
pub fn check(bytes: &[u8]) {
    let block = match Block::from_bytes(bytes) {
        Ok(block) => Arc::new(block),
        Err(_) => return,
    };
    assert_eq!(
        block.to_bytes(),
        bytes,
        "another encoding of the same block"
    );
    assert_eq!(block_len(&block), bytes.len());
    let message = [&[4], bytes].concat();
    assert_eq!(
        Message::decode(&message),
        Ok(Message::Block(Arc::clone(&block)))
    );
    assert_eq!(Header::from_bytes(&block.header.to_bytes()), block.header);
    assert_eq!(block.header.hash(), spec::header_hash(&block.header));
    let matches = block.header.data == spec::merkle(&block.entries);
    assert_eq!(block.body_matches(), matches);
    says_its_network(&block);
    enters_a_tree(&block);
}

/// The first entry of a genesis says the rules; they have one spelling only.
fn says_its_network(block: &Block) {
    let Some(Ok(text)) = block.entries.first().map(|text| std::str::from_utf8(text)) else {
        return;
    };
    if let Ok(consensus) = Consensus::from_canonical_text(text) {
        assert_eq!(consensus.canonical_text(), text);
        if consensus.check().is_ok() {
            let tree = BlockTree::new(consensus, Sha256Pow);
            assert_eq!(tree.ids().count(), 1);
        }
    }
}

fn enters_a_tree(block: &Arc<Block>) {
    // Half of all hashes will do.
    let consensus = Consensus {
        entries_max: 4,
        body_bytes_max: 1_000,
        ..Consensus::fixed(Target::from_zero_bits(1).expect("one bit is valid"))
    };
    let clock = Timestamp(consensus.genesis_time.0 + 3_600_000);
    let mut tree = BlockTree::new(consensus.clone(), Sha256Pow);
    match tree.insert_block(Arc::clone(block), clock) {
        // Genesis itself is there already.
        Ok(id) if id.index() == 0 => {}
        Ok(id) => {
            Spec::new(&consensus).insert(block, clock.0);
            assert_eq!(tree.block(id).as_ref(), Some(block));
            assert_eq!(tree.hash(id), spec::header_hash(&block.header));
        }
        Err(RuleError::UnknownParent(parent)) => {
            assert_eq!(parent, block.header.previous_hash);
            assert!(tree.find(&parent).is_none());
        }
        Err(_) => {}
    }
}
