//! A client of the API that keeps its connection, as small as it can be: what is measured is the
//! node.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// How an answer begins that tells of no error.
pub const RESULT: &[u8] = br#"{"jsonrpc":"2.0","result":"#;

/// The body that calls a method.
pub fn request(method: &str, params: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string()
}

/// One connection.
pub struct Client {
    stream: BufReader<TcpStream>,
    head: String,
}

impl Client {
    /// Connects, with a cookie if the node is to be changed.
    pub fn connect(api: SocketAddr, cookie: Option<&str>) -> Client {
        let stream = TcpStream::connect(api).expect("the API listens");
        stream.set_nodelay(true).expect("a socket");
        let cookie = cookie.map(|cookie| STANDARD.encode(cookie));
        let cookie = cookie.map(|secret| format!("Authorization: Basic {secret}\r\n"));
        let cookie = cookie.unwrap_or_default();
        Client {
            stream: BufReader::new(stream),
            head: format!("Host: {api}\r\n{cookie}"),
        }
    }

    /// Calls a method, which must succeed.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        let answer = self.post(&request(method, &params));
        let mut answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    /// The bytes that answer a body. They tell of no error.
    pub fn post(&mut self, body: &str) -> Vec<u8> {
        let request = format!(
            "POST / HTTP/1.1\r\n{}Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.head,
            body.len()
        );
        self.exchange(&request)
    }

    fn exchange(&mut self, request: &str) -> Vec<u8> {
        let stream = self.stream.get_mut();
        stream.write_all(request.as_bytes()).expect("a connection");
        let length = self.head();
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer).expect("a whole answer");
        answer
    }

    /// A counter of `/metrics` when it has come to rest: events are counted a little after
    /// they happened.
    pub fn settled_counter(&mut self, name: &str) -> u64 {
        let mut before = self.counter(name);
        loop {
            std::thread::sleep(std::time::Duration::from_millis(50));
            let now = self.counter(name);
            if now == before {
                return now;
            }
            before = now;
        }
    }

    /// A counter of `/metrics`; 0 if it is not there.
    fn counter(&mut self, name: &str) -> u64 {
        let request = format!("GET /metrics HTTP/1.1\r\n{}\r\n", self.head);
        let answer = self.exchange(&request);
        let text = String::from_utf8_lossy(&answer).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok())
            .unwrap_or(0)
    }

    /// Begins to read the events of these kinds; each is one line of JSON.
    pub fn events(mut self, kinds: &str) -> Events {
        let request = format!("GET /events?kinds={kinds} HTTP/1.1\r\n{}\r\n", self.head);
        let stream = self.stream.get_mut();
        stream.write_all(request.as_bytes()).expect("a connection");
        self.head();
        Events(self.stream)
    }

    /// Reads the head of an answer, and returns the length of its body if it has one.
    fn head(&mut self) -> usize {
        let (mut length, mut is_first) = (0, true);
        loop {
            let mut line = String::new();
            self.stream.read_line(&mut line).expect("a head");
            assert!(!is_first || line.contains(" 200 "), "the API says {line}");
            is_first = false;
            if line.trim().is_empty() {
                return length;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().expect("a length");
            }
        }
    }
}

/// Events, as they come.
pub struct Events(BufReader<TcpStream>);

impl Events {
    /// The next event; `None` when the node has ended.
    pub fn next(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            // What is not data are names, ids, and the sizes of chunks.
            if let Some(data) = line.strip_prefix("data:") {
                return serde_json::from_str(data).ok();
            }
        }
    }
}
