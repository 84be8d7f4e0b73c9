//! The seam between a node and what carries its messages.

use forkful_core::{Message, PeerId, Wire};

/// What carries the messages of one node: channels in the mesh, sockets over TCP.
///
/// Nothing here can wait. A receiver that awaited its sends would, with bounded
/// channels all around, sooner or later wait for itself; what cannot be carried now is
/// dropped, counted, and repaired by the protocol.
pub trait Transport: Send + 'static {
    /// Hands over a message for the peer. Whether it arrives is not known.
    fn send(&mut self, to: PeerId, message: Message<Wire>);

    /// Ends the connection to the peer, for a reason that people can read.
    fn disconnect(&mut self, peer: PeerId, why: &dyn std::fmt::Display);
}

/// A message as it comes out of a transport.
#[derive(Debug)]
pub struct Envelope {
    /// Who sent it.
    pub from: PeerId,
    /// What it says.
    pub message: Message<Wire>,
}
