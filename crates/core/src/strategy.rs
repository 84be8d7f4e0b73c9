//! Strategies: honest or not, one hook per *decision*.
//!
//! A strategy does not see messages. The node asks it what to mine on, what to
//! publish, what to admit to and which time to claim, and does everything else the
//! same way for everybody, so an attacker is a small file next to the paper that
//! describes it.

use std::fmt::Debug;

use crate::tree::BlockId;
use crate::units::Timestamp;

/// The decisions in which participants differ. The defaults are the honest ones.
pub trait Strategy: Debug + Send {
    /// Its name, as scenarios spell it.
    fn name(&self) -> &'static str;

    /// Which block to build the next one on.
    fn mine_on(&self, situation: &Situation<'_>) -> BlockId {
        situation.tip
    }

    /// What to publish now, after `cause`.
    fn publish(&mut self, situation: &Situation<'_>, cause: Cause) -> Publish {
        let _ = (situation, cause);
        Publish::All
    }

    /// Whether to admit to having a block when a peer asks for it.
    fn admits(&self, block: BlockId, withheld: bool) -> bool {
        let _ = block;
        !withheld
    }

    /// Which timestamp to claim. The rules refuse any before `earliest`.
    fn claimed_time(&self, clock: Timestamp, earliest: Timestamp) -> Timestamp {
        clock.max(earliest)
    }
}

/// What a strategy decides upon.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The best block that this node knows, its own secrets included.
    pub tip: BlockId,
    /// The height of `tip`.
    pub tip_height: u64,
    /// The best block that everybody may know.
    pub public_tip: BlockId,
    /// The height of `public_tip`.
    pub public_height: u64,
    /// Own blocks that were not published, in the order in which they were mined.
    pub withheld: &'a [BlockId],
}

/// What just happened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// This node mined the block.
    Mined(BlockId),
    /// Blocks of others made the public tip a better one.
    PublicTip,
}

/// What to publish.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Publish {
    /// Nothing now.
    Nothing,
    /// This withheld block and those that it builds on.
    UpTo(BlockId),
    /// Whatever was withheld.
    All,
}

/// Follows the protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest;

impl Strategy for Honest {
    fn name(&self) -> &'static str {
        "honest"
    }
}
