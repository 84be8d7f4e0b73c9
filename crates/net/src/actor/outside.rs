//! What the outside asks of an actor: data, blocks, opinions, and how fast to search.

use std::sync::Arc;

use forkful_core::node::PoolError;
use forkful_core::{Block, BlockId, Entry, Hash, Input, PeerId, RuleError};
use tokio::sync::oneshot;

use crate::actor::{Actor, Participant};
use crate::miner::Speed;
use crate::store::Blob;
use crate::transport::Transport;

/// What the outside asks of an actor, apart from messages.
#[derive(Debug)]
pub enum Command {
    /// Get this on the chain; answer when it was taken and stored, or refused.
    Submit(Entry, oneshot::Sender<Result<Hash, PoolError>>),
    /// Somebody outside found this block; answer what became of it, or the rule it broke.
    SubmitBlock(Arc<Block>, oneshot::Sender<Result<Taken, RuleError>>),
    /// Refuse this block and what is built on it from now on; answer when it is done, or why
    /// it cannot be.
    Refuse(BlockId, oneshot::Sender<Result<(), RefuseError>>),
    /// Refuse this block no longer, nor its ancestors and descendants; answer when it is done.
    Reconsider(BlockId, oneshot::Sender<()>),
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

/// Data, and who waits to hear what came of it.
type Submitted = (Entry, oneshot::Sender<Result<Hash, PoolError>>);

/// What became of a block that was submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Taken {
    /// It is on the active chain now.
    Active,
    /// It is on another branch.
    Branch,
    /// It was here already.
    Known,
    /// It was here already, and is known to be invalid.
    KnownInvalid,
    /// It was not taken, because the body of its parent is not here yet.
    Unconnected,
}

/// Why a block cannot be refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RefuseError {
    /// Genesis is what makes the network.
    #[error("the genesis block cannot be refused")]
    Genesis,
    /// There are too many already.
    #[error("{} blocks are refused already", forkful_core::limits::REFUSED_MAX)]
    Full,
}

impl<T: Transport> Actor<T> {
    /// Does what is commanded and what waits behind it by now, so that nothing else overtakes it.
    /// Data that many submitted while one commit was under way becomes durable with the next.
    pub(super) fn commanded(&mut self, first: Option<Command>) {
        let behind = self.parts.commands.len();
        let mut submitted = Vec::new();
        let mut next = first;
        for _ in 0..=behind {
            match next.or_else(|| self.parts.commands.try_recv().ok()) {
                Some(Command::Submit(entry, done)) => submitted.push((entry, done)),
                Some(command) => {
                    self.submit(std::mem::take(&mut submitted));
                    self.command(command);
                }
                None => break,
            }
            next = None;
        }
        self.submit(submitted);
    }

