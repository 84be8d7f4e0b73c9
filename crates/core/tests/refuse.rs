//! An operator refuses a block that the rules allow, and changes its mind.

use std::sync::Arc;

use forkful_core::limits::REFUSED_MAX;
use forkful_core::merkle::merkle_root;
use forkful_core::{
    Block, BlockId, BlockTree, Config, Consensus, Effect, Effects, Entry, Hash, Header, Honest,
    Input, Message, Node, Now, PeerId, Sha256Pow, Target, Time, Timestamp,
};

const PEER: PeerId = PeerId(0);

struct Story {
    tree: BlockTree<Sha256Pow>,
    node: Node,
    effects: Effects,
    clock: u64,
}

impl Story {
    fn begin() -> Story {
        let consensus = Consensus::fixed(Target::MAX);
        let clock = consensus.genesis_time.0;
        let mut story = Story {
            tree: BlockTree::new(consensus, Sha256Pow),
            node: Node::new(Config::default(), Box::new(Honest), 1),
            effects: Vec::new(),
            clock,
        };
        story.handle(Input::Start);
        story.handle(Input::Connected(PEER));
        story
    }

    fn handle(&mut self, input: Input) {
        self.clock += 1_000;
        let now = Now {
            time: Time::ZERO,
            clock: Timestamp(self.clock),
        };
        self.effects.clear();
        self.node.handle(now, input, &self.tree, &mut self.effects);
    }

    /// A valid block on this one, which the node does not know yet.
    fn block(&mut self, parent: BlockId, entries: Vec<Entry>) -> BlockId {
        self.clock += 1_000;
        let header = Header {
            index: self.tree.height(parent) + 1,
            timestamp: Timestamp(self.clock),
            data: merkle_root(&entries),
            previous_hash: self.tree.hash(parent),
            nonce: 0,
        };
        let block = Arc::new(Block { header, entries });
        let clock = Timestamp(self.clock);
        self.tree.insert_block(block, clock).unwrap()
    }

    fn mine(&mut self, parent: BlockId) -> BlockId {
        let block = self.block(parent, Vec::new());
        self.handle(Input::Mined(block));
        block
    }

    fn receive(&mut self, parent: BlockId) -> BlockId {
        let block = self.block(parent, Vec::new());
        self.handle(Input::Received(PEER, Message::NewBlock(block)));
        block
    }

    fn tip(&self) -> BlockId {
        assert_eq!(self.node.tip(), self.node.public_tip());
        self.node.tip()
    }
}

#[test]
fn a_refused_block_is_left_with_all_that_is_built_on_it_and_taken_up_again() {
    let mut story = Story::begin();
    let first = story.mine(BlockId::GENESIS);
    let entry = Entry::from(&b"kept"[..]);
    let second = story.block(first, vec![Arc::clone(&entry)]);
    story.handle(Input::Mined(second));
    let third = story.mine(second);
    story.handle(Input::Refuse(second));
    assert_eq!(story.tip(), first);
    // A reorg like any other: told, searched on, and what the blocks carried waits again.
    let change = story.effects.iter().find_map(|effect| match effect {
        Effect::TipChanged(change) => Some((change.old, change.new, change.disconnected)),
        _ => None,
    });
    assert_eq!(change, Some((third, first, 2)));
    assert!(story.effects.contains(&Effect::Mine { on: first }));
    assert_eq!(story.node.pool().iter().collect::<Vec<_>>(), [&entry]);

    // More of that branch changes nothing, whoever brings it.
    let fourth = story.receive(third);
    let fifth = story.mine(fourth);
    assert_eq!(story.tip(), first);
    assert!(story.node.is_refused(&story.tree, fifth));
    assert!(!story.node.is_refused(&story.tree, first));

    story.handle(Input::Reconsider(third));
    assert_eq!(story.tip(), fifth);
    assert!(story.node.pool().is_empty());
    assert!(story.node.refused().is_empty());
}

#[test]
fn a_weaker_branch_is_followed_and_fetched_while_the_better_one_is_refused() {
    let mut story = Story::begin();
    let ours = story.mine(BlockId::GENESIS);
    let better = story.mine(ours);
    let better = story.mine(better);
    story.handle(Input::Refuse(ours));
    assert_eq!(story.tip(), BlockId::GENESIS);
    let rival = story.receive(BlockId::GENESIS);
    assert_eq!(story.tip(), rival);
    // By its header alone: the body is asked for, though the refused branch has more work.
    let next = story.block(rival, Vec::new());
    story.handle(Input::Received(PEER, Message::Announce(next)));
    let asked = Effect::Send(PEER, Message::RequestBlock(next));
    assert!(story.effects.contains(&asked), "{:?}", story.effects);
    // And nothing is asked for on the refused one.
    let refused = story.block(better, Vec::new());
    let beyond = story.block(refused, Vec::new());
    let headers = vec![refused, beyond];
    story.handle(Input::Received(
        PEER,
        Message::Headers {
            headers,
            more: false,
        },
    ));
    let asks = |effect: &Effect| matches!(effect, Effect::Send(_, Message::RequestBlock(_)));
    assert!(!story.effects.iter().any(asks), "{:?}", story.effects);
}

#[test]
fn genesis_cannot_be_refused_and_so_many_blocks_can() {
    let mut story = Story::begin();
    story.handle(Input::Refuse(BlockId::GENESIS));
    assert!(story.node.refused().is_empty());
    let root = story.mine(BlockId::GENESIS);
    for _ in 0..REFUSED_MAX + 1 {
        let branch = story.receive(root);
        story.handle(Input::Refuse(branch));
        story.handle(Input::Refuse(branch));
    }
    assert_eq!(story.node.refused().len(), REFUSED_MAX);
    // All of them at once.
    story.handle(Input::Reconsider(root));
    assert!(story.node.refused().is_empty());
    assert_ne!(story.tree.hash(story.tip()), Hash::ZERO);
}
