//! The forkful protocol: everything that a node decides, and nothing that it does.
//!
//! This crate is pure. It has no clock, thread, socket, file or ambient randomness:
//! time is an argument, randomness is seeded, and what is to be done comes out as
//! effects. So the same code runs over channels, over TCP and in virtual time.
//!
//! The design rests on one split:
//!
//! * [`BlockTree`] holds *facts*: every valid block, validated once, when it enters.
//! * [`Node`] holds *opinions*: one participant's view of the facts, its tip, its
//!   peers, what it is mining on, and its [`Strategy`].
//!
//! Between a wire and a node stands one door, [`door::admit`]: behind it a block is a
//! [`BlockId`] of a tree that never holds an invalid one. A node between strangers has a
//! [`Doorkeeper`](doorkeeper::Doorkeeper) there, that lets in no branch too weak to matter.

#![forbid(unsafe_code)]

pub mod block;
pub mod compact;
pub mod consensus;
pub mod difficulty;
pub mod door;
pub mod doorkeeper;
pub mod event;
pub mod hash;
pub mod limits;
pub mod merkle;
pub mod message;
pub mod node;
pub mod pow;
pub mod rules;
pub mod short_id;
pub mod strategy;
pub mod target;
pub mod template;
pub mod tree;
pub mod units;
pub mod wire;

pub use block::{Block, Entry, Header};
pub use consensus::{Consensus, ForkChoice};
pub use difficulty::DifficultyRule;
pub use event::{BlockRef, Event, MessageKind, NodeId};
pub use hash::{Hash, sha256};
pub use message::{Ids, Message, Wire};
pub use node::{Config, Effect, Effects, Input, Node, PeerId, Relay};
pub use pow::{ProofOfWork, Sha256Pow};
pub use rules::RuleError;
pub use short_id::{ShortId, ShortIdKey};
pub use strategy::{Honest, Strategy};
pub use target::{Target, Work};
pub use template::Template;
pub use tree::{BlockId, BlockTree};
pub use units::{Now, Time, Timestamp};
