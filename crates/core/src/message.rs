//! The protocol: what nodes say to each other.
//!
//! One generic [`Message`] carries it in two forms. [`Wire`] is what travels: headers,
//! whole blocks and hashes, none of which can be trusted. [`Ids`] is what a node works
//! with: blocks that are in its tree, so their proofs and rules were checked. Only
//! [`admit`](crate::door::admit) leads from the first to the second.

use std::fmt::Debug;
use std::sync::Arc;

use crate::block::{Block, Entry, Header};
use crate::event::MessageKind;
use crate::hash::Hash;
use crate::short_id::ShortId;
use crate::tree::{BlockId, BlockTree};

/// How a message carries blocks.
pub trait Form {
    /// A block with its body.
    type Block: Clone + PartialEq + Eq + Debug;
    /// A header alone.
    type Header: Clone + PartialEq + Eq + Debug;
    /// A block that is only named.
    type Name: Clone + PartialEq + Eq + Debug;
}

/// As messages travel. A block is shared, not copied, when many peers get it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wire;

impl Form for Wire {
    type Block = Arc<Block>;
    type Header = Header;
    type Name = Hash;
}

/// As nodes read and write them: blocks of their own tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ids;

impl Form for Ids {
    type Block = BlockId;
    type Header = BlockId;
    type Name = BlockId;
}

/// What one node says to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message<F: Form> {
    /// Here is a new block, unasked.
    NewBlock(F::Block),
    /// I have this block. Only its header travels.
    Announce(F::Header),
    /// Send me this block.
    RequestBlock(F::Name),
    /// The block that you asked for.
    Block(F::Block),
    /// I do not have the block that you asked for.
    NotFound(F::Name),
    /// Send me the headers after the last block of this locator that you have, up to
    /// your tip.
    RequestHeaders(Vec<F::Name>),
    /// Headers that you asked for, parents first.
    Headers {
        /// The headers.
        headers: Vec<F::Header>,
        /// More would follow if you ask on.
        more: bool,
    },
    /// Send me the blocks after the last block of this locator that you have, up to
    /// your tip. An empty locator asks for the full chain.
    RequestChain(Vec<F::Name>),
    /// Blocks that you asked for, parents first.
    Chain {
        /// The blocks.
        blocks: Vec<F::Block>,
        /// More would follow if you ask on.
        more: bool,
    },
    /// Somebody wants this on the chain: mine it, whoever is first.
    NewData(Entry),
    /// Send me this block by the names of its entries: I may have them.
    RequestCompact(F::Name),
    /// The block that you asked for, by the names of its entries.
    CompactBlock {
        /// Its header.
        header: F::Header,
        /// What makes the key of the short ids, with the header.
        nonce: u64,
        /// The names of its entries, in order.
        short_ids: Arc<[ShortId]>,
    },
    /// Of this block I lack the entries in these places.
    RequestEntries {
        /// The block.
        block: F::Name,
        /// Places in the block, from 0, rising.
        indices: Vec<u32>,
    },
    /// The entries that you asked for.
    Entries {
        /// The block.
        block: F::Name,
        /// Its entries in the places that were asked for.
        entries: Vec<Entry>,
    },
}

impl<F: Form> Message<F> {
    /// What kind of message it is.
    pub fn kind(&self) -> MessageKind {
        match self {
            Message::NewBlock(_) => MessageKind::NewBlock,
            Message::Announce(_) => MessageKind::Announce,
            Message::RequestBlock(_) => MessageKind::RequestBlock,
            Message::Block(_) => MessageKind::Block,
            Message::NotFound(_) => MessageKind::NotFound,
            Message::RequestHeaders(_) => MessageKind::RequestHeaders,
            Message::Headers { .. } => MessageKind::Headers,
            Message::RequestChain(_) => MessageKind::RequestChain,
            Message::Chain { .. } => MessageKind::Chain,
            Message::NewData(_) => MessageKind::NewData,
            Message::RequestCompact(_) => MessageKind::RequestCompact,
            Message::CompactBlock { .. } => MessageKind::CompactBlock,
            Message::RequestEntries { .. } => MessageKind::RequestEntries,
            Message::Entries { .. } => MessageKind::Entries,
        }
    }

