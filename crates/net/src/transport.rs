//! The seam between a node and what carries its messages.

use forkful_core::node::DisconnectReason;
use forkful_core::{Message, PeerId, Wire};
use tokio::sync::OwnedSemaphorePermit;

/// What carries the messages of one node: channels in the mesh, sockets over TCP.
///
/// Nothing here can wait. A receiver that awaited its sends would, with bounded
/// channels all around, sooner or later wait for itself; what cannot be carried now is
/// dropped, counted, and repaired by the protocol.
pub trait Transport: Send + 'static {
    /// Hands over a message for the peer. Whether it arrives is not known.
    fn send(&mut self, to: PeerId, message: Message<Wire>);

    /// Ends the connection to the peer. What that means for the peer is the transport's
    /// to know.
    fn disconnect(&mut self, peer: PeerId, why: DisconnectReason);
}

/// A message as it comes out of a transport.
#[derive(Debug)]
pub struct Envelope {
    /// Who sent it.
    pub from: PeerId,
    /// What it says.
    pub message: Message<Wire>,
    /// Its place among those that wait; given back when it is handled.
    pub place: Option<Place>,
}

/// What a message takes of the bounds of those that wait.
#[derive(Debug)]
pub struct Place {
    /// Of the messages of its sender.
    pub of_peer: OwnedSemaphorePermit,
    /// Of the memory of all.
    pub of_all: OwnedSemaphorePermit,
}

impl Envelope {
    /// An envelope whose sender has no bound of its own.
    pub fn new(from: PeerId, message: Message<Wire>) -> Self {
        Envelope {
            from,
            message,
            place: None,
        }
    }
}
