//! An encrypted channel of frames over a socket.
//!
//! ```text
//! on the wire    length u16 (big-endian), so many bytes: one Noise message
//! in a frame     kind u8, payload
//! kind 0 part    a piece of a message of the protocol that goes on; it fills its frame
//! kind 1 last    its last piece
//! kind 2 ping    u64
//! kind 3 pong    the u64 of the ping
//! kind 4 bye     why the connection ends: printable ASCII, at most 128 bytes
//! kind 5 hello   see `hello`; the first frame of each end, and only that
//! kind 6 ask     nothing: which addresses do you know?
//! kind 7 addresses, see `gossip`
//! ```
//!
//! The channel is `Noise_XX_25519_ChaChaPoly_SHA256` with [`PROLOGUE`]; its three
//! messages have empty payloads and are framed likewise. In plaintext there is no Noise
//! handshake, and a frame is not encrypted. Both directions count their frames from 0 as
//! Noise's nonce, so a frame that is repeated, left out or moved fails to decrypt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use snow::StatelessTransportState;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use super::end::{End, FrameError};
use super::gossip::{self, Seen};
use super::hello::sanitised_to;
use super::key::NodeKey;
use super::limits::{CHUNK_BYTES_MAX, FRAME_BYTES_MAX, HANDSHAKE_FRAME_BYTES_MAX};
use super::pace::Pace;
use forkful_core::limits::MESSAGE_BYTES_MAX;

/// Mixed into the handshake: an end that speaks something else fails in it.
pub const PROLOGUE: &[u8] = b"forkful transport 1";

const NOISE: &str = "Noise_XX_25519_ChaChaPoly_SHA256";
const TAG_BYTES: usize = 16;
const BYE_BYTES_MAX: usize = 128;

/// One thing that one end tells the other.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Frame {
    /// The bytes of a whole message of the protocol.
    Message(Vec<u8>),
    /// Are you there?
    Ping(u64),
    /// I am.
    Pong(u64),
    /// The connection ends, and why.
    Bye(String),
    /// The first words, see [`Hello`](super::hello::Hello).
    Hello(Vec<u8>),
    /// Which addresses do you know?
    Ask,
    /// Addresses that the sender knows.
    Addresses(Vec<Seen>),
}

/// What makes bytes of a frame, and of bytes a frame.
#[derive(Clone)]
enum Cipher {
    Plain,
    Noise(Arc<StatelessTransportState>),
}

/// The half that hears.
pub struct Reader<R = OwnedReadHalf> {
    framed: FramedRead<R, LengthDelimitedCodec>,
    cipher: Cipher,
    nonce: u64,
    pace: Pace,
    message: Vec<u8>,
    /// Bytes that came, as they travel.
    pub received: Arc<AtomicU64>,
}

/// The half that speaks.
pub struct Writer<W = OwnedWriteHalf> {
    framed: FramedWrite<W, LengthDelimitedCodec>,
    cipher: Cipher,
    nonce: u64,
    /// Bytes that went, as they travel.
    pub sent: Arc<AtomicU64>,
}

/// Both halves, as yet in plaintext.
pub fn open(stream: TcpStream, pace: Pace) -> (Reader, Writer) {
    let (read, write) = stream.into_split();
    over(read, write, pace)
}

/// The same over whatever carries bytes.
pub fn over<R: AsyncRead, W: AsyncWrite>(read: R, write: W, pace: Pace) -> (Reader<R>, Writer<W>) {
    let reader = Reader {
        framed: FramedRead::new(read, codec()),
        cipher: Cipher::Plain,
        nonce: 0,
        pace,
        message: Vec::new(),
        received: Arc::default(),
    };
    let writer = Writer {
        framed: FramedWrite::new(write, codec()),
        cipher: Cipher::Plain,
        nonce: 0,
        sent: Arc::default(),
    };
    (reader, writer)
}

fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_length(2)
        .max_frame_length(HANDSHAKE_FRAME_BYTES_MAX)
        .new_codec()
}

/// The Noise handshake. Returns the static key of the other end, which has proved that
/// it has the private half.
///
/// # Errors
/// The other end does not speak Noise, or not with this prologue; the socket failed.
pub async fn encrypt<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    reader: &mut Reader<R>,
    writer: &mut Writer<W>,
    key: &NodeKey,
    initiator: bool,
) -> Result<[u8; 32], End> {
    let noise = |_| End::Noise;
    let builder = snow::Builder::new(NOISE.parse().map_err(noise)?)
        .local_private_key(key.private())
        .and_then(|builder| builder.prologue(PROLOGUE))
        .map_err(noise)?;
    let mut state = match initiator {
        true => builder.build_initiator(),
        false => builder.build_responder(),
    }
    .map_err(noise)?;
    let mut buffer = [0; HANDSHAKE_FRAME_BYTES_MAX];
    while !state.is_handshake_finished() {
        if state.is_my_turn() {
            let length = state.write_message(&[], &mut buffer).map_err(noise)?;
            writer.put(&buffer[..length]).await?;
            writer.flush().await?;
        } else {
            let bytes = reader.take().await?;
            state.read_message(&bytes, &mut buffer).map_err(noise)?;
        }
    }
    let mut theirs = [0; 32];
    theirs.copy_from_slice(state.get_remote_static().ok_or(End::Noise)?);
    let state = Arc::new(state.into_stateless_transport_mode().map_err(noise)?);
    reader.cipher = Cipher::Noise(Arc::clone(&state));
    writer.cipher = Cipher::Noise(state);
    Ok(theirs)
}

