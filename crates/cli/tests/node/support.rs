//! Nodes as processes, and what a test asks of them.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub use crate::client::{Client, Fault};

/// Longer than anything here takes on a busy machine: who waits so long waits for ever.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The rules of most tests: every hash is a proof.
pub const NETWORK: &str = "name = 'test'\n[consensus]\ngenesis_time = 1767225600000\n\
                           [consensus.difficulty]\nrule = 'fixed'\nzero_bits = 0\n";

static MACHINE: RwLock<()> = RwLock::new(());

/// Held by a test that does not mind others beside it.
pub fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// Held by a test that measures time: no other of these runs meanwhile.
pub fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// A number from the environment, for the long form of a test.
pub fn asked(variable: &str, otherwise: u64) -> u64 {
    let text = std::env::var(variable).ok();
    text.map_or(otherwise, |text| {
        let number = text.parse();
        number.unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}"))
    })
}

/// The command, without what somebody who runs the tests may have configured.
pub fn forkful() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_forkful"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("FORKFUL_")) {
        command.env_remove(name);
    }
    command
}

/// What is told on standard error.
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What is told on standard output.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Asks again and again until there is an answer.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begun.elapsed() < PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The home of the nodes of one test: their directories, their logs, their network.
pub struct Home {
    directory: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Home {
        Home::of(NETWORK)
    }

    pub fn of(network: &str) -> Home {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("test.toml"), network).unwrap();
        Home { directory }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn network(&self) -> PathBuf {
        self.path("test.toml")
    }

    /// The command line of a node of this home that takes any free ports.
    pub fn command(&self, name: &str, more: &[&str]) -> Command {
        self.by(forkful(), name, more)
    }

    /// The same, run by another command that takes it as its arguments.
    pub fn by(&self, mut command: Command, name: &str, more: &[&str]) -> Command {
        command.arg("node").arg("--network").arg(self.network());
        command.arg("--data-dir").arg(self.path(name));
        for (flag, value) in [("--listen", "127.0.0.1:0"), ("--api", "127.0.0.1:0")] {
            if !more.contains(&flag) {
                command.args([flag, value]);
            }
        }
        // Who finds whom is the test's to say.
        command.arg("--connect-only").args(more);
        command
    }

    /// Starts a node, and waits until its API answers.
    pub fn start(&self, name: &str, more: &[&str]) -> Node {
        let node = self.launch(self.command(name, more), name);
        node.unwrap_or_else(|told| panic!("{name} did not start: {told}"))
    }

    /// Starts a node by this command, or says what it told before it ended.
    pub fn launch(&self, command: Command, name: &str) -> Result<Node, String> {
        let log = self.path(&format!("{name}.log"));
        let file = File::options().create(true).append(true).open(log);
        self.launch_to(command, name, file.unwrap().into())
    }

    /// The same, with this as its standard error.
    pub fn launch_to(
        &self,
        mut command: Command,
        name: &str,
        errors: Stdio,
    ) -> Result<Node, String> {
        let log = self.path(&format!("{name}.log"));
        command.stdout(Stdio::piped()).stderr(errors);
        let spawned = Instant::now();
        let mut process = command.spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let mut node = Node {
            process,
            directory: self.path(name),
            log,
            peers: String::new(),
            api: String::new(),
            banner: String::new(),
            started_in: Duration::ZERO,
            kept_waiting: Duration::ZERO,
            stdout,
        };
        if !node.read_banner() || node.call("getblockcount", json!([])).is_err() {
            let _ = node.process.wait();
            return Err(node.log());
        }
        node.started_in = spawned.elapsed();
        node.kept_waiting = kept_waiting(node.process.id());
        Ok(node)
    }

    /// Runs a command of a node that ends by itself.
    pub fn run(&self, name: &str, more: &[&str]) -> Output {
        let mut command = self.command(name, more);
        command.output().unwrap()
    }

    /// Checks every stored block of a node that does not run: how many there are.
    pub fn verify(&self, name: &str) -> u64 {
        let output = self.run(name, &["--verify"]);
        let told = printed(&output);
        assert!(output.status.success(), "{told}{}", errors(&output));
        let blocks = told.split_once(" blocks, every rule holds");
        let blocks = blocks.and_then(|(before, _)| before.rsplit(' ').next());
        blocks
            .and_then(|blocks| blocks.replace(',', "").parse().ok())
            .expect(&told)
    }
}

