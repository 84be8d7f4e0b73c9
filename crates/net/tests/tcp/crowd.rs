//! Many who ask and do not read: what waits for all of them together is bounded, and who reads does
//! not pay for it.

use std::time::Duration;

use forkful_core::Message;
use forkful_net::tcp::end::End;
use forkful_net::tcp::limits::Limits;

use super::hostile::{end_of_stranger, strict};
use super::raw::{LAST, Raw};
use super::support::{TestNode, Wish, pair};

/// The whole chain, asked for so many times.
async fn ask(raw: &mut Raw, node: &TestNode, times: usize) {
    let mut request = Vec::new();
    Message::RequestChain(vec![node.genesis]).encode(&mut request);
    for _ in 0..times {
        raw.say(LAST, &request).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_never_read_go_before_anybody_who_does() {
    let limits = Limits {
        // A share of each of five is less than one answer.
        send_total_bytes: 150_000,
        stalled: Duration::from_millis(200),
        ..strict()
    };
    let (mut node, honest) = pair(limits).await;
    honest.mine_to(600).await;
    node.reach(600).await;
    let mut strangers = Vec::new();
    for last in 1..5 {
        let mut raw = Raw::greet(&node, [127, 0, 0, last + 60]).await;
        // Far more than the system's own buffers hold.
        ask(&mut raw, &node, 400).await;
        strangers.push(raw);
    }
    // That nothing happens meanwhile is what is waited for.
    tokio::time::sleep(Duration::from_millis(400)).await;
    let mut newcomer = TestNode::start(Wish {
        peers: vec![node.address.to_string()],
        ..Wish::default()
    });
    newcomer.up(node.key).await;
    newcomer.reach(600).await;
    honest.mine_to(601).await;
    newcomer.reach(601).await;

    assert_eq!(newcomer.ends(), []);
    let crowded = |why: &End| *why == End::Crowded;
    let ends = node.ends();
    assert!(ends.iter().any(crowded), "{ends:?}");
    let slow = |why: &End| matches!(why, End::Crowded | End::Closed | End::Io(_));
    assert!(ends.iter().all(slow), "{ends:?}");
    let keys: Vec<_> = node.peers.peers().iter().map(|peer| peer.key).collect();
    assert!(keys.contains(&Some(honest.key)) && keys.contains(&Some(newcomer.key)));
    assert!(node.peers.bans().is_empty(), "a slow line is no crime");
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
    ask(&mut raw, &node, 200).await;
    assert_eq!(end_of_stranger(&mut node).await, End::SlowReader);
    assert!(
        node.peers
            .peers()
            .iter()
            .any(|peer| peer.key == Some(honest.key))
    );
}
