//! The Merkle tree hash of RFC 6962, over the entries of a block.
//!
//! A list of entries is summed up in one hash, so that a header is small whatever its
//! block carries, and one entry can be shown to be in the list with about log2(n) hashes.
//!
//! ```text
//!                root = node(n01, l2)          leaf(e)    = SHA-256(0x00 || e)
//!               /                    \         node(l, r) = SHA-256(0x01 || l || r)
//!        n01 = node(l0, l1)           \        no entries = SHA-256("")
//!         /             \              \
//!   l0 = leaf(e0)   l1 = leaf(e1)   l2 = leaf(e2)
//! ```
//!
//! A list of n > 1 entries is split after the largest power of two below n, so the left
//! side is always full. Nothing is ever duplicated to fill a level, which is how
//! Bitcoin's tree came to give two different lists one root (CVE-2012-2459).

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hash::Hash;

/// A tree of at most 2^64 entries is at most 64 levels deep.
const PATH_LENGTH_MAX: usize = 64;

/// What goes in front of an entry, and of a pair of hashes. Without the difference, the 64
/// bytes of two hashes could be shown as an entry of a shorter list with the same root.
const LEAF_PREFIX: [u8; 1] = [0x00];
const NODE_PREFIX: [u8; 1] = [0x01];

/// The root of no entries: SHA-256 of nothing (RFC 6962 section 2.1). A constant, because
/// most blocks of most simulations are empty.
const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// The Merkle tree hash of `entries`: one SHA-256 of each, and of each pair on the way up.
///
/// # Consensus
/// RFC 6962 section 2.1. Every list has its own root: with one entry changed, moved, added
/// or left out the root is another one.
pub fn merkle_root<T: AsRef<[u8]>>(entries: &[T]) -> Hash {
    // The roots of the full subtrees seen so far, largest first: as many as there are
    // one bits in the count of entries, so at most 64.
    let mut full: Vec<Hash> = Vec::new();
    for (before, entry) in entries.iter().enumerate() {
        let mut hash = leaf_hash(entry.as_ref());
        // As adding one to `before` carries, so does each full pair become one subtree.
        for _ in 0..before.trailing_ones() {
            if let Some(left) = full.pop() {
                hash = node_hash(&left, &hash);
            }
        }
        full.push(hash);
    }
    // The smallest subtree is the rightmost.
    let root = full
        .into_iter()
        .rev()
        .reduce(|right, left| node_hash(&left, &right));
    root.unwrap_or(EMPTY_ROOT)
}

/// The hash of one entry, as it stands at the bottom of the tree.
///
/// # Consensus
/// RFC 6962 section 2.1: SHA-256(0x00 || entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let hasher = Sha256::new().chain_update(LEAF_PREFIX).chain_update(entry);
    Hash(hasher.finalize().into())
}

fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let hasher = Sha256::new()
        .chain_update(NODE_PREFIX)
        .chain_update(left.as_bytes())
        .chain_update(right.as_bytes());
    Hash(hasher.finalize().into())
}

/// The hashes that lead from one entry to the root.
///
/// What it proves is that the entry is in the list behind the root. `index` and `count`
/// say how to combine the hashes; the root commits to the shape of the path only, so
/// several pairs can fit one path (entry 0 of 3 and entry 0 of 4, for one). Take the
/// number of entries from the block, not from the proof, where it matters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InclusionProof {
    /// Where the entry stands, from zero.
    pub index: u64,
    /// How many entries the list has.
    pub count: u64,
    /// The sibling of the entry, then of each node above it, upwards.
    pub path: Vec<Hash>,
}

/// Why an inclusion proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// An empty list includes nothing.
    #[error("an empty list has no entry to prove")]
    EmptyTree,
    /// The list has no such entry.
    #[error("entry {index} of a list of {count}")]
    IndexOutOfRange {
        /// The entry asked for, from zero.
        index: u64,
        /// How many entries there are.
        count: u64,
    },
    /// More hashes than there are levels between the entry and the root.
    #[error("more hashes than levels in the tree")]
    PathTooLong,
    /// Fewer hashes than there are levels between the entry and the root.
    #[error("fewer hashes than levels in the tree")]
    PathTooShort,
    /// The hashes lead to another root: not this entry, not here, or not in this list.
    #[error("the path leads to another root")]
    WrongRoot,
}

impl InclusionProof {
    /// The proof that `entries[index]` is among `entries`; `None` when there is no such entry.
    ///
    /// RFC 6962 section 2.1.1. Hashes every entry but the one asked for, once.
    pub fn of<T: AsRef<[u8]>>(entries: &[T], index: u64) -> Option<InclusionProof> {
        let mut at = usize::try_from(index).ok()?;
        if at >= entries.len() {
            return None;
        }
        // From the root down: keep the side with the entry, note the hash of the other.
        let mut path = Vec::new();
        let mut side = entries;
        while side.len() > 1 {
            // The largest power of two below the length.
            let (left, right) = side.split_at(1 << (side.len() - 1).ilog2());
            if at < left.len() {
                path.push(merkle_root(right));
                side = left;
            } else {
                path.push(merkle_root(left));
                at -= left.len();
                side = right;
            }
        }
        path.reverse();
        Some(InclusionProof {
            index,
            count: entries.len() as u64,
            path,
        })
    }

