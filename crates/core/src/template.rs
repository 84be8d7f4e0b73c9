//! What a miner works on.

use crate::block::{Block, Entry, Header};
use crate::target::Target;
use crate::tree::BlockId;
use crate::units::Timestamp;

/// A block that lacks nothing but its proof of work.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// The block it builds on.
    pub parent: BlockId,
    /// The header; its nonce is zero, and its timestamp may be raised while the search
    /// goes on, for no rule of a chain depends on the new block's own timestamp.
    pub header: Header,
    /// What the hash has to meet.
    pub target: Target,
    /// The entries that the header commits to.
    pub entries: Vec<Entry>,
}

impl Template {
    /// The block, once a nonce and timestamp were found whose hash meets the target.
    pub fn into_block(mut self, timestamp: Timestamp, nonce: u64) -> Block {
        self.header.timestamp = timestamp;
        self.header.nonce = nonce;
        Block {
            header: self.header,
            entries: self.entries,
        }
    }
}
