//! The node: one participant's opinions, as a pure state machine.
//!
//! ```text
//!                 Input                              Effects
//!   driver ───────────────────▶  Node::handle  ───────────────────▶  driver
//!                                  │      ▲
//!                        opinions ─┘      └─ facts (&BlockTree)
//! ```
//!
//! [`Node::handle`] is the only way in. It reads no clock, draws no ambient randomness
//! and performs nothing: it changes the node and pushes [`Effect`]s. The files of this
//! module are the node's rooms:
//!
//! * `chain`: a block comes in, connects, and perhaps becomes the tip;
//! * `relay`: what is told to whom;
//! * `sync`: what comes in, and what is still missing then;
//! * `goal`: where fetching leads to;
//! * `request`: asking for it, with deadlines, and other peers to turn to;
//! * `segment`: asking for many blocks in a row at once;
//! * `rebuild`: blocks from the names of their entries, asking and answering;
//! * `refuse`: what its operator does not want it to follow;
//! * `serve`: answering what others ask for;
//! * `in_flight`, `peers`, `pool`, `view`: what it remembers.

mod chain;
mod effect;
mod goal;
mod in_flight;
mod peers;
mod pool;
mod rebuild;
mod refuse;
mod relay;
mod request;
mod segment;
mod serve;
mod sync;
mod view;

use std::sync::Arc;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use crate::block::{Entry, Header};
use crate::limits;
use crate::merkle::merkle_root;
use crate::message::{Ids, Message};
use crate::short_id::ShortId;
use crate::strategy::{Claim, Situation, Strategy};
use crate::template::Template;
use crate::tree::{BlockId, BlockTree};
use crate::units::{Now, Time, Timestamp};

pub use effect::{Config, DisconnectReason, Effect, Effects, Input, Relay, TipChange};
pub use peers::PeerId;
pub use pool::{Pool, PoolError};
pub use view::View;

use in_flight::Sync;
use peers::Peers;

/// One participant: its view of the facts, and what it makes of them.
#[derive(Debug)]
pub struct Node {
    config: Config,
    strategy: Box<dyn Strategy>,
    rng: Xoshiro256PlusPlus,
    view: View,
    /// The best connected block it knows, its own secrets included.
    tip: BlockId,
    /// The best connected block that others may know. The same for who has no secrets.
    public_tip: BlockId,
    /// What `tip` and `public_tip` become when the input has been handled.
    best: BlockId,
    best_public: BlockId,
    /// Own blocks that were not published, in the order in which they were mined.
    withheld: Vec<BlockId>,
    /// Bodies that came before their parent's, all on the way to the goal, with the memory that each
    /// takes. At most [`FETCH_WINDOW`](limits::FETCH_WINDOW).
    waiting: Vec<(BlockId, usize)>,
    /// What its operator refuses. At most [`REFUSED_MAX`](limits::REFUSED_MAX).
    refused: Vec<BlockId>,
    peers: Peers,
    /// Apart, because a node that waits for blocks alone never looks at it.
    pool: Box<Pool>,
    sync: Sync,
    /// The last block that was served by the names of its entries, with the nonce.
    names: Option<(BlockId, u64, Arc<[ShortId]>)>,
    /// When the tip is next announced to somebody.
    announce_at: Time,
    /// The deadline that the driver was last told.
    told_deadline: Time,
    /// What the driver was last told to mine on.
    mining_on: Option<BlockId>,
    /// When it was told so.
    mining_since: Time,
    /// When it is told again, because of new data.
    refresh_at: Time,
}

/// What every step of the node reads and writes besides the node itself.
struct Step<'a, P> {
    now: Now,
    tree: &'a BlockTree<P>,
    effects: &'a mut Effects,
}

impl Node {
    /// A node that knows genesis and nobody. Equal seeds make equal nodes.
    pub fn new(config: Config, strategy: Box<dyn Strategy>, seed: u64) -> Self {
        Node {
            config: config.with_time_passing(),
            strategy,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            view: View::new(),
            tip: BlockId::GENESIS,
            public_tip: BlockId::GENESIS,
            best: BlockId::GENESIS,
            best_public: BlockId::GENESIS,
            withheld: Vec::new(),
            waiting: Vec::new(),
            refused: Vec::new(),
            peers: Peers::default(),
            pool: Box::default(),
            sync: Sync::default(),
            names: None,
            announce_at: Time::NEVER,
            told_deadline: Time::NEVER,
            mining_on: None,
            mining_since: Time::ZERO,
            refresh_at: Time::NEVER,
        }
    }

