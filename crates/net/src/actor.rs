//! The one loop that drives a node in real time: inputs in, effects out.
//!
//! It decides nothing. What comes from the outside becomes an input, [`Node::handle`]
//! says what is to be done, and `perform` does it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forkful_core::door::{self, Admitted};
use forkful_core::event::What;
use forkful_core::node::TipChange;
use forkful_core::{
    Block, BlockId, BlockRef, BlockTree, Config, Consensus, Effect, Effects, Entry, Input, Message,
    Node, NodeId, PeerId, Sha256Pow, Strategy, Time, Timestamp, Wire,
};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::miner::{Found, Miner, Speed};
use crate::store::MemoryStore;
use crate::transport::{Envelope, Transport};

/// One participant: the facts it has checked and the opinions it holds.
#[derive(Debug)]
pub struct Participant {
    /// The facts.
    pub tree: BlockTree<Sha256Pow>,
    /// The opinions.
    pub node: Node,
}

impl Participant {
    /// The block, as events name it.
    pub fn block_ref(&self, id: BlockId) -> BlockRef {
        BlockRef {
            hash: self.tree.hash(id),
            height: self.tree.height(id),
        }
    }

    /// The node's tip, as events name it.
    pub fn tip(&self) -> BlockRef {
        self.block_ref(self.node.tip())
    }
}

/// A participant that its actor shares with whoever wants to look at it.
///
/// A std mutex, never held across an await: the actor holds it while it handles one
/// input, a reader while it copies what it wants.
#[derive(Clone, Debug)]
pub struct Shared(Arc<Mutex<Participant>>);

impl Shared {
    /// Shares the participant.
    pub fn new(participant: Participant) -> Self {
        Shared(Arc::new(Mutex::new(participant)))
    }

    /// Looks at the participant. A panic elsewhere does not make it unreadable: the run
    /// ends with an error then, and what is left may still be told.
    pub fn lock(&self) -> MutexGuard<'_, Participant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the outside asks of an actor, apart from messages.
#[derive(Debug)]
pub enum Command {
    /// Get this on the chain; answer when it was taken and stored, or refused.
    Submit(Entry, oneshot::Sender<()>),
    /// A connection was made.
    Connected(PeerId),
    /// A connection is gone.
    Disconnected(PeerId),
    /// Search that fast from now on.
    SetSpeed(Speed),
    /// Search no more until [`Command::Resume`]; answer when nothing is searched.
    Pause(oneshot::Sender<()>),
    /// Search again.
    Resume,
    /// Answer when everything that was commanded before is done.
    Barrier(oneshot::Sender<()>),
}

/// What an actor is made of.
#[derive(Debug)]
pub struct Parts<T> {
    /// Which node it is.
    pub id: NodeId,
    /// The participant that it drives.
    pub shared: Shared,
    /// Its clock.
    pub clock: Clock,
    /// Where messages come in. Bounded: the transport drops what does not fit.
    pub inbox: mpsc::Receiver<Envelope>,
    /// Where commands come in.
    pub commands: mpsc::Receiver<Command>,
    /// What carries its messages.
    pub transport: T,
    /// Who searches for blocks.
    pub miner: Miner,
    /// What the miner found.
    pub found: mpsc::UnboundedReceiver<Found>,
    /// What outlives a crash. Only the actor of the node, and a restart after it has
    /// ended, ever lock it.
    pub store: Arc<Mutex<MemoryStore>>,
    /// Where events are told.
    pub ledger: Arc<Ledger>,
    /// Whether it searches only once it is told to [`Command::Resume`].
    pub paused: bool,
}

/// Drives one node until it is stopped.
#[derive(Debug)]
pub struct Actor<T> {
    parts: Parts<T>,
    effects: Effects,
    /// Blocks that the node rebuilt, to be taken as if their senders had sent them whole.
    rebuilt: Vec<Envelope>,
    deadline: Option<Instant>,
}

impl<T: Transport> Actor<T> {
    /// An actor that has not begun.
    pub fn new(parts: Parts<T>) -> Self {
        Actor {
            parts,
            effects: Effects::new(),
            rebuilt: Vec::new(),
            deadline: None,
        }
    }

