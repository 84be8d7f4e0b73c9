//! Many who ask and do not read: what waits for all of them together is bounded, and who reads does
//! not pay for it.

use std::net::SocketAddr;
use std::time::Duration;

use forkful_core::{Entry, Hash, Message};
use forkful_net::actor::Command;
use forkful_net::tcp::Notice;
use forkful_net::tcp::end::End;
use forkful_net::tcp::limits::Limits;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use super::addresses::until;
use super::hostile::{end_of_stranger, strict};
use super::raw::{LAST, Raw, hello_with_port};
use super::support::{TestNode, Wish, pair};

/// Asks for the whole chain so many times; whether the connection lasts.
async fn ask(raw: &mut Raw, genesis: Hash, times: usize) -> bool {
    let mut request = Vec::new();
    Message::RequestChain(vec![genesis]).encode(&mut request);
    for _ in 0..times {
        let bytes = raw.sealed(LAST, &request);
        if raw.stream.write_all(&bytes).await.is_err() {
            return false;
        }
    }
    true
}

/// Asks without end and reads nothing, and comes again when it is dropped.
async fn flood(node: SocketAddr, genesis: Hash, last: u8) {
    loop {
        let mut raw = Raw::connect(node, [127, 0, 0, last]).await;
        raw.encrypt().await;
        raw.say_hello(&hello_with_port(genesis, 0)).await;
        while ask(&mut raw, genesis, 10).await {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_never_read_go_before_anybody_who_does() {
    let limits = Limits {
        // A share of each of five is less than one answer.
        send_total_bytes: 150_000,
        // Longer than a busy machine keeps a process waiting.
        stalled: Duration::from_secs(2),
        ..strict()
    };
    let (mut node, honest) = pair(limits).await;
    honest.mine_to(600).await;
    node.reach(600).await;
    let mut floods = JoinSet::new();
    for last in 61..64 {
        floods.spawn(flood(node.address, node.genesis, last));
    }
    let crowded = |notice: &Notice| match notice {
        Notice::Down { why, .. } if *why == End::Crowded => Some(()),
        _ => None,
    };
    node.notice(crowded).await;

    let mut newcomer = TestNode::start(Wish {
        peers: vec![node.address.to_string()],
        ..Wish::default()
    });
    newcomer.up(node.key).await;
    newcomer.reach(600).await;
    honest.mine_to(601).await;
    newcomer.reach(601).await;
    node.notice(crowded).await;

    assert_eq!(newcomer.ends(), []);
    let keys: Vec<_> = node.peers.peers().iter().map(|peer| peer.key).collect();
    assert!(keys.contains(&Some(honest.key)) && keys.contains(&Some(newcomer.key)));
    assert!(node.peers.bans().is_empty(), "a slow line is no crime");
    let slow = |why: &End| matches!(why, End::Crowded | End::Closed | End::Io(_));
    let ends = node.ends();
    assert!(ends.iter().all(slow), "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_for_too_long_is_dropped_however_little_waits() {
    let limits = Limits {
        stalled: Duration::from_millis(100),
        write: Duration::from_millis(400),
        ..strict()
    };
    let (mut node, honest) = pair(limits).await;
    honest.mine_to(600).await;
    node.reach(600).await;
    let mut raw = Raw::greet(&node, [127, 0, 0, 66]).await;
    ask(&mut raw, node.genesis, 200).await;
    assert_eq!(end_of_stranger(&mut node).await, End::SlowReader);
    assert!(
        node.peers
            .peers()
            .iter()
            .any(|peer| peer.key == Some(honest.key))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn much_data_costs_nobody_a_connection_who_reads_slowly() {
    let (mut node, honest) = pair(strict()).await;
    let raw = Raw::greet(&node, [127, 0, 0, 9]).await;
    until("both to be peers", || node.peers.peers().len() == 2).await;
    // More than may wait for one peer. This one reads nothing for now.
    let mut data = vec![0; 900_000];
    for number in 0..24 {
        data[0] = number;
        let (done, taken) = oneshot::channel();
        let command = Command::Submit(Entry::from(&data[..]), done);
        node.command(command).await;
        taken.await.unwrap().unwrap();
    }
    node.mine_to(1).await;
    honest.reach(1).await;
    assert_eq!((node.ends(), node.peers.peers().len()), (vec![], 2));
    drop(raw);
}
