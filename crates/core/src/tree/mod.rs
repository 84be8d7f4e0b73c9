//! The block tree: facts, and no opinions.
//!
//! It holds every valid block that anyone has shown us, validates each once, when it
//! enters, and has no favourite among them. A fact has two grades: a *header* whose
//! work and rules were checked, and the *body* that it commits to. Who knows which
//! block, and which one is the tip, is a [`Node`](crate::Node)'s opinion.
//!
//! Inside the core a block is a [`BlockId`], an index into the tree; parents come
//! before their children, so ids are in topological order.

mod archive;
mod derive;
mod probe;
mod read;

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::block::{Block, Header};
use crate::consensus::Consensus;
use crate::hash::Hash;
use crate::pow::ProofOfWork;
use crate::rules::{self, RuleError, Verdict};
use crate::target::{Target, Work};
use crate::units::Timestamp;

pub use archive::Archive;
pub use probe::Probe;

/// A block of one tree. Means nothing in another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct BlockId(u32);

impl BlockId {
    /// Genesis, in every tree.
    pub const GENESIS: BlockId = BlockId(0);

    /// Its place in the order in which blocks entered the tree.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// What is known of one block.
#[derive(Debug)]
struct Fact {
    header: Header,
    hash: Hash,
    parent: BlockId,
    /// An ancestor further back, so that any ancestor is found in O(log n) steps.
    skip: BlockId,
    /// The target that this block had to meet.
    target: Target,
    /// The target that its children have to meet.
    child_target: Target,
    /// The median that its children's timestamps have to be above.
    median_time: Timestamp,
    /// Work of one block under `target`, kept because a division computes it.
    work: Work,
    total_work: Work,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Missing,
    Here(Arc<Block>),
    /// In the archive, with so many entries and bytes on the wire.
    Archived {
        entries: u32,
        bytes: u32,
    },
    /// The body matches the header and breaks a limit: invalid for ever.
    Invalid,
}

/// Every valid block that anyone has shown us.
#[derive(Debug)]
pub struct BlockTree<P> {
    consensus: Consensus,
    pow: P,
    facts: Vec<Fact>,
    /// Look-up only; nothing ever iterates over it, so neither its order nor the random
    /// key of its hasher can leak. A hash of blocks needs no more of a hasher.
    by_hash: HashMap<Hash, BlockId, RandomState>,
    /// Who has the bodies that are not in memory.
    archive: Option<Box<dyn Archive>>,
}

impl<P: ProofOfWork> BlockTree<P> {
    /// A tree that holds the network's genesis.
    pub fn new(consensus: Consensus, pow: P) -> Self {
        let genesis = consensus.genesis();
        let hash = genesis.header.hash();
        let target = consensus.difficulty.initial();
        let fact = Fact {
            header: genesis.header,
            hash,
            parent: BlockId::GENESIS,
            skip: BlockId::GENESIS,
            target,
            child_target: target,
            median_time: genesis.header.timestamp,
            work: target.work(),
            total_work: target.work(),
            body: Body::Here(Arc::new(genesis)),
        };
        BlockTree {
            consensus,
            pow,
            facts: vec![fact],
            by_hash: HashMap::from_iter([(hash, BlockId::GENESIS)]),
            archive: None,
        }
    }

    /// Takes a header in, if it keeps every rule. One that is here already is only named.
    ///
    /// # Errors
    /// The first rule that it breaks. Nothing is kept of it then.
    pub fn insert_header(
        &mut self,
        header: Header,
        clock: Timestamp,
    ) -> Result<BlockId, RuleError> {
        let hash = header.hash();
        if let Some(&id) = self.by_hash.get(&hash) {
            return match self.fact(id).body {
                Body::Invalid => Err(RuleError::InvalidAncestor),
                _ => Ok(id),
            };
        }
        let Some(&parent) = self.by_hash.get(&header.previous_hash) else {
            return Err(RuleError::UnknownParent(header.previous_hash));
        };
        let above = self.fact(parent);
        if matches!(above.body, Body::Invalid) {
            return Err(RuleError::InvalidAncestor);
        }
        rules::check_index(above.header.index, &header)?;
        let target = above.child_target;
        if !self.pow.is_done(&hash, &target) {
            return Err(RuleError::WorkNotDone { hash, target });
        }
        rules::check_timestamp(above.median_time, clock, &header)?;
        let work = if target == above.target {
            above.work
        } else {
            target.work()
        };
        let total_work = above
            .total_work
            .checked_add(work)
            .ok_or(RuleError::WorkOverflow)?;
        let id = u32::try_from(self.facts.len()).map_err(|_| RuleError::TreeFull)?;
        let id = BlockId(id);
        let skip = self
            .ancestor(parent, skip_height(header.index))
            .unwrap_or(BlockId::GENESIS);
        self.facts.push(Fact {
            header,
            hash,
            parent,
            skip,
            target,
            child_target: target,
            median_time: Timestamp::default(),
            work,
            total_work,
            body: Body::Missing,
        });
        // Both look at the new block too, so they come after it is in.
        let child_target = self.compute_child_target(id);
        let median_time = self.compute_median_time(id);
        let fact = &mut self.facts[id.index()];
        fact.child_target = child_target;
        fact.median_time = median_time;
        self.by_hash.insert(hash, id);
        Ok(id)
    }

    /// Takes a whole block in: its header by [`insert_header`](Self::insert_header),
    /// then the body, if it matches and is within the limits.
    ///
    /// # Errors
    /// The first rule that it breaks. A valid header is kept though its body is not.
    /// A body that matches and breaks a limit makes the block and all its descendants
    /// invalid for ever.
    pub fn insert_block(
        &mut self,
        block: Arc<Block>,
        clock: Timestamp,
    ) -> Result<BlockId, RuleError> {
        let id = self.insert_header(block.header, clock)?;
        if self.has_body(id) {
            return Ok(id);
        }
        if let Err(error) = rules::check_body(&self.consensus, &block) {
            if error.verdict() == Verdict::Invalid {
                self.invalidate(id);
            }
            return Err(error);
        }
        self.facts[id.index()].body = Body::Here(block);
        Ok(id)
    }

    /// Marks a block and everything built on it. Parents have lower ids, so one pass does.
    fn invalidate(&mut self, id: BlockId) {
        self.facts[id.index()].body = Body::Invalid;
        for later in id.index() + 1..self.facts.len() {
            let parent = self.facts[later].parent;
            if matches!(self.fact(parent).body, Body::Invalid) {
                self.facts[later].body = Body::Invalid;
            }
        }
    }
}

/// How far back the skip pointer of a block at `height` goes.
///
/// As Bitcoin's `GetSkipHeight` (chain.cpp): clearing low bits makes the pointers of
/// neighbours jump to different places, so that O(log n) of them lead anywhere.
fn skip_height(height: u64) -> u64 {
    let clear_lowest = |n: u64| n & n.wrapping_sub(1);
    match height {
        0 | 1 => 0,
        odd if odd % 2 == 1 => clear_lowest(clear_lowest(odd - 1)) + 1,
        even => clear_lowest(even),
    }
}
