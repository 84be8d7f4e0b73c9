//! The nodes of a run: born, crashed, restarted.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use forkful_core::event::What;
use forkful_core::{Consensus, Entry};
use forkful_pow::Kernel;
use forkful_scenario::{HashRate, NodeSpec, Scenario, StrategyKind};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::actor::{Actor, Command, Participant, Parts, Shared};
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::miner::{Miner, Speed};
use crate::play::PlayError;
use crate::play::gate::Gate;
use crate::play::wiring::{LinkTransport, Wiring};
use crate::store::{MemoryStore, Store, StoreError};
use crate::tcp::{Notice, TcpNetwork};
use crate::transport::Envelope;

/// Commands that wait for a node. Whoever commands waits when it is full; only the run
/// does, and nobody waits for the run.
const COMMANDS: usize = 64;

/// What all nodes of a run have in common.
#[derive(Debug)]
pub(super) struct Ground {
    pub consensus: Consensus,
    pub clock: Clock,
    pub ledger: Arc<Ledger>,
    pub wiring: Arc<Wiring>,
    pub kernel: Kernel,
    pub seed: u64,
    pub miners: u32,
    pub inbox: usize,
}

/// One node, whether it runs or not.
#[derive(Debug)]
pub(super) struct PlayNode {
    pub spec: NodeSpec,
    speed: Speed,
    store: Arc<Mutex<dyn Store>>,
    shared: Shared,
    running: Option<Running>,
}

/// What a node has while it runs.
struct Running {
    commands: mpsc::Sender<Command>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), StoreError>>,
    /// Its sockets and their gate, in the world that has them.
    sockets: Option<(TcpNetwork, JoinHandle<()>)>,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").finish_non_exhaustive()
    }
}

impl Ground {
    pub fn new(
        scenario: &Scenario,
        consensus: Consensus,
        clock: Clock,
        kernel: Kernel,
        ledger: Arc<Ledger>,
        wiring: Arc<Wiring>,
    ) -> Self {
        Ground {
            consensus,
            clock,
            ledger,
            wiring,
            kernel,
            seed: scenario.seed,
            miners: scenario.network.nodes,
            inbox: scenario.network.inbox,
        }
    }
}

impl PlayNode {
    /// A node that does not run yet.
    pub fn new(spec: NodeSpec, ground: &Ground) -> Self {
        let (consensus, strategy) = (ground.consensus.clone(), spec.strategy.build());
        let seed = spec.seed(ground.seed);
        let shared = Shared::new(Participant::new(consensus, spec.config, strategy, seed));
        PlayNode {
            spec,
            speed: speed(spec.hash_rate),
            store: Arc::new(Mutex::new(MemoryStore::default())),
            shared,
            running: None,
        }
    }

    /// The participant with what it has stored.
    fn restored(&self, ground: &Ground) -> Result<Participant, PlayError> {
        let spec = &self.spec;
        let mut store = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let restored = Participant::restore(
            ground.consensus.clone(),
            spec.config,
            spec.strategy.build(),
            spec.seed(ground.seed),
            &mut *store,
            ground.clock.skewed(spec.clock_skew_ms).now().clock,
        );
        // What it took in itself, from memory.
        restored.map_err(|error| PlayError::Died(format!("node {}: {error}", spec.id)))
    }

    /// Starts the node with what it has stored. If it is paused, it does not search until
    /// it is told to resume.
    ///
    /// # Errors
    /// It cannot listen, in the world in which it has to.
    pub fn start(
        &mut self,
        ground: &Ground,
        all: &CancellationToken,
        paused: bool,
    ) -> Result<(), PlayError> {
        self.shared = Shared::new(self.restored(ground)?);
        let (inbox, messages) = mpsc::channel(ground.inbox);
        let (commands, orders) = mpsc::channel(COMMANDS);
        let sockets = self.open(ground, &inbox, &commands)?;
        let (miner, found) = Miner::new(ground.kernel, self.speed, self.spec.id, ground.miners);
        let shutdown = all.child_token();
        let actor = Actor::new(Parts {
            id: self.spec.id,
            shared: self.shared.clone(),
            clock: ground.clock.skewed(self.spec.clock_skew_ms),
            inbox: messages,
            commands: orders,
            transport: LinkTransport {
                id: self.spec.id,
                wiring: Arc::clone(&ground.wiring),
            },
            miner,
            found,
            store: Arc::clone(&self.store),
            ledger: Arc::clone(&ground.ledger),
            paused,
        });
        ground.wiring.set_inbox(self.spec.id, Some(inbox));
        self.running = Some(Running {
            commands,
            task: tokio::spawn(actor.run(shutdown.clone())),
            shutdown,
            sockets,
        });
        Ok(())
    }

