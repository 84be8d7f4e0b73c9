//! The time warp: who makes most of the blocks moves the difficulty of the rule `bitcoin`.

mod support;

use forkful_core::strategy::TimeWarp;
use forkful_core::{BlockId, Consensus, DifficultyRule, Target};
use support::{Net, plan};

const WINDOW: usize = 24;
const INTERVAL_MS: u64 = 1_000;

fn bits(zeros: u32) -> Target {
    Target::from_zero_bits(zeros).unwrap()
}

fn rule() -> DifficultyRule {
    DifficultyRule::Bitcoin {
        initial: bits(6),
        limit: bits(1),
        interval_ms: INTERVAL_MS,
        window: u32::try_from(WINDOW).unwrap(),
        clamp: 4,
    }
}

/// Node 0 warps and node 1 is honest. A block each second, exactly on schedule: the
/// attacker finds those whose number is not a multiple of `honest_every`.
fn play(rule: DifficultyRule, windows: usize, honest_every: usize) -> Net {
    let consensus = Consensus {
        difficulty: rule,
        ..Consensus::fixed(bits(1))
    };
    let mut net = plan(2)
        .quiet()
        .age_ms(0)
        .consensus(consensus)
        .strategy(0, || Box::new(TimeWarp))
        .start();
    for block in 1..=windows * WINDOW {
        net.run_for(INTERVAL_MS);
        net.mine(usize::from(block.is_multiple_of(honest_every)));
        net.run_until_quiet();
    }
    net.assert_converged();
    net
}

/// The target of the next block after so many windows.
fn targets(net: &Net) -> Vec<Target> {
    let tree = net.tree(1);
    let path = tree.path(BlockId::GENESIS, net.node(1).tip());
    let last = path.iter().skip(WINDOW - 1).step_by(WINDOW);
    last.map(|id| tree.target(*id)).collect()
}

#[test]
fn who_makes_all_blocks_warps_the_difficulty_to_its_limit() {
    let net = play(rule(), 5, usize::MAX);
    let targets = targets(&net);
    // Every window seems to have taken as long as the chain has been running: by the
    // clamp's fourfold at most, until the limit.
    assert!(targets[1] > targets[0], "{targets:?}");
    assert!(targets[2] > bits(5) && targets[4] == bits(1), "{targets:?}");
    // Nobody refused anything, and nobody had to wait.
    assert!(net.rejections.is_empty());
}

#[test]
fn most_of_the_blocks_are_enough() {
    // The first and the last block of a window count: here nearly always its own.
    let targets = targets(&play(rule(), 7, 5));
    assert_eq!(targets[6], bits(1), "{targets:?}");
}

#[test]
fn honest_blocks_on_schedule_keep_the_difficulty() {
    let targets = targets(&play(rule(), 7, 1));
    // 23 intervals are measured for 24, so it creeps up.
    assert!(
        targets.iter().all(|target| *target <= bits(6)),
        "{targets:?}"
    );
    assert!(
        targets.iter().all(|target| *target > bits(7)),
        "{targets:?}"
    );
}

#[test]
fn half_of_the_blocks_are_not_enough() {
    // The median of eleven timestamps goes with the clock then.
    let targets = targets(&play(rule(), 7, 2));
    assert!(targets[6] < bits(5), "{targets:?}");
}

#[test]
fn under_another_rule_it_claims_the_true_time() {
    let net = play(DifficultyRule::Fixed { target: bits(2) }, 1, usize::MAX);
    let tip = net.tree(0).header(net.node(0).tip());
    // The last block took 10 ms to node 1.
    assert_eq!(tip.timestamp.0 + 10, net.clock().0);
}
