//! The book as bytes, to be kept over a restart.
//!
//! ```text
//! offset  bytes  what
//!      0      4  version of this layout, u32: 1
//!      4     16  the secret key
//!     20      1  anchors, at most 4
//!     21      4  entries, u32
//!     25   18 a  the anchors
//!        55 each the entries
//! ```
//!
//! An entry:
//!
//! ```text
//! offset  bytes  what
//!      0     18  its address: IPv6 (IPv4 mapped), port
//!     18     16  who told of it: IPv6 (IPv4 mapped)
//!     34      1  0 new, 1 tried
//!     35      4  failures, u32
//!     39      8  seen, u64
//!     47      8  last success, u64; 0 is never
//! ```
//!
//! Integers are big-endian, times are seconds since 1970. Nothing may follow. Where an entry
//! stands follows from the key.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use super::{Book, Entry};
use crate::tcp::address::{ADDRESS_BYTES, canonical, is_possible, put, take};
use crate::tcp::limits::{ANCHORS_MAX, BOOK_ENTRIES_MAX};

const VERSION: u32 = 1;
const HEAD: usize = 25;
const ENTRY: usize = 55;

/// Bytes that are no address book.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BlobError {
    /// Too short or too long for what it claims to hold.
    #[error("{0} bytes are not the length of what it claims to hold")]
    Length(usize),
    /// Another layout.
    #[error("its layout is version {0}, this node reads {VERSION}")]
    Version(u32),
    /// More than a book holds.
    #[error("it claims to hold {0} entries")]
    TooMany(u32),
    /// An address where no node can be, or twice, or in no table.
    #[error("entry {0} is none")]
    Entry(usize),
}

impl Book {
    /// Its bytes, with the peers to be tried first.
    pub fn encode(&self, anchors: &[SocketAddr]) -> Vec<u8> {
        let anchors = &anchors[..anchors.len().min(ANCHORS_MAX)];
        let mut out = Vec::with_capacity(HEAD + self.entries.len() * ENTRY);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.key);
        out.push(u8::try_from(anchors.len()).unwrap_or(0));
        let count = u32::try_from(self.entries.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for anchor in anchors {
            put(&mut out, *anchor);
        }
        for (address, entry) in &self.entries {
            put(&mut out, *address);
            put_ip(&mut out, entry.source);
            out.push(u8::from(entry.place.tried));
            out.extend_from_slice(&entry.failures.to_be_bytes());
            out.extend_from_slice(&entry.seen.to_be_bytes());
            out.extend_from_slice(&entry.last_success.to_be_bytes());
        }
        out
    }

    /// Reads a book that is all of `bytes`, and the peers to be tried first.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn decode(bytes: &[u8]) -> Result<(Self, Vec<SocketAddr>), BlobError> {
        let wrong = BlobError::Length(bytes.len());
        let (head, rest) = bytes.split_first_chunk::<HEAD>().ok_or(wrong)?;
        let version = number(&head[..4]);
        if version != u64::from(VERSION) {
            return Err(BlobError::Version(u32::try_from(version).unwrap_or(0)));
        }
        let (anchors, count) = (usize::from(head[20]), number(&head[21..25]));
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let entries = usize::try_from(count).unwrap_or(usize::MAX);
        if entries > BOOK_ENTRIES_MAX {
            return Err(BlobError::TooMany(count));
        }
        if anchors > ANCHORS_MAX || rest.len() != anchors * ADDRESS_BYTES + entries * ENTRY {
            return Err(wrong);
        }
        let (anchors, entries) = rest.split_at(anchors * ADDRESS_BYTES);
        let mut key = [0; 16];
        key.copy_from_slice(&head[4..20]);
        let mut book = Book::new(key);
        for (at, bytes) in entries.as_chunks::<ENTRY>().0.iter().enumerate() {
            book.restore(bytes).ok_or(BlobError::Entry(at))?;
        }
        let (anchors, _) = anchors.as_chunks::<ADDRESS_BYTES>();
        let anchors = anchors.iter().map(take);
        Ok((book, anchors.filter(|it| is_possible(*it)).collect()))
    }

    fn restore(&mut self, bytes: &[u8; ENTRY]) -> Option<()> {
        let address = canonical(take(bytes.first_chunk()?));
        let source: [u8; 16] = bytes[18..34].try_into().ok()?;
        let source = IpAddr::V6(Ipv6Addr::from(source)).to_canonical();
        if !is_possible(address) || self.entries.contains_key(&address) {
            return None;
        }
        let place = match bytes[34] {
            0 => self.new_place(address, source),
            1 => self.tried_place(address),
            _ => return None,
        };
        if self.places.contains_key(&place) {
            return None;
        }
        let entry = Entry {
            place,
            source,
            failures: u32::try_from(number(&bytes[35..39])).ok()?,
            // Beyond any clock, and without overflow where spans are added.
            seen: number(&bytes[39..47]).min(u64::MAX / 2),
            last_success: number(&bytes[47..55]).min(u64::MAX / 2),
            last_try: 0,
        };
        self.insert(address, entry);
        Some(())
    }
}

fn put_ip(out: &mut Vec<u8>, ip: IpAddr) {
    let ip = match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    };
    out.extend_from_slice(&ip.octets());
}

/// At most eight bytes, big-endian.
fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
