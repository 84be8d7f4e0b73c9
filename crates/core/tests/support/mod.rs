//! A virtual network: nodes on one virtual clock, each with its own tree, driven as a
//! real driver does it. Messages travel as bytes and pass the door.
//!
//! Nodes are numbered from zero, and so are the peers that they see. A *puppet* is a
//! peer without a node: the test speaks for it.

#![allow(
    dead_code,
    unused_imports,
    reason = "every test file uses another part"
)]

pub mod check;
mod driver;
mod forge;
mod plan;
pub mod spec;
mod verbs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use forkful_core::doorkeeper::Doorkeeper;
use forkful_core::node::{DisconnectReason, TipChange};
use forkful_core::strategy::Attempt;
use forkful_core::{
    Block, BlockId, BlockTree, Entry, Hash, Message, MessageKind, Node, PeerId, RuleError,
    Sha256Pow, Time, Timestamp, Wire,
};
use rand_xoshiro::Xoshiro256PlusPlus;

use check::Checker;
pub use forge::{Forge, headers, work_on};
use plan::NodePlan;
pub use plan::{Plan, plan};

const MS: u64 = 1_000_000;

/// Blocks by hash.
type Blocks = Arc<Mutex<BTreeMap<Hash, Arc<Block>>>>;

/// A participant. Without a node it is a puppet, or has crashed.
struct Participant {
    plan: NodePlan,
    puppet: bool,
    life: Option<Life>,
    lives: u64,
    /// What survives a crash.
    store: Vec<Arc<Block>>,
    shelf: Blocks,
    data: Vec<Entry>,
    withheld: Vec<Hash>,
    links: BTreeSet<usize>,
    clock_ahead_ms: i64,
    /// Hears everything and says nothing.
    silent: bool,
    inbox: Vec<(usize, Message<Wire>)>,
}

impl Participant {
    fn new(plan: &NodePlan) -> Self {
        Participant {
            plan: plan.clone(),
            puppet: false,
            life: None,
            lives: 0,
            store: Vec::new(),
            shelf: Blocks::default(),
            data: Vec::new(),
            withheld: Vec::new(),
            links: BTreeSet::new(),
            clock_ahead_ms: 0,
            silent: false,
            inbox: Vec::new(),
        }
    }
}

/// What is lost in a crash.
struct Life {
    tree: BlockTree<Sha256Pow>,
    node: Node,
    keeper: Doorkeeper,
    checker: Checker,
    deadline: Time,
}

struct Parcel {
    from: usize,
    to: usize,
    lives: (u64, u64),
    bytes: Vec<u8>,
}

/// The network.
pub struct Net {
    plan: Plan,
    now: u64,
    next_parcel: u64,
    under_way: BTreeMap<(u64, u64), Parcel>,
    participants: Vec<Participant>,
    cut: BTreeSet<(usize, usize)>,
    latency_ms: BTreeMap<(usize, usize), u64>,
    rng: Xoshiro256PlusPlus,
    /// Every message that a node gave to the network: when, from, to.
    pub sent: Vec<(u64, usize, usize, Message<Wire>)>,
    pub tip_changes: Vec<(usize, TipChange)>,
    pub disconnects: Vec<(usize, PeerId, DisconnectReason)>,
    /// Secrets that a node gave away: which node, which block.
    pub published: Vec<(usize, Hash)>,
    pub attempts: Vec<(usize, Attempt)>,
    pub rejections: Vec<(usize, usize, RuleError)>,
    pub effects_in_last_batch: usize,
    /// Blocks that were rebuilt and have not passed the door yet: from, to.
    rebuilt: Vec<(usize, usize, Message<Wire>)>,
    /// How many searches all drivers were told to begin.
    pub searches: usize,
}

/// What there is to see.
impl Net {
    pub fn is_up(&self, node: usize) -> bool {
        self.participants[node].life.is_some()
    }

    fn life(&self, node: usize) -> &Life {
        self.participants[node].life.as_ref().expect("it is up")
    }

    fn life_mut(&mut self, node: usize) -> &mut Life {
        self.participants[node].life.as_mut().expect("it is up")
    }

    pub fn node(&self, node: usize) -> &Node {
        &self.life(node).node
    }

    pub fn tree(&self, node: usize) -> &BlockTree<Sha256Pow> {
        &self.life(node).tree
    }

    pub fn keeper(&self, node: usize) -> &Doorkeeper {
        &self.life(node).keeper
    }

    /// How many blocks the node's store holds.
    pub fn stored(&self, node: usize) -> usize {
        self.participants[node].store.len()
    }

    pub fn tip(&self, node: usize) -> Hash {
        let life = self.life(node);
        life.tree.hash(life.node.tip())
    }

    pub fn height(&self, node: usize) -> u64 {
        let life = self.life(node);
        life.tree.height(life.node.tip())
    }

    /// What the node keeps to itself, as its store knows.
    pub fn withheld(&self, node: usize) -> &[Hash] {
        &self.participants[node].withheld
    }

    pub fn clock(&self) -> Timestamp {
        Timestamp(self.plan.consensus.genesis_time.0 + self.plan.age_ms + self.now_ms())
    }

    pub fn genesis(&self) -> Hash {
        self.plan.consensus.genesis().header.hash()
    }

    /// The tip of every node that is up, with its height.
    pub fn tips(&self) -> Vec<(usize, u64, Hash)> {
        let up = (0..self.participants.len()).filter(|node| self.is_up(*node));
        up.map(|node| (node, self.height(node), self.tip(node)))
            .collect()
    }

    pub fn is_converged(&self) -> bool {
        let tips = self.tips();
        tips.windows(2).all(|pair| pair[0].2 == pair[1].2)
    }

    pub fn assert_converged(&self) {
        assert!(self.is_converged(), "tips differ: {:#?}", self.tips());
    }

    pub fn has(&self, node: usize, hash: Hash) -> bool {
        let life = self.life(node);
        let id = life.tree.find(&hash);
        id.is_some_and(|id| life.node.view().is_connected(id))
    }

    /// All data on the chain of the node, in order.
    pub fn data_on_chain(&self, node: usize) -> Vec<Vec<u8>> {
        let life = self.life(node);
        let path = life.tree.path(BlockId::GENESIS, life.node.tip());
        let blocks = path.iter().map(|id| life.tree.block(*id).unwrap());
        let data = blocks.map(|block| block.entries.iter().map(|e| e.to_vec()).collect());
        data.collect::<Vec<Vec<_>>>().concat()
    }

    /// How many messages of this kind were sent by nodes so far.
    pub fn count(&self, kind: MessageKind) -> usize {
        self.sent.iter().filter(|(.., m)| m.kind() == kind).count()
    }

    pub fn count_from(&self, node: usize, kind: MessageKind) -> usize {
        let of_it = |(_, from, _, m): &&(u64, usize, usize, Message<Wire>)| {
            *from == node && m.kind() == kind
        };
        self.sent.iter().filter(of_it).count()
    }
}

pub fn peer(node: usize) -> PeerId {
    PeerId(u32::try_from(node).unwrap())
}
