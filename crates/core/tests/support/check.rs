//! The checker that stands beside each node and looks at every batch of effects.

use std::collections::HashSet;

use forkful_core::limits;
use forkful_core::{
    BlockTree, Consensus, Effect, Hash, Message, Node, PeerId, Sha256Pow, Time, Wire,
};

use super::spec::Spec;

/// What one node did in its life, held against the rules.
#[derive(Clone, Debug)]
pub struct Checker {
    pub spec: Spec,
    honest: bool,
    deadline: Time,
    woken: Time,
    mining_on: Option<Hash>,
}

impl Checker {
    pub fn new(consensus: &Consensus, honest: bool) -> Self {
        Checker {
            spec: Spec::new(consensus),
            honest,
            deadline: Time::NEVER,
            woken: Time::ZERO,
            mining_on: None,
        }
    }

    /// The deadline that the driver was given last has come.
    pub fn deadline_came(&mut self) {
        self.woken = self.deadline;
        self.deadline = Time::NEVER;
    }

    /// Before the effect is performed.
    pub fn effect(&mut self, tree: &BlockTree<Sha256Pow>, clock_ms: u64, effect: &Effect) {
        match effect {
            // S1 and S2: valid by the rules written a second time, parents first, once.
            Effect::Store(id) => {
                let block = tree.block(*id).expect("only what is here is stored");
                self.spec.insert(&block, clock_ms);
            }
            Effect::Mine { on } => self.mining_on = Some(tree.hash(*on)),
            Effect::Deadline(time) => {
                assert_ne!(*time, self.deadline, "the same deadline told twice");
                self.deadline = *time;
            }
            Effect::TipChanged(change) => assert_ne!(change.old, change.new),
            Effect::Accepted { .. }
            | Effect::StoreData(_)
            | Effect::Unused(_)
            | Effect::Data { .. }
            | Effect::Send(..)
            | Effect::Rebuilt(..)
            | Effect::Withheld(_)
            | Effect::Published(_)
            | Effect::Attempt(_)
            | Effect::Disconnect(..) => {}
        }
    }

    /// S5: what is shown to others was stored before.
    pub fn message(&self, message: &Message<Wire>) {
        for hash in shown(message) {
            assert!(
                self.spec.get(&hash).is_some(),
                "{:?} shows {hash}, which was not stored before",
                message.kind()
            );
        }
    }

    /// After the batch.
    pub fn settled(&self, node: &Node, tree: &BlockTree<Sha256Pow>, now: Time, batch: &[Effect]) {
        // S3: the best connected block, and of equals the first seen.
        assert_eq!(tree.hash(node.tip()), self.spec.best(), "not the best tip");
        if self.honest {
            assert_eq!(node.tip(), node.public_tip());
            if let Some(on) = self.mining_on {
                assert_eq!(on, self.spec.best(), "mines on a stale block");
            }
        }
        assert!(self.deadline >= now, "a deadline in the past");
        assert!(
            self.deadline > self.woken,
            "a deadline that is due for ever"
        );
        // S7: what can be seen of the bounds from outside.
        let mut asked: Vec<PeerId> = Vec::new();
        let mut twice = HashSet::new();
        for effect in batch {
            let Effect::Send(peer, message) = effect else {
                continue;
            };
            if let Message::RequestBlock(block) | Message::RequestCompact(block) = message {
                asked.push(*peer);
                assert!(twice.insert((*peer, *block)), "asked twice at once");
            }
        }
        assert!(asked.len() <= limits::FETCH_WINDOW);
        asked.sort_unstable();
        for of_one in asked.chunk_by(|a, b| a == b) {
            assert!(of_one.len() <= limits::FETCH_PER_PEER_MAX);
        }
    }
}

/// The blocks that a message shows to whoever gets it.
pub fn shown(message: &Message<Wire>) -> Vec<Hash> {
    match message {
        Message::NewBlock(block) | Message::Block(block) => vec![block.header.hash()],
        Message::Announce(header) | Message::CompactBlock { header, .. } => vec![header.hash()],
        Message::Entries { block, .. } => vec![*block],
        Message::Headers { headers, .. } => headers.iter().map(|h| h.hash()).collect(),
        Message::Chain { blocks, .. } => blocks.iter().map(|b| b.header.hash()).collect(),
        Message::NewData(_)
        | Message::RequestBlock(_)
        | Message::NotFound(_)
        | Message::RequestCompact(_)
        | Message::RequestEntries { .. }
        | Message::RequestHeaders(_)
        | Message::RequestChain(_) => Vec::new(),
    }
}

/// Every hash that a message tells its receiver of, but "not found", which echoes.
pub fn told(message: &Message<Wire>) -> Vec<Hash> {
    match message {
        Message::RequestHeaders(names) | Message::RequestChain(names) => names.clone(),
        Message::RequestBlock(name)
        | Message::RequestCompact(name)
        | Message::RequestEntries { block: name, .. } => vec![*name],
        shows => shown(shows),
    }
}
