//! The search in lanes: SHA-256 written once over a vector of words, each lane hashing its own nonce.

use crate::hoisted::{FIRST_FREE, FIRST_ROUND, FIRST_VARYING, Hoisted, K, NONCE_WORD};

/// A vector of 32-bit words, and what SHA-256 does with words.
///
/// There is no constructor from nothing but [`splat`](Vector::splat), which needs a vector of the same kind. So
/// whoever holds one got it, in the end, from code that knew that the processor has the instructions.
pub(crate) trait Vector: Copy {
    /// How many words a vector has.
    const LANES: u32;

    /// This word in every lane.
    fn splat(self, word: u32) -> Self;
    /// The sum modulo 2^32.
    fn add(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn shl<const BITS: i32>(self) -> Self;
    fn shr<const BITS: i32>(self) -> Self;
    /// Bit i is set if lane i is at most lane i of `limit`, as unsigned numbers.
    fn at_most(self, limit: Self) -> u32;

    /// Rotated right by `RIGHT` bits. `LEFT` must be `32 - RIGHT`.
    #[inline(always)]
    fn rotate<const RIGHT: i32, const LEFT: i32>(self) -> Self {
        const { assert!(RIGHT + LEFT == 32) };
        self.shr::<RIGHT>().xor(self.shl::<LEFT>())
    }

    #[inline(always)]
    fn xor3(self, second: Self, third: Self) -> Self {
        self.xor(second).xor(third)
    }

    /// Each bit of `self` chooses between a bit of `one` and a bit of `zero`.
    #[inline(always)]
    fn choose(self, one: Self, zero: Self) -> Self {
        one.xor(zero).and(self).xor(zero)
    }

    /// Each bit is that of at least two of the three.
    ///
    /// In the next round `self` and `second` are here as `second` and `third`: one xor serves both rounds.
    #[inline(always)]
    fn majority(self, second: Self, third: Self) -> Self {
        self.xor(second).and(second.xor(third)).xor(second)
    }
}

/// Repeats a statement for each of the numbers, with a constant of that name: an unrolled loop.
macro_rules! unroll {
    ($name:ident in [$($number:literal)*] $body:block) => {
        $({ const $name: usize = $number; $body })*
    };
}
#[cfg(target_arch = "x86_64")]
pub(crate) use unroll;

/// See [`Search`](crate::kernel::Search). `lane_numbers` is 0, 1, 2 and so on.
#[inline(always)]
pub(crate) fn first_candidate<V: Vector>(
    lane_numbers: V,
    hoisted: &Hoisted,
    first: u32,
    count: u32,
) -> Option<u32> {
    let limit = lane_numbers.splat(hoisted.limit);
    let mut offset = 0;
    while offset < count {
        let nonces = lane_numbers.add(lane_numbers.splat(first.wrapping_add(offset)));
        let candidates = first_words(nonces, hoisted).at_most(limit);
        if candidates != 0 {
            // The last vector may reach beyond the end.
            let candidate = offset + candidates.trailing_zeros();
            return (candidate < count).then_some(candidate);
        }
        offset += V::LANES;
    }
    None
}

/// The first word of the hash for each of these nonces (low halves).
#[inline(always)]
fn first_words<V: Vector>(nonces: V, hoisted: &Hoisted) -> V {
    let mut state = hoisted.state.map(|word| nonces.splat(word));
    state[0] = state[0].add(nonces);
    state[4] = state[4].add(nonces);

    unroll!(I in [6 7 8 9 10 11 12 13 14 15 16 17 18 19] {
        const { assert!(I >= FIRST_ROUND && I < FIRST_VARYING) };
        state = round(state, nonces.splat(hoisted.constant_round(I)));
    });

    let mut words = [nonces; 64];
    unroll!(I in [20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40 41
                  42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63] {
        const { assert!(I >= FIRST_VARYING) };
        words[I] = schedule::<V, I>(&words, hoisted);
        state = round(state, words[I].add(nonces.splat(K[I])));
    });
    state[0].add(nonces.splat(hoisted.feed_forward))
}

/// Word `I` of the message schedule: its constant part and the parts that vary.
#[inline(always)]
fn schedule<V: Vector, const I: usize>(words: &[V; 64], hoisted: &Hoisted) -> V {
    let varies = |j: usize| j >= FIRST_VARYING || j == NONCE_WORD;
    let mut sum = if varies(I - 2) {
        small_sigma1(words[I - 2])
    } else {
        words[I].splat(0)
    };
    if varies(I - 7) {
        sum = sum.add(words[I - 7]);
    }
    if varies(I - 15) {
        sum = sum.add(small_sigma0(words[I - 15]));
    }
    if varies(I - 16) {
        sum = sum.add(words[I - 16]);
    }
    if I < FIRST_FREE {
        sum = sum.add(sum.splat(hoisted.schedule[I]));
    }
    sum
}

/// One round (FIPS 180-4, section 6.2.2, step 3). `kw` is the round constant plus the schedule word.
#[inline(always)]
fn round<V: Vector>([a, b, c, d, e, f, g, h]: [V; 8], kw: V) -> [V; 8] {
    let t1 = h.add(kw).add(e.choose(f, g)).add(big_sigma1(e));
    let t2 = big_sigma0(a).add(a.majority(b, c));
    [t1.add(t2), a, b, c, d.add(t1), e, f, g]
}

#[inline(always)]
fn big_sigma0<V: Vector>(x: V) -> V {
    x.rotate::<2, 30>()
        .xor3(x.rotate::<13, 19>(), x.rotate::<22, 10>())
}

#[inline(always)]
fn big_sigma1<V: Vector>(x: V) -> V {
    x.rotate::<6, 26>()
        .xor3(x.rotate::<11, 21>(), x.rotate::<25, 7>())
}

#[inline(always)]
fn small_sigma0<V: Vector>(x: V) -> V {
    x.rotate::<7, 25>().xor3(x.rotate::<18, 14>(), x.shr::<3>())
}

#[inline(always)]
fn small_sigma1<V: Vector>(x: V) -> V {
    x.rotate::<17, 15>()
        .xor3(x.rotate::<19, 13>(), x.shr::<10>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::portable;
    use crate::{HEADER_LEN, Prepared};

    /// Lanes without any instruction set.
    impl<const N: usize> Vector for [u32; N] {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "at most 32 lanes fit in the mask"
        )]
        const LANES: u32 = N as u32;

        fn splat(self, word: u32) -> Self {
            [word; N]
        }
        fn add(self, other: Self) -> Self {
            std::array::from_fn(|i| self[i].wrapping_add(other[i]))
        }
        fn and(self, other: Self) -> Self {
            std::array::from_fn(|i| self[i] & other[i])
        }
        fn xor(self, other: Self) -> Self {
            std::array::from_fn(|i| self[i] ^ other[i])
        }
        fn shl<const BITS: i32>(self) -> Self {
            self.map(|word| word << BITS)
        }
        fn shr<const BITS: i32>(self) -> Self {
            self.map(|word| word >> BITS)
        }
        fn at_most(self, limit: Self) -> u32 {
            (0..N).map(|i| u32::from(self[i] <= limit[i]) << i).sum()
        }
    }

