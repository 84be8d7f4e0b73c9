//! Messages that take more memory than bytes on the wire, and data that costs its sender nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use forkful_core::limits::{POOL_ENTRIES_MAX, POOL_PEERS_PERCENT, WIRE_ENTRIES_MAX};
use forkful_core::{Entry, Hash, Message};
use forkful_net::actor::Command;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::raw::Raw;
use crate::support::PATIENCE;
use crate::{GROWTH_MAX, Place, assert_grew_little, handled, memory, say, say_bytes};

/// What one such message is in memory at least.
const SWOLLEN: u64 = 4_000_000;

/// Empty entries by the hundred thousand, in memory twelve times what they are on the wire, while
/// the node has no time for anybody.
pub async fn messages_that_swell(place: &Place) {
    let before = memory();
    let swelling = Message::Entries {
        block: Hash([0xee; 32]),
        entries: vec![Entry::from([].as_slice()); WIRE_ENTRIES_MAX],
    };
    let mut bytes = Vec::new();
    swelling.encode(&mut bytes);
    drop(swelling);
    let mut strangers = Vec::new();
    for number in 0..16 {
        strangers.push(Raw::greet(&place.node, [127, 0, 0, 100 + number]).await);
    }
    let shared = place.node.shared.clone();
    let busy = std::thread::spawn(move || {
        let _held = shared.lock();
        let (begun, mut most) = (Instant::now(), 0);
        let mut swollen = None;
        // Until one message has swollen, and a second more for others to follow it.
        while swollen.is_none_or(|at: Instant| at.elapsed() < Duration::from_secs(1)) {
            most = most.max(memory().saturating_sub(before));
            if most > SWOLLEN {
                swollen = swollen.or(Some(Instant::now()));
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{most} bytes more: nothing swelled"
            );
            std::thread::yield_now();
        }
        most
    });
    let mut floods = JoinSet::new();
    for mut raw in strangers {
        let bytes = bytes.clone();
        floods.spawn(async move {
            for _ in 0..20 {
                say_bytes(&mut raw, &bytes).await;
            }
            handled(&mut raw).await;
        });
    }
    let grown = tokio::task::spawn_blocking(|| busy.join().unwrap());
    let grown = grown.await.unwrap();
    println!("messages that swell: {} kB more", grown / 1_024);
    assert!(
        grown < GROWTH_MAX,
        "messages that swell: {grown} bytes more"
    );
    floods.join_all().await;
    place.goes_on().await;
}

/// Data that is to be mined, more than the pool takes of peers. What the node's own operator wants
/// mined is taken all the same, and mined.
pub async fn data_without_end(place: &Place) {
    let before = memory();
    let mut raw = Raw::greet(&place.node, [127, 0, 0, 120]).await;
    for number in 0..40_000_u64 {
        let entry = Entry::from(number.to_le_bytes().as_slice());
        say(&mut raw, &Message::NewData(entry)).await;
    }
    handled(&mut raw).await;
    let waiting = || place.node.shared.lock().node.pool().len();
    assert_eq!(waiting(), POOL_ENTRIES_MAX / 100 * POOL_PEERS_PERCENT);
    assert_grew_little(before, "data without end");

    let own = Entry::from(b"the operator's own".as_slice());
    let (done, taken) = oneshot::channel();
    let submit = Command::Submit(Arc::clone(&own), done);
    place.node.command(submit).await;
    let own = taken.await.unwrap().unwrap();
    // A block has room for 4,096 entries.
    let height = place.node.tip().height + 12;
    place.node.mine_to(height).await;
    assert!(place.node.shared.lock().node.pool().is_on_chain(&own));
    place.honest.reach(height).await;
    place.goes_on().await;
}