    /// Checks that `entry` is in the list that `root` stands for.
    ///
    /// # Consensus
    /// RFC 9162 section 2.1.3.2. Costs at most 65 hashes, whatever the proof says.
    ///
    /// # Errors
    /// One [`ProofError`] for each way to fail.
    pub fn verify(&self, entry: &[u8], root: &Hash) -> Result<(), ProofError> {
        let &InclusionProof { index, count, .. } = self;
        let last = count.checked_sub(1).ok_or(ProofError::EmptyTree)?;
        if index > last {
            return Err(ProofError::IndexOutOfRange { index, count });
        }
        if self.path.len() > PATH_LENGTH_MAX {
            return Err(ProofError::PathTooLong);
        }

        // Our node and the last node of the level that has been reached, from the left.
        let (mut ours, mut last) = (index, last);
        let mut hash = leaf_hash(entry);
        for sibling in &self.path {
            if last == 0 {
                return Err(ProofError::PathTooLong);
            }
            if ours & 1 == 1 || ours == last {
                hash = node_hash(sibling, &hash);
                // The last node of a level with an odd number has no sibling there: it
                // moves up alone, to the first level where it is on the right.
                while ours & 1 == 0 && ours != 0 {
                    ours >>= 1;
                    last >>= 1;
                }
            } else {
                hash = node_hash(&hash, sibling);
            }
            ours >>= 1;
            last >>= 1;
        }
        if last != 0 {
            return Err(ProofError::PathTooShort);
        }
        if hash != *root {
            return Err(ProofError::WrongRoot);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256;

    fn pair_of(left: Hash, right: Hash) -> Vec<u8> {
        [left.0, right.0].concat()
    }

    #[test]
    fn small_trees_have_the_shape_of_the_rfc() {
        let [a, b, c] = [b"a", b"b", b"c"].map(|entry| leaf_hash(entry));
        assert_eq!(merkle_root::<&[u8]>(&[]), sha256(b""));
        assert_eq!(leaf_hash(b"a"), sha256(b"\0a"));
        assert_eq!(merkle_root(&["a"]), a);
        assert_eq!(merkle_root(&["a", "b"]), node_hash(&a, &b));
        let root = node_hash(&node_hash(&a, &b), &c);
        assert_eq!(merkle_root(&["a", "b", "c"]), root);
    }

    #[test]
    fn repeating_the_last_entry_changes_the_root() {
        let root = merkle_root(&["a", "b", "c"]);
        assert_ne!(root, merkle_root(&["a", "b", "c", "c"]));
        assert_ne!(root, merkle_root(&["a", "b", "c", "a", "b", "c"]));
    }

    #[test]
    fn a_node_cannot_be_shown_as_an_entry() {
        let [a, b, c, d] = [b"a", b"b", b"c", b"d"].map(|entry| leaf_hash(entry));
        let root = merkle_root(&["a", "b", "c", "d"]);

        // One level up, the tree looks like a list of two entries of 64 bytes each.
        let shorter = [pair_of(a, b), pair_of(c, d)];
        assert_ne!(merkle_root(&shorter), root);
        let forged = InclusionProof {
            index: 0,
            count: 2,
            path: vec![node_hash(&c, &d)],
        };
        let with_prefix = [&NODE_PREFIX[..], &shorter[0]].concat();
        for entry in [&shorter[0], &with_prefix] {
            assert_eq!(forged.verify(entry, &root), Err(ProofError::WrongRoot));
        }
    }

    #[test]
    fn each_failing_has_its_own_error() {
        let entries = ["a", "b", "c", "d", "e"];
        let root = merkle_root(&entries);
        let good = InclusionProof::of(&entries, 1).unwrap();
        let failing = |change: fn(&mut InclusionProof)| {
            let mut proof = good.clone();
            change(&mut proof);
            proof.verify(b"b", &root).unwrap_err()
        };

        assert_eq!(good.verify(b"b", &root), Ok(()));
        assert_eq!(good.verify(b"a", &root), Err(ProofError::WrongRoot));
        assert_eq!(failing(|proof| proof.count = 0), ProofError::EmptyTree);
        let beyond = ProofError::IndexOutOfRange { index: 5, count: 5 };
        assert_eq!(failing(|proof| proof.index = 5), beyond);
        assert_eq!(failing(|proof| proof.index = 0), ProofError::WrongRoot);
        let longer = failing(|proof| proof.path.push(Hash::ZERO));
        assert_eq!(longer, ProofError::PathTooLong);
        let far_longer = failing(|proof| proof.path.resize(65, Hash::ZERO));
        assert_eq!(far_longer, ProofError::PathTooLong);
        let shorter = failing(|proof| proof.path.truncate(2));
        assert_eq!(shorter, ProofError::PathTooShort);
        let swapped = failing(|proof| proof.path.swap(0, 1));
        assert_eq!(swapped, ProofError::WrongRoot);
    }

    #[test]
    fn there_is_no_proof_for_an_entry_that_is_not_there() {
        assert_eq!(InclusionProof::of::<&[u8]>(&[], 0), None);
        assert_eq!(InclusionProof::of(&["a", "b"], 2), None);
        assert_eq!(InclusionProof::of(&["a", "b"], u64::MAX), None);
    }

    #[test]
    fn the_root_does_not_fix_the_count() {
        let three = ["a", "b", "c"];
        let mut proof = InclusionProof::of(&three, 0).unwrap();
        proof.count = 4;
        assert_eq!(proof.verify(b"a", &merkle_root(&three)), Ok(()));
    }

    #[test]
    fn the_largest_tree_takes_a_path_of_64_hashes() {
        let mut proof = InclusionProof {
            index: u64::MAX - 1,
            count: u64::MAX,
            path: vec![Hash::ZERO; 64],
        };
        // The last entry of an odd list moves up alone once: one hash fewer.
        let wrong_length = proof.verify(b"", &Hash::ZERO);
        assert_eq!(wrong_length, Err(ProofError::PathTooLong));
        proof.index = 0;
        let right_length = proof.verify(b"", &Hash::ZERO);
        assert_eq!(right_length, Err(ProofError::WrongRoot));
    }
}
