//! One stranger at a time does its worst, from an address of its own. Meanwhile an honest
//! peer's block is adopted within two seconds, and nobody else is punished.

use std::time::{Duration, Instant};

use forkful_core::{Hash, Message};
use forkful_net::tcp::Notice;
use forkful_net::tcp::end::{End, FrameError};
use forkful_net::tcp::limits::Limits;
use tokio::io::AsyncWriteExt as _;

use super::raw::{HELLO, LAST, Raw, first_message, hello};
use super::support::{TestNode, pair, quick};

/// The stranger's address; honest nodes are at 127.0.0.1.
const STRANGER: [u8; 4] = [127, 0, 0, 66];

pub fn strict() -> Limits {
    Limits {
        loopback_is_foreign: true,
        ..quick()
    }
}

/// Why the stranger's connection ended.
pub async fn end_of_stranger(node: &mut TestNode) -> End {
    node.notice(|notice| match notice {
        Notice::Down { address, why, .. } if address.ip() == std::net::IpAddr::from(STRANGER) => {
            Some(why.clone())
        }
        Notice::Refused { address, why, .. }
            if address.ip() == std::net::IpAddr::from(STRANGER) =>
        {
            Some(why.clone())
        }
        _ => None,
    })
    .await
}

/// The honest node mines, and the other has it within two seconds.
async fn assert_hears(node: &TestNode, honest: &TestNode) {
    honest.mine_to(honest.tip().height + 1).await;
    let height = honest.tip().height;
    let began = Instant::now();
    node.reach(height).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(
        node.peers
            .peers()
            .iter()
            .filter(|peer| is(honest, peer))
            .count(),
        1
    );
}

fn is(node: &TestNode, peer: &forkful_net::peers::PeerInfo) -> bool {
    peer.key == Some(node.key)
}

