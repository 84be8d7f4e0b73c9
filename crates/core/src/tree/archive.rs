//! Bodies that the tree does not hold in memory.
//!
//! Who fills blocks decides how long bodies are, so a tree that lives for months must not hold
//! them all. Facts stay; a body goes to who stored it, and is asked for when it is needed.

use std::fmt::Debug;
use std::sync::Arc;

use crate::block::Block;
use crate::hash::Hash;
use crate::pow::ProofOfWork;
use crate::tree::{BlockId, BlockTree, Body};
use crate::wire::block_len;

/// What memory takes for a body beside its bytes, and for each of its entries: about.
const BODY_OVERHEAD: usize = 96;
const ENTRY_OVERHEAD: usize = 48;

/// Who keeps bodies for a tree.
pub trait Archive: Debug + Send + Sync {
    /// The block with this hash, its body held against its header.
    ///
    /// `None` only if it cannot be read. Nothing that follows from that may be told to anybody:
    /// whoever drives the node has to end it.
    fn block(&self, hash: &Hash) -> Option<Arc<Block>>;
}

impl<P: ProofOfWork> BlockTree<P> {
    /// The same tree, whose bodies may be [left to](Self::leave_to_archive) this archive.
    #[must_use]
    pub fn with_archive(self, archive: Option<Box<dyn Archive>>) -> Self {
        BlockTree { archive, ..self }
    }

    /// Forgets a body of which nobody makes use. The header stays, and the body may come again.
    pub fn forget_body(&mut self, id: BlockId) {
        let body = &mut self.facts[id.index()].body;
        if matches!(body, Body::Here(_)) && id != BlockId::GENESIS {
            *body = Body::Missing;
        }
    }

    /// Holds this body no longer, for the archive has it. Without an archive nothing changes.
    pub fn leave_to_archive(&mut self, id: BlockId) {
        if self.archive.is_none() || id == BlockId::GENESIS {
            return;
        }
        let body = &mut self.facts[id.index()].body;
        if let Body::Here(block) = body {
            // The limits of a block keep both within u32.
            let count = |count| u32::try_from(count).unwrap_or(u32::MAX);
            *body = Body::Archived {
                entries: count(block.entries.len()),
                bytes: count(block_len(block)),
            };
        }
    }
}

impl<P> BlockTree<P> {
    /// The whole block, once its body is here and within the limits. It may come from the archive.
    pub fn block(&self, id: BlockId) -> Option<Arc<Block>> {
        match &self.fact(id).body {
            Body::Here(block) => Some(Arc::clone(block)),
            Body::Archived { .. } => self.archive.as_ref()?.block(&self.hash(id)),
            Body::Missing | Body::Invalid => None,
        }
    }

    /// Whether the body is here.
    pub fn has_body(&self, id: BlockId) -> bool {
        matches!(self.fact(id).body, Body::Here(_) | Body::Archived { .. })
    }

    /// How many entries the block has; none while its body is not here.
    pub fn entries(&self, id: BlockId) -> usize {
        match &self.fact(id).body {
            Body::Here(block) => block.entries.len(),
            Body::Archived { entries, .. } => *entries as usize,
            Body::Missing | Body::Invalid => 0,
        }
    }

    /// What memory takes for the body, in bytes, about: short entries take more than their bytes.
    pub fn body_memory(&self, id: BlockId) -> usize {
        BODY_OVERHEAD + self.block_len(id) + ENTRY_OVERHEAD * self.entries(id)
    }

    /// The bytes of the block on the wire; none while its body is not here.
    pub fn block_len(&self, id: BlockId) -> usize {
        match &self.fact(id).body {
            Body::Here(block) => block_len(block),
            Body::Archived { bytes, .. } => *bytes as usize,
            Body::Missing | Body::Invalid => 0,
        }
    }
}
