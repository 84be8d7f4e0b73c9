//! Forks: ties, splits, and reorganisations of every depth.

mod support;

use forkful_core::{Consensus, DifficultyRule, ForkChoice, Relay, Target};
use support::{Forge, plan};

#[test]
fn of_two_blocks_at_once_each_node_keeps_the_one_it_saw_first() {
    let mut net = plan(4).quiet().start();
    let first = net.mine(0);
    let second = net.mine(3);
    net.latency_ms(0, 1, 5);
    net.run_until_quiet();
    assert_eq!((net.tip(0), net.tip(3)), (first, second));
    // Everybody has both: the other may still win.
    for node in 0..4 {
        assert!(net.has(node, first) && net.has(node, second));
    }
    assert!(
        net.tip_changes
            .iter()
            .all(|(_, change)| change.disconnected == 0)
    );

    // The next block decides.
    let third = net.mine(3);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.tip(0), third);
    let (_, reorg) = net
        .tip_changes
        .iter()
        .find(|(node, c)| *node == 0 && c.disconnected > 0)
        .unwrap();
    assert_eq!((reorg.disconnected, reorg.connected), (1, 2));
}

#[test]
fn a_tie_is_kept_on_the_first_seen_after_a_restart_too() {
    let mut net = plan(2).start();
    let first = net.mine(0);
    net.mine(1);
    net.run_for(50);
    net.crash(0);
    net.restart(0);
    assert_eq!(net.tip(0), first);
}

#[test]
fn after_a_split_the_longer_side_wins() {
    for relay in Relay::ALL {
        let mut plan = plan(4);
        for node in 0..4 {
            plan = plan.relay(node, relay);
        }
        let mut net = plan.start();
        net.mine_many(1, 3);
        net.run_for(100);
        net.split(&[&[0, 1], &[2, 3]]);
        for _ in 0..20 {
            net.mine(0);
            net.mine(2);
            net.run_for(50);
        }
        net.mine(2);
        net.run_for(50);
        let (lost, won) = (net.tip(1), net.tip(3));
        assert_eq!((net.tip(0), net.tip(2)), (lost, won));
        net.heal();
        assert!(net.converges_within(10_000), "{relay:?} {:#?}", net.tips());
        assert_eq!(net.tip(0), won);
        let deepest = net.tip_changes.iter().map(|(_, c)| c.disconnected).max();
        assert_eq!(deepest, Some(20));
        // The losing side is still known.
        assert!(net.has(0, lost));
    }
}

#[test]
fn a_reorg_of_two_thousand_blocks_comes_in_several_batches() {
    for relay in Relay::ALL {
        let mut net = plan(2).relay(0, relay).relay(1, relay).links(&[]).start();
        net.mine_many(0, 2_400);
        net.mine_many(1, 2_300);
        net.connect(0, 1);
        assert!(net.converges_within(60_000), "{relay:?} {:#?}", net.tips());
        let deepest = net.tip_changes.iter().map(|(_, c)| c.disconnected).max();
        assert_eq!(deepest, Some(2_300), "{relay:?}");
    }
}

#[test]
fn a_reorg_and_back_again_and_again() {
    let mut net = plan(1).quiet().start();
    let puppet = net.puppet();
    let mut forge = Forge::new(&net);
    let (mut a, mut b) = (net.genesis(), net.genesis());
    for length in 1..40_u64 {
        // Each time the other branch becomes the longer one, by two blocks at once.
        let behind = if length % 2 == 0 { &mut a } else { &mut b };
        let more = if length == 1 { 1 } else { 2 };
        for block in forge.chain(*behind, more) {
            net.inject_block(puppet, 0, &block);
            *behind = block.header.hash();
        }
        assert_eq!(net.tip(0), *behind);
        assert_eq!(net.height(0), length);
    }
}

/// A minute between blocks on schedule; the story's blocks come much faster.
fn networks_with_moving_targets() -> [DifficultyRule; 2] {
    let initial = Target::from_zero_bits(4).unwrap();
    let limit = Target::MAX;
    let bitcoin = DifficultyRule::Bitcoin {
        initial,
        limit,
        window: 4,
        interval_ms: 60_000,
        clamp: 4,
    };
    let asert = DifficultyRule::Asert {
        initial,
        limit,
        interval_ms: 60_000,
        half_life_ms: 120_000,
    };
    [bitcoin, asert]
}

#[test]
fn a_longer_chain_with_less_work_wins_by_length_only() {
    for difficulty in networks_with_moving_targets() {
        for fork_choice in [ForkChoice::MostWork, ForkChoice::Longest] {
            let mut network = Consensus::fixed(Target::MAX);
            network.difficulty = difficulty;
            network.fork_choice = fork_choice;
            let mut net = plan(2)
                .quiet()
                .consensus(network.clone())
                .links(&[(0, 1)])
                .start();
            let puppet = net.puppet();
            let genesis_time = network.genesis_time.0;
            let mut forge = Forge::new(&net);
            let mut branch = |length: u64, pace_ms: u64| {
                let mut tip = net.genesis();
                let mut blocks = Vec::new();
                for height in 1..=length {
                    let block = forge.block_with(tip, &[], |header| {
                        header.timestamp.0 = genesis_time + height * pace_ms;
                    });
                    tip = block.header.hash();
                    blocks.push(block);
                }
                let work = forge.tree.total_work(forge.tree.find(&tip).unwrap());
                (blocks, tip, work)
            };
            // Honest: fast blocks, so each is hard. The other: one more, but slow and easy.
            let (hard, hard_tip, hard_work) = branch(12, 20_000);
            let (easy, easy_tip, easy_work) = branch(13, 240_000);
            assert!(easy_work < hard_work, "{difficulty:?}");
            for block in hard.iter().chain(&easy) {
                net.inject_block(puppet, 0, block);
            }
            net.run_until_quiet();
            let expected = match fork_choice {
                ForkChoice::MostWork => hard_tip,
                ForkChoice::Longest => easy_tip,
            };
            assert_eq!(net.tip(0), expected, "{fork_choice:?} {difficulty:?}");
            assert_eq!(net.tip(1), expected, "{fork_choice:?} {difficulty:?}");
        }
    }
}

#[test]
fn a_claim_of_an_easier_target_than_the_rule_gives_is_refused() {
    for difficulty in networks_with_moving_targets() {
        let mut network = Consensus::fixed(Target::MAX);
        network.difficulty = difficulty;
        let mut net = plan(1).quiet().consensus(network).age_ms(0).start();
        net.mine_many(0, 12);
        let target = net.tree(0).child_target(net.node(0).tip());
        assert!(target < difficulty.initial());
        // A block that meets the initial target, but not the one of its position.
        let puppet = net.puppet();
        let mut forge = Forge::like(&net, 0);
        let mut block = (*forge.block(net.tip(0), &[])).clone();
        while target.is_met_by(&block.header.hash())
            || !difficulty.initial().is_met_by(&block.header.hash())
        {
            block.header.nonce += 1;
        }
        net.inject_block(puppet, 0, &block.into());
        assert_eq!(net.height(0), 12);
        let [(0, _, forkful_core::RuleError::WorkNotDone { .. })] = net.rejections[..] else {
            panic!("{:?}", net.rejections);
        };
    }
}
