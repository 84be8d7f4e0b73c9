//! `forkful node`: a real node, until somebody ends it.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use forkful_core::{Config, Consensus};
use forkful_net::api::{ApiConfig, COOKIE_NAME};
use forkful_net::miner::Speed;
use forkful_net::node::{NodeConfig, NodeError, RunningNode};
use forkful_net::store::DiskStore;
use forkful_net::tcp::{self, Notice};
use forkful_scenario::{GenesisTime, Scenario};
use tokio::signal::unix::{SignalKind, signal};
use tracing::{debug, info, warn};

use crate::commands::chain;
use crate::failure::Failure;
use crate::log;
use crate::node_args::NodeArgs;
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
    log::init(
        args.log_format.unwrap_or_default(),
        args.log.unwrap_or_default(),
    );
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
            ..scenario.relay
        },
        data_dir: data_dir.clone(),
        listen: listen(&args)?,
        peers: args.peer.clone(),
        connect_only: args.connect_only.unwrap_or(false),
        discover: args.discover.unwrap_or(false),
        plaintext: args.plaintext.unwrap_or(false),
        speed: speed(&args),
        threads: args.threads.unwrap_or(1),
        api,
        user_agent: concat!("/forkful:", env!("CARGO_PKG_VERSION"), "/").to_owned(),
        sinks: vec![log::sink()],
        notice: Box::new(notice),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(Failure::output("a runtime"))?;
    runtime.block_on(live(
        config,
        scratch.as_ref().map(|dir| dir.path().to_owned()),
    ))
}

async fn live(config: NodeConfig, scratch: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let node = RunningNode::start(config).await.map_err(failure)?;
    banner(&node, scratch.as_deref()).map_err(Failure::stdout)?;
    let shutdown = node.handle.shutdown.clone();
    let mut interrupt =
        signal(SignalKind::interrupt()).map_err(Failure::output("a signal handler"))?;
    let mut terminate =
        signal(SignalKind::terminate()).map_err(Failure::output("a signal handler"))?;
    tokio::spawn(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        info!("ending");
        shutdown.cancel();
    });
    node.ended().await.map_err(failure)?;
    info!("ended; everything is stored");
    Ok(ExitCode::SUCCESS)
}

/// Where the node is, and what to try.
fn banner(node: &RunningNode, scratch: Option<&Path>) -> std::io::Result<()> {
    let about = &node.handle.about;
    let (tip, genesis) = {
        let participant = node.handle.shared.lock();
        let genesis = participant.tree.hash(forkful_core::BlockId::GENESIS);
        (participant.tip(), genesis)
    };
    let mut out = anstream::stdout();
    let place = |path: Option<&Path>| path.map(|path| path.display().to_string());
    writeln!(out, "forkful node · {}", about.network)?;
    writeln!(out, "  genesis   {genesis}")?;
    writeln!(out, "  tip       #{} {}", tip.height, tip.hash)?;
    writeln!(out, "  node id   {}", const_hex::encode(node.key))?;
    if let Some(listening) = node.handle.peers.listening() {
        writeln!(out, "  peers     {listening}")?;
    }
    let kept = place(about.data_dir.as_deref());
    writeln!(
        out,
        "  data      {}",
        kept.as_deref().unwrap_or("in memory only")
    )?;
    if let Some(api) = node.api {
        writeln!(out, "  API       http://{api}/")?;
        let cookie = kept.or(place(scratch)).unwrap_or_default();
        let client = format!("forkful rpc --data-dir '{cookie}'");
        writeln!(out, "\nTry, in another terminal:")?;
        writeln!(out, "  {client} getblockchaininfo")?;
        writeln!(out, "  {client} submitdata hello")?;
        writeln!(out, "  {client} stop\n")?;
    }
    out.flush()
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
        return Ok(Some(directory.clone()));
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
        ..ApiConfig::default()
    }))
}

/// Checks every stored block anew.
fn verify(data_dir: Option<&Path>, consensus: &Consensus) -> Result<ExitCode, Failure> {
    let Some(directory) = data_dir else {
        let text = "--verify checks what is stored, and an ephemeral node stores nothing";
        return Err(Failure::Usage(text.to_owned()));
    };
    let store = DiskStore::open(directory, consensus).map_err(|error| failure(error.into()))?;
    chain::verify_directory(directory, &store, consensus)
}

fn failure(error: NodeError) -> Failure {
    Failure::Node(Box::new(error))
}

fn notice(notice: &Notice) {
    match notice {
        Notice::Up {
            peer,
            address,
            inbound,
            ..
        } => info!(peer = peer.0, %address, inbound, "peer connected"),
        Notice::Down { peer, address, why } => {
            info!(peer = peer.0, %address, why = log::text(&why.to_string()), "peer gone");
        }
        Notice::Refused { address, why, .. } => {
            debug!(address = ?address, why = log::text(&why.to_string()), "connection refused or failed");
        }
        Notice::Forgotten { what, why } => {
            warn!(
                what,
                why = log::text(why),
                "what was kept is damaged, and begun anew"
            );
        }
        Notice::NotDiscovering { why } => {
            warn!(
                why = log::text(why),
                "nodes on the local network are not found"
            );
        }
        Notice::NotKept { what, why } => {
            warn!(
                what,
                why = log::text(why),
                "could not be kept for the next time"
            );
        }
    }
}
