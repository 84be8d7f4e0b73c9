//! `forkful node`: a real node, until somebody ends it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use forkful_core::{Config, Consensus, Work};
use forkful_net::api::{ApiConfig, COOKIE_NAME};
use forkful_net::miner::Speed;
use forkful_net::node::{NodeConfig, NodeError, RunningNode};
use forkful_net::store::DiskStore;
use forkful_net::tcp::limits::Limits;
use forkful_net::tcp::{self, with_port};
use forkful_scenario::{GenesisTime, Scenario};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::commands::chain;
use crate::failure::{Failure, INTERRUPTED};
use crate::log;
use crate::node_args::NodeArgs;
use crate::show::style::{count, rate};
use crate::source::{self, Source};

/// Where peers connect to, unless told.
const LISTEN: SocketAddr = SocketAddr::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    tcp::DEFAULT_PORT,
);
/// Where the API answers, unless told.
const API: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9332);
/// Tries per second, unless told: a block of the playground's first target every ten seconds.
const HASH_RATE: f64 = 100_000.0;
/// What a terminal has at least.
const COLUMNS: usize = 80;
/// The signal for a file that is longer than `ulimit -f` lets it be, on every system but MIPS.
const SIGXFSZ: i32 = 25;

/// Runs a node until it is told to end.
pub fn run(args: NodeArgs) -> Result<ExitCode, Failure> {
    let name = args.network.clone();
    let home = data_dir(&args, name.as_deref().unwrap_or(NodeArgs::NETWORK))?;
    let args = args.with_file(home.as_deref())?;
    let network = args.network.as_deref().unwrap_or(NodeArgs::NETWORK);
    let Source { name, scenario } = source::load(network)?;
    let consensus = consensus(&name, &scenario)?;
    // The file may have named the network.
    let data_dir = data_dir(&args, &scenario.name)?;
    if args.verify {
        return verify(data_dir.as_deref(), &consensus);
    }
    let log_format = args.log_format.unwrap_or_default();
    log::init(log_format, args.log.unwrap_or_default());
    // An ephemeral node has a cookie too, for as long as it lives.
    let scratch = match &data_dir {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(Failure::output("a temporary directory"))?),
    };
    let api = api(
        &args,
        data_dir
            .as_deref()
            .or(scratch.as_ref().map(|dir| dir.path())),
    )?;
    let config = NodeConfig {
        network: scenario.name.clone(),
        consensus,
        relay: Config {
            relay: args.relay.unwrap_or(scenario.relay.relay),
            tells_data: true,
            ..scenario.relay
        },
        minimum_work: args.minimum_work.unwrap_or(Work::ZERO),
        data_dir: data_dir.clone(),
        listen: listen(&args)?,
        peers: peers(&args)?,
        connect_only: args.connect_only.unwrap_or(false),
        discover: args.discover.unwrap_or(false),
        plaintext: args.plaintext.unwrap_or(false),
        speed: speed(&args),
        threads: args.threads.unwrap_or(1),
        api,
        user_agent: concat!("/forkful:", env!("CARGO_PKG_VERSION"), "/").to_owned(),
        sinks: vec![log::sink(log_format)],
        notice: Box::new(log::connections(log_format)),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::output("a runtime"))?;
    let mining = mining(&config);
    let scratch_path = scratch.as_ref().map(|dir| dir.path().to_owned());
    let lived = runtime.block_on(live(config, scratch_path, &mining));
    // All is stored. What still runs, such as looking up a name, must not delay the end.
    runtime.shutdown_background();
    lived
}

async fn live(
    config: NodeConfig,
    scratch: Option<PathBuf>,
    mining: &str,
) -> Result<ExitCode, Failure> {
    let signals = Signals::listen()?;
    let node = RunningNode::start(config).await.map_err(failure)?;
    signals.end_by(node.handle.shutdown.clone());
    banner(&node, mining, scratch.as_deref()).map_err(Failure::stdout)?;
    node.ended().await.map_err(failure)?;
    info!("ended; everything is stored");
    Ok(ExitCode::SUCCESS)
}

/// The signals that end a node.
struct Signals {
    shutdown: Arc<OnceLock<CancellationToken>>,
}

