//! Relay policy `compact`: a block is rebuilt from the names of its entries.

mod support;

use std::sync::Arc;

use forkful_core::node::DisconnectReason;
use forkful_core::{
    Block, Entry, Hash, Message, MessageKind, Relay, ShortId, ShortIdKey, Wire, limits, sha256,
};
use support::{Forge, Net, Plan, peer, plan};

fn compact(nodes: usize) -> Plan {
    (0..nodes).fold(plan(nodes).quiet(), |plan, node| {
        plan.relay(node, Relay::Compact)
    })
}

/// A node with two pieces of data, and two puppets.
fn scene() -> (Net, usize, usize) {
    let mut net = compact(1).start();
    let (one, other) = (net.puppet(), net.puppet());
    net.submit(0, b"apple");
    net.submit(0, b"pear");
    net.run_until_quiet();
    net.heard(one);
    net.heard(other);
    (net, one, other)
}

fn named(block: &Block, nonce: u64) -> Message<Wire> {
    let key = ShortIdKey::new(&block.header, nonce);
    let names = block.entries.iter().map(|entry| key.id(&sha256(entry)));
    compact_block(block, nonce, names.collect())
}

fn compact_block(block: &Block, nonce: u64, short_ids: Vec<ShortId>) -> Message<Wire> {
    Message::CompactBlock {
        header: block.header,
        nonce,
        short_ids: short_ids.into(),
    }
}

fn entries(block: Hash, entries: &[&[u8]]) -> Message<Wire> {
    let entries = entries.iter().map(|entry| Entry::from(*entry)).collect();
    Message::Entries { block, entries }
}

/// What the puppet was sent, without who sent it.
fn told(net: &mut Net, puppet: usize) -> Vec<Message<Wire>> {
    net.run_until_quiet();
    net.heard(puppet).into_iter().map(|(_, m)| m).collect()
}

#[test]
fn a_block_is_rebuilt_from_what_waits() {
    let mut net = compact(3).start();
    for data in [&b"apple"[..], b"pear", b"plum"] {
        net.submit(1, data);
    }
    net.run_until_quiet();
    let block = net.mine(0);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!((net.tip(2), net.data_on_chain(2).len()), (block, 3));
    assert_eq!(net.count(MessageKind::RequestCompact), 2);
    assert_eq!(net.count(MessageKind::CompactBlock), 2);
    assert_eq!(net.count(MessageKind::RequestEntries), 0);
    assert_eq!(net.count(MessageKind::Block), 0);
    // Six bytes stand for each entry.
    let small = |m: &Message<Wire>| m.encoded_len() == 1 + 88 + 12 + 3 * 6;
    let compact = |m: &Message<Wire>| m.kind() == MessageKind::CompactBlock;
    let mut sent = net.sent.iter().map(|(.., m)| m).filter(|m| compact(m));
    assert!(sent.all(small));
}

#[test]
fn only_what_is_missing_travels() {
    let mut net = compact(2).start();
    net.submit(0, b"apple");
    net.run_until_quiet();
    net.cut(0, 1);
    net.submit(0, b"pear");
    net.submit(0, b"plum");
    net.heal();
    let block = net.mine(0);
    net.run_until_quiet();
    net.assert_converged();
    let [request, answer] = [MessageKind::RequestEntries, MessageKind::Entries].map(|kind| {
        let of_kind = net.sent.iter().find(|(.., m)| m.kind() == kind);
        of_kind.unwrap().3.clone()
    });
    let indices = vec![1, 2];
    assert_eq!(request, Message::RequestEntries { block, indices });
    assert_eq!(answer, entries(block, &[b"pear", b"plum"]));
    assert_eq!(net.count(MessageKind::Block), 0);
}

#[test]
fn a_rival_at_the_same_height_is_rebuilt_from_our_own_tip() {
    let (mut net, one, _) = scene();
    let rival = Forge::like(&net, 0).block(net.genesis(), &[b"pear", b"apple"]);
    net.mine(0);
    net.inject(one, 0, &Message::Announce(rival.header));
    net.inject(one, 0, &named(&rival, 7));
    assert!(net.has(0, rival.header.hash()));
}

