//! A sequence of inputs into one node, as a driver gives them: messages of honest and dishonest
//! peers through the door, connections, time, blocks of its own, data, crashes.
//!
//! After every input it is held against the rules as they are written a second time, and against
//! its own bounds.

#[allow(dead_code, reason = "a part of it is asked here")]
#[path = "../../crates/core/tests/support/check.rs"]
mod check;
#[path = "forge.rs"]
mod forge;
#[path = "input.rs"]
mod input;
#[path = "node_deeds.rs"]
mod node_deeds;
#[allow(dead_code, reason = "a part of it is asked here")]
#[path = "../../crates/core/tests/support/spec.rs"]
mod spec;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use forkful_core::strategy::{Selfish, Stubborn};
use forkful_core::{
    Block, BlockId, BlockTree, Config, Consensus, DifficultyRule, Effect, Entry, ForkChoice, Hash,
    Honest, Input as NodeInput, Message, Node, Now, PeerId, Relay, Sha256Pow, Strategy, Target,
    Time, Timestamp, Wire, door, limits, sha256,
};

use check::Checker;
use forge::Forge;
use input::Input;

/// Deeds up to which an input is looked at.
const DEEDS_MAX: usize = 256;

/// What the node said and nobody answered, up to which it is remembered.
const SAID_MAX: usize = 64;

const MS: u64 = 1_000_000;

/// Plays what the bytes say.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let mut play = Play::new(&mut input);
    for _ in 0..DEEDS_MAX {
        if input.is_empty() {
            return;
        }
        play.deed(&mut input);
    }
}

/// One node, and everything around it.
struct Play {
    config: Config,
    strategy: fn() -> Box<dyn Strategy>,
    tree: BlockTree<Sha256Pow>,
    node: Node,
    checker: Checker,
    forge: Forge,
    peers: BTreeSet<PeerId>,
    /// What it said, oldest first.
    said: VecDeque<(PeerId, Message<Wire>)>,
    now: u64,
    deadline: Time,
    /// What outlives a crash.
    stored: Vec<Arc<Block>>,
    data: Vec<Entry>,
    withheld: Vec<Hash>,
    lives: u64,
    /// Whether anything was ever refused: then of equal tips not the first one is followed.
    was_refused: bool,
    /// Blocks that were rebuilt and have not passed the door yet.
    rebuilt: Vec<(PeerId, Arc<Block>)>,
}

impl Play {
    fn new(input: &mut Input) -> Play {
        let consensus = consensus(input.byte());
        let kind = input.byte();
        let strategy: fn() -> Box<dyn Strategy> = match kind >> 4 {
            0 => || Box::new(Selfish::default()),
            1 => || Box::new(Stubborn::new(true, true, 1)),
            _ => || Box::new(Honest),
        };
        let config = Config {
            relay: Relay::ALL[usize::from(kind & 3)],
            tip_interval: (kind & 4 == 0).then_some(Duration::from_secs(1)),
            request_timeout: Duration::from_secs(1),
            all_blocks: kind & 8 != 0,
            compact_failure_per_million: 0,
            tells_data: kind & 64 != 0,
        };
        let mut play = Play {
            config,
            strategy,
            tree: BlockTree::new(consensus.clone(), Sha256Pow),
            node: Node::new(config, strategy(), 0),
            checker: Checker::new(&consensus, true),
            forge: Forge::new(&consensus),
            peers: BTreeSet::new(),
            said: VecDeque::new(),
            now: 0,
            deadline: Time::NEVER,
            stored: Vec::new(),
            data: Vec::new(),
            withheld: Vec::new(),
            lives: 0,
            was_refused: false,
            rebuilt: Vec::new(),
        };
        play.begin();
        for peer in 0..3 {
            play.connect(PeerId(peer));
        }
        play
    }

