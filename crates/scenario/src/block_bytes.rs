//! What blocks weigh on links beyond what they carry.

use forkful_core::Hash;

use crate::distribution::Distribution;
use crate::stream::{Stream, draw, mix};

/// What blocks weigh on links beyond their own length: a simulated network carries empty
/// blocks, and pays for full ones. A function of the seed and a block's hash, so that every
/// node and every world agrees.
#[derive(Clone, PartialEq, Debug)]
pub struct BlockBytes {
    seed: u64,
    block: Option<Distribution>,
    compact: u64,
}

impl BlockBytes {
    /// Blocks that weigh as `block` says, and in compact form `compact` bytes, in a run with
    /// `seed`.
    pub(crate) fn new(seed: u64, block: Option<Distribution>, compact: u64) -> Self {
        BlockBytes {
            seed: Stream::BlockBytes.seed(seed),
            block,
            compact,
        }
    }

    /// How many bytes to add to a message with the whole body of this block.
    pub fn of(&self, hash: &Hash) -> u64 {
        match &self.block {
            None => 0,
            Some(Distribution::Constant(bytes)) => whole(*bytes),
            Some(distribution) => {
                // The last bytes, because the first are small in every block.
                let mut last = [0; 8];
                last.copy_from_slice(&hash.0[24..]);
                whole(distribution.draw(draw(mix(self.seed ^ u64::from_be_bytes(last)), 0)))
            }
        }
    }

    /// How many bytes to add to a message with a block in compact form.
    pub fn compact(&self) -> u64 {
        self.compact
    }

    /// Whether any block weighs more than its own length.
    pub fn is_any(&self) -> bool {
        self.block.is_some() || self.compact > 0
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole(bytes: f64) -> u64 {
    libm::round(bytes) as u64
}
