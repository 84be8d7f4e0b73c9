//! Every step of the attackers' papers, as a story.
//!
//! The attacker is linked with two honest nodes, which are not linked with each other. A
//! script says who finds the next block: `a` the attacker, `h` the first honest node, which
//! has its own block when two branches are equal, `g` the second, which the attacker tells
//! first. After each block it is noted how many the attacker keeps, and who found the
//! blocks of each honest node's chain.

mod support;

use std::collections::BTreeMap;

use forkful_core::strategy::{Attempt, DoubleSpend, Selfish, Stubborn};
use forkful_core::{BlockId, Hash, Relay, Strategy};
use support::{Net, plan};

struct Duel {
    net: Net,
    finders: BTreeMap<Hash, char>,
}

impl Duel {
    fn new<S: Strategy + Clone + 'static>(strategy: S, relay: Relay) -> Duel {
        let plan = (0..3).fold(plan(3).quiet().links(&[(0, 1), (0, 2)]), |plan, node| {
            plan.relay(node, relay)
        });
        Duel {
            net: plan.strategy(0, move || Box::new(strategy.clone())).start(),
            finders: BTreeMap::new(),
        }
    }

    fn play(&mut self, script: &str) {
        for finder in script.chars() {
            let node = ['a', 'h', 'g'].iter().position(|name| *name == finder);
            let block = self.net.mine(node.unwrap());
            let name = if finder == 'a' { 'A' } else { 'H' };
            self.finders.insert(block, name);
            self.net.run_until_quiet();
            self.assert_secret();
        }
    }

    /// Nothing that the attacker has said so far tells of what it keeps.
    fn assert_secret(&self) {
        let secrets = self.net.withheld(0);
        for (_, from, _, message) in &self.net.sent {
            let told = support::check::told(message);
            let leak = *from == 0 && told.iter().any(|hash| secrets.contains(hash));
            assert!(!leak, "{message:?}");
        }
    }

    fn chain(&self, node: usize) -> String {
        let tree = self.net.tree(node);
        let path = tree.path(BlockId::GENESIS, self.net.node(node).tip());
        path.iter()
            .map(|id| self.finders[&tree.hash(*id)])
            .collect()
    }

    fn state(&self) -> String {
        let kept = self.net.withheld(0).len();
        format!("{kept} {}|{}", self.chain(1), self.chain(2))
    }
}

/// Plays each script from the beginning, under every relay policy.
fn assert_states<S: Strategy + Clone + 'static>(strategy: &S, expected: &[(&str, &str)]) {
    for relay in Relay::ALL {
        for (script, state) in expected {
            let mut duel = Duel::new(strategy.clone(), relay);
            duel.play(script);
            assert_eq!(duel.state(), *state, "after {script:?}, {relay:?}");
        }
    }
}

#[test]
fn selfish_mining_is_that_of_the_paper() {
    assert_states(
        &Selfish::default(),
        &[
            // State 0: it follows the others, and keeps what it finds.
            ("h", "0 H|H"),
            ("a", "1 |"),
            // State 1, and others find a block: the race, state 0'.
            ("ah", "0 H|A"),
            // Which is won by its next block, or lost, or won by others for it.
            ("aha", "0 AA|AA"),
            ("ahh", "0 HH|HH"),
            ("ahg", "0 AH|AH"),
            // Then everything begins anew.
            ("ahaa", "1 AA|AA"),
            ("ahha", "1 HH|HH"),
            ("ahga", "1 AH|AH"),
            ("ahhah", "0 HHH|HHA"),
            // State 2, and others find a block: it wins by one.
            ("aa", "2 |"),
            ("aah", "0 AA|AA"),
            ("aaha", "1 AA|AA"),
            // More: it shows one block for each of theirs, until the lead is two.
            ("aaa", "3 |"),
            ("aaah", "2 H|A"),
            ("aaaha", "3 H|A"),
            ("aaahh", "0 AAA|AAA"),
            ("aaahg", "0 AAA|AAA"),
            ("aaaahh", "2 HH|AA"),
            ("aaaahhh", "0 AAAA|AAAA"),
            ("aaaahg", "2 AA|AH"),
        ],
    );
}

#[test]
fn without_stubbornness_it_is_selfish() {
    for script in [
        "ah", "aha", "ahha", "ahg", "aah", "aaah", "aaahh", "aaahg", "aaaahha",
    ] {
        let mut selfish = Duel::new(Selfish::default(), Relay::Flood);
        let mut stubborn = Duel::new(Stubborn::default(), Relay::Flood);
        selfish.play(script);
        stubborn.play(script);
        assert_eq!(selfish.state(), stubborn.state(), "{script}");
    }
}

#[test]
fn lead_stubborn_does_not_cash_in_a_lead_of_one() {
    assert_states(
        &Stubborn::new(true, false, 0),
        &[
            ("aah", "1 H|A"),
            ("aaha", "2 H|A"),
            // From a lead of one to equal branches, as often as it takes.
            ("aahh", "0 HH|AA"),
            ("aahhh", "0 HHH|HHH"),
            ("aahha", "0 AAA|AAA"),
            ("aahg", "0 AA|AH"),
            ("aahga", "0 AAA|AAA"),
            ("aaahh", "1 HH|AA"),
            // A race from a lead of one is that of the selfish.
            ("ah", "0 H|A"),
            ("aha", "0 AA|AA"),
        ],
    );
}