    /// A node that had stored every block of `tree` before it stopped, and that `withheld`
    /// some of them. Of equally good tips it takes the one that entered the tree first, as
    /// when it first saw them.
    pub fn restore<P>(
        config: Config,
        strategy: Box<dyn Strategy>,
        seed: u64,
        tree: &BlockTree<P>,
        withheld: Vec<BlockId>,
    ) -> Self {
        Node::restore_refusing(config, strategy, seed, tree, withheld, Vec::new())
    }

    /// The same with what its operator had refused. Of that, what is more than a node refuses is
    /// left out.
    pub fn restore_refusing<P>(
        config: Config,
        strategy: Box<dyn Strategy>,
        seed: u64,
        tree: &BlockTree<P>,
        withheld: Vec<BlockId>,
        mut refused: Vec<BlockId>,
    ) -> Self {
        let mut node = Node::new(config, strategy, seed);
        node.withheld = withheld;
        refused.truncate(limits::REFUSED_MAX);
        node.refused = refused;
        node.remember(tree, |_| true);
        node
    }

    /// The node as it comes back after a crash, with what it had stored: the blocks, which
    /// of them were secret, and the data. For a world in which it shares its tree with others.
    pub fn restart<P>(self, seed: u64, tree: &BlockTree<P>) -> Self {
        let mut node = Node::new(self.config, self.strategy, seed);
        node.withheld = self.withheld;
        node.remember(tree, |id| self.view.is_connected(id));
        for entry in self.pool.iter() {
            node.restore_data(tree, Arc::clone(entry));
        }
        node
    }

    /// Takes the stored blocks of a tree into the view, and follows the best of them.
    fn remember<P>(&mut self, tree: &BlockTree<P>, stored: impl Fn(BlockId) -> bool) {
        let refused = self.all_refused(tree);
        for id in tree.ids() {
            if tree.is_invalid(id) || !stored(id) {
                continue;
            }
            self.view.add_header(id);
            if tree.has_body(id) && self.view.is_connected(tree.parent(id)) {
                self.view.connect(id);
                if refused.get(id.index()).is_some_and(|refused| *refused) {
                    continue;
                }
                if tree.is_better(id, self.tip) {
                    self.tip = id;
                }
                if tree.is_better(id, self.public_tip) && !self.withheld.contains(&id) {
                    self.public_tip = id;
                }
            }
        }
        self.best = self.tip;
        self.best_public = self.public_tip;
        self.sync.restore(tree, self.public_tip);
        self.remember_data(tree);
    }

    /// Data that had been taken before the node stopped waits again, unless it is on the
    /// chain or here already. Tells nobody: it was told when it was taken.
    pub fn restore_data<P>(&mut self, tree: &BlockTree<P>, entry: Entry) {
        self.pool.restore(tree.consensus(), entry);
    }

    /// Everything that ever happens to a node comes through here.
    ///
    /// `now` is never earlier than in the call before. Effects are appended.
    pub fn handle<P>(
        &mut self,
        now: Now,
        input: Input,
        tree: &BlockTree<P>,
        effects: &mut Effects,
    ) {
        let mut step = Step { now, tree, effects };
        match input {
            Input::Start => {
                self.schedule_announcement(now.time);
                self.mine(&mut step);
            }
            Input::Mine(entry) => self.submit(&mut step, entry),
            Input::Received(peer, message) => self.receive(&mut step, peer, message),
            Input::Rejected(peer, rejection) => self.rejected(&mut step, peer, *rejection),
            Input::Mined(block) => self.mined(&mut step, block),
            Input::Refuse(block) => self.refuse(&mut step, block),
            Input::Reconsider(block) => self.reconsider(&mut step, block),
            Input::Connected(peer) => self.connected(&mut step, peer),
            Input::Disconnected(peer) => self.disconnected(&mut step, peer),
            Input::Deadline => {
                // The driver's deadline is spent, so the next one has to be told again.
                self.told_deadline = Time::NEVER;
                self.check_requests(&mut step);
                self.check_announcement(&mut step);
                if self.refresh_at <= now.time {
                    self.mine(&mut step);
                }
            }
        }
        self.settle(&mut step);
        self.tell_deadline(step.effects);
    }

