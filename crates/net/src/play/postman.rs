//! Messages on their way, their order, and who brings them.

use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::sync::Arc;

use forkful_core::{Message, NodeId, Wire};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::wiring::Wiring;

/// A message under way.
#[derive(Debug)]
pub(super) struct Letter {
    pub arrives: Instant,
    pub from: NodeId,
    pub bytes: u32,
    pub message: Message<Wire>,
}

/// A message in the postman's bag. The greatest is the one to bring next: by arrival,
/// and in the order in which they were sent where that is equal.
#[derive(Debug)]
pub(super) struct InBag {
    pub letter: Letter,
    pub number: u64,
}

impl Ord for InBag {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let key = |bagged: &Self| (bagged.letter.arrives, bagged.number);
        key(other).cmp(&key(self))
    }
}

impl PartialOrd for InBag {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for InBag {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for InBag {}

/// Brings the messages to one node when their time has come.
#[derive(Debug)]
pub(super) struct Postman {
    pub to: NodeId,
    pub post: mpsc::UnboundedReceiver<Letter>,
}

impl Postman {
    /// Brings messages until the run is over.
    pub async fn run(mut self, wiring: Arc<Wiring>, shutdown: CancellationToken) {
        let mut bag = BinaryHeap::new();
        let mut number = 0;
        loop {
            let next = bag.peek().map(|bagged: &InBag| bagged.letter.arrives);
            tokio::select! {
                () = shutdown.cancelled() => return,
                letter = self.post.recv() => {
                    let Some(letter) = letter else { return };
                    bag.push(InBag { letter, number });
                    number += 1;
                }
                () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => {
                    let now = Instant::now();
                    while let Some(top) = bag.peek_mut()
                        && top.letter.arrives <= now
                    {
                        let bagged = PeekMut::pop(top);
                        wiring.deliver(self.to, bagged.letter);
                    }
                }
            }
        }
    }
}
