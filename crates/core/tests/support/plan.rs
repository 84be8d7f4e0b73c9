//! What a network is, before it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use forkful_core::doorkeeper::Doorkeeper;
use forkful_core::{Config, Consensus, Honest, Relay, Strategy, Target, Work, limits};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use super::{Net, Participant};

/// What a network is, before it starts.
#[derive(Clone)]
pub struct Plan {
    pub consensus: Consensus,
    pub latency_ms: u64,
    pub loss_percent: u64,
    pub seed: u64,
    /// Nodes hold no body that they have stored.
    pub(super) archives: bool,
    /// How long ago genesis was when the story begins.
    pub age_ms: u64,
    /// What a chain has to have at least.
    pub minimum_work: Work,
    /// How many blocks a branch may lack.
    pub buffer_blocks: u32,
    /// How far headers may be ahead of blocks.
    pub lead_max: u64,
    pub(super) nodes: Vec<NodePlan>,
    pairs: Vec<(usize, usize)>,
}

#[derive(Clone)]
pub(super) struct NodePlan {
    pub(super) config: Config,
    pub(super) strategy: Arc<dyn Fn() -> Box<dyn Strategy>>,
}

/// A network of honest `nodes` that flood, each linked with each, 10 ms apart, that
/// announce their tips every second and wait a second for an answer.
pub fn plan(nodes: usize) -> Plan {
    let node = NodePlan {
        config: Config {
            relay: Relay::Flood,
            tip_interval: Some(Duration::from_secs(1)),
            request_timeout: Duration::from_secs(1),
            all_blocks: false,
            tells_data: false,
            compact_failure_per_million: 0,
        },
        strategy: Arc::new(|| Box::new(Honest)),
    };
    let pairs = (0..nodes).flat_map(|a| (0..a).map(move |b| (b, a)));
    Plan {
        consensus: Consensus::fixed(Target::from_zero_bits(2).unwrap()),
        latency_ms: 10,
        loss_percent: 0,
        seed: 7,
        archives: false,
        age_ms: 24 * 3_600_000,
        minimum_work: Work::ZERO,
        buffer_blocks: limits::WORK_BUFFER_BLOCKS,
        lead_max: limits::HEADERS_LEAD_MAX,
        pairs: pairs.collect(),
        nodes: vec![node; nodes],
    }
}

impl Plan {
    pub fn announce(mut self) -> Self {
        for node in &mut self.nodes {
            node.config.relay = Relay::Announce;
        }
        self
    }

    pub fn relay(mut self, node: usize, relay: Relay) -> Self {
        self.nodes[node].config.relay = relay;
        self
    }

    pub fn strategy(
        mut self,
        node: usize,
        strategy: impl Fn() -> Box<dyn Strategy> + 'static,
    ) -> Self {
        self.nodes[node].strategy = Arc::new(strategy);
        self
    }

    /// For an answer, and between two announcements.
    pub fn waits(&mut self, time: Duration) {
        for node in &mut self.nodes {
            node.config.tip_interval = Some(time);
            node.config.request_timeout = time;
        }
    }

    /// Every node tells again what waits.
    pub fn tells_data(mut self) -> Self {
        for node in &mut self.nodes {
            node.config.tells_data = true;
        }
        self
    }

    /// Every node passes on what does not become its tip, too.
    pub fn all_blocks(mut self) -> Self {
        for node in &mut self.nodes {
            node.config.all_blocks = true;
        }
        self
    }

    /// Of a million compact blocks without entries, how many count as incomplete.
    pub fn compact_failures(&mut self, per_million: u32) {
        for node in &mut self.nodes {
            node.config.compact_failure_per_million = per_million;
        }
    }

    /// Every body is left to an archive as soon as it is stored.
    pub fn archives(mut self) -> Self {
        self.archives = true;
        self
    }

    /// Nobody announces a tip without a reason.
    pub fn quiet(mut self) -> Self {
        for node in &mut self.nodes {
            node.config.tip_interval = None;
        }
        self
    }

    pub fn consensus(mut self, consensus: Consensus) -> Self {
        consensus.check().unwrap();
        self.consensus = consensus;
        self
    }

    pub fn loss_percent(mut self, percent: u64) -> Self {
        self.loss_percent = percent;
        self
    }

    pub fn age_ms(mut self, age_ms: u64) -> Self {
        self.age_ms = age_ms;
        self
    }

    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Only these are linked.
    pub fn links(mut self, pairs: &[(usize, usize)]) -> Self {
        self.pairs = pairs.to_vec();
        self
    }

    pub(super) fn keeper(&self) -> Doorkeeper {
        Doorkeeper::new(self.minimum_work).with_bounds(self.buffer_blocks, self.lead_max)
    }

    pub fn start(self) -> Net {
        let mut net = Net {
            participants: self.nodes.iter().map(Participant::new).collect(),
            rng: Xoshiro256PlusPlus::seed_from_u64(self.seed),
            now: 0,
            next_parcel: 0,
            under_way: BTreeMap::new(),
            cut: BTreeSet::new(),
            latency_ms: BTreeMap::new(),
            sent: Vec::new(),
            tip_changes: Vec::new(),
            disconnects: Vec::new(),
            published: Vec::new(),
            attempts: Vec::new(),
            rejections: Vec::new(),
            effects_in_last_batch: 0,
            rebuilt: Vec::new(),
            searches: 0,
            plan: self,
        };
        for node in 0..net.participants.len() {
            net.bear(node);
        }
        for (a, b) in net.plan.pairs.clone() {
            net.connect(a, b);
        }
        net
    }
}