    fn submit(&mut self, submitted: Vec<Submitted>) {
        if submitted.is_empty() {
            return;
        }
        let (entries, askers): (Vec<_>, Vec<_>) = submitted.into_iter().unzip();
        let shared = self.parts.shared.clone();
        self.handle(&mut shared.lock(), entries.into_iter().map(Input::Mine));
        // No answer if it could not be stored. Whoever asked may have gone away meanwhile.
        for (done, taken) in askers.into_iter().zip(self.taken.drain(..)) {
            let _ = done.send(taken);
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Submit(entry, done) => self.submit(vec![(entry, done)]),
            Command::SubmitBlock(block, done) => {
                let taken = self.submit_block(block);
                if self.failed.is_none() {
                    let _ = done.send(taken);
                }
            }
            Command::Refuse(block, done) => {
                let refused = self.refuse(block);
                if self.failed.is_none() {
                    let _ = done.send(refused);
                }
            }
            Command::Reconsider(block, done) => {
                self.input(Input::Reconsider(block));
                self.keep_refused();
                if self.failed.is_none() {
                    let _ = done.send(());
                }
            }
            Command::Connected(peer) => self.input(Input::Connected(peer)),
            Command::Disconnected(peer) => {
                self.keeper.forget(peer);
                self.input(Input::Disconnected(peer));
            }
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

    fn refuse(&mut self, block: BlockId) -> Result<(), RefuseError> {
        if block == BlockId::GENESIS {
            return Err(RefuseError::Genesis);
        }
        self.input(Input::Refuse(block));
        let is_done = {
            let participant = self.parts.shared.lock();
            participant.node.refused().contains(&block)
        };
        if is_done {
            self.keep_refused();
        }
        is_done.then_some(()).ok_or(RefuseError::Full)
    }

    /// Makes durable what is refused, before it is acknowledged. The chain that comes of it is a
    /// commit of its own: after a crash between the two the node refuses what it did before.
    fn keep_refused(&mut self) {
        let hashes: Vec<u8> = {
            let participant = self.parts.shared.lock();
            let refused = participant.node.refused().iter();
            refused
                .flat_map(|id| participant.tree.hash(*id).0)
                .collect()
        };
        let saved = super::blocking(|| self.store().save(Blob::Refused, &hashes));
        self.failed = self.failed.take().or(saved.err());
    }

    /// A block from outside, by the same way as one that our own miner found.
    fn submit_block(&mut self, block: Arc<Block>) -> Result<Taken, RuleError> {
        let shared = self.parts.shared.clone();
        let mut participant = shared.lock();
        let Participant { tree, node, .. } = &mut *participant;
        if let Some(id) = tree.find(&block.header.hash()) {
            if tree.is_invalid(id) || node.is_refused(tree, id) {
                return Ok(Taken::KnownInvalid);
            }
            if node.view().has_body(id) {
                return Ok(Taken::Known);
            }
        }
        let parent = block.header.previous_hash;
        let parent = tree.find(&parent).ok_or(RuleError::UnknownParent(parent))?;
        if node.is_refused(tree, parent) {
            return Err(RuleError::InvalidAncestor);
        }
        if !node.view().is_connected(parent) {
            return Ok(match tree.is_invalid(parent) {
                true => return Err(RuleError::InvalidAncestor),
                false => Taken::Unconnected,
            });
        }
        let clock = self.parts.clock.now().clock;
        let id = tree.insert_block(block, clock)?;
        self.handle(&mut participant, [Input::Mined(id)]);
        let is_active = participant.tree.is_ancestor(id, participant.node.tip());
        Ok(if is_active {
            Taken::Active
        } else {
            Taken::Branch
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use forkful_core::event::{BlockRef, NodeId};
    use forkful_core::node::{Config, DisconnectReason};
    use forkful_core::{Consensus, Honest, Message, MessageKind, Target, Wire};
    use forkful_pow::Kernel;
    use tokio::sync::mpsc;

    use super::*;
    use crate::actor::{Parts, Shared};
    use crate::clock::Clock;
    use crate::ledger::Ledger;
    use crate::miner::Miner;
    use crate::store::MemoryStore;
    use crate::transport::Envelope;

    struct Sent(Arc<Mutex<Vec<MessageKind>>>);

    impl Transport for Sent {
        fn send(&mut self, _: PeerId, message: Message<Wire>) {
            self.0.lock().unwrap().push(message.kind());
        }
        fn disconnect(&mut self, _: PeerId, _: DisconnectReason) {}
    }

    #[tokio::test]
    async fn the_first_message_of_a_connection_is_heard_though_it_is_looked_at_first() {
        let sent = Arc::default();
        let consensus = Consensus::fixed(Target::from_zero_bits(4).unwrap());
        let hash = consensus.genesis().header.hash();
        let node = Participant::new(consensus, Config::default(), Box::new(Honest), 1);
        let (commands, orders) = mpsc::channel(1);
        let (miner, found) = Miner::new(Kernel::best(), Speed::Off, NodeId(0), 1);
        let clock = Clock::start();
        let genesis = BlockRef { hash, height: 0 };
        let mut actor = Actor::new(Parts {
            id: NodeId(0),
            shared: Shared::new(node),
            clock,
            inbox: mpsc::channel(1).1,
            commands: orders,
            transport: Sent(Arc::clone(&sent)),
            miner,
            found,
            store: Arc::new(Mutex::new(MemoryStore::default())),
            ledger: Arc::new(Ledger::new(clock, genesis, 1, Vec::new())),
            paused: true,
        });
        let peer = PeerId(1);
        commands.send(Command::Connected(peer)).await.unwrap();
        actor.receive(Envelope::new(peer, Message::RequestBlock(hash)));
        assert!(sent.lock().unwrap().contains(&MessageKind::Block));
    }
}
