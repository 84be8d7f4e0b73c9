//! Double spending by a private branch.
//!
//! Satoshi Nakamoto, "Bitcoin: A peer-to-peer electronic cash system", 2008, section 11; in
//! the exact form of Meni Rosenfeld, "Analysis of hashrate-based double-spending", 2014. A
//! merchant waits for z confirmations of a payment. The attacker mines a branch in secret
//! that lacks it, and publishes that when the merchant has delivered and it is longer than
//! the public chain.
//!
//! An attempt begins with the attacker's first secret block: Rosenfeld's block that was
//! mined in advance, after which the payment is made. Public blocks after the fork point are
//! its confirmations. The attempt is won when there are z of them and the branch is longer,
//! and given up when the branch is too far behind. Then the next attempt begins with the
//! next block that the attacker finds, so one run makes many.

use crate::strategy::{Attempt, Cause, Publish, Situation, Strategy};
use crate::tree::BlockId;

/// One attempt after the other.
#[derive(Clone, Copy, Debug)]
pub struct DoubleSpend {
    confirmations: u64,
    give_up: u64,
    branch: Option<Branch>,
    ended: Option<Attempt>,
}

#[derive(Clone, Copy, Debug)]
struct Branch {
    /// The height of the last block that it has in common with the public chain.
    fork_height: u64,
    head: BlockId,
}

impl DoubleSpend {
    /// Against a merchant who waits for so many confirmations (at least 1), giving up when
    /// the branch is so many blocks behind (at least 1).
    pub fn new(confirmations: u64, give_up: u64) -> Self {
        DoubleSpend {
            confirmations: confirmations.max(1),
            give_up: give_up.max(1),
            branch: None,
            ended: None,
        }
    }

    fn judge(&mut self, now: &Situation<'_>, branch: Branch) -> Publish {
        let own_blocks = now.facts.height(branch.head) - branch.fork_height;
        let public_blocks = now.public_height().saturating_sub(branch.fork_height);
        let won = public_blocks >= self.confirmations && own_blocks > public_blocks;
        let lost = public_blocks >= own_blocks.saturating_add(self.give_up);
        if !won && !lost {
            self.branch = Some(branch);
            return Publish::Nothing;
        }
        self.branch = None;
        self.ended = Some(Attempt {
            won,
            public_blocks,
            own_blocks,
        });
        Publish::All
    }
}

impl Strategy for DoubleSpend {
    fn name(&self) -> &'static str {
        "double-spend"
    }

    fn mine_on(&self, now: &Situation<'_>) -> BlockId {
        self.branch.map_or(now.tip, |branch| branch.head)
    }

    fn publish(&mut self, now: &Situation<'_>, cause: Cause) -> Publish {
        match (cause, self.branch) {
            (Cause::Mined(head), Some(branch)) if now.facts.parent(head) == branch.head => {
                self.judge(now, Branch { head, ..branch })
            }
            (Cause::Mined(head), None) if head == now.tip => {
                let fork_height = now.facts.height(head) - 1;
                self.judge(now, Branch { fork_height, head })
            }
            // From a search that was given up too late.
            (Cause::Mined(block), _) => Publish::UpTo(block),
            (Cause::PublicTip, Some(branch)) => self.judge(now, branch),
            (Cause::PublicTip, None) => Publish::All,
        }
    }

    fn ended(&mut self) -> Option<Attempt> {
        self.ended.take()
    }
}
