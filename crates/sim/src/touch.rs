//! What a simulation of thousands of nodes waits for is memory: every event meets a node
//! that was not looked at for a while. The queue knows which nodes come next. Touching
//! them one right after the other lets what they need arrive at the same time; handling
//! one waits for each piece in its turn. Changes nothing but the speed.

use std::hint::black_box;

use forkful_core::{Effect, NodeId};

use crate::run::{Happening, Sim};

/// How many nodes are touched at a time: what they need has to stay near until they have
/// their turn.
const AT_A_TIME: usize = 16;

impl Sim<'_> {
    /// Touches the nodes of the next events, if those touched before have had their turn.
    #[inline]
    pub(crate) fn touch_ahead(&mut self) {
        let soon = self.queue.soon().len();
        // The slot is another one, or what was touched of it is used up.
        if soon > self.touched || soon + AT_A_TIME <= self.touched {
            self.touched = soon;
            self.touch_soon();
        }
    }

    fn touch_soon(&self) {
        let soon = self.queue.soon();
        let whose = |event: &Happening| match *event {
            Happening::Deliver { to, .. } | Happening::DeliverFromShelf { to, .. } => Some(to),
            Happening::Deadline(_) | Happening::Draw(_) | Happening::Look => None,
        };
        let next = &soon[soon.len().saturating_sub(AT_A_TIME)..];
        let nodes = || next.iter().filter_map(|(_, event)| whose(event));
        // First where their parts are, then the parts.
        let place = |id: NodeId| {
            let node = &self.nodes[id.0 as usize];
            u64::from(node.is_up) ^ node.node.tip().index() as u64
        };
        black_box(nodes().map(place).fold(0, |all, one| all ^ one));
        let touch = |id: NodeId| {
            let index = id.0 as usize;
            self.nodes[index].node.touch() ^ self.mailboxes[index].touch()
        };
        black_box(nodes().map(touch).fold(0, |all, one| all ^ one));
    }

    /// Touches what sending these effects will write to.
    pub(crate) fn touch_receivers(&self, from: NodeId, effects: &[Effect]) {
        let to = effects.iter().filter_map(|effect| match effect {
            Effect::Send(peer, _) => Some(self.network.other_end(from, *peer).0),
            _ => None,
        });
        let touch = |to: NodeId| self.mailboxes[to.0 as usize].touch();
        black_box(to.map(touch).fold(0, |all, one| all ^ one));
    }
}
