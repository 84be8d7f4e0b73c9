//! Blocks that this node's operator refuses, whatever the rules say: an opinion, not a fact.
//!
//! Bitcoin Core's `invalidateblock` and `reconsiderblock`. The tree keeps the block as the valid
//! one that it is, peers that send it are not to blame, and nothing is told to anybody; but
//! neither it nor anything built on it becomes this node's tip, and no body is fetched for its
//! sake. The node keeps this in memory; its driver stores it, and gives it back at the next start.

use crate::limits;
use crate::node::{Node, Step};
use crate::tree::{BlockId, BlockTree};

impl Node {
    /// The blocks that are refused, in the order in which they were. What is built on them is too.
    pub fn refused(&self) -> &[BlockId] {
        &self.refused
    }

    /// Whether the block is refused, itself or with an ancestor.
    #[inline]
    pub fn is_refused<P>(&self, tree: &BlockTree<P>, block: BlockId) -> bool {
        let mut refused = self.refused.iter();
        refused.any(|refused| tree.is_ancestor(*refused, block))
    }

    /// Follows the block no longer, nor what is built on it. Genesis cannot be refused, and not
    /// more than [`REFUSED_MAX`](limits::REFUSED_MAX): then nothing happens.
    pub(super) fn refuse<P>(&mut self, step: &mut Step<'_, P>, block: BlockId) {
        let has_room = self.refused.len() < limits::REFUSED_MAX;
        if block != BlockId::GENESIS && has_room && !self.refused.contains(&block) {
            self.refused.push(block);
            self.choose_anew(step);
        }
    }

    /// Refuses the block no longer, nor any of its ancestors and descendants.
    pub(super) fn reconsider<P>(&mut self, step: &mut Step<'_, P>, block: BlockId) {
        let tree = step.tree;
        let is_related =
            |refused: BlockId| tree.is_ancestor(refused, block) || tree.is_ancestor(block, refused);
        self.refused.retain(|refused| !is_related(*refused));
        self.choose_anew(step);
    }

    /// Which blocks of the tree are refused, themselves or with an ancestor, by index; empty if none is.
    pub(super) fn all_refused<P>(&self, tree: &BlockTree<P>) -> Vec<bool> {
        if self.refused.is_empty() {
            return Vec::new();
        }
        let mut refused = vec![false; tree.len()];
        for block in &self.refused {
            refused[block.index()] = true;
        }
        for id in tree.ids() {
            refused[id.index()] |= refused[tree.parent(id).index()];
        }
        refused
    }

    /// Chooses both tips and the goal again, of all that is connected. One pass over the tree,
    /// for parents come before their children. Of equally good tips the present one stays, or
    /// else the one that entered the tree first is taken.
    fn choose_anew<P>(&mut self, step: &mut Step<'_, P>) {
        let tree = step.tree;
        let refused = self.all_refused(tree);
        let is_refused = |id: BlockId| refused.get(id.index()).is_some_and(|refused| *refused);
        let or_genesis = |tip: BlockId| match is_refused(tip) {
            true => BlockId::GENESIS,
            false => tip,
        };
        (self.best, self.best_public) = (or_genesis(self.tip), or_genesis(self.public_tip));
        for id in tree.ids() {
            if is_refused(id) || !self.view.is_connected(id) || tree.is_invalid(id) {
                continue;
            }
            if tree.is_better(id, self.best) {
                self.best = id;
            }
            if tree.is_better(id, self.best_public) && !self.withheld.contains(&id) {
                self.best_public = id;
            }
        }
        self.aim(step);
        self.fetch(step, None);
    }
}
