//! The one loop that drives a node in real time: inputs in, effects out.
//!
//! It decides nothing. What comes from the outside becomes an input,
//! [`Node::handle`](forkful_core::Node::handle) says what is to be done, and `perform` does it.

mod outside;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forkful_core::door;
use forkful_core::doorkeeper::{Doorkeeper, Passed};
use forkful_core::event::What;
use forkful_core::node::{PoolError, TipChange};
use forkful_core::{
    Block, BlockId, Effect, Effects, Hash, Input, Message, NodeId, PeerId, Time, Wire, Work,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

pub use outside::{Command, RefuseError, Taken};

use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::miner::{Found, Miner};
pub use crate::participant::{Participant, Shared};
use crate::store::{Store, StoreError};
use crate::transport::{Envelope, Transport};

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
    /// What outlives a crash. The actor holds it for one batch of puts and their commit; who
    /// else has something to keep there waits that long.
    pub store: Arc<Mutex<dyn Store>>,
    /// Where events are told.
    pub ledger: Arc<Ledger>,
    /// Whether it searches only once it is told to [`Command::Resume`].
    pub paused: bool,
}

/// Drives one node until it is stopped.
#[derive(Debug)]
pub struct Actor<T> {
    parts: Parts<T>,
    /// Lets in nothing that is too weak to matter.
    keeper: Doorkeeper,
    effects: Effects,
    /// Blocks that the node rebuilt, to be taken as if their senders had sent them whole.
    rebuilt: Vec<Envelope>,
    /// What came of the data that is being submitted, in order.
    taken: Vec<Result<Hash, PoolError>>,
    deadline: Option<Instant>,
    /// What was put could not be made durable: nothing is told any more, and the node ends.
    failed: Option<StoreError>,
}

impl<T: Transport> Actor<T> {
    /// An actor that has not begun.
    pub fn new(parts: Parts<T>) -> Self {
        Actor {
            parts,
            keeper: Doorkeeper::default(),
            effects: Effects::new(),
            rebuilt: Vec::new(),
            taken: Vec::new(),
            deadline: None,
            failed: None,
        }
    }

    /// The same, and it takes in no chain with less work than this: what protects a new node, if
    /// its operator knows how much work its network has at least.
    #[must_use]
    pub fn with_minimum_work(self, minimum: Work) -> Self {
        let keeper = Doorkeeper::new(minimum);
        Actor { keeper, ..self }
    }

    /// Runs until `shutdown`. A search under way ends with it.
    ///
    /// # Errors
    /// The store failed. Nothing was told to anybody that is not in it.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), StoreError> {
        self.input(Input::Start);
        loop {
            if let Some(error) = self.failed.take() {
                return Err(error);
            }
            // By lot: whoever floods one of these keeps none of the others waiting.
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                Some(command) = self.parts.commands.recv() => self.commanded(Some(command)),
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
                else => return Ok(()),
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
            Ok(id) => self.handle(&mut participant, [Input::Mined(id)]),
            // A clock that is far behind its peers' may forbid what it claims itself.
            Err(_) => self.start_search(&participant),
        }
    }

    fn receive(&mut self, envelope: Envelope) {
        // The loop looked at them a moment earlier. Of a peer whose connection is not known here
        // yet, the first message would be lost.
        self.commanded(None);
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
        // Who was just disconnected is not heard any more.
        if !participant.node.has_peer(from) {
            return;
        }
        if let Some(hash) = door::unknown_name(&participant.tree, &message) {
            return self.parts.transport.send(from, Message::NotFound(hash));
        }
        let now = self.parts.clock.now();
        let Participant { tree, node, .. } = participant;
        let passed = (self.keeper).admit(tree, node.public_tip(), from, message, now);
        let Passed {
            message,
            rejected,
            reply,
        } = passed;
        if let Some(reply) = reply {
            self.parts.transport.send(from, reply);
        }
        if let Some(message) = message {
            let brought = message.bodies().to_vec();
            self.handle(participant, [Input::Received(from, message)]);
            let Participant { tree, node, .. } = participant;
            door::forget_unused(tree, node, &brought);
        }
        if let Some(rejection) = rejected {
            self.tell(What::from((NodeId(from.0), &rejection)));
            self.handle(participant, [Input::Rejected(from, Box::new(rejection))]);
        }
    }

    fn input(&mut self, input: Input) {
        let shared = self.parts.shared.clone();
        self.handle(&mut shared.lock(), [input]);
    }

    /// The node handles these, and what they changed becomes durable together.
    fn handle(&mut self, participant: &mut Participant, inputs: impl IntoIterator<Item = Input>) {
        let now = self.parts.clock.now();
        let Participant { tree, node, .. } = participant;
        for input in inputs {
            node.handle(now, input, tree, &mut self.effects);
        }
        let mut effects = std::mem::take(&mut self.effects);
        self.keep(participant, &effects);
        for effect in effects.drain(..) {
            // What is not durable is not told.
            if self.failed.is_none() {
                self.perform(participant, effect);
            }
        }
        self.effects = effects;
        let Participant { tree, node, .. } = participant;
        for (peer, question) in self.keeper.ask_on(tree, node.public_tip()) {
            self.parts.transport.send(peer, question);
        }
        while let Some(envelope) = self.rebuilt.pop() {
            self.take(participant, envelope);
        }
    }

    /// Makes durable what inputs changed, before any of it is told: as one commit, so that the
    /// store is always as it was between two inputs.
    fn keep(&mut self, participant: &mut Participant, effects: &[Effect]) {
        let mut store = self.store();
        participant.keep(effects, &mut *store);
        // Nothing to wait for in memory, or nothing new: the runtime need not be told.
        let committed = match store.waits() {
            true => blocking(|| store.commit()),
            false => store.commit(),
        };
        drop(store);
        if committed.is_ok() {
            participant.durable();
        }
        self.failed = self.failed.take().or(committed.err());
    }

    fn perform(&mut self, participant: &mut Participant, effect: Effect) {
        match effect {
            // Kept already.
            Effect::Store(_) | Effect::StoreData(_) | Effect::Withheld(_) => {}
            Effect::Unused(id) => {
                let Participant { tree, node, .. } = participant;
                door::forget_unused(tree, node, &[id]);
            }
            Effect::Send(peer, message) => {
                if let Some(message) = message.to_wire(&participant.tree) {
                    self.parts.transport.send(peer, message);
                }
            }
            Effect::Mine { .. } => self.start_search(participant),
            Effect::Accepted { block, from } => self.tell_accepted(participant, block, from),
            Effect::Published(id) => {
                let block = participant.block_ref(id);
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
            } => {
                // Nobody waits to hear what became of data that was too old.
                if taken != Err(PoolError::Expired) {
                    self.taken.push(taken.map(|()| entry));
                }
                self.tell(match taken {
                    Ok(()) => What::Submitted {
                        entry,
                        bytes: saturate(bytes),
                    },
                    Err(why) => What::Refused {
                        entry,
                        why: why.to_string(),
                    },
                });
            }
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

    fn store(&self) -> MutexGuard<'_, dyn Store + 'static> {
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
                entries: saturate(tree.entries(id)),
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

/// Waits for a disk without keeping other tasks of this thread waiting. A runtime of one thread,
/// as in tests, has no other thread for them: there they wait.
pub(crate) fn blocking<T>(work: impl FnOnce() -> T) -> T {
    let runtime = tokio::runtime::Handle::current();
    match runtime.runtime_flavor() {
        tokio::runtime::RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
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
