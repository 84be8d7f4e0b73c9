//! Attackers race the honest, and the report says how that went.

use forkful_core::BlockRef;
use forkful_core::event::What;

use crate::{Story, block};

/// Node 0 attacks; node 1 has three times the hash rate of node 2.
fn attacked_by(strategy: &str) -> Story {
    Story::of(&format!(
        "[[nodes]]
         nodes = 0
         hash_share = 4
         strategy = {strategy}
         [[nodes]]
         nodes = 1
         hash_share = 3"
    ))
}

fn blocks() -> [BlockRef; 4] {
    [
        block("genesis", 0),
        block("own1", 1),
        block("theirs1", 1),
        block("next2", 2),
    ]
}

impl Story {
    fn publishes(&mut self, ms: u64, block: BlockRef) {
        self.at(ms, 0, What::Published { block });
    }

    /// The attacker keeps a block; node 2 finds one; the attacker answers with its own,
    /// and node 1 hears of that first. Node 2 mines on its own.
    fn a_race(&mut self) {
        let [genesis, own, theirs, _] = blocks();
        self.mines(100, 0, own, genesis);
        self.mines(200, 2, theirs, genesis);
        self.publishes(210, own);
        self.follows(220, 1, genesis, own, 0);
    }
}

#[test]
fn gamma_is_the_honest_hash_rate_on_the_attackers_branch_when_the_race_ends() {
    let mut story = attacked_by("'selfish'");
    story.a_race();
    let [.., own, theirs, next] = blocks();
    story.mines(500, 1, next, own);
    story.follows(520, 2, theirs, next, 1);
    let report = story.ends([next; 3], Vec::new());
    let races = report.races.unwrap();
    assert_eq!((races.count, races.ended_by_honest), (1, 1));
    assert_eq!(
        (races.on_attackers_branch, races.ended_by_attackers),
        (1, 0)
    );
    assert_eq!(races.gamma, Some(0.75), "three of four parts");
    assert_eq!(report.attempts, None, "nobody tries to spend twice");

    let [honest, selfish] = &report.revenue[..] else {
        panic!("{:?}", report.revenue)
    };
    assert_eq!((&*honest.strategy, honest.nodes), ("honest", 2));
    assert_eq!((honest.blocks_mined, honest.blocks_on_chain), (2, 1));
    assert_eq!(honest.stale_rate, Some(0.5));
    assert_eq!((&*selfish.strategy, selfish.nodes), ("selfish", 1));
    assert_eq!(
        (selfish.hash_share, selfish.revenue_share),
        (0.5, Some(0.5))
    );
}

#[test]
fn who_is_down_mines_on_neither_branch_and_a_hash_rate_may_change() {
    let [.., theirs, _] = blocks();
    let next = block("next2", 2);
    let race_before = |what: fn() -> What| {
        let mut story = attacked_by("'selfish'");
        story.a_race();
        story.at(300, 1, what());
        story.mines(500, 2, next, theirs);
        story.ends([next; 3], Vec::new()).races.unwrap().gamma
    };
    assert_eq!(race_before(|| What::Healed), Some(0.75));
    assert_eq!(race_before(|| What::Crashed), Some(0.0));
    let stopped = || What::HashRate {
        tries_per_second: Some(0),
    };
    assert_eq!(race_before(stopped), Some(0.0));
}

#[test]
fn a_race_that_the_attacker_ends_is_no_sample_of_gamma() {
    let mut story = attacked_by("'selfish'");
    story.a_race();
    let [.., own, theirs, next] = blocks();
    // Shown at once, so no event says that it was published.
    story.mines(500, 0, next, own);
    story.follows(520, 2, theirs, next, 1);
    let races = story.ends([next; 3], Vec::new()).races.unwrap();
    assert_eq!((races.count, races.ended_by_attackers), (1, 1));
    assert_eq!((races.ended_by_honest, races.gamma), (0, None));
}

#[test]
fn what_the_attacker_keeps_ends_no_race() {
    let mut story = attacked_by("'selfish'");
    story.a_race();
    let [.., own, theirs, next] = blocks();
    story.mines(500, 0, block("secret2", 2), own);
    story.mines(600, 2, next, theirs);
    // The secret is the answer to that: a second race, still open at the end.
    story.publishes(610, block("secret2", 2));
    story.mines(700, 0, block("secret3", 3), block("secret2", 2));
    let races = story.ends([next; 3], Vec::new()).races.unwrap();
    assert_eq!((races.count, races.ended_by_honest), (2, 1));
    assert_eq!(
        (races.on_attackers_branch, races.ended_by_attackers),
        (0, 0)
    );
    assert_eq!(races.gamma, Some(0.75));
}

#[test]
fn a_longer_branch_that_is_published_at_once_is_no_race() {
    let mut story = attacked_by("'selfish'");
    let [genesis, own, theirs, _] = blocks();
    let second = block("own2", 2);
    story.mines(100, 0, own, genesis);
    story.mines(150, 0, second, own);
    story.mines(200, 2, theirs, genesis);
    story.publishes(210, own);
    story.publishes(210, second);
    story.mines(500, 1, block("next3", 3), second);
    let races = story.ends([second; 3], Vec::new()).races.unwrap();
    assert_eq!((races.count, races.gamma), (0, None));
    assert_eq!((races.ended_by_honest, races.ended_by_attackers), (0, 0));
}

#[test]
fn what_is_published_before_others_find_theirs_is_no_answer() {
    let mut story = attacked_by("'selfish'");
    let [genesis, own, theirs, next] = blocks();
    story.mines(100, 0, own, genesis);
    story.publishes(150, own);
    // Node 2 has not heard of it yet: a fork, but nobody's attack.
    story.mines(160, 2, theirs, genesis);
    story.mines(500, 1, next, theirs);
    let races = story.ends([next; 3], Vec::new()).races.unwrap();
    assert_eq!((races.count, races.gamma), (0, None));
}

#[test]
fn two_blocks_found_at_the_same_time_are_no_race() {
    let mut story = attacked_by("'time-warp'");
    let [genesis, own, theirs, next] = blocks();
    story.mines(100, 0, own, genesis);
    story.mines(110, 2, theirs, genesis);
    story.follows(120, 1, genesis, own, 0);
    story.mines(500, 1, next, own);
    let races = story.ends([next; 3], Vec::new()).races.unwrap();
    assert_eq!((races.count, races.gamma), (0, None));
}

#[test]
fn double_spends_are_counted_and_without_attackers_there_is_nothing_to_count() {
    let mut story = attacked_by("'double-spend'");
    for won in [true, false, false, false] {
        let (public_blocks, own_blocks) = (6, 7);
        let what = What::AttemptEnded {
            won,
            public_blocks,
            own_blocks,
        };
        story.at(100, 0, what);
    }
    let genesis = block("genesis", 0);
    let attempts = story.ends([genesis; 3], Vec::new()).attempts.unwrap();
    assert_eq!((attempts.ended, attempts.won), (4, 1));
    assert_eq!(attempts.success_rate, Some(0.25));

    let report = Story::new("").ends([genesis; 3], Vec::new());
    assert_eq!((report.races, report.attempts), (None, None));
    assert_eq!(report.revenue.len(), 1);
    assert_eq!(
        report.revenue[0].revenue_share, None,
        "no chain, no revenue"
    );
}