#[test]
fn who_has_another_policy_answers_with_the_whole_block() {
    let mut net = compact(3)
        .relay(0, Relay::Announce)
        .links(&[(0, 1), (1, 2)])
        .start();
    net.mine(0);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.count_from(0, MessageKind::Block), 1);
    assert_eq!(net.count_from(1, MessageKind::CompactBlock), 1);
    // And who has another policy asks for it.
    net.mine(2);
    net.run_until_quiet();
    net.assert_converged();
    assert_eq!(net.count_from(0, MessageKind::RequestBlock), 1);
}

#[test]
fn names_that_lead_to_another_body_end_in_the_whole_block_and_no_blame() {
    let (mut net, one, other) = scene();
    let block = Forge::like(&net, 0).block(net.genesis(), &[b"apple"]);
    let hash = block.header.hash();
    let key = ShortIdKey::new(&block.header, 7);
    // As by chance: the name of the apple is the name of a pear, too.
    let wrong = compact_block(&block, 7, vec![key.id(&sha256(b"pear"))]);
    net.inject(one, 0, &Message::Announce(block.header));
    net.inject(one, 0, &wrong);
    let asked = told(&mut net, one);
    let expected = [Message::RequestCompact(hash), Message::RequestBlock(hash)];
    assert_eq!(asked, expected);
    // Twice is no different: it is not asked for names again.
    net.inject(one, 0, &wrong);
    assert_eq!(net.effects_in_last_batch, 0);
    assert!(net.rejections.is_empty());
    net.inject(other, 0, &Message::Block(block));
    assert_eq!(net.tip(0), hash);
}

#[test]
fn one_name_for_two_entries_ends_in_the_whole_block() {
    let (mut net, one, _) = scene();
    let block = Forge::like(&net, 0).block(net.genesis(), &[b"apple", b"apple"]);
    let hash = block.header.hash();
    net.inject(one, 0, &Message::Announce(block.header));
    net.inject(one, 0, &named(&block, 7));
    let asked = told(&mut net, one);
    assert_eq!(asked[1..], [Message::RequestBlock(hash)]);
    net.inject(one, 0, &Message::Block(block));
    assert_eq!(net.tip(0), hash);
}

#[test]
fn entries_that_are_not_those_of_the_names_are_held_against_their_sender() {
    let (mut net, liar, honest) = scene();
    for round in 1..=5 {
        let new = format!("fig {round}");
        let block = Forge::like(&net, 0).block(net.tip(0), &[b"apple", new.as_bytes()]);
        let hash = block.header.hash();
        net.inject(liar, 0, &Message::Announce(block.header));
        net.inject(honest, 0, &Message::Announce(block.header));
        net.inject(liar, 0, &named(&block, round));
        let lie = match round {
            1 => entries(hash, &[b"olive"]),
            2 => entries(hash, &[]),
            _ => entries(hash, &[new.as_bytes(), b"olive"]),
        };
        net.inject(liar, 0, &lie);
        // The other one is asked at once, for all of it.
        let asked = told(&mut net, honest);
        assert!(asked.contains(&Message::RequestBlock(hash)), "{asked:?}");
        net.inject(honest, 0, &Message::Block(block));
        assert_eq!(net.tip(0), hash);
        assert_eq!(net.disconnects.len(), usize::from(round == 5));
    }
    let reason = DisconnectReason::Misbehaved;
    assert_eq!(net.disconnects, [(0, peer(liar), reason)]);
}

