//! The kernels of x86-64, each behind a question to the processor.
//!
//! A kernel is handed out as a safe function, and only after the processor was found to have its instructions.
//! The answers are remembered by the standard library.

mod avx2;
mod avx512;
mod sha_ni;

use std::arch::is_x86_feature_detected;

use crate::hoisted::Hoisted;
use crate::kernel::Search;

pub(crate) fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
}

pub(crate) fn has_sha_ni() -> bool {
    is_x86_feature_detected!("sha") && is_x86_feature_detected!("avx")
}

pub(crate) fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

/// 16 lanes, if the processor has AVX-512F.
pub(crate) fn avx512() -> Option<Search> {
    fn search(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32> {
        // SAFETY: this function is private to `avx512`, which gives it away only if the processor has AVX-512F.
        unsafe { avx512::first_candidate(hoisted, first, count) }
    }
    has_avx512().then_some(search)
}

/// Interleaved streams, if the processor has the SHA-256 instructions.
pub(crate) fn sha_ni() -> Option<Search> {
    fn search(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32> {
        // SAFETY: this function is private to `sha_ni`, which gives it away only if the processor has SHA and
        // AVX.
        unsafe { sha_ni::first_candidate(hoisted, first, count) }
    }
    has_sha_ni().then_some(search)
}

/// 8 lanes, if the processor has AVX2.
pub(crate) fn avx2() -> Option<Search> {
    fn search(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32> {
        // SAFETY: this function is private to `avx2`, which gives it away only if the processor has AVX2.
        unsafe { avx2::first_candidate(hoisted, first, count) }
    }
    has_avx2().then_some(search)
}
