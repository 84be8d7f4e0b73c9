//! What one peer tells of addresses, and what it is told.
//!
//! ```text
//! frame kind 6, ask        nothing
//! frame kind 7, addresses  count u16, at most 1,000; then each:
//!
//! offset  bytes  what
//!      0      8  when somebody was connected to it last, u64: seconds since 1970
//!      8     18  its address: IPv6 (IPv4 mapped), port; :: is the sender itself, as it is seen
//! ```
//!
//! Integers are big-endian. Nothing here knows a socket or a clock.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::address::{ADDRESS_BYTES, Scope, canonical, is_possible, put, take};
use super::book::AHEAD_MAX;
use super::end::FrameError;
use super::limits::{
    ADDRESSES_BURST, ADDRESSES_PER_SECOND, NEWS_KNOWN_MAX, NEWS_MAX, NEWS_WAITING_MAX, SAMPLE_MAX,
};

const ENTRY: usize = 8 + ADDRESS_BYTES;
/// What was seen longer ago is no news.
const FRESH: u64 = 10 * 60;
/// A time before that is nobody's.
const EARLIEST: u64 = 100_000_000;
/// What an address with an impossible time counts as.
const NO_TIME: u64 = 5 * 86_400;
/// Hearsay is older than it says.
const HEARSAY: u64 = 2 * 3_600;

/// An address, and when it is said to have been seen, in seconds since 1970.
pub type Seen = (SocketAddr, u64);

/// The address by which a node means itself.
pub const MYSELF: IpAddr = IpAddr::V6(Ipv6Addr::UNSPECIFIED);

/// The payload of a frame of addresses; more than [`SAMPLE_MAX`] are left out.
pub fn encode(addresses: &[Seen]) -> Vec<u8> {
    let addresses = &addresses[..addresses.len().min(SAMPLE_MAX)];
    let mut out = Vec::with_capacity(2 + addresses.len() * ENTRY);
    let count = u16::try_from(addresses.len()).unwrap_or(0);
    out.extend_from_slice(&count.to_be_bytes());
    for (address, seen) in addresses {
        out.extend_from_slice(&seen.to_be_bytes());
        put(&mut out, *address);
    }
    out
}

/// Reads the payload of a frame of addresses.
///
/// # Errors
/// It is none, or holds more than it may.
pub fn decode(payload: &[u8]) -> Result<Vec<Seen>, FrameError> {
    let wrong = FrameError::AddressesLength(payload.len());
    let (count, rest) = payload.split_first_chunk::<2>().ok_or(wrong)?;
    let count = usize::from(u16::from_be_bytes(*count));
    if count > SAMPLE_MAX {
        return Err(FrameError::TooManyAddresses(count));
    }
    if rest.len() != count * ENTRY {
        return Err(wrong);
    }
    let (entries, _) = rest.as_chunks::<ENTRY>();
    let read = |entry: &[u8; ENTRY]| {
        let (seen, address) = entry.split_first_chunk::<8>()?;
        Some((take(address.first_chunk()?), u64::from_be_bytes(*seen)))
    };
    Ok(entries.iter().filter_map(read).collect())
}

/// How many addresses a peer is believed: Bitcoin Core's token bucket.
#[derive(Clone, Debug)]
pub struct Budget {
    tokens: f64,
    at: Duration,
}

impl Budget {
    /// One address at once.
    fn new() -> Self {
        Budget {
            tokens: 1.0,
            at: Duration::ZERO,
        }
    }

    /// We asked: it may answer with as many as fit.
    fn asked(&mut self) {
        self.tokens = ADDRESSES_BURST;
    }

    /// Whether one more is believed, so long after the connection was made.
    fn take(&mut self, at: Duration) -> bool {
        let since = at.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(at);
        self.tokens = (self.tokens + since * ADDRESSES_PER_SECOND).min(ADDRESSES_BURST);
        let is_enough = self.tokens >= 1.0;
        if is_enough {
            self.tokens -= 1.0;
        }
        is_enough
    }
}

