//! Whole nodes over loopback, and what a test asks of them.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forkful_core::{BlockRef, Config, Consensus, Hash, Honest, NodeId, Target};
use forkful_net::actor::{Actor, Command, Participant, Parts, Shared};
use forkful_net::clock::Clock;
use forkful_net::ledger::Ledger;
use forkful_net::miner::{Miner, Speed};
use forkful_net::peers::Peers;
use forkful_net::store::{MemoryStore, StoreError};
use forkful_net::tcp::end::End;
use forkful_net::tcp::key::NodeKey;
use forkful_net::tcp::limits::Limits;
use forkful_net::tcp::{Finding, Notice, TcpConfig, TcpNetwork};
use forkful_pow::Kernel;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes: who waits so long waits for ever.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// How a node of a test differs from the others.
pub struct Wish {
    pub listen: SocketAddr,
    pub peers: Vec<String>,
    pub plaintext: bool,
    pub zero_bits: u32,
    pub limits: Limits,
    pub key: NodeKey,
    /// Where it keeps what it knows of others; `None` if it finds none by itself.
    pub finds: Option<Arc<Mutex<MemoryStore>>>,
    pub connect_only: bool,
    pub discover: Option<u16>,
}

impl Default for Wish {
    fn default() -> Self {
        Wish {
            listen: "127.0.0.1:0".parse().unwrap(),
            peers: Vec::new(),
            plaintext: false,
            zero_bits: 10,
            limits: quick(),
            key: NodeKey::ephemeral().unwrap(),
            finds: None,
            connect_only: false,
            discover: None,
        }
    }
}

impl Wish {
    fn finding(&self, clock: Clock) -> Option<Finding> {
        let store = self.finds.clone()?;
        Some(Finding {
            store,
            clock,
            connect_only: self.connect_only,
            discover: self.discover,
        })
    }
}

/// The limits, but for tries that follow each other quickly.
pub fn quick() -> Limits {
    Limits {
        backoff: Duration::from_millis(20),
        backoff_max: Duration::from_millis(100),
        fill: Duration::from_millis(10),
        idle: Duration::from_millis(100),
        news: Duration::from_millis(20),
        save: Duration::from_millis(200),
        ..Limits::default()
    }
}

/// A whole node.
pub struct TestNode {
    pub address: SocketAddr,
    pub key: [u8; 32],
    pub genesis: Hash,
    pub peers: Arc<dyn Peers>,
    pub shared: Shared,
    commands: mpsc::Sender<Command>,
    ledger: Arc<Ledger>,
    notices: mpsc::UnboundedReceiver<Notice>,
    network: TcpNetwork,
    shutdown: CancellationToken,
    actor: JoinHandle<Result<(), StoreError>>,
}

impl TestNode {
    pub fn start(wish: Wish) -> TestNode {
        let clock = Clock::start();
        let finding = wish.finding(clock);
        let target = Target::from_zero_bits(wish.zero_bits).unwrap();
        let consensus = Consensus::fixed(target);
        let hash = consensus.genesis().header.hash();
        let genesis = BlockRef { hash, height: 0 };
        let shared = participant(consensus);
        let ledger = Arc::new(Ledger::new(clock, genesis, 1, Vec::new()));
        let (miner, found) = Miner::new(Kernel::best(), Speed::Off, NodeId(0), 1);
        let (inbox, messages) = mpsc::channel(64);
        let (commands, orders) = mpsc::channel(64);
        let (notice, notices) = mpsc::unbounded_channel();
        let (best, key) = (shared.clone(), wish.key.public());
        let config = TcpConfig {
            listen: Some(wish.listen),
            peers: wish.peers,
            key: wish.key,
            plaintext: wish.plaintext,
            genesis: genesis.hash,
            user_agent: "/forkful:test/".to_owned(),
            limits: wish.limits,
            finding,
            best: Box::new(move || {
                let participant = best.lock();
                let tip = participant.node.tip();
                let tree = &participant.tree;
                (tree.height(tip), tree.total_work(tip))
            }),
            notice: Box::new(move |told| drop(notice.send(told.clone()))),
        };
        let (network, transport) = TcpNetwork::start(config, inbox, commands.clone()).unwrap();
        let shutdown = CancellationToken::new();
        let actor = Actor::new(Parts {
            id: NodeId(0),
            shared: shared.clone(),
            clock,
            inbox: messages,
            commands: orders,
            transport,
            miner,
            found,
            store: Arc::new(Mutex::new(MemoryStore::default())),
            ledger: Arc::clone(&ledger),
            paused: false,
        });
        let peers = network.peers();
        TestNode {
            address: peers.listening().unwrap(),
            key,
            genesis: genesis.hash,
            peers,
            shared,
            commands,
            ledger,
            notices,
            network,
            actor: tokio::spawn(actor.run(shutdown.clone())),
            shutdown,
        }
    }

