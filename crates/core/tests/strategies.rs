//! Dishonest miners: what they withhold stays secret until they choose.

mod support;

use forkful_core::strategy::{Cause, Claim, Publish, Selfish, Situation};
use forkful_core::{
    BlockId, Hash, Header, Message, MessageKind, Relay, Strategy, Timestamp, Wire, limits,
};
use support::{Forge, Net, plan};

/// Never shows a block of its own.
#[derive(Debug)]
struct Hoarder;

impl Strategy for Hoarder {
    fn name(&self) -> &'static str {
        "hoarder"
    }

    fn publish(&mut self, _: &Situation<'_>, _: Cause) -> Publish {
        Publish::Nothing
    }
}

/// Mines on genesis whatever happens, and claims the earliest time that it may.
#[derive(Debug)]
struct Backward;

impl Strategy for Backward {
    fn name(&self) -> &'static str {
        "backward"
    }

    fn mine_on(&self, _: &Situation<'_>) -> BlockId {
        BlockId::GENESIS
    }

    fn claimed_time(&self, claim: &Claim<'_>) -> Timestamp {
        claim.earliest
    }
}

fn tells_of(net: &Net, node: usize, secrets: &[Hash]) -> Vec<MessageKind> {
    let of_it = net.sent.iter().filter(|(_, from, ..)| *from == node);
    let leaks = of_it.filter(|(.., m)| {
        support::check::told(m)
            .iter()
            .any(|hash| secrets.contains(hash))
    });
    leaks.map(|(.., m)| m.kind()).collect()
}

#[test]
fn a_withheld_block_never_leaks() {
    for relay in Relay::ALL {
        let mut net = plan(3)
            .relay(0, relay)
            .strategy(0, || Box::new(Hoarder))
            .start();
        net.mine_many(1, 5);
        net.run_for(100);
        let secrets: Vec<Hash> = (0..20).map(|_| net.mine(0)).collect();
        let early = net.tip(1);
        // Through periodic announcements and a new connection, ...
        net.run_for(10_000);
        let puppet = net.puppet();
        // ... through answers, asked by its very name or around it, ...
        for secret in &secrets {
            net.inject(puppet, 0, &Message::RequestBlock(*secret));
            net.inject(puppet, 0, &Message::RequestCompact(*secret));
            let (block, indices) = (*secret, Vec::new());
            net.inject(puppet, 0, &Message::RequestEntries { block, indices });
        }
        for locator in [vec![], secrets.clone(), vec![secrets[3], early]] {
            net.inject(puppet, 0, &Message::RequestChain(locator.clone()));
            net.inject(puppet, 0, &Message::RequestHeaders(locator));
        }
        // ... through the locators of its own requests, ...
        let mut forge = Forge::like(&net, 1);
        let ahead = forge.chain(early, 3);
        net.inject_block(puppet, 0, &ahead[2]);
        net.inject(puppet, 0, &Message::Announce(ahead[2].header));
        net.run_for(5_000);
        net.inject(puppet, 0, &support::headers(&ahead, true));
        net.run_for(5_000);
        // ... through a crash, ...
        net.crash(0);
        net.restart(0);
        net.run_for(5_000);
        // ... or while it follows the others.
        net.mine_many(2, 5);
        net.run_for(10_000);
        assert_eq!(tells_of(&net, 0, &secrets), [], "{relay:?}");
        for secret in &secrets {
            assert!(!net.has(1, *secret));
        }
        // It works on its secret all the same, and knows what the others know.
        assert_eq!(net.tip(0), secrets[19]);
        let public = net.tree(0).hash(net.node(0).public_tip());
        assert_eq!(public, net.tip(1));
        // Only somebody who guesses is told that it is not there.
        assert!(net.count_from(0, MessageKind::NotFound) >= secrets.len());
    }
}

#[test]
fn a_published_tie_is_relayed_parents_first_and_wins_with_the_next_block() {
    let mut net = plan(3)
        .quiet()
        .strategy(0, || Box::<Selfish>::default())
        .start();
    let puppet = net.puppet();
    let secret = net.mine(0);
    net.run_until_quiet();
    assert_eq!((net.height(1), net.heard(puppet).len()), (0, 0));
    // The others find one too: now it is a race.
    let honest = net.mine(1);
    net.run_until_quiet();
    assert_eq!(net.tip(0), secret);
    assert_eq!(net.tree(0).hash(net.node(0).public_tip()), secret);
    assert_eq!((net.tip(1), net.tip(2)), (honest, honest));
    assert!(net.has(1, secret) && net.has(2, secret));
    // Somebody mines on the secret branch, because he saw it first or by conviction.
    let next = net.mine_on(2, secret);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.tip(1), next);
}

