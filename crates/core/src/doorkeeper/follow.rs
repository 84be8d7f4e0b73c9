//! Headers that run ahead of the blocks: fetched no further than blocks can follow.
//!
//! Headers cost their maker their work and us memory; blocks that really come show that
//! somebody keeps the chain. So a chain of headers may lead the active chain by so many. A
//! peer that has more is asked again when the blocks have come closer.

use crate::doorkeeper::{Doorkeeper, Passed, admit, ask_after};
use crate::hash::Hash;
use crate::message::{Message, Wire};
use crate::node::PeerId;
use crate::pow::ProofOfWork;
use crate::tree::{BlockId, BlockTree};
use crate::units::Now;

/// A peer that has more headers than we want now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Follow {
    /// The last of its headers that is here.
    last: Hash,
    /// It was asked on, and has not answered.
    is_asked: bool,
}

impl Doorkeeper {
    /// Headers of a strong branch.
    pub(super) fn follow<P: ProofOfWork>(
        &mut self,
        tree: &mut BlockTree<P>,
        tip: BlockId,
        from: PeerId,
        message: Message<Wire>,
        now: Now,
    ) -> Passed {
        let Message::Headers { more, .. } = message else {
            return admit(tree, message, now.clock);
        };
        let mut passed = admit(tree, message, now.clock);
        let followed = self.follows.remove(&from).is_some();
        let Some(Message::Headers { headers, more: on }) = &mut passed.message else {
            return passed;
        };
        let Some(&last) = headers.last().filter(|_| more && passed.rejected.is_none()) else {
            return passed;
        };
        let is_far = self.is_far(tree, tip, tree.height(last) + 1);
        if is_far || followed {
            // The node does not ask on; we do, at once or later.
            *on = false;
            self.wait(tree, from, last);
        }
        if followed && !is_far {
            passed.reply = self.follows.get_mut(&from).map(Follow::question);
        }
        passed
    }

    /// Asks the peer for more after this block when blocks have come closer to it.
    pub(super) fn wait<P>(&mut self, tree: &BlockTree<P>, peer: PeerId, last: BlockId) {
        let last = tree.hash(last);
        let is_asked = false;
        self.follows.insert(peer, Follow { last, is_asked });
    }

    /// Whom to ask for more headers, now that the active chain ends at `tip`. To be called when
    /// the tip has changed.
    pub fn ask_on<P>(&mut self, tree: &BlockTree<P>, tip: BlockId) -> Vec<(PeerId, Message<Wire>)> {
        let near = tree.height(tip).saturating_add(self.lead_max / 2);
        let is_near = |last: &Hash| {
            tree.find(last)
                .is_some_and(|last| tree.height(last) <= near)
        };
        let mut questions = Vec::new();
        for (peer, follow) in &mut self.follows {
            if !follow.is_asked && is_near(&follow.last) {
                questions.push((*peer, follow.question()));
            }
        }
        for (peer, survey) in &mut self.surveys {
            if survey.waits && is_near(&survey.expected()) {
                survey.waits = false;
                questions.push((*peer, survey.question()));
            }
        }
        questions
    }
}

impl Follow {
    fn question(&mut self) -> Message<Wire> {
        self.is_asked = true;
        ask_after(vec![self.last])
    }
}
