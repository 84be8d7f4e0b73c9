//! The door of a node between strangers: what is too weak to matter does not get in.
//!
//! [`door::admit`] asks whether a block is valid. That is enough where all
//! participants are known, as in a simulation. A stranger can make valid blocks on old parents,
//! where work is cheap, as many as it likes: each would take memory, and with a body disk. So the
//! keeper asks as well whether a branch can matter: whether its total work comes
//! near that of the active chain, see [`Bar`].
//!
//! ```text
//!              branch above the bar ──────────────────▶ door::admit ──▶ node
//!   message ──▶ one weak block, end of a weak branch ──▶ forgotten
//!              weak branch that goes on ──▶ survey: every header checked, none kept
//!                      ends below the bar ──▶ forgotten
//!                      ends above it ──▶ asked for again ──▶ door::admit ──▶ node
//! ```
//!
//! The model is Bitcoin Core's headers pre-synchronisation. Nobody is punished for a weak
//! branch: a peer on the losing side of a partition has one and cannot know.

mod batch;
mod follow;
mod survey;

use std::collections::BTreeMap;

use crate::block::Header;
use crate::consensus::ForkChoice;
use crate::door::{self, Admitted, Rejection};
use crate::hash::Hash;
use crate::limits;
use crate::message::{Ids, Message, Wire};
use crate::node::PeerId;
use crate::pow::ProofOfWork;
use crate::rules::RuleError;
use crate::target::Work;
use crate::tree::{BlockId, BlockTree, Probe};
use crate::units::{Now, Timestamp};

use follow::Follow;
use survey::Survey;

/// What a chain must reach to be taken in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bar {
    work: Work,
    /// Where the longest chain wins, work says nothing; then it is the height.
    height: u64,
}

impl Bar {
    /// Whether a chain that ends like this reaches it.
    pub fn is_reached(&self, work: Work, height: u64) -> bool {
        work >= self.work && height >= self.height
    }
}

/// What became of a message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Passed {
    /// What the node is to hear of it.
    pub message: Option<Message<Ids>>,
    /// What broke a rule.
    pub rejected: Option<Rejection>,
    /// What is to be sent to the peer.
    pub reply: Option<Message<Wire>>,
}

/// Keeps the door of one node.
#[derive(Debug)]
pub struct Doorkeeper {
    minimum: Work,
    buffer_blocks: u32,
    lead_max: u64,
    /// One a peer at most.
    surveys: BTreeMap<PeerId, Survey>,
    /// Peers whose headers are ahead of our blocks. One a peer.
    follows: BTreeMap<PeerId, Follow>,
    turned_away: u64,
}

impl Default for Doorkeeper {
    fn default() -> Self {
        Doorkeeper::new(Work::ZERO)
    }
}

impl Doorkeeper {
    /// A keeper that takes in no chain with less work than `minimum`, whatever the node's own is:
    /// what protects a new node, if its operator knows such a number. Bitcoin's
    /// `nMinimumChainWork`.
    pub fn new(minimum: Work) -> Self {
        Doorkeeper {
            minimum,
            buffer_blocks: limits::WORK_BUFFER_BLOCKS,
            lead_max: limits::HEADERS_LEAD_MAX,
            surveys: BTreeMap::new(),
            follows: BTreeMap::new(),
            turned_away: 0,
        }
    }

    /// The same with other bounds than [`WORK_BUFFER_BLOCKS`](limits::WORK_BUFFER_BLOCKS) and
    /// [`HEADERS_LEAD_MAX`](limits::HEADERS_LEAD_MAX), for tests with short chains.
    #[must_use]
    pub fn with_bounds(self, buffer_blocks: u32, lead_max: u64) -> Self {
        Doorkeeper {
            buffer_blocks,
            lead_max,
            ..self
        }
    }

    /// How many blocks and headers were turned away because their branch was too weak.
    pub fn turned_away(&self) -> u64 {
        self.turned_away
    }

    /// How many weak branches are being surveyed.
    pub fn surveys(&self) -> usize {
        self.surveys.len()
    }

