//! Streams of events, metrics, health.

use std::sync::Arc;

use forkful_core::event::What;
use forkful_core::{Event, Hash, NodeId, Time};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use forkful_net::actor::Command;
use forkful_net::api::limits;

use crate::support::{PATIENCE, TestNode};

/// A client that listens.
struct Listener {
    lines: tokio::io::Lines<BufReader<TcpStream>>,
    last_id: String,
}

impl Listener {
    /// Begins to listen; comes back when it is heard.
    async fn open(node: &TestNode, path: &str, headers: &str) -> Listener {
        let mut stream = TcpStream::connect(node.address).await.unwrap();
        let address = node.address;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut listener = Listener {
            lines: BufReader::new(stream).lines(),
            last_id: String::new(),
        };
        assert!(listener.line().await.unwrap().contains("200"), "{path}");
        while listener.line().await.unwrap() != ": forkful events" {}
        listener
    }

    async fn line(&mut self) -> Option<String> {
        let line = timeout(PATIENCE, self.lines.next_line()).await.unwrap();
        line.ok().flatten()
    }

    /// The kind and the data of the next event; `None` at the end.
    async fn next(&mut self) -> Option<(String, Value)> {
        let mut kind = String::new();
        loop {
            let line = self.line().await?;
            if let Some(id) = line.strip_prefix("id: ") {
                self.last_id = id.to_owned();
            } else if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut kind);
            } else if let Some(data) = line.strip_prefix("data: ") {
                return Some((kind, serde_json::from_str(data).unwrap()));
            }
        }
    }

    async fn kind(&mut self) -> String {
        self.next().await.unwrap().0
    }
}

#[tokio::test]
async fn submitted_data_is_told_when_it_waits_and_when_it_is_mined() {
    let node = TestNode::start().await;
    let mut listener = Listener::open(&node, "/events", "").await;
    let entry = node.call("submitdata", json!(["news"])).await.unwrap()["entry"].clone();
    let (kind, data) = listener.next().await.unwrap();
    assert_eq!((kind.as_str(), &data["entry"]), ("submitted", &entry));
    let block = node.generate(1).await.remove(0);
    assert_eq!(listener.kind().await, "mined");
    let (kind, data) = listener.next().await.unwrap();
    assert_eq!(
        (kind.as_str(), &data["new"]["hash"]),
        ("tip_changed", &json!(block))
    );
    let (time, at) = (data["time"].clone(), data["node"].clone());
    let (kind, data) = listener.next().await.unwrap();
    assert_eq!((kind.as_str(), &data["entry"]), ("data_mined", &entry));
    assert_eq!(data["block"], json!({ "hash": block, "height": 1 }));
    assert_eq!((&data["time"], &data["node"]), (&time, &at));
    assert_eq!(
        (data["event"].as_str(), at.is_u64()),
        (Some("data_mined"), true)
    );
}

#[tokio::test]
async fn who_comes_back_goes_on_where_it_was() {
    let node = TestNode::start().await;
    let mut first = Listener::open(&node, "/events?kinds=tip_changed", "").await;
    node.generate(1).await;
    assert_eq!(first.kind().await, "tip_changed");
    let seen = format!("Last-Event-ID: {}\r\n", first.last_id);
    drop(first);
    let hashes = node.generate(2).await;
    let mut again = Listener::open(&node, "/events?kinds=tip_changed,peer_up", &seen).await;
    for hash in hashes {
        assert_eq!(again.next().await.unwrap().1["new"]["hash"], json!(hash));
    }
}

#[tokio::test]
async fn who_was_away_too_long_is_told_what_it_missed() {
    let node = TestNode::start().await;
    let mut first = Listener::open(&node, "/events?kinds=tip_changed", "").await;
    node.generate(1).await;
    first.next().await.unwrap();
    let seen: u64 = first.last_id.split_once('-').unwrap().1.parse().unwrap();
    let headers = format!("Last-Event-ID: {}\r\n", first.last_id);
    drop(first);
    // Two events a block: twice as many as are kept.
    for _ in 0..limits::EVENTS_KEPT / 1_000 + 1 {
        node.generate(1_000).await;
    }
    let mut again = Listener::open(&node, "/events", &headers).await;
    let (kind, data) = again.next().await.unwrap();
    assert_eq!(kind, "missed");
    let missed = data["count"].as_u64().unwrap();
    again.next().await.unwrap();
    let next: u64 = again.last_id.split_once('-').unwrap().1.parse().unwrap();
    assert_eq!(next, seen + missed + 1);

    // An id of another run of the node: what there is, and that more is not known.
    let mut stranger = Listener::open(&node, "/events", "Last-Event-ID: 5-5\r\n").await;
    let missed = (
        "missed".to_owned(),
        json!({ "event": "missed", "count": null }),
    );
    assert_eq!(stranger.next().await, Some(missed));
    assert_eq!(stranger.kind().await, "missed");
}