#[test]
fn entries_that_nobody_asked_for_mean_nothing() {
    let (mut net, one, other) = scene();
    let block = Forge::like(&net, 0).block(net.genesis(), &[b"fig"]);
    let hash = block.header.hash();
    let fig = entries(hash, &[b"fig"]);
    net.inject(one, 0, &fig);
    net.inject(one, 0, &Message::Announce(block.header));
    net.inject(one, 0, &fig);
    net.inject(one, 0, &named(&block, 7));
    // From somebody else, wrong or right; then right, and again.
    for lie in [&fig, &entries(hash, &[b"olive"])] {
        net.inject(other, 0, lie);
        assert_eq!(net.effects_in_last_batch, 0);
    }
    net.inject(one, 0, &fig);
    assert_eq!(net.tip(0), hash);
    net.inject(one, 0, &fig);
    assert_eq!(net.effects_in_last_batch, 0);
    assert!(net.disconnects.is_empty());
}

/// A short answer must not cost a search for an old body.
#[test]
fn a_block_with_many_on_top_is_told_whole() {
    let (mut net, one, _) = scene();
    let block = Forge::like(&net, 0).block(net.genesis(), &[b"fig"]);
    let hash = block.header.hash();
    net.inject(one, 0, &Message::NewBlock(block.clone()));
    let indices = vec![0];
    for on_top in 0..=limits::COMPACT_DEPTH_MAX + 1 {
        told(&mut net, one);
        net.inject(one, 0, &Message::RequestCompact(hash));
        let (block, indices) = (hash, indices.clone());
        net.inject(one, 0, &Message::RequestEntries { block, indices });
        let kinds: Vec<_> = told(&mut net, one).iter().map(Message::kind).collect();
        let expected = match on_top > limits::COMPACT_DEPTH_MAX {
            true => [MessageKind::Block; 2],
            false => [MessageKind::CompactBlock, MessageKind::Entries],
        };
        assert_eq!(kinds, expected, "with {on_top} on top");
        net.mine(0);
    }
}

#[test]
fn a_compact_block_that_nobody_asked_for_is_an_announcement() {
    let (mut net, one, _) = scene();
    let block = Forge::like(&net, 0).block(net.genesis(), &[b"apple"]);
    let hash = block.header.hash();
    for nonce in 0..3 {
        net.inject(one, 0, &named(&block, nonce));
        if nonce == 0 {
            // Asked now, it may answer.
            assert_eq!(told(&mut net, one), [Message::RequestCompact(hash)]);
        }
    }
    assert_eq!(net.tip(0), hash);
    // Its header is checked like any other.
    let mut bad = (*block).clone();
    bad.header.index = 5;
    net.inject(one, 0, &named(&bad, 1));
    assert_eq!(net.rejections.len(), 1);
}

#[test]
fn a_refusal_or_silence_turns_to_another_peer_for_the_whole_block() {
    for stage in 0..4 {
        let (mut net, one, other) = scene();
        let block = Forge::like(&net, 0).block(net.genesis(), &[b"fig"]);
        let hash = block.header.hash();
        net.inject(one, 0, &Message::Announce(block.header));
        net.inject(other, 0, &Message::Announce(block.header));
        if stage >= 2 {
            net.run_for(600);
            net.inject(one, 0, &named(&block, 7));
            // The second question has a time of its own.
            net.run_for(600);
            assert_eq!(net.count(MessageKind::RequestBlock), 0);
        }
        if stage % 2 == 0 {
            net.inject(one, 0, &Message::NotFound(hash));
        } else {
            net.run_for(1_000);
        }
        let asked = told(&mut net, other);
        assert_eq!(asked, [Message::RequestBlock(hash)], "stage {stage}");
        // What was to be rebuilt is forgotten with the question.
        net.inject(one, 0, &entries(hash, &[b"fig"]));
        assert_eq!(net.effects_in_last_batch, 0, "stage {stage}");
        net.inject(other, 0, &Message::Block(Arc::clone(&block)));
        assert_eq!(net.tip(0), hash);
        // Too late.
        net.inject(one, 0, &named(&block, 7));
        net.inject(one, 0, &entries(hash, &[b"fig"]));
        assert!(net.disconnects.is_empty());
    }
}

