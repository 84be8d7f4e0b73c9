//! 8 lanes in 256-bit registers.

use std::arch::x86_64::*;

use crate::hoisted::Hoisted;
use crate::lanes::{self, Vector};

/// See [`Search`](crate::kernel::Search).
#[target_feature(enable = "avx2")]
pub(super) fn first_candidate(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32> {
    let lane_numbers = Words(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    lanes::first_candidate(lane_numbers, hoisted, first, count)
}

/// Eight words. One exists only where AVX2 does: the first of them is made in [`first_candidate`] above, all
/// others from it.
#[derive(Clone, Copy)]
struct Words(__m256i);

impl Vector for Words {
    const LANES: u32 = 8;

    #[inline(always)]
    fn splat(self, word: u32) -> Self {
        // SAFETY: `self` is a proof that the processor has AVX2.
        Self(unsafe { _mm256_set1_epi32(word.cast_signed()) })
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_add_epi32(self.0, other.0) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn shl<const BITS: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_slli_epi32::<BITS>(self.0) })
    }

    #[inline(always)]
    fn shr<const BITS: i32>(self) -> Self {
        // SAFETY: as in `splat`.
        Self(unsafe { _mm256_srli_epi32::<BITS>(self.0) })
    }

    #[inline(always)]
    fn at_most(self, limit: Self) -> u32 {
        // AVX2 has no unsigned comparison; x <= y where min(x, y) = x.
        // SAFETY: as in `splat`.
        let mask = unsafe {
            let at_most = _mm256_cmpeq_epi32(_mm256_min_epu32(self.0, limit.0), self.0);
            _mm256_movemask_ps(_mm256_castsi256_ps(at_most))
        };
        mask.cast_unsigned()
    }
}
