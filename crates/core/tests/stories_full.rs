//! Blocks that are full, and what memory they may take.

mod support;

use std::sync::Arc;

use forkful_core::{Block, Hash, Message, MessageKind, limits};
use support::{Forge, Net, headers, plan};

#[test]
fn who_holds_one_body_back_does_not_fill_the_memory_with_those_behind_it() {
    let mut net = plan(1).quiet().announce().start();
    let full = vec![0; 950_000];
    let chain = chain_of(&net, 100, &full);
    let sources: Vec<usize> = (0..8).map(|_| net.puppet()).collect();
    for &source in &sources {
        net.inject(source, 0, &headers(&chain, false));
    }
    // All blocks are asked for. Everybody gives what is asked, but for the first.
    let answer = |net: &mut Net, is_given: &dyn Fn(&Arc<Block>) -> bool| {
        for &source in &sources {
            for (_, message) in net.heard(source) {
                if let Message::RequestBlock(hash) = message {
                    let block = chain.iter().find(|block| hash_of(block) == hash).unwrap();
                    if is_given(block) {
                        net.inject(source, 0, &Message::Block(Arc::clone(block)));
                    }
                }
            }
        }
    };
    let first = hash_of(&chain[0]);
    for _ in 0..5 {
        net.run_for(50);
        answer(&mut net, &|block| hash_of(block) != first);
    }
    let asked = net.count(MessageKind::RequestBlock);
    assert_eq!(asked, 100);
    let tree = net.tree(0);
    let held = chain.iter().filter_map(|block| tree.find(&hash_of(block)));
    let bytes: usize = held.map(|block| tree.body_memory(block)).sum();
    let bound = limits::WAITING_BYTES_MAX;
    assert!((bound..bound + 1_000_000).contains(&bytes), "{bytes}");
    // Another peer is asked for it, and then for what there was no room for, once.
    let begun = net.now_ms();
    while net.height(0) < 100 {
        net.run_for(50);
        answer(&mut net, &|_| true);
        assert!(net.now_ms() - begun < 15_000, "{:?}", net.tips());
    }
    let again = net.count(MessageKind::RequestBlock) - asked;
    assert!((30..=36).contains(&again), "{again}");
    assert!(net.disconnects.is_empty() && net.rejections.is_empty());
}

#[test]
fn bodies_that_waited_on_a_way_that_was_given_up_do_not_stay_in_memory() {
    let mut net = plan(1).quiet().announce().start();
    let (withholding, other) = (net.puppet(), net.puppet());
    let mut forge = Forge::like(&net, 0);
    let held_back = forge.chain(net.genesis(), 12);
    let given = forge.chain(net.genesis(), 11);
    net.inject(withholding, 0, &headers(&held_back, false));
    net.inject(other, 0, &headers(&given, false));
    for block in &held_back[1..] {
        net.inject(withholding, 0, &Message::Block(Arc::clone(block)));
    }
    let bodies = |net: &Net| {
        let tree = net.tree(0);
        let known = held_back
            .iter()
            .filter_map(|block| tree.find(&hash_of(block)));
        known.filter(|id| tree.has_body(*id)).count()
    };
    assert_eq!(bodies(&net), 11);
    net.disconnect(withholding, 0);
    net.run_for(50);
    assert_eq!(bodies(&net), 0);
    for block in &given {
        net.inject(other, 0, &Message::Block(Arc::clone(block)));
    }
    assert_eq!(net.tip(0), hash_of(&given[10]));
    // They are asked for anew if they are wanted again, and taken.
    let again = net.puppet();
    net.inject(again, 0, &headers(&held_back, false));
    for block in &held_back {
        net.inject(again, 0, &Message::Block(Arc::clone(block)));
    }
    assert_eq!(net.tip(0), hash_of(&held_back[11]));
}

#[test]
fn a_long_chain_of_large_blocks_is_fetched_in_stretches_to_its_end() {
    let mut net = plan(1).quiet().announce().start();
    let large = vec![0; 200_000];
    let chain = chain_of(&net, 850, &large);
    let source = net.puppet();
    net.inject(source, 0, &headers(&chain, false));
    let place = |hash: Hash| chain.iter().position(|block| hash_of(block) == hash);
    // Answers end before they are too long, as those of every node.
    let most = limits::CHAIN_BYTES_MAX / large.len();
    let mut singly = 0;
    while net.height(0) < 850 {
        net.run_for(50);
        let heard = net.heard(source);
        assert!(
            !heard.is_empty(),
            "nothing is asked for at {}",
            net.height(0)
        );
        for (_, message) in heard {
            match message {
                Message::RequestBlock(hash) => {
                    singly += 1;
                    let block = Arc::clone(&chain[place(hash).unwrap()]);
                    net.inject(source, 0, &Message::Block(block));
                }
                Message::RequestChain(from) => {
                    let first = place(from[0]).map_or(0, |place| place + 1);
                    let blocks = chain[first..].iter().take(most).cloned().collect();
                    let more = true;
                    net.inject(source, 0, &Message::Chain { blocks, more });
                }
                _ => {}
            }
        }
    }
    // The last ones, which are too few for a stretch.
    assert!(singly < 150, "{singly} one by one");
}

/// A chain on genesis, whose every block carries this.
fn chain_of(net: &Net, length: usize, entry: &[u8]) -> Vec<Arc<Block>> {
    let mut forge = Forge::like(net, 0);
    let mut chain = Vec::new();
    for _ in 0..length {
        let parent = chain.last().map_or(net.genesis(), hash_of);
        chain.push(forge.block(parent, &[entry]));
    }
    chain
}

fn hash_of(block: &Arc<Block>) -> Hash {
    block.header.hash()
}
