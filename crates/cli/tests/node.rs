//! Real nodes as processes of their own: they find each other, agree, are killed and come back.

use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

const NETWORK: &str = "name = 'test'\n[consensus]\ngenesis_time = 1767225600000\n\
                       [consensus.difficulty]\nrule = 'fixed'\nzero_bits = 8\n";

fn forkful() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forkful"));
    // Somebody who runs the tests may have configured nodes.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FORKFUL_")) {
        command.env_remove(name);
    }
    command
}

/// A node that runs until it is dropped.
struct Node {
    process: Child,
    directory: std::path::PathBuf,
    peers: String,
    api: String,
    _stdout: BufReader<ChildStdout>,
}

impl Node {
    fn start(directory: &Path, more: &[&str]) -> Node {
        std::fs::create_dir_all(directory).unwrap();
        let network = directory.join("test.toml");
        std::fs::write(&network, NETWORK).unwrap();
        let mut process = forkful()
            .args([
                "node",
                "--listen",
                "127.0.0.1:0",
                "--api",
                "127.0.0.1:0",
                "--network",
            ])
            .arg(network)
            .arg("--data-dir")
            .arg(directory)
            .args(more)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let (mut peers, mut api) = (String::new(), String::new());
        // The banner names the ports, the API last.
        while api.is_empty() {
            let mut line = String::new();
            assert!(stdout.read_line(&mut line).unwrap() > 0, "no banner");
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["peers", address] => peers = (*address).to_owned(),
                ["API", url] => api = (*url).to_owned(),
                _ => {}
            }
        }
        Node {
            process,
            directory: directory.to_owned(),
            peers,
            api,
            _stdout: stdout,
        }
    }

    fn rpc(&self, method: &str, args: &[&str]) -> Value {
        let output = forkful()
            .args(["rpc", "--url", &self.api, "--data-dir"])
            .arg(&self.directory)
            .arg(method)
            .args(args)
            .output()
            .unwrap();
        assert!(output.status.success(), "{method}: {}", errors(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.trim_end().to_owned()))
    }

    /// Waits until the node has this block as its tip.
    fn wait_for_tip(&self, height: &str, hash: &Value) {
        let begun = Instant::now();
        loop {
            self.rpc("waitforblockheight", &[height, "1000"]);
            if self.rpc("getbestblockhash", &[]) == *hash {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it never had {hash}");
        }
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends it as a service manager would.
    fn terminate(mut self) {
        let id = self.process.id().to_string();
        let kill = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(kill.success());
        let begun = Instant::now();
        while self.process.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < PATIENCE, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_node_that_joins_late_has_the_chain_and_its_data_reaches_the_others() {
    let home = tempfile::tempdir().unwrap();
    let first = Node::start(&home.path().join("first"), &[]);
    first.rpc("generate", &["20"]);
    let late = Node::start(&home.path().join("late"), &["--peer", &first.peers]);
    late.wait_for_tip("20", &first.rpc("getbestblockhash", &[]));

    let taken = late.rpc("submitdata", &["paid 5 to Ada"]);
    let entry = taken["entry"].as_str().unwrap();
    let begun = Instant::now();
    while !first.rpc("getrawmempool", &[]).to_string().contains(entry) {
        assert!(begun.elapsed() < PATIENCE, "the data never came");
    }
    first.rpc("generate", &["1"]);
    late.wait_for_tip("21", &first.rpc("getbestblockhash", &[]));
    assert_eq!(late.rpc("getmempoolinfo", &[])["size"], 0);
}

#[test]
fn what_a_node_acknowledged_survives_its_death() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("node");
    for round in 1..=5_u32 {
        let node = Node::start(&directory, &[]);
        assert_eq!(node.rpc("getblockcount", &[]), 3 * (round - 1));
        let before = round - 1;
        assert_eq!(
            node.rpc("getmempoolinfo", &[])["size"],
            u32::from(before > 0)
        );
        node.rpc("generate", &["3"]);
        node.rpc("submitdata", &[&format!("round {round}")]);
        node.kill();
    }
    let verified = forkful()
        .args(["node", "--verify", "--network"])
        .arg(directory.join("test.toml"))
        .arg("--data-dir")
        .arg(&directory)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&verified.stdout).into_owned();
    assert!(
        told.contains("15 blocks, every rule holds"),
        "{told}{}",
        errors(&verified)
    );
}

#[test]
fn a_directory_of_another_network_is_refused_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    Node::start(home.path(), &[]).terminate();
    let output = forkful()
        .args(["node", "--network", "playground", "--data-dir"])
        .arg(home.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        errors(&output).contains("belongs to another network"),
        "{}",
        errors(&output)
    );
}

#[test]
fn two_nodes_do_not_share_a_directory_and_a_signal_ends_one_cleanly() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path(), &[]);
    let mut second = forkful()
        .args([
            "node",
            "--listen",
            "127.0.0.1:0",
            "--api",
            "off",
            "--network",
        ])
        .arg(home.path().join("test.toml"))
        .arg("--data-dir")
        .arg(home.path())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = String::new();
    let mut stderr = second.stderr.take().unwrap();
    stderr.read_to_string(&mut told).unwrap();
    assert_eq!(second.wait().unwrap().code(), Some(1));
    assert!(told.contains("is in use: another node runs"), "{told}");
    node.terminate();
}