    /// The same search in any number of lanes.
    fn in_lanes<const N: usize>(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32> {
        let mut number = 0..;
        let lane_numbers: [u32; N] = std::array::from_fn(|_| number.next().unwrap());
        first_candidate(lane_numbers, hoisted, first, count)
    }

    #[test]
    fn the_first_words_are_those_of_sha2() {
        for seed in 0..20_u8 {
            let prepared = Prepared::new(&[seed; HEADER_LEN], &[0; 32]);
            let high = u64::from(seed) << 56 | u64::from(seed) << 32;
            let first = 0xffff_fff0 + u32::from(seed % 8);
            let hoisted = Hoisted::new(&prepared, high);
            let nonces: [u32; 4] = [first, first + 1, first + 2, u32::from(seed)];
            for (nonce, word) in nonces.into_iter().zip(first_words(nonces, &hoisted)) {
                let hash = prepared.hash(high | u64::from(nonce));
                assert_eq!(word.to_be_bytes(), hash[..4]);
            }
        }
    }

    #[test]
    fn any_number_of_lanes_finds_what_one_lane_finds() {
        let mut target = [0xff; 32];
        target[0] = 7; // one in 32
        let prepared = Prepared::new(&[0x5a; HEADER_LEN], &target);
        let hoisted = Hoisted::new(&prepared, 0);
        for first in (0..40).chain(u32::MAX - 33..=u32::MAX) {
            for count in [1, 15, 16, 17, 64]
                .into_iter()
                .filter(|&count| count - 1 <= u32::MAX - first)
            {
                let expected = portable::first_candidate(&hoisted, first, count);
                assert_eq!(in_lanes::<1>(&hoisted, first, count), expected);
                assert_eq!(in_lanes::<8>(&hoisted, first, count), expected);
                assert_eq!(in_lanes::<16>(&hoisted, first, count), expected);
            }
        }
    }
}
