//! What a driver does, on a virtual clock.

use std::sync::Arc;

use forkful_core::doorkeeper::Doorkeeper;
use forkful_core::tree::Archive;
use forkful_core::{
    Block, BlockTree, Effect, Hash, Input, Message, Node, Now, Sha256Pow, Time, Timestamp, Wire,
    door, limits,
};
use rand_xoshiro::rand_core::Rng;

use super::check::Checker;
use super::{Blocks, Life, MS, Net, Parcel, peer};

/// The archive of a node.
#[derive(Debug)]
struct Shelf(Blocks);

impl Archive for Shelf {
    fn block(&self, hash: &Hash) -> Option<Arc<Block>> {
        self.0.lock().unwrap().get(hash).cloned()
    }
}

/// Time.
impl Net {
    pub fn now_ms(&self) -> u64 {
        self.now / MS
    }

    pub fn run_for(&mut self, ms: u64) {
        let end = self.now + ms * MS;
        while self.step(end) {}
        self.now = end;
    }

    /// Until no message is under way.
    pub fn run_until_quiet(&mut self) {
        for _ in 0..1_000_000 {
            if self.under_way.is_empty() {
                return;
            }
            self.step(u64::MAX);
        }
        panic!("never quiet");
    }

    /// Whether all nodes have one tip within so much time.
    pub fn converges_within(&mut self, ms: u64) -> bool {
        let end = self.now + ms * MS;
        while !self.is_converged() {
            if !self.step(end) {
                self.now = end;
                return self.is_converged();
            }
        }
        true
    }

    pub(super) fn step(&mut self, end: u64) -> bool {
        let parcel = self.under_way.first_key_value().map(|(key, _)| *key);
        let due = (0..self.participants.len())
            .filter_map(|node| Some((self.participants[node].life.as_ref()?.deadline.0, node)))
            .min();
        let parcel_at = parcel.map_or(u64::MAX, |(at, _)| at);
        let due_at = due.map_or(u64::MAX, |(at, _)| at);
        let next = parcel_at.min(due_at);
        if next > end || next == u64::MAX {
            return false;
        }
        self.now = self.now.max(next);
        if parcel_at <= due_at {
            let parcel = self.under_way.remove(&parcel.unwrap()).unwrap();
            let lives = (
                self.participants[parcel.from].lives,
                self.participants[parcel.to].lives,
            );
            if lives == parcel.lives {
                self.deliver(parcel.from, parcel.to, &parcel.bytes);
            }
        } else if let Some((_, node)) = due {
            let life = self.life_mut(node);
            life.deadline = Time::NEVER;
            life.checker.deadline_came();
            self.input(node, Input::Deadline);
        }
        true
    }
}

/// What a driver does.
impl Net {
    pub(super) fn bear(&mut self, node: usize) {
        let clock = self.now_of(node).clock;
        let seed = self.plan.seed * 1_000 + node as u64;
        let consensus = self.plan.consensus.clone();
        let participant = &mut self.participants[node];
        let strategy = (participant.plan.strategy)();
        let mut checker = Checker::new(&consensus, strategy.name() == "honest");
        let shelf = Shelf(Arc::clone(&participant.shelf));
        let mut tree = BlockTree::new(consensus, Sha256Pow).with_archive(Some(Box::new(shelf)));
        for block in &participant.store {
            // A store, read in order, is a tree.
            let id = tree.insert_block(Arc::clone(block), clock).unwrap();
            checker.spec.insert(block, clock.0);
            if self.plan.archives {
                tree.leave_to_archive(id);
            }
        }
        let mut node_itself = {
            let withheld = participant.withheld.iter();
            let withheld = withheld.filter_map(|hash| tree.find(hash)).collect();
            Node::restore(participant.plan.config, strategy, seed, &tree, withheld)
        };
        for entry in &participant.data {
            node_itself.restore_data(&tree, Arc::clone(entry));
        }
        participant.lives += 1;
        participant.life = Some(Life {
            tree,
            node: node_itself,
            keeper: self.plan.keeper(),
            checker,
            deadline: Time::NEVER,
        });
        self.input(node, Input::Start);
    }