/// How long the first thread of a process, which starts a node, has waited for a processor.
/// Zero where the system does not say.
fn kept_waiting(id: u32) -> Duration {
    let text = std::fs::read_to_string(format!("/proc/{id}/schedstat")).unwrap_or_default();
    let nanos = text
        .split_whitespace()
        .nth(1)
        .and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// A node that runs until it is dropped.
pub struct Node {
    pub process: Child,
    pub directory: PathBuf,
    /// Where its standard error goes.
    pub log: PathBuf,
    /// Where peers connect to it.
    pub peers: String,
    /// Where its API answers, as `HOST:PORT`.
    pub api: String,
    pub banner: String,
    /// From its spawn to the first answer of its API.
    pub started_in: Duration,
    /// Of that, how long it was ready to run and others had the processors.
    pub kept_waiting: Duration,
    stdout: BufReader<ChildStdout>,
}

impl Node {
    /// Reads up to the line that names the API, which is the last but what to try.
    fn read_banner(&mut self) -> bool {
        while self.api.is_empty() {
            let mut line = String::new();
            if self.stdout.read_line(&mut line).unwrap_or(0) == 0 {
                return false;
            }
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["listens", address, ..] => self.peers = (*address).to_owned(),
                ["API", url] => {
                    let address = url.trim_start_matches("http://").trim_end_matches('/');
                    self.api = address.to_owned();
                }
                _ => {}
            }
            self.banner.push_str(&line);
        }
        true
    }

    /// The rest of the banner.
    pub fn rest_of_banner(&mut self) -> String {
        let mut text = std::mem::take(&mut self.banner);
        while !text.contains(" stop\n") {
            assert!(self.stdout.read_line(&mut text).unwrap() > 0, "{text}");
        }
        text
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until a line of the log has all of these words.
    pub fn logs(&self, words: &[&str]) -> String {
        until(&format!("{words:?} in the log"), || {
            let log = self.log();
            let mut lines = log.lines();
            let line = lines.find(|line| words.iter().all(|word| line.contains(word)));
            line.map(str::to_owned)
        })
    }

    /// Calls a method, with the cookie.
    pub fn call(&self, method: &str, params: Value) -> Result<Value, Fault> {
        let client = Client {
            api: self.api.clone(),
            cookie: self.directory.join(".cookie"),
        };
        client.call(method, params)
    }

    /// Calls a method that has a result.
    pub fn rpc(&self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params);
        answer.unwrap_or_else(|fault| panic!("{method}: {fault:?}\n{}", self.log()))
    }

    /// A client for another thread.
    pub fn client(&self) -> Client {
        Client {
            api: self.api.clone(),
            cookie: self.directory.join(".cookie"),
        }
    }

    pub fn tip(&self) -> String {
        text(&self.rpc("getbestblockhash", json!([])))
    }

    pub fn height(&self) -> u64 {
        self.rpc("getblockcount", json!([])).as_u64().unwrap()
    }

    /// Mines so many blocks now: their hashes.
    pub fn generate(&self, count: u64) -> Vec<String> {
        let mut hashes = Vec::new();
        while (hashes.len() as u64) < count {
            let most = (count - hashes.len() as u64).min(500);
            hashes.extend(texts(&self.rpc("generate", json!([most]))));
        }
        hashes
    }

    /// Gives it data: its hash.
    pub fn submit(&self, data: &str) -> String {
        text(&self.rpc("submitdata", json!([data]))["entry"])
    }

    pub fn waiting(&self) -> Vec<String> {
        texts(&self.rpc("getrawmempool", json!([])))
    }

    pub fn peer_count(&self) -> u64 {
        self.rpc("getconnectioncount", json!([])).as_u64().unwrap()
    }

    pub fn add(&self, other: &Node) {
        self.rpc("addnode", json!([other.peers, "add"]));
    }

    pub fn wait_for_peers(&self, count: u64) {
        until("its peers", || (self.peer_count() == count).then_some(()));
    }

    pub fn wait_for_tip(&self, hash: &str) {
        until("its tip", || (self.tip() == hash).then_some(()));
    }

    /// Waits until this data waits in its pool.
    pub fn wait_for_data(&self, entry: &str) {
        until("the data", || {
            let waiting = self.waiting();
            waiting.iter().any(|other| other == entry).then_some(())
        });
    }

    /// The entries of the active chain above a height, in order, each with its block's hash.
    pub fn entries_above(&self, height: u64) -> Vec<(String, String)> {
        let mut entries = Vec::new();
        for height in height + 1..=self.height() {
            let hash = text(&self.rpc("getblockhash", json!([height])));
            let block = self.rpc("getblock", json!([hash]));
            let tx = texts(&block["tx"]).into_iter();
            entries.extend(tx.map(|entry| (entry, hash.clone())));
        }
        entries
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let flag = format!("-{name}");
        let kill = Command::new("kill").args([&flag, &id]).status().unwrap();
        assert!(kill.success());
    }

    /// Waits for its end, however it comes.
    pub fn ended(&mut self) -> ExitStatus {
        let mut ended = None;
        until("its end", || {
            ended = self.process.try_wait().unwrap();
            ended.is_some().then_some(())
        });
        ended.expect("it has ended")
    }

    /// As `kill -9` does.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends it as a service manager would.
    pub fn terminate(mut self) {
        self.signal("TERM");
        let status = self.ended();
        assert!(status.success(), "{status}: {}", self.log());
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(4_000);
            let tail = log.get(from..).unwrap_or(&log);
            eprintln!("--- {}\n{tail}", self.log.display());
        }
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn texts(values: &Value) -> Vec<String> {
    let values = values.as_array().map(Vec::as_slice).unwrap_or_default();
    values.iter().map(text).collect()
}

/// What a log for people has of a hash: eight digits after the leading zeros.
pub fn short(hash: &str) -> &str {
    &hash.trim_start_matches('0')[..8]
}
