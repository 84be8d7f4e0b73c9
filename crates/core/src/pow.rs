//! What proves the work: a type parameter of the tree.

use crate::hash::Hash;
use crate::target::Target;

/// How a tree checks that the work of a block was done.
///
/// Real worlds use [`Sha256Pow`]. The simulator has a lottery with the same statistics
/// in its own crate, so that a real node cannot be built with it by mistake.
pub trait ProofOfWork {
    /// Whether `hash`, the SHA-256 of a header, proves the work that `target` asks for.
    fn is_done(&self, hash: &Hash, target: &Target) -> bool;
}

/// Real proof of work: the hash is at or below the target.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sha256Pow;

impl ProofOfWork for Sha256Pow {
    fn is_done(&self, hash: &Hash, target: &Target) -> bool {
        target.is_met_by(hash)
    }
}