#[tokio::test]
async fn peers_do_not_push_out_of_the_ring_what_people_look_for() {
    let node = TestNode::start().await;
    let mut first = Listener::open(&node, "/events?kinds=tip_changed", "").await;
    node.generate(1).await;
    first.next().await.unwrap();
    let (run, _) = first.last_id.split_once('-').unwrap();
    let headers = format!("Last-Event-ID: {run}-0\r\n");
    let unconnected = Arc::new(Event {
        time: Time(1),
        node: Some(NodeId(0)),
        what: What::Unconnected {
            from: NodeId(1),
            hash: Hash::ZERO,
            parent: Hash::ZERO,
        },
    });
    for _ in 0..2 * limits::EVENTS_KEPT / 500 {
        for _ in 0..500 {
            node.handle.events.send(Arc::clone(&unconnected)).unwrap();
        }
        // What is behind them was heard, so they were.
        node.generate(1).await;
        first.next().await.unwrap();
    }
    let mut again = Listener::open(&node, "/events?kinds=tip_changed", &headers).await;
    let (kind, data) = again.next().await.unwrap();
    assert_eq!(
        (kind.as_str(), &data["new"]["height"]),
        ("tip_changed", &json!(1))
    );
    // Of theirs some are told.
    let path = "/events?kinds=unconnected,tip_changed";
    let mut all = Listener::open(&node, path, &headers).await;
    let height = node.call("getblockcount", json!([])).await.unwrap();
    let (mut theirs, mut tips) = (0, 0);
    while tips < height.as_u64().unwrap() {
        match all.kind().await.as_str() {
            "unconnected" => theirs += 1,
            _ => tips += 1,
        }
    }
    assert_eq!(theirs, limits::EVENTS_OF_PEERS_MAX);
}

#[tokio::test]
async fn what_cannot_be_listened_to_is_refused() {
    let node = TestNode::start().await;
    for query in ["kinds=dance", "kinds=", "kind=mined", "kinds=mined,,"] {
        assert_eq!(
            node.get(&format!("/events?{query}")).await.status,
            400,
            "{query}"
        );
    }
    let mut open = Vec::new();
    for _ in 0..limits::STREAMS_MAX {
        open.push(Listener::open(&node, "/events", "").await);
    }
    assert_eq!(node.get("/events").await.status, 503);
    let evil = b"GET /events HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    assert_eq!(node.say(evil).await.status, 403);
    // All of them end with the node.
    node.stop().await;
    for mut listener in open {
        assert_eq!(listener.next().await, None);
    }
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let node = TestNode::start().await;
    node.generate(2).await;
    // What the events say is counted a moment later than the answer comes.
    let text = loop {
        let text = node.get("/metrics").await.body;
        if text.contains(r#"forkful_events_total{kind="mined"} 2"#) {
            break text;
        }
    };
    for line in [
        "forkful_height 2",
        "forkful_blocks_known 3",
        r#"forkful_peers{direction="in"} 1"#,
        r#"forkful_rpc_calls_total{method="generate",outcome="ok"} 1"#,
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn health_is_that_of_the_node() {
    let node = TestNode::start().await;
    assert_eq!(node.get("/healthz").await.body, "ok\n");
    // Somebody holds what the actor needs, and does not let go.
    let (let_go, told) = std::sync::mpsc::channel::<()>();
    let (holds, held) = tokio::sync::oneshot::channel();
    let shared = node.handle.shared.clone();
    let holder = std::thread::spawn(move || {
        let _participant = shared.lock();
        holds.send(()).unwrap();
        told.recv().unwrap();
    });
    held.await.unwrap();
    let (done, _taken) = tokio::sync::oneshot::channel();
    let command = Command::Submit(b"stuck".as_slice().into(), done);
    node.handle.commands.send(command).await.unwrap();
    let answer = node.get("/healthz").await;
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.body.contains("does not do what it is told"));
    let_go.send(()).unwrap();
    holder.join().unwrap();
    assert_eq!(node.get("/healthz").await.status, 200);
    node.stop().await;
}