    /// Its sockets, in the world that has them, and the gate between them and its actor.
    fn open(
        &self,
        ground: &Ground,
        inbox: &mpsc::Sender<Envelope>,
        orders: &mpsc::Sender<Command>,
    ) -> Result<Option<(TcpNetwork, JoinHandle<()>)>, PlayError> {
        let Some(sockets) = ground.wiring.sockets() else {
            return Ok(None);
        };
        let (incoming, messages) = mpsc::channel(ground.inbox);
        let (told, commands) = mpsc::channel(COMMANDS);
        let (ended, over) = mpsc::unbounded_channel();
        let notice = move |notice: &Notice| {
            if let Notice::Down { peer, why, .. } = notice {
                // The gate is only gone when the node is down.
                let _ = ended.send((*peer, why.clone()));
            }
        };
        let (node, shared) = (self.spec.id, self.shared.clone());
        let network = sockets.open(node, shared, incoming, told, Box::new(notice))?;
        let gate = Gate {
            node,
            wiring: Arc::clone(&ground.wiring),
            commands,
            messages,
            over,
            orders: orders.clone(),
            inbox: inbox.clone(),
            others: BTreeMap::new(),
            parted: BTreeMap::new(),
        };
        Ok(Some((network, tokio::spawn(gate.run()))))
    }

    /// Stops the node and takes its memory away, but for what it stored.
    ///
    /// # Errors
    /// It had panicked.
    pub async fn stop(&mut self, ground: &Ground) -> Result<(), PlayError> {
        let Some(running) = self.running.take() else {
            return Ok(());
        };
        let id = self.spec.id;
        ground.wiring.set_inbox(id, None);
        running.shutdown.cancel();
        if let Some((network, gate)) = running.sockets {
            if let Some(sockets) = ground.wiring.sockets() {
                sockets.close(id, &ground.wiring.neighbours(id));
            }
            network.shutdown().await;
            gate.abort();
            let ended = gate.await;
            if ended.is_err_and(|error| error.is_panic()) {
                return Err(self.died());
            }
        }
        let ended = running.task.await.map_err(|_| self.died())?;
        ended.map_err(|_| self.died())
    }

    /// The participant, as it is now or as it was when it stopped.
    pub fn shared(&self) -> &Shared {
        &self.shared
    }

    pub fn is_up(&self) -> bool {
        self.running.is_some()
    }

    pub fn is_honest(&self) -> bool {
        self.spec.strategy == StrategyKind::Honest
    }

    /// The node ended though nobody stopped it.
    pub fn has_died(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            let gate = running.sockets.as_ref().map(|(_, gate)| gate);
            running.task.is_finished() || gate.is_some_and(JoinHandle::is_finished)
        })
    }

    pub fn died(&self) -> PlayError {
        PlayError::Died(format!("node {}", self.spec.id))
    }

    /// Tells the node to do something, if it runs.
    pub async fn command(&self, command: Command) {
        if let Some(running) = &self.running {
            // A node that has just died is noticed by the run.
            let _ = running.commands.send(command).await;
        }
    }

    /// Gives the node data to be mined, and comes back when it was taken or refused.
    pub async fn submit(&self, entry: Entry) {
        let (done, taken) = oneshot::channel();
        self.command(Command::Submit(entry, done)).await;
        // A node that is down takes nothing.
        let _ = taken.await;
    }

    /// Stops the node's search, and comes back when it has stopped.
    pub async fn pause(&self) {
        let (done, paused) = oneshot::channel();
        self.command(Command::Pause(done)).await;
        // A node that is down has no search.
        let _ = paused.await;
    }

    /// Changes the node's hash rate, now and after every restart.
    pub async fn set_hash_rate(&mut self, rate: HashRate, ground: &Ground) {
        self.speed = speed(rate);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let tries_per_second = match rate {
            HashRate::PerSecond(rate) => Some(rate as u64),
            HashRate::Unlimited => None,
        };
        ground
            .ledger
            .tell(Some(self.spec.id), What::HashRate { tries_per_second });
        self.command(Command::SetSpeed(self.speed)).await;
    }
}

fn speed(rate: HashRate) -> Speed {
    match rate {
        HashRate::Unlimited => Speed::Unlimited,
        HashRate::PerSecond(rate) if rate > 0.0 => Speed::Limited(rate),
        HashRate::PerSecond(_) => Speed::Off,
    }
}
