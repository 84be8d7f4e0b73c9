//! Selfish mining: strategy SM1.
//!
//! Ittay Eyal and Emin Gün Sirer, "Majority is not enough: Bitcoin mining is vulnerable",
//! Financial Cryptography 2014, Algorithm 1 (Selfish-Mine). The pool keeps what it finds
//! for itself, and shows just enough to make the others' work worthless. With the lead of
//! its private chain *before* the event:
//!
//! | event | lead | what it publishes |
//! |---|---|---|
//! | it finds a block | 0, in a race | all: its branch is the longer one |
//! | it finds a block | any other | nothing |
//! | others find one | 0 | nothing; it goes on from theirs |
//! | others find one | 1 | its last block: a race of two equal branches (the paper's state 0') |
//! | others find one | 2 | all: its branch is longer by one |
//! | others find one | more | the first block that is not published |
//!
//! Where several public blocks come at once, as they do over a real network, it publishes
//! as many of its own as make the published part as long as the public chain.

use crate::strategy::{Cause, Publish, Situation, Strategy};

/// Strategy SM1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Selfish {
    /// The height at which two equal branches were last public, one of them its own.
    race: Option<u64>,
}

impl Strategy for Selfish {
    fn name(&self) -> &'static str {
        "selfish"
    }

    fn publish(&mut self, now: &Situation<'_>, cause: Cause) -> Publish {
        let lead = now.lead(now.tip);
        match cause {
            // From a search that was given up too late: worth nothing.
            Cause::Mined(block) if block != now.tip => Publish::UpTo(block),
            Cause::Mined(block) if self.race == Some(now.facts.height(block) - 1) => Publish::All,
            Cause::Mined(_) => Publish::Nothing,
            // Its branch is lost, or others build on it.
            Cause::PublicTip if now.tip == now.public_tip => Publish::All,
            Cause::PublicTip if lead == 0 => {
                self.race = Some(now.public_height());
                Publish::All
            }
            Cause::PublicTip if lead == 1 => Publish::All,
            Cause::PublicTip => now.publish_level(now.tip),
        }
    }
}
