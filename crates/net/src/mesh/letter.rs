//! Messages on their way through the mesh, and their order.

use forkful_core::{Message, NodeId, Wire};
use tokio::time::Instant;

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