    pub(super) fn perform(&mut self, node: usize, effect: &Effect) {
        let participant = &mut self.participants[node];
        let life = participant.life.as_mut().unwrap();
        match effect {
            Effect::Store(id) => {
                let block = life.tree.block(*id).unwrap();
                let hash = life.tree.hash(*id);
                let mut shelf = participant.shelf.lock().unwrap();
                shelf.insert(hash, Arc::clone(&block));
                participant.store.push(block);
                if self.plan.archives {
                    life.tree.leave_to_archive(*id);
                }
            }
            Effect::Withheld(id) => {
                let hash = life.tree.hash(*id);
                self.participants[node].withheld.push(hash);
            }
            Effect::Published(id) => {
                let hash = life.tree.hash(*id);
                self.participants[node].withheld.retain(|one| *one != hash);
                self.published.push((node, hash));
            }
            Effect::Unused(id) => door::forget_unused(&mut life.tree, &life.node, &[*id]),
            Effect::Attempt(attempt) => self.attempts.push((node, *attempt)),
            Effect::StoreData(entry) => self.participants[node].data.push(Arc::clone(entry)),
            Effect::Send(to, message) => {
                let wire = message.to_wire(&life.tree).expect("no empty promises");
                life.checker.message(&wire);
                self.send(node, to.0 as usize, wire);
            }
            Effect::Deadline(time) => life.deadline = *time,
            Effect::TipChanged(change) => self.tip_changes.push((node, *change)),
            Effect::Disconnect(to, why) => {
                let to_index = to.0 as usize;
                self.disconnects.push((node, *to, *why));
                if self.participants[node].links.remove(&to_index) {
                    self.participants[to_index].links.remove(&node);
                    self.input(to_index, Input::Disconnected(peer(node)));
                }
            }
            Effect::Mine { .. } => self.searches += 1,
            Effect::Rebuilt(from, block) => {
                let message = Message::Block(Arc::clone(block));
                self.rebuilt.push((from.0 as usize, node, message));
            }
            Effect::Accepted { .. } | Effect::Data { .. } => {}
        }
    }

    pub(super) fn send(&mut self, from: usize, to: usize, message: Message<Wire>) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        assert_eq!(bytes.len(), message.encoded_len());
        assert!(bytes.len() <= limits::MESSAGE_BYTES_MAX);
        self.sent.push((self.now, from, to, message));
        let lost = self.rng.next_u64() % 100 < self.plan.loss_percent;
        let pair = (from.min(to), from.max(to));
        if lost || self.cut.contains(&pair) || self.participants[from].silent {
            return;
        }
        let latency = self.latency_ms.get(&pair).unwrap_or(&self.plan.latency_ms);
        let at = self.now + latency * MS;
        let lives = (self.participants[from].lives, self.participants[to].lives);
        let parcel = Parcel {
            from,
            to,
            lives,
            bytes,
        };
        self.under_way.insert((at, self.next_parcel), parcel);
        self.next_parcel += 1;
    }

    pub(super) fn deliver(&mut self, from: usize, to: usize, bytes: &[u8]) {
        let message = Message::decode(bytes).unwrap();
        if self.participants[to].puppet {
            self.participants[to].inbox.push((from, message));
            return;
        }
        self.take(from, to, message);
    }

    /// Through the door, and to the node.
    pub(super) fn take(&mut self, from: usize, to: usize, message: Message<Wire>) {
        let now = self.now_of(to);
        let Some(life) = &mut self.participants[to].life else {
            return;
        };
        if !life.node.has_peer(peer(from)) {
            return;
        }
        if let Some(hash) = door::unknown_name(&life.tree, &message) {
            return self.send(to, from, Message::NotFound(hash));
        }
        let tip = life.node.public_tip();
        let passed = (life.keeper).admit(&mut life.tree, tip, peer(from), message, now);
        if let Some(reply) = passed.reply {
            self.send(to, from, reply);
        }
        if let Some(message) = passed.message {
            let brought = message.bodies().to_vec();
            self.input(to, Input::Received(peer(from), message));
            if let Some(life) = &mut self.participants[to].life {
                door::forget_unused(&mut life.tree, &life.node, &brought);
            }
        }
        if let Some(rejection) = passed.rejected {
            self.rejections.push((to, from, rejection.rule));
            self.input(to, Input::Rejected(peer(from), Box::new(rejection)));
        }
    }

    /// Asks for headers that were left for later.
    pub(super) fn ask_on(&mut self, node: usize) {
        let Some(life) = &mut self.participants[node].life else {
            return;
        };
        let tip = life.node.public_tip();
        for (to, question) in life.keeper.ask_on(&life.tree, tip) {
            self.send(node, to.0 as usize, question);
        }
    }

    pub(super) fn now_of(&self, node: usize) -> Now {
        let genesis = i64::try_from(self.plan.consensus.genesis_time.0 + self.plan.age_ms).unwrap();
        let now = i64::try_from(self.now / MS).unwrap();
        let clock = genesis + now + self.participants[node].clock_ahead_ms;
        Now {
            time: Time(self.now),
            clock: Timestamp(u64::try_from(clock).unwrap()),
        }
    }
}
