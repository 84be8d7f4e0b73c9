//! Peers that the operator named.

use std::net::SocketAddr;

use forkful_net::tcp::Notice;
use forkful_net::tcp::end::End;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::addresses::{finder, knowing, until};
use super::hostile::strict;
use super::raw::{HELLO, LAST, hello};
use super::support::{PATIENCE, TestNode, Wish};

/// After a restart the same peer is in the book, and was connected last.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_named_is_not_dialled_for_the_book_too() {
    for host in ["127.0.0.1", "[::ffff:127.0.0.1]", "localhost"] {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = silent.local_addr().unwrap();
        let other = TestNode::start(Wish::default());
        let memory = knowing(&[at, other.address], &[at]);
        let mut node = TestNode::start(Wish {
            peers: vec![format!("{host}:{}", at.port())],
            ..finder(&memory, &[])
        });
        let held = silent.accept().await.unwrap();
        // The anchor would have come first.
        node.up(other.key).await;
        let again = next_caller(&silent).await;
        assert_eq!(again, None, "{host} is dialled twice");
        drop(held);
    }
}

/// Who is about to be accepted, if anybody.
async fn next_caller(listener: &TcpListener) -> Option<SocketAddr> {
    tokio::select! {
        biased;
        accepted = listener.accept() => Some(accepted.unwrap().1),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_without_an_address_is_told_by_its_name_and_keeps_no_other_from_being_dialled() {
    let other = TestNode::start(Wish::default());
    // Longer than a label may be: nobody is asked.
    let nobody = format!("{}.invalid:7", "x".repeat(64));
    let mut node = TestNode::start(Wish {
        peers: vec![nobody.clone()],
        ..finder(&knowing(&[other.address], &[]), &[])
    });
    let unresolved = |notice: &Notice| match notice {
        Notice::Unresolved { name, why } => Some((name.clone(), why.clone())),
        _ => None,
    };
    let told = node.notice(unresolved).await;
    assert_eq!(told, (nobody, End::NoAddress));
    until("the other", || node.peers.peers().len() == 1).await;
}

/// In plaintext, so that this end can be played by hand.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_named_is_not_banned_whatever_it_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut node = TestNode::start(Wish {
        plaintext: true,
        limits: strict(),
        peers: vec![listener.local_addr().unwrap().to_string()],
        ..Wish::default()
    });
    for _ in 0..2 {
        let called = timeout(PATIENCE, listener.accept()).await;
        let (mut stream, _) = called.expect("to be called again").unwrap();
        // A hello, and a message that is none.
        let hello = [&[HELLO][..], &hello(&node)].concat();
        for frame in [&hello[..], &[LAST, 0xff]] {
            let length = u16::try_from(frame.len()).unwrap();
            stream.write_u16(length).await.unwrap();
            stream.write_all(frame).await.unwrap();
        }
        let why = node.notice(|notice| match notice {
            Notice::Down { why, .. } => Some(why.clone()),
            _ => None,
        });
        assert!(matches!(why.await, End::Message(_)));
    }
    assert!(node.peers.bans().is_empty());
}
