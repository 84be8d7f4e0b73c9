//! Blocks travel: the ordinary life of a network.

mod support;

use std::time::Duration;

use forkful_core::{Hash, Input, Message, MessageKind, PeerId, Relay};
use support::plan;

#[test]
fn a_block_reaches_everybody_by_flood() {
    let mut net = plan(5).quiet().start();
    let block = net.mine(0);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.tip(4), block);
    // Whole blocks, and nothing has to be asked for.
    assert_eq!(net.sent.len(), net.count(MessageKind::NewBlock));
}

#[test]
fn a_block_reaches_everybody_by_announcement() {
    let mut net = plan(5).quiet().announce().start();
    let block = net.mine(0);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.tip(4), block);
    // Each of the others fetched the body exactly once.
    assert_eq!(net.count(MessageKind::RequestBlock), 4);
    assert_eq!(net.count(MessageKind::Block), 4);
    assert_eq!(net.count(MessageKind::NewBlock), 0);
}

#[test]
fn a_miner_pushes_its_own_blocks_and_announces_those_of_others() {
    // 0 is linked with 1 and 2, and each of these with 3.
    let mut plan = plan(4).quiet().links(&[(0, 1), (0, 2), (1, 3), (2, 3)]);
    for node in 0..4 {
        plan = plan.relay(node, Relay::Unsolicited);
    }
    let mut net = plan.start();
    let block = net.mine(0);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.tip(3), block);
    // Both neighbours get it unasked and announce it; the last one asks one of them.
    assert_eq!(net.count_from(0, MessageKind::NewBlock), 2);
    assert_eq!(net.count(MessageKind::NewBlock), 2);
    assert_eq!(net.count(MessageKind::RequestBlock), 1);
    for relayer in [1, 2] {
        assert_eq!(net.count_from(relayer, MessageKind::Announce), 1);
    }
    // Restarted, a node knows nothing of who found what, and answers as anybody.
    net.crash(0);
    net.restart(0);
    net.run_until_quiet();
    assert_eq!(net.count(MessageKind::NewBlock), 2);
}

#[test]
fn a_block_travels_along_a_line_of_nodes_with_mixed_policies() {
    let line = [(0, 1), (1, 2), (2, 3), (3, 4)];
    for shift in 0..Relay::ALL.len() {
        let mut plan = plan(5).quiet().links(&line);
        for node in 0..5 {
            let policy = Relay::ALL[(node + shift) % Relay::ALL.len()];
            plan = plan.relay(node, policy);
        }
        let mut net = plan.start();
        for miner in [0, 4, 2, 1, 3] {
            net.mine(miner);
            net.run_until_quiet();
            net.assert_converged();
        }
        assert_eq!(net.height(0), 5);
    }
}

#[test]
fn a_block_that_comes_second_goes_on_only_where_all_blocks_do() {
    for all in [false, true] {
        for relay in Relay::ALL {
            let mut plan = plan(4).quiet().links(&[(0, 1), (1, 2), (2, 3)]);
            for node in 0..4 {
                plan = plan.relay(node, relay);
            }
            if all {
                plan = plan.all_blocks();
            }
            let mut net = plan.start();
            // At the two ends of a line, in one moment: the two fronts meet in the middle.
            let (left, right) = (net.mine(0), net.mine(3));
            net.run_until_quiet();
            assert!(net.has(1, right) && net.has(2, left), "{relay:?}");
            assert_eq!(net.has(0, right), all, "{relay:?}");
            assert_eq!(net.has(3, left), all, "{relay:?}");
            assert_eq!((net.tip(0), net.tip(3)), (left, right), "first seen");
        }
    }
}

#[test]
fn who_joins_late_catches_up_at_once() {
    for relay in Relay::ALL {
        let mut net = plan(3).quiet().relay(2, relay).links(&[(0, 1)]).start();
        net.mine_many(0, 20);
        net.run_until_quiet();
        net.connect(1, 2);
        net.run_until_quiet();
        assert_eq!(net.tip(2), net.tip(0), "{relay:?}");
    }
}

#[test]
fn an_unconnected_block_makes_the_node_ask_its_sender_for_the_chain() {
    let mut net = plan(2).quiet().start();
    net.cut(0, 1);
    net.mine_many(0, 5);
    net.heal();
    net.mine(0);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.count_from(1, MessageKind::RequestChain), 1);
    assert_eq!(net.count_from(0, MessageKind::Chain), 1);
}

#[test]
fn an_empty_locator_asks_for_the_full_chain() {
    let mut net = plan(1).quiet().start();
    let mut mined: Vec<Hash> = (0..30).map(|_| net.mine(0)).collect();
    let puppet = net.puppet();
    net.run_until_quiet();
    net.heard(puppet);
    net.inject(puppet, 0, &Message::RequestChain(Vec::new()));
    net.run_until_quiet();
    let heard = net.heard(puppet);
    let [(0, Message::Chain { blocks, more })] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    let hashes: Vec<Hash> = blocks.iter().map(|b| b.header.hash()).collect();
    assert_eq!((hashes, *more), (mined.clone(), false));

    // A full one costs only what is missing; what the node does not know is passed over.
    let locator = vec![Hash([9; 32]), mined[24], mined[3]];
    net.inject(puppet, 0, &Message::RequestHeaders(locator));
    net.run_until_quiet();
    let heard = net.heard(puppet);
    let [(0, Message::Headers { headers, more })] = heard.as_slice() else {
        panic!("{heard:?}");
    };
    let hashes: Vec<Hash> = headers.iter().map(|h| h.hash()).collect();
    assert_eq!((hashes, *more), (mined.split_off(25), false));
}