impl Signals {
    /// Listens from now on. Until there is a node to be ended, a signal ends the process at once,
    /// and so does a second one: whatever was acknowledged is stored at every moment.
    fn listen() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(Failure::output("a signal handler"));
        let mut interrupt = on(SignalKind::interrupt())?;
        let mut terminate = on(SignalKind::terminate())?;
        // A file that may grow no further is an error of the write then, not the end.
        let mut too_long = on(SignalKind::from_raw(SIGXFSZ))?;
        tokio::spawn(async move { while too_long.recv().await.is_some() {} });
        let shutdown: Arc<OnceLock<CancellationToken>> = Arc::default();
        let to_end = Arc::clone(&shutdown);
        tokio::spawn(async move {
            for times in 0_u32.. {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                match to_end.get() {
                    Some(shutdown) if times == 0 => {
                        info!("ending");
                        shutdown.cancel();
                    }
                    _ => {
                        info!("ending at once; everything that was acknowledged is stored");
                        std::process::exit(INTERRUPTED.into());
                    }
                }
            }
        });
        Ok(Signals { shutdown })
    }

    /// From now on the first signal ends a node cleanly.
    fn end_by(self, shutdown: CancellationToken) {
        // There is one node.
        let _ = self.shutdown.set(shutdown);
    }
}

/// Where the node is, and what to try.
fn banner(node: &RunningNode, mining: &str, scratch: Option<&Path>) -> std::io::Result<()> {
    let about = &node.handle.about;
    let (tip, genesis) = {
        let participant = node.handle.shared.lock();
        let genesis = participant.tree.hash(forkful_core::BlockId::GENESIS);
        (participant.tip(), genesis)
    };
    let mut out = anstream::stdout();
    writeln!(out, "forkful node · {}", about.network)?;
    writeln!(out, "  genesis   {genesis}")?;
    writeln!(out, "  tip       {}", tip.hash)?;
    writeln!(out, "  height    {}", tip.height)?;
    writeln!(out, "  node id   {}", const_hex::encode(node.key))?;
    if let Some(listening) = node.handle.peers.listening() {
        writeln!(out, "  listens   {listening} for peers")?;
    }
    writeln!(out, "  mining    {mining}")?;
    match &about.data_dir {
        Some(directory) => writeln!(out, "  data      {}", directory.display())?,
        None => writeln!(out, "  data      in memory only")?,
    }
    if let Some(api) = node.api {
        writeln!(out, "  API       http://{api}/")?;
        let cookie = about.data_dir.as_deref().or(scratch);
        writeln!(out, "\nTry, in another terminal:")?;
        for call in ["getblockchaininfo", "submitdata hello", "stop"] {
            writeln!(out, "{}", client(cookie, call))?;
        }
        writeln!(out)?;
    }
    out.flush()
}

/// Whether the node searches for blocks, and how fast, in words.
fn mining(config: &NodeConfig) -> String {
    let threads = count(config.threads.into(), "thread", "threads");
    match config.speed {
        Speed::Off => "no; --mine searches for blocks".to_owned(),
        Speed::Limited(tries) => format!("{threads}, {} tries/s in all", rate(tries)),
        Speed::Unlimited => format!("{threads}, as fast as possible"),
    }
}

/// The command line of a call, without what `forkful rpc` takes anyway, in lines that fit a
/// terminal if they can.
fn client(cookie: Option<&Path>, call: &str) -> String {
    let mut words = vec!["  forkful rpc".to_owned()];
    let usual = std::env::home_dir().map(|home| home.join(".forkful").join(NodeArgs::NETWORK));
    if let Some(cookie) = cookie.filter(|cookie| usual.as_deref() != Some(cookie)) {
        let quoted = cookie.display().to_string().replace('\'', r"'\''");
        words.push(format!("--data-dir '{quoted}'"));
    }
    words.push(call.to_owned());
    let line = words.join(" ");
    if line.chars().count() <= COLUMNS {
        return line;
    }
    words.join(" \\\n    ")
}

/// The rules of a network, which must have one genesis for all.
pub fn consensus(name: &str, scenario: &Scenario) -> Result<Consensus, Failure> {
    match scenario.rules.genesis_time {
        GenesisTime::At(moment) => Ok(scenario.consensus(moment)),
        GenesisTime::Start => Err(Failure::Usage(format!(
            "{name}: consensus.genesis_time: nodes that start at different times need one genesis; \
             give it as milliseconds since 1970"
        ))),
    }
}

