//! What a story can do to a network.

use std::collections::BTreeSet;
use std::sync::Arc;

use forkful_core::{Block, Hash, Input, Message, Template, Wire};

use super::forge::{child_header, work_on};
use super::{Life, Net, Participant, peer};

/// What is done to the network.
impl Net {
    /// The node finds one block on what it mines on.
    pub fn mine(&mut self, node: usize) -> Hash {
        let now = self.now_of(node);
        let life = self.life(node);
        let template = life.node.template(now, &life.tree);
        self.find(node, template)
    }

    pub fn mine_many(&mut self, node: usize, count: usize) -> Hash {
        (0..count).map(|_| self.mine(node)).last().unwrap()
    }

    /// The node finds an empty block on a block of its tree that is not its tip.
    pub fn mine_on(&mut self, node: usize, parent: Hash) -> Hash {
        let now = self.now_of(node);
        let tree = &self.life(node).tree;
        let parent = tree.find(&parent).unwrap();
        let template = Template {
            parent,
            header: child_header(tree, parent, now.clock, &[]),
            target: tree.child_target(parent),
            entries: Vec::new(),
        };
        self.find(node, template)
    }

    fn find(&mut self, node: usize, template: Template) -> Hash {
        let target = template.target;
        // No two search the same blocks: nothing in a block says who mined it.
        let nonce = (node as u64) << 32;
        let timestamp = template.header.timestamp;
        let mut block = template.into_block(timestamp, nonce);
        work_on(&mut block.header, target);
        let hash = block.header.hash();
        let clock = self.now_of(node).clock;
        let tree = &mut self.life_mut(node).tree;
        let id = tree.insert_block(Arc::new(block), clock).unwrap();
        self.input(node, Input::Mined(id));
        hash
    }

    /// Somebody gives the node data to be mined.
    pub fn submit(&mut self, node: usize, data: &[u8]) {
        self.input(node, Input::Mine(data.into()));
    }

    /// Messages travel only within a group. Nobody is told.
    pub fn split(&mut self, groups: &[&[usize]]) {
        let group = |node| groups.iter().position(|group| group.contains(&node));
        for a in 0..self.participants.len() {
            for b in 0..a {
                if group(a) != group(b) {
                    self.cut(a, b);
                }
            }
        }
    }

    pub fn cut(&mut self, a: usize, b: usize) {
        self.cut.insert((a.min(b), a.max(b)));
    }

    /// Every link works again. Nobody is told.
    pub fn heal(&mut self) {
        self.cut.clear();
    }

    pub fn loss_percent(&mut self, percent: u64) {
        self.plan.loss_percent = percent;
    }

    pub fn latency_ms(&mut self, a: usize, b: usize, latency_ms: u64) {
        self.latency_ms.insert((a.min(b), a.max(b)), latency_ms);
    }

    /// The node hears everything and its answers never leave.
    pub fn silence(&mut self, node: usize, silent: bool) {
        self.participants[node].silent = silent;
    }

    pub fn clock_ahead_ms(&mut self, node: usize, ahead_ms: i64) {
        self.participants[node].clock_ahead_ms = ahead_ms;
    }

    /// Both sides are told of a connection.
    pub fn connect(&mut self, a: usize, b: usize) {
        self.participants[a].links.insert(b);
        self.participants[b].links.insert(a);
        let there = |node: usize| self.is_up(node) || self.participants[node].puppet;
        if there(a) && there(b) {
            self.input(a, Input::Connected(peer(b)));
            self.input(b, Input::Connected(peer(a)));
        }
    }

    /// Both sides are told that the connection is gone.
    pub fn disconnect(&mut self, a: usize, b: usize) {
        let linked = self.participants[a].links.remove(&b);
        self.participants[b].links.remove(&a);
        if linked {
            self.under_way
                .retain(|_, p| (p.from, p.to) != (a, b) && (p.from, p.to) != (b, a));
            self.input(a, Input::Disconnected(peer(b)));
            self.input(b, Input::Disconnected(peer(a)));
        }
    }

    /// The node loses its memory, and its peers their connection to it.
    pub fn crash(&mut self, node: usize) {
        if self.participants[node].life.take().is_some() {
            for other in self.participants[node].links.clone() {
                self.input(other, Input::Disconnected(peer(node)));
            }
        }
    }

    /// The node comes back with what it had stored.
    pub fn restart(&mut self, node: usize) {
        if self.is_up(node) {
            return;
        }
        self.bear(node);
        for other in self.participants[node].links.clone() {
            self.connect(node, other);
        }
    }

    /// A peer without a node, linked with everybody.
    pub fn puppet(&mut self) -> usize {
        let id = self.participants.len();
        let mut puppet = Participant::new(&self.participants[0].plan);
        puppet.puppet = true;
        puppet.links.extend(0..id);
        self.participants.push(puppet);
        for node in 0..id {
            self.participants[node].links.insert(id);
            self.input(node, Input::Connected(peer(id)));
        }
        id
    }

    /// What the puppet was sent since it was last asked.
    pub fn heard(&mut self, puppet: usize) -> Vec<(usize, Message<Wire>)> {
        std::mem::take(&mut self.participants[puppet].inbox)
    }

    /// The message arrives at once, as if `from` had sent it.
    pub fn inject(&mut self, from: usize, to: usize, message: &Message<Wire>) {
        let mut bytes = Vec::new();
        message.encode(&mut bytes);
        self.deliver(from, to, &bytes);
    }

    pub fn inject_block(&mut self, from: usize, to: usize, block: &Arc<Block>) {
        self.inject(from, to, &Message::NewBlock(Arc::clone(block)));
    }

    pub fn input(&mut self, node: usize, input: Input) {
        if !self.is_up(node) {
            return;
        }
        let now = self.now_of(node);
        let mut effects = Vec::new();
        let life = self.life_mut(node);
        if let Input::Disconnected(peer) = input {
            life.keeper.forget(peer);
        }
        life.node.handle(now, input, &life.tree, &mut effects);
        self.effects_in_last_batch = effects.len();
        for effect in &effects {
            let life = self.life_mut(node);
            life.checker.effect(&life.tree, now.clock.0, effect);
            self.perform(node, effect);
        }
        if let Some(life) = &self.participants[node].life {
            let Life {
                node,
                tree,
                checker,
                ..
            } = life;
            checker.settled(node, tree, now.time, &effects);
        }
        self.ask_on(node);
        while let Some((from, to, message)) = self.rebuilt.pop() {
            self.take(from, to, message);
        }
    }
}
