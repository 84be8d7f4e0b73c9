//! Why a connection ends, and what that means for the other end: one table.

use std::io;

use forkful_core::node::DisconnectReason;
use forkful_core::wire::WireError;

use super::hello::{HelloError, VERSION};

/// Points at which an address is banned.
pub const POINTS_MAX: u16 = 100;

/// Why a connection ended, or never was.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum End {
    /// The node ends.
    #[error("the node shuts down")]
    Shutdown,
    /// Whoever runs the node switched the network off.
    #[error("the network is switched off")]
    Inactive,
    /// Whoever runs the node asked for it.
    #[error("disconnected on request")]
    Asked,
    /// Its address is banned.
    #[error("the address is banned")]
    Banned,
    /// A limit of ours.
    #[error("no room: {0}")]
    NoRoom(&'static str),
    /// There is a connection with the same key, and that one is kept.
    #[error("there is another connection with this peer")]
    Duplicate,
    /// Both ends are this node.
    #[error("connected to itself")]
    Myself,
    /// All inbound slots are taken, and another came.
    #[error("its slot was given to another")]
    Evicted,
    /// It was only to be seen whether the address answers.
    #[error("the address answers: that was all that was to be seen")]
    Feeler,
    /// Plaintext is for one machine only.
    #[error("plaintext is refused outside loopback")]
    PlaintextOutside,
    /// The name is no address.
    #[error("the name is not known, or is no HOST:PORT")]
    NoAddress,
    /// Nothing answers at the address.
    #[error("cannot connect: {0}")]
    Unreachable(io::ErrorKind),
    /// The other end closed the connection.
    #[error("the other end closed the connection")]
    Closed,
    /// The socket failed.
    #[error("the socket failed: {0}")]
    Io(io::ErrorKind),
    /// The other end says that it leaves, and why.
    #[error("the other end says: {0}")]
    Bye(String),
    /// The handshake took too long.
    #[error("no handshake in time")]
    HandshakeTimeout,
    /// It does not answer.
    #[error("no answer to a ping")]
    PingTimeout,
    /// More waits for it than may, or it has taken nothing for too long.
    #[error("it reads too slowly")]
    SlowReader,
    /// More waits for all peers than may, and of them it has taken nothing for longest.
    #[error("too much waits for all peers, and it took nothing for longest")]
    Crowded,
    /// It speaks something else.
    #[error("the encrypted handshake failed: the other end does not speak this protocol")]
    Noise,
    /// It speaks another version.
    #[error("it speaks version {0} of the transport, this node {VERSION}")]
    WrongVersion(u32),
    /// It is of another network.
    #[error("another network: its genesis block is {theirs}, ours {ours}")]
    WrongGenesis {
        /// Its genesis block.
        theirs: forkful_core::Hash,
        /// Ours.
        ours: forkful_core::Hash,
    },
    /// Its first words are none.
    #[error("bad hello: {0}")]
    Hello(#[from] HelloError),
    /// A frame is none.
    #[error("bad frame: {0}")]
    Frame(#[from] FrameError),
    /// A message is none.
    #[error("bad message: {0}")]
    Message(#[from] WireError),
    /// The node wants it gone.
    #[error("{0}")]
    Node(DisconnectReason),
    /// The node's actor has ended.
    #[error("the node has ended")]
    NodeEnded,
}

/// A frame that nobody sends who speaks the protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FrameError {
    /// It claims to be longer than it may be at this point.
    #[error("its length is more than allowed here")]
    TooLong,
    /// It was altered, repeated, or is noise.
    #[error("it does not decrypt")]
    Decrypt,
    /// It has not even a kind.
    #[error("it is empty")]
    Empty,
    /// Nothing is of this kind.
    #[error("unknown kind {0}")]
    UnknownKind(u8),
    /// A part that does not fill its frame: parts without end would cost nothing.
    #[error("a part of {0} bytes that is not the last")]
    ShortPart(usize),
    /// The parts are more than a message.
    #[error("a message of {0} bytes and more")]
    MessageTooLong(usize),
    /// A ping is a number.
    #[error("a ping of {0} bytes")]
    PingLength(usize),
    /// A question has no payload.
    #[error("a question for addresses with {0} bytes")]
    AskLength(usize),
    /// Addresses that are fewer or more than it says.
    #[error("{0} bytes are not the length of so many addresses")]
    AddressesLength(usize),
    /// More addresses than a frame may have.
    #[error("{0} addresses in one frame")]
    TooManyAddresses(usize),
    /// A hello where none belongs, or something else where one does.
    #[error("out of order")]
    OutOfOrder,
}

/// What the other end's address has to bear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// Nothing: it may happen to anybody, or was our doing.
    Innocent,
    /// So many points. [`POINTS_MAX`] of them are a ban.
    Points(u16),
    /// A ban at once: it cannot happen by chance.
    Ban,
}

impl End {
    /// The table. It has no wildcard: a new way to end does not compile without a verdict.
    pub fn verdict(&self) -> Verdict {
        match self {
            End::Shutdown
            | End::Inactive
            | End::Asked
            | End::Banned
            | End::NoRoom(_)
            | End::Duplicate
            | End::Myself
            | End::Evicted
            | End::Feeler
            | End::PlaintextOutside
            | End::NoAddress
            | End::Unreachable(_)
            | End::Closed
            | End::Io(_)
            | End::Bye(_)
            | End::PingTimeout
            | End::Crowded
            | End::NodeEnded => Verdict::Innocent,
            // Strangers of other networks and versions call too; often is a nuisance.
            End::WrongVersion(_) | End::WrongGenesis { .. } => Verdict::Points(2),
            // A line may be that bad.
            End::HandshakeTimeout | End::Noise => Verdict::Points(10),
            End::SlowReader => Verdict::Points(20),
            End::Hello(error) => match error {
                HelloError::Length(_)
                | HelloError::UserAgentTooLong(_)
                | HelloError::NotPrintable(_) => Verdict::Ban,
            },
            End::Frame(error) => error.verdict(),
            End::Message(error) => match error {
                WireError::Truncated { .. }
                | WireError::TrailingBytes(_)
                | WireError::UnknownKind(_)
                | WireError::TooMany { .. }
                | WireError::NotABool(_)
                | WireError::TooLong(_) => Verdict::Ban,
            },
            End::Node(reason) => match reason {
                DisconnectReason::Misbehaved => Verdict::Ban,
                DisconnectReason::TooManyPeers => Verdict::Innocent,
            },
        }
    }
}

impl FrameError {
    fn verdict(self) -> Verdict {
        match self {
            // Before the handshake is done this is any other program that calls.
            FrameError::TooLong => Verdict::Points(10),
            // Whoever sits between two peers can alter bytes. A ban would be the prize.
            FrameError::Decrypt => Verdict::Points(20),
            FrameError::Empty
            | FrameError::UnknownKind(_)
            | FrameError::ShortPart(_)
            | FrameError::MessageTooLong(_)
            | FrameError::PingLength(_)
            | FrameError::AskLength(_)
            | FrameError::AddressesLength(_)
            | FrameError::TooManyAddresses(_)
            | FrameError::OutOfOrder => Verdict::Ban,
        }
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            // The codec's word for a length that is too great.
            io::ErrorKind::InvalidData => End::Frame(FrameError::TooLong),
            kind => End::Io(kind),
        }
    }
}