    /// Runs until `shutdown`. A search under way ends with it.
    pub async fn run(mut self, shutdown: CancellationToken) {
        self.input(Input::Start);
        loop {
            // In this order: what is rare first, so that no flood of messages delays it.
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                Some(command) = self.parts.commands.recv() => self.command(command),
                Some(found) = self.parts.found.recv() => match found {
                    Ok(block) => self.found(block),
                    // The node ends as its search did, and the run with it.
                    Err(panic) => std::panic::resume_unwind(panic),
                },
                () = at(self.deadline), if self.deadline.is_some() => {
                    self.deadline = None;
                    self.input(Input::Deadline);
                }
                Some(envelope) = self.parts.inbox.recv() => self.receive(envelope),
                else => return,
            }
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Submit(entry, done) => {
                self.input(Input::Mine(entry));
                // Whoever asked may have gone away meanwhile.
                let _ = done.send(());
            }
            Command::Connected(peer) => self.input(Input::Connected(peer)),
            Command::Disconnected(peer) => self.input(Input::Disconnected(peer)),
            Command::SetSpeed(speed) => {
                self.parts.miner.set_speed(speed);
                self.mine();
            }
            Command::Pause(done) => {
                self.parts.paused = true;
                self.parts.miner.stop();
                let _ = done.send(());
            }
            Command::Resume => {
                self.parts.paused = false;
                self.mine();
            }
            Command::Barrier(done) => {
                let _ = done.send(());
            }
        }
    }

    /// The miner found a block: our own goes through the same checks as everybody's.
    fn found(&mut self, block: Arc<Block>) {
        // It may have been found just before the word to pause; after that, whoever
        // asked for the pause relies on no more blocks.
        if self.parts.paused {
            return;
        }
        let shared = self.parts.shared.clone();
        let mut participant = shared.lock();
        let clock = self.parts.clock.now().clock;
        match participant.tree.insert_block(block, clock) {
            Ok(id) => self.handle(&mut participant, Input::Mined(id)),
            // A clock that is far behind its peers' may forbid what it claims itself.
            Err(_) => self.start_search(&participant),
        }
    }

    fn receive(&mut self, envelope: Envelope) {
        let shared = self.parts.shared.clone();
        self.take(&mut shared.lock(), envelope);
    }

    /// Through the door, and to the node.
    fn take(&mut self, participant: &mut Participant, envelope: Envelope) {
        // Its place is free when this returns.
        let Envelope {
            from,
            message,
            place: _place,
        } = envelope;
        if let Some(hash) = door::unknown_name(&participant.tree, &message) {
            return self.parts.transport.send(from, Message::NotFound(hash));
        }
        let clock = self.parts.clock.now().clock;
        let Admitted { message, rejected } = door::admit(&mut participant.tree, message, clock);
        if let Some(message) = message {
            self.handle(participant, Input::Received(from, message));
        }
        if let Some(rejection) = rejected {
            self.tell(What::Rejected {
                from: NodeId(from.0),
                why: rejection.to_string(),
            });
            self.handle(participant, Input::Rejected(from, Box::new(rejection)));
        }
    }

    fn input(&mut self, input: Input) {
        let shared = self.parts.shared.clone();
        self.handle(&mut shared.lock(), input);
    }

