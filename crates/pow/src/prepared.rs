//! A header made ready for the search: block 1 compressed, block 2 laid out but for the nonce.

use sha2::block_api::compress256;

/// Length of a header in bytes.
pub const HEADER_LEN: usize = 88;

/// The state that SHA-256 starts from (FIPS 180-4, section 5.3.3).
const INITIAL_STATE: [u32; 8] = [
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/// Length in bytes of a block of SHA-256.
const BLOCK_LEN: usize = 64;

/// Where the nonce lies in block 2.
const NONCE: std::ops::Range<usize> = 16..24;

/// A header and a target, ready for [`scan`](crate::scan()).
///
/// Cheap to clone and to send to other threads: 128 bytes, no allocation.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// State of SHA-256 after block 1.
    pub(crate) midstate: [u32; 8],
    /// Block 2, padded, with a nonce of zero.
    tail: [u8; BLOCK_LEN],
    target: [u8; 32],
}

impl Prepared {
    /// Prepares the search for a nonce that makes the hash of `header` at most `target`.
    ///
    /// `header` is laid out as the [crate documentation](crate) shows; its nonce, the last 8 bytes, is ignored.
    /// `target` and hash are compared as 256-bit big-endian numbers.
    #[must_use]
    pub fn new(header: &[u8; HEADER_LEN], target: &[u8; 32]) -> Self {
        let (block1, rest) = header.split_first_chunk().expect("88 is more than 64");
        let mut midstate = INITIAL_STATE;
        compress256(&mut midstate, &[*block1]);

        let mut tail = [0; BLOCK_LEN];
        tail[..NONCE.start].copy_from_slice(&rest[..NONCE.start]);
        tail[NONCE.end] = 0x80;
        let bits = 8 * HEADER_LEN as u64;
        tail[BLOCK_LEN - 8..].copy_from_slice(&bits.to_be_bytes());
        Self {
            midstate,
            tail,
            target: *target,
        }
    }

    /// The hash of the header with this nonce.
    #[must_use]
    pub fn hash(&self, nonce: u64) -> [u8; 32] {
        let mut state = self.midstate;
        compress256(&mut state, &[self.tail(nonce)]);
        let mut hash = [0; 32];
        for (bytes, word) in hash.chunks_exact_mut(4).zip(state) {
            bytes.copy_from_slice(&word.to_be_bytes());
        }
        hash
    }

    /// The target that a hash must not exceed.
    #[must_use]
    pub fn target(&self) -> &[u8; 32] {
        &self.target
    }

    /// Block 2 with this nonce.
    pub(crate) fn tail(&self, nonce: u64) -> [u8; BLOCK_LEN] {
        let mut tail = self.tail;
        tail[NONCE].copy_from_slice(&nonce.to_be_bytes());
        tail
    }

    /// The first 32 bits of the target: a hash whose first word is larger cannot meet it.
    pub(crate) fn limit(&self) -> u32 {
        u32::from_be_bytes(*self.target.first_chunk().expect("32 is more than 4"))
    }
}
