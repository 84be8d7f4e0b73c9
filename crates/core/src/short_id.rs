//! Short ids: how a compact block names its entries.
//!
//! As in BIP 152: an entry is named by the low 48 bits of the SipHash-2-4 of its SHA-256,
//! under a key made of the block's header and a nonce that the sender chose. Whoever has
//! the entry waiting recognises it by six bytes. The key is another for every block and
//! sender, so nobody can prepare entries that are confused with each other everywhere.

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher24;

use crate::block::Header;
use crate::hash::Hash;

/// The name of an entry within one compact block: 48 bits, big-endian.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ShortId(pub [u8; ShortId::LEN]);

impl ShortId {
    /// Its length in bytes.
    pub const LEN: usize = 6;
}

/// What short ids of one compact block are made with.
/// The default one is for blocks without entries, where there is nothing to name.
#[derive(Clone, Copy, Debug, Default)]
pub struct ShortIdKey(SipHasher24);

impl ShortIdKey {
    /// The key: the first 16 bytes of the SHA-256 of the header and the nonce.
    pub fn new(header: &Header, nonce: u64) -> Self {
        let digest = Sha256::new()
            .chain_update(header.to_bytes())
            .chain_update(nonce.to_be_bytes())
            .finalize();
        let mut key = [0; 16];
        key.copy_from_slice(&digest[..16]);
        ShortIdKey(SipHasher24::new_with_key(&key))
    }

    /// The short id of the entry with this SHA-256.
    pub fn id(&self, entry: &Hash) -> ShortId {
        let [_, _, id @ ..] = self.0.hash(&entry.0).to_be_bytes();
        ShortId(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::sha256;
    use crate::units::Timestamp;

    /// Appendix A of Aumasson and Bernstein, "SipHash: a fast short-input PRF".
    #[test]
    fn the_hash_is_that_of_the_paper() {
        let bytes: Vec<u8> = (0..15).collect();
        let key: [u8; 16] = std::array::from_fn(|at| u8::try_from(at).unwrap());
        let hash = SipHasher24::new_with_key(&key).hash(&bytes);
        assert_eq!(hash, 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn header_nonce_and_entry_all_matter() {
        let header = Header {
            index: 1,
            timestamp: Timestamp(2),
            data: Hash([3; 32]),
            previous_hash: Hash([4; 32]),
            nonce: 5,
        };
        let other = Header { nonce: 6, ..header };
        let (one, two) = (sha256(b"one"), sha256(b"two"));
        let id = ShortIdKey::new(&header, 7).id(&one);
        assert_eq!(id, ShortIdKey::new(&header, 7).id(&one));
        assert_ne!(id, ShortIdKey::new(&header, 7).id(&two));
        assert_ne!(id, ShortIdKey::new(&header, 8).id(&one));
        assert_ne!(id, ShortIdKey::new(&other, 7).id(&one));
    }
}
