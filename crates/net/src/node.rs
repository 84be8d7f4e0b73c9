//! A real node: the actor of the mesh, with TCP, a store on disk and an API.
//!
//! ```text
//!   DiskStore ──▶ Participant ──▶ Actor ◀──▶ TcpNetwork ◀──▶ other nodes
//!                                   ▲
//!                     api::serve ───┘ Handle
//! ```
//!
//! Nothing here decides anything: it puts the parts together, and takes them apart again.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use forkful_core::event::What;
use forkful_core::{BlockRef, Config, Consensus, Hash, Honest, NodeId, Work};
use forkful_pow::Kernel;
use forkful_scenario::Sink;
use tokio::sync::{broadcast, mpsc};
use tokio::task::{JoinError, JoinHandle};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::actor::{Actor, Command, Participant, Parts, Shared};
use crate::api::{self, ApiConfig, ServeError};
use crate::clock::Clock;
use crate::handle::{About, Handle};
use crate::ledger::Ledger;
use crate::miner::{Miner, Speed};
use crate::participant::RestoreError;
use crate::store::{DiskStore, MemoryStore, Store, StoreError};
use crate::tcp::key::{KeyError, NodeKey};
use crate::tcp::limits::Limits;
use crate::tcp::{Finding, Notice, StartError, TcpConfig, TcpNetwork, TcpTransport};
use crate::transport::Envelope;

/// Messages that wait for the actor, of all peers. Each peer has a bound of its own besides.
const INBOX: usize = 32;
/// Commands that wait for the actor.
const COMMANDS: usize = 64;
/// Events that a reader of [`Handle::events`] may lag behind.
const EVENTS: usize = 4_096;
/// The UDP port of mDNS (RFC 6762).
const MDNS_PORT: u16 = 5_353;
/// How long it may take to part from peers and clients: less than the end as a whole.
const END_TIME: Duration = Duration::from_millis(1_500);

/// What a node is to be.
pub struct NodeConfig {
    /// The name of its network.
    pub network: String,
    /// The rules of its network.
    pub consensus: Consensus,
    /// What the work of a chain has to be at least for it to be taken in from peers.
    pub minimum_work: Work,
    /// How it relays blocks, and asks for them.
    pub relay: Config,
    /// Where it keeps what it has; `None` for in memory only.
    pub data_dir: Option<PathBuf>,
    /// Where peers connect to.
    pub listen: Option<SocketAddr>,
    /// Peers to stay connected to, as `HOST:PORT`.
    pub peers: Vec<String>,
    /// Whether it connects to those peers alone.
    pub connect_only: bool,
    /// Whether it seeks peers on the local network, and shows itself there.
    pub discover: bool,
    /// No encryption, on loopback only.
    pub plaintext: bool,
    /// How fast it searches for blocks, and on how many threads.
    pub speed: Speed,
    /// Threads of a search.
    pub threads: u32,
    /// Its API; `None` for none.
    pub api: Option<ApiConfig>,
    /// What it calls itself.
    pub user_agent: String,
    /// Told everything that happens in it.
    pub sinks: Vec<Sink>,
    /// Told what happens to connections.
    pub notice: Box<dyn Fn(&Notice) + Send + Sync>,
}

