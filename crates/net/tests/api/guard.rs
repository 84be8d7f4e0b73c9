//! Who is let in, and who is not.

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use forkful_net::api::{limits, table};

use crate::support::TestNode;

const READ: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"getblockcount"}"#;
const JSON: &str = "Content-Type: application/json\r\n";

/// The status of a read with these headers besides the content type.
async fn status(node: &TestNode, headers: &str) -> u16 {
    node.post_with(&format!("{JSON}{headers}"), READ)
        .await
        .status
}

#[tokio::test]
async fn whatever_changes_the_node_needs_the_cookie_and_nothing_else_does() {
    let node = TestNode::start().await;
    for method in table::methods() {
        // Too many arguments: it is not carried out, whoever asks.
        let params = json!([0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method.name, "params": params });
        let answer = node.post(&request.to_string()).await;
        let expected = if method.changes { 401 } else { 200 };
        assert_eq!(answer.status, expected, "{}", method.name);
        assert_eq!(
            answer.head.contains("www-authenticate: Basic"),
            method.changes
        );
    }
    let changes: Vec<_> = table::methods().filter(|method| method.changes).collect();
    let names: Vec<_> = changes.iter().map(|method| method.name).collect();
    for name in [
        "addnode",
        "generate",
        "setban",
        "stop",
        "submitblock",
        "submitdata",
    ] {
        assert!(names.contains(&name), "{name}");
    }
}

/// Nothing of a batch is done when one of its calls may not be.
#[tokio::test]
async fn one_call_without_right_stops_the_whole_batch() {
    let node = TestNode::start().await;
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"uptime"},{"jsonrpc":"2.0","method":"stop"}]"#;
    assert_eq!(node.post(batch).await.status, 401);
    assert!(!node.handle.shutdown.is_cancelled());
}

#[tokio::test]
async fn a_cookie_that_is_wrong_opens_nothing() {
    let node = TestNode::start().await;
    assert_eq!(status(&node, &node.authorization()).await, 200);
    let right = node.authorization();
    for wrong in [
        "Authorization: Basic X19jb29raWVfXzo=\r\n".to_owned(),
        "Authorization: Basic\r\n".to_owned(),
        "Authorization: Bearer abc\r\n".to_owned(),
        right.replace("Basic ", "Basic A"),
        format!("Authorization: {}\r\n", node.cookie),
    ] {
        assert_eq!(status(&node, &wrong).await, 401, "{wrong}");
    }
}

#[tokio::test]
async fn other_names_for_this_machine_are_refused() {
    let node = TestNode::start().await;
    for host in [
        "localhost",
        "localhost:1",
        "127.0.0.1",
        "[::1]:8080",
        "NODE.example:80",
    ] {
        assert_eq!(
            status(&node, &format!("Host: {host}\r\n")).await,
            200,
            "{host}"
        );
    }
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "",
        "[evil]",
    ] {
        assert_eq!(
            status(&node, &format!("Host: {host}\r\n")).await,
            403,
            "{host}"
        );
    }
    assert_eq!(
        status(&node, "Host: localhost\r\nHost: evil.example\r\n").await,
        403
    );
    let none = b"GET /healthz HTTP/1.0\r\n\r\n";
    assert_eq!(node.say(none).await.status, 403);
    let absolute =
        b"GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(node.say(absolute).await.status, 403);
}

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let node = TestNode::start().await;
    let own = format!("Origin: http://{}\r\n", node.address);
    assert_eq!(status(&node, &own).await, 200);
    for origin in [
        "http://evil.example",
        "null",
        "http://localhost",
        "https://127.0.0.1",
        "",
    ] {
        assert_eq!(
            status(&node, &format!("Origin: {origin}\r\n")).await,
            403,
            "{origin}"
        );
    }
    let twice = format!("{own}Origin: http://evil.example\r\n");
    assert_eq!(status(&node, &twice).await, 403);
}

