//! Data that somebody wants on the chain: never lost, never twice.

mod support;

use forkful_core::{Message, MessageKind};
use support::{Forge, plan};

fn entry(number: usize) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

fn sorted(mut data: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    data.sort();
    data
}

#[test]
fn data_is_mined_in_the_order_in_which_it_came() {
    let mut net = plan(2).start();
    for number in 0..5 {
        net.submit(0, &entry(number));
    }
    net.mine(0);
    net.run_for(50);
    assert_eq!(net.data_on_chain(1), (0..5).map(entry).collect::<Vec<_>>());
    assert!(net.node(0).pool().is_empty());
    // What is on the chain already, or waits already, is not taken again.
    net.submit(0, &entry(3));
    net.submit(1, &entry(3));
    assert!(net.node(0).pool().is_empty() && net.node(1).pool().is_empty());
    net.submit(1, &entry(7));
    net.submit(1, &entry(7));
    assert_eq!(net.node(1).pool().len(), 1);
}

/// Nobody mines it in two weeks: then it is given up, with the next block.
#[test]
fn data_that_waits_for_too_long_is_given_up() {
    let day = 24 * 3_600_000;
    let mut net = plan(2).quiet().start();
    // Node 1, which mines, hears of none.
    for number in 1..=2 {
        net.split(&[&[0], &[1]]);
        net.submit(0, &entry(number));
        net.heal();
        net.run_for(13 * day / 2);
    }
    net.mine(1);
    net.run_for(day);
    assert_eq!(net.node(0).pool().len(), 2, "thirteen days: not yet");
    net.mine(1);
    net.run_for(50);
    assert_eq!(net.height(0), 2);
    let left: Vec<_> = net
        .node(0)
        .pool()
        .iter()
        .map(|entry| entry.to_vec())
        .collect();
    assert_eq!(left, [entry(2)]);
    // It may come again.
    net.submit(0, &entry(1));
    assert_eq!(net.node(0).pool().len(), 2);
}

/// Nobody who has it mines: whoever does has to hear of it, however late.
#[test]
fn data_that_waits_is_told_to_who_connects_and_again_with_announcements() {
    let mut net = plan(3).tells_data().start();
    net.split(&[&[0], &[1, 2]]);
    net.submit(0, &entry(1));
    net.run_for(50);
    assert!(net.node(1).pool().is_empty());
    net.heal();
    net.run_for(5_000);
    assert_eq!(net.node(1).pool().len(), 1);
    assert_eq!(net.node(2).pool().len(), 1);
    net.mine(2);
    net.run_for(50);
    assert_eq!(net.data_on_chain(0), [entry(1)]);

    // No more at one time than the bound says; the rest comes when that is mined.
    net.split(&[&[0], &[1, 2]]);
    let many = 2 * forkful_core::limits::DATA_TOLD_ENTRIES_MAX;
    for number in 0..many {
        net.submit(0, &entry(100 + number));
    }
    net.heal();
    net.run_for(5_000);
    assert_eq!(net.node(1).pool().len(), many / 2);
}

#[test]
fn data_of_the_losing_side_is_mined_again_exactly_once() {
    let mut net = plan(4).start();
    net.split(&[&[0, 1], &[2, 3]]);
    for number in 0..40 {
        // Some entries were given to both sides.
        let both = number % 5 == 0;
        if both || number % 2 == 0 {
            net.submit(0, &entry(number));
        }
        if both || number % 2 == 1 {
            net.submit(2, &entry(number));
        }
        if number % 4 == 3 {
            net.mine(0);
            net.mine(2);
            net.run_for(50);
        }
    }
    net.mine(2);
    net.run_for(50);
    let winner = net.tip(2);
    net.heal();
    assert!(net.converges_within(10_000));
    assert_eq!(net.tip(0), winner);
    net.mine(0);
    net.run_for(100);
    net.mine(1);
    assert!(net.converges_within(10_000));
    let all = sorted((0..40).map(entry).collect());
    assert_eq!(sorted(net.data_on_chain(3)), all);
    assert!((0..4).all(|node| net.node(node).pool().is_empty()));
}

#[test]
fn data_that_waits_when_a_node_crashes_waits_again() {
    let mut net = plan(2).start();
    net.submit(0, b"on the chain");
    net.mine(0);
    net.submit(0, b"waiting");
    net.run_for(50);
    net.crash(0);
    net.mine(1);
    net.restart(0);
    let waiting: Vec<_> = net.node(0).pool().iter().map(|e| e.to_vec()).collect();
    assert_eq!(waiting, [b"waiting".to_vec()]);
    assert!(net.converges_within(10_000));
    net.mine(0);
    assert!(net.converges_within(10_000));
    let expected = [b"on the chain".to_vec(), b"waiting".to_vec()];
    assert_eq!(net.data_on_chain(1), expected);
}

