//! Strangers who send without end, and what of it a node keeps: nothing that grows with what
//! they send. After each flood the process has hardly more memory than before, an honest peer's
//! block is adopted within two seconds, and nobody but the guilty is punished.
//!
//! `FORKFUL_FLOOD_HEADERS=1000000` makes the flood of headers a million long.
#![cfg(target_os = "linux")]

#[allow(dead_code, reason = "the tests of the transport need more of it")]
#[path = "../tcp/raw.rs"]
mod raw;
#[allow(dead_code, reason = "the tests of the transport need more of it")]
#[path = "../tcp/support.rs"]
mod support;
mod swell;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forkful_core::limits::{HEADERS_MAX, MESSAGE_BYTES_MAX};
use forkful_core::merkle::merkle_root;
use forkful_core::{Block, Hash, Header, Message, Target, Timestamp, Wire};
use forkful_net::tcp::Notice;
use forkful_net::tcp::end::End;
use forkful_net::tcp::limits::{CHUNK_BYTES_MAX, Limits};

use raw::{LAST, Raw};
use support::{PATIENCE, TestNode, Wish, quick};

/// Eight tries a block: floods are as long as they can be.
const ZERO_BITS: u32 = 3;

/// The chain that floods are weak against.
const HEIGHT: u64 = 3_000;

/// A part of a message that is not the last.
const PART: u8 = 0;

/// What a flood may cost, in bytes: the queues of its connections, and what an allocator keeps.
const GROWTH_MAX: u64 = 32 << 20;

/// A node, and its one honest peer.
struct Place {
    node: TestNode,
    honest: TestNode,
    genesis: Header,
    target: Target,
}

impl Place {
    async fn new() -> Place {
        let limits = Limits {
            loopback_is_foreign: true,
            inbox_bytes: 8_000_000,
            ..quick()
        };
        let mut node = TestNode::start(Wish {
            limits,
            zero_bits: ZERO_BITS,
            ..Wish::default()
        });
        let mut honest = TestNode::start(Wish {
            peers: vec![node.address.to_string()],
            zero_bits: ZERO_BITS,
            ..Wish::default()
        });
        honest.up(node.key).await;
        node.up(honest.key).await;
        honest.mine_to(HEIGHT).await;
        node.reach(honest.tip().height).await;
        let genesis = *node
            .shared
            .lock()
            .tree
            .header(forkful_core::BlockId::GENESIS);
        Place {
            node,
            honest,
            genesis,
            target: Target::from_zero_bits(ZERO_BITS).unwrap(),
        }
    }

    /// Headers with their work done, one on the other, unlike those of any other `salt`.
    fn chain(&self, after: &Header, count: usize, salt: u64) -> Vec<Header> {
        let (mut previous, mut chain) = (*after, Vec::with_capacity(count));
        for _ in 0..count {
            let mut header = Header {
                index: previous.index + 1,
                timestamp: Timestamp(previous.timestamp.0 + 1),
                data: merkle_root::<&[u8]>(&[]),
                previous_hash: previous.hash(),
                nonce: salt << 32,
            };
            while !self.target.is_met_by(&header.hash()) {
                header.nonce += 1;
            }
            chain.push(header);
            previous = header;
        }
        chain
    }

    /// Blocks and headers that the node has and its honest peer does not: strangers' own.
    fn strange(&self) -> usize {
        let node = self.node.shared.lock();
        let mine: Vec<_> = node.tree.ids().map(|id| node.tree.hash(id)).collect();
        drop(node);
        let honest = self.honest.shared.lock();
        mine.iter()
            .filter(|hash| honest.tree.find(hash).is_none())
            .count()
    }

    /// The honest peer's next block is here within two seconds, and the peer still is.
    async fn goes_on(&self) {
        self.honest.mine_to(self.honest.tip().height + 1).await;
        let height = self.honest.tip().height;
        let began = Instant::now();
        self.node.reach(height).await;
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
        let peers = self.node.peers.peers();
        assert!(peers.iter().any(|peer| peer.key == Some(self.honest.key)));
        let local = IpAddr::from([127, 0, 0, 1]);
        assert!(
            self.node
                .peers
                .bans()
                .iter()
                .all(|ban| ban.address != local)
        );
    }

