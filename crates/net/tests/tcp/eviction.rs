//! Who goes when the inbound slots are full: the attacker that opens connections without end.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use forkful_net::tcp::address::Group;
use forkful_net::tcp::end::End;
use forkful_net::tcp::evict::{Candidate, whom};
use forkful_net::tcp::limits::Limits;

use super::addresses::until;
use super::nodes::{down, refused};
use super::raw::{PING, PONG, Raw};
use super::support::{TestNode, Wish, quick};

const MINUTE: Duration = Duration::from_secs(60);

/// Connected for so many minutes, from this network group, without merits.
fn candidate(id: u32, group: u32, minutes: u32) -> Candidate {
    let [.., a, b] = group.to_be_bytes();
    let group = Group::of(IpAddr::from(Ipv4Addr::new(40 + a, b, 0, 1)));
    Candidate {
        id,
        group,
        // Honest groups are as likely ranked first as others: here the attacker has luck.
        rank: u64::from(b),
        connected: MINUTE * minutes,
        ping: Some(Duration::from_millis(500)),
        block: None,
    }
}

#[test]
fn honest_peers_stay_when_one_group_floods() {
    // 20 honest peers from as many networks, of which 10 have merits, and 92 of one attacker, who
    // is near and came later.
    let mut all: Vec<_> = (0..20)
        .map(|id| candidate(id, 100 + id, 600 + id))
        .collect();
    for merits in all.iter_mut().take(10) {
        merits.block = Some(MINUTE * (1 + merits.id));
    }
    for id in 20..112 {
        all.push(Candidate {
            ping: Some(Duration::from_micros(10)),
            ..candidate(id, 1, 500 - id)
        });
    }
    // He comes again and again, and displaces himself.
    for id in 200..1_000 {
        let gone = whom(all.clone()).expect("somebody goes");
        assert!(gone >= 20, "honest peer {gone} goes");
        all.retain(|it| it.id != gone);
        all.push(Candidate {
            ping: Some(Duration::from_micros(10)),
            ..candidate(id, 1, 0)
        });
    }
}

#[test]
fn merits_protect_even_the_youngest_of_the_largest_group() {
    let base: Vec<_> = (0..60).map(|id| candidate(id, 5, 100 + id)).collect();
    let gone = whom(base.clone()).unwrap();
    assert_eq!(gone, 0, "the youngest");
    let with = |change: fn(&mut Candidate)| {
        let mut all = base.clone();
        change(&mut all[0]);
        whom(all).unwrap()
    };
    assert_ne!(with(|it| it.ping = Some(Duration::from_millis(1))), 0);
    assert_ne!(with(|it| it.block = Some(MINUTE)), 0);
    assert_ne!(with(|it| it.connected = MINUTE * 10_000), 0);
}

#[test]
fn the_largest_group_pays_and_of_it_the_youngest() {
    let mut all: Vec<_> = (0..50).map(|id| candidate(id, 10 + id, 50 + id)).collect();
    all.extend((50..60).map(|id| candidate(id, 9, id - 50)));
    assert_eq!(whom(all), Some(50), "59 stands for its group");
}

#[test]
fn a_few_are_all_protected() {
    assert_eq!(whom(Vec::new()), None);
    let few = |count| {
        (0..count)
            .map(|id| candidate(id, 3, id))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        whom(few(9)),
        None,
        "one for its group, eight for their short way"
    );
    assert!(whom(few(11)).is_some());
}

/// On sockets: the slots are full of strangers, and an honest node still gets in.
#[tokio::test(flavor = "multi_thread")]
async fn full_slots_do_not_lock_an_honest_node_out() {
    let limits = Limits {
        inbound_max: 20,
        ..quick()
    };
    let mut node = TestNode::start(Wish {
        limits,
        ..Wish::default()
    });
    let mut strangers = Vec::new();
    for last in 1..=20 {
        strangers.push(Raw::greet(&node, [127, 0, 2, last]).await);
    }
    until("all to be peers", || node.peers.peers().len() == 20).await;
    let mut honest = TestNode::start(Wish {
        peers: vec![node.address.to_string()],
        ..Wish::default()
    });
    honest.up(node.key).await;
    node.up(honest.key).await;
    assert_eq!(node.notice(down).await, End::Evicted);
    honest.mine_to(3).await;
    node.reach(3).await;
    assert_eq!(node.peers.peers().len(), 20);
    assert!(node.peers.bans().is_empty(), "to be evicted is no crime");
}

/// With fewer slots than are protected, nobody goes, and who knocks is told.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_protected_is_not_displaced() {
    let limits = Limits {
        inbound_max: 3,
        ..quick()
    };
    let mut node = TestNode::start(Wish {
        limits,
        ..Wish::default()
    });
    // Greeted peers were pinged; that they answer is not needed for their group's sake.
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut raw = Raw::greet(&node, [127, 0, 0, 1]).await;
        raw.answer_ping().await;
        held.push(raw);
    }
    until("all to have answered", || {
        let peers = node.peers.peers();
        peers.iter().filter(|peer| peer.ping.is_some()).count() == 3
    })
    .await;
    let _fourth = Raw::greet(&node, [127, 0, 0, 1]).await;
    assert_eq!(
        node.notice(refused).await,
        End::NoRoom("inbound connections")
    );
    assert_eq!(node.peers.peers().len(), 3);
}

/// The shortest way protects a connection, so nobody may make it shorter than it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_guessed_answer_to_a_ping_is_none() {
    let node = TestNode::start(Wish::default());
    let mut raw = Raw::greet(&node, [127, 0, 0, 1]).await;
    let ping = loop {
        let frame = raw.hear().await.unwrap();
        if frame[0] == PING {
            break frame[1..].to_vec();
        }
    };
    let trip = || node.peers.peers()[0].ping;
    let asked = u64::from_be_bytes(ping[..].try_into().unwrap());
    for guess in [0, asked.wrapping_sub(1), asked.wrapping_add(1)] {
        raw.say(PONG, &guess.to_be_bytes()).await;
    }
    // Heard in this order, so when it answers the guesses are behind it.
    raw.say(PING, &[7; 8]).await;
    while raw.hear().await.unwrap() != [&[PONG][..], &[7; 8]].concat() {}
    assert_eq!(trip(), None);
    raw.say(PONG, &ping).await;
    until("the right answer to count", || trip().is_some()).await;
    let first = trip();
    // Once.
    raw.say(PONG, &ping).await;
    raw.say(PING, &[8; 8]).await;
    while raw.hear().await.unwrap() != [&[PONG][..], &[8; 8]].concat() {}
    assert_eq!(trip(), first);
}
