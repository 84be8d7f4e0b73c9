//! Catching up: long chains, several peers, and peers that do not deliver.

mod support;

use std::collections::VecDeque;

use forkful_core::{Hash, Message, MessageKind, Relay};
use support::{Forge, headers, plan};

/// From which peers the node fetched bodies.
fn served_by(net: &support::Net, node: usize) -> Vec<usize> {
    let mut servers: Vec<usize> = net
        .sent
        .iter()
        .filter(|(_, _, to, m)| {
            *to == node && matches!(m.kind(), MessageKind::Block | MessageKind::Chain)
        })
        .map(|(_, from, ..)| *from)
        .collect();
    servers.sort_unstable();
    servers.dedup();
    servers
}

#[test]
fn six_thousand_blocks_are_fetched_headers_first_from_several_peers() {
    let mut net = plan(4).quiet().announce().links(&[]).start();
    net.mine_many(0, 6_100);
    net.connect(0, 1);
    net.connect(0, 2);
    net.run_until_quiet();
    assert_eq!((net.height(1), net.height(2)), (6_100, 6_100));
    for (other, latency_ms) in [(0, 10), (1, 15), (2, 20)] {
        net.latency_ms(other, 3, latency_ms);
        net.connect(other, 3);
    }
    let begun = net.now_ms();
    assert!(net.converges_within(60_000), "{:#?}", net.tips());
    assert_eq!(served_by(&net, 3), [0, 1, 2]);
    // All three are soon known to have the chain, so they are not told of it block by
    // block.
    let told = net.count_from(3, MessageKind::Announce);
    assert!(told < 64, "{told}");
    // Stretches of 500, and the last 100 blocks one by one.
    let asked = net.count_from(3, MessageKind::RequestChain);
    assert!((12..=15).contains(&asked), "{asked}");
    assert!(net.now_ms() - begun < 2_000, "{} ms", net.now_ms() - begun);
}

#[test]
fn three_thousand_blocks_are_asked_for_in_batches_by_who_floods() {
    let mut net = plan(2).quiet().links(&[]).start();
    net.mine_many(0, 3_100);
    net.connect(0, 1);
    net.run_until_quiet();
    net.assert_converged();
    // Batches of 500.
    assert_eq!(net.count_from(1, MessageKind::RequestChain), 7);
}

#[test]
fn a_new_block_during_a_download_does_not_end_it() {
    let mut net = plan(2).quiet().links(&[]).start();
    net.mine_many(0, 2_000);
    net.connect(0, 1);
    net.run_for(25);
    // It does not connect, and its sender is the one being asked.
    let last = net.mine(0);
    net.run_until_quiet();
    assert_eq!(net.tip(1), last, "{:#?}", net.tips());
}

#[test]
fn a_silent_peer_is_replaced() {
    for relay in Relay::ALL {
        let mut net = plan(4).relay(3, relay).links(&[(0, 1), (0, 2)]).start();
        net.mine_many(0, 1_500);
        assert!(net.converges_within(60_000) || net.height(2) == 1_500);
        net.connect(0, 3);
        net.connect(1, 3);
        net.connect(2, 3);
        net.run_for(15);
        // It was asked first, and is never heard of again.
        net.silence(0, true);
        net.run_for(15_000);
        assert_eq!(net.tip(3), net.tip(1), "{relay:?} {:#?}", net.tips());
    }
}

#[test]
fn a_silent_peer_is_not_asked_for_what_another_gives() {
    let mut net = plan(1).quiet().announce().start();
    let (silent, honest) = (net.puppet(), net.puppet());
    let chain = Forge::new(&net).chain(net.genesis(), 200);
    net.inject(silent, 0, &headers(&chain, false));
    net.inject(honest, 0, &headers(&chain, false));
    let (mut asked_in_vain, mut to_answer) = (0, VecDeque::new());
    for _ in 0..150 {
        net.run_for(100);
        asked_in_vain += net.heard(silent).len();
        // Whatever else it says does not make it a better source.
        net.inject(silent, 0, &headers(&chain, false));
        // The other has all its hands full all the time, but answers within its time.
        to_answer.extend(net.heard(honest));
        let place = |hash: Hash| chain.iter().position(|block| block.header.hash() == hash);
        for (_, message) in to_answer.drain(..to_answer.len().min(2)) {
            match message {
                Message::RequestBlock(hash) => {
                    let block = chain[place(hash).unwrap()].clone();
                    net.inject(honest, 0, &Message::Block(block));
                }
                // Of a stretch it has time for ten blocks.
                Message::RequestChain(from) => {
                    let first = place(from[0]).map_or(0, |place| place + 1);
                    let blocks = chain[first..].iter().take(10).cloned().collect();
                    let more = true;
                    net.inject(honest, 0, &Message::Chain { blocks, more });
                }
                _ => {}
            }
        }
    }
    // It was asked for one stretch, and for nothing after that.
    assert_eq!((net.height(0), asked_in_vain), (200, 1));
}

