//! The log: what it says of strangers, and how much.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::support::{Home, Node, PATIENCE, beside_others, short};

const HELLO: u8 = 5;
const BYE: u8 = 4;

/// Lines that 10,000 strangers can cause: 60 a minute of each topic, and the words of the start.
const LINES_MAX: usize = 200;

/// A connection to a node that does not encrypt.
struct Stranger(TcpStream);

impl Stranger {
    fn connect(node: &Node) -> Stranger {
        let stream = TcpStream::connect(&node.peers).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Stranger(stream)
    }

    /// Says this, and lets the node close the connection.
    fn say(mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
        let _ = self.0.shutdown(std::net::Shutdown::Write);
        let _ = self.0.read_to_end(&mut Vec::new());
    }
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len() + 1).unwrap();
    [&length.to_be_bytes()[..], &[kind], payload].concat()
}

fn hello(node: &Node, nonce: u64, user_agent: &[u8]) -> Vec<u8> {
    let genesis = node.rpc("getblockhash", json!([0]));
    let genesis = const_hex::decode(genesis.as_str().unwrap()).unwrap();
    let mut hello = vec![0, 0, 0, 1];
    hello.extend(genesis);
    hello.extend([0; 8 + 32]);
    hello.extend(nonce.to_be_bytes());
    hello.extend([0, 0, u8::try_from(user_agent.len()).unwrap()]);
    hello.extend(user_agent);
    frame(HELLO, &hello)
}

fn assert_json(log: &str) -> Vec<Value> {
    let lines = log.lines().map(|line| {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_object() && value["level"].is_string(), "{line}");
        value
    });
    lines.collect()
}

#[test]
fn a_log_as_json_is_an_object_a_line_whatever_peers_say() {
    let _others = beside_others();
    let home = Home::new();
    let flags = ["--plaintext", "--log-format", "json", "--log", "debug"];
    let node = home.start("node", &flags);
    for agent in [
        &b"\x1b[31m\n{\"level\":\"ERROR\"}"[..],
        b"\xe2\x80\xae gnp",
        b"\"}\\",
    ] {
        Stranger::connect(&node).say(&hello(&node, 7, agent));
    }
    // Who was greeted may say goodbye, and why.
    let why = b"\"},{\"\\\n\x1b[2J\0 forged";
    let words = [hello(&node, 8, b"stranger"), frame(BYE, why)].concat();
    Stranger::connect(&node).say(&words);
    Stranger::connect(&node).say(b"\n\n{}\nGET / HTTP/1.1\r\n\r\n");
    node.generate(2);
    node.logs(&["peer gone", "forged"]);
    let log = node.log();
    node.terminate();
    assert!(log.chars().all(|c| c == '\n' || !c.is_control()), "{log}");
    let lines = assert_json(&log);
    let told = |message: &str| {
        let mut lines = lines.iter();
        lines.any(|line| line["fields"]["message"] == message)
    };
    assert!(
        told("peer gone") && told("mined a block") && told("no connection"),
        "{log}"
    );
}

#[test]
fn the_usual_lines_fit_a_terminal() {
    let _others = beside_others();
    let home = Home::new();
    let first = home.start("first", &[]);
    let second = home.start("second", &["--peer", &first.peers]);
    second.logs(&["peer connected peer=0 to=", &first.peers]);
    first.logs(&["peer connected peer=0 from=127.0.0.1:"]);
    let block = first.generate(3).pop().unwrap();
    second.logs(&["new tip height=3 hash=", short(&block)]);
    for node in [&first, &second] {
        let log = node.log();
        let long = log.lines().find(|line| line.chars().count() > 80);
        assert_eq!(long, None, "{log}");
    }
}

#[test]
fn a_block_that_does_not_connect_is_told_as_that_and_not_as_a_fault() {
    let _others = beside_others();
    let home = Home::new();
    let first = home.start("first", &[]);
    let second = home.start("second", &["--peer", &first.peers]);
    second.logs(&["peer connected"]);
    // Apart, each finds blocks of its own.
    second.rpc("setnetworkactive", json!([false]));
    second.generate(1);
    let block = first.generate(2).pop().unwrap();
    second.rpc("setnetworkactive", json!([true]));
    second.logs(&["unconnected, asking for chain peer=", short(&block)]);
    second.logs(&["reorg height=2 hash=", short(&block), " depth=1"]);
    let log = second.log();
    assert!(!log.contains("rejected"), "{log}");
    let long = (log.lines()).find(|line| line.contains("chain") && line.chars().count() > 80);
    assert_eq!(long, None);
}

#[test]
fn ten_thousand_strangers_cannot_fill_the_log() {
    let _others = beside_others();
    let home = Home::new();
    let node = home.start("node", &["--plaintext", "--log", "debug"]);
    let greeting = hello(&node, 9, b"again");
    // Half of them speak the protocol as far as it takes to be noticed twice.
    let garbage = [
        [&greeting[..], &frame(BYE, b"bye")].concat(),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        [&greeting[..], &frame(BYE, b"bye")].concat(),
        vec![0xff; 600],
    ];
    std::thread::scope(|scope| {
        for said in &garbage {
            let node = &node;
            scope.spawn(move || {
                for _ in 0..2_500 {
                    Stranger::connect(node).say(said);
                }
            });
        }
    });
    let hashes = node.generate(1);
    let log = node.log();
    let lines = log.lines().count();
    assert!(lines < LINES_MAX, "{lines} lines: {log}");
    let longest = log.lines().map(str::len).max().unwrap_or(0);
    assert!(longest < 600, "{longest} bytes in a line");
    // And they do not hide what matters.
    assert!(log.contains(short(&hashes[0])), "{log}");
}

#[test]
fn a_peer_without_an_address_is_told_by_its_name() {
    let _share = beside_others();
    let home = Home::new();
    // Longer than a label may be: nobody is asked.
    let nobody = format!("{}.invalid:7", "x".repeat(64));
    let node = home.start("a", &["--peer", &nobody]);
    node.logs(&["no connection", &nobody]);
    assert!(!node.log().contains("unknown"));
}