#[test]
fn what_is_lost_is_repaired_by_announcements() {
    for relay in Relay::ALL {
        let mut plan = plan(6).loss_percent(30);
        for node in 0..6 {
            plan = plan.relay(node, relay);
        }
        let mut net = plan.start();
        for round in 0..40 {
            net.mine(round % 6);
            net.run_for(300);
        }
        // The longest branch wins in the end, though messages go on being lost.
        let highest = net.tips().into_iter().map(|(_, height, _)| height).max();
        while Some(net.height(0)) <= highest {
            net.mine(0);
        }
        assert!(net.converges_within(120_000), "{:#?}", net.tips());
    }
}

#[test]
fn a_crashed_node_comes_back_with_its_tip_and_catches_up() {
    let mut net = plan(3).start();
    net.mine_many(0, 10);
    net.run_for(100);
    let tip = net.tip(2);
    net.crash(2);
    net.mine_many(1, 3);
    net.run_for(100);
    net.split(&[&[0, 1], &[2]]);
    net.restart(2);
    assert_eq!(net.tip(2), tip);
    net.heal();
    assert!(net.converges_within(10_000));
    assert_eq!(net.height(2), 13);
}

#[test]
fn a_crash_in_the_middle_of_a_download_keeps_what_was_connected() {
    let mut net = plan(3).announce().links(&[(0, 1)]).start();
    net.mine_many(0, 300);
    assert!(!net.converges_within(20));
    net.run_for(2_000);
    net.connect(2, 0);
    net.connect(2, 1);
    // Blocks of two peers arrive out of order.
    net.latency_ms(0, 2, 3);
    net.latency_ms(1, 2, 17);
    while net.height(2) < 50 {
        net.run_for(1);
    }
    let (tip, height) = (net.tip(2), net.height(2));
    net.crash(2);
    net.restart(2);
    assert_eq!((net.tip(2), net.height(2)), (tip, height));
    assert!(net.converges_within(10_000));
}

#[test]
fn a_peer_number_beyond_the_table_is_refused() {
    let mut net = plan(1).start();
    net.input(0, Input::Connected(PeerId(3)));
    net.input(0, Input::Connected(PeerId(16_384)));
    net.input(0, Input::Connected(PeerId(u32::MAX)));
    let refused: Vec<_> = net.disconnects.iter().map(|(_, peer, _)| peer.0).collect();
    assert_eq!(refused, [16_384, u32::MAX]);
    assert_eq!(net.node(0).peer_count(), 1);
    // Whatever is said about or by a peer that is not there is of no consequence.
    for nobody in [PeerId(2), PeerId(u32::MAX)] {
        let before = net.sent.len();
        net.input(
            0,
            Input::Received(nobody, Message::RequestChain(Vec::new())),
        );
        net.input(0, Input::Disconnected(nobody));
        assert_eq!((net.sent.len(), net.effects_in_last_batch), (before, 0));
    }
}

#[test]
fn the_deadline_is_told_once_and_cleared_when_nothing_is_waited_for() {
    let mut net = plan(2).quiet().announce().start();
    net.silence(0, true);
    net.run_for(5_000);
    // Nothing is waited for, so nobody was woken; the checker saw every deadline told.
    assert_eq!(net.effects_in_last_batch, 0);
    let puppet = net.puppet();
    let block = support::Forge::new(&net).block(net.genesis(), &[]);
    net.inject(puppet, 1, &Message::Announce(block.header));
    // One request, one deadline; an answer clears it.
    let asked = net.now_ms();
    assert_eq!(net.count_from(1, MessageKind::RequestBlock), 1);
    net.run_for(999);
    assert_eq!(net.count_from(1, MessageKind::RequestBlock), 1);
    net.run_for(1);
    assert_eq!(net.now_ms(), asked + 1_000);
    assert_eq!(net.count_from(1, MessageKind::RequestBlock), 2);
    net.inject(puppet, 1, &Message::Block(block));
    net.run_for(60_000);
    assert_eq!(net.count_from(1, MessageKind::RequestBlock), 2);
}

#[test]
fn nothing_waits_for_less_than_a_millisecond() {
    let mut plan = plan(2).announce();
    plan.waits(Duration::ZERO);
    let mut net = plan.start();
    let puppet = net.puppet();
    let block = support::Forge::new(&net).block(net.genesis(), &[]);
    net.inject(puppet, 0, &Message::Announce(block.header));
    // Nobody answers: a request each millisecond, not all at once for ever.
    net.silence(1, true);
    net.run_for(20);
    let asked = net.count_from(0, MessageKind::RequestBlock);
    assert!((2..=21).contains(&asked), "{asked}");
    net.inject(puppet, 0, &Message::Block(block.clone()));
    assert_eq!(net.tip(0), block.header.hash());
}
