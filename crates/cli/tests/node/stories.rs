//! Several processes on loopback: how they come to agree.

use serde_json::json;

use crate::line::Line;
use crate::support::{Fault, Home, NETWORK, Node, asked, beside_others, short, text, until};

#[test]
fn a_node_that_joins_late_has_the_chain_and_its_data_reaches_the_others() {
    let _others = beside_others();
    let home = Home::new();
    let first = home.start("first", &[]);
    first.generate(20);
    let late = home.start("late", &["--peer", &first.peers]);
    late.wait_for_tip(&first.tip());

    let entry = late.submit("paid 5 to Ada");
    first.wait_for_data(&entry);
    first.generate(1);
    late.wait_for_tip(&first.tip());
    assert!(late.waiting().is_empty());
}

#[test]
fn a_node_that_begins_with_nothing_has_every_block_of_a_long_chain() {
    let _others = beside_others();
    let home = Home::new();
    // More than one message of headers or blocks carries.
    let old = home.start("old", &[]);
    let mut entries = Vec::new();
    for number in 0..4 {
        entries.push(old.submit(&format!("entry {number}")));
        old.generate(300);
    }
    let new = home.start("new", &["--peer", &old.peers]);
    new.wait_for_tip(&old.tip());
    for height in [1, 600, 1_200] {
        let hash = old.rpc("getblockhash", json!([height]));
        let block = old.rpc("getblock", json!([hash, 0]));
        assert_eq!(new.rpc("getblock", json!([hash, 0])), block);
    }
    let found = new.entries_above(0).into_iter();
    assert_eq!(found.map(|(entry, _)| entry).collect::<Vec<_>>(), entries);
    new.terminate();
    assert_eq!(home.verify("new"), 1_200);
}

#[test]
fn a_cut_network_grows_two_branches_and_agrees_when_it_heals() {
    let _others = beside_others();
    let home = Home::new();
    // a - b = c - d, and the line in the middle can be cut.
    let a = home.start("a", &[]);
    let b = home.start("b", &["--peer", &a.peers]);
    let line = Line::to(&b.peers);
    let c = home.start("c", &["--peer", &line.address]);
    let d = home.start("d", &["--peer", &c.peers]);
    a.generate(5);
    d.wait_for_tip(&a.tip());

    line.cut();
    b.wait_for_peers(1);
    c.wait_for_peers(1);
    let lost = a.submit("said on the side that loses");
    b.wait_for_data(&lost);
    let losing = b.generate(6);
    a.wait_for_tip(&losing[5]);
    let winning = d.generate(9);
    c.wait_for_tip(&winning[8]);
    assert!(a.waiting().is_empty(), "it is on the losing branch");

    line.mend();
    a.wait_for_tip(&winning[8]);
    b.wait_for_tip(&winning[8]);
    let tips = a.rpc("getchaintips", json!([]));
    assert_eq!(tips[1]["hash"], losing[5].as_str(), "{tips}");
    assert_eq!(tips[1]["status"], "valid-fork");
    // What left the chain waits again, and is mined once.
    a.wait_for_data(&lost);
    b.generate(1);
    d.wait_for_tip(&b.tip());
    let all = d.entries_above(0);
    assert_eq!(all, [(lost, b.tip())]);
}

#[test]
fn a_node_is_switched_off_the_network_banned_and_disconnected_and_comes_back() {
    let _others = beside_others();
    let home = Home::new();
    let a = home.start("a", &[]);
    let b = home.start("b", &["--peer", &a.peers]);
    b.wait_for_peers(1);

    b.rpc("setnetworkactive", json!([false]));
    a.wait_for_peers(0);
    a.generate(2);
    b.generate(3);
    b.rpc("setnetworkactive", json!([true]));
    a.wait_for_tip(&b.tip());

    a.rpc("setban", json!(["127.0.0.1", "add", 60]));
    a.wait_for_peers(0);
    a.generate(4);
    a.rpc("setban", json!(["127.0.0.1", "remove"]));
    b.wait_for_tip(&a.tip());

    let peers = a.rpc("getpeerinfo", json!([]));
    let id = peers[0]["id"].clone();
    a.rpc("disconnectnode", json!(["", id]));
    a.generate(1);
    // It keeps the connection up.
    b.wait_for_tip(&a.tip());
    assert_eq!(a.rpc("listbanned", json!([])), json!([]));
}