#[test]
fn data_whose_block_was_found_too_late_is_not_lost() {
    let mut net = plan(2).quiet().start();
    net.cut(0, 1);
    net.submit(0, b"mine");
    net.mine_many(1, 2);
    net.mine(0);
    net.heal();
    net.mine(1);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.node(0).pool().len(), 1);
    net.mine(0);
    net.run_until_quiet();
    assert_eq!(net.data_on_chain(1), [b"mine".to_vec()]);
}

#[test]
fn an_entry_that_stands_twice_on_a_chain_is_counted_twice() {
    let mut net = plan(1).quiet().start();
    let puppet = net.puppet();
    let mut forge = Forge::new(&net);
    // A miner may well repeat an entry: no rule forbids it.
    let one = forge.block(net.genesis(), &[b"x", b"x", b"y"]);
    let two = forge.block(one.header.hash(), &[b"x"]);
    for block in [&one, &two] {
        net.inject_block(puppet, 0, block);
    }
    // Only the second copy is disconnected: x is still on the chain.
    for block in forge.chain(one.header.hash(), 2) {
        net.inject_block(puppet, 0, &block);
    }
    assert_eq!(net.height(0), 3);
    assert!(net.node(0).pool().is_empty());
    // Now all are: each waits once.
    for block in forge.chain(net.genesis(), 4) {
        net.inject_block(puppet, 0, &block);
    }
    let waiting: Vec<_> = net.node(0).pool().iter().map(|e| e.to_vec()).collect();
    assert_eq!(sorted(waiting), [b"x".to_vec(), b"y".to_vec()]);
}

#[test]
fn data_is_passed_on_once_and_mined_by_whoever_is_first() {
    let line = [(0, 1), (1, 2), (2, 3), (3, 0)];
    let mut net = plan(4).quiet().links(&line).start();
    net.submit(0, b"data");
    net.run_until_quiet();
    // Two from the first; the next two pass it on; the last tells the one it did not
    // hear it from.
    assert_eq!(net.count(MessageKind::NewData), 5);
    net.mine(2);
    net.run_until_quiet();
    assert_eq!(net.data_on_chain(0), [b"data".to_vec()]);
    assert!((0..4).all(|node| net.node(node).pool().is_empty()));
    // What is on the chain is not taken back by a replay.
    net.inject(1, 0, &Message::NewData(b"data"[..].into()));
    assert_eq!(net.effects_in_last_batch, 0);
}

#[test]
fn a_stream_of_data_does_not_begin_the_search_anew_each_time() {
    let mut net = plan(1).quiet().start();
    net.run_for(1_000);
    let before = net.searches;
    for number in 0..1_000_u32 {
        net.submit(0, &number.to_be_bytes());
        net.run_for(1);
    }
    // The first at once, then four times a second.
    assert_eq!(net.searches - before, 5);
    net.run_for(10_000);
    assert_eq!(net.searches - before, 5);
}

#[test]
fn a_full_pool_refuses_and_a_block_takes_what_fits() {
    let mut network = plan(1).consensus;
    network.entries_max = 10;
    network.body_bytes_max = 100;
    let mut net = plan(1).quiet().consensus(network).start();
    net.submit(0, &[7; 101]);
    assert!(net.node(0).pool().is_empty());
    for number in 0..25_u8 {
        net.submit(0, &[number; 4]);
    }
    net.submit(0, &[99; 90]);
    for left in [16, 6, 1, 0] {
        net.mine(0);
        assert_eq!(net.node(0).pool().len(), left);
    }
    assert_eq!(net.data_on_chain(0).len(), 26);
}

#[test]
fn the_pool_is_bounded() {
    use forkful_core::limits;
    let mut net = plan(1).quiet().start();
    for number in 0..limits::POOL_ENTRIES_MAX + 100 {
        net.submit(0, &number.to_be_bytes());
    }
    assert_eq!(net.node(0).pool().len(), limits::POOL_ENTRIES_MAX);
    let mut net = plan(1).quiet().start();
    for number in 0..40_u8 {
        net.submit(0, &vec![number; 999_999]);
    }
    assert_eq!(net.node(0).pool().len(), 32);
}