#[test]
fn a_peer_whose_chain_leads_elsewhere_is_not_asked_for_stretches_again() {
    let mut net = plan(1).quiet().announce().start();
    let (fickle, honest) = (net.puppet(), net.puppet());
    let chain = Forge::new(&net).chain(net.genesis(), 400);
    net.inject(fickle, 0, &headers(&chain, false));
    net.run_for(50);
    net.inject(honest, 0, &headers(&chain, false));
    let (mut answers, more) = (0, false);
    for _ in 0..5 {
        net.run_for(100);
        let asks = |(_, message): &(usize, Message<_>)| matches!(message, Message::RequestChain(_));
        for _ in net.heard(fickle).iter().filter(|heard| asks(heard)) {
            let blocks = Vec::new();
            net.inject(fickle, 0, &Message::Chain { blocks, more });
            answers += 1;
        }
        for _ in net.heard(honest).iter().filter(|heard| asks(heard)) {
            let blocks = chain.clone();
            net.inject(honest, 0, &Message::Chain { blocks, more });
        }
    }
    // Within half a second, so nobody waited for a deadline.
    assert_eq!((net.height(0), answers), (400, 1));
}

#[test]
fn a_peer_that_announces_first_and_sends_nothing_delays_nobody_twice() {
    let mut net = plan(2).quiet().announce().start();
    let puppet = net.puppet();
    let mut slow = 0;
    for _ in 0..10 {
        let block = {
            net.cut(0, 1);
            let hash = net.mine(0);
            let tree = net.tree(0);
            let block = tree.block(tree.find(&hash).unwrap()).unwrap().clone();
            net.heal();
            block
        };
        // The puppet is always first, the honest node 5 ms later.
        net.inject(puppet, 1, &Message::Announce(block.header));
        net.run_for(5);
        net.inject(0, 1, &Message::Announce(block.header));
        let begun = net.now_ms();
        while net.tip(1) != block.header.hash() {
            net.run_for(1);
        }
        slow += u32::from(net.now_ms() - begun > 100);
    }
    assert!(slow <= 1, "{slow} of 10 blocks were late");
}

/// On a branch that is not the best, above a body that is missing: it can be asked for when it matters.
#[test]
fn a_body_without_use_is_forgotten_and_comes_when_there_is_one() {
    let mut net = plan(1).quiet().announce().start();
    let puppet = net.puppet();
    for _ in 0..3 {
        net.mine(0);
    }
    let mut forge = Forge::new(&net);
    let branch = (0..4).scan(net.genesis(), |on, _| {
        let block = forge.block(*on, &[b"fig"]);
        *on = block.header.hash();
        Some(block)
    });
    let branch = branch.collect::<Vec<_>>();
    let is_kept = |net: &support::Net| {
        let tree = net.tree(0);
        let second = tree.find(&branch[1].header.hash()).unwrap();
        tree.has_body(second)
    };
    net.inject(puppet, 0, &Message::Announce(branch[0].header));
    net.inject(puppet, 0, &Message::NewBlock(branch[1].clone()));
    assert!(!is_kept(&net));
    for block in &branch[2..] {
        net.inject(puppet, 0, &Message::Announce(block.header));
    }
    for _ in 0..8 {
        net.run_for(100);
        for (node, message) in net.heard(puppet) {
            if let Message::RequestBlock(hash) = message {
                let asked = branch.iter().find(|block| block.header.hash() == hash);
                net.inject(puppet, node, &Message::Block(asked.unwrap().clone()));
            }
        }
    }
    assert!(is_kept(&net));
    assert_eq!(net.tip(0), branch[3].header.hash());
}

#[test]
fn a_peer_without_the_block_is_not_asked_again_and_again() {
    let mut net = plan(1).quiet().announce().start();
    let puppet = net.puppet();
    let block = Forge::new(&net).block(net.genesis(), &[]);
    net.inject(puppet, 0, &Message::Announce(block.header));
    for _ in 0..100 {
        net.run_until_quiet();
        for (node, message) in net.heard(puppet) {
            if let Message::RequestBlock(hash) = message {
                net.inject(puppet, node, &Message::NotFound(hash));
            }
        }
    }
    assert_eq!(net.count(MessageKind::RequestBlock), 1);
    // Another peer that announces it is asked at once.
    let other = net.puppet();
    net.inject(other, 0, &Message::Announce(block.header));
    net.run_until_quiet();
    assert!(matches!(
        net.heard(other).as_slice(),
        [(0, Message::RequestBlock(_))]
    ));
    net.inject(other, 0, &Message::Block(block.clone()));
    assert_eq!(net.tip(0), block.header.hash());
}

#[test]
fn not_found_turns_to_another_peer_at_once() {
    let mut net = plan(1).quiet().announce().start();
    let (first, second) = (net.puppet(), net.puppet());
    let block = Forge::new(&net).block(net.genesis(), &[]);
    net.inject(first, 0, &Message::Announce(block.header));
    net.inject(second, 0, &Message::Announce(block.header));
    let hash = block.header.hash();
    net.inject(first, 0, &Message::NotFound(hash));
    net.run_until_quiet();
    let heard = net.heard(second);
    assert!(
        heard.contains(&(0, Message::RequestBlock(hash))),
        "{heard:?}"
    );
    // What the first says now, or says of blocks it was not asked for, changes nothing.
    net.inject(first, 0, &Message::NotFound(hash));
    net.inject(first, 0, &Message::NotFound(net.genesis()));
    assert_eq!(net.effects_in_last_batch, 0);
}