    /// A life begins, with what was stored.
    fn begin(&mut self) {
        let consensus = self.tree.consensus().clone();
        let strategy = (self.strategy)();
        self.checker = Checker::new(&consensus, strategy.name() == "honest");
        self.tree = BlockTree::new(consensus, Sha256Pow);
        let clock = self.now().clock;
        for block in &self.stored {
            let entered = self.tree.insert_block(Arc::clone(block), clock);
            entered.expect("a store, read in order, is a tree");
            self.checker.spec.insert(block, clock.0);
        }
        let withheld = self.withheld.iter();
        let withheld = withheld.filter_map(|hash| self.tree.find(hash)).collect();
        self.node = Node::restore(self.config, strategy, self.lives, &self.tree, withheld);
        for entry in &self.data {
            self.node.restore_data(&self.tree, Arc::clone(entry));
        }
        self.lives += 1;
        self.deadline = Time::NEVER;
        self.was_refused = false;
        self.peers.clear();
        self.said.clear();
        self.rebuilt.clear();
        self.input(NodeInput::Start);
    }

    fn now(&self) -> Now {
        let genesis = self.tree.consensus().genesis_time.0;
        Now {
            time: Time(self.now),
            clock: Timestamp(genesis + 24 * 3_600_000 + self.now / MS),
        }
    }

    fn connect(&mut self, peer: PeerId) {
        if (peer.0 as usize) < limits::PEERS_MAX {
            self.peers.insert(peer);
        }
        self.input(NodeInput::Connected(peer));
    }

    fn disconnect(&mut self, peer: PeerId) {
        self.peers.remove(&peer);
        self.said.retain(|(to, _)| *to != peer);
        self.input(NodeInput::Disconnected(peer));
    }

    /// Time passes, and deadlines come.
    fn wait(&mut self, ms: u64) {
        let end = self.now + ms * MS;
        while self.deadline.0 <= end {
            self.now = self.now.max(self.deadline.0);
            self.deadline = Time::NEVER;
            self.checker.deadline_came();
            self.input(NodeInput::Deadline);
        }
        self.now = end;
    }

