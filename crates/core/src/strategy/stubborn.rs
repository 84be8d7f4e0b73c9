//! Stubborn mining: selfish mining that gives up less easily.
//!
//! Kartik Nayak, Srijan Kumar, Andrew Miller and Elaine Shi, "Stubborn Mining: Generalizing
//! Selfish Mining and Combining with an Eclipse Attack", EuroS&P 2016. Three ways to be
//! stubborn, alone or together, each a change of the selfish strategy:
//!
//! * **lead** (L): when others find a block and the lead shrinks from two to one, it does
//!   not cash in, but publishes only as much as makes two equal branches.
//! * **equal fork** (F): when it finds a block while two branches are equal, it does not
//!   publish it to win, but keeps it.
//! * **trail** (T with j): when its branch falls behind, it goes on with it until it is more
//!   than j blocks behind. When it catches up nothing is published, for everybody saw the
//!   other branch first (the paper's state 0''); the block after that wins, unless it is
//!   kept by the second rule.
//!
//! With none of the three this is the selfish strategy.

use crate::strategy::{Cause, Publish, Situation, Strategy};
use crate::tree::BlockId;

/// Selfish mining with any of the three kinds of stubbornness.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stubborn {
    lead: bool,
    equal_fork: bool,
    trail: u64,
    /// The last block of its own branch, published or not.
    head: Option<BlockId>,
    /// The height at which two equal branches were last public, one of them its own.
    race: Option<u64>,
}

impl Stubborn {
    /// Stubborn in these ways; `trail` is how many blocks behind it goes on.
    pub fn new(lead: bool, equal_fork: bool, trail: u64) -> Self {
        Stubborn {
            lead,
            equal_fork,
            trail,
            ..Stubborn::default()
        }
    }

    fn is_within_trail(&self, lead: i64) -> bool {
        lead >= 0 || lead.unsigned_abs() <= self.trail
    }

    fn mined(&mut self, now: &Situation<'_>, block: BlockId) -> Publish {
        let parent = now.facts.parent(block);
        let is_on_head = self.head == Some(parent);
        if !is_on_head && block != now.tip {
            // From a search that was given up too late: worth nothing.
            return Publish::UpTo(block);
        }
        self.head = Some(block);
        let raced = self.race == Some(now.facts.height(parent));
        let caught_up = now.lead(parent) == 0 && now.public_tip != parent;
        let was_equal = is_on_head && (raced || caught_up);
        if was_equal && now.lead(block) == 1 && !self.equal_fork {
            return Publish::All;
        }
        Publish::Nothing
    }

    fn overtaken(&mut self, now: &Situation<'_>) -> Publish {
        let head = self.head.unwrap_or(now.tip);
        let lead = now.lead(head);
        if !self.is_within_trail(lead) {
            self.head = None;
            return Publish::All;
        }
        match lead {
            0 => {
                self.race = Some(now.public_height());
                Publish::All
            }
            1 if !self.lead => Publish::All,
            1.. => now.publish_level(head),
            _ => Publish::Nothing,
        }
    }
}

impl Strategy for Stubborn {
    fn name(&self) -> &'static str {
        match (self.lead, self.equal_fork, self.trail) {
            (true, false, 0) => "lead-stubborn",
            (false, true, 0) => "equal-fork-stubborn",
            (false, false, 1..) => "trail-stubborn",
            _ => "stubborn",
        }
    }

    fn mine_on(&self, now: &Situation<'_>) -> BlockId {
        let holds = |head: &BlockId| self.is_within_trail(now.lead(*head)) && !now.is_public(*head);
        self.head.filter(holds).unwrap_or(now.tip)
    }

    fn publish(&mut self, now: &Situation<'_>, cause: Cause) -> Publish {
        match cause {
            Cause::Mined(block) => self.mined(now, block),
            Cause::PublicTip => self.overtaken(now),
        }
    }
}
