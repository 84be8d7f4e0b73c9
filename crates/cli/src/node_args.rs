//! The command line, the environment and the configuration file of `forkful node`.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use forkful_core::{Relay, Work};
use serde::Deserialize;

use crate::args::relay_parser;
use crate::failure::Failure;

/// The largest configuration file.
const CONFIG_BYTES_MAX: u64 = 65_536;
/// Threads that search at most.
const THREADS_MAX: i64 = 256;

/// What `forkful node` is told. A flag counts before the environment (`FORKFUL_` and its name),
/// and that before the configuration file, which has the same keys.
#[derive(Debug, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct NodeArgs {
    /// A TOML file with these options as keys, such as `mine = true` [default: DATA_DIR/forkful.toml, if there is one]
    #[arg(long, value_name = "FILE", env = "FORKFUL_CONFIG")]
    #[serde(skip)]
    pub config: Option<PathBuf>,

    /// Where the node keeps its chain, its key and its cookie [default: ~/.forkful/NETWORK]
    #[arg(long, value_name = "DIR", env = "FORKFUL_DATA_DIR")]
    #[serde(skip)]
    pub data_dir: Option<PathBuf>,

    /// Keep everything in memory, and nothing after the end.
    #[arg(long, env = "FORKFUL_EPHEMERAL", num_args = 0..=1, default_missing_value = "true", conflicts_with = "data_dir")]
    #[serde(skip)]
    pub ephemeral: Option<bool>,

    /// The network: a preset or a scenario file, whose table `consensus` counts [default: playground]
    #[arg(long, value_name = "FILE|PRESET", env = "FORKFUL_NETWORK")]
    pub network: Option<String>,

    /// Where peers connect to this node, or "off" [default: 127.0.0.1:9333]
    ///
    /// With 0.0.0.0:9333 others than this machine can.
    #[arg(long, value_name = "ADDR:PORT|off", env = "FORKFUL_LISTEN")]
    pub listen: Option<String>,

    /// A peer to stay connected to; may be given several times.
    #[arg(
        long,
        value_name = "HOST:PORT",
        env = "FORKFUL_PEER",
        value_delimiter = ','
    )]
    pub peer: Vec<String>,

    /// Connect to the named peers alone. Without it, the node also finds peers by itself.
    #[arg(long, env = "FORKFUL_CONNECT_ONLY", num_args = 0..=1, default_missing_value = "true")]
    pub connect_only: Option<bool>,

    /// Find nodes of the same network on the local network, and be found (mDNS).
    #[arg(long, env = "FORKFUL_DISCOVER", num_args = 0..=1, default_missing_value = "true")]
    pub discover: Option<bool>,

    /// Do not encrypt: for looking at the packets, on this machine only.
    #[arg(long, env = "FORKFUL_PLAINTEXT", num_args = 0..=1, default_missing_value = "true")]
    pub plaintext: Option<bool>,

    /// Search for blocks.
    #[arg(long, env = "FORKFUL_MINE", num_args = 0..=1, default_missing_value = "true")]
    pub mine: Option<bool>,

    /// Tries per second, or "unlimited" [default: 100000]
    #[arg(long, value_name = "RATE", env = "FORKFUL_HASH_RATE", value_parser = rate)]
    #[serde(deserialize_with = "rate_value")]
    pub hash_rate: Option<f64>,

    /// Threads that search [default: 1]
    #[arg(long, value_name = "N", env = "FORKFUL_THREADS", value_parser = clap::value_parser!(u32).range(1..=THREADS_MAX))]
    #[serde(deserialize_with = "threads_value")]
    pub threads: Option<u32>,

    /// How blocks spread [default: the network's own, or announce]
    #[arg(long, value_name = "POLICY", env = "FORKFUL_RELAY", value_parser = relay_parser())]
    #[serde(deserialize_with = "relay_value")]
    pub relay: Option<Relay>,

    /// The work that a chain of peers has at least, as chainwork tells it: weaker ones are not taken in
    #[arg(long, value_name = "HEX", env = "FORKFUL_MINIMUM_WORK")]
    #[serde(deserialize_with = "work_value")]
    pub minimum_work: Option<Work>,

    /// Where the API answers, or "off" [default: 127.0.0.1:9332]
    #[arg(long, value_name = "ADDR:PORT|off", env = "FORKFUL_API")]
    pub api: Option<String>,

    /// A host name under which the API may be asked, without a port; may be given several times.
    ///
    /// `localhost` and addresses always may. For a container or a reverse proxy that has a name.
    #[arg(
        long,
        value_name = "NAME",
        env = "FORKFUL_RPC_ALLOW_HOST",
        value_delimiter = ','
    )]
    pub rpc_allow_host: Vec<String>,

    /// Check every stored block anew, say how it went, and end.
    #[arg(long)]
    #[serde(skip)]
    pub verify: bool,

    /// How the log is written [default: text]
    #[arg(long, value_name = "FORM", env = "FORKFUL_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,

    /// What is logged: error, warn, info, debug or trace [default: info]
    #[arg(long, value_name = "LEVEL", env = "FORKFUL_LOG")]
    pub log: Option<LogLevel>,
}

/// How the log is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// From which level on something is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// What ends the node or loses something.
    Error,
    /// What somebody should look at.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// Why it happens.
    Debug,
    /// Everything.
    Trace,
}

impl NodeArgs {
    /// The default network.
    pub const NETWORK: &str = "playground";

