//! Clients that ask for much and do not read it.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use forkful_net::api::limits;

use crate::support::{PATIENCE, TestNode};

/// Puts 1 MB of data on the chain, and answers a call whose answer has twice as many bytes.
async fn long_call(node: &TestNode) -> Value {
    let data = "00".repeat(900_000);
    let submitted = node.call("submitdata", json!([data, "hex"])).await.unwrap();
    let block = node.generate(1).await.remove(0);
    let params = json!([block, submitted["entry"]]);
    json!({ "jsonrpc": "2.0", "id": 1, "method": "getproof", "params": params })
}

/// Asks for this, and reads no more than the beginning: then the whole answer is in memory.
async fn ask_and_read_nothing(node: &TestNode, body: &str) -> TcpStream {
    let (address, length) = (node.address, body.len());
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 16]).await.unwrap();
    stream
}

#[tokio::test]
async fn answers_that_nobody_reads_have_a_bound_in_all_and_an_end() {
    let node = TestNode::start().await;
    let call = long_call(&node).await;
    let batch = Value::from(vec![call.clone(); limits::BATCH_CALLS_MAX]).to_string();
    let started = Instant::now();
    let mut held = Vec::new();
    for _ in 0..limits::ANSWER_BYTES_MAX / limits::BATCH_ANSWER_BYTES_MAX {
        held.push(ask_and_read_nothing(&node, &batch).await);
    }

    // Whoever asks for something short is served, and the rest is told why it is not.
    let refused = node.post(&call.to_string()).await.json();
    assert_eq!(refused["error"]["code"], -1, "{refused}");
    let told = refused["error"]["message"].as_str().unwrap();
    assert_eq!(told, "too many bytes of answers are not read yet");
    assert_eq!(node.call("getblockcount", json!([])).await, Ok(json!(1)));

    // Nobody keeps the room: not who goes, and not who stays and does not read.
    drop(held.pop());
    while node.post(&call.to_string()).await.json()["error"] != Value::Null {}
    for mut stream in held {
        let mut read = Vec::new();
        tokio::time::pause();
        tokio::time::sleep_until(started + 2 * limits::ANSWER_TIME).await;
        tokio::time::resume();
        let _ = timeout(PATIENCE, stream.read_to_end(&mut read))
            .await
            .unwrap();
        assert!(read.len() < limits::BATCH_ANSWER_BYTES_MAX, "it was cut");
    }
    let answers = node.post(&batch).await.json();
    let whole = |answer: &&Value| answer["error"] == Value::Null;
    let count = answers.as_array().unwrap().iter().filter(whole).count();
    assert!(count >= 17, "{count} whole answers");
}
