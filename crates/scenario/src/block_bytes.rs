//! What blocks weigh on links beyond what they carry.

use forkful_core::{Hash, NodeId};

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
    missing: Option<Distribution>,
}

impl BlockBytes {
    /// Blocks that weigh as `block` says, in compact form `compact` bytes, and of which the
    /// part `missing` is asked for when that was not enough, in a run with `seed`.
    pub(crate) fn new(
        seed: u64,
        block: Option<Distribution>,
        compact: u64,
        missing: Option<Distribution>,
    ) -> Self {
        BlockBytes {
            seed: Stream::BlockBytes.seed(seed),
            block,
            compact,
            missing,
        }
    }

    /// How many bytes to add to a message with the whole body of this block.
    pub fn of(&self, hash: &Hash) -> u64 {
        match &self.block {
            None => 0,
            Some(Distribution::Constant(bytes)) => whole(*bytes),
            Some(distribution) => whole(distribution.draw(draw(self.of_block(hash), 0))),
        }
    }

    /// How many bytes to add to a message with the entries that this node lacks of a block.
    pub fn missing(&self, hash: &Hash, node: NodeId) -> u64 {
        let Some(missing) = &self.missing else {
            return 0;
        };
        // 0 is the weight of the whole.
        let part = missing.draw(draw(self.of_block(hash), node.0.wrapping_add(1)));
        whole(part * self.of(hash) as f64)
    }

    fn of_block(&self, hash: &Hash) -> u64 {
        // The last bytes, because the first are small in every block.
        let mut last = [0; 8];
        last.copy_from_slice(&hash.0[24..]);
        mix(self.seed ^ u64::from_be_bytes(last))
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
