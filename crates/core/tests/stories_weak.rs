//! Branches that are too weak to matter, and long ones that are not.

mod support;

use std::sync::Arc;

use forkful_core::{
    Block, Hash, Header, Message, MessageKind, RuleError, ShortId, Target, Wire, Work,
};
use support::{Forge, Net, headers, plan};

const BUFFER: u32 = 10;

/// A node at height 50, where a branch may lack 10 blocks, and a puppet.
fn scene() -> (Net, usize) {
    let mut plan = plan(1).quiet().announce();
    plan.buffer_blocks = BUFFER;
    let mut net = plan.start();
    net.mine_many(0, 50);
    let puppet = net.puppet();
    net.run_until_quiet();
    net.heard(puppet);
    (net, puppet)
}

/// The work of so many blocks after genesis.
fn work_of(blocks: u64) -> Work {
    let one = Target::from_zero_bits(2).unwrap().work().0;
    Work(one * ruint::aliases::U256::from(blocks + 1))
}

/// Answers what the node asks the puppet for headers, as often as it asks, as an honest node with
/// this chain would. How often that was.
fn serve(net: &mut Net, puppet: usize, chain: &[Arc<Block>]) -> usize {
    let mut served = 0;
    loop {
        net.run_until_quiet();
        let heard = net.heard(puppet);
        let mut locators = heard.iter().filter_map(|(_, message)| match message {
            Message::RequestHeaders(locator) => Some(locator),
            _ => None,
        });
        let Some(locator) = locators.next() else {
            return served;
        };
        let after = |hash: &Hash| chain.iter().position(|block| block.header.hash() == *hash);
        let from = locator.iter().find_map(after).map_or(0, |at| at + 1);
        let to = chain.len().min(from + 2_000);
        net.inject(puppet, 0, &headers(&chain[from..to], to < chain.len()));
        served += 1;
    }
}

#[test]
fn a_weak_branch_leaves_nothing_behind_and_nobody_is_punished() {
    let (mut net, puppet) = scene();
    let mut forge = Forge::new(&net);
    let weak = forge.chain(net.genesis(), 39);
    let (known, stored) = (net.tree(0).len(), net.stored(0));
    let first = &weak[0];
    let ways: [Message<Wire>; 6] = [
        Message::Announce(first.header),
        Message::NewBlock(Arc::clone(first)),
        Message::Block(Arc::clone(first)),
        Message::CompactBlock {
            header: first.header,
            nonce: 1,
            short_ids: Arc::from([ShortId([1; 6])]),
        },
        headers(&weak, false),
        Message::Chain {
            blocks: weak.clone(),
            more: false,
        },
    ];
    for message in ways {
        net.inject(puppet, 0, &message);
        assert_eq!(net.tree(0).len(), known, "{:?}", message.kind());
        assert_eq!(net.stored(0), stored);
    }
    assert_eq!(net.keeper(0).turned_away(), 4 + 2 * 39);
    assert_eq!(net.keeper(0).surveys(), 0);
    assert!(net.rejections.is_empty() && net.disconnects.is_empty());
    // One block more, and it is as good as ten blocks ago.
    let forty = forge.chain(weak[38].header.hash(), 1);
    let all = [weak, forty].concat();
    net.inject(puppet, 0, &headers(&all, false));
    assert_eq!(net.tree(0).len(), known + 40);
}

#[test]
fn who_did_not_even_do_the_work_of_a_weak_block_is_to_blame() {
    let (mut net, puppet) = scene();
    let weak = Forge::new(&net).block(net.genesis(), &[]);
    let mut header: Header = weak.header;
    while Target::from_zero_bits(2).unwrap().is_met_by(&header.hash()) {
        header.nonce += 1;
    }
    let known = net.tree(0).len();
    let bare = Arc::new(Block {
        header,
        entries: Vec::new(),
    });
    let lies: [Message<Wire>; 4] = [
        Message::Announce(header),
        Message::NewBlock(Arc::clone(&bare)),
        headers(&[Arc::clone(&bare)], true),
        Message::Chain {
            blocks: vec![bare],
            more: true,
        },
    ];
    for lie in lies {
        net.inject(puppet, 0, &lie);
        let (_, from, rule) = net.rejections.pop().unwrap();
        assert_eq!(from, puppet);
        assert!(matches!(rule, RuleError::WorkNotDone { .. }));
    }
    assert_eq!(net.tree(0).len(), known);
    assert_eq!(net.keeper(0).surveys(), 0);
}

