//! Blocks: the header that is hashed, and the entries that it commits to.
//!
//! ```text
//! hash = SHA-256( index || timestamp || data || previous_hash || nonce )
//!          bytes  0..8     8..16        16..48   48..80           80..88
//! ```
//!
//! Fixed width and big-endian, because anything else is malleable: with concatenated
//! decimal text, index 7 at time 170 and index 71 at time 70 have one hash, and one
//! proof of work serves both.

use std::sync::Arc;

use crate::hash::{Hash, sha256};
use crate::merkle::merkle_root;
use crate::units::Timestamp;

/// One piece of data on the chain: opaque bytes, shared instead of copied.
pub type Entry = Arc<[u8]>;

/// What a block's hash covers: 88 bytes, whatever the block carries.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Header {
    /// The height of the block: genesis is 0, every other its parent's plus one.
    pub index: u64,
    /// When its miner says that it was mined.
    pub timestamp: Timestamp,
    /// The commitment to the entries: their RFC 6962 Merkle tree hash.
    pub data: Hash,
    /// The parent's hash.
    pub previous_hash: Hash,
    /// What the miner varied until the hash met the target.
    pub nonce: u64,
}

impl Header {
    /// The length of a header in bytes.
    pub const LEN: usize = 88;

    /// The 88 bytes that are hashed and sent.
    pub fn to_bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[0..8].copy_from_slice(&self.index.to_be_bytes());
        bytes[8..16].copy_from_slice(&self.timestamp.0.to_be_bytes());
        bytes[16..48].copy_from_slice(&self.data.0);
        bytes[48..80].copy_from_slice(&self.previous_hash.0);
        bytes[80..88].copy_from_slice(&self.nonce.to_be_bytes());
        bytes
    }

    /// The header that the 88 bytes spell. Every 88 bytes spell exactly one.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        Header {
            index: u64::from_be_bytes(array(bytes, 0)),
            timestamp: Timestamp(u64::from_be_bytes(array(bytes, 8))),
            data: Hash(array(bytes, 16)),
            previous_hash: Hash(array(bytes, 48)),
            nonce: u64::from_be_bytes(array(bytes, 80)),
        }
    }

    /// SHA-256 of the 88 bytes: the identity of the block and its proof of work.
    pub fn hash(&self) -> Hash {
        sha256(&self.to_bytes())
    }
}

/// The `N` bytes from `start` on. The callers' constants keep it in range.
fn array<const N: usize>(bytes: &[u8; Header::LEN], start: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[start..start + N]);
    part
}

/// A header and the entries that travel with it.
///
/// Nothing here is checked yet: only a [`BlockTree`](crate::BlockTree) does that.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Block {
    /// What is hashed.
    pub header: Header,
    /// What `header.data` commits to.
    pub entries: Vec<Entry>,
}

impl Block {
    /// Whether the entries are those that the header commits to.
    pub fn body_matches(&self) -> bool {
        merkle_root(&self.entries) == self.header.data
    }

    /// The length of all entries together in bytes.
    pub fn body_bytes(&self) -> usize {
        self.entries.iter().map(|entry| entry.len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(index: u64, timestamp: u64) -> Header {
        Header {
            index,
            timestamp: Timestamp(timestamp),
            data: merkle_root::<Entry>(&[]),
            previous_hash: Hash::ZERO,
            nonce: 42,
        }
    }

    #[test]
    fn bytes_and_header_are_the_same_thing() {
        let header = Header {
            index: 0x0102,
            timestamp: Timestamp(u64::MAX),
            data: sha256(b"data"),
            previous_hash: sha256(b"parent"),
            nonce: 7,
        };
        assert_eq!(Header::from_bytes(&header.to_bytes()), header);
    }

    /// Why the layout is fixed-width: see the module.
    #[test]
    fn decimal_text_is_malleable_and_the_layout_is_not() {
        let decimal = |h: &Header| {
            let text = format!(
                "{}{}{}{}{}",
                h.index, h.timestamp.0, h.data, h.previous_hash, h.nonce
            );
            sha256(text.as_bytes())
        };
        let (one, other) = (header(7, 170), header(71, 70));
        assert_eq!(decimal(&one), decimal(&other));
        assert_ne!(one.hash(), other.hash());
    }
}
