//! One nonce at a time, through sha2. Also the baseline of every measurement.

use sha2::block_api::compress256;

use crate::hoisted::Hoisted;

/// See [`Search`](crate::kernel::Search).
pub(crate) fn first_candidate(hoisted: &Hoisted, first: u32, count: u32) -> Option<u32> {
    let prepared = hoisted.prepared;
    let base = u64::from(hoisted.high) << 32 | u64::from(first);
    (0..count).find(|&offset| {
        let mut state = prepared.midstate;
        compress256(&mut state, &[prepared.tail(base + u64::from(offset))]);
        state[0] <= hoisted.limit
    })
}