/// A new node that knows how much work its network has.
fn newcomer(minimum: Work) -> (Net, usize, Vec<Arc<Block>>) {
    let mut plan = plan(1).quiet().announce();
    plan.minimum_work = minimum;
    let mut net = plan.start();
    let puppet = net.puppet();
    let chain = Forge::new(&net).chain(net.genesis(), 4_700);
    (net, puppet, chain)
}

#[test]
fn a_long_weak_branch_is_followed_to_its_end_and_forgotten() {
    let (mut net, puppet, chain) = newcomer(work_of(4_701));
    net.inject(puppet, 0, &Message::Announce(chain[4_699].header));
    assert_eq!(serve(&mut net, puppet, &chain), 3);
    assert_eq!(net.tree(0).len(), 1);
    assert_eq!(net.keeper(0).turned_away(), 4_700);
    assert_eq!(net.keeper(0).surveys(), 0);
    assert!(net.disconnects.is_empty());
}

#[test]
fn a_long_branch_that_matters_is_asked_for_again_and_taken() {
    let (mut net, puppet, chain) = newcomer(work_of(4_700));
    net.inject(puppet, 0, &Message::Announce(chain[4_699].header));
    assert_eq!(serve(&mut net, puppet, &chain), 6);
    assert_eq!(net.tree(0).len(), 4_701);
    assert_eq!(net.keeper(0).surveys(), 0);
    // Now its blocks are fetched.
    assert!(net.count(MessageKind::RequestChain) > 0);
}

#[test]
fn another_chain_the_second_time_does_not_get_in() {
    let (mut net, puppet, chain) = newcomer(work_of(4_700));
    let mut cheap = Forge::new(&net);
    let other = {
        let first = cheap.block(net.genesis(), &[b"another"]);
        let mut other = vec![first];
        other.extend(cheap.chain(other[0].header.hash(), 2_500));
        other
    };
    let batches = [
        headers(&chain[..2_000], true),
        headers(&chain[2_000..4_000], true),
        headers(&chain[4_000..], false),
    ];
    for batch in &batches {
        net.inject(puppet, 0, batch);
        assert_eq!(net.tree(0).len(), 1);
    }
    assert_eq!(net.keeper(0).surveys(), 1);
    net.inject(puppet, 0, &headers(&other[..2_000], true));
    assert_eq!(net.tree(0).len(), 1);
    assert_eq!(net.keeper(0).surveys(), 0);
    // Nor a piece of the right one without what comes before.
    for batch in &batches {
        net.inject(puppet, 0, batch);
    }
    net.inject(puppet, 0, &batches[1]);
    assert_eq!(net.tree(0).len(), 1);
}

#[test]
fn a_survey_ends_with_its_connection() {
    let (mut net, puppet, chain) = newcomer(work_of(4_700));
    net.inject(puppet, 0, &headers(&chain[..2_000], true));
    assert_eq!(net.keeper(0).surveys(), 1);
    // The same again begins nothing anew.
    net.inject(puppet, 0, &headers(&chain[..2_000], true));
    assert_eq!(net.keeper(0).turned_away(), 2_000);
    net.disconnect(0, puppet);
    assert_eq!(net.keeper(0).surveys(), 0);
}