pub fn banned(node: &TestNode) -> Vec<std::net::IpAddr> {
    let bans = node.peers.bans();
    bans.iter().map(|ban| ban.address).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lying_length_ends_the_handshake() {
    let (mut node, honest) = pair(strict()).await;
    let mut raw = Raw::connect(node.address, STRANGER).await;
    raw.stream.write_all(&[0xff, 0xff, 1, 2, 3]).await.unwrap();
    let why = end_of_stranger(&mut node).await;
    assert_eq!(why, End::Frame(FrameError::TooLong));
    raw.closed().await;
    assert_hears(&node, &honest).await;
    assert!(banned(&node).is_empty(), "once may be any other program");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_noise_is_refused_and_often_is_a_ban() {
    let (mut node, honest) = pair(strict()).await;
    for time in 1..=10 {
        let mut raw = Raw::connect(node.address, STRANGER).await;
        let _ = raw.stream.write_all(&[0, 4, 1, 2, 3, 4]).await;
        assert_eq!(end_of_stranger(&mut node).await, End::Noise, "time {time}");
        raw.closed().await;
    }
    assert_eq!(banned(&node), [std::net::IpAddr::from(STRANGER)]);
    let raw = Raw::connect(node.address, STRANGER).await;
    assert_eq!(end_of_stranger(&mut node).await, End::Banned);
    raw.closed().await;
    assert_hears(&node, &honest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_handshake_is_ended_at_its_deadline() {
    let limits = Limits {
        handshake: Duration::from_millis(300),
        ..strict()
    };
    let (mut node, honest) = pair(limits).await;
    let silent = Raw::connect(node.address, STRANGER).await;
    let mut halfway = Raw::connect(node.address, STRANGER).await;
    halfway
        .stream
        .write_all(&first_message()[..7])
        .await
        .unwrap();
    assert_hears(&node, &honest).await;
    for _ in 0..2 {
        assert_eq!(end_of_stranger(&mut node).await, End::HandshakeTimeout);
    }
    silent.closed().await;
    halfway.closed().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_may_come_in_any_pieces() {
    let (mut node, honest) = pair(strict()).await;
    let mut raw = Raw::connect(node.address, STRANGER).await;
    raw.stream.set_nodelay(true).unwrap();
    raw.encrypt().await;
    let greeting = raw.sealed(HELLO, &hello(&node));
    for byte in greeting {
        raw.stream.write_all(&[byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(raw.hear().await.unwrap()[0], HELLO);
    let mut ping = raw.sealed(2, &7_u64.to_be_bytes());
    ping.extend(raw.sealed(2, &8_u64.to_be_bytes()));
    let (left, right) = ping.split_at(ping.len() / 2 + 1);
    raw.stream.write_all(left).await.unwrap();
    tokio::task::yield_now().await;
    raw.stream.write_all(right).await.unwrap();
    let mut pongs = Vec::new();
    while pongs.len() < 2 {
        let frame = raw.hear().await.expect("the connection to last");
        if frame[0] == 3 {
            pongs.push(frame[8]);
        }
    }
    assert_eq!(pongs, [7, 8]);
    assert_hears(&node, &honest).await;
    drop(raw);
    assert!(matches!(
        end_of_stranger(&mut node).await,
        End::Closed | End::Io(_)
    ));
    assert!(banned(&node).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_replays_do_not_decrypt() {
    let (mut node, honest) = pair(strict()).await;
    let mut raw = Raw::greet(&node, STRANGER).await;
    raw.put(&[0x5a; 500]).await;
    let decrypt = End::Frame(FrameError::Decrypt);
    assert_eq!(end_of_stranger(&mut node).await, decrypt);
    raw.closed().await;

    let mut raw = Raw::greet(&node, STRANGER).await;
    let frame = raw.sealed(2, &[0; 8]);
    raw.stream.write_all(&frame).await.unwrap();
    while raw.hear().await.expect("an answer")[0] != 3 {}
    raw.stream.write_all(&frame).await.unwrap();
    assert_eq!(end_of_stranger(&mut node).await, decrypt);
    raw.closed().await;
    assert_hears(&node, &honest).await;
    assert!(
        banned(&node).is_empty(),
        "somebody between may have done it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_says_by_chance_is_a_ban_for_who_said_it() {
    let lies: [(u8, &[u8], &str); 7] = [
        (9, &[], "bad frame: unknown kind 9"),
        (
            0,
            &[1, 2],
            "bad frame: a part of 2 bytes that is not the last",
        ),
        (2, &[1], "bad frame: a ping of 1 bytes"),
        (HELLO, &[], "bad frame: out of order"),
        (LAST, &[99], "bad message: unknown message kind 99"),
        (
            LAST,
            &[3, 1],
            "bad message: the message ends at byte 2, 31 bytes too early",
        ),
        (
            LAST,
            &[6, 255, 255, 255, 255],
            "bad message: 4294967295 locator hashes in one message, but 101 are allowed",
        ),
    ];
    for (kind, payload, words) in lies {
        let (mut node, honest) = pair(strict()).await;
        let mut raw = Raw::greet(&node, STRANGER).await;
        raw.say(kind, payload).await;
        assert_eq!(end_of_stranger(&mut node).await.to_string(), words);
        raw.closed().await;
        assert_eq!(node.peers.bans()[0].reason, words);
        assert_eq!(banned(&node), [std::net::IpAddr::from(STRANGER)]);
        assert_hears(&node, &honest).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_without_end_is_cut_off() {
    let (mut node, honest) = pair(strict()).await;
    let mut raw = Raw::greet(&node, STRANGER).await;
    let part = vec![0; 65_518];
    for _ in 0..62 {
        raw.say(0, &part).await;
    }
    let why = end_of_stranger(&mut node).await;
    assert_eq!(why, End::Frame(FrameError::MessageTooLong(62 * 65_518)));
    assert_hears(&node, &honest).await;
}

/// Requests that are never read: what waits for the stranger is bounded, then it is gone.
#[tokio::test(flavor = "multi_thread")]
async fn who_never_reads_is_dropped() {
    let limits = Limits {
        send_queue_bytes: 400_000,
        ..strict()
    };
    let (mut node, honest) = pair(limits).await;
    honest.mine_to(600).await;
    node.reach(600).await;
    let mut raw = Raw::greet(&node, STRANGER).await;
    let mut request = Vec::new();
    Message::RequestChain(vec![node.genesis]).encode(&mut request);
    // Above what the system's own buffers hold.
    for _ in 0..400 {
        raw.say(LAST, &request).await;
    }
    assert_eq!(end_of_stranger(&mut node).await, End::SlowReader);
    assert_hears(&node, &honest).await;
    assert!(banned(&node).is_empty(), "a slow line is no crime");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_falls_silent_is_dropped_and_who_answers_stays() {
    let limits = Limits {
        ping: Duration::from_secs(1),
        pong: Duration::from_secs(1),
        ..strict()
    };
    let (mut node, honest) = pair(limits).await;
    let raw = Raw::greet(&node, STRANGER).await;
    assert_eq!(end_of_stranger(&mut node).await, End::PingTimeout);
    raw.closed().await;
    assert_hears(&node, &honest).await;
    let peers = node.peers.peers();
    assert!(
        peers[0]
            .ping
            .is_some_and(|trip| trip < Duration::from_secs(1))
    );
    assert!(banned(&node).is_empty());
}

/// A flood waits at its own socket, and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_delays_nobody_else() {
    let (mut node, honest) = pair(strict()).await;
    let mut raw = Raw::greet(&node, STRANGER).await;
    let mut request = Vec::new();
    Message::NotFound(Hash([7; 32])).encode(&mut request);
    let flood = tokio::spawn(async move {
        let mut said = 0_u64;
        loop {
            let bytes = raw.sealed(LAST, &request);
            if raw.stream.write_all(&bytes).await.is_err() {
                return said;
            }
            said += 1;
        }
    });
    for _ in 0..5 {
        assert_hears(&node, &honest).await;
    }
    let stranger = node.peers.peers();
    let stranger = stranger.iter().find(|peer| !is(&honest, peer)).unwrap().id;
    node.peers.disconnect(stranger).unwrap();
    assert_eq!(end_of_stranger(&mut node).await, End::Asked);
    assert!(flood.await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_addresses_that_say_nothing_do_not_take_all_handshakes() {
    let limits = Limits {
        half_open_group_max: 3,
        ..strict()
    };
    let (mut node, honest) = pair(limits).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(Raw::connect(node.address, STRANGER).await);
    }
    let why = end_of_stranger(&mut node).await;
    assert_eq!(
        why,
        End::NoRoom("handshakes under way of this network group")
    );
    drop(held);
    for _ in 0..3 {
        assert_eq!(end_of_stranger(&mut node).await, End::Closed);
    }
    // What they took is given back.
    drop(Raw::greet(&node, STRANGER).await);
    assert_hears(&node, &honest).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_one_address_are_few_and_of_handshakes_too() {
    let limits = Limits {
        half_open_max: 6,
        per_address_max: 2,
        ..strict()
    };
    let (mut node, honest) = pair(limits).await;
    let mut held = Vec::new();
    for _ in 0..20 {
        held.push(Raw::connect(node.address, STRANGER).await);
    }
    for _ in 0..18 {
        let why = end_of_stranger(&mut node).await;
        assert_eq!(why, End::NoRoom("connections of this address"));
    }
    for last in 1..=10 {
        held.push(Raw::connect(node.address, [127, 0, 1, last]).await);
    }
    for _ in 0..6 {
        let why = node.notice(super::nodes::refused).await;
        assert_eq!(why, End::NoRoom("handshakes under way"));
    }
    assert_hears(&node, &honest).await;
    drop(held);
    // What they took is given back.
    for _ in 0..6 {
        node.notice(super::nodes::refused).await;
    }
    let raw = Raw::greet(&node, STRANGER).await;
    drop(raw);
}