/// A few hundred blocks; `FORKFUL_REORG=5000` says how many.
#[test]
fn a_deep_reorg_is_whole_and_the_node_answers_meanwhile() {
    let _others = beside_others();
    let depth = asked("FORKFUL_REORG", 300);
    let home = Home::new();
    let short = home.start("short", &[]);
    let mined = short.submit("on the branch that is left");
    let left = short.generate(depth);
    let long = home.start("long", &[]);
    let winner = long.generate(depth + 1).pop();
    let winner = winner.expect("it has mined");

    short.add(&long);
    let client = short.client();
    until("the reorg", || {
        // Any answer will do, but it has to come: in PATIENCE, and by load much sooner.
        let tip = client.call("getbestblockhash", json!([])).unwrap();
        (text(&tip) == winner).then_some(())
    });
    short.wait_for_data(&mined);
    let tips = short.rpc("getchaintips", json!([]));
    assert_eq!(tips[1]["hash"], left[left.len() - 1].as_str());
    assert_eq!(tips[1]["branchlen"], depth);

    // As whole after a kill as in memory.
    short.kill();
    let short = home.start("short", &[]);
    assert_eq!(short.tip(), winner);
    assert_eq!(short.waiting(), [mined]);
    short.terminate();
    assert_eq!(home.verify("short"), 2 * depth + 1);
}

#[test]
fn a_node_that_is_restarted_is_who_it_was_and_catches_up() {
    let _others = beside_others();
    let home = Home::new();
    let a = home.start("a", &[]);
    let b = home.start("b", &["--peer", &a.peers]);
    a.generate(3);
    b.wait_for_tip(&a.tip());
    let entry = b.submit("waits over the restart");
    let address = b.peers.clone();
    let id = |node: &Node| {
        let banner = node.banner.clone();
        let line = banner.lines().find(|line| line.contains("node id"));
        line.map(str::to_owned).expect("the banner names the node")
    };
    let before = id(&b);
    b.terminate();

    a.rpc("addnode", json!([address, "add"]));
    a.generate(4);
    let b = home.start("b", &["--listen", &address]);
    assert_eq!(id(&b), before);
    // The other one finds it again by itself.
    b.wait_for_tip(&a.tip());
    assert!(a.entries_above(0).iter().any(|(mined, _)| *mined == entry));
    assert!(b.waiting().is_empty());
}

#[test]
fn a_chain_with_less_than_the_minimum_work_is_not_taken_in() {
    let _others = beside_others();
    let home = Home::new();
    let a = home.start("a", &[]);
    a.generate(20);
    // Each block is worth one try here, genesis too: 0x20 is 32 of them.
    let careful = home.start("careful", &["--peer", &a.peers, "--minimum-work", "0x20"]);
    careful.wait_for_peers(1);
    a.generate(1);
    let other = home.start("other", &["--peer", &a.peers]);
    other.wait_for_tip(&a.tip());
    assert_eq!(careful.height(), 0);
    a.generate(9);
    assert_eq!(careful.height(), 0);
    a.generate(1);
    careful.wait_for_tip(&a.tip());
}

#[test]
fn nodes_that_relay_in_different_ways_agree() {
    let _others = beside_others();
    let home = Home::new();
    let mut nodes: Vec<Node> = Vec::new();
    for policy in ["flood", "announce", "unsolicited", "compact"] {
        let before = nodes.last().map(|node| node.peers.clone());
        let mut flags = vec!["--relay", policy];
        flags.extend(before.iter().flat_map(|peer| ["--peer", peer.as_str()]));
        nodes.push(home.start(policy, &flags));
    }
    for node in &nodes {
        until("a peer", || (node.peer_count() > 0).then_some(()));
    }
    for (at, node) in nodes.iter().enumerate() {
        let entry = node.submit(&format!("from {at}"));
        for other in &nodes {
            other.wait_for_data(&entry);
        }
        node.generate(3);
        for other in &nodes {
            other.wait_for_tip(&node.tip());
        }
    }
    let all: Vec<_> = nodes.iter().map(|node| node.entries_above(0)).collect();
    assert_eq!(all[0].len(), 4);
    assert!(all.iter().all(|entries| *entries == all[0]), "{all:?}");
}

