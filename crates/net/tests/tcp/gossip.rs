//! What is believed and passed on of addresses: first without sockets, in time that is told, then
//! with a stranger that says what it likes.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forkful_net::store::MemoryStore;
use forkful_net::tcp::gossip::{Gossip, Seen, decode, encode};
use proptest::prelude::*;

use super::hostile::{banned, end_of_stranger, strict};
use super::raw::{ADDRESSES, ASK, PING, PONG, Raw, hello_with_port};
use super::support::{TestNode, Wish};

const NOW: u64 = 1_800_000_000;
const HOUR: u64 = 3_600;
const SECOND: Duration = Duration::from_secs(1);

fn public(n: u16) -> SocketAddr {
    let [a, b] = n.to_be_bytes();
    SocketAddr::from(([40, a, b, 1], 9_333))
}

fn seen(address: &str, seen: u64) -> Seen {
    (address.parse().unwrap(), seen)
}

fn many(count: u16) -> Vec<Seen> {
    (0..count).map(|n| (public(n), NOW)).collect()
}

#[test]
fn a_flood_is_throttled_to_one_address_in_ten_seconds() {
    let mut gossip = Gossip::new([40, 0, 0, 1].into());
    let heard = gossip.hear(&many(1_000), SECOND, NOW);
    assert_eq!(
        (heard.keep.len(), gossip.processed, gossip.limited),
        (1, 1, 999)
    );
    // Every second as many for an hour: 360 tokens.
    for second in 2..=3_600 {
        gossip.hear(&many(1_000), SECOND * second, NOW);
    }
    let processed = gossip.processed;
    assert!((360..=361).contains(&processed), "{processed}");
    // However long it is silent, it saves no more than 1,000.
    gossip.hear(&many(1_000), SECOND * 1_000_000, NOW);
    gossip.hear(&many(1_000), SECOND * 1_000_000, NOW);
    assert_eq!(gossip.processed, processed + 1_000);
}

#[test]
fn whom_we_ask_may_answer_at_once_and_its_answer_is_no_news() {
    let mut gossip = Gossip::new([40, 0, 0, 1].into());
    gossip.asked();
    let heard = gossip.hear(&many(999), SECOND, NOW);
    assert_eq!((heard.keep.len(), heard.news.len()), (999, 0));
    let heard = gossip.hear(&[(public(2_000), NOW)], SECOND, NOW);
    assert_eq!(
        (heard.keep.len(), heard.news.len()),
        (1, 1),
        "the answer is over"
    );
}

#[test]
fn only_a_few_fresh_addresses_are_news() {
    let news = |told: &[Seen]| {
        let mut gossip = Gossip::new([40, 0, 0, 1].into());
        gossip.asked();
        gossip.hear(&[], SECOND, NOW);
        gossip.hear(told, SECOND, NOW).news.len()
    };
    assert_eq!(news(&many(10)), 10);
    assert_eq!(news(&many(11)), 0);
    assert_eq!(news(&[(public(1), NOW - 601)]), 0);
    assert_eq!(news(&[(public(1), NOW + 599)]), 1);
    assert_eq!(news(&[(public(1), NOW + 601)]), 0, "a time that cannot be");
}

#[test]
fn times_are_made_possible_and_hearsay_is_older() {
    let heard = |time| {
        let mut gossip = Gossip::new([40, 0, 0, 1].into());
        gossip.hear(&[(public(1), time)], SECOND, NOW).keep[0].1
    };
    assert_eq!(heard(NOW), NOW - 2 * HOUR);
    assert_eq!(heard(NOW + 600), NOW + 600 - 2 * HOUR);
    for odd in [0, 100_000_000, NOW + 601, u64::MAX] {
        assert_eq!(heard(odd), NOW - 5 * 24 * HOUR - 2 * HOUR, "{odd}");
    }
}

