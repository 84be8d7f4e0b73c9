//! Strategies: honest or not, one hook per *decision*.
//!
//! A strategy does not see messages. The node asks it what to mine on, what to
//! publish, what to admit to and which time to claim, and does everything else the
//! same way for everybody, so an attacker is a small file next to the paper that
//! describes it.

mod double_spend;
mod selfish;
mod stubborn;
mod time_warp;

use std::fmt::Debug;

use crate::difficulty::DifficultyRule;
use crate::tree::{BlockId, BlockTree};
use crate::units::Timestamp;

pub use double_spend::DoubleSpend;
pub use selfish::Selfish;
pub use stubborn::Stubborn;
pub use time_warp::TimeWarp;

/// The decisions in which participants differ. The defaults are the honest ones.
pub trait Strategy: Debug + Send {
    /// Its name, as scenarios spell it.
    fn name(&self) -> &'static str;

    /// Which block to build the next one on.
    fn mine_on(&self, now: &Situation<'_>) -> BlockId {
        now.tip
    }

    /// What to publish now, after `cause`. Asked whenever the node found a block, and when
    /// others made the public tip a better one while something is withheld.
    fn publish(&mut self, now: &Situation<'_>, cause: Cause) -> Publish {
        let _ = (now, cause);
        Publish::All
    }

    /// Whether to admit to having a block when a peer asks for it.
    fn admits(&self, block: BlockId, withheld: bool) -> bool {
        let _ = block;
        !withheld
    }

    /// Which timestamp to claim. The rules refuse any before `claim.earliest`.
    fn claimed_time(&self, claim: &Claim<'_>) -> Timestamp {
        claim.clock.max(claim.earliest)
    }

    /// What came of an attempt that ended with the last decision, if one did. Told once.
    fn ended(&mut self) -> Option<Attempt> {
        None
    }
}

/// What a strategy decides upon.
#[derive(Clone, Copy)]
pub struct Situation<'a> {
    /// The best block that this node knows, its own secrets included.
    pub tip: BlockId,
    /// The best block that everybody may know. Of equals it is the node's own, once that
    /// was published.
    pub public_tip: BlockId,
    /// Own blocks that were not published, in the order in which they were mined.
    pub withheld: &'a [BlockId],
    /// What is true of all these blocks.
    pub facts: &'a dyn Facts,
}

/// What a strategy may ask of a block tree. A tree is of some proof of work, which is no
/// matter for a strategy: hence this view of it, for every kind of tree.
pub trait Facts {
    /// The height of a block.
    fn height(&self, block: BlockId) -> u64;
    /// The block that it builds on.
    fn parent(&self, block: BlockId) -> BlockId;
    /// Its ancestor at this height; nothing above its own.
    fn ancestor(&self, block: BlockId, height: u64) -> Option<BlockId>;
}

impl<P> Facts for BlockTree<P> {
    fn height(&self, block: BlockId) -> u64 {
        BlockTree::height(self, block)
    }

    fn parent(&self, block: BlockId) -> BlockId {
        BlockTree::parent(self, block)
    }

    fn ancestor(&self, block: BlockId, height: u64) -> Option<BlockId> {
        BlockTree::ancestor(self, block, height)
    }
}

impl Situation<'_> {
    /// How many blocks longer the chain to `head` is than the public one; negative if it
    /// is shorter.
    pub fn lead(&self, head: BlockId) -> i64 {
        let head = self.facts.height(head);
        head.cast_signed()
            .saturating_sub(self.public_height().cast_signed())
    }

    /// The height of the public tip.
    pub fn public_height(&self) -> u64 {
        self.facts.height(self.public_tip)
    }

    /// Whether the public chain has come to contain `head`.
    pub fn is_public(&self, head: BlockId) -> bool {
        self.facts
            .ancestor(self.public_tip, self.facts.height(head))
            == Some(head)
    }

    /// Publishes as much of the chain to `head` as is as long as the public one.
    pub fn publish_level(&self, head: BlockId) -> Publish {
        let level = self.facts.ancestor(head, self.public_height());
        level.map_or(Publish::Nothing, Publish::UpTo)
    }
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
    /// Whatever was withheld. What is not on the way to the node's tip is no secret any
    /// more, but nobody is told of it: the way to give a branch up.
    All,
}

/// What a claimed timestamp may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// The local wall clock.
    pub clock: Timestamp,
    /// The earliest that the rules allow.
    pub earliest: Timestamp,
    /// The height of the block to be mined.
    pub height: u64,
    /// The network's difficulty rule.
    pub rule: &'a DifficultyRule,
}

/// What came of one attempt to replace blocks of the public chain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// Whether it succeeded: the branch was published and is the longer one.
    pub won: bool,
    /// Blocks of the public chain after the fork point, when it ended.
    pub public_blocks: u64,
    /// Blocks of the attacker's branch.
    pub own_blocks: u64,
}

/// Follows the protocol.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest;

impl Strategy for Honest {
    fn name(&self) -> &'static str {
        "honest"
    }
}