#[test]
fn honest_nodes_take_the_longer_private_chain() {
    for relay in Relay::ALL {
        let mut plan = plan(3).quiet().strategy(0, || Box::<Selfish>::default());
        for node in 0..3 {
            plan = plan.relay(node, relay);
        }
        let mut net = plan.start();
        let puppet = net.puppet();
        let secrets: Vec<Hash> = (0..4).map(|_| net.mine(0)).collect();
        for found in 1..=3_u64 {
            net.mine(1);
            net.run_until_quiet();
            // A lead of three, then two: one block is shown for each that the others
            // find. A lead of one: everything.
            let shown = tells_of(&net, 0, &secrets);
            assert!(!shown.is_empty());
            let public = net.node(0).public_tip();
            assert_eq!(
                net.tree(0).height(public),
                if found == 3 { 4 } else { found }
            );
        }
        net.assert_converged();
        assert_eq!(net.tip(1), secrets[3], "{relay:?}");
        // Its peers heard of its blocks with the parents first.
        let of_secrets = |hash: &Hash| secrets.iter().position(|secret| secret == hash);
        let heard: Vec<usize> = (net.heard(puppet).iter())
            .filter(|(from, _)| *from == 0)
            .flat_map(|(_, m)| support::check::shown(m))
            .filter_map(|hash| of_secrets(&hash))
            .collect();
        assert_eq!(heard, [0, 1, 2, 3], "{relay:?}");
    }
}

#[test]
fn a_secret_branch_that_was_overtaken_is_given_up() {
    let mut net = plan(2)
        .quiet()
        .strategy(0, || Box::<Selfish>::default())
        .start();
    net.split(&[&[0], &[1]]);
    let secret = net.mine(0);
    net.mine_many(1, 3);
    net.heal();
    net.mine(1);
    net.run_until_quiet();
    net.assert_converged();
    assert!(!net.has(1, secret));
    // It goes on from the public tip.
    net.mine_many(0, 2);
    net.mine(1);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.height(1), 6);
}

#[test]
fn a_secret_that_somebody_builds_on_is_none_any_more() {
    let mut net = plan(1).quiet().strategy(0, || Box::new(Hoarder)).start();
    let secret = net.mine(0);
    let puppet = net.puppet();
    let child = Forge::like(&net, 0).block(secret, &[]);
    net.inject_block(puppet, 0, &child);
    net.inject(puppet, 0, &Message::RequestBlock(secret));
    net.run_until_quiet();
    let heard = net.heard(puppet);
    let shown = |(_, m): &(usize, Message<Wire>)| matches!(m, Message::Block(_));
    assert!(heard.iter().any(shown), "{heard:?}");
    assert_eq!(net.published, [(0, secret)]);
    assert!(net.withheld(0).is_empty());
}

#[test]
fn what_may_be_withheld_is_bounded() {
    let mut net = plan(1).quiet().strategy(0, || Box::new(Hoarder)).start();
    net.mine_many(0, limits::WITHHELD_MAX + 5);
    let public = net.node(0).public_tip();
    assert_eq!(net.tree(0).height(public), 5);
}

#[test]
fn a_search_begins_anew_after_every_block_found() {
    let mut net = plan(2).quiet().strategy(0, || Box::new(Backward)).start();
    for _ in 0..4 {
        let before = net.searches;
        let block = net.mine(0);
        assert!(net.searches > before);
        let id = net.tree(0).find(&block).unwrap();
        let header: &Header = net.tree(0).header(id);
        // On genesis, with the earliest time there is.
        assert_eq!((header.index, header.previous_hash), (1, net.genesis()));
        let genesis_time = net.tree(0).header(BlockId::GENESIS).timestamp;
        assert_eq!(header.timestamp.0, genesis_time.0 + 1);
        net.mine(1);
        net.run_until_quiet();
    }
    net.assert_converged();
    assert_eq!(net.height(0), 4);
}