    /// The whole blocks that it brings.
    pub fn bodies(&self) -> &[F::Block] {
        match self {
            Message::NewBlock(block) | Message::Block(block) => std::slice::from_ref(block),
            Message::Chain { blocks, .. } => blocks,
            _ => &[],
        }
    }

    /// The length on the wire in bytes, given that of a block; the layout is in
    /// [`wire`](crate::wire).
    pub(crate) fn len_with(&self, block: impl Fn(&F::Block) -> usize) -> usize {
        1 + match self {
            Message::NewBlock(one) | Message::Block(one) => block(one),
            Message::Announce(_) => Header::LEN,
            Message::RequestBlock(_) | Message::NotFound(_) | Message::RequestCompact(_) => 32,
            Message::RequestHeaders(locator) | Message::RequestChain(locator) => {
                4 + 32 * locator.len()
            }
            Message::NewData(entry) => 4 + entry.len(),
            Message::Headers { headers, .. } => 5 + Header::LEN * headers.len(),
            Message::Chain { blocks, .. } => 5 + blocks.iter().map(block).sum::<usize>(),
            Message::CompactBlock { short_ids, .. } => {
                Header::LEN + 12 + ShortId::LEN * short_ids.len()
            }
            Message::RequestEntries { indices, .. } => 36 + 4 * indices.len(),
            Message::Entries { entries, .. } => {
                36 + entries.iter().map(|entry| 4 + entry.len()).sum::<usize>()
            }
        }
    }
}

impl Message<Ids> {
    /// How many bytes the message has on the wire, without making them.
    pub fn encoded_len<P>(&self, tree: &BlockTree<P>) -> usize {
        self.len_with(|id| tree.block_len(*id))
    }

    /// The message as it travels. `None` if it promises a body that is not in the tree,
    /// which no node does for a block of its view.
    pub fn to_wire<P>(&self, tree: &BlockTree<P>) -> Option<Message<Wire>> {
        let block = |id: &BlockId| tree.block(*id);
        let header = |id: &BlockId| *tree.header(*id);
        let names = |ids: &[BlockId]| ids.iter().map(|id| tree.hash(*id)).collect();
        Some(match self {
            Message::NewBlock(id) => Message::NewBlock(block(id)?),
            Message::Announce(id) => Message::Announce(header(id)),
            Message::RequestBlock(id) => Message::RequestBlock(tree.hash(*id)),
            Message::Block(id) => Message::Block(block(id)?),
            Message::NotFound(id) => Message::NotFound(tree.hash(*id)),
            Message::RequestHeaders(locator) => Message::RequestHeaders(names(locator)),
            Message::Headers { headers, more } => Message::Headers {
                headers: headers.iter().map(header).collect(),
                more: *more,
            },
            Message::RequestChain(locator) => Message::RequestChain(names(locator)),
            Message::Chain { blocks, more } => Message::Chain {
                blocks: blocks.iter().map(block).collect::<Option<_>>()?,
                more: *more,
            },
            Message::NewData(entry) => Message::NewData(Arc::clone(entry)),
            Message::RequestCompact(id) => Message::RequestCompact(tree.hash(*id)),
            Message::CompactBlock {
                header: id,
                nonce,
                short_ids,
            } => Message::CompactBlock {
                header: header(id),
                nonce: *nonce,
                short_ids: Arc::clone(short_ids),
            },
            Message::RequestEntries { block, indices } => Message::RequestEntries {
                block: tree.hash(*block),
                indices: indices.clone(),
            },
            Message::Entries { block, entries } => Message::Entries {
                block: tree.hash(*block),
                entries: entries.clone(),
            },
        })
    }
}
