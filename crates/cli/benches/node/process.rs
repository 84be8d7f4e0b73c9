//! A node in a process of its own, and what the system says of it.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::client::Client;

/// Ticks of `/proc/PID/stat` in a second: `USER_HZ`, 100 on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// A node that runs until it is dropped.
pub struct Node {
    process: Child,
    cookie: PathBuf,
    /// Where peers connect to.
    pub peers: SocketAddr,
    /// Where its API answers.
    pub api: SocketAddr,
    _stdout: BufReader<ChildStdout>,
}

impl Node {
    /// Starts a node of this network; returns when it has told its addresses. Its directory
    /// holds the network's file.
    pub fn start(network: &Path, directory: &Path, more: &[&str]) -> Node {
        let mut command = Command::new(env!("CARGO_BIN_EXE_forkful"));
        // Whoever measures may have configured nodes.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FORKFUL_")) {
            command.env_remove(name);
        }
        command.args(["node", "--listen", "127.0.0.1:0", "--api", "127.0.0.1:0"]);
        command.args(["--log", "error", "--network"]).arg(network);
        if !more.contains(&"--ephemeral") {
            command.arg("--data-dir").arg(directory);
        }
        let spawned = command.args(more).stdout(Stdio::piped()).spawn();
        let mut process = spawned.expect("the command was built");
        let mut stdout = BufReader::new(process.stdout.take().expect("it is piped"));
        let (mut peers, mut api, mut cookie) = (None, None, PathBuf::new());
        while cookie.as_os_str().is_empty() {
            let mut line = String::new();
            let read = stdout.read_line(&mut line).expect("it tells lines");
            assert!(read > 0, "the node ended before it told where it is");
            match line.split_whitespace().collect::<Vec<_>>().as_slice() {
                ["listens", at, ..] => peers = at.parse().ok(),
                ["API", url] => api = url["http://".len()..].trim_end_matches('/').parse().ok(),
                [.., "--data-dir", directory, _] => {
                    cookie = Path::new(directory.trim_matches('\'')).join(".cookie");
                }
                _ => {}
            }
        }
        Node {
            process,
            cookie,
            peers: peers.expect("an address for peers"),
            api: api.expect("an address of the API"),
            _stdout: stdout,
        }
    }

    /// A connection to its API that may change it.
    pub fn client(&self) -> Client {
        let cookie = std::fs::read_to_string(&self.cookie).expect("its cookie");
        Client::connect(self.api, Some(cookie.trim()))
    }

    /// Seconds of processor time so far.
    pub fn processor_seconds(&self) -> f64 {
        let stat = self.proc("stat");
        // The name in parentheses may hold anything, so count from behind it.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
        ticks / TICKS_PER_SECOND
    }

    /// Resident memory now and at its greatest, in MiB.
    pub fn memory_mib(&self) -> (f64, f64) {
        let status = self.proc("status");
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.split_whitespace().next());
            kib.and_then(|kib| kib.parse::<f64>().ok()).unwrap_or(0.0) / 1_024.0
        };
        (field("VmRSS:"), field("VmHWM:"))
    }

    fn proc(&self, file: &str) -> String {
        let path = format!("/proc/{}/{file}", self.process.id());
        std::fs::read_to_string(path).expect("a Linux with /proc")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Writes the file of a network with a fixed target.
pub fn network(directory: &Path, zero_bits: u32, relay: &str) -> (PathBuf, String) {
    let text = format!(
        "name = 'bench'\n[consensus]\ngenesis_time = 1767225600000\n\
         [consensus.difficulty]\nrule = 'fixed'\nzero_bits = {zero_bits}\n\
         [relay]\npolicy = '{relay}'\n"
    );
    let path = directory.join(format!("bench-{zero_bits}-{relay}.toml"));
    std::fs::write(&path, &text).expect("a directory for temporary files");
    (path, text)
}