    async fn end_of(&mut self, stranger: [u8; 4]) -> End {
        let stranger = IpAddr::from(stranger);
        let down = |notice: &Notice| match notice {
            Notice::Down { address, why, .. } if address.ip() == stranger => Some(why.clone()),
            _ => None,
        };
        self.node.notice(down).await
    }
}

/// Sends a message, in as many parts as it takes.
async fn say(raw: &mut Raw, message: &Message<Wire>) {
    let mut bytes = Vec::new();
    message.encode(&mut bytes);
    assert!(bytes.len() <= MESSAGE_BYTES_MAX);
    say_bytes(raw, &bytes).await;
}

async fn say_bytes(raw: &mut Raw, bytes: &[u8]) {
    let mut parts = bytes.chunks(CHUNK_BYTES_MAX).peekable();
    while let Some(part) = parts.next() {
        let kind = if parts.peek().is_some() { PART } else { LAST };
        raw.say(kind, part).await;
    }
}

/// Waits until the node has handled all that was said: it answers in order.
async fn handled(raw: &mut Raw) {
    let unknown = Hash([0xee; 32]);
    say(raw, &Message::RequestBlock(unknown)).await;
    loop {
        let frame = raw.hear().await.expect("the connection to last");
        if frame[0] == LAST && Message::decode(&frame[1..]) == Ok(Message::NotFound(unknown)) {
            return;
        }
    }
}

/// Bytes of memory that the process has.
fn memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.unwrap().trim().trim_end_matches(" kB");
    kilobytes.parse::<u64>().unwrap() * 1_024
}

fn assert_grew_little(before: u64, what: &str) {
    let grown = memory().saturating_sub(before);
    println!("{what}: {} kB more", grown / 1_024);
    assert!(grown < GROWTH_MAX, "{what}: {grown} bytes more");
}

/// In one test, so that nothing else uses the memory that is measured.
/// One thread waits for the node that is busy, whatever the machine has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn floods_cost_a_bounded_amount_of_memory_and_nobody_else_notices() {
    let mut place = Place::new().await;
    weak_headers(&place).await;
    a_weak_branch_that_is_played_to_its_end(&place).await;
    headers_without_work(&mut place).await;
    orphans(&place).await;
    advertised_and_never_delivered(&place).await;
    requests_that_are_never_read(&mut place).await;
    swell::messages_that_swell(&place).await;
    swell::data_without_end(&place).await;
    let bans = place.node.peers.bans();
    let banned: Vec<_> = bans.iter().map(|ban| ban.address).collect();
    assert_eq!(
        banned,
        [IpAddr::from([127, 0, 0, 80])],
        "the one without work"
    );
    assert!(place.node.stop().await);
    assert!(place.honest.stop().await);
}

/// Each valid, all from genesis, none that could matter.
async fn weak_headers(place: &Place) {
    let wanted = std::env::var("FORKFUL_FLOOD_HEADERS").map(|many| many.parse().unwrap());
    let batches = wanted.unwrap_or(200_000) / HEADERS_MAX;
    let before = memory();
    let mut strangers = Vec::new();
    for number in 0..4 {
        strangers.push(Raw::greet(&place.node, [127, 0, 0, 66 + number]).await);
    }
    for batch in 0..batches {
        let headers = place.chain(&place.genesis, HEADERS_MAX, 1 + batch as u64);
        let raw = &mut strangers[batch % 4];
        say(
            raw,
            &Message::Headers {
                headers,
                more: true,
            },
        )
        .await;
    }
    for raw in &mut strangers {
        handled(raw).await;
    }
    assert_eq!(place.strange(), 0);
    assert_grew_little(before, "weak headers");
    place.goes_on().await;
}

