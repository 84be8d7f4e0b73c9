//! A chain file to tamper with, and what `forkful verify` says of it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use forkful_core::merkle::merkle_root;
use forkful_core::{Block, Consensus, Entry, Header, Target, Timestamp};
use serde_json::{Value, json};

/// Lines of a chain file that can be tampered with.
pub struct Chain {
    pub consensus: Consensus,
    pub lines: Vec<Value>,
}

impl Chain {
    /// Genesis and five blocks, each with two entries.
    pub fn new(zero_bits: u32) -> Chain {
        Chain::under(Consensus::fixed(Target::from_zero_bits(zero_bits).unwrap()))
    }

    pub fn under(consensus: Consensus) -> Chain {
        let genesis = consensus.genesis();
        let mut chain = Chain {
            lines: vec![line(&genesis)],
            consensus,
        };
        for index in 1..=5 {
            let time = chain.consensus.genesis_time.0 + index * 1_000;
            let entries = [format!("first of {index}"), format!("second of {index}")];
            chain.mine(
                time,
                entries
                    .map(|entry| Entry::from(entry.into_bytes()))
                    .to_vec(),
            );
        }
        chain
    }

    /// Adds a block that keeps the rules, but for what its arguments break.
    pub fn mine(&mut self, timestamp: u64, entries: Vec<Entry>) {
        let target = self.consensus.difficulty.initial();
        let last = self.lines.last().unwrap();
        let mut header = Header {
            index: self.lines.len() as u64,
            timestamp: Timestamp(timestamp),
            data: merkle_root(&entries),
            previous_hash: last["hash"].as_str().unwrap().parse().unwrap(),
            nonce: 0,
        };
        while !target.is_met_by(&header.hash()) {
            header.nonce += 1;
        }
        self.lines.push(line(&Block { header, entries }));
    }

    pub fn text(&self) -> String {
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }
}

fn line(block: &Block) -> Value {
    let header = &block.header;
    json!({
        "index": header.index,
        "timestamp": header.timestamp.0,
        "data": header.data,
        "previous_hash": header.previous_hash,
        "nonce": header.nonce,
        "hash": header.hash(),
        "entries": block.entries.iter().map(const_hex::encode).collect::<Vec<_>>(),
    })
}

/// What `forkful verify -` says of a text: exit code, output, errors.
pub fn verify(text: impl AsRef<[u8]>) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_forkful"))
        .args(["verify", "-"])
        .env("NO_COLOR", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // It may have seen enough before the end.
    let _ = stdin.write_all(text.as_ref());
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// Asserts that a text is refused with exactly this sentence.
#[track_caller]
pub fn refused(text: impl AsRef<[u8]>, sentence: &str) {
    let (code, stdout, stderr) = verify(text);
    assert_eq!(stderr, format!("error: standard input: {sentence}\n"));
    assert_eq!((code, stdout.as_str()), (1, ""));
}
