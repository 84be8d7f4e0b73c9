//! Blocks made by hand, good ones and bad ones, and honest answers about them.

use std::sync::Arc;

use forkful_core::merkle::merkle_root;
use forkful_core::{
    Block, BlockId, BlockTree, Consensus, Entry, Hash, Header, Message, Sha256Pow, ShortId,
    ShortIdKey, Target, Timestamp, Wire, sha256,
};

use super::input::Input;

/// Tries until the work of a block is given up: then it is a block without work.
const TRIES: u64 = 4_096;

/// Blocks up to which more are made.
const BLOCKS_MAX: usize = 96;

/// All blocks that were made, genesis first.
pub struct Forge {
    consensus: Consensus,
    tree: BlockTree<Sha256Pow>,
    pub blocks: Vec<Arc<Block>>,
}

impl Forge {
    pub fn new(consensus: &Consensus) -> Self {
        Forge {
            consensus: consensus.clone(),
            tree: BlockTree::new(consensus.clone(), Sha256Pow),
            blocks: vec![Arc::new(consensus.genesis())],
        }
    }

    /// One of them. Small choices are the latest ones.
    pub fn pick(&self, input: &mut Input) -> &Arc<Block> {
        let back = input.below(self.blocks.len());
        &self.blocks[self.blocks.len() - 1 - back]
    }

    pub fn keep(&mut self, block: Arc<Block>) {
        if self.blocks.len() < BLOCKS_MAX {
            let _ = self
                .tree
                .insert_block(Arc::clone(&block), Timestamp(u64::MAX));
            self.blocks.push(block);
        }
    }

    /// Makes a block on one that is there, perhaps with a flaw.
    pub fn make(&mut self, input: &mut Input, clock: Timestamp) {
        let parent = Arc::clone(self.pick(input));
        let hash = parent.header.hash();
        let (target, median) = match self.tree.find(&hash) {
            Some(id) => (self.tree.child_target(id), self.tree.median_time(id).0),
            None => (
                self.consensus.difficulty.initial(),
                parent.header.timestamp.0,
            ),
        };
        let late = u64::from(input.byte()) * 100;
        let mut entries: Vec<Entry> = (0..input.below(4))
            .map(|_| Entry::from([input.byte()].as_slice()))
            .collect();
        let flaw = input.below(32);
        if flaw == 1 {
            entries = vec![Entry::from([7_u8].as_slice()); self.consensus.entries_max as usize + 1];
        }
        let mut header = Header {
            index: parent.header.index.saturating_add(1),
            timestamp: Timestamp(clock.0.saturating_add(late).max(median.saturating_add(1))),
            data: merkle_root(&entries),
            previous_hash: hash,
            nonce: self.blocks.len() as u64 * TRIES * 2,
        };
        match flaw {
            2 => header.index = header.index.wrapping_add(u64::from(input.byte())),
            3 => header.timestamp = Timestamp(median),
            4 => header.timestamp = Timestamp(clock.0 + 3 * 3_600_000),
            5 => header.data = sha256(&[1]),
            6 => header.previous_hash = sha256(&[input.byte()]),
            7 => header.timestamp = Timestamp(u64::MAX),
            _ => {}
        }
        work_on(&mut header, target, flaw != 8);
        self.keep(Arc::new(Block { header, entries }));
    }

    /// The block of this name, if it was made here.
    fn find(&self, hash: &Hash) -> Option<&Arc<Block>> {
        self.blocks
            .iter()
            .find(|block| block.header.hash() == *hash)
    }

    /// Blocks from one to another, the first left out, or from genesis on; parents first.
    fn path(&self, from: &Hash, to: &Arc<Block>) -> Vec<Arc<Block>> {
        let mut path = vec![];
        let mut at = Some(to);
        while let Some(block) = at
            && block.header.hash() != *from
            && block.header.index > 0
            && path.len() <= BLOCKS_MAX
        {
            path.push(Arc::clone(block));
            at = self.find(&block.header.previous_hash);
        }
        path.reverse();
        path
    }

    /// Some blocks in a row that end with this one.
    pub fn row(&self, input: &mut Input) -> Vec<Arc<Block>> {
        let to = self.pick(input);
        let mut path = self.path(&Hash::ZERO, to);
        let skipped = input.below(path.len() + 1);
        path.drain(..skipped);
        path
    }

    /// What an honest peer whose tip is `tip` answers, if it answers this.
    pub fn answer(&self, asked: &Message<Wire>, tip: &Arc<Block>) -> Option<Message<Wire>> {
        let after = |locator: &[Hash]| {
            let known = locator.iter().find(|hash| self.find(hash).is_some());
            self.path(known.unwrap_or(&Hash::ZERO), tip)
        };
        Some(match asked {
            Message::RequestBlock(hash) => match self.find(hash) {
                Some(block) => Message::Block(Arc::clone(block)),
                None => Message::NotFound(*hash),
            },
            Message::RequestCompact(hash) => match self.find(hash) {
                Some(block) => compact(block, tip.header.nonce),
                None => Message::NotFound(*hash),
            },
            Message::RequestEntries { block, indices } => {
                let found = self.find(block)?;
                let at = |index: &u32| found.entries.get(*index as usize).cloned();
                let entries = indices.iter().filter_map(at).collect();
                Message::Entries {
                    block: *block,
                    entries,
                }
            }
            Message::RequestHeaders(locator) => {
                let blocks = after(locator);
                Message::Headers {
                    headers: blocks.iter().map(|block| block.header).collect(),
                    more: false,
                }
            }
            Message::RequestChain(locator) => Message::Chain {
                blocks: after(locator),
                more: false,
            },
            _ => return None,
        })
    }
}

/// A block by the names of its entries.
pub fn compact(block: &Block, nonce: u64) -> Message<Wire> {
    let key = ShortIdKey::new(&block.header, nonce);
    let ids = block.entries.iter().map(|entry| key.id(&sha256(entry)));
    Message::CompactBlock {
        header: block.header,
        nonce,
        short_ids: ids.collect::<Vec<ShortId>>().into(),
    }
}

/// Searches until the target is met, or until it is not.
pub fn work_on(header: &mut Header, target: Target, met: bool) {
    for _ in 0..TRIES {
        if target.is_met_by(&header.hash()) == met {
            return;
        }
        header.nonce = header.nonce.wrapping_add(1);
    }
}

/// The block in this tree, for an input that names one.
pub fn id_of(tree: &BlockTree<Sha256Pow>, block: &Block) -> Option<BlockId> {
    tree.find(&block.header.hash())
}