    /// With what the configuration file says where the command line and the environment say
    /// nothing. `beside` is the data directory, in which a file is sought that nobody named.
    pub fn with_file(self, beside: Option<&Path>) -> Result<Self, Failure> {
        let (path, is_named) = match (&self.config, beside) {
            (Some(path), _) => (path.clone(), true),
            (None, Some(directory)) => (directory.join("forkful.toml"), false),
            (None, None) => return Ok(self),
        };
        let name = path.display().to_string();
        let text = match read(&path) {
            Ok(text) => text,
            Err(error) if !is_named && is_missing(&error) => return Ok(self),
            Err(error) => return Err(Failure::Input { name, error }),
        };
        let file: NodeArgs = toml::from_str(&text)
            .map_err(|error| Failure::Usage(format!("{name}: {}", error.to_string().trim_end())))?;
        Ok(self.or(file))
    }

    fn or(self, file: NodeArgs) -> Self {
        NodeArgs {
            network: self.network.or(file.network),
            listen: self.listen.or(file.listen),
            peer: or_those(self.peer, file.peer),
            connect_only: self.connect_only.or(file.connect_only),
            discover: self.discover.or(file.discover),
            plaintext: self.plaintext.or(file.plaintext),
            mine: self.mine.or(file.mine),
            hash_rate: self.hash_rate.or(file.hash_rate),
            threads: self.threads.or(file.threads),
            relay: self.relay.or(file.relay),
            minimum_work: self.minimum_work.or(file.minimum_work),
            api: self.api.or(file.api),
            rpc_allow_host: or_those(self.rpc_allow_host, file.rpc_allow_host),
            log_format: self.log_format.or(file.log_format),
            log: self.log.or(file.log),
            ..self
        }
    }
}

fn or_those(told: Vec<String>, file: Vec<String>) -> Vec<String> {
    if told.is_empty() { file } else { told }
}

/// Whether there is no such file. That its directory is none is told when it is to be made.
fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::{Error, ErrorKind, Read as _};
    let mut text = String::new();
    let file = std::fs::File::open(path)?;
    file.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > CONFIG_BYTES_MAX {
        let form = format!("a configuration has at most {CONFIG_BYTES_MAX} bytes");
        return Err(Error::new(ErrorKind::InvalidData, form));
    }
    Ok(text)
}

/// A hash rate; without a limit it is infinite.
fn rate(text: &str) -> Result<f64, String> {
    let wrong = "expected tries per second above 0, such as 100000 or 5e6, or \"unlimited\"";
    match text {
        "unlimited" => Ok(f64::INFINITY),
        text => match text.parse::<f64>() {
            Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
            _ => Err(wrong.to_owned()),
        },
    }
}

fn rate_value<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Value {
        Number(f64),
        Text(String),
    }
    let text = match Value::deserialize(value)? {
        Value::Number(number) => number.to_string(),
        Value::Text(text) => text,
    };
    rate(&text).map(Some).map_err(serde::de::Error::custom)
}

fn threads_value<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<u32>, D::Error> {
    let threads = i64::deserialize(value)?;
    let in_range = u32::try_from(threads).ok();
    let in_range = in_range.filter(|_| (1..=THREADS_MAX).contains(&threads));
    let wrong = || serde::de::Error::custom(format!("threads: expected 1 to {THREADS_MAX}"));
    in_range.map(Some).ok_or_else(wrong)
}

fn work_value<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Work>, D::Error> {
    let text = String::deserialize(value)?;
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

fn relay_value<'de, D: serde::Deserializer<'de>>(value: D) -> Result<Option<Relay>, D::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Value {
        Flood,
        Announce,
        Unsolicited,
        Compact,
    }
    Ok(Some(match Value::deserialize(value)? {
        Value::Flood => Relay::Flood,
        Value::Announce => Relay::Announce,
        Value::Unsolicited => Relay::Unsolicited,
        Value::Compact => Relay::Compact,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_line_says_counts_before_the_file() {
        let directory = tempfile::tempdir().unwrap();
        let file = "mine = true\nhash-rate = \"unlimited\"\nthreads = 2\npeer = ['a:1']\n\
                    relay = 'compact'\nrpc-allow-host = ['node.example']\n";
        std::fs::write(directory.path().join("forkful.toml"), file).unwrap();
        let told = NodeArgs {
            threads: Some(3),
            ..NodeArgs::default()
        };
        let args = told.with_file(Some(directory.path())).unwrap();
        assert_eq!((args.threads, args.mine), (Some(3), Some(true)));
        assert_eq!(args.hash_rate, Some(f64::INFINITY));
        assert_eq!(args.peer, ["a:1"]);
        assert_eq!(args.rpc_allow_host, ["node.example"]);
        assert_eq!(args.relay, Some(Relay::Compact));
    }

    #[test]
    fn a_wrong_file_is_told_with_its_name_and_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("forkful.toml");
        for (file, told) in [
            ("\nmin = true", "unknown field `min`"),
            ("hash-rate = -1", "expected tries per second above 0"),
            ("threads = 1\nthreads = 2", "duplicate key"),
            ("threads = 0", "threads: expected 1 to 256"),
            ("relay = 'gossip'", "unknown variant `gossip`"),
        ] {
            std::fs::write(&path, file).unwrap();
            let error = NodeArgs::default().with_file(Some(directory.path()));
            let error = error.unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
            assert!(
                error.contains("forkful.toml: TOML parse error at line"),
                "{error}"
            );
        }
    }
}
