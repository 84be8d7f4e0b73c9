//! Races between attackers and the honest: gamma is measured here, not assumed.
//!
//! A race is a tie between a branch that an attacker published in answer to others and a
//! branch of the honest. Eyal and Sirer 2014 call gamma the part of the honest hash rate that
//! mines on the attacker's branch then. When an honest node finds the block that breaks the
//! tie, the tips of all honest nodes give one sample of it; and on which branch that block
//! was built is a throw of a coin with that probability.
//!
//! The recorder keeps this only where a scenario has an attacker: it costs a comparison for
//! each change of a tip, and a look at all tips for each race.

use forkful_core::event::What;
use forkful_core::{BlockRef, Event, Hash, NodeId};

use crate::quantity::HashRate;
use crate::report::RaceReport;
use crate::strategy::StrategyKind;

/// Follows the greatest height that is public, and what stands there.
#[derive(Clone, Debug)]
pub(crate) struct Races {
    nodes: Vec<Participant>,
    top: Top,
    count: u64,
    ended_by_honest: u64,
    on_attackers_branch: u64,
    ended_by_attackers: u64,
    /// The sum of the samples of gamma, one for each race that an honest node ended.
    gammas: f64,
}

/// What is known of one node.
#[derive(Clone, Copy, Debug)]
struct Participant {
    attacks: bool,
    /// Tries per second; or its share, where the hash rate is that of the machine.
    hash_rate: f64,
    /// Its tip, while it is up.
    tip: Option<BlockRef>,
}

/// The public blocks of the greatest height.
#[derive(Clone, Debug, Default)]
struct Top {
    height: u64,
    /// Those that attackers found.
    of_attackers: Vec<Hash>,
    /// Those that honest nodes found.
    of_honest: Vec<Hash>,
    /// One of the attackers' was published when there was one of the honest.
    is_answer: bool,
    /// A block was found since: nobody ended the tie in the moment in which it began.
    is_counted: bool,
}

impl Races {
    /// None yet, among nodes with these strategies and shares of the network's hash rate.
    pub fn new(
        strategies: &[StrategyKind],
        shares: &[f64],
        hash_rate: HashRate,
        genesis: BlockRef,
    ) -> Self {
        let total = hash_rate.tries_per_second();
        let sum: f64 = shares.iter().sum();
        let rate = |share: f64| match total {
            Some(total) if sum > 0.0 => share / sum * total,
            _ => share,
        };
        let node = |(strategy, share): (&StrategyKind, &f64)| Participant {
            attacks: *strategy != StrategyKind::Honest,
            hash_rate: rate(*share),
            tip: Some(genesis),
        };
        Races {
            nodes: strategies.iter().zip(shares).map(node).collect(),
            top: Top {
                of_honest: vec![genesis.hash],
                height: genesis.height,
                ..Top::default()
            },
            count: 0,
            ended_by_honest: 0,
            on_attackers_branch: 0,
            ended_by_attackers: 0,
            gammas: 0.0,
        }
    }

    /// Takes in one event: looks at it if it is about blocks, or about who is there.
    pub fn record(&mut self, event: &Event) {
        match &event.what {
            What::Mined { block, parent, .. } => self.mined(event.node, *block, *parent),
            What::Published { block } => self.published(*block),
            What::TipChanged { new: tip, .. } | What::Restarted { tip } => {
                self.tip_changed(event.node, *tip);
            }
            What::Crashed => self.crashed(event.node),
            What::HashRate { tries_per_second } => self.hash_rate(event.node, *tries_per_second),
            _ => {}
        }
    }

    /// What came of all races.
    pub fn report(&self) -> RaceReport {
        #[allow(clippy::cast_precision_loss, reason = "a mean")]
        let samples = self.ended_by_honest as f64;
        RaceReport {
            count: self.count,
            ended_by_honest: self.ended_by_honest,
            on_attackers_branch: self.on_attackers_branch,
            ended_by_attackers: self.ended_by_attackers,
            gamma: (self.ended_by_honest > 0).then(|| self.gammas / samples),
        }
    }

    /// A node found a block. What an attacker finds is not public before others know it.
    fn mined(&mut self, node: Option<NodeId>, block: BlockRef, parent: Hash) {
        if self.top.is_race() && !self.top.is_counted {
            self.top.is_counted = true;
            self.count += 1;
        }
        if self.node(node).is_none_or(|node| node.attacks) {
            return;
        }
        if block.height > self.top.height {
            if self.top.is_race() {
                self.sample(parent);
            }
            self.top = Top::new(block.height);
        }
        if block.height == self.top.height {
            self.top.of_honest.push(block.hash);
        }
    }

    /// A block that an attacker had kept is public.
    fn published(&mut self, block: BlockRef) {
        self.shown(block);
        let top = &mut self.top;
        // Where others found one of this height only later, it was no answer.
        top.is_answer |= block.height == top.height && !top.of_honest.is_empty();
    }

    /// A node has another tip: one that is new to all of this is an attacker's.
    fn tip_changed(&mut self, node: Option<NodeId>, tip: BlockRef) {
        let Some(node) = self.node(node) else { return };
        node.tip = Some(tip);
        if !node.attacks {
            self.shown(tip);
        }
    }

    /// A node is down: its hash rate is nobody's.
    fn crashed(&mut self, node: Option<NodeId>) {
        if let Some(node) = self.node(node) {
            node.tip = None;
        }
    }

    /// A node has another hash rate.
    fn hash_rate(&mut self, node: Option<NodeId>, tries_per_second: Option<u64>) {
        if let (Some(node), Some(rate)) = (self.node(node), tries_per_second) {
            #[allow(clippy::cast_precision_loss, reason = "a weight")]
            let rate = rate as f64;
            node.hash_rate = rate;
        }
    }

    /// A block that is public: an attacker's, unless an honest node was seen to find it.
    fn shown(&mut self, block: BlockRef) {
        if block.height > self.top.height {
            if self.top.is_race() && self.top.is_counted {
                self.ended_by_attackers += 1;
            }
            self.top = Top::new(block.height);
        }
        let top = &mut self.top;
        if block.height == top.height
            && !top.of_honest.contains(&block.hash)
            && !top.of_attackers.contains(&block.hash)
        {
            top.of_attackers.push(block.hash);
        }
    }

    /// An honest node found the block that ends the race, on `parent`.
    fn sample(&mut self, parent: Hash) {
        let top = &self.top;
        let (mut on_attackers, mut on_either) = (0.0, 0.0);
        for node in self.nodes.iter().filter(|node| !node.attacks) {
            let Some(tip) = node.tip.filter(|tip| tip.height == top.height) else {
                continue;
            };
            on_either += node.hash_rate;
            if top.of_attackers.contains(&tip.hash) {
                on_attackers += node.hash_rate;
            }
        }
        let is_on_attackers = top.of_attackers.contains(&parent);
        self.ended_by_honest += 1;
        self.on_attackers_branch += u64::from(is_on_attackers);
        // Whoever found the block has some, but a hash rate may have changed meanwhile.
        self.gammas += if on_either > 0.0 {
            on_attackers / on_either
        } else {
            f64::from(u8::from(is_on_attackers))
        };
    }

    /// A trace may be anybody's: a node that the scenario does not have is not followed.
    fn node(&mut self, node: Option<NodeId>) -> Option<&mut Participant> {
        self.nodes.get_mut(node?.0 as usize)
    }
}

impl Top {
    fn new(height: u64) -> Self {
        Top {
            height,
            ..Top::default()
        }
    }

    fn is_race(&self) -> bool {
        self.is_answer && !self.of_honest.is_empty()
    }
}