#[test]
fn nobody_is_believed_about_what_it_cannot_reach() {
    let told = [
        seen("127.0.0.1:1", NOW),
        seen("10.0.0.1:1", NOW),
        seen("40.0.0.1:1", NOW),
        seen("40.0.0.1:0", NOW),
        seen("255.255.255.255:1", NOW),
    ];
    for (peer, believed) in [("127.0.0.1", 3), ("10.9.9.9", 2), ("41.0.0.1", 1)] {
        let mut gossip = Gossip::new(peer.parse().unwrap());
        gossip.asked();
        assert_eq!(
            gossip.hear(&told, SECOND, NOW).keep.len(),
            believed,
            "{peer}"
        );
        // And is told no more than that.
        let mut gossip = Gossip::new(peer.parse().unwrap());
        for (address, time) in told {
            gossip.tell(address, time);
        }
        assert_eq!(gossip.take_waiting().len(), believed, "{peer}");
    }
}

#[test]
fn a_peer_is_not_told_what_it_said_or_heard() {
    let mut gossip = Gossip::new([40, 0, 0, 1].into());
    gossip.hear(&[(public(1), NOW)], SECOND, NOW);
    gossip.tell(public(1), NOW);
    gossip.tell(public(2), NOW);
    gossip.tell(public(2), NOW);
    assert_eq!(gossip.take_waiting(), [(public(2), NOW)]);
    gossip.tell(public(2), NOW);
    assert!(gossip.take_waiting().is_empty());
    // What waits is bounded, and so is what is remembered.
    for n in 10..60_000 {
        gossip.tell(public(n), NOW);
    }
    assert_eq!(gossip.take_waiting().len(), 1_000);
}

#[test]
fn a_node_means_itself_by_the_address_it_is_seen_at() {
    let mut gossip = Gossip::new("::ffff:40.0.0.1".parse().unwrap());
    let heard = gossip.hear_hello(7, NOW);
    assert_eq!(heard.keep, [seen("40.0.0.1:7", NOW)]);
    assert_eq!(heard.news, heard.keep);
}

#[test]
fn the_frame_is_as_documented() {
    let mut bytes = vec![0, 1];
    bytes.extend(NOW.to_be_bytes());
    bytes.extend([0; 10]);
    bytes.extend([0xff, 0xff, 1, 2, 3, 4, 0x24, 0x75]);
    assert_eq!(decode(&bytes), Ok(vec![seen("1.2.3.4:9333", NOW)]));
    assert_eq!(encode(&[seen("1.2.3.4:9333", NOW)]), bytes);
    assert_eq!(decode(&encode(&many(1_000))).unwrap().len(), 1_000);
    assert_eq!(decode(&encode(&many(1_001))).unwrap().len(), 1_000);
}

proptest! {
    #[test]
    fn no_frame_is_a_panic_and_what_is_read_is_what_was_written(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = bytes;
        if let [first, second, rest @ ..] = bytes.as_mut_slice() {
            (*first, *second) = (0, u8::try_from(rest.len() / 26).unwrap());
        }
        if let Ok(addresses) = decode(&bytes) {
            prop_assert_eq!(encode(&addresses), bytes);
            Gossip::new([127, 0, 0, 1].into()).hear(&addresses, SECOND, NOW);
        }
    }
}

/// A node that gossips, but dials nobody.
fn node() -> TestNode {
    TestNode::start(Wish {
        finds: Some(Arc::new(Mutex::new(MemoryStore::default()))),
        connect_only: true,
        limits: strict(),
        ..Wish::default()
    })
}

/// Everything of this kind that the stranger hears until its ping comes back.
async fn heard(raw: &mut Raw, kind: u8) -> Vec<Vec<u8>> {
    raw.say(PING, &[9; 8]).await;
    let mut heard = Vec::new();
    loop {
        let frame = raw.hear().await.expect("the connection to last");
        if frame[0] == kind {
            heard.push(frame[1..].to_vec());
        }
        if frame[..] == [PONG, 9, 9, 9, 9, 9, 9, 9, 9] {
            return heard;
        }
    }
}

