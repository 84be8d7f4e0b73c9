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
use crate::tree::{BlockId, BlockTree};
use crate::wire::block_len;

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
        }
    }

    /// The length on the wire in bytes, given that of a block; the layout is in
    /// [`wire`](crate::wire).
    pub(crate) fn len_with(&self, block: impl Fn(&F::Block) -> usize) -> usize {
        1 + match self {
            Message::NewBlock(one) | Message::Block(one) => block(one),
            Message::Announce(_) => Header::LEN,
            Message::RequestBlock(_) | Message::NotFound(_) => 32,
            Message::RequestHeaders(locator) | Message::RequestChain(locator) => {
                4 + 32 * locator.len()
            }
            Message::NewData(entry) => 4 + entry.len(),
            Message::Headers { headers, .. } => 5 + Header::LEN * headers.len(),
            Message::Chain { blocks, .. } => 5 + blocks.iter().map(block).sum::<usize>(),
        }
    }
}

impl Message<Ids> {
    /// How many bytes the message has on the wire, without making them.
    pub fn encoded_len<P>(&self, tree: &BlockTree<P>) -> usize {
        self.len_with(|id| tree.block(*id).map_or(0, |block| block_len(block)))
    }

    /// The message as it travels. `None` if it promises a body that is not in the tree,
    /// which no node does for a block of its view.
    pub fn to_wire<P>(&self, tree: &BlockTree<P>) -> Option<Message<Wire>> {
        let block = |id: &BlockId| tree.block(*id).cloned();
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
        })
    }
}
