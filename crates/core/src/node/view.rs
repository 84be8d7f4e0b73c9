//! Which blocks of the tree this participant knows.

use crate::tree::BlockId;

/// One participant's knowledge of the facts: three growing sets of blocks.
///
/// Bits, because ten thousand views share one tree in the simulator: a view of a
/// thousand blocks is less than 400 bytes.
#[derive(Debug, Default)]
pub struct View {
    headers: BlockSet,
    bodies: BlockSet,
    connected: BlockSet,
}

impl View {
    /// A view of genesis alone.
    pub fn new() -> Self {
        let mut view = View::default();
        view.connect(BlockId::GENESIS);
        view
    }

    /// Whether the header was shown to this participant.
    pub fn has_header(&self, id: BlockId) -> bool {
        self.headers.contains(id)
    }

    /// Whether the body was too.
    pub fn has_body(&self, id: BlockId) -> bool {
        self.bodies.contains(id)
    }

    /// Whether it has all bodies back to genesis. Only such a block can be a tip.
    pub fn is_connected(&self, id: BlockId) -> bool {
        self.connected.contains(id)
    }

    pub(super) fn add_header(&mut self, id: BlockId) {
        self.headers.insert(id);
    }

    pub(super) fn add_body(&mut self, id: BlockId) {
        self.headers.insert(id);
        self.bodies.insert(id);
    }

    /// The body was given up before it connected; the header stays known.
    pub(super) fn forget_body(&mut self, id: BlockId) {
        self.bodies.remove(id);
    }

    pub(super) fn connect(&mut self, id: BlockId) {
        self.add_body(id);
        self.connected.insert(id);
    }
}

/// A set of blocks, one bit each.
#[derive(Debug, Default)]
struct BlockSet {
    words: Vec<u64>,
}

impl BlockSet {
    fn contains(&self, id: BlockId) -> bool {
        let (word, bit) = Self::place(id);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    fn insert(&mut self, id: BlockId) {
        let (word, bit) = Self::place(id);
        if word >= self.words.len() {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
    }

    fn remove(&mut self, id: BlockId) {
        let (word, bit) = Self::place(id);
        if let Some(word) = self.words.get_mut(word) {
            *word &= !bit;
        }
    }

    fn place(id: BlockId) -> (usize, u64) {
        (id.index() / 64, 1 << (id.index() % 64))
    }
}
