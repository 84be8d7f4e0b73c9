//! The time warp: timestamps that make the `bitcoin` rule lower the difficulty.
//!
//! First described by "ArtForz" on bitcointalk.org in 2011, and used against Verge in
//! 2018; BIP 54 and, on Bitcoin's test network, BIP 94 close it. The rule measures from the first to the last block of
//! a window, and windows do not overlap: the time between two of them is never measured. So
//! whoever makes most of the blocks claims the earliest time allowed for each, and the true
//! time for the last one of each window only. Every window then seems to have taken as long
//! as the chain has been running, and the target rises to its limit.
//!
//! Every claim keeps the rules: none is below the median of the last 11 blocks, and none is
//! ahead of the clock. Under another rule it is honest.

use crate::difficulty::DifficultyRule;
use crate::strategy::{Claim, Strategy};
use crate::units::Timestamp;

/// Claims early times, and the true one at the end of a window.
#[derive(Clone, Copy, Debug, Default)]
pub struct TimeWarp;

impl Strategy for TimeWarp {
    fn name(&self) -> &'static str {
        "time-warp"
    }

    fn claimed_time(&self, claim: &Claim<'_>) -> Timestamp {
        let true_time = claim.clock.max(claim.earliest);
        let DifficultyRule::Bitcoin { window, .. } = claim.rule else {
            return true_time;
        };
        let is_last = (claim.height + 1).is_multiple_of(u64::from(*window));
        if is_last { true_time } else { claim.earliest }
    }
}
