//! Answering what others ask for, in bounded batches, and never with what is withheld.

use crate::limits;
use crate::message::{Ids, Message};
use crate::node::{Effect, Node, PeerId, Step};
use crate::tree::{BlockId, BlockTree};

impl Node {
    pub(super) fn serve_block<P>(&mut self, step: &mut Step<'_, P>, peer: PeerId, block: BlockId) {
        let answer = if self.admits(block) {
            Message::Block(block)
        } else {
            Message::NotFound(block)
        };
        step.effects.push(Effect::Send(peer, answer));
    }

    /// Whether peers may know that the block is here.
    pub(super) fn admits(&self, block: BlockId) -> bool {
        let withheld = self.withheld.contains(&block);
        self.view.is_connected(block) && self.strategy.admits(block, withheld)
    }

    pub(super) fn serve_headers<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        locator: &[BlockId],
    ) {
        let (headers, more) = self.after_locator(step.tree, locator, limits::HEADERS_MAX);
        let answer = Message::Headers { headers, more };
        step.effects.push(Effect::Send(peer, answer));
    }

    pub(super) fn serve_chain<P>(
        &mut self,
        step: &mut Step<'_, P>,
        peer: PeerId,
        locator: &[BlockId],
    ) {
        let tree = step.tree;
        let (mut blocks, mut more) = self.after_locator(tree, locator, limits::CHAIN_BLOCKS_MAX);
        let mut bytes = 0;
        let fits = blocks.iter().take_while(|block| {
            bytes += tree.block_len(**block);
            bytes <= limits::CHAIN_BYTES_MAX
        });
        let fits = fits.count().max(1);
        if fits < blocks.len() {
            blocks.truncate(fits);
            more = true;
        }
        let answer: Message<Ids> = Message::Chain { blocks, more };
        step.effects.push(Effect::Send(peer, answer));
    }

    /// Up to `most` blocks after the first of the locator that is on our public chain,
    /// and whether more would follow. What is withheld is not on that chain.
    fn after_locator<P>(
        &self,
        tree: &BlockTree<P>,
        locator: &[BlockId],
        most: usize,
    ) -> (Vec<BlockId>, bool) {
        let tip = self.public_tip;
        let from = locator
            .iter()
            .copied()
            .find(|id| self.view.is_connected(*id) && tree.is_ancestor(*id, tip))
            .unwrap_or(BlockId::GENESIS);
        let last = tree.height(from).saturating_add(most as u64);
        match tree.ancestor(tip, last) {
            Some(end) => (tree.path(from, end), end != tip),
            None => (tree.path(from, tip), false),
        }
    }
}