/// The stranger answers what the node asks, to the end.
async fn a_weak_branch_that_is_played_to_its_end(place: &Place) {
    let before = memory();
    let chain = place.chain(&place.genesis, 2_600, 1 << 20);
    let mut raw = Raw::greet(&place.node, [127, 0, 0, 75]).await;
    let (first, rest) = (chain[..HEADERS_MAX].to_vec(), chain[HEADERS_MAX..].to_vec());
    say(
        &mut raw,
        &Message::Headers {
            headers: first,
            more: true,
        },
    )
    .await;
    let asked = async {
        loop {
            let frame = raw.hear().await.expect("the connection to last");
            if let Ok(Message::RequestHeaders(locator)) = Message::<Wire>::decode(&frame[1..])
                && locator[0] == chain[HEADERS_MAX - 1].hash()
            {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked)
        .await
        .expect("the node asks on");
    say(
        &mut raw,
        &Message::Headers {
            headers: rest,
            more: false,
        },
    )
    .await;
    handled(&mut raw).await;
    assert_eq!(place.strange(), 0);
    assert_grew_little(before, "a weak branch to its end");
    place.goes_on().await;
}

async fn headers_without_work(place: &mut Place) {
    let before = memory();
    let mut headers = place.chain(&place.genesis, HEADERS_MAX, 1 << 21);
    let last = headers.last_mut().unwrap();
    while place.target.is_met_by(&last.hash()) {
        last.nonce += 1;
    }
    let stranger = [127, 0, 0, 80];
    let mut raw = Raw::greet(&place.node, stranger).await;
    // Once may be an accident; five times are not.
    let message = Message::Headers {
        headers,
        more: true,
    };
    for _ in 0..5 {
        say(&mut raw, &message).await;
    }
    assert!(matches!(place.end_of(stranger).await, End::Node(_)));
    raw.closed().await;
    assert_grew_little(before, "headers without work");
    place.goes_on().await;
}

/// Blocks with their work done, whose parents nobody has.
async fn orphans(place: &Place) {
    let before = memory();
    let mut raw = Raw::greet(&place.node, [127, 0, 0, 90]).await;
    for number in 0..10_000_u64 {
        let nowhere = Header {
            index: 2_999 + number % 7,
            data: Hash([(number % 251) as u8; 32]),
            nonce: number,
            ..place.genesis
        };
        let header = place.chain(&nowhere, 1, 1 << 22)[0];
        let entries = Vec::new();
        let block = Arc::new(Block { header, entries });
        say(&mut raw, &Message::NewBlock(block)).await;
    }
    handled(&mut raw).await;
    assert_eq!(place.strange(), 0);
    assert_grew_little(before, "orphans");
    place.goes_on().await;
}

/// Good headers on the node's own tip, whose bodies never come.
async fn advertised_and_never_delivered(place: &Place) {
    let before = memory();
    let tip = {
        let participant = place.node.shared.lock();
        *participant.tree.header(participant.node.tip())
    };
    let chain = place.chain(&tip, 500, 1 << 23);
    let mut raw = Raw::greet(&place.node, [127, 0, 0, 95]).await;
    say(
        &mut raw,
        &Message::Headers {
            headers: chain.clone(),
            more: false,
        },
    )
    .await;
    say(&mut raw, &Message::Announce(chain[0])).await;
    handled(&mut raw).await;
    place.goes_on().await;
    assert_grew_little(before, "advertised and never delivered");
}

async fn requests_that_are_never_read(place: &mut Place) {
    let before = memory();
    let stranger = [127, 0, 0, 99];
    let mut raw = Raw::greet(&place.node, stranger).await;
    for _ in 0..2_000 {
        say(&mut raw, &Message::RequestChain(Vec::new())).await;
    }
    assert_eq!(place.end_of(stranger).await, End::SlowReader);
    assert_grew_little(before, "requests that are never read");
    place.goes_on().await;
}
