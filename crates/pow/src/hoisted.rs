//! All of the second compression that 2^32 nonces share.
//!
//! Block 2 as 16 words of 32 bits: 0 to 3 are the end of `previous_hash`, 4 and 5 the nonce, the rest padding.
//! With the high half of the nonce fixed only word 5 varies. Then
//!
//! - rounds 0 to 4 are the same for all, and round 5 merely *adds* word 5 to two words of the state;
//! - the schedule's words 16 to 19 are the same for all, and 20 to 35 have a constant part.

use crate::Prepared;

/// Where the low half of the nonce lies in block 2: the only word that varies.
pub(crate) const NONCE_WORD: usize = 5;

/// The first round that the kernels do; the rounds before are in [`Hoisted::state`].
pub(crate) const FIRST_ROUND: usize = NONCE_WORD + 1;

/// The first word of the schedule that depends on the nonce's low half.
pub(crate) const FIRST_VARYING: usize = 20;

/// The first word of the schedule that has no constant part.
pub(crate) const FIRST_FREE: usize = 36;

/// The round constants (FIPS 180-4, section 4.2.2).
pub(crate) const K: [u32; 64] = [
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
    0xab1c5ed5, //
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7,
    0xc19bf174, //
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc,
    0x76f988da, //
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351,
    0x14292967, //
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e,
    0x92722c85, //
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585,
    0x106aa070, //
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, //
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2, //
];

/// What is the same for all nonces with one high half.
#[derive(Clone, Debug)]
pub(crate) struct Hoisted<'a> {
    pub(crate) prepared: &'a Prepared,
    /// The high half of the nonces.
    pub(crate) high: u32,
    /// The state `[a, b, c, d, e, f, g, h]` after round 5, had the nonce's low half been zero. For another low
    /// half, add it to `a` and to `e`.
    pub(crate) state: [u32; 8],
    /// The constant parts of the schedule's words. Those below [`FIRST_VARYING`] are complete, but for word 5,
    /// which is zero.
    pub(crate) schedule: [u32; FIRST_FREE],
    /// What to add to the state's `a` after round 63 to get the first word of the hash.
    pub(crate) feed_forward: u32,
    /// The first word of the target.
    pub(crate) limit: u32,
}

impl<'a> Hoisted<'a> {
    /// For all nonces with the same high half as `nonce`.
    pub(crate) fn new(prepared: &'a Prepared, nonce: u64) -> Self {
        let high = (nonce >> 32) as u32;
        let mut schedule = [0; FIRST_FREE];
        let block = prepared.tail(u64::from(high) << 32);
        for (word, bytes) in schedule.iter_mut().zip(block.as_chunks().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        for i in 16..FIRST_FREE {
            // A word that varies adds nothing to the constant part. Word 5 is zero here, and so is sigma(0).
            let constant = |j: usize| if j < FIRST_VARYING { schedule[j] } else { 0 };
            schedule[i] = small_sigma1(constant(i - 2))
                .wrapping_add(constant(i - 7))
                .wrapping_add(small_sigma0(constant(i - 15)))
                .wrapping_add(constant(i - 16));
        }
        let mut state = prepared.midstate;
        for i in 0..FIRST_ROUND {
            state = round(state, K[i].wrapping_add(schedule[i]));
        }
        Self {
            prepared,
            high,
            state,
            schedule,
            feed_forward: prepared.midstate[0],
            limit: prepared.limit(),
        }
    }

    /// Whether `nonce` has the high half that this was made for.
    pub(crate) fn covers(&self, nonce: u64) -> bool {
        nonce >> 32 == u64::from(self.high)
    }

    /// Round constant plus schedule word, for a round whose word is the same for all nonces.
    pub(crate) fn constant_round(&self, i: usize) -> u32 {
        debug_assert!((FIRST_ROUND..FIRST_VARYING).contains(&i));
        K[i].wrapping_add(self.schedule[i])
    }
}

/// One round of SHA-256 (FIPS 180-4, section 6.2.2, step 3). `kw` is the round constant plus the schedule word.
fn round([a, b, c, d, e, f, g, h]: [u32; 8], kw: u32) -> [u32; 8] {
    let sigma1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
    let t1 = h
        .wrapping_add(sigma1)
        .wrapping_add((e & f) ^ (!e & g))
        .wrapping_add(kw);
    let sigma0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
    let t2 = sigma0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
    [t1.wrapping_add(t2), a, b, c, d.wrapping_add(t1), e, f, g]
}

fn small_sigma0(x: u32) -> u32 {
    x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3)
}

fn small_sigma1(x: u32) -> u32 {
    x.rotate_right(17) ^ x.rotate_right(19) ^ (x >> 10)
}
