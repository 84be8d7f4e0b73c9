//! 16 lanes in 512-bit registers, with the instructions that AVX-512 has and SHA-256 wants: a rotation, and any
//! function of three bits in one step.

use std::arch::x86_64::*;

use crate::hoisted::Hoisted;
use crate::lanes::{self, Vector};

/// See [`Search`](crate::kernel::Search).
#[target_feature(enable = "avx512f")]
pub(super) fn first_candidate(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32> {
    let lane_numbers = Words(_mm512_setr_epi32(
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ));
    lanes::first_candidate(lane_numbers, hoisted, first, count)
}

/// Truth tables of the three-bit functions: bit `4 a + 2 b + c` is the function's value.
const XOR3: i32 = 0b1001_0110;
const CHOOSE: i32 = 0b1100_1010;
const MAJORITY: i32 = 0b1110_1000;

/// Sixteen words. One exists only where AVX-512F does: the first of them is made in [`first_candidate`] above,
/// all others from it.
#[derive(Clone, Copy)]
struct Words(__m512i);

impl Vector for Words {
    const LANES: u32 = 16;

    #[inline(always)]
    fn splat(self, word: u32) -> Self {
        // SAFETY: `self` is a proof that the processor has AVX-512F.
        Self(unsafe { _mm512_set1_epi32(word.cast_signed()) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn shl<const BITS: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_sll_epi32(self.0, _mm_cvtsi32_si128(BITS)) })
    }

    #[inline(always)]
    fn shr<const BITS: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_srl_epi32(self.0, _mm_cvtsi32_si128(BITS)) })
    }

    #[inline(always)]
    fn at_most(self, limit: Self) -> u32 {
        // SAFETY: as in `splat`.
        u32::from(unsafe { _mm512_cmple_epu32_mask(self.0, limit.0) })
    }

    #[inline(always)]
    fn rotate<const RIGHT: i32, const LEFT: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_ror_epi32::<RIGHT>(self.0) })
    }

    #[inline(always)]
    fn xor3(self, second: Self, third: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_ternarylogic_epi32::<XOR3>(self.0, second.0, third.0) })
    }

    #[inline(always)]
    fn choose(self, one: Self, zero: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_ternarylogic_epi32::<CHOOSE>(self.0, one.0, zero.0) })
    }

    #[inline(always)]
    fn majority(self, second: Self, third: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm512_ternarylogic_epi32::<MAJORITY>(self.0, second.0, third.0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the ternary-logic instruction does with one bit of each operand.
    fn ternary(table: i32, a: u32, b: u32, c: u32) -> u32 {
        (table.cast_unsigned() >> (4 * a + 2 * b + c)) & 1
    }

    #[test]
    fn the_truth_tables_are_those_of_sha_256() {
        for bits in 0..8 {
            let (a, b, c) = (bits >> 2 & 1, bits >> 1 & 1, bits & 1);
            assert_eq!(ternary(XOR3, a, b, c), a ^ b ^ c);
            assert_eq!(ternary(CHOOSE, a, b, c), if a == 1 { b } else { c });
            assert_eq!(ternary(MAJORITY, a, b, c), u32::from(a + b + c >= 2));
        }
    }
}
