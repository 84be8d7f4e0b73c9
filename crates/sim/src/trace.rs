//! A fingerprint of a run: what was sent, by whom, to whom and when, and what it led to,
//! in order.

use std::fmt;

/// The fingerprint of a run: equal for equal runs, on any machine.
///
/// Two multiplicative mixes of 64 bits over every message that is sent, every block that
/// is found and every new tip: made for speed, it finds accidents, not adversaries.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TraceHash {
    a: u64,
    b: u64,
}

impl TraceHash {
    /// Of a run in which nothing has happened.
    pub const EMPTY: TraceHash = TraceHash {
        a: 0x243f_6a88_85a3_08d3, // digits of pi: nothing up the sleeve
        b: 0x1319_8a2e_0370_7344,
    };

    /// Takes one more word in.
    pub fn add(&mut self, word: u64) {
        self.a = (self.a ^ word)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
        self.b = (self.b.rotate_left(17) ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
    }

    /// Takes two words in at the price of one.
    #[inline]
    pub fn add_pair(&mut self, one: u64, other: u64) {
        self.a = (self.a ^ one ^ other.rotate_left(32))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(29);
        self.b = (self.b.rotate_left(17) ^ other ^ one.rotate_left(23))
            .wrapping_mul(0xd6e8_feb8_6659_fd93);
    }
}

impl fmt::Display for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.a, self.b)
    }
}

impl fmt::Debug for TraceHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TraceHash({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(words: &[u64]) -> TraceHash {
        let mut hash = TraceHash::EMPTY;
        words.iter().for_each(|word| hash.add(*word));
        hash
    }

    #[test]
    fn the_two_words_of_a_pair_differ() {
        let of = |one, other| {
            let mut hash = TraceHash::EMPTY;
            hash.add_pair(one, other);
            hash
        };
        let all = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 1)].map(|(one, other)| of(one, other));
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one));
        }
        assert_eq!(of(1, 2).to_string(), "552b2e274b07ff4ba1a37fbef1755b23");
    }

    #[test]
    fn order_and_every_bit_matter() {
        let all = [&[][..], &[0], &[1], &[0, 1], &[1, 0], &[0, 0]].map(of);
        for (place, one) in all.iter().enumerate() {
            assert!(!all[..place].contains(one));
        }
        // For ever: a changed fingerprint would orphan every published one.
        assert_eq!(
            of(&[1, 2, 3]).to_string(),
            "d0d5bca19b7ac3d7b1869b75247210c5"
        );
    }
}