/// What comes of a frame of addresses.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Heard {
    /// To be entered into the book.
    pub keep: Vec<Seen>,
    /// To be passed on.
    pub news: Vec<Seen>,
}

/// The state of gossip with one peer.
#[derive(Clone, Debug)]
pub struct Gossip {
    peer: IpAddr,
    budget: Budget,
    /// We asked, and the answer is not complete.
    is_asked: bool,
    /// It asked, and got its answer.
    is_answered: bool,
    known: BTreeSet<SocketAddr>,
    known_order: VecDeque<SocketAddr>,
    waiting: Vec<Seen>,
    /// Addresses that were looked at.
    pub processed: u64,
    /// Addresses that came too fast.
    pub limited: u64,
}

impl Gossip {
    /// Nothing was said yet.
    pub fn new(peer: IpAddr) -> Self {
        Gossip {
            peer: peer.to_canonical(),
            budget: Budget::new(),
            is_asked: false,
            is_answered: false,
            known: BTreeSet::new(),
            known_order: VecDeque::new(),
            waiting: Vec::new(),
            processed: 0,
            limited: 0,
        }
    }

    /// We ask it for addresses.
    pub fn asked(&mut self) {
        self.is_asked = true;
        self.budget.asked();
    }

    /// It asks. Whether it gets an answer: once a connection.
    pub fn answers(&mut self) -> bool {
        !std::mem::replace(&mut self.is_answered, true)
    }

    /// It tells of addresses, so long after the connection was made; `now` is in seconds since
    /// 1970.
    pub fn hear(&mut self, told: &[Seen], at: Duration, now: u64) -> Heard {
        let mut heard = Heard::default();
        let may_be_news = told.len() <= NEWS_MAX && !self.is_asked;
        if told.len() < SAMPLE_MAX {
            self.is_asked = false;
        }
        for (address, seen) in told {
            if !self.budget.take(at) {
                self.limited += 1;
                continue;
            }
            self.processed += 1;
            let is_itself = address.ip() == MYSELF;
            let address = match is_itself {
                true => SocketAddr::new(self.peer, address.port()),
                false => canonical(*address),
            };
            if !self.is_believed(address) {
                continue;
            }
            let is_odd = *seen <= EARLIEST || *seen > now + AHEAD_MAX;
            let seen = if is_odd {
                now.saturating_sub(NO_TIME)
            } else {
                *seen
            };
            self.remember(address);
            let penalty = if is_itself { 0 } else { HEARSAY };
            heard.keep.push((address, seen.saturating_sub(penalty)));
            if may_be_news && seen + FRESH > now {
                heard.news.push((address, seen));
            }
        }
        heard
    }

    /// It says in its hello where it listens: news too.
    pub fn hear_hello(&mut self, port: u16, now: u64) -> Heard {
        self.hear(&[(SocketAddr::new(MYSELF, port), now)], Duration::ZERO, now)
    }

    /// Puts an address into what it is to be told, unless it knows it or could not reach it.
    pub fn tell(&mut self, address: SocketAddr, seen: u64) {
        if self.is_believed(address)
            && !self.known.contains(&address)
            && self.waiting.len() < NEWS_WAITING_MAX
        {
            self.remember(address);
            self.waiting.push((address, seen));
        }
    }

    /// Whether it would be told of this address.
    pub fn wants(&self, address: SocketAddr) -> bool {
        self.is_believed(address) && !self.known.contains(&address)
    }

    /// What is to be told now.
    pub fn take_waiting(&mut self) -> Vec<Seen> {
        std::mem::take(&mut self.waiting)
    }

    /// Whether it is told, and believed, about such an address.
    fn is_believed(&self, address: SocketAddr) -> bool {
        let scopes = (Scope::of(self.peer), Scope::of(address.ip()));
        is_possible(address) && matches!(scopes, (Some(it), Some(about)) if it.may_know(about))
    }

    fn remember(&mut self, address: SocketAddr) {
        if self.known.insert(address) {
            self.known_order.push_back(address);
        }
        if self.known_order.len() > NEWS_KNOWN_MAX
            && let Some(oldest) = self.known_order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }
}
