//! The bytes of a message: one specified layout, see docs/protocol.md.
//!
//! ```text
//! message  = kind u8, payload
//! header   = 88 bytes, see `block`
//! entry    = length u32, bytes
//! block    = header, count u32, count x entry
//! hash     = 32 bytes
//! list     = count u32, count x item
//! ```
//!
//! Integers are big-endian. Every message has one encoding only, and decoding consumes
//! the whole input. A count is held against the bytes that are left before anything is
//! allocated for it.

use std::sync::Arc;

use crate::block::{Block, Entry, Header};
use crate::event::MessageKind;
use crate::hash::Hash;
use crate::limits;
use crate::message::{Message, Wire};
use crate::short_id::ShortId;

/// Bytes that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The input ends inside a message.
    #[error("the message ends at byte {at}, {missing} bytes too early")]
    Truncated {
        /// Where the input ends.
        at: usize,
        /// How many bytes are missing at least.
        missing: usize,
    },
    /// Bytes are left behind the message.
    #[error("{0} bytes too many after the message")]
    TrailingBytes(usize),
    /// No message starts with this byte.
    #[error("unknown message kind {0}")]
    UnknownKind(u8),
    /// A list is longer than the protocol allows.
    #[error("{found} {what} in one message, but {most} are allowed")]
    TooMany {
        /// What is listed.
        what: &'static str,
        /// How many are allowed.
        most: usize,
        /// How many the message claims.
        found: usize,
    },
    /// A yes-or-no byte is neither 0 nor 1.
    #[error("byte {0} where 0 or 1 belongs")]
    NotABool(u8),
    /// The message is longer than any may be.
    #[error("a message of {0} bytes is longer than {most}", most = limits::MESSAGE_BYTES_MAX)]
    TooLong(usize),
}

impl MessageKind {
    /// The byte that a message of this kind starts with.
    pub fn byte(self) -> u8 {
        match self {
            MessageKind::NewBlock => 1,
            MessageKind::Announce => 2,
            MessageKind::RequestBlock => 3,
            MessageKind::Block => 4,
            MessageKind::NotFound => 5,
            MessageKind::RequestHeaders => 6,
            MessageKind::Headers => 7,
            MessageKind::RequestChain => 8,
            MessageKind::Chain => 9,
            MessageKind::NewData => 10,
            MessageKind::RequestCompact => 11,
            MessageKind::CompactBlock => 12,
            MessageKind::RequestEntries => 13,
            MessageKind::Entries => 14,
        }
    }

    fn from_byte(byte: u8) -> Result<Self, WireError> {
        MessageKind::ALL
            .into_iter()
            .find(|kind| kind.byte() == byte)
            .ok_or(WireError::UnknownKind(byte))
    }
}

impl Message<Wire> {
    /// Appends the bytes of the message to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.kind().byte());
        match self {
            Message::NewBlock(block) | Message::Block(block) => put_block(out, block),
            Message::Announce(header) => out.extend_from_slice(&header.to_bytes()),
            Message::RequestBlock(hash)
            | Message::NotFound(hash)
            | Message::RequestCompact(hash) => out.extend_from_slice(&hash.0),
            Message::RequestHeaders(locator) | Message::RequestChain(locator) => {
                put_count(out, locator.len());
                for hash in locator {
                    out.extend_from_slice(&hash.0);
                }
            }
            Message::Headers { headers, more } => {
                out.push(u8::from(*more));
                put_count(out, headers.len());
                for header in headers {
                    out.extend_from_slice(&header.to_bytes());
                }
            }
            Message::NewData(entry) => put_entry(out, entry),
            Message::Chain { blocks, more } => {
                out.push(u8::from(*more));
                put_count(out, blocks.len());
                for block in blocks {
                    put_block(out, block);
                }
            }
            Message::CompactBlock {
                header,
                nonce,
                short_ids,
            } => {
                out.extend_from_slice(&header.to_bytes());
                out.extend_from_slice(&nonce.to_be_bytes());
                put_count(out, short_ids.len());
                for id in short_ids.iter() {
                    out.extend_from_slice(&id.0);
                }
            }
            Message::RequestEntries { block, indices } => {
                out.extend_from_slice(&block.0);
                put_count(out, indices.len());
                for index in indices {
                    out.extend_from_slice(&index.to_be_bytes());
                }
            }
            Message::Entries { block, entries } => {
                out.extend_from_slice(&block.0);
                put_entries(out, entries);
            }
        }
    }

    /// How many bytes [`encode`](Self::encode) would append.
    pub fn encoded_len(&self) -> usize {
        self.len_with(|block| block_len(block))
    }

    /// Reads one message that is all of `bytes`.
    ///
    /// # Errors
    /// What is wrong with the bytes. The memory taken is a small multiple of their length
    /// at most, whatever they claim.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        if bytes.len() > limits::MESSAGE_BYTES_MAX {
            return Err(WireError::TooLong(bytes.len()));
        }
        let mut input = Input { bytes, at: 0 };
        let message = input.message()?;
        match bytes.len() - input.at {
            0 => Ok(message),
            left => Err(WireError::TrailingBytes(left)),
        }
    }
}

impl Block {
    /// The block's bytes as they stand in messages and stores.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(block_len(self));
        put_block(&mut out, self);
        out
    }

    /// Reads a block that is all of `bytes`.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut input = Input { bytes, at: 0 };
        let block = input.owned_block()?;
        match bytes.len() - input.at {
            0 => Ok(block),
            left => Err(WireError::TrailingBytes(left)),
        }
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    // Every list is bounded far below u32 by `limits`; a longer one would be refused
    // by its reader, which is what the saturated count brings about too.
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    out.extend_from_slice(&count.to_be_bytes());
}

