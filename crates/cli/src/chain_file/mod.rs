//! The chain file: one block a line, as JSON, genesis first.
//!
//! ```json
//! {"index":1,"timestamp":1767225600409,"data":"…","previous_hash":"…","nonce":7,"hash":"…","entries":["…"]}
//! ```
//!
//! Hashes and entries are in hex. The format is made to be read by other programs, so
//! every line says more than it has to: `hash` follows from the rest, and is checked.
//!
//! Any JSON of that form is read ([`form`]), whatever its order and spacing. Lines exactly
//! as they are written here, which is nearly all of them, take a short cut ([`fast`]).

mod ahead;
mod fast;
mod form;

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Read as _, Write};

pub use ahead::each_line;
use forkful_core::{Block, Entry, Hash, Header, Timestamp, limits};
use serde::Deserialize;

use crate::chain_file::form::WrongForm;

/// The longest line that is read: the largest body that a message can carry, in hex, each
/// entry in its quotes and with its comma, and the rest of the line.
pub const LINE_BYTES_MAX: usize =
    2 * limits::MESSAGE_BYTES_MAX + 3 * limits::WIRE_ENTRIES_MAX + 1_024;

/// What is wrong with a chain file, and where.
#[derive(Debug, thiserror::Error)]
pub struct ChainFault {
    /// The line, from 1.
    pub line: u64,
    /// The column in bytes, from 1, when it is known.
    pub column: Option<usize>,
    /// The field, such as `hash` or `entries[2]`, when it is one.
    pub field: Cow<'static, str>,
    /// The rule that is broken, in words.
    pub problem: String,
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(column) = self.column {
            write!(f, ", column {column}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": ")?;
            write_plain(f, &self.field)?;
        }
        write!(f, ": ")?;
        write_plain(f, &self.problem)
    }
}

/// What the file says is nothing for a terminal to obey.
fn write_plain(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    for letter in text.chars() {
        match letter.is_control() {
            true => write!(f, "{}", letter.escape_default())?,
            false => write!(f, "{letter}")?,
        }
    }
    Ok(())
}

/// A line as it claims to be: nothing of it is checked but its form.
#[derive(PartialEq, Eq, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    index: u64,
    timestamp: u64,
    #[serde(deserialize_with = "form::hash")]
    data: Hash,
    #[serde(deserialize_with = "form::hash")]
    previous_hash: Hash,
    nonce: u64,
    /// The hash that the block is said to have.
    #[serde(deserialize_with = "form::hash")]
    pub hash: Hash,
    #[serde(deserialize_with = "form::entries")]
    entries: Vec<Entry>,
}

impl Line {
    /// The block that the line spells.
    pub fn into_block(self) -> Block {
        Block {
            header: Header {
                index: self.index,
                timestamp: Timestamp(self.timestamp),
                data: self.data,
                previous_hash: self.previous_hash,
                nonce: self.nonce,
            },
            entries: self.entries,
        }
    }
}

/// Writes a block as a line.
pub fn write_line(out: &mut impl Write, block: &Block) -> io::Result<()> {
    let header = &block.header;
    write!(
        out,
        r#"{{"index":{},"timestamp":{},"data":"{}","previous_hash":"{}","nonce":{},"hash":"{}","entries":["#,
        header.index,
        header.timestamp.0,
        header.data,
        header.previous_hash,
        header.nonce,
        header.hash(),
    )?;
    for (place, entry) in block.entries.iter().enumerate() {
        let comma = if place == 0 { "" } else { "," };
        write!(out, r#"{comma}"{}""#, const_hex::encode(entry))?;
    }
    writeln!(out, "]}}")
}

/// Reads lines, one after the other, into one buffer.
struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    /// The number of the line that was read last, from 1.
    line: u64,
}

/// Why there is no next line.
pub enum ReadError {
    Io(io::Error),
    Fault(ChainFault),
}

impl ReadError {
    /// A line breaks a rule with one of its fields.
    pub fn fault(line: u64, field: &'static str, problem: String) -> ReadError {
        ReadError::Fault(ChainFault {
            line,
            column: None,
            field: field.into(),
            problem,
        })
    }
}

impl<R: BufRead> Lines<R> {
    fn new(reader: R) -> Self {
        Lines {
            reader,
            buffer: Vec::new(),
            line: 0,
        }
    }

    /// The next line, or `None` at the end.
    fn next(&mut self) -> Result<Option<Line>, ReadError> {
        self.buffer.clear();
        let limit = LINE_BYTES_MAX as u64 + 1;
        let read = (&mut self.reader)
            .take(limit)
            .read_until(b'\n', &mut self.buffer)
            .map_err(ReadError::Io)?;
        if read == 0 {
            return Ok(None);
        }
        self.line += 1;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        } else if read > LINE_BYTES_MAX {
            return Err(self.too_long());
        }
        match fast::line(&self.buffer).map_or_else(|| form::line(&self.buffer), Ok) {
            Ok(line) => Ok(Some(line)),
            Err(wrong) => Err(self.wrong(wrong)),
        }
    }

    /// The number of the line that was read last, from 1.
    fn number(&self) -> u64 {
        self.line
    }

    /// Its length in bytes.
    fn length(&self) -> usize {
        self.buffer.len()
    }

    fn too_long(&self) -> ReadError {
        let problem = format!("longer than any block may be, which is {LINE_BYTES_MAX} bytes");
        ReadError::fault(self.line, "", problem)
    }

    fn wrong(&self, wrong: WrongForm) -> ReadError {
        ReadError::Fault(ChainFault {
            line: self.line,
            column: Some(wrong.column),
            field: wrong.field.into(),
            problem: wrong.problem,
        })
    }
}

#[cfg(test)]
mod tests {
    use forkful_core::{Consensus, Target};

    use super::*;

    #[test]
    fn a_line_reads_back() {
        let block = Consensus::fixed(Target::MAX).genesis();
        let mut text = Vec::new();
        write_line(&mut text, &block).unwrap();
        let mut lines = Lines::new(text.as_slice());
        let Ok(Some(line)) = lines.next() else {
            panic!("one line was written")
        };
        assert_eq!(line.hash, block.header.hash());
        assert_eq!(line.into_block(), block);
        assert!(matches!(lines.next(), Ok(None)));
    }
}
