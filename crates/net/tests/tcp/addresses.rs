//! Nodes that find each other, and what they remember of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forkful_net::peers::{Ban, ConnectionKind};
use forkful_net::store::{Blob, MemoryStore, Store as _};
use forkful_net::tcp::Notice;
use forkful_net::tcp::bans_blob::{self, BansError};
use forkful_net::tcp::book::Book;
use forkful_net::tcp::end::End;
use forkful_net::tcp::limits::Limits;

use super::hostile::{end_of_stranger, strict};
use super::nodes::down;
use super::raw::Raw;
use super::support::{PATIENCE, TestNode, Wish, quick};

pub type Kept = Arc<Mutex<MemoryStore>>;

fn kept() -> Kept {
    Arc::new(Mutex::new(MemoryStore::default()))
}

fn load(kept: &Kept, blob: Blob) -> Vec<u8> {
    kept.lock().unwrap().load(blob).unwrap().unwrap()
}

/// A node that finds others by itself.
pub fn finder(kept: &Kept, peers: &[SocketAddr]) -> Wish {
    Wish {
        finds: Some(Arc::clone(kept)),
        peers: peers.iter().map(SocketAddr::to_string).collect(),
        ..Wish::default()
    }
}

/// What a node keeps that has heard of these, and was last connected to the anchors.
pub fn knowing(addresses: &[SocketAddr], anchors: &[SocketAddr]) -> Kept {
    let kept = kept();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    // Ports are the system's choice: with some keys two of them would stand in one place.
    let book = (0..=u8::MAX).find_map(|key| {
        let mut book = Book::new([key; 16]);
        let mut stand = addresses.iter();
        stand
            .all(|address| book.add(*address, address.ip(), now, now))
            .then_some(book)
    });
    let book = book.expect("a key with which all have a place");
    let bytes = book.encode(anchors);
    kept.lock().unwrap().save(Blob::Addresses, &bytes).unwrap();
    kept
}

/// Waits until something holds that no notice tells.
pub async fn until(what: &str, holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect(what);
}

