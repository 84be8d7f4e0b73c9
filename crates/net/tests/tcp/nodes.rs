//! Nodes that mean well.

use std::time::{Duration, Instant};

use forkful_net::actor::Command;
use forkful_net::miner::Speed;
use forkful_net::peers::PeersError;
use forkful_net::tcp::Notice;
use forkful_net::tcp::end::End;
use forkful_net::tcp::key::NodeKey;

use super::support::{TestNode, Wish, pair, quick};

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_mine_and_converge() {
    let (first, second) = pair(quick()).await;
    let limited = Speed::Limited(20_000.0);
    first.command(Command::SetSpeed(limited)).await;
    second.command(Command::SetSpeed(limited)).await;
    first.reach(20).await;
    second.reach(20).await;
    // Only the first goes on, so that a tie is broken.
    second.command(Command::SetSpeed(Speed::Off)).await;
    let height = first.tip().height.max(second.tip().height) + 2;
    first.mine_to(height).await;
    let tip = first.tip();
    assert!(tip.height >= height);
    second.until(|theirs| theirs == first.tip()).await;
    let peers = first.peers.peers();
    assert_eq!(peers.len(), 1);
    assert_eq!(peers[0].key, Some(second.key));
    assert!(peers[0].inbound);
    assert_eq!(peers[0].user_agent, "/forkful:test/");
    assert!(peers[0].bytes_sent > 0 && peers[0].bytes_received > 0);
    assert!(first.stop().await && second.stop().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_joins_late_catches_up_in_plaintext() {
    let plain = || Wish {
        plaintext: true,
        ..Wish::default()
    };
    let first = TestNode::start(plain());
    first.mine_to(600).await;
    let second = TestNode::start(Wish {
        peers: vec![first.address.to_string()],
        ..plain()
    });
    second.reach(600).await;
    assert_eq!(first.peers.peers()[0].key, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_and_encryption_do_not_meet() {
    let first = TestNode::start(Wish::default());
    let mut second = TestNode::start(Wish {
        plaintext: true,
        peers: vec![first.address.to_string()],
        ..Wish::default()
    });
    let why = second.notice(refused).await;
    // To the plaintext end the other's words are random bytes. Of 256 first ones, one is the
    // beginning of a hello, and one that of a goodbye.
    let is_gibberish = matches!(
        why,
        End::Closed | End::Io(_) | End::Frame(_) | End::Noise | End::Hello(_) | End::Bye(_)
    );
    assert!(is_gibberish, "{why}");
    assert!(first.peers.peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_stays_on_this_machine() {
    let mut node = TestNode::start(Wish {
        plaintext: true,
        ..Wish::default()
    });
    node.peers.try_once("192.0.2.1:1").unwrap();
    assert_eq!(node.notice(refused).await, End::PlaintextOutside);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_network_is_refused_and_both_say_why() {
    let mut first = TestNode::start(Wish::default());
    let mut second = TestNode::start(Wish {
        zero_bits: 11,
        ..Wish::default()
    });
    second.peers.try_once(&first.address.to_string()).unwrap();
    let why = second.notice(refused).await;
    let (theirs, ours) = (first.genesis, second.genesis);
    assert_eq!(why, End::WrongGenesis { theirs, ours });
    let text = format!("another network: its genesis block is {theirs}, ours {ours}");
    assert_eq!(why.to_string(), text);
    let why = first.notice(refused).await;
    assert!(matches!(why, End::WrongGenesis { .. }), "{why}");
    assert!(first.peers.peers().is_empty() && second.peers.peers().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_does_not_keep_up_a_connection_to_itself() {
    let mut node = TestNode::start(Wish::default());
    let itself = node.address.to_string();
    node.peers.add(&itself).unwrap();
    let myself = |notice: &Notice| match notice {
        Notice::Refused {
            inbound: false,
            why: End::Myself,
            ..
        } => Some(()),
        _ => None,
    };
    node.notice(myself).await;
    // The same key behind another process is the same node too.
    let key = NodeKey::ephemeral().unwrap();
    let twins = [(); 2].map(|()| Wish {
        key: key.clone(),
        ..Wish::default()
    });
    let [mut first, second] = twins.map(TestNode::start);
    first.peers.try_once(&second.address.to_string()).unwrap();
    first.notice(myself).await;
    assert!(node.peers.peers().is_empty());
}

/// Both dial both: one connection is left, and it is the same for both.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_connections_between_two_nodes_one_stays() {
    for _ in 0..8 {
        let mut first = TestNode::start(Wish::default());
        let mut second = TestNode::start(Wish {
            peers: vec![first.address.to_string()],
            ..Wish::default()
        });
        first.peers.add(&second.address.to_string()).unwrap();
        second.up(first.key).await;
        first.up(second.key).await;
        let duplicate = |notice: &Notice| match notice {
            Notice::Refused { why, .. } | Notice::Down { why, .. } => {
                let theirs = End::Bye(End::Duplicate.to_string());
                (*why == End::Duplicate || *why == theirs).then_some(())
            }
            _ => None,
        };
        first.notice(duplicate).await;
        second.notice(duplicate).await;
        // Blocks still travel, whichever it is.
        first.mine_to(3).await;
        second.reach(3).await;
        second.mine_to(second.tip().height + 3).await;
        first.reach(second.tip().height).await;
        let greater = first.key.max(second.key);
        let dialled = if first.key == greater {
            &first
        } else {
            &second
        };
        assert!(!dialled.peers.peers()[0].inbound);
        assert_eq!(first.peers.peers().len(), 1);
        assert_eq!(second.peers.peers().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_peer_comes_back_and_gets_the_lowest_number() {
    let (mut first, second) = pair(quick()).await;
    let (address, theirs) = (second.address, second.key);
    first.mine_to(5).await;
    second.reach(5).await;
    first.peers.add(&address.to_string()).unwrap();
    let twice = first.peers.add(&address.to_string());
    assert_eq!(twice, Err(PeersError::Present(address.to_string())));
    let began = Instant::now();
    assert!(second.stop().await);
    assert!(began.elapsed() < Duration::from_secs(2));
    first.notice(down).await;
    let mut again = TestNode::start(Wish {
        listen: address,
        ..Wish::default()
    });
    assert_ne!(again.key, theirs);
    first.up(again.key).await;
    again.up(first.key).await;
    again.reach(5).await;
    let peers = first.peers.peers();
    assert_eq!((peers.len(), peers[0].id.0), (1, 0));
    assert!(!peers[0].inbound);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_is_switched_off_and_on() {
    let (mut first, mut second) = pair(quick()).await;
    first.peers.set_active(false);
    assert_eq!(first.notice(down).await, End::Inactive);
    second.notice(down).await;
    assert!(first.peers.peers().is_empty() && !first.peers.is_active());
    assert_eq!(first.notice(refused).await, End::Inactive);
    first.peers.set_active(true);
    first.up(second.key).await;
    let peer = first.peers.peers()[0].id;
    first.peers.disconnect(peer).unwrap();
    assert_eq!(first.notice(down).await, End::Asked);
    assert!(first.peers.disconnect(forkful_core::PeerId(77)).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_banned_address_is_gone_until_the_ban_is_lifted() {
    let (mut first, second) = pair(quick()).await;
    let address = second.address.ip();
    first
        .peers
        .ban(address, Duration::from_secs(3_600))
        .unwrap();
    assert_eq!(first.notice(down).await, End::Banned);
    assert_eq!(first.notice(refused).await, End::Banned);
    assert_eq!(first.peers.bans()[0].address, address);
    first.peers.unban(address).unwrap();
    first.up(second.key).await;
    assert!(first.peers.unban(address).is_err());
}

pub fn refused(notice: &Notice) -> Option<End> {
    match notice {
        Notice::Refused { why, .. } => Some(why.clone()),
        _ => None,
    }
}

pub fn down(notice: &Notice) -> Option<End> {
    match notice {
        Notice::Down { why, .. } => Some(why.clone()),
        _ => None,
    }
}