/// Where the node keeps what it has; `None` if nowhere.
fn data_dir(args: &NodeArgs, network: &str) -> Result<Option<PathBuf>, Failure> {
    if args.ephemeral == Some(true) {
        return Ok(None);
    }
    if let Some(directory) = &args.data_dir {
        // What is told of it is for whoever is in another directory.
        let directory = std::path::absolute(directory);
        let wrong = |error| Failure::Usage(format!("--data-dir: {error}"));
        return directory.map(Some).map_err(wrong);
    }
    let home = std::env::home_dir().ok_or_else(|| {
        let text = "there is no home directory: name a --data-dir, or take --ephemeral";
        Failure::Usage(text.to_owned())
    })?;
    // A file is a network too; its directory has its own name.
    let name = Path::new(network).file_stem().unwrap_or_default();
    Ok(Some(home.join(".forkful").join(name)))
}

fn speed(args: &NodeArgs) -> Speed {
    match (args.mine, args.hash_rate.unwrap_or(HASH_RATE)) {
        (Some(true), rate) if rate.is_finite() => Speed::Limited(rate),
        (Some(true), _) => Speed::Unlimited,
        _ => Speed::Off,
    }
}

/// The peers to stay connected to, each with a port.
fn peers(args: &NodeArgs) -> Result<Vec<String>, Failure> {
    let most = Limits::default().kept_max;
    if args.peer.len() > most {
        let text = format!("--peer: at most {most}, and not {}", args.peer.len());
        return Err(Failure::Usage(text));
    }
    let named = args.peer.iter().map(|text| {
        with_port(text).ok_or_else(|| {
            Failure::Usage(format!(
                "--peer: expected a host and a port, such as 192.0.2.1:{}, and not {text:?}",
                tcp::DEFAULT_PORT
            ))
        })
    });
    named.collect()
}

fn listen(args: &NodeArgs) -> Result<Option<SocketAddr>, Failure> {
    match args.listen.as_deref() {
        None => Ok(Some(LISTEN)),
        Some("off") => Ok(None),
        Some(text) => address("--listen", text, LISTEN).map(Some),
    }
}

fn address(flag: &str, text: &str, example: SocketAddr) -> Result<SocketAddr, Failure> {
    text.parse().map_err(|_| {
        Failure::Usage(format!(
            "{flag}: expected an address and a port, such as {example}, or \"off\", and not {text:?}"
        ))
    })
}

fn api(args: &NodeArgs, directory: Option<&Path>) -> Result<Option<ApiConfig>, Failure> {
    let listen = match args.api.as_deref() {
        None => API,
        Some("off") => return Ok(None),
        Some(text) => address("--api", text, API)?,
    };
    Ok(Some(ApiConfig {
        listen,
        cookie: directory.map(|directory| directory.join(COOKIE_NAME)),
        hosts: hosts(&args.rpc_allow_host)?,
    }))
}

/// Names as a Host header has them, but for the port.
fn hosts(names: &[String]) -> Result<Vec<String>, Failure> {
    let is_name = |name: &&String| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        !name.is_empty() && name.bytes().all(plain)
    };
    match names.iter().find(|name| !is_name(name)) {
        None => Ok(names.to_vec()),
        Some(wrong) => Err(Failure::Usage(format!(
            "--rpc-allow-host: expected a host name without a port, such as node.example, and not {wrong:?}"
        ))),
    }
}

/// Checks every stored block anew.
fn verify(data_dir: Option<&Path>, consensus: &Consensus) -> Result<ExitCode, Failure> {
    let Some(directory) = data_dir else {
        let text = "--verify checks what is stored, and an ephemeral node stores nothing";
        return Err(Failure::Usage(text.to_owned()));
    };
    let (store, _) = DiskStore::open_existing(directory, Some(consensus))
        .map_err(|error| failure(error.into()))?;
    chain::verify_directory(directory, &store, consensus)
}

fn failure(error: NodeError) -> Failure {
    Failure::Node(Box::new(error))
}