#[test]
fn an_announcer_that_is_gone_is_replaced() {
    let (mut net, one, other) = scene();
    let block = Forge::like(&net, 0).block(net.genesis(), &[b"fig"]);
    net.inject(one, 0, &Message::Announce(block.header));
    net.inject(other, 0, &Message::Announce(block.header));
    net.inject(one, 0, &named(&block, 7));
    net.disconnect(one, 0);
    let asked = told(&mut net, other);
    assert_eq!(asked, [Message::RequestBlock(block.header.hash())]);
}

#[test]
fn wrong_places_are_held_against_the_asker_and_answered_with_nothing() {
    let (mut net, liar, other) = scene();
    let block = net.mine(0);
    let wrong = [
        vec![2],
        vec![0, 0],
        vec![1, 0],
        vec![0, 1, 2],
        vec![u32::MAX],
    ];
    net.run_until_quiet();
    net.heard(liar);
    for (round, indices) in (1..).zip(wrong) {
        let request = Message::RequestEntries { block, indices };
        net.inject(liar, 0, &request);
        assert_eq!(told(&mut net, liar), []);
        assert_eq!(net.disconnects.len(), usize::from(round == 5));
    }
    // Right ones are answered, and what is not here is not found.
    told(&mut net, other);
    for (indices, expected) in [(vec![0, 1], &[&b"apple"[..], b"pear"][..]), (vec![], &[])] {
        net.inject(other, 0, &Message::RequestEntries { block, indices });
        assert_eq!(told(&mut net, other), [entries(block, expected)]);
    }
    let unknown = Hash([3; 32]);
    let indices = vec![0];
    let request = Message::RequestEntries {
        block: unknown,
        indices,
    };
    for request in [request, Message::RequestCompact(unknown)] {
        net.inject(other, 0, &request);
        assert_eq!(told(&mut net, other), [Message::NotFound(unknown)]);
    }
}

#[test]
fn a_body_that_matches_and_breaks_a_limit_is_refused_rebuilt_or_whole() {
    let mut network = plan(1).consensus;
    network.entries_max = 1;
    let mut net = compact(1).consensus(network).start();
    let liar = net.puppet();
    net.submit(0, b"apple");
    net.submit(0, b"pear");
    let block = Forge::like(&net, 0).block(net.genesis(), &[b"apple", b"pear"]);
    net.inject(liar, 0, &Message::Announce(block.header));
    net.inject(liar, 0, &named(&block, 7));
    let [(0, from, rule)] = net.rejections[..] else {
        panic!("{:?}", net.rejections);
    };
    assert_eq!(from, liar);
    assert!(rule.to_string().contains("1 are allowed"), "{rule}");
    assert_eq!(net.height(0), 0);
}

#[test]
fn three_blocks_are_rebuilt_at_a_time() {
    let (mut net, one, _) = scene();
    let mut forge = Forge::like(&net, 0);
    for _ in 0..5 {
        let block = forge.block(net.genesis(), &[b"fig"]);
        net.inject(one, 0, &Message::Announce(block.header));
    }
    assert_eq!(net.count(MessageKind::RequestCompact), 3);
    assert_eq!(net.count(MessageKind::RequestBlock), 2);
}

#[test]
fn a_simulated_failure_takes_the_way_of_a_real_one() {
    for (per_million, least, most) in [(0, 0, 0), (500_000, 70, 130), (1_000_000, 200, 200)] {
        let mut plan = compact(2);
        plan.compact_failures(per_million);
        let mut net = plan.start();
        for _ in 0..200 {
            net.mine(0);
            net.run_until_quiet();
        }
        net.assert_converged();
        for kind in [MessageKind::RequestEntries, MessageKind::Entries] {
            let count = net.count(kind);
            assert!((least..=most).contains(&count), "{kind:?} {count}");
        }
        assert_eq!(net.count(MessageKind::Block), 0);
        // A block that has entries is not touched by it.
        net.submit(0, b"apple");
        net.run_until_quiet();
        let before = net.count(MessageKind::RequestEntries);
        net.mine(0);
        net.run_until_quiet();
        assert_eq!(net.count(MessageKind::RequestEntries), before);
        assert_eq!(net.height(1), 201);
    }
}