/// Why a node did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// Its store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It did not come back from its store.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// Its key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The data directory.
    #[error("the data directory {} cannot be made: {error}. Name another directory, or change permissions", path.display())]
    DataDir {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
    /// Its connections to peers.
    #[error(transparent)]
    Network(#[from] StartError),
    /// Its API.
    #[error(transparent)]
    Api(#[from] ServeError),
    /// A part of it panicked. This is a bug in forkful.
    #[error("the node ended unexpectedly: this is a bug in forkful: {0}")]
    Died(#[from] JoinError),
}

/// A node that runs.
pub struct RunningNode {
    /// What others have of it.
    pub handle: Handle,
    /// Where its API answers.
    pub api: Option<SocketAddr>,
    /// Its public key: who it is to peers.
    pub key: [u8; 32],
    network: TcpNetwork,
    actor: JoinHandle<Result<(), StoreError>>,
    serving: Option<JoinHandle<()>>,
}

impl RunningNode {
    /// Starts a node. Must be called in a runtime of several threads.
    ///
    /// # Errors
    /// The data directory belongs to another network, is damaged or in use; or it cannot listen.
    pub async fn start(config: NodeConfig) -> Result<Self, NodeError> {
        let clock = Clock::of_machine();
        let genesis = BlockRef {
            hash: config.consensus.genesis().header.hash(),
            height: 0,
        };
        let kept = Kept::open(&config)?;
        let (shared, public) = (kept.restore(&config, clock)?, kept.key.public());
        let (inbox, messages) = mpsc::channel(INBOX);
        let (commands, orders) = mpsc::channel(COMMANDS);
        let told = Arc::new(OnceLock::new());
        let lines = Lines {
            listen: config.listen,
            peers: config.peers,
            plaintext: config.plaintext,
            finding: kept.finding(clock, config.connect_only, config.discover),
            genesis: genesis.hash,
            user_agent: config.user_agent.clone(),
            notice: telling(config.notice, Arc::clone(&told)),
        };
        let (network, transport) =
            lines.start(kept.key, shared.clone(), inbox, commands.clone())?;
        let (events, _) = broadcast::channel(EVENTS);
        let mut sinks = config.sinks;
        sinks.push(to_channel(events.clone()));
        sinks.push(to_credit(network.credit()));
        let ledger = Arc::new(Ledger::new(clock, genesis, 1, sinks));
        // Only once: the first value is this.
        let _ = told.set(Arc::clone(&ledger));
        let handle = Handle {
            shared: shared.clone(),
            clock,
            commands,
            peers: network.peers(),
            events: events.clone(),
            about: Arc::new(About {
                network: config.network,
                user_agent: config.user_agent,
                data_dir: config.data_dir,
                started: Instant::now(),
                mines: config.speed != Speed::Off,
            }),
            shutdown: CancellationToken::new(),
        };
        // Before the actor starts, so that the API misses no event.
        let (api, serving) = serve(&handle, config.api).await?.unzip();
        let (miner, found) = Miner::new(Kernel::best(), config.speed, NodeId(0), 1);
        let actor = Actor::new(Parts {
            id: NodeId(0),
            shared,
            clock,
            inbox: messages,
            commands: orders,
            transport,
            miner: miner.with_threads(config.threads),
            found,
            store: kept.store,
            ledger,
            paused: false,
        })
        .with_minimum_work(config.minimum_work);
        Ok(RunningNode {
            actor: tokio::spawn(actor.run(handle.shutdown.clone())),
            handle,
            api,
            key: public,
            network,
            serving,
        })
    }

    /// Waits until the node is told to end (by its API, or whoever cancels
    /// [`Handle::shutdown`]) or has to, and takes it apart: within two seconds, with everything
    /// durable that was told to anybody.
    ///
    /// # Errors
    /// Its store failed, or a part of it panicked.
    pub async fn ended(self) -> Result<(), NodeError> {
        let ended = self.actor.await;
        self.handle.shutdown.cancel();
        let serving = async {
            if let Some(serving) = self.serving {
                let _ = serving.await;
            }
        };
        // Peers and clients at the same time. One that does not let go is let go.
        let apart = async { tokio::join!(self.network.shutdown(), serving) };
        let _ = timeout(END_TIME, apart).await;
        ended??;
        Ok(())
    }
}

/// How a node is connected to others.
struct Lines {
    listen: Option<SocketAddr>,
    peers: Vec<String>,
    plaintext: bool,
    finding: Finding,
    genesis: Hash,
    user_agent: String,
    notice: Box<dyn Fn(&Notice) + Send + Sync>,
}

impl Lines {
    fn start(
        self,
        key: NodeKey,
        shared: Shared,
        inbox: mpsc::Sender<Envelope>,
        commands: mpsc::Sender<Command>,
    ) -> Result<(TcpNetwork, TcpTransport), NodeError> {
        let tcp = TcpConfig {
            listen: self.listen,
            peers: self.peers,
            key,
            plaintext: self.plaintext,
            genesis: self.genesis,
            user_agent: self.user_agent,
            limits: Limits::default(),
            best: Box::new(move || shared.lock().best()),
            finding: Some(self.finding),
            notice: self.notice,
        };
        Ok(TcpNetwork::start(tcp, inbox, commands)?)
    }
}

/// Starts the API, if there is to be one.
async fn serve(
    handle: &Handle,
    api: Option<ApiConfig>,
) -> Result<Option<(SocketAddr, JoinHandle<()>)>, NodeError> {
    let Some(api) = api else {
        return Ok(None);
    };
    Ok(Some(api::serve(handle.clone(), api).await?))
}

/// What a node has kept from the last time.
struct Kept {
    store: Arc<Mutex<dyn Store>>,
    key: NodeKey,
}

impl Kept {
    fn open(config: &NodeConfig) -> Result<Self, NodeError> {
        let Some(directory) = &config.data_dir else {
            return Ok(Kept {
                store: Arc::new(Mutex::new(MemoryStore::default())),
                key: NodeKey::ephemeral()?,
            });
        };
        std::fs::create_dir_all(directory).map_err(|error| NodeError::DataDir {
            path: directory.clone(),
            error,
        })?;
        // The store first: it has the lock on the directory.
        let store = DiskStore::open(directory, &config.consensus)?;
        Ok(Kept {
            store: Arc::new(Mutex::new(store)),
            key: NodeKey::load_or_create(directory)?,
        })
    }
}

impl Kept {
    /// How it finds peers, with what it keeps of them.
    fn finding(&self, clock: Clock, connect_only: bool, discover: bool) -> Finding {
        Finding {
            store: Arc::clone(&self.store),
            clock,
            connect_only,
            discover: discover.then_some(MDNS_PORT),
        }
    }

    /// The participant that it was, every rule checked again.
    fn restore(&self, config: &NodeConfig, clock: Clock) -> Result<Shared, NodeError> {
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let participant = Participant::restore(
            config.consensus.clone(),
            config.relay,
            Box::new(Honest),
            getrandom::u64().map_err(KeyError::Random)?,
            &mut *store,
            clock.now().clock,
        )?;
        Ok(Shared::new(participant))
    }
}

/// Tells of connections as events too, from when there is a ledger on.
fn telling(
    notice: Box<dyn Fn(&Notice) + Send + Sync>,
    told: Arc<OnceLock<Arc<Ledger>>>,
) -> Box<dyn Fn(&Notice) + Send + Sync> {
    Box::new(move |what| {
        notice(what);
        let event = match what {
            Notice::Up { peer, .. } => What::PeerUp {
                peer: NodeId(peer.0),
            },
            Notice::Down { peer, why, .. } => What::PeerDown {
                peer: NodeId(peer.0),
                why: why.to_string(),
            },
            _ => return,
        };
        if let Some(ledger) = told.get() {
            ledger.tell(Some(NodeId(0)), event);
        }
    })
}

/// A sink for those who subscribe; without any, events are forgotten.
fn to_channel(events: broadcast::Sender<Arc<forkful_core::Event>>) -> Sink {
    Box::new(move |event| {
        if events.receiver_count() > 0 {
            let _ = events.send(Arc::new(event.clone()));
        }
    })
}

/// A sink by which the transport hears who gave the node a new block.
fn to_credit(credit: impl Fn(forkful_core::PeerId) + Send + 'static) -> Sink {
    Box::new(move |event| {
        if let What::Received { from, .. } = &event.what {
            credit(forkful_core::PeerId(from.0));
        }
    })
}