#[test]
fn equal_fork_stubborn_keeps_the_block_that_would_win() {
    assert_states(
        &Stubborn::new(false, true, 0),
        &[
            ("aha", "1 H|A"),
            ("ahah", "0 HH|AA"),
            ("ahahh", "0 HHH|HHH"),
            ("ahahg", "0 AAH|AAH"),
            ("ahaha", "1 HH|AA"),
            ("ahaa", "2 H|A"),
            ("ahaah", "0 AAA|AAA"),
            ("aah", "0 AA|AA"),
            ("aaha", "1 AA|AA"),
        ],
    );
}

#[test]
fn trail_stubborn_goes_on_one_block_behind() {
    assert_states(
        &Stubborn::new(false, false, 1),
        &[
            // One behind, it catches up in secret, and then it wins.
            ("ahh", "0 HH|HH"),
            ("ahha", "1 HH|HH"),
            ("ahhaa", "0 AAA|AAA"),
            ("ahhah", "1 HHH|HHH"),
            ("ahhaha", "2 HHH|HHH"),
            ("ahhahaa", "0 AAAA|AAAA"),
            // Two behind, it gives up; what it kept is dead.
            ("ahhh", "0 HHH|HHH"),
            ("ahhha", "1 HHH|HHH"),
            ("ahhhah", "0 HHHH|HHHA"),
            ("ahhahh", "0 HHHH|HHHH"),
            ("ahhahhah", "0 HHHHH|HHHHA"),
            // Others who build on its block are no reason to go on beside them.
            ("ahg", "0 AH|AH"),
            ("ahgah", "0 AHH|AHA"),
            // Without a branch there is nothing to trail.
            ("h", "0 H|H"),
            ("hah", "0 HH|HA"),
            ("aah", "0 AA|AA"),
        ],
    );
}

#[test]
fn stubborn_in_every_way_at_once() {
    assert_states(
        &Stubborn::new(true, true, 1),
        &[
            ("aah", "1 H|A"),
            ("aahha", "1 HH|AA"),
            ("ahhaa", "2 HH|HH"),
            ("ahhaah", "0 HHH|AAA"),
            ("ahhaaa", "3 HH|HH"),
            ("ahhaaah", "1 HHH|AAA"),
        ],
    );
}

#[test]
fn a_deeper_trail_goes_on_further_behind() {
    assert_states(
        &Stubborn::new(false, false, 2),
        &[
            ("ahhh", "0 HHH|HHH"),
            ("ahhha", "1 HHH|HHH"),
            ("ahhhaaa", "0 AAAA|AAAA"),
            ("ahhhha", "1 HHHH|HHHH"),
            ("ahhhhah", "0 HHHHH|HHHHA"),
        ],
    );
}

#[test]
fn a_double_spend_is_won_when_the_branch_is_longer_after_the_confirmations() {
    let strategy = DoubleSpend::new(2, 3);
    assert_states(
        &strategy,
        &[
            ("h", "0 H|H"),
            ("ha", "1 H|H"),
            ("aha", "2 H|H"),
            ("ahah", "2 HH|HH"),
            ("ahaha", "0 AAA|AAA"),
            // However long it is, it waits for the merchant.
            ("aaaa", "4 |"),
            ("aaaah", "4 H|H"),
            ("aaaahh", "0 AAAA|AAAA"),
            // As long is not longer.
            ("aahh", "2 HH|HH"),
            ("aahha", "0 AAA|AAA"),
            // Three behind, it gives up, and begins anew with its next block.
            ("ahhh", "1 HHH|HHH"),
            ("ahhhh", "0 HHHH|HHHH"),
            ("ahhhha", "1 HHHH|HHHH"),
            ("ahhhhahaha", "0 HHHHAAA|HHHHAAA"),
        ],
    );
    let mut duel = Duel::new(strategy, Relay::Flood);
    duel.play("ahahahahhhhhaahha");
    let attempt = |won, public_blocks, own_blocks| {
        let attempt = Attempt {
            won,
            public_blocks,
            own_blocks,
        };
        (0, attempt)
    };
    let attempts = [
        attempt(true, 2, 3),
        attempt(false, 4, 1),
        attempt(true, 2, 3),
    ];
    assert_eq!(duel.net.attempts, attempts);
}

#[test]
fn a_secret_outlives_a_crash() {
    let mut duel = Duel::new(Selfish::default(), Relay::Announce);
    duel.play("haa");
    duel.net.crash(0);
    duel.net.restart(0);
    duel.net.run_for(5_000);
    duel.assert_secret();
    assert_eq!(duel.state(), "2 H|H");
    // It goes on where it was: state 2, and others find a block.
    duel.play("h");
    assert_eq!(duel.state(), "0 HAA|HAA");
    // What is public stays so.
    duel.net.crash(0);
    duel.net.restart(0);
    duel.play("h");
    assert_eq!(duel.state(), "0 HAAH|HAAH");
}

#[test]
fn a_race_is_run_with_whole_blocks_and_without_passing_on_the_rival() {
    use forkful_core::MessageKind;
    let mut duel = Duel::new(Selfish::default(), Relay::Announce);
    duel.play("ah");
    assert_eq!(duel.net.count_from(0, MessageKind::NewBlock), 2);
    assert_eq!(duel.net.count_from(0, MessageKind::Announce), 0);
}

#[test]
fn what_was_given_away_is_told_once() {
    let mut duel = Duel::new(Selfish::default(), Relay::Flood);
    duel.play("aaahhhhahah");
    let mut told: Vec<Hash> = duel.net.published.iter().map(|(_, hash)| *hash).collect();
    let count = told.len();
    told.sort_unstable();
    told.dedup();
    assert_eq!((told.len(), count), (4, 4));
}
