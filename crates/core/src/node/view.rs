//! Which blocks of the tree this participant knows.

use crate::tree::BlockId;

/// One participant's knowledge of the facts: three growing sets of blocks.
///
/// Bits, because ten thousand views share one tree in the simulator: a view of a
/// thousand blocks is less than 400 bytes. Those of one block lie side by side, because
/// they are asked for together.
#[derive(Debug, Default)]
pub struct View {
    words: Vec<Word>,
}

/// What is known of 64 blocks, one bit each.
#[derive(Clone, Copy, Debug, Default)]
struct Word {
    headers: u64,
    bodies: u64,
    connected: u64,
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
        self.has(id, |word| word.headers)
    }

    /// Whether the body was too.
    pub fn has_body(&self, id: BlockId) -> bool {
        self.has(id, |word| word.bodies)
    }

    /// Whether it has all bodies back to genesis. Only such a block can be a tip.
    pub fn is_connected(&self, id: BlockId) -> bool {
        self.has(id, |word| word.connected)
    }

    /// Reads the part about the newest blocks.
    pub(super) fn touch(&self) -> u64 {
        self.words.last().map_or(0, |word| word.headers)
    }

    pub(super) fn add_header(&mut self, id: BlockId) {
        let (word, bit) = self.place(id);
        word.headers |= bit;
    }

    pub(super) fn add_body(&mut self, id: BlockId) {
        let (word, bit) = self.place(id);
        word.headers |= bit;
        word.bodies |= bit;
    }

    /// The body was given up before it connected; the header stays known.
    pub(super) fn forget_body(&mut self, id: BlockId) {
        let (word, bit) = self.place(id);
        word.bodies &= !bit;
    }

    pub(super) fn connect(&mut self, id: BlockId) {
        let (word, bit) = self.place(id);
        word.headers |= bit;
        word.bodies |= bit;
        word.connected |= bit;
    }

    fn has(&self, id: BlockId, set: impl Fn(&Word) -> u64) -> bool {
        let word = self.words.get(id.index() / 64);
        word.is_some_and(|word| set(word) >> (id.index() % 64) & 1 == 1)
    }

    /// The word of a block, and its bit there.
    fn place(&mut self, id: BlockId) -> (&mut Word, u64) {
        let word = id.index() / 64;
        if word >= self.words.len() {
            self.words.resize(word + 1, Word::default());
        }
        (&mut self.words[word], 1 << (id.index() % 64))
    }
}