/// From here on frames may be as long as a frame can be.
pub fn widen<R, W>(reader: &mut Reader<R>, writer: &mut Writer<W>) {
    let decoder = reader.framed.decoder_mut();
    decoder.set_max_frame_length(FRAME_BYTES_MAX);
    let encoder = writer.framed.encoder_mut();
    encoder.set_max_frame_length(FRAME_BYTES_MAX);
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// The next frame, parts of a message put together.
    ///
    /// # Errors
    /// The connection is over, or the bytes are not what they should be.
    pub async fn next(&mut self) -> Result<Frame, End> {
        loop {
            let bytes = self.take().await?;
            let plain = self.decrypt(&bytes)?;
            let (kind, payload) = plain.split_first().ok_or(FrameError::Empty)?;
            match kind {
                0 | 1 => {
                    if *kind == 0 && payload.len() != CHUNK_BYTES_MAX {
                        return Err(FrameError::ShortPart(payload.len()).into());
                    }
                    let length = self.message.len() + payload.len();
                    if length > MESSAGE_BYTES_MAX {
                        return Err(FrameError::MessageTooLong(length).into());
                    }
                    self.message.extend_from_slice(payload);
                    if *kind == 1 {
                        return Ok(Frame::Message(std::mem::take(&mut self.message)));
                    }
                }
                2 => return Ok(Frame::Ping(number(payload)?)),
                3 => return Ok(Frame::Pong(number(payload)?)),
                4 => {
                    let text = String::from_utf8_lossy(payload);
                    return Ok(Frame::Bye(sanitised_to(&text, BYE_BYTES_MAX)));
                }
                5 => return Ok(Frame::Hello(payload.to_vec())),
                6 if payload.is_empty() => return Ok(Frame::Ask),
                6 => return Err(FrameError::AskLength(payload.len()).into()),
                7 => return Ok(Frame::Addresses(gossip::decode(payload)?)),
                other => return Err(FrameError::UnknownKind(*other).into()),
            }
        }
    }

    /// The bytes of one frame, not faster than the peer may send.
    async fn take(&mut self) -> Result<Bytes, End> {
        let bytes = match self.framed.next().await {
            None => return Err(End::Closed),
            // A length that is too great, or an end in the middle of a frame.
            Some(Err(error)) => return Err(End::from(error)),
            Some(Ok(bytes)) => bytes.freeze(),
        };
        let length = bytes.len() + 2;
        self.received.fetch_add(length as u64, Ordering::Relaxed);
        self.pace.take(length).await;
        Ok(bytes)
    }

    fn decrypt(&mut self, bytes: &Bytes) -> Result<Bytes, End> {
        let Cipher::Noise(state) = &self.cipher else {
            return Ok(bytes.clone());
        };
        let mut plain = vec![0; bytes.len()];
        let length = state
            .read_message(self.nonce, bytes, &mut plain)
            .map_err(|_| FrameError::Decrypt)?;
        self.nonce += 1;
        plain.truncate(length);
        Ok(plain.into())
    }
}

impl<W: AsyncWrite + Unpin> Writer<W> {
    /// What it wrote to.
    pub fn into_inner(self) -> W {
        self.framed.into_inner()
    }

    /// Sends a frame, a long message in parts.
    ///
    /// # Errors
    /// The connection is over.
    pub async fn send(&mut self, frame: &Frame) -> Result<(), End> {
        match frame {
            Frame::Message(bytes) => self.send_message(bytes).await?,
            Frame::Ping(number) => self.seal(2, &number.to_be_bytes()).await?,
            Frame::Pong(number) => self.seal(3, &number.to_be_bytes()).await?,
            Frame::Bye(why) => {
                let why = sanitised_to(why, BYE_BYTES_MAX);
                self.seal(4, why.as_bytes()).await?;
            }
            Frame::Hello(bytes) => self.seal(5, bytes).await?,
            Frame::Ask => self.seal(6, &[]).await?,
            Frame::Addresses(addresses) => self.seal(7, &gossip::encode(addresses)).await?,
        }
        self.flush().await
    }

    async fn send_message(&mut self, bytes: &[u8]) -> Result<(), End> {
        let mut left = bytes;
        while left.len() > CHUNK_BYTES_MAX {
            let (part, rest) = left.split_at(CHUNK_BYTES_MAX);
            self.seal(0, part).await?;
            left = rest;
        }
        self.seal(1, left).await
    }

    async fn seal(&mut self, kind: u8, payload: &[u8]) -> Result<(), End> {
        let mut plain = Vec::with_capacity(1 + payload.len());
        plain.push(kind);
        plain.extend_from_slice(payload);
        let Cipher::Noise(state) = &self.cipher else {
            return self.put(&plain).await;
        };
        let mut sealed = vec![0; plain.len() + TAG_BYTES];
        let length = state
            .write_message(self.nonce, &plain, &mut sealed)
            .map_err(|_| End::Noise)?;
        self.nonce += 1;
        self.put(&sealed[..length]).await
    }

    async fn put(&mut self, bytes: &[u8]) -> Result<(), End> {
        let length = bytes.len() as u64 + 2;
        self.framed.feed(Bytes::copy_from_slice(bytes)).await?;
        self.sent.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), End> {
        Ok(SinkExt::<Bytes>::flush(&mut self.framed).await?)
    }
}

fn number(payload: &[u8]) -> Result<u64, FrameError> {
    let bytes = payload.try_into();
    let bytes = bytes.map_err(|_| FrameError::PingLength(payload.len()))?;
    Ok(u64::from_be_bytes(bytes))
}