    /// The block to search for now: on what the strategy chose, with the oldest data of
    /// the pool. Costs a Merkle root, so it is made when a search begins, not before.
    pub fn template<P>(&self, now: Now, tree: &BlockTree<P>) -> Template {
        let parent = self.strategy.mine_on(&self.situation(tree));
        let entries = self.pool.for_block(tree.consensus());
        let claim = Claim {
            clock: now.clock,
            earliest: Timestamp(tree.median_time(parent).0.saturating_add(1)),
            height: tree.height(parent) + 1,
            rule: &tree.consensus().difficulty,
        };
        Template {
            parent,
            header: Header {
                index: claim.height,
                timestamp: self.strategy.claimed_time(&claim),
                data: merkle_root(&entries),
                previous_hash: tree.hash(parent),
                nonce: 0,
            },
            target: tree.child_target(parent),
            entries,
        }
    }

    /// Reads a little of whatever the next input may read, and says nothing of use.
    ///
    /// A driver of thousands of nodes mostly waits for memory. One that knows whose turn
    /// comes next touches these nodes one after the other: what they need then arrives at
    /// the same time, instead of each in its turn.
    pub fn touch(&self) -> u64 {
        self.view.touch() ^ self.peers.touch() ^ self.sync.touch() ^ self.refresh_at.0
    }

    /// The best block that the node knows.
    pub fn tip(&self) -> BlockId {
        self.tip
    }

    /// The best block that it shows to others.
    pub fn public_tip(&self) -> BlockId {
        self.public_tip
    }

    /// The best block that it was shown: what it fetches, or its public tip if it lacks nothing.
    pub fn goal(&self) -> BlockId {
        self.sync.goal
    }

    /// Which blocks it knows.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// The data that waits to be mined.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// How many blocks it asked for that have not come yet: at most
    /// [`FETCH_WINDOW`](limits::FETCH_WINDOW).
    pub fn fetching_count(&self) -> usize {
        self.sync.bodies.len()
    }

    fn receive<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, message: Message<Ids>) {
        // A message can arrive after its connection ended; it is of no use then.
        if self.peers.get(peer).is_none() {
            return;
        }
        match message {
            Message::NewBlock(block) => self.on_new_block(step, peer, block),
            Message::Announce(block) => self.on_announce(step, peer, block),
            Message::Block(block) => self.on_block(step, peer, block),
            Message::NotFound(block) => self.on_not_found(step, peer, block),
            Message::Headers { headers, more } => self.on_headers(step, peer, &headers, more),
            Message::Chain { blocks, more } => self.on_chain(step, peer, &blocks, more),
            Message::NewData(entry) => self.on_data(step, peer, entry),
            Message::RequestBlock(block) => self.serve_block(step, peer, block),
            Message::RequestHeaders(locator) => self.serve_headers(step, peer, &locator),
            Message::RequestChain(locator) => self.serve_chain(step, peer, &locator),
            Message::RequestCompact(block) => self.serve_compact(step, peer, block),
            Message::CompactBlock {
                header,
                nonce,
                short_ids,
            } => self.on_compact_block(step, peer, header, nonce, &short_ids),
            Message::RequestEntries { block, indices } => {
                self.serve_entries(step, peer, block, &indices);
            }
            Message::Entries { block, entries } => self.on_entries(step, peer, block, entries),
        }
    }

    fn situation<'a, P>(&'a self, tree: &'a BlockTree<P>) -> Situation<'a> {
        Situation {
            tip: self.tip,
            public_tip: self.public_tip,
            withheld: &self.withheld,
            facts: tree,
        }
    }

    /// Tells the driver to search, whatever it was told before.
    fn mine<P>(&mut self, step: &mut Step<'_, P>) {
        let on = self.strategy.mine_on(&self.situation(step.tree));
        self.mining_on = Some(on);
        self.mining_since = step.now.time;
        self.refresh_at = Time::NEVER;
        step.effects.push(Effect::Mine { on });
    }

    /// New data has to get into the search, but not each entry at once.
    fn mine_data<P>(&mut self, step: &mut Step<'_, P>) {
        let at = self.mining_since + limits::DATA_WAIT;
        if at <= step.now.time {
            self.mine(step);
        } else {
            self.refresh_at = at;
        }
    }

    fn tell_deadline(&mut self, effects: &mut Effects) {
        let deadline = (self.announce_at.min(self.refresh_at)).min(self.sync.deadline());
        if deadline != self.told_deadline {
            self.told_deadline = deadline;
            effects.push(Effect::Deadline(deadline));
        }
    }

    fn draw_nonce(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// A number below `bound`, or zero if there is none.
    fn draw(&mut self, bound: usize) -> usize {
        // A modulus is biased by less than bound / 2^64: nothing here can feel that.
        let bound = (bound as u64).max(1);
        usize::try_from(self.rng.next_u64() % bound).unwrap_or(0)
    }
}
