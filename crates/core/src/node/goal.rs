//! Where fetching leads to.
//!
//! Headers promise blocks, and peers may not keep the promise. So there is one goal at a
//! time, the best block that somebody promises and we lack, and it is chosen anew when
//! its promise is not kept: bodies are only ever fetched on the way to something that a
//! connected peer says it has, and from those that answer first.

use std::cmp::Ordering;

use crate::node::{Effect, Node, PeerId, Step};
use crate::tree::BlockId;

impl Node {
    /// A peer showed us a header; it may be where fetching leads to from now on.
    pub(super) fn learn_header<P>(
        &mut self,
        step: &mut Step<'_, P>,
        header: BlockId,
        from: PeerId,
    ) {
        let tree = step.tree;
        self.view.add_header(header);
        let goal = self.sync.goal;
        if self.view.is_connected(header) || !tree.is_better(header, goal) {
            return;
        }
        if self.is_refused(tree, header) {
            return;
        }
        // Who does not answer cannot lead us away from what others can give.
        if self.view.is_connected(goal) || !self.is_silent(from) {
            self.aim_at(step, header);
        }
    }

    /// Chooses the goal anew: of what the connected peers have and we lack, the best;
    /// what silent peers have comes last.
    pub(super) fn aim<P>(&mut self, step: &mut Step<'_, P>) {
        let tree = step.tree;
        let mut best: Option<(u8, BlockId)> = None;
        for (_, peer) in self.peers.iter_from(0) {
            let block = peer.best;
            // What we have is nothing to fetch: mostly that is all.
            if !self.view.is_connected(block)
                && self.view.has_header(block)
                && tree.is_better(block, self.best_public)
                && !tree.is_invalid(block)
                && !self.is_refused(tree, block)
                && best.is_none_or(|(stalls, than)| match peer.stalls.cmp(&stalls) {
                    Ordering::Less => true,
                    Ordering::Equal => tree.is_better(block, than),
                    Ordering::Greater => false,
                })
            {
                best = Some((peer.stalls, block));
            }
        }
        let goal = best.map_or(self.best_public, |(_, block)| block);
        if goal != self.sync.goal {
            self.aim_at(step, goal);
        }
    }

    fn aim_at<P>(&mut self, step: &mut Step<'_, P>, goal: BlockId) {
        let tree = step.tree;
        let before = std::mem::replace(&mut self.sync.goal, goal);
        if tree.parent(goal) == before && !self.view.is_connected(before) {
            return;
        }
        let fork_point = tree.fork_point(self.best_public, goal);
        self.sync.fetch_from = tree.height(fork_point) + 1;
        // What waits for its parent on another way may wait for ever.
        self.waiting.retain(|(waiting, _)| {
            let on_the_way = tree.is_ancestor(*waiting, goal);
            if !on_the_way {
                self.view.forget_body(*waiting);
                step.effects.push(Effect::Unused(*waiting));
            }
            on_the_way
        });
    }
}
