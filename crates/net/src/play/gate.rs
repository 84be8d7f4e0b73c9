//! Between the sockets of a node and its actor: numbers of connections become numbers of nodes,
//! and what happens is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use forkful_core::event::What;
use forkful_core::{NodeId, PeerId};
use tokio::sync::mpsc;

use super::wiring::Wiring;
use crate::actor::Command;
use crate::tcp::end::End;
use crate::transport::Envelope;

/// The gate of one node while it is up.
#[derive(Debug)]
pub(super) struct Gate {
    pub node: NodeId,
    pub wiring: Arc<Wiring>,
    /// What the network of the node tells it, and brings.
    pub commands: mpsc::Receiver<Command>,
    pub messages: mpsc::Receiver<Envelope>,
    /// Connections that are over, and why.
    pub over: mpsc::UnboundedReceiver<(PeerId, End)>,
    /// The ways on, into the actor.
    pub orders: mpsc::Sender<Command>,
    pub inbox: mpsc::Sender<Envelope>,
    /// Who is at the other end of each connection.
    pub others: BTreeMap<u32, NodeId>,
    /// Who was, until it is known why it is over.
    pub parted: BTreeMap<u32, NodeId>,
}

impl Gate {
    /// Passes on until the network or the actor has ended.
    pub async fn run(mut self) {
        loop {
            // Commands first: a connection is told before its first message.
            let goes_on = tokio::select! {
                biased;
                Some(command) = self.commands.recv() => self.command(command).await,
                Some((number, why)) = self.over.recv() => {
                    self.tell_over(number, &why);
                    true
                }
                Some(envelope) = self.messages.recv() => self.deliver(envelope).await,
                else => false,
            };
            if !goes_on {
                return;
            }
        }
    }

    async fn command(&mut self, command: Command) -> bool {
        match command {
            Command::Connected(number) => self.connected(number).await,
            Command::Disconnected(number) => self.disconnected(number).await,
            other => self.orders.send(other).await.is_ok(),
        }
    }

    async fn connected(&mut self, number: PeerId) -> bool {
        let Some(other) = self.wiring.opened(self.node, number) else {
            // Nobody of this run, or gone already: the node hears nothing of it.
            return true;
        };
        // A connection that replaces another may be told before the end of that one.
        let before = self.others.iter().find(|(_, known)| **known == other);
        if let Some(before) = before.map(|(number, _)| PeerId(*number))
            && !self.disconnected(before).await
        {
            return false;
        }
        self.others.insert(number.0, other);
        self.wiring.tell(self.node, What::PeerUp { peer: other });
        self.order(Command::Connected(PeerId(other.0))).await
    }

    async fn disconnected(&mut self, number: PeerId) -> bool {
        let Some(other) = self.others.remove(&number.0) else {
            return true;
        };
        self.wiring.closed(self.node, other, number);
        self.parted.insert(number.0, other);
        self.order(Command::Disconnected(PeerId(other.0))).await
    }

    fn tell_over(&mut self, number: PeerId, why: &End) {
        if let Some(peer) = self.parted.remove(&number.0) {
            let why = why.to_string();
            self.wiring.tell(self.node, What::PeerDown { peer, why });
        }
    }

    /// Waits for a place in the node's inbox, and the socket with it: TCP drops nothing.
    async fn deliver(&mut self, envelope: Envelope) -> bool {
        let Some(from) = self.others.get(&envelope.from.0).copied() else {
            return true;
        };
        let Ok(place) = self.inbox.reserve().await else {
            return false;
        };
        self.wiring.arrived(from, self.node, &envelope.message);
        place.send(Envelope {
            from: PeerId(from.0),
            ..envelope
        });
        true
    }

    async fn order(&self, command: Command) -> bool {
        self.orders.send(command).await.is_ok()
    }
}