#[test]
fn headers_lead_blocks_by_so_many_and_no_more() {
    let mut plan = plan(1).quiet().announce();
    plan.lead_max = 1_000;
    let mut net = plan.start();
    let puppet = net.puppet();
    let chain = Forge::new(&net).chain(net.genesis(), 6_100);
    net.inject(puppet, 0, &Message::Announce(chain[6_099].header));
    // It gives headers and keeps its blocks.
    assert_eq!(serve(&mut net, puppet, &chain), 1);
    assert_eq!(net.tree(0).len(), 2_001);
    // Whatever it goes on to say of them.
    net.inject(puppet, 0, &headers(&chain[2_000..4_000], true));
    net.inject(puppet, 0, &Message::Announce(chain[2_000].header));
    net.inject(puppet, 0, &Message::NewBlock(Arc::clone(&chain[2_000])));
    assert_eq!(net.tree(0).len(), 2_001);
    // When blocks come, it is asked for what follows.
    for blocks in chain.chunks(500).take(5) {
        let blocks = blocks.to_vec();
        net.inject(
            puppet,
            0,
            &Message::Chain {
                blocks,
                more: false,
            },
        );
    }
    assert!(net.height(0) >= 2_000);
    assert_eq!(serve(&mut net, puppet, &chain), 1);
    assert_eq!(net.tree(0).len(), 4_001);
}

#[test]
fn a_chain_longer_than_the_lead_is_fetched_whole() {
    let mut plan = plan(3).announce().links(&[(0, 1), (1, 2)]);
    plan.lead_max = 1_000;
    let mut net = plan.start();
    net.split(&[&[0], &[1, 2]]);
    net.mine_many(0, 5_300);
    net.heal();
    assert!(net.converges_within(120_000), "{:?}", net.tips());
    assert_eq!(net.height(2), 5_300);
}

#[test]
fn a_reorg_of_five_thousand_blocks_is_surveyed_first_and_taken() {
    for flood in [false, true] {
        let mut plan = plan(2);
        if !flood {
            plan = plan.announce();
        }
        let mut net = plan.start();
        net.split(&[&[0], &[1]]);
        net.mine_many(0, 5_000);
        net.mine_many(1, 5_200);
        let lost = net.tip(0);
        net.heal();
        assert!(net.converges_within(120_000), "{:?}", net.tips());
        assert_eq!(net.height(0), 5_200);
        let reorgs = net
            .tip_changes
            .iter()
            .filter(|(node, change)| *node == 0 && change.disconnected > 0);
        let reorgs: Vec<_> = reorgs
            .map(|(_, change)| (change.disconnected, change.connected))
            .collect();
        assert!(net.keeper(0).turned_away() >= 5_000, "it was surveyed");
        assert_eq!(net.keeper(0).surveys(), 0);
        // At once, with the blocks that make it better.
        let [(5_000, connected)] = reorgs[..] else {
            panic!("{reorgs:?}")
        };
        assert!(connected > 5_000, "{connected}");
        // What lost is not wanted by who won, and nobody was punished.
        assert!(!net.has(1, lost));
        assert_eq!(net.tree(1).len(), 5_201);
        assert!(net.disconnects.is_empty());
    }
}

/// A walk costs thousands of times as much. The shortest of some rounds is what nothing else on the
/// machine disturbed.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "what it costs is what is asked for"
)]
fn a_weak_branch_that_is_repeated_does_not_make_the_node_walk_its_chain_again_and_again() {
    let repetitions = |height: usize| {
        let mut net = plan(1).quiet().announce().start();
        let (source, puppet) = (net.puppet(), net.puppet());
        // Known while the node is new: no branch is weak then.
        let weak = Forge::like(&net, 0).chain(net.genesis(), 2);
        for block in &weak {
            net.inject(puppet, 0, &Message::Announce(block.header));
        }
        net.mine_many(0, height);
        let best = Forge::like(&net, 0).chain(net.tip(0), 2);
        // A goal that is not reached.
        net.inject(source, 0, &headers(&best, false));
        net.run_for(50);
        let rounds = (0..5).map(|_| {
            let begun = std::time::Instant::now();
            for _ in 0..100 {
                net.inject_block(puppet, 0, &weak[1]);
            }
            begun.elapsed()
        });
        let shortest = rounds.min().unwrap();
        assert_eq!(net.height(0), height as u64);
        shortest
    };
    let (low, high) = (repetitions(10), repetitions(4_000));
    assert!(high < low * 100, "{high:?} against {low:?}");
}