fn now() -> u64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    since.as_secs()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_floods_addresses_and_is_believed_one() {
    let node = node();
    let mut raw = Raw::greet(&node, [127, 0, 0, 66]).await;
    for _ in 0..5 {
        raw.say(ADDRESSES, &encode(&many(1_000))).await;
    }
    heard(&mut raw, PING).await;
    let peer = &node.peers.peers()[0];
    assert_eq!(
        (peer.addresses_processed, peer.addresses_limited),
        (1, 4_999)
    );
    assert_eq!(node.peers.addresses().len(), 1);
    assert!(banned(&node).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_gets_one_answer() {
    let node = node();
    // Somebody who listens has called.
    let mut listener = Raw::connect(node.address, [127, 0, 0, 77]).await;
    listener.encrypt().await;
    listener
        .say_hello(&hello_with_port(node.genesis, 7_777))
        .await;
    heard(&mut listener, PING).await;
    let known: Vec<_> = node.peers.addresses().iter().map(|it| it.address).collect();
    assert_eq!(known, ["127.0.0.77:7777".parse().unwrap()]);

    let mut raw = Raw::greet(&node, [127, 0, 0, 66]).await;
    for _ in 0..3 {
        raw.say(ASK, &[]).await;
    }
    let answers = heard(&mut raw, ADDRESSES).await;
    assert_eq!(answers.len(), 1);
    let told: Vec<_> = decode(&answers[0]).unwrap().iter().map(|it| it.0).collect();
    assert_eq!(told, known);
    // Its own address nobody has to be told.
    listener.say(ASK, &[]).await;
    let answers = heard(&mut listener, ADDRESSES).await;
    assert_eq!(decode(&answers[0]), Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn news_goes_to_two_others_and_no_further() {
    let node = node();
    let mut others = Vec::new();
    for last in 1..=5 {
        let mut other = Raw::greet(&node, [127, 0, 3, last]).await;
        heard(&mut other, PING).await;
        others.push(other);
    }
    let mut raw = Raw::greet(&node, [127, 0, 0, 66]).await;
    let news = (public(1), now());
    raw.say(ADDRESSES, &encode(&[news])).await;
    // Two hear of it, whichever.
    let mut listening = tokio::task::JoinSet::new();
    for mut other in others {
        listening.spawn(async move {
            loop {
                let frame = other.hear().await?;
                if frame[0] == ADDRESSES {
                    return Some(decode(&frame[1..]).unwrap());
                }
            }
        });
    }
    for _ in 0..2 {
        let told = listening.join_next().await.unwrap().unwrap();
        assert_eq!(told, Some(vec![news]));
    }
    // At the end the others have heard nothing.
    assert!(node.stop().await);
    while let Some(told) = listening.join_next().await {
        assert_eq!(told.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_of_addresses_that_nobody_sends_are_a_ban() {
    let mut too_many = encode(&many(1_000));
    too_many[..2].copy_from_slice(&1_001_u16.to_be_bytes());
    too_many.extend([0; 26]);
    let lies: [(u8, &[u8], &str); 4] = [
        (
            ASK,
            &[0],
            "bad frame: a question for addresses with 1 bytes",
        ),
        (
            ADDRESSES,
            &[0],
            "bad frame: 1 bytes are not the length of so many addresses",
        ),
        (
            ADDRESSES,
            &[0, 1, 2],
            "bad frame: 3 bytes are not the length of so many addresses",
        ),
        (
            ADDRESSES,
            &too_many,
            "bad frame: 1001 addresses in one frame",
        ),
    ];
    for (kind, payload, words) in lies {
        let mut node = node();
        let mut raw = Raw::greet(&node, [127, 0, 0, 66]).await;
        raw.say(kind, payload).await;
        assert_eq!(end_of_stranger(&mut node).await.to_string(), words);
        assert_eq!(node.peers.bans()[0].reason, words);
    }
    // Before the hello nothing of it belongs.
    let mut node = node();
    let mut raw = Raw::connect(node.address, [127, 0, 0, 66]).await;
    raw.encrypt().await;
    raw.say(ASK, &[]).await;
    assert_eq!(
        end_of_stranger(&mut node).await.to_string(),
        "bad frame: out of order"
    );
}
