//! A block comes in, connects, and perhaps becomes the tip.

use std::sync::Arc;

use crate::block::Entry;
use crate::hash::sha256;
use crate::limits;
use crate::node::relay::Whose;
use crate::node::{Effect, Node, PeerId, PoolError, Step, TipChange};
use crate::strategy::{Cause, Publish, Situation};
use crate::tree::{BlockId, BlockTree};

impl Node {
    /// Somebody told this node to get data on the chain.
    pub(super) fn submit<P>(&mut self, step: &mut Step<'_, P>, entry: Entry) {
        let bytes = entry.len();
        let hash = sha256(&entry);
        let taken = self.take_data(step, entry, None);
        step.effects.push(Effect::Data {
            entry: hash,
            bytes,
            taken,
        });
    }

    /// A peer passed on data that somebody wants on the chain. What is not taken was
    /// known already, or is more than this node can hold: neither is the peer's fault.
    pub(super) fn on_data<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, entry: Entry) {
        let _ = self.take_data(step, entry, Some(peer));
    }

    /// Takes data into the pool, and passes on what was new.
    fn take_data<P>(
        &mut self,
        step: &mut Step<'_, P>,
        entry: Entry,
        from: Option<PeerId>,
    ) -> Result<(), PoolError> {
        let (consensus, now) = (step.tree.consensus(), step.now.time);
        self.pool
            .submit(consensus, Arc::clone(&entry), from.is_some(), now)?;
        step.effects.push(Effect::StoreData(Arc::clone(&entry)));
        self.mine_data(step);
        self.relay_data(step, &entry, from);
        Ok(())
    }

    pub(super) fn mined<P>(&mut self, step: &mut Step<'_, P>, block: BlockId) {
        // The search is over, whatever comes of it.
        self.mining_on = None;
        if !self.view.has_body(block) {
            // Nothing is published before the strategy said so.
            self.withheld.push(block);
            self.take_block(step, block, None);
            self.settle_tip(step);
            self.decide_publish(step, Cause::Mined(block));
            if self.withheld.contains(&block) {
                step.effects.push(Effect::Withheld(block));
            }
            if self.withheld.len() > limits::WITHHELD_MAX {
                self.publish(step, Publish::UpTo(self.withheld[0]), Cause::PublicTip);
            }
        }
        self.mine_elsewhere(step);
    }

    /// The node learns a whole block. Its parent's header is known to the view.
    pub(super) fn take_block<P>(
        &mut self,
        step: &mut Step<'_, P>,
        block: BlockId,
        from: Option<PeerId>,
    ) {
        let tree = step.tree;
        if self.view.has_body(block) || !tree.has_body(block) {
            return;
        }
        let on_the_way = tree.is_ancestor(block, self.sync.goal);
        if self.view.is_connected(tree.parent(block)) {
            self.connect(step, block);
        } else if on_the_way && self.has_room_to_wait() {
            self.view.add_body(block);
            self.waiting.push((block, tree.body_memory(block)));
        } else {
            // No use or no room for it yet: it is asked for when the way leads over it. Elsewhere
            // it must not move how far fetching has come: whoever repeats it would make each
            // repetition a walk over the chain.
            self.view.add_header(block);
            if on_the_way {
                self.go_on_from(tree.height(block));
            }
            return;
        }
        step.effects.push(Effect::Accepted { block, from });
        let is_on_the_way = tree.is_ancestor(block, self.best_public);
        if self.config.all_blocks
            && from.is_some()
            && !is_on_the_way
            && self.view.is_connected(block)
        {
            self.relay(step, block, Whose::Others);
        }
    }

    /// Connects the block and whatever waited for it.
    fn connect<P>(&mut self, step: &mut Step<'_, P>, block: BlockId) {
        self.note_connected(step, block);
        // One pass over what waits for each block that connects: at most FETCH_WINDOW
        // squared in all, and nearly always the list is empty.
        let mut progress = !self.waiting.is_empty();
        while progress {
            progress = false;
            let mut at = 0;
            while at < self.waiting.len() {
                let (waiting, _) = self.waiting[at];
                if self.view.is_connected(step.tree.parent(waiting)) {
                    self.waiting.swap_remove(at);
                    self.note_connected(step, waiting);
                    progress = true;
                } else {
                    at += 1;
                }
            }
        }
        if self.view.is_connected(self.sync.goal) {
            self.aim(step);
        }
    }

    /// The block has all its ancestors now: it may be better than what we have. Stored
    /// only now, so that a store never holds a block without its parent.
    fn note_connected<P>(&mut self, step: &mut Step<'_, P>, block: BlockId) {
        let tree = step.tree;
        step.effects.push(Effect::Store(block));
        self.view.connect(block);
        if self.is_refused(tree, block) {
            return;
        }
        if tree.is_better(block, self.best) {
            self.best = block;
        }
        if tree.is_better(block, self.best_public) && !self.withheld.contains(&block) {
            self.best_public = block;
        }
    }

    /// Draws the conclusions of an input: a better tip, and what others may know of it.
    pub(super) fn settle<P>(&mut self, step: &mut Step<'_, P>) {
        // Most inputs change neither.
        if self.best == self.tip && self.best_public == self.public_tip {
            return;
        }
        self.settle_tip(step);
        if self.best_public != self.public_tip {
            let of_others = self.best_public;
            self.public_tip = of_others;
            self.forget_secrets(step);
            // A race is won by who is first: what is withheld goes out before anything else,
            // and whoever shows a branch as good has no reason to pass theirs on.
            if !self.withheld.is_empty() {
                self.decide_publish(step, Cause::PublicTip);
            }
            if self.public_tip == of_others {
                self.relay(step, of_others, Whose::Others);
            }
            self.mine_elsewhere(step);
        }
    }

    /// What others build on is no secret any more.
    fn forget_secrets<P>(&mut self, step: &mut Step<'_, P>) {
        let (tree, public_tip) = (step.tree, self.public_tip);
        let effects = &mut *step.effects;
        self.withheld.retain(|block| {
            let is_public = tree.is_ancestor(*block, public_tip);
            if is_public {
                effects.push(Effect::Published(*block));
            }
            !is_public
        });
    }

    fn settle_tip<P>(&mut self, step: &mut Step<'_, P>) {
        if self.best == self.tip {
            return;
        }
        let (old, new) = (self.tip, self.best);
        let tree = step.tree;
        let fork_point = tree.fork_point(old, new);
        let fork_height = tree.height(fork_point);
        self.tip = new;
        self.move_data(step, fork_point, old, new);
        step.effects.push(Effect::TipChanged(TipChange {
            old,
            new,
            fork_point,
            disconnected: tree.height(old) - fork_height,
            connected: tree.height(new) - fork_height,
        }));
        self.mine_elsewhere(step);
    }

    /// Searches on, if the strategy chose another block to build on.
    fn mine_elsewhere<P>(&mut self, step: &mut Step<'_, P>) {
        let on = self.strategy.mine_on(&self.situation(step.tree));
        if self.mining_on != Some(on) {
            self.mine(step);
        }
    }

    /// Data of disconnected blocks waits again; data of connected ones no longer does, nor what has
    /// waited for too long.
    fn move_data<P>(&mut self, step: &mut Step<'_, P>, fork: BlockId, old: BlockId, new: BlockId) {
        let (tree, now) = (step.tree, step.now.time);
        let mut at = old;
        while at != fork {
            if let Some(block) = tree.block(at) {
                self.pool.disconnect(&block, now);
            }
            at = tree.parent(at);
        }
        // In their order, so that of what is on the chain the newest is remembered.
        for height in tree.height(fork) + 1..=tree.height(new) {
            let at = tree.ancestor(new, height);
            if let Some(block) = at.and_then(|at| tree.block(at)) {
                self.pool.connect(&block);
            }
        }
        while let Some((entry, data)) = self.pool.expire(now) {
            let (bytes, taken) = (data.len(), Err(PoolError::Expired));
            step.effects.push(Effect::Data {
                entry,
                bytes,
                taken,
            });
        }
    }

    /// Knows again what the last blocks of the chain carry, as far as the pool remembers it.
    pub(super) fn remember_data<P>(&mut self, tree: &BlockTree<P>) {
        let mut from = self.tip;
        let mut entries = 0;
        while from != BlockId::GENESIS && entries < limits::ON_CHAIN_ENTRIES_MAX {
            entries += tree.entries(from);
            from = tree.parent(from);
        }
        let carries = |id: &BlockId| tree.entries(*id) > 0;
        for id in tree.path(from, self.tip).into_iter().filter(carries) {
            if let Some(block) = tree.block(id) {
                self.pool.connect(&block);
            }
        }
    }

    fn decide_publish<P>(&mut self, step: &mut Step<'_, P>, cause: Cause) {
        let situation = Situation {
            tip: self.tip,
            public_tip: self.public_tip,
            withheld: &self.withheld,
            facts: step.tree,
        };
        let publish = self.strategy.publish(&situation, cause);
        self.publish(step, publish, cause);
        if let Some(attempt) = self.strategy.ended() {
            step.effects.push(Effect::Attempt(attempt));
        }
    }

    /// Lets go of withheld blocks. Those on the way to our tip are told to the peers,
    /// parents first; one as good as the public tip becomes it, for that is the race
    /// that an attacker publishes an equal branch for.
    fn publish<P>(&mut self, step: &mut Step<'_, P>, publish: Publish, cause: Cause) {
        let up_to = match publish {
            Publish::Nothing => return,
            Publish::UpTo(block) => Some(block),
            Publish::All => None,
        };
        let tree = step.tree;
        let mut at = 0;
        while at < self.withheld.len() {
            let block = self.withheld[at];
            if up_to.is_some_and(|up_to| !tree.is_ancestor(block, up_to)) {
                at += 1;
                continue;
            }
            self.withheld.remove(at);
            // Of a block that was never withheld there is nothing to tell.
            if cause != Cause::Mined(block) {
                step.effects.push(Effect::Published(block));
            }
            if tree.is_ancestor(block, self.tip) {
                if !tree.is_better(self.public_tip, block) {
                    self.public_tip = block;
                    self.best_public = block;
                }
                let whose = match cause {
                    Cause::Mined(_) => Whose::Own,
                    Cause::PublicTip => Whose::OwnInRace,
                };
                self.relay(step, block, whose);
            }
        }
    }
}
