//! What an actor drives: the facts and opinions of one node, and how they come back from a store.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forkful_core::consensus::FUTURE_MS_MAX;
use forkful_core::node::PoolError;
use forkful_core::{
    BlockId, BlockRef, BlockTree, Config, Consensus, Effect, Hash, Node, RuleError, Sha256Pow,
    Strategy, Timestamp, Work,
};

use crate::store::{ChainChange, Store, StoreError};

/// Bytes of stored bodies that stay in memory. Older ones are read from the store when somebody
/// asks for them.
const BODIES_BYTES_MAX: usize = 16 << 20;

/// One participant: the facts it has checked and the opinions it holds.
#[derive(Debug)]
pub struct Participant {
    /// The facts.
    pub tree: BlockTree<Sha256Pow>,
    /// The opinions.
    pub node: Node,
    bodies: Bodies,
}

impl Participant {
    /// The block, as events name it.
    pub fn block_ref(&self, id: BlockId) -> BlockRef {
        BlockRef {
            hash: self.tree.hash(id),
            height: self.tree.height(id),
        }
    }

    /// The node's tip, as events name it.
    pub fn tip(&self) -> BlockRef {
        self.block_ref(self.node.tip())
    }

    /// Puts into the store what the effects of one input say is to be kept. Commits nothing.
    pub fn keep(&mut self, effects: &[Effect], store: &mut dyn Store) {
        let tree = &self.tree;
        for effect in effects {
            match effect {
                Effect::Store(id) => {
                    if let Some(block) = tree.block(*id) {
                        store.put_block(tree.hash(*id), block);
                        self.bodies.stored.push(*id);
                    }
                }
                Effect::StoreData(entry) => store.put_data(Arc::clone(entry)),
                Effect::Data {
                    entry,
                    taken: Err(PoolError::Expired),
                    ..
                } => store.remove_data(entry),
                Effect::Withheld(id) => store.put_withheld(tree.hash(*id)),
                Effect::Published(id) => store.set_published(&tree.hash(*id)),
                Effect::TipChanged(change) => {
                    store.set_chain(self.chain_change(change.fork_point, change.new));
                }
                _ => {}
            }
        }
    }

    /// What was kept so far is committed: the store has it, so that not all of it has to stay in
    /// memory.
    pub fn durable(&mut self) {
        for id in self.bodies.stored.drain(..).collect::<Vec<_>>() {
            self.bodies.durable(&mut self.tree, id);
        }
    }

    /// Makes the stored chain the node's, where the two differ after a start.
    fn align(&self, stored_tip: Option<Hash>, store: &mut dyn Store) -> Result<(), StoreError> {
        let (tree, tip) = (&self.tree, self.node.tip());
        // All that is stored is in the tree.
        let stored = stored_tip.and_then(|hash| tree.find(&hash));
        let stored = stored.unwrap_or(BlockId::GENESIS);
        if stored != tip {
            store.set_chain(self.chain_change(tree.fork_point(stored, tip), tip));
            store.commit()?;
        }
        Ok(())
    }

    /// The height and the total work of its best block.
    pub fn best(&self) -> (u64, Work) {
        let tip = self.node.tip();
        (self.tree.height(tip), self.tree.total_work(tip))
    }

    /// The active chain leads to `tip`; up to `fork_point` it is as it was.
    fn chain_change(&self, fork_point: BlockId, tip: BlockId) -> ChainChange {
        let tree = &self.tree;
        let path = tree.path(fork_point, tip).into_iter();
        ChainChange {
            fork_height: tree.height(fork_point),
            connected: path.map(|id| tree.hash(id)).collect(),
        }
    }
}

/// A participant that its actor shares with whoever wants to look at it.
///
/// A std mutex, never held across an await: the actor holds it while it handles one
/// input, a reader while it copies what it wants.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Participant>>);

impl Shared {
    /// Shares the participant.
    pub fn new(participant: Participant) -> Self {
        Shared(Arc::new(Mutex::new(participant)))
    }