    /// What a branch has to reach next to an active chain that ends at `tip`.
    pub fn bar<P>(&self, tree: &BlockTree<P>, tip: BlockId) -> Bar {
        match tree.consensus().fork_choice {
            ForkChoice::MostWork => {
                let buffer = tree.target(tip).work().0;
                let buffer = buffer.saturating_mul(ruint::aliases::U256::from(self.buffer_blocks));
                let near = Work(tree.total_work(tip).0.saturating_sub(buffer));
                Bar {
                    work: near.max(self.minimum),
                    height: 0,
                }
            }
            ForkChoice::Longest => Bar {
                work: self.minimum,
                height: tree.height(tip).saturating_sub(self.buffer_blocks.into()),
            },
        }
    }

    /// Takes in what a peer said, as far as it is valid and can matter next to the active chain
    /// that ends at `tip`.
    ///
    /// As with [`door::admit`], the caller answers a request for what is
    /// [unknown](door::unknown_name).
    pub fn admit<P: ProofOfWork>(
        &mut self,
        tree: &mut BlockTree<P>,
        tip: BlockId,
        from: PeerId,
        message: Message<Wire>,
        now: Now,
    ) -> Passed {
        let header = match &message {
            Message::NewBlock(block) | Message::Block(block) => &block.header,
            Message::Announce(header) | Message::CompactBlock { header, .. } => header,
            Message::Headers { .. } => return self.headers(tree, tip, from, message, now),
            Message::Chain { .. } => return self.chain(tree, tip, from, message, now),
            Message::RequestBlock(_)
            | Message::NotFound(_)
            | Message::RequestHeaders(_)
            | Message::RequestChain(_)
            | Message::NewData(_)
            | Message::RequestCompact(_)
            | Message::RequestEntries { .. }
            | Message::Entries { .. } => return admit(tree, message, now.clock),
        };
        if self.is_above(tree, tip, header) {
            return admit(tree, message, now.clock);
        }
        // It gets in neither way, but who did not even do its work is to blame.
        let above = tree.find(&header.previous_hash).unwrap_or(BlockId::GENESIS);
        let checked = Probe::at(tree, above).push(tree, header, now.clock);
        self.turned_away += 1;
        nothing(checked.err().map(|rule| rejection(header, rule)))
    }

    /// The peer is gone.
    pub fn forget(&mut self, peer: PeerId) {
        self.surveys.remove(&peer);
        self.follows.remove(&peer);
    }

    /// Whether one more block may be looked at as usual: it is known, or it is for the door to say
    /// what is wrong with it, or its branch reaches the bar and is not too far ahead.
    fn is_above<P>(&self, tree: &BlockTree<P>, tip: BlockId, header: &Header) -> bool {
        if tree.find(&header.hash()).is_some() {
            return true;
        }
        let Some(parent) = tree.find(&header.previous_hash) else {
            return true;
        };
        if tree.is_invalid(parent) {
            return true;
        }
        let work = tree.child_target(parent).work();
        let total = tree.total_work(parent).checked_add(work);
        let total = total.unwrap_or(tree.total_work(parent));
        let height = tree.height(parent) + 1;
        self.bar(tree, tip).is_reached(total, height) && !self.is_far(tree, tip, height)
    }

    /// Whether a block of this height leads the active chain by more than blocks follow.
    fn is_far<P>(&self, tree: &BlockTree<P>, tip: BlockId, height: u64) -> bool {
        height > tree.height(tip).saturating_add(self.lead_max)
    }

    /// Whether the chain to a block of the tree reaches the bar.
    fn is_strong<P>(&self, tree: &BlockTree<P>, tip: BlockId, block: BlockId) -> bool {
        let bar = self.bar(tree, tip);
        bar.is_reached(tree.total_work(block), tree.height(block))
    }
}

/// As it is done without a keeper.
fn admit<P: ProofOfWork>(
    tree: &mut BlockTree<P>,
    message: Message<Wire>,
    clock: Timestamp,
) -> Passed {
    let Admitted { message, rejected } = door::admit(tree, message, clock);
    Passed {
        message,
        rejected,
        reply: None,
    }
}

fn nothing(rejected: Option<Rejection>) -> Passed {
    Passed {
        message: None,
        rejected,
        reply: None,
    }
}

fn rejection(header: &Header, rule: RuleError) -> Rejection {
    Rejection {
        hash: header.hash(),
        rule,
    }
}

fn ask_after(blocks: Vec<Hash>) -> Message<Wire> {
    Message::RequestHeaders(blocks)
}
