//! The SHA-256 instructions of x86, two nonces in turn.
//!
//! `sha256rnds2` does two rounds but its result is there only four cycles later, while another can start after
//! one or two. A second, independent hash fills the gap. A third would not fit into the registers, and gains
//! nothing as soon as another thread shares the core.
//!
//! Registers, low word first: the state is `[f, e, b, a]` and `[h, g, d, c]`; the schedule's words come in groups
//! of four, group `i` being words `4 i` to `4 i + 3`.
//!
//! AVX is wanted for its three-operand forms of the other instructions, which save copies (6 % on Zen 3). Only
//! 128-bit ones are used: `sha256rnds2` would wait for hundreds of cycles if the upper halves were in use.

// A stream is an index into several arrays at once.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::*;

use crate::hoisted::{Hoisted, K};
use crate::lanes::unroll;

/// How many nonces are hashed at the same time.
const STREAMS: u32 = 2;
const N: usize = STREAMS as usize;

/// A register for each of them.
type Streams = [__m128i; N];

/// See [`Search`](crate::kernel::Search).
#[target_feature(enable = "sha,avx")]
pub(super) fn first_candidate(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32> {
    let constants = Constants::new(hoisted);
    let mut offset = 0;
    while offset < count {
        let words = first_words(&constants, first.wrapping_add(offset));
        for (stream, word) in (offset..).zip(words) {
            if word.wrapping_add(hoisted.feed_forward) <= hoisted.limit {
                // The last step may reach beyond the end.
                return (stream < count).then_some(stream);
            }
        }
        offset += STREAMS;
    }
    None
}

/// [`Hoisted`] in registers.
struct Constants {
    abef: __m128i,
    cdgh: __m128i,
    /// Round constants plus schedule for rounds 6 and 7.
    rounds6: __m128i,
    /// Round constants plus schedule for rounds 8 to 19, four by four, and the upper half of each.
    rounds8: [[__m128i; 2]; 3],
    /// Groups 1, 2 and 4 of the schedule, with a nonce of zero.
    group1: __m128i,
    group2: __m128i,
    group4: __m128i,
    /// What goes into groups 5, 6 and 7 from the groups below 5.
    partial5: __m128i,
    partial6: __m128i,
    partial7: __m128i,
}

impl Constants {
    #[target_feature(enable = "sha,avx")]
    fn new(hoisted: &Hoisted) -> Self {
        let [a, b, c, d, e, f, g, h] = hoisted.state;
        let w = &hoisted.schedule;
        let group = |i: usize| words([w[4 * i], w[4 * i + 1], w[4 * i + 2], w[4 * i + 3]]);
        let kw = |i: usize| hoisted.constant_round(i);
        let rounds = |i: usize| {
            let low = words([kw(i), kw(i + 1), kw(i + 2), kw(i + 3)]);
            [low, upper_half(low)]
        };
        let (group2, group3, group4) = (group(2), group(3), group(4));
        Self {
            abef: words([f, e, b, a]),
            cdgh: words([h, g, d, c]),
            rounds6: words([kw(6), kw(7), 0, 0]),
            rounds8: [rounds(8), rounds(12), rounds(16)],
            group1: group(1),
            group2,
            group4,
            partial5: _mm_alignr_epi8::<4>(group4, group3),
            partial6: _mm_sha256msg1_epu32(group2, group3),
            partial7: _mm_sha256msg1_epu32(group3, group4),
        }
    }
}

/// The state's `a` after the last round, for `N` nonces (low halves) from `first` on.
#[inline]
#[target_feature(enable = "sha,avx")]
fn first_words(constants: &Constants, first: u32) -> [u32; N] {
    let mut nonces = [constants.abef; N];
    let mut state = State {
        abef: [constants.abef; N],
        cdgh: [constants.cdgh; N],
    };
    for (s, stream) in (0..N).zip(0..STREAMS) {
        nonces[s] = _mm_set1_epi32(first.wrapping_add(stream).cast_signed());
        // To `a` and `e` add the nonce.
        let odd = _mm_blend_epi16::<0b1100_1100>(_mm_setzero_si128(), nonces[s]);
        state.abef[s] = _mm_add_epi32(state.abef[s], odd);
    }

    rounds2(&mut state, [constants.rounds6; N]);
    state = State {
        abef: state.cdgh,
        cdgh: state.abef,
    };
    for [low, high] in constants.rounds8 {
        rounds4(&mut state, [low; N], [high; N]);
    }

    let mut w = [nonces; 4];
    unroll!(I in [5 6 7 8 9 10 11 12 13 14 15] {
        let k = words([K[4 * I], K[4 * I + 1], K[4 * I + 2], K[4 * I + 3]]);
        let (mut low, mut high) = (nonces, nonces);
        for s in 0..N {
            let ring = [w[0][s], w[1][s], w[2][s], w[3][s]];
            w[I % 4][s] = next_group::<I>(constants, nonces[s], ring);
            low[s] = _mm_add_epi32(w[I % 4][s], k);
            high[s] = upper_half(low[s]);
        }
        rounds4(&mut state, low, high);
    });

    let mut result = [0; N];
    for s in 0..N {
        result[s] = _mm_extract_epi32::<3>(state.abef[s]).cast_unsigned();
    }
    result
}

/// Group `I` of the schedule. Group `i` before it is `ring[i % 4]`, if it is one that varies (5 and up).
#[inline]
#[target_feature(enable = "sha,avx")]
fn next_group<const I: usize>(
    constants: &Constants,
    nonces: __m128i,
    ring: [__m128i; 4],
) -> __m128i {
    let last = if I == 5 {
        constants.group4
    } else {
        ring[(I + 3) % 4]
    };
    let partial = match I {
        5 => {
            let group1 = _mm_blend_epi16::<0b0000_1100>(constants.group1, nonces);
            _mm_add_epi32(
                _mm_sha256msg1_epu32(group1, constants.group2),
                constants.partial5,
            )
        }
        6 => _mm_add_epi32(
            constants.partial6,
            _mm_alignr_epi8::<4>(last, constants.group4),
        ),
        7 => _mm_add_epi32(
            constants.partial7,
            _mm_alignr_epi8::<4>(last, ring[(I + 2) % 4]),
        ),
        _ => {
            let oldest = if I == 8 {
                constants.group4
            } else {
                ring[I % 4]
            };
            let sigma0 = _mm_sha256msg1_epu32(oldest, ring[(I + 1) % 4]);
            _mm_add_epi32(sigma0, _mm_alignr_epi8::<4>(last, ring[(I + 2) % 4]))
        }
    };
    _mm_sha256msg2_epu32(partial, last)
}

/// The state of the streams, `abef` and `cdgh`.
struct State {
    abef: Streams,
    cdgh: Streams,
}

/// Four rounds; the lower half of `low` serves the first two, that of `high` the others.
#[inline]
#[target_feature(enable = "sha,avx")]
fn rounds4(state: &mut State, low: Streams, high: Streams) {
    rounds2(state, low);
    // After two rounds the halves of the state have changed places.
    for s in 0..N {
        state.abef[s] = _mm_sha256rnds2_epu32(state.abef[s], state.cdgh[s], high[s]);
        in_turn(&mut state.abef[s]);
    }
}

/// Two rounds. The new `abef` is where `cdgh` was, and the other way round.
#[inline]
#[target_feature(enable = "sha,avx")]
fn rounds2(state: &mut State, kw: Streams) {
    for s in 0..N {
        state.cdgh[s] = _mm_sha256rnds2_epu32(state.cdgh[s], state.abef[s], kw[s]);
        in_turn(&mut state.cdgh[s]);
    }
}

/// Keeps the compiler from doing one stream after the other: what passes here passes in the order written.
#[inline]
#[target_feature(enable = "avx")]
fn in_turn(x: &mut __m128i) {
    // SAFETY: there is no instruction in it.
    unsafe {
        std::arch::asm!(
            "/* {0} */",
            inout(xmm_reg) * x,
            options(nomem, nostack, preserves_flags)
        )
    }
}

#[inline]
#[target_feature(enable = "avx")]
fn upper_half(x: __m128i) -> __m128i {
    _mm_shuffle_epi32::<0b00_00_11_10>(x)
}

/// A register with these words, the first one lowest.
#[inline]
#[target_feature(enable = "avx")]
fn words([w0, w1, w2, w3]: [u32; 4]) -> __m128i {
    _mm_setr_epi32(
        w0.cast_signed(),
        w1.cast_signed(),
        w2.cast_signed(),
        w3.cast_signed(),
    )
}