fn automatic(node: &TestNode) -> usize {
    let peers = node.peers.peers();
    let automatic = peers.iter();
    automatic
        .filter(|peer| peer.connection == ConnectionKind::Automatic)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fourth_node_finds_the_other_three_through_one() {
    let first = TestNode::start(finder(&kept(), &[]));
    let second = TestNode::start(finder(&kept(), &[first.address]));
    let third = TestNode::start(finder(&kept(), &[first.address]));
    until("two to call the first", || first.peers.peers().len() == 2).await;
    let fourth = TestNode::start(finder(&kept(), &[first.address]));
    // The second and third, which nobody told of each other, have met too.
    for node in [&first, &second, &third, &fourth] {
        until("all to know all", || node.peers.peers().len() == 3).await;
    }
    let mut found: Vec<_> = fourth
        .peers
        .peers()
        .iter()
        .filter_map(|it| it.key)
        .collect();
    let mut others = [first.key, second.key, third.key];
    found.sort_unstable();
    others.sort_unstable();
    assert_eq!(found, others);
    second.mine_to(3).await;
    fourth.reach(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_connect_only_no_others_are_called() {
    let first = TestNode::start(finder(&kept(), &[]));
    let other = TestNode::start(finder(&kept(), &[first.address]));
    until("the call", || first.peers.peers().len() == 1).await;
    let shy = TestNode::start(Wish {
        connect_only: true,
        // It has heard of the other, and does not call it.
        ..finder(&knowing(&[other.address], &[]), &[first.address])
    });
    // The first tells the other of it, which calls.
    until("both to be connected", || shy.peers.peers().len() == 2).await;
    // The other end may know it a moment later.
    until("the call of the other", || automatic(&other) == 1).await;
    assert_eq!(automatic(&shy), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_comes_back_to_whom_it_knows_without_being_told() {
    let first = TestNode::start(finder(&kept(), &[]));
    let memory = kept();
    let mut second = TestNode::start(finder(&memory, &[first.address]));
    second.up(first.key).await;
    assert!(second.stop().await);
    let mut again = TestNode::start(finder(&memory, &[]));
    again.up(first.key).await;
    assert_eq!(automatic(&again), 1);
    // What it chose by itself is its anchor now.
    assert!(again.stop().await);
    let (book, anchors) = Book::decode(&load(&memory, Blob::Addresses)).unwrap();
    assert_eq!(anchors, [first.address]);
    assert!(book.get(first.address).unwrap().place.tried);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_peers_are_tried_first() {
    let first = TestNode::start(finder(&kept(), &[]));
    // Its book is empty: only the anchor leads anywhere.
    let mut node = TestNode::start(finder(&knowing(&[], &[first.address]), &[]));
    node.up(first.key).await;
    assert_eq!(automatic(&node), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_learns_is_kept_while_it_runs() {
    let first = TestNode::start(finder(&kept(), &[]));
    let memory = kept();
    let _second = TestNode::start(finder(&memory, &[first.address]));
    until("the book to be saved", || {
        let saved = memory.lock().unwrap().load(Blob::Addresses).unwrap();
        let book = saved.and_then(|bytes| Book::decode(&bytes).ok());
        book.is_some_and(|(book, _)| book.get(first.address).is_some())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feeler_moves_an_address_to_the_tried_ones_and_does_not_stay() {
    let mut first = TestNode::start(Wish::default());
    let node = TestNode::start(Wish {
        limits: Limits {
            automatic_max: 0,
            feeler: Duration::from_millis(20),
            ..quick()
        },
        ..finder(&knowing(&[first.address], &[]), &[])
    });
    until("the address to be tried", || {
        node.peers.addresses().iter().all(|it| it.tried)
    })
    .await;
    assert!(node.peers.peers().is_empty());
    assert!(matches!(first.notice(down).await, End::Bye(_)));
}

/// Loopback as strangers' addresses: one network group, so one connection.
#[tokio::test(flavor = "multi_thread")]
async fn of_one_network_group_one_peer_is_called() {
    let others = [(); 3].map(|()| TestNode::start(Wish::default()));
    let known = others.each_ref().map(|other| other.address);
    let node = TestNode::start(Wish {
        limits: Limits {
            feeler: Duration::from_millis(20),
            ..strict()
        },
        ..finder(&knowing(&known, &[]), &[])
    });
    until("a peer", || automatic(&node) == 1).await;
    // The others are only felt. One of them may have the place of another among the tried.
    until("another to be tried", || {
        let known = node.peers.addresses();
        known.iter().filter(|it| it.tried).count() >= 2
    })
    .await;
    assert_eq!(automatic(&node), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_forgets_its_own_address() {
    let first = TestNode::start(finder(&kept(), &[]));
    let memory = knowing(&[first.address], &[]);
    let mut node = TestNode::start(Wish {
        key: forkful_net::tcp::key::NodeKey::ephemeral().unwrap(),
        ..finder(&memory, &[])
    });
    node.up(first.key).await;
    // Its own address, by another way than it listens.
    let itself = SocketAddr::from(([127, 0, 0, 2], node.address.port()));
    let wide = TestNode::start(Wish {
        listen: "0.0.0.0:0".parse().unwrap(),
        ..finder(&kept(), &[])
    });
    let alias = SocketAddr::from(([127, 0, 0, 2], wide.address.port()));
    wide.peers.try_once(&alias.to_string()).unwrap();
    let mut wide = wide;
    wide.notice(|notice| match notice {
        Notice::Refused {
            inbound: false,
            why: End::Myself,
            ..
        } => Some(()),
        _ => None,
    })
    .await;
    assert!(wide.peers.addresses().is_empty());
    assert!(node.peers.addresses().iter().all(|it| it.address != itself));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ban_survives_a_restart_and_the_death_of_the_process() {
    let memory = kept();
    let first = TestNode::start(finder(&memory, &[]));
    let (one, other) = ([192, 0, 2, 1].into(), "2a00:1450::1".parse().unwrap());
    first.peers.ban(one, Duration::from_secs(3_600)).unwrap();
    first.peers.ban(other, Duration::from_secs(7_200)).unwrap();
    // It is not told to end: what it acknowledged is there at once.
    let again = TestNode::start(finder(&memory, &[]));
    let bans = again.peers.bans();
    let named: Vec<_> = bans.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["192.0.2.1", "2a00:1450::/64"]);
    assert!(bans.iter().all(|ban| ban.asked));
    let hour = Duration::from_secs(3_590)..Duration::from_secs(3_602);
    assert!(hour.contains(&bans[0].left), "{:?}", bans[0].left);
    assert_eq!(bans[0].reason, "banned on request");
    again.peers.unban(one).unwrap();
    let third = TestNode::start(finder(&memory, &[]));
    assert_eq!(third.peers.bans().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_banned_for_what_it_said_stays_banned() {
    let memory = kept();
    let wish = || Wish {
        limits: strict(),
        ..finder(&memory, &[])
    };
    let mut node = TestNode::start(wish());
    let mut raw = Raw::greet(&node, [127, 0, 0, 66]).await;
    raw.say(99, &[]).await;
    end_of_stranger(&mut node).await;
    until("the ban to be kept", || {
        memory.lock().unwrap().load(Blob::Bans).unwrap().is_some()
    })
    .await;
    assert!(node.stop().await);
    let mut again = TestNode::start(wish());
    let raw = Raw::connect(again.address, [127, 0, 0, 66]).await;
    assert_eq!(end_of_stranger(&mut again).await, End::Banned);
    raw.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_told_and_begun_anew() {
    let blobs = [
        (Blob::Addresses, "address book"),
        (Blob::Bans, "list of bans"),
    ];
    for (blob, name) in blobs {
        let memory = kept();
        memory.lock().unwrap().save(blob, b"garbage").unwrap();
        let mut node = TestNode::start(finder(&memory, &[]));
        let what = node
            .notice(|notice| match notice {
                Notice::Forgotten { what, .. } => Some(*what),
                _ => None,
            })
            .await;
        assert_eq!(what, name);
        let other = TestNode::start(finder(&kept(), &[node.address]));
        node.up(other.key).await;
        node.peers
            .ban([192, 0, 2, 1].into(), Duration::from_secs(9))
            .unwrap();
        assert!(node.stop().await);
        assert_eq!(
            bans_blob::decode(&load(&memory, Blob::Bans), 0)
                .unwrap()
                .len(),
            1
        );
        assert!(Book::decode(&load(&memory, Blob::Addresses)).is_ok());
    }
}

#[test]
fn the_bytes_of_bans_are_as_documented_and_nothing_else_is_read() {
    let ban = |last: u8, left: u64, reason: &str| Ban {
        address: [192, 0, 2, last].into(),
        left: Duration::from_secs(left),
        reason: reason.to_owned(),
        asked: last == 1,
    };
    let bytes = bans_blob::encode(&[ban(1, 99, "bad frame"), ban(2, 9, "")], 1_000);
    let mut expected = vec![0, 0, 0, 2, 0, 0, 0, 2];
    for (last, until, reason) in [(1, 1_100_u64, "bad frame"), (2, 1_010, "")] {
        expected.extend([0; 10]);
        expected.extend([0xff, 0xff, 192, 0, 2, last]);
        expected.extend(until.to_be_bytes());
        expected.push((last == 1).into());
        expected.push(u8::try_from(reason.len()).unwrap());
        expected.extend(reason.as_bytes());
    }
    assert_eq!(bytes, expected);
    let read = |now| bans_blob::decode(&bytes, now).unwrap().len();
    assert_eq!([read(1_000), read(1_050), read(1_100)], [2, 1, 0]);
    for length in 0..bytes.len() {
        let cut = bans_blob::decode(&bytes[..length], 0);
        assert_eq!(cut, Err(BansError::Length(length)));
    }
    let mut odd = bytes.clone();
    odd[3] = 1;
    assert_eq!(bans_blob::decode(&odd, 0), Err(BansError::Version(1)));
    odd = bytes.clone();
    odd[33] = 0x1b;
    assert_eq!(bans_blob::decode(&odd, 0), Err(BansError::Ban(0)));
    odd = bytes;
    odd[4..8].copy_from_slice(&[0xff; 4]);
    assert_eq!(
        bans_blob::decode(&odd, 0),
        Err(BansError::Length(odd.len()))
    );
}

/// On a listener for IPv6 that takes IPv4 too, an IPv4 address is one.
#[tokio::test(flavor = "multi_thread")]
async fn an_ipv4_address_behind_a_dual_stack_listener_is_counted_and_banned_as_ipv4() {
    let listen = "[::]:0".parse().unwrap();
    if std::net::TcpListener::bind(listen).is_err() {
        eprintln!("this machine has no IPv6: the functions alone are tested");
        return;
    }
    let mut node = TestNode::start(Wish {
        listen,
        limits: Limits {
            per_address_max: 2,
            ..strict()
        },
        ..Wish::default()
    });
    node.address = SocketAddr::from(([127, 0, 0, 1], node.address.port()));
    let stranger = [127, 0, 0, 66];
    let _one = Raw::greet(&node, stranger).await;
    let mut two = Raw::greet(&node, stranger).await;
    until("both to be peers", || node.peers.peers().len() == 2).await;
    let peers = node.peers.peers();
    assert!(
        peers
            .iter()
            .all(|peer| peer.address.ip() == std::net::IpAddr::from(stranger))
    );
    let three = Raw::connect(node.address, stranger).await;
    let why = end_of_stranger(&mut node).await;
    assert_eq!(why, End::NoRoom("connections of this address"));
    three.closed().await;
    two.say(99, &[]).await;
    end_of_stranger(&mut node).await;
    assert_eq!(
        node.peers.bans()[0].address,
        std::net::IpAddr::from(stranger)
    );
}
