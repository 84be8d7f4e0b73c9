//! The command as a user types it, a node that makes a directory, and chains to put into one.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use forkful_core::merkle::merkle_root;
use forkful_core::{Block, Consensus, Entry, Header, Target, Timestamp};
use serde_json::{Value, json};

/// Longer than anything here takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The rules of [`consensus`] as a file for `--network`.
const NETWORK: &str = "name = 'test'\n[consensus]\ngenesis_time = 1767225600000\n\
                       [consensus.difficulty]\nrule = 'fixed'\nzero_bits = 2\n";

pub fn consensus() -> Consensus {
    let consensus = Consensus::fixed(Target::from_zero_bits(2).unwrap());
    Consensus {
        genesis_time: Timestamp(1_767_225_600_000),
        ..consensus
    }
}

pub fn forkful() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forkful"));
    // Somebody who runs the tests may have configured nodes.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FORKFUL_")) {
        command.env_remove(name);
    }
    command.env("NO_COLOR", "1");
    command
}

/// What a command came to.
#[derive(Debug)]
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A directory for a test: the network's file in it, and a place for everything else.
pub struct Home(tempfile::TempDir);

impl Home {
    pub fn new() -> Home {
        let home = Home(tempfile::tempdir().unwrap());
        std::fs::write(home.path("test.toml"), NETWORK).unwrap();
        home
    }

    pub fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// `forkful chain` with these arguments, of which `@NAME` is a path in this directory.
    pub fn chain(&self, args: &[&str]) -> Ended {
        self.chain_command(args).output().unwrap().into()
    }

    pub fn chain_command(&self, args: &[&str]) -> Command {
        let mut command = forkful();
        command.arg("chain");
        for arg in args {
            match arg.strip_prefix('@') {
                Some(name) => command.arg(self.path(name)),
                None => command.arg(arg),
            };
        }
        command
    }

    /// The same, which has to succeed.
    #[track_caller]
    pub fn done(&self, args: &[&str]) -> String {
        let ended = self.chain(args);
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        ended.stdout
    }

    /// What `forkful chain info` says of a data directory.
    #[track_caller]
    pub fn info(&self, directory: &str) -> Value {
        serde_json::from_str(&self.done(&["info", directory, "--json"])).unwrap()
    }

    /// Waits until a file was seen to change so many times, or nobody changes it any more.
    pub fn wait_for_writes(&self, name: &str, writes: usize) {
        let path = self.path(name);
        let now = || std::fs::metadata(&path).unwrap().modified().unwrap();
        let (mut last, mut seen, mut quiet) = (now(), 0, Instant::now());
        while seen < writes && quiet.elapsed() < Duration::from_millis(200) {
            let next = now();
            if next != last {
                (last, seen, quiet) = (next, seen + 1, Instant::now());
            }
        }
    }

    pub fn write(&self, name: &str, chain: &[Block]) {
        std::fs::write(self.path(name), text(chain)).unwrap();
    }
}

impl From<std::process::Output> for Ended {
    fn from(output: std::process::Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// A node that runs until it is dropped, which is a kill.
pub struct Node {
    process: Child,
    directory: String,
    _stdout: BufReader<ChildStdout>,
}

impl Node {
    pub fn start(home: &Home, directory: &str) -> Node {
        let directory = home.path(directory);
        let addresses = ["--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"];
        let mut process = forkful()
            .arg("node")
            .args(addresses)
            .args(["--network", &home.path("test.toml")])
            .args(["--data-dir", &directory])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("API") {
            line.clear();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "no banner");
        }
        Node {
            process,
            directory,
            _stdout: stdout,
        }
    }

    pub fn rpc(&self, args: &[&str]) -> Value {
        let mut command = forkful();
        command.args(["rpc", "--data-dir", &self.directory]);
        let ended = Ended::from(command.args(args).output().unwrap());
        assert_eq!(ended.code, 0, "{args:?}: {ended:?}");
        let text = ended.stdout.trim();
        serde_json::from_str(text).unwrap_or_else(|_| json!(text))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Genesis and so many blocks more, each with an entry that says `word`.
pub fn mined(blocks: u64, word: &str) -> Vec<Block> {
    grown(vec![consensus().genesis()], blocks, word)
}

/// A chain that goes on from another.
pub fn grown(mut chain: Vec<Block>, blocks: u64, word: &str) -> Vec<Block> {
    let target = consensus().difficulty.initial();
    for _ in 0..blocks {
        let parent = chain.last().unwrap().header;
        let entries = vec![Entry::from(format!("{word} {}", parent.index).into_bytes())];
        let mut header = Header {
            index: parent.index + 1,
            timestamp: Timestamp(parent.timestamp.0 + 1_000),
            data: merkle_root(&entries),
            previous_hash: parent.hash(),
            nonce: 0,
        };
        while !target.is_met_by(&header.hash()) {
            header.nonce += 1;
        }
        chain.push(Block { header, entries });
    }
    chain
}

pub fn tip(chain: &[Block]) -> String {
    chain.last().unwrap().header.hash().to_string()
}

/// A chain file.
pub fn text(chain: &[Block]) -> String {
    chain.iter().map(line).collect()
}

fn line(block: &Block) -> String {
    let header = &block.header;
    let line = json!({
        "index": header.index,
        "timestamp": header.timestamp.0,
        "data": header.data,
        "previous_hash": header.previous_hash,
        "nonce": header.nonce,
        "hash": header.hash(),
        "entries": block.entries.iter().map(const_hex::encode).collect::<Vec<_>>(),
    });
    format!("{line}\n")
}

/// Whether a data directory is there and has a store.
pub fn has_store(directory: &str) -> bool {
    Path::new(directory).join("forkful.redb").exists()
}