#[test]
fn nodes_of_two_networks_refuse_each_other_and_both_say_so() {
    let _others = beside_others();
    let home = Home::new();
    let foreign = Home::of(&NETWORK.replace("zero_bits = 0", "zero_bits = 1"));
    let a = home.start("a", &[]);
    let b = foreign.start("b", &["--peer", &a.peers]);
    let (ours, theirs) = (
        text(&a.rpc("getblockhash", json!([0]))),
        text(&b.rpc("getblockhash", json!([0]))),
    );
    assert_ne!(ours, theirs);
    for node in [&a, &b] {
        node.logs(&["WARN", "another network", short(&ours), short(&theirs)]);
    }
    for node in [&a, &b] {
        assert_eq!(node.rpc("listbanned", json!([])), json!([]));
        assert_eq!(node.peer_count(), 0);
        node.generate(1);
    }
}

#[test]
fn data_that_was_given_to_one_node_is_mined_by_another_once() {
    let _others = beside_others();
    let home = Home::new();
    let a = home.start("a", &[]);
    let b = home.start("b", &["--peer", &a.peers]);
    let c = home.start("c", &["--peer", &b.peers]);
    b.wait_for_peers(2);
    let entry = a.submit("once");
    c.wait_for_data(&entry);
    // Whoever has it already says the same, and it does not count twice.
    assert_eq!(c.submit("once"), entry);
    assert_eq!(c.waiting().len(), 1);
    c.generate(1);
    a.wait_for_tip(&c.tip());
    b.wait_for_tip(&c.tip());
    for node in [&a, &b, &c] {
        assert!(node.waiting().is_empty());
        node.generate(1);
    }
    let again = a.call("submitdata", json!(["once"]));
    assert!(matches!(again, Err(Fault::Error(-27, _))), "{again:?}");
    a.wait_for_tip(&c.tip());
    assert_eq!(a.entries_above(0).len(), 1);
}

/// Submitted while it was alone, and never mined by itself.
#[test]
fn data_that_came_before_there_were_peers_reaches_them() {
    let _others = beside_others();
    let home = Home::new();
    let alone = home.start("alone", &[]);
    let entry = alone.submit("is anybody there?");
    let miner = home.start("miner", &["--peer", &alone.peers]);
    miner.wait_for_data(&entry);
    miner.generate(1);
    alone.wait_for_tip(&miner.tip());
    assert!(alone.waiting().is_empty());
}

#[test]
fn five_nodes_that_mine_at_once_agree() {
    let _others = beside_others();
    // Ten blocks a second of all of them: many at the same time, so many forks.
    let home = Home::of(&NETWORK.replace("zero_bits = 0", "zero_bits = 10"));
    let mut nodes: Vec<Node> = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        let mut flags = vec!["--mine", "--hash-rate", "2000"];
        let peers: Vec<String> = nodes.iter().map(|node| node.peers.clone()).collect();
        flags.extend(peers.iter().flat_map(|peer| ["--peer", peer.as_str()]));
        nodes.push(home.start(name, &flags));
    }
    let hash_at = |node: &Node, height: u64| text(&node.rpc("getblockhash", json!([height])));
    until("a common chain", || {
        let lowest = nodes.iter().map(Node::height).min()?;
        let deep = lowest.checked_sub(6).filter(|deep| *deep >= 20)?;
        let first = hash_at(&nodes[0], deep);
        let agree = nodes.iter().all(|node| hash_at(node, deep) == first);
        agree.then_some(())
    });
    let names = ["a", "b", "c", "d", "e"];
    for node in nodes {
        node.terminate();
    }
    // Nobody mines any more, and there is one tip.
    let mut nodes: Vec<Node> = Vec::new();
    for name in names {
        let peers: Vec<String> = nodes.iter().map(|node| node.peers.clone()).collect();
        let flags = peers.iter().flat_map(|peer| ["--peer", peer.as_str()]);
        nodes.push(home.start(name, &flags.collect::<Vec<_>>()));
    }
    // Of two tips of one height neither gives way, so one more block decides.
    let best = nodes.iter().max_by_key(|node| node.height());
    let tip = best.map(|node| node.generate(1)).unwrap_or_default();
    for node in &nodes {
        until("the tip of all", || (node.tip() == tip[0]).then_some(()));
    }
}