#[test]
fn a_branch_whose_bodies_nobody_has_any_more_is_given_up() {
    for gone in [true, false] {
        let mut net = plan(2).announce().links(&[]).start();
        let puppet = net.puppet();
        // The better headers come from a peer that never sends a body, ...
        let branch = Forge::new(&net).chain(net.genesis(), 60);
        net.inject(puppet, 1, &headers(&branch, false));
        net.run_for(50);
        if gone {
            net.disconnect(puppet, 1);
        }
        // ... so the node follows what it can get, though it is worse.
        net.mine_many(0, 40);
        net.connect(0, 1);
        net.run_for(30_000);
        assert_eq!(net.height(1), 40, "gone: {gone}");
        net.assert_converged();
    }
}

#[test]
fn bodies_that_wait_for_a_body_that_never_comes_do_not_end_the_download() {
    let mut net = plan(2).announce().links(&[]).start();
    let puppet = net.puppet();
    let branch = Forge::new(&net).chain(net.genesis(), 1_300);
    net.inject(puppet, 1, &headers(&branch, false));
    // All but the first.
    for block in &branch[1..] {
        net.inject(puppet, 1, &Message::Block(block.clone()));
    }
    net.mine_many(0, 1_200);
    net.connect(0, 1);
    net.run_for(60_000);
    assert_eq!(net.height(1), 1_200);
    // The branch was better all the time: once it is whole, it is followed.
    net.inject(puppet, 1, &Message::Block(branch[0].clone()));
    for block in &branch {
        net.inject(puppet, 1, &Message::Block(block.clone()));
    }
    assert_eq!(net.height(1), 1_300);
}

#[test]
fn bodies_may_come_in_any_order() {
    let mut net = plan(1).quiet().announce().start();
    let puppet = net.puppet();
    let chain = Forge::new(&net).chain(net.genesis(), 16);
    net.inject(puppet, 0, &headers(&chain, false));
    for block in chain.iter().rev() {
        assert_eq!(net.height(0), 0);
        net.inject(puppet, 0, &Message::Block(block.clone()));
    }
    assert_eq!(net.height(0), 16);
    // One change of tip, not sixteen.
    assert_eq!(net.tip_changes.len(), 1);
}

#[test]
fn an_interrupted_download_of_a_long_branch_is_taken_up_again() {
    for relay in Relay::ALL {
        let long: usize = if relay == Relay::Flood { 1_300 } else { 2_600 };
        let mut net = plan(3).relay(2, relay).links(&[]).start();
        // Two long branches: the node is on the shorter one.
        net.mine_many(0, long);
        net.mine_many(2, long - 50);
        net.connect(0, 2);
        // The first batch comes, and then nothing more: it is not better yet.
        net.run_for(45);
        net.disconnect(0, 2);
        net.run_for(5_000);
        assert_eq!(net.height(2), (long - 50) as u64);
        // Somebody else has the same branch. Its first batch holds nothing new.
        net.connect(0, 1);
        net.run_for(60_000);
        assert_eq!(net.height(1), long as u64);
        net.connect(1, 2);
        net.run_for(60_000);
        assert_eq!(net.height(2), long as u64, "{relay:?}");
    }
}

#[test]
fn a_block_too_far_ahead_is_accepted_when_its_time_has_come() {
    let mut net = plan(2).start();
    net.clock_ahead_ms(0, 3 * 3_600_000);
    let early = net.mine(0);
    net.run_for(10_000);
    assert!(!net.has(1, early));
    // Nobody is to blame for a clock.
    assert!(net.disconnects.is_empty());
    net.mine(1);
    net.run_for(3_700_000);
    assert!(net.has(1, early));
    net.mine(1);
    assert!(net.converges_within(10_000));
}

#[test]
fn a_node_whose_store_has_the_blocks_is_asked_for_them_after_a_restart() {
    let mut net = plan(2).announce().links(&[]).start();
    let tip: Hash = net.mine_many(0, 100);
    net.crash(0);
    net.restart(0);
    assert_eq!(net.tip(0), tip);
    net.connect(0, 1);
    assert!(net.converges_within(10_000));
    assert_eq!(net.tip(1), tip);
}

#[test]
fn an_answer_that_leaves_something_out_does_not_end_the_download() {
    let mut net = plan(1).quiet().announce().start();
    let puppet = net.puppet();
    let chain = Forge::new(&net).chain(net.genesis(), 300);
    net.inject(puppet, 0, &headers(&chain, false));
    for blocks in [chain[299..].to_vec(), chain.clone()] {
        net.run_for(50);
        let heard = net.heard(puppet);
        let asks = |(_, message): &(usize, Message<_>)| matches!(message, Message::RequestChain(_));
        assert!(heard.iter().any(asks), "{heard:?}");
        let more = false;
        net.inject(puppet, 0, &Message::Chain { blocks, more });
    }
    assert_eq!(net.height(0), 300);
}