    pub fn tip(&self) -> BlockRef {
        self.shared.lock().tip()
    }

    pub async fn command(&self, command: Command) {
        self.commands.send(command).await.unwrap();
    }

    /// Mines until the chain is so high, and stops.
    pub async fn mine_to(&self, height: u64) {
        self.command(Command::SetSpeed(Speed::Unlimited)).await;
        self.reach(height).await;
        self.command(Command::SetSpeed(Speed::Off)).await;
    }

    /// Waits until the chain is so high.
    pub async fn reach(&self, height: u64) {
        self.until(|tip| tip.height >= height).await;
    }

    /// Waits until the tip is as wanted.
    pub async fn until(&self, wanted: impl Fn(BlockRef) -> bool) {
        let reached = async {
            while !wanted(self.tip()) {
                self.ledger.changed().await;
            }
        };
        timeout(PATIENCE, reached).await.expect("the tip in time");
    }

    /// Waits for a notice for which `wanted` gives something.
    pub async fn notice<T>(&mut self, wanted: impl Fn(&Notice) -> Option<T>) -> T {
        let mut passed = Vec::new();
        let found = async {
            loop {
                let notice = self.notices.recv().await.expect("the node to live");
                match wanted(&notice) {
                    Some(found) => return found,
                    None => passed.push(notice),
                }
            }
        };
        match timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!("no such notice, but {passed:?}"),
        }
    }

    /// Why connections ended, of which nobody has been told yet.
    pub fn ends(&mut self) -> Vec<End> {
        let mut ends = Vec::new();
        while let Ok(notice) = self.notices.try_recv() {
            if let Notice::Down { why, .. } = notice {
                ends.push(why);
            }
        }
        ends
    }

    /// Waits until a peer with this key is connected.
    pub async fn up(&mut self, wanted: [u8; 32]) {
        self.notice(|notice| match notice {
            Notice::Up { key, .. } if *key == wanted => Some(()),
            _ => None,
        })
        .await;
    }

    /// Ends the node; whether every connection ended in time.
    pub async fn stop(self) -> bool {
        self.shutdown.cancel();
        let ended = self.network.shutdown().await;
        self.actor.await.unwrap().unwrap();
        ended
    }
}

/// What a node is without its chain.
fn participant(consensus: Consensus) -> Shared {
    let (config, honest) = (Config::default(), Box::new(Honest));
    Shared::new(Participant::new(consensus, config, honest, 1))
}

/// A node, and another that keeps up a connection to it, both knowing of each other.
pub async fn pair(limits: Limits) -> (TestNode, TestNode) {
    let mut first = TestNode::start(Wish {
        limits,
        ..Wish::default()
    });
    let mut second = TestNode::start(Wish {
        peers: vec![first.address.to_string()],
        ..Wish::default()
    });
    second.up(first.key).await;
    first.up(second.key).await;
    (first, second)
}