#[tokio::test]
async fn only_json_is_read_and_only_by_post() {
    let node = TestNode::start().await;
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "",
    ] {
        let answer = node
            .post_with(&format!("Content-Type: {kind}\r\n"), READ)
            .await;
        assert_eq!(answer.status, 415, "{kind}");
    }
    assert_eq!(node.post_with("", READ).await.status, 415);
    let with_charset = "Content-Type: application/json; charset=utf-8\r\n";
    assert_eq!(node.post_with(with_charset, READ).await.status, 200);
    assert_eq!(node.get("/").await.status, 405);
    assert_eq!(node.get("/no/such/path").await.status, 404);
    assert_eq!(node.get("/../etc/passwd").await.status, 404);
}

#[tokio::test]
async fn long_bodies_are_refused_and_the_cookie_makes_room_for_a_block() {
    let node = TestNode::start().await;
    let padded = |length: usize| {
        let mut body = READ.to_vec();
        body.resize(length, b' ');
        body
    };
    let at_most = padded(limits::BODY_BYTES_MAX);
    assert_eq!(node.post_with(JSON, &at_most).await.status, 200);
    let headers = format!("{JSON}{}", node.authorization());
    assert_eq!(
        node.post_with(&headers, &padded(limits::BODY_BYTES_MAX + 1))
            .await
            .status,
        200
    );

    // Refused by what it claims; whoever does not claim anything is stopped on the way.
    let address = node.address;
    let claims =
        format!("POST / HTTP/1.1\r\nHost: {address}\r\n{JSON}Content-Length: 99999999999\r\n\r\n");
    assert_eq!(node.say(claims.as_bytes()).await.status, 413);
    let head =
        format!("POST / HTTP/1.1\r\nHost: {address}\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", " ".repeat(0x10000));
    let mut sent = 0;
    while stream.write_all(chunk.as_bytes()).await.is_ok() {
        sent += chunk.len();
        assert!(sent < 64 << 20, "a body without end is read without end");
    }
}

#[tokio::test]
async fn heads_without_end_are_refused() {
    let node = TestNode::start().await;
    let address = node.address;
    let long = format!(
        "GET /healthz HTTP/1.1\r\nHost: {address}\r\nX: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    let many = format!(
        "GET /healthz HTTP/1.1\r\nHost: {address}\r\n{}\r\n",
        "X: x\r\n".repeat(100)
    );
    for request in [long, many] {
        let status = node.say(request.as_bytes()).await.status;
        // The refusal, or the end of the connection before it could be read.
        assert!(status == 431 || status == 0, "{status}");
    }
    assert_eq!(node.get("/healthz").await.body, "ok\n");
}

#[tokio::test(start_paused = true)]
async fn who_sends_slowly_is_not_waited_for() {
    let node = TestNode::start().await;
    let address = node.address;
    // Time passes only while everybody waits: all of these do.
    let head = format!("POST / HTTP/1.1\r\nHost: {address}\r\n{JSON}Content-Length: 10\r\n\r\n[");
    let answer = node.say(head.as_bytes()).await;
    assert_eq!(answer.status, 408);
    let before = tokio::time::Instant::now();
    let answer = node.say(b"POST / HTT").await;
    assert!(answer.status == 0 || answer.status == 408, "{answer:?}");
    assert!(before.elapsed() <= 2 * limits::HEAD_TIME);
}

#[tokio::test]
async fn connections_without_end_do_not_end_the_node() {
    let node = TestNode::start().await;
    let mut held = Vec::new();
    for _ in 0..limits::CONNECTIONS_MAX + 20 {
        held.push(TcpStream::connect(node.address).await.unwrap());
    }
    // The last ones were closed at once.
    let last = held.last_mut().unwrap();
    let end = last.read(&mut [0; 16]).await;
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    drop(held);
    // Room again as soon as it has seen that they are gone.
    while node.get("/healthz").await.status != 200 {}
}

#[tokio::test]
async fn the_cookie_and_the_listener_go_with_the_node() {
    let node = TestNode::start().await;
    let (address, cookie) = (node.address, node.cookie_path.clone());
    let mut idle = TcpStream::connect(address).await.unwrap();
    assert!(cookie.exists());
    node.stop().await;
    assert!(!cookie.exists());
    assert!(matches!(idle.read(&mut [0; 16]).await, Ok(0) | Err(_)));
    assert!(TcpStream::connect(address).await.is_err());
}