    fn handle(&mut self, participant: &mut Participant, input: Input) {
        let now = self.parts.clock.now();
        let Participant { tree, node } = participant;
        node.handle(now, input, tree, &mut self.effects);
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            self.perform(participant, effect);
        }
        self.effects = effects;
        while let Some(envelope) = self.rebuilt.pop() {
            self.take(participant, envelope);
        }
    }

    fn perform(&mut self, participant: &Participant, effect: Effect) {
        match effect {
            Effect::Store(block) => {
                if let Some(block) = participant.tree.block(block) {
                    self.store().put_block(Arc::clone(block));
                }
            }
            Effect::StoreData(entry) => self.store().put_data(entry),
            Effect::Send(peer, message) => {
                if let Some(message) = message.to_wire(&participant.tree) {
                    self.parts.transport.send(peer, message);
                }
            }
            Effect::Mine { .. } => self.start_search(participant),
            Effect::Accepted { block, from } => self.tell_accepted(participant, block, from),
            Effect::Withheld(block) => self.store().put_withheld(participant.tree.hash(block)),
            Effect::Published(id) => {
                let block = participant.block_ref(id);
                self.store().set_published(&block.hash);
                self.tell(What::Published { block });
            }
            Effect::Attempt(attempt) => self.tell(attempt.into()),
            Effect::Rebuilt(from, block) => {
                let message = Message::Block(block);
                self.rebuilt.push(Envelope::new(from, message));
            }
            Effect::TipChanged(change) => self.tell_tip(participant, change),
            Effect::Data {
                entry,
                bytes,
                taken,
            } => self.tell(match taken {
                Ok(()) => What::Submitted {
                    entry,
                    bytes: saturate(bytes),
                },
                Err(why) => What::Refused {
                    entry,
                    why: why.to_string(),
                },
            }),
            Effect::Deadline(time) => {
                let set = time != Time::NEVER;
                self.deadline = set.then(|| self.parts.clock.instant(time));
            }
            Effect::Disconnect(peer, why) => self.parts.transport.disconnect(peer, why),
        }
    }

    fn mine(&mut self) {
        let shared = self.parts.shared.clone();
        self.start_search(&shared.lock());
    }

    fn start_search(&mut self, participant: &Participant) {
        if !self.parts.paused {
            let now = self.parts.clock.now();
            let template = participant.node.template(now, &participant.tree);
            self.parts.miner.search(template);
        }
    }

    fn store(&self) -> MutexGuard<'_, MemoryStore> {
        let store = self.parts.store.lock();
        store.unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, what: What) {
        self.parts.ledger.tell(Some(self.parts.id), what);
    }

    fn tell_accepted(&self, participant: &Participant, id: BlockId, from: Option<PeerId>) {
        let block = participant.block_ref(id);
        let tree = &participant.tree;
        self.tell(match from {
            Some(peer) => What::Received {
                block,
                from: NodeId(peer.0),
            },
            None => What::Mined {
                block,
                parent: tree.header(id).previous_hash,
                entries: saturate(tree.block(id).map_or(0, |block| block.entries.len())),
            },
        });
    }

    fn tell_tip(&self, participant: &Participant, change: TipChange) {
        self.tell(What::TipChanged {
            old: participant.block_ref(change.old),
            new: participant.block_ref(change.new),
            disconnected: u32::try_from(change.disconnected).unwrap_or(u32::MAX),
            connected: u32::try_from(change.connected).unwrap_or(u32::MAX),
        });
    }
}

impl Participant {
    /// A participant that has just been born, or that comes back with what it stored.
    pub fn restore(
        consensus: Consensus,
        config: Config,
        strategy: Box<dyn Strategy>,
        seed: u64,
        store: &MemoryStore,
        clock: Timestamp,
    ) -> Self {
        let mut tree = BlockTree::new(consensus, Sha256Pow);
        for block in store.blocks() {
            // Stored blocks were valid. One that claims a time ahead of a clock that was
            // set back is asked for again.
            let _ = tree.insert_block(Arc::clone(block), clock);
        }
        // What no entry lacks cannot be missing here: that is for simulators.
        let config = Config {
            compact_failure_per_million: 0,
            ..config
        };
        let withheld = store.withheld().iter();
        let withheld = withheld.filter_map(|hash| tree.find(hash)).collect();
        let mut node = Node::restore(config, strategy, seed, &tree, withheld);
        for entry in store.data() {
            node.restore_data(&tree, Arc::clone(entry));
        }
        Participant { tree, node }
    }
}

/// What a message of this length counts as in events: lengths fit by far.
pub(crate) fn saturate(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

async fn at(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// The length of a message on the wire, as events tell it.
pub(crate) fn wire_bytes(message: &Message<Wire>) -> u32 {
    saturate(message.encoded_len())
}