fn put_block(out: &mut Vec<u8>, block: &Block) {
    out.extend_from_slice(&block.header.to_bytes());
    put_entries(out, &block.entries);
}

fn put_entries(out: &mut Vec<u8>, entries: &[Entry]) {
    put_count(out, entries.len());
    for entry in entries {
        put_entry(out, entry);
    }
}

fn put_entry(out: &mut Vec<u8>, entry: &[u8]) {
    put_count(out, entry.len());
    out.extend_from_slice(entry);
}

/// The length of a block on the wire in bytes.
pub fn block_len(block: &Block) -> usize {
    Header::LEN + 4 + 4 * block.entries.len() + block.body_bytes()
}

/// The bytes of a message and how far they were read.
struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn message(&mut self) -> Result<Message<Wire>, WireError> {
        let kind = MessageKind::from_byte(self.byte()?)?;
        Ok(match kind {
            MessageKind::NewBlock => Message::NewBlock(self.block()?),
            MessageKind::Announce => Message::Announce(self.header()?),
            MessageKind::RequestBlock => Message::RequestBlock(self.hash()?),
            MessageKind::Block => Message::Block(self.block()?),
            MessageKind::NotFound => Message::NotFound(self.hash()?),
            MessageKind::RequestHeaders => Message::RequestHeaders(self.locator()?),
            MessageKind::Headers => Message::Headers {
                more: self.bool()?,
                headers: self.list("headers", limits::HEADERS_MAX, Header::LEN, Input::header)?,
            },
            MessageKind::RequestChain => Message::RequestChain(self.locator()?),
            MessageKind::NewData => Message::NewData(self.entry()?),
            MessageKind::Chain => Message::Chain {
                more: self.bool()?,
                blocks: self.list(
                    "blocks",
                    limits::CHAIN_BLOCKS_MAX,
                    Header::LEN + 4,
                    Input::block,
                )?,
            },
            MessageKind::RequestCompact => Message::RequestCompact(self.hash()?),
            MessageKind::CompactBlock => Message::CompactBlock {
                header: self.header()?,
                nonce: self.array().map(u64::from_be_bytes)?,
                short_ids: self.short_ids()?.into(),
            },
            MessageKind::RequestEntries => Message::RequestEntries {
                block: self.hash()?,
                indices: self.list("indices", limits::WIRE_ENTRIES_MAX, 4, |input| {
                    input.array().map(u32::from_be_bytes)
                })?,
            },
            MessageKind::Entries => Message::Entries {
                block: self.hash()?,
                entries: self.entries()?,
            },
        })
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let left = &self.bytes[self.at..];
        if count > left.len() {
            return Err(WireError::Truncated {
                at: self.bytes.len(),
                missing: count - left.len(),
            });
        }
        self.at += count;
        Ok(&left[..count])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    fn byte(&mut self) -> Result<u8, WireError> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn bool(&mut self) -> Result<bool, WireError> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(WireError::NotABool(other)),
        }
    }

    fn hash(&mut self) -> Result<Hash, WireError> {
        self.array().map(Hash)
    }

    fn header(&mut self) -> Result<Header, WireError> {
        self.array().map(|bytes| Header::from_bytes(&bytes))
    }

    fn block(&mut self) -> Result<Arc<Block>, WireError> {
        self.owned_block().map(Arc::new)
    }

    fn owned_block(&mut self) -> Result<Block, WireError> {
        let header = self.header()?;
        let entries = self.entries()?;
        Ok(Block { header, entries })
    }

    fn short_ids(&mut self) -> Result<Vec<ShortId>, WireError> {
        let most = limits::WIRE_ENTRIES_MAX;
        let short_id = |input: &mut Self| input.array().map(ShortId);
        self.list("short ids", most, ShortId::LEN, short_id)
    }

    fn entries(&mut self) -> Result<Vec<Entry>, WireError> {
        self.list("entries", limits::WIRE_ENTRIES_MAX, 4, Input::entry)
    }

    fn entry(&mut self) -> Result<Entry, WireError> {
        let length = self.count()?;
        self.take(length).map(Entry::from)
    }

    fn locator(&mut self) -> Result<Vec<Hash>, WireError> {
        self.list(
            "locator hashes",
            limits::LOCATOR_HASHES_MAX,
            32,
            Input::hash,
        )
    }

    fn count(&mut self) -> Result<usize, WireError> {
        // usize has 32 bits at least on every machine that Tokio runs on.
        self.array().map(|bytes| u32::from_be_bytes(bytes) as usize)
    }

    /// A count and so many items of `item_len` bytes at least. The bytes that are left
    /// bound what is allocated, whatever the count claims.
    fn list<T>(
        &mut self,
        what: &'static str,
        most: usize,
        item_len: usize,
        mut item: impl FnMut(&mut Self) -> Result<T, WireError>,
    ) -> Result<Vec<T>, WireError> {
        let found = self.count()?;
        if found > most {
            return Err(WireError::TooMany { what, most, found });
        }
        let left = self.bytes.len() - self.at;
        if let Some(missing) = (found * item_len).checked_sub(left).filter(|m| *m > 0) {
            return Err(WireError::Truncated {
                at: self.bytes.len(),
                missing,
            });
        }
        let mut items = Vec::with_capacity(found);
        for _ in 0..found {
            items.push(item(self)?);
        }
        Ok(items)
    }
}
