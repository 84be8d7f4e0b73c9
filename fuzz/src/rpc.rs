//! The body of an HTTP request to the API, from bytes to the answer.
//!
//! The first byte says whether the cookie was shown; the rest is the body. The node behind the API
//! is a whole one, with two blocks, some data, and nobody to talk to. Its time is virtual.

use std::sync::{Arc, Mutex, OnceLock};

use forkful_core::merkle::merkle_root;
use forkful_core::{
    Block, BlockRef, Config, Consensus, Entry, Header, Honest, Message, NodeId, PeerId, Target,
    Timestamp, Wire,
};
use forkful_net::actor::{Actor, Participant, Parts, Shared};
use forkful_net::clock::Clock;
use forkful_net::handle::{About, Handle};
use forkful_net::ledger::Ledger;
use forkful_net::miner::{Miner, Speed};
use forkful_net::store::{MemoryStore, Store as _};
use forkful_net::transport::{Envelope, Transport};
use forkful_pow::Kernel;
use serde_json::Value;
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

#[path = "rpc_peers.rs"]
mod rpc_peers;

use rpc_peers::NoPeers;

/// Every body has an answer that is JSON-RPC; without the cookie nothing changes.
pub fn check(bytes: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime can start");
    let (trusted, body) = bytes.split_first().unwrap_or((&0, &[]));
    runtime.block_on(ask(body, trusted & 1 == 1));
}

async fn ask(body: &[u8], trusted: bool) {
    let (handle, _inbox) = start();
    let before = state(&handle);
    let answer = forkful_net::api::answer(handle.clone(), body, trusted).await;
    if !trusted {
        assert_eq!(before, state(&handle), "changed without the cookie");
    }
    let Some((status, text)) = answer else {
        assert!(!trusted, "refused with the cookie");
        return;
    };
    assert!(
        [200, 204, 400, 404, 500].contains(&status),
        "status {status}"
    );
    assert_eq!(status == 204, text.is_empty());
    if text.is_empty() {
        return;
    }
    match serde_json::from_str(&text).expect("an answer is JSON") {
        Value::Array(answers) => {
            assert_eq!(status, 200);
            assert!(!answers.is_empty());
            answers.iter().for_each(is_a_response);
        }
        answer => is_a_response(&answer),
    }
}

/// It says a result or an error, and which request it answers.
fn is_a_response(answer: &Value) {
    let answer = answer.as_object().expect("a response is an object");
    assert!(answer.contains_key("id"));
    let is_two = answer.contains_key("jsonrpc");
    let error = answer.get("error").filter(|error| !error.is_null());
    assert_eq!(
        answer.contains_key("result") && is_two,
        is_two && error.is_none()
    );
    if let Some(error) = error {
        assert!(error["code"].is_i64() && error["message"].is_string());
    }
}

/// What no stranger may change.
fn state(handle: &Handle) -> (BlockRef, usize, usize, bool, bool) {
    let participant = handle.shared.lock();
    let node = &participant.node;
    (
        participant.tip(),
        node.pool().len(),
        node.refused().len(),
        handle.peers.is_active(),
        handle.shutdown.is_cancelled(),
    )
}

/// Nobody to talk to.
struct Nobody;

impl Transport for Nobody {
    fn send(&mut self, _: PeerId, _: Message<Wire>) {}
    fn disconnect(&mut self, _: PeerId, _: forkful_core::node::DisconnectReason) {}
}

/// A node with two blocks and one entry that waits.
fn start() -> (Handle, mpsc::Sender<Envelope>) {
    let clock = Clock::start();
    let consensus = consensus();
    let genesis = BlockRef {
        hash: consensus.genesis().header.hash(),
        height: 0,
    };
    let mut store = MemoryStore::default();
    for block in blocks() {
        store.put_block(block.header.hash(), Arc::clone(block));
    }
    store.put_data(Entry::from(b"waits".as_slice()));
    let (honest, now) = (Box::new(Honest), clock.now().clock);
    let node = Participant::restore(consensus, Config::default(), honest, 1, &mut store, now);
    let shared = Shared::new(node.expect("every block is valid"));
    let (events, _) = broadcast::channel(64);
    let told = events.clone();
    let sink: forkful_scenario::Sink = Box::new(move |event| {
        let _ = told.send(Arc::new(event.clone()));
    });
    let (miner, found) = Miner::new(Kernel::best(), Speed::Off, NodeId(0), 1);
    let (inbox, messages) = mpsc::channel(16);
    let (commands, orders) = mpsc::channel(16);
    let shutdown = CancellationToken::new();
    let actor = Actor::new(Parts {
        id: NodeId(0),
        shared: shared.clone(),
        clock,
        inbox: messages,
        commands: orders,
        transport: Nobody,
        miner,
        found,
        store: Arc::new(Mutex::new(store)),
        ledger: Arc::new(Ledger::new(clock, genesis, 1, vec![sink])),
        paused: false,
    });
    tokio::spawn(actor.run(shutdown.clone()));
    let about = About {
        network: "fuzz".to_owned(),
        user_agent: "forkful/fuzz".to_owned(),
        data_dir: None,
        started: Instant::now(),
        mines: false,
    };
    let handle = Handle {
        shared,
        clock,
        commands,
        peers: Arc::new(NoPeers::default()),
        events,
        about: Arc::new(about),
        shutdown,
    };
    (handle, inbox)
}

fn consensus() -> Consensus {
    Consensus {
        body_bytes_max: 10_000,
        ..Consensus::fixed(Target::from_zero_bits(1).expect("one bit is valid"))
    }
}

fn blocks() -> &'static [Arc<Block>] {
    static BLOCKS: OnceLock<Vec<Arc<Block>>> = OnceLock::new();
    BLOCKS.get_or_init(|| {
        let mut parent = consensus().genesis().header;
        let make = |number: u8| {
            let entries = vec![Entry::from([number].as_slice())];
            let mut header = Header {
                index: parent.index + 1,
                timestamp: Timestamp(parent.timestamp.0 + 1_000),
                data: merkle_root(&entries),
                previous_hash: parent.hash(),
                nonce: 0,
            };
            while header.hash().0[0] >= 0x80 {
                header.nonce += 1;
            }
            parent = header;
            Arc::new(Block { header, entries })
        };
        (1..3).map(make).collect()
    })
}
