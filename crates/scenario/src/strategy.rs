//! Which strategy a node plays.

use forkful_core::strategy::{DoubleSpend, Selfish, Stubborn, TimeWarp};
use forkful_core::{Honest, Strategy};

/// How a node behaves. Each is explained at the core's strategy of this name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StrategyKind {
    /// By the protocol.
    #[default]
    Honest,
    /// [`Selfish`].
    Selfish,
    /// [`Stubborn`], in the ways that are given.
    Stubborn {
        /// Does not cash in a lead that shrinks to one block.
        lead: bool,
        /// Does not publish the block that would win an equal fork.
        equal_fork: bool,
        /// How many blocks behind it goes on.
        trail: u64,
    },
    /// [`DoubleSpend`].
    DoubleSpend {
        /// What the merchant waits for.
        confirmations: u64,
        /// How many blocks behind an attempt is given up.
        give_up: u64,
    },
    /// [`TimeWarp`].
    TimeWarp,
}

impl StrategyKind {
    /// Its word in scenarios and in reports: that of the core's strategy. A `stubborn` one that is
    /// so in one way alone has the word of that way.
    pub fn name(self) -> &'static str {
        self.build().name()
    }

    /// The strategy itself, as the core plays it.
    pub fn build(self) -> Box<dyn Strategy> {
        match self {
            StrategyKind::Honest => Box::new(Honest),
            StrategyKind::Selfish => Box::new(Selfish::default()),
            StrategyKind::Stubborn {
                lead,
                equal_fork,
                trail,
            } => Box::new(Stubborn::new(lead, equal_fork, trail)),
            StrategyKind::DoubleSpend {
                confirmations,
                give_up,
            } => Box::new(DoubleSpend::new(confirmations, give_up)),
            StrategyKind::TimeWarp => Box::new(TimeWarp),
        }
    }
}