    /// Looks at the participant. A panic elsewhere does not make it unreadable: the run
    /// ends with an error then, and what is left may still be told.
    pub fn lock(&self) -> MutexGuard<'_, Participant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a participant did not come back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Its store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored block breaks a rule.
    #[error(
        "block {place} of the store breaks a rule: {rule}. The file was changed by something else: move it away, and the node fetches the chain again from its peers"
    )]
    Rule {
        /// Which, in the order in which they were stored, from 1.
        place: usize,
        /// The rule.
        rule: RuleError,
    },
    /// The clock was set back by hours since a block was stored.
    #[error(
        "block {place} of the store has a {rule}. The clock of this machine is behind what it was: set it, and nothing is lost"
    )]
    Clock {
        /// Which, in the order in which they were stored, from 1.
        place: usize,
        /// By how much.
        rule: RuleError,
    },
}

impl RestoreError {
    /// What it means that the block at this place of a store breaks the rule.
    pub fn of_rule(place: usize, rule: RuleError) -> Self {
        match rule {
            RuleError::TimestampTooNew { .. } => RestoreError::Clock { place, rule },
            rule => RestoreError::Rule { place, rule },
        }
    }
}

impl Participant {
    /// A participant that knows genesis and nobody.
    pub fn new(
        consensus: Consensus,
        config: Config,
        strategy: Box<dyn Strategy>,
        seed: u64,
    ) -> Self {
        let tree = BlockTree::new(consensus, Sha256Pow);
        Participant {
            node: Node::new(real(config), strategy, seed),
            bodies: Bodies::default(),
            tree,
        }
    }

    /// A participant that comes back with what it stored, every rule checked again. The stored
    /// chain is the node's then: of equally good branches it may take another than before.
    ///
    /// # Errors
    /// The store cannot be read or written; a block breaks a rule; or one is ahead of the clock, which
    /// was set back: as in Bitcoin Core a node does not start then, for with such a clock it can
    /// neither take new blocks nor mine any that others take.
    pub fn restore(
        consensus: Consensus,
        config: Config,
        strategy: Box<dyn Strategy>,
        seed: u64,
        store: &mut dyn Store,
        clock: Timestamp,
    ) -> Result<Self, RestoreError> {
        let mut tree = BlockTree::new(consensus, Sha256Pow).with_archive(store.archive());
        let mut bodies = Bodies::default();
        let clock = clock_for_stored(clock);
        let (mut place, mut broken) = (0, None);
        store.blocks(&mut |block| {
            place += 1;
            match tree.insert_block(block, clock) {
                Ok(id) => bodies.durable(&mut tree, id),
                Err(rule) => broken = Some(RestoreError::of_rule(place, rule)),
            }
            match broken {
                None => ControlFlow::Continue(()),
                Some(_) => ControlFlow::Break(()),
            }
        })?;
        if let Some(broken) = broken {
            return Err(broken);
        }
        let stored = store.contents()?;
        let known = |hashes: &[Hash]| hashes.iter().filter_map(|hash| tree.find(hash)).collect();
        let (withheld, refused) = (known(&stored.withheld), known(&stored.refused));
        let config = real(config);
        let node = Node::restore_refusing(config, strategy, seed, &tree, withheld, refused);
        let mut participant = Participant { tree, node, bodies };
        participant.align(stored.tip, store)?;
        // After that, for data of blocks that are off the chain now waits again.
        for entry in store.contents()?.data {
            participant.node.restore_data(&participant.tree, entry);
        }
        Ok(participant)
    }
}

/// By what clock stored blocks are judged: twice as far ahead as new ones may they be, for a clock that
/// is set back by a little must not refuse what it let in.
pub fn clock_for_stored(clock: Timestamp) -> Timestamp {
    Timestamp(clock.0.saturating_add(FUTURE_MS_MAX))
}

/// The same without what is for simulators: what no entry lacks cannot be missing here.
fn real(config: Config) -> Config {
    Config {
        compact_failure_per_million: 0,
        ..config
    }
}

/// The bodies that are in memory although the store has them, oldest first: what peers ask for is
/// new, nearly always.
#[derive(Debug, Default)]
struct Bodies {
    held: VecDeque<(BlockId, usize)>,
    bytes: usize,
    /// Stored by the next commit.
    stored: Vec<BlockId>,
}

impl Bodies {
    /// The store has the body for certain. If there are too many in memory, the oldest go.
    fn durable(&mut self, tree: &mut BlockTree<Sha256Pow>, id: BlockId) {
        let bytes = tree.body_memory(id);
        self.held.push_back((id, bytes));
        self.bytes += bytes;
        while self.bytes > BODIES_BYTES_MAX
            && let Some((oldest, bytes)) = self.held.pop_front()
        {
            tree.leave_to_archive(oldest);
            self.bytes -= bytes;
        }
    }
}