    /// What a peer says, as bytes, through the door.
    fn hear(&mut self, peer: PeerId, message: &Message<Wire>) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        let Ok(message) = Message::decode(&bytes) else {
            return;
        };
        self.take(peer, message);
    }

    fn take(&mut self, peer: PeerId, message: Message<Wire>) {
        if !self.peers.contains(&peer) || door::unknown_name(&self.tree, &message).is_some() {
            return;
        }
        let clock = self.now().clock;
        let admitted = door::admit(&mut self.tree, message, clock);
        if let Some(message) = admitted.message {
            self.input(NodeInput::Received(peer, message));
        }
        if let Some(rejection) = admitted.rejected {
            self.input(NodeInput::Rejected(peer, Box::new(rejection)));
        }
    }

    fn input(&mut self, input: NodeInput) {
        let now = self.now();
        let mut effects = Vec::new();
        self.node.handle(now, input, &self.tree, &mut effects);
        let mut gone = Vec::new();
        for effect in &effects {
            self.checker.effect(&self.tree, now.clock.0, effect);
            self.perform(effect, &mut gone);
        }
        if !self.was_refused {
            self.checker
                .settled(&self.node, &self.tree, now.time, &effects);
        }
        for peer in gone {
            self.disconnect(peer);
        }
        self.settled();
        while let Some((peer, block)) = self.rebuilt.pop() {
            self.take(peer, Message::Block(block));
        }
    }

    fn perform(&mut self, effect: &Effect, gone: &mut Vec<PeerId>) {
        match effect {
            Effect::Store(id) => {
                let block = self.tree.block(*id).expect("what is stored is here");
                self.forge.keep(Arc::clone(&block));
                self.stored.push(block);
            }
            Effect::StoreData(entry) => self.data.push(Arc::clone(entry)),
            Effect::Withheld(id) => self.withheld.push(self.tree.hash(*id)),
            Effect::Published(id) => {
                let hash = self.tree.hash(*id);
                self.withheld.retain(|withheld| *withheld != hash);
            }
            Effect::Send(peer, message) => {
                assert!(self.peers.contains(peer), "something said to nobody");
                let message = message.to_wire(&self.tree).expect("no empty promises");
                assert!(message.encoded_len() <= limits::MESSAGE_BYTES_MAX);
                self.checker.message(&message);
                self.is_no_secret(&message);
                self.said.push_back((*peer, message));
                if self.said.len() > SAID_MAX {
                    self.said.pop_front();
                }
            }
            Effect::Deadline(time) => self.deadline = *time,
            Effect::Unused(id) => door::forget_unused(&mut self.tree, &self.node, &[*id]),
            Effect::Rebuilt(peer, block) => self.rebuilt.push((*peer, Arc::clone(block))),
            Effect::Disconnect(peer, _) => gone.push(*peer),
            Effect::TipChanged(change) => {
                let path = self.tree.path(change.fork_point, change.new);
                assert_eq!(path.len() as u64, change.connected);
            }
            Effect::Mine { .. }
            | Effect::Accepted { .. }
            | Effect::Data { .. }
            | Effect::Attempt(_) => {}
        }
    }

    /// What is withheld is shown to nobody.
    fn is_no_secret(&self, message: &Message<Wire>) {
        for hash in check::shown(message) {
            assert!(!self.withheld.contains(&hash), "a secret was told");
        }
    }

    /// What holds between two inputs.
    fn settled(&self) {
        let (tree, node, tip) = (&self.tree, &self.node, self.node.tip());
        for id in tree.ids() {
            let follows = node.view().is_connected(id) && !tree.is_invalid(id);
            if follows && !node.is_refused(tree, id) {
                assert!(!tree.is_better(id, tip), "a better block is known");
            }
        }
        assert!(tip == BlockId::GENESIS || !node.is_refused(tree, tip));
        self.chain_connects();
        let pool = node.pool();
        assert!(pool.len() <= limits::POOL_ENTRIES_MAX);
        assert!(pool.bytes() <= limits::POOL_BYTES_MAX);
        let bytes: usize = pool.iter().map(|entry| entry.len()).sum();
        assert_eq!(pool.bytes(), bytes, "the pool has lost count");
        for (hash, entry) in pool.hashed() {
            assert_eq!(hash, sha256(entry));
            assert!(!pool.is_on_chain(&hash), "waits, and is on the chain");
        }
        assert_eq!(node.peer_count(), self.peers.len());
        let most = limits::FETCH_PER_PEER_MAX * self.peers.len();
        assert!(node.fetching_count() <= most.min(limits::FETCH_WINDOW));
    }

    /// From the tip to genesis, by hashes.
    fn chain_connects(&self) {
        let (tree, mut at) = (&self.tree, self.node.tip());
        for height in (0..=tree.height(at)).rev() {
            let block = tree.block(at).expect("a body for every block of the chain");
            assert_eq!(block.header.index, height);
            assert_eq!(block.header.hash(), tree.hash(at));
            let parent = tree.parent(at);
            assert!(height == 0 || block.header.previous_hash == tree.hash(parent));
            at = parent;
        }
        assert_eq!(at, BlockId::GENESIS);
    }
}

/// One of a few networks, all of them easy.
fn consensus(byte: u8) -> Consensus {
    let target = |bits| Target::from_zero_bits(bits).expect("a few bits");
    let (initial, limit) = (target(2), target(1));
    let difficulty = match byte >> 4 {
        0 => DifficultyRule::Bitcoin {
            initial,
            limit,
            window: 3,
            interval_ms: 1_000,
            clamp: 2,
        },
        1 => DifficultyRule::Asert {
            initial,
            limit,
            interval_ms: 1_000,
            half_life_ms: 60_000,
        },
        2 => DifficultyRule::Lwma {
            initial,
            limit,
            window: 4,
            interval_ms: 1_000,
        },
        _ => DifficultyRule::Fixed { target: initial },
    };
    Consensus {
        difficulty,
        fork_choice: match byte & 1 {
            0 => ForkChoice::MostWork,
            _ => ForkChoice::Longest,
        },
        entries_max: 4,
        body_bytes_max: 64,
        ..Consensus::fixed(initial)
    }
}
