//! Who calls a node's API.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::support::{PATIENCE, text};

/// Why a call has no result.
#[derive(Debug)]
pub enum Fault {
    /// No answer, or half of one: the process is gone, or does not listen any more.
    Gone,
    /// The method's own error, or a status of HTTP other than 200.
    Error(i64, String),
}

/// Who calls a node's API.
#[derive(Clone)]
pub struct Client {
    pub api: String,
    pub cookie: PathBuf,
}

impl Client {
    pub fn call(&self, method: &str, params: Value) -> Result<Value, Fault> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let (status, body) = self.post(&request.to_string()).ok_or(Fault::Gone)?;
        if status != 200 {
            return Err(Fault::Error(status.into(), body));
        }
        let answer: Value = serde_json::from_str(&body).map_err(|_| Fault::Gone)?;
        match answer.get("error") {
            None | Some(Value::Null) => Ok(answer["result"].clone()),
            Some(error) => Err(Fault::Error(
                error["code"].as_i64().unwrap_or(0),
                text(&error["message"]),
            )),
        }
    }

    fn post(&self, body: &str) -> Option<(u16, String)> {
        let mut stream = self.open(&format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             {}Content-Length: {}\r\n\r\n{body}",
            self.api,
            self.authorization(),
            body.len()
        ))?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let length = head.to_ascii_lowercase();
        let length = length.split_once("content-length: ");
        let length = length.and_then(|(_, rest)| rest.lines().next()?.parse().ok());
        // What ends early is no answer.
        (length.unwrap_or(0) == body.len()).then(|| (status, body.to_owned()))
    }

    /// A connection on which this was said.
    pub fn open(&self, said: &str) -> Option<TcpStream> {
        let mut stream = TcpStream::connect(&self.api).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        stream.write_all(said.as_bytes()).ok()?;
        Some(stream)
    }

    /// A stream of events that is open.
    pub fn events(&self) -> BufReader<TcpStream> {
        let get = format!("GET /events HTTP/1.1\r\nHost: {}\r\n\r\n", self.api);
        let mut stream = BufReader::new(self.open(&get).expect("the API"));
        let mut line = String::new();
        while !line.contains("forkful events") {
            assert!(stream.read_line(&mut line).unwrap() > 0, "{line}");
        }
        stream
    }

    pub fn authorization(&self) -> String {
        let cookie = std::fs::read(&self.cookie).unwrap_or_default();
        let secret = base64::engine::general_purpose::STANDARD.encode(cookie);
        format!("Authorization: Basic {secret}\r\n")
    }
}
