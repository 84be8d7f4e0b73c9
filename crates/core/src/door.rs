//! The only door through which an untrusted block becomes an id.
//!
//! Parse, don't validate: what comes out names blocks of the tree, so no code behind
//! this door can meet one that was not checked.

use std::sync::Arc;

use crate::block::{Block, Header};
use crate::hash::Hash;
use crate::message::{Ids, Message, Wire};
use crate::node::Node;
use crate::pow::ProofOfWork;
use crate::rules::RuleError;
use crate::tree::{BlockId, BlockTree};
use crate::units::Timestamp;

/// What became of a message at the door: a part that passed, a part that did not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Admitted {
    /// The message as far as it is acceptable. `None` when nothing is left of it.
    pub message: Option<Message<Ids>>,
    /// The first block that was refused. What came behind it in the message is lost too.
    pub rejected: Option<Rejection>,
}

/// A block that was refused at the door.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("block {hash}: {rule}")]
pub struct Rejection {
    /// Which.
    pub hash: Hash,
    /// The rule that it broke.
    pub rule: RuleError,
}

/// Forgets bodies that a message brought and that the node did not take: what it has no use for now
/// is asked for when there is one. For a driver whose tree is one node's own.
pub fn forget_unused<P: ProofOfWork>(tree: &mut BlockTree<P>, node: &Node, brought: &[BlockId]) {
    for id in brought {
        if !node.view().has_body(*id) {
            tree.forget_body(*id);
        }
    }
}

/// Takes the blocks of a message into the tree and names them.
///
/// Blocks that the tree does not have and that are only named cannot be served or
/// located, so they are left out of a locator, and a request for one comes out as
/// [`Admitted::message`] `None`: the caller answers [`Message::NotFound`] with
/// [`unknown_name`].
pub fn admit<P: ProofOfWork>(
    tree: &mut BlockTree<P>,
    message: Message<Wire>,
    clock: Timestamp,
) -> Admitted {
    match message {
        Message::NewBlock(block) => one(insert_block(tree, block, clock), Message::NewBlock),
        Message::Announce(header) => one(insert_header(tree, header, clock), Message::Announce),
        Message::Block(block) => one(insert_block(tree, block, clock), Message::Block),
        Message::RequestBlock(hash) => passed(tree.find(&hash).map(Message::RequestBlock)),
        Message::NotFound(hash) => passed(tree.find(&hash).map(Message::NotFound)),
        Message::RequestHeaders(locator) => {
            passed(Some(Message::RequestHeaders(known(tree, &locator))))
        }
        Message::RequestChain(locator) => {
            passed(Some(Message::RequestChain(known(tree, &locator))))
        }
        Message::NewData(entry) => passed(Some(Message::NewData(entry))),
        Message::RequestCompact(hash) => passed(tree.find(&hash).map(Message::RequestCompact)),
        Message::CompactBlock {
            header,
            nonce,
            short_ids,
        } => one(insert_header(tree, header, clock), |header| {
            Message::CompactBlock {
                header,
                nonce,
                short_ids,
            }
        }),
        Message::RequestEntries { block, indices } => {
            let named = tree.find(&block);
            passed(named.map(|block| Message::RequestEntries { block, indices }))
        }
        Message::Entries { block, entries } => {
            let named = tree.find(&block);
            passed(named.map(|block| Message::Entries { block, entries }))
        }
        Message::Headers { headers, more } => {
            let (headers, rejected) = all(headers, |header| insert_header(tree, header, clock));
            let more = more && rejected.is_none();
            Admitted {
                message: Some(Message::Headers { headers, more }),
                rejected,
            }
        }
        Message::Chain { blocks, more } => {
            let (blocks, rejected) = all(blocks, |block| insert_block(tree, block, clock));
            let more = more && rejected.is_none();
            Admitted {
                message: Some(Message::Chain { blocks, more }),
                rejected,
            }
        }
    }
}

/// The hash that a request names though the tree does not have it: the answer to such
/// a request is [`Message::NotFound`].
pub fn unknown_name<P>(tree: &BlockTree<P>, message: &Message<Wire>) -> Option<Hash> {
    let (Message::RequestBlock(hash)
    | Message::RequestCompact(hash)
    | Message::RequestEntries { block: hash, .. }) = message
    else {
        return None;
    };
    tree.find(hash).is_none().then_some(*hash)
}

fn insert_header<P: ProofOfWork>(
    tree: &mut BlockTree<P>,
    header: Header,
    clock: Timestamp,
) -> Result<BlockId, Rejection> {
    tree.insert_header(header, clock).map_err(|rule| Rejection {
        hash: header.hash(),
        rule,
    })
}

fn insert_block<P: ProofOfWork>(
    tree: &mut BlockTree<P>,
    block: Arc<Block>,
    clock: Timestamp,
) -> Result<BlockId, Rejection> {
    let header = block.header;
    tree.insert_block(block, clock).map_err(|rule| Rejection {
        hash: header.hash(),
        rule,
    })
}

fn one(
    inserted: Result<BlockId, Rejection>,
    message: impl FnOnce(BlockId) -> Message<Ids>,
) -> Admitted {
    match inserted {
        Ok(id) => passed(Some(message(id))),
        Err(rejection) => Admitted {
            message: None,
            rejected: Some(rejection),
        },
    }
}

fn passed(message: Option<Message<Ids>>) -> Admitted {
    Admitted {
        message,
        rejected: None,
    }
}

/// Inserts one after the other until one is refused.
fn all<T>(
    items: Vec<T>,
    mut insert: impl FnMut(T) -> Result<BlockId, Rejection>,
) -> (Vec<BlockId>, Option<Rejection>) {
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        match insert(item) {
            Ok(id) => ids.push(id),
            Err(rejection) => return (ids, Some(rejection)),
        }
    }
    (ids, None)
}

fn known<P>(tree: &BlockTree<P>, locator: &[Hash]) -> Vec<BlockId> {
    locator.iter().filter_map(|hash| tree.find(hash)).collect()
}
