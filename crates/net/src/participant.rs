//! What an actor drives: the facts and opinions of one node, and how they come back from a store.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forkful_core::node::PoolError;
use forkful_core::{
    BlockId, BlockRef, BlockTree, Config, Consensus, Effect, Hash, Node, RuleError, Sha256Pow,
    Strategy, Timestamp, Work,
};

use crate::store::{ChainChange, Contents, Store};

/// One participant: the facts it has checked and the opinions it holds.
#[derive(Debug)]
pub struct Participant {
    /// The facts.
    pub tree: BlockTree<Sha256Pow>,
    /// The opinions.
    pub node: Node,
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
    pub fn keep(&self, effects: &[Effect], store: &mut dyn Store) {
        let tree = &self.tree;
        for effect in effects {
            match effect {
                Effect::Store(id) => {
                    if let Some(block) = tree.block(*id) {
                        store.put_block(tree.hash(*id), Arc::clone(block));
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

    /// Makes the stored chain the node's, where the two differ after a start: of equally good branches
    /// the node may take another than before, and a clock that was set back makes it shorter.
    /// Commits nothing.
    pub fn align(&self, stored_tip: Option<Hash>, store: &mut dyn Store) {
        let (tree, tip) = (&self.tree, self.node.tip());
        let stored = stored_tip.map_or(Some(BlockId::GENESIS), |hash| tree.find(&hash));
        if stored != Some(tip) {
            let fork_point = stored.map_or(BlockId::GENESIS, |stored| tree.fork_point(stored, tip));
            store.set_chain(self.chain_change(fork_point, tip));
        }
    }

    /// The active chain leads to `tip`; up to `fork_point` it is as it was.
    fn chain_change(&self, fork_point: BlockId, tip: BlockId) -> ChainChange {
        let tree = &self.tree;
        let path = tree.path(fork_point, tip).into_iter();
        let connected = path.filter_map(|id| {
            let block = tree.block(id)?;
            Some((tree.hash(id), Arc::clone(block)))
        });
        ChainChange {
            fork_height: tree.height(fork_point),
            connected: connected.collect(),
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

impl Participant {
    /// A participant that has just been born, or that comes back with what it stored. A block
    /// that the tree refuses is left out.
    pub fn restore(
        consensus: Consensus,
        config: Config,
        strategy: Box<dyn Strategy>,
        seed: u64,
        stored: &Contents,
        clock: Timestamp,
    ) -> Self {
        let mut tree = BlockTree::new(consensus, Sha256Pow);
        for block in &stored.blocks {
            // Stored blocks were valid. One that claims a time ahead of a clock that was
            // set back is asked for again.
            let _ = tree.insert_block(Arc::clone(block), clock);
        }
        Participant::with_tree(tree, config, strategy, seed, stored)
    }

    /// The same with what came from a disk: a block that breaks a rule is an error.
    ///
    /// # Errors
    /// The place of the first such block, and the rule that it breaks.
    pub fn restore_checked(
        consensus: Consensus,
        config: Config,
        strategy: Box<dyn Strategy>,
        seed: u64,
        stored: &Contents,
        clock: Timestamp,
    ) -> Result<Self, (usize, RuleError)> {
        let mut tree = BlockTree::new(consensus, Sha256Pow);
        let mut left_out = false;
        for (place, block) in stored.blocks.iter().enumerate() {
            match tree.insert_block(Arc::clone(block), clock) {
                Ok(_) => {}
                // The clock was set back: it is asked for again, with all that is built on it.
                Err(RuleError::TimestampTooNew { .. }) => left_out = true,
                Err(RuleError::UnknownParent(_)) if left_out => {}
                Err(rule) => return Err((place + 1, rule)),
            }
        }
        let checked = Participant::with_tree(tree, config, strategy, seed, stored);
        Ok(checked)
    }

    /// The height and the total work of its best block.
    pub fn best(&self) -> (u64, Work) {
        let tip = self.node.tip();
        (self.tree.height(tip), self.tree.total_work(tip))
    }

    fn with_tree(
        tree: BlockTree<Sha256Pow>,
        config: Config,
        strategy: Box<dyn Strategy>,
        seed: u64,
        stored: &Contents,
    ) -> Self {
        // What no entry lacks cannot be missing here: that is for simulators.
        let config = Config {
            compact_failure_per_million: 0,
            ..config
        };
        let withheld = stored.withheld.iter();
        let withheld = withheld.filter_map(|hash| tree.find(hash)).collect();
        let refused = stored.refused.iter();
        let refused = refused.filter_map(|hash| tree.find(hash)).collect();
        let mut node = Node::restore_refusing(config, strategy, seed, &tree, withheld, refused);
        for entry in &stored.data {
            node.restore_data(&tree, Arc::clone(entry));
        }
        Participant { tree, node }
    }
}
