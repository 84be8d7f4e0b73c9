//! The address book: where other nodes may be, so kept that nobody can fill it alone.
//!
//! Two tables as in Bitcoin Core's address manager: **new** for what was heard of, **tried** for
//! what we were connected to. Each is cut into buckets of [`BUCKET_SLOTS`] places, and a hash with
//! a secret key says in which bucket and place an address may stand, and nowhere else:
//!
//! ```text
//! new    16 of the 256 buckets for each group of the source, one of them by the group of the address
//! tried   4 of the  64 buckets for each group of the address, one of them by the address
//! place  by bucket and address
//! ```
//!
//! So who tells of addresses from one network group fills a sixteenth of the new table, and who
//! has addresses in one group only a sixteenth of the tried one, however many there are (Heilman
//! and others, Eclipse Attacks on Bitcoin's Peer-to-Peer Network, 2015). In the new table what
//! stands there stays, unless it is no use any more. In the tried table it stays until it was
//! tested and found gone.
//!
//! An address stands in one place only; Bitcoin Core has it in up to eight of the new table.
//! Nothing here knows a socket or a clock: times are arguments, in seconds since 1970.

mod blob;
mod choose;
mod entry;

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use std::net::{IpAddr, SocketAddr};

use siphasher::sip::SipHasher24;

pub use blob::BlobError;
pub use entry::{AHEAD_MAX, Entry};

use super::address::{Group, canonical, is_possible, put};
use super::limits::{
    BUCKET_SLOTS, COLLISIONS_MAX, NEW_BUCKETS, NEW_BUCKETS_PER_SOURCE, OWN_ADDRESSES_MAX,
    TRIED_BUCKETS, TRIED_BUCKETS_PER_GROUP,
};

const MINUTE: u64 = 60;

/// A tried address that worked that lately, or was tested that lately, is not tested again.
const TESTED: u64 = 4 * 60 * MINUTE;
/// How long an address waits for the test of the one in its place.
const TEST_WAIT: u64 = 40 * MINUTE;
/// After that time a try that has not worked has failed.
const TRY_TIME: u64 = MINUTE;

/// Where an address stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Debug)]
pub struct Place {
    /// In which table.
    pub tried: bool,
    /// In which of its buckets.
    pub bucket: u16,
    /// Where in the bucket.
    pub slot: u16,
}

/// The address book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Book {
    key: [u8; 16],
    entries: BTreeMap<SocketAddr, Entry>,
    places: BTreeMap<Place, SocketAddr>,
    /// Addresses that work, and whose place in the tried table another has.
    waiting: BTreeSet<SocketAddr>,
    /// Addresses at which we met ourselves.
    own: BTreeSet<SocketAddr>,
}

impl Book {
    /// An empty book; the key has to be secret.
    pub fn new(key: [u8; 16]) -> Self {
        Book {
            key,
            entries: BTreeMap::new(),
            places: BTreeMap::new(),
            waiting: BTreeSet::new(),
            own: BTreeSet::new(),
        }
    }

    /// How many addresses there are: new, and tried.
    pub fn counts(&self) -> (usize, usize) {
        let tried = self.in_table(true).count();
        (self.entries.len() - tried, tried)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Every address and what is known of it.
    pub fn entries(&self) -> impl Iterator<Item = (&SocketAddr, &Entry)> {
        self.entries.iter()
    }

    /// What is known of an address.
    pub fn get(&self, address: SocketAddr) -> Option<&Entry> {
        self.entries.get(&canonical(address))
    }

    /// `source` tells of an address that was seen then. Whether it is one more.
    pub fn add(&mut self, address: SocketAddr, source: IpAddr, seen: u64, now: u64) -> bool {
        let address = canonical(address);
        if !is_possible(address) || self.own.contains(&address) {
            return false;
        }
        let seen = seen.min(now + AHEAD_MAX);
        if let Some(entry) = self.entries.get_mut(&address) {
            // What we know of a tried address nobody has to tell us.
            if !entry.place.tried {
                entry.seen = entry.seen.max(seen);
            }
            return false;
        }
        let place = self.new_place(address, source);
        if let Some(there) = self.places.get(&place).copied() {
            let is_useless = |entry: &Entry| entry.is_terrible(now);
            if !self.entries.get(&there).is_none_or(is_useless) {
                return false;
            }
            self.remove(there);
        }
        let entry = Entry::new(place, source.to_canonical(), seen);
        self.insert(address, entry);
        true
    }

    /// A number by which something is chosen among peers for an address, the same until `period`
    /// changes, and known to nobody else.
    pub fn rank(&self, peer: &[u8; 32], address: SocketAddr, period: u64) -> u64 {
        let mut bytes = Vec::new();
        put(&mut bytes, address);
        self.hash(6, &[peer, &bytes, &period.to_be_bytes()])
    }

    /// The rank of a network group, known to nobody else.
    pub fn group_rank(&self, group: Group) -> u64 {
        self.hash(7, &[group.bytes()])
    }

    /// We try an address now.
    pub fn trying(&mut self, address: SocketAddr, now: u64) {
        if let Some(entry) = self.entries.get_mut(&canonical(address)) {
            entry.last_try = now;
        }
    }

    /// The try failed, though others would work.
    pub fn failed(&mut self, address: SocketAddr) {
        if let Some(entry) = self.entries.get_mut(&canonical(address)) {
            entry.failures = entry.failures.saturating_add(1);
        }
    }

    /// The connection that there was until now worked.
    pub fn was_connected(&mut self, address: SocketAddr, now: u64) {
        if let Some(entry) = self.entries.get_mut(&canonical(address)) {
            entry.seen = entry.seen.max(now);
        }
    }

    /// A node of our network answered there: it belongs into the tried table. If another stands in
    /// its place, that one is to be tested first.
    pub fn good(&mut self, address: SocketAddr, now: u64) {
        let address = canonical(address);
        self.add(address, address.ip(), now, now);
        self.add_tried(address, now);
        let Some(entry) = self.entries.get_mut(&address) else {
            return;
        };
        entry.seen = entry.seen.max(now);
        (entry.last_try, entry.last_success, entry.failures) = (now, now, 0);
        if entry.place.tried {
            return;
        }
        if !self.places.contains_key(&self.tried_place(address)) {
            self.promote(address);
        } else if self.waiting.len() < COLLISIONS_MAX {
            self.waiting.insert(address);
        }
    }

    /// An address that has no place in the new table may have one in the tried one.
    fn add_tried(&mut self, address: SocketAddr, now: u64) {
        let place = self.tried_place(address);
        let is_known = self.entries.contains_key(&address) || self.own.contains(&address);
        if !is_known && is_possible(address) && !self.places.contains_key(&place) {
            let entry = Entry::new(place, address.ip(), now);
            self.insert(address, entry);
        }
    }

    /// This address is our own: it is never kept again.
    pub fn is_own(&mut self, address: SocketAddr) {
        let address = canonical(address);
        self.remove(address);
        if self.own.len() < OWN_ADDRESSES_MAX {
            self.own.insert(address);
        }
    }

    /// Decides who stays where a working address waits for the place of a tried one, as far as
    /// tests have shown it: Bitcoin Core's `ResolveCollisions_`.
    pub fn resolve(&mut self, now: u64) {
        for address in std::mem::take(&mut self.waiting) {
            let place = self.tried_place(address);
            let waits = self.entries.get(&address).filter(|it| !it.place.tried);
            let Some(waits_since) = waits.map(|it| it.last_success) else {
                continue;
            };
            let there = self.places.get(&place);
            let there = there.and_then(|there| self.entries.get(there));
            let goes = there.is_none_or(|there| {
                let is_tested = there.last_try + TESTED > now;
                let has_failed = is_tested && there.last_try + TRY_TIME < now;
                has_failed || waits_since + TEST_WAIT < now
            });
            if there.is_some_and(|there| there.last_success + TESTED > now) {
                // It works. The other stays in the new table.
            } else if goes {
                self.promote(address);
            } else {
                self.waiting.insert(address);
            }
        }
    }

    /// Into the tried table. Who stands in its place there goes back to the new one.
    fn promote(&mut self, address: SocketAddr) {
        let place = self.tried_place(address);
        let Some(mut entry) = self.remove(address) else {
            return;
        };
        if let Some(there) = self.places.get(&place).copied()
            && let Some(mut old) = self.remove(there)
        {
            old.place = self.new_place(there, old.source);
            if let Some(lost) = self.places.get(&old.place).copied() {
                self.remove(lost);
            }
            self.insert(there, old);
        }
        entry.place = place;
        self.insert(address, entry);
    }

    fn insert(&mut self, address: SocketAddr, entry: Entry) {
        self.places.insert(entry.place, address);
        self.entries.insert(address, entry);
    }

    fn remove(&mut self, address: SocketAddr) -> Option<Entry> {
        let entry = self.entries.remove(&address)?;
        self.places.remove(&entry.place);
        self.waiting.remove(&address);
        Some(entry)
    }

    fn new_place(&self, address: SocketAddr, source: IpAddr) -> Place {
        let (group, from) = (Group::of(address.ip()), Group::of(source));
        let which =
            self.hash(1, &[from.bytes(), group.bytes()]) % u64::from(NEW_BUCKETS_PER_SOURCE);
        let bucket = self.hash(2, &[from.bytes(), &which.to_be_bytes()]);
        self.place(false, bucket % u64::from(NEW_BUCKETS), address)
    }

    fn tried_place(&self, address: SocketAddr) -> Place {
        let mut bytes = Vec::new();
        put(&mut bytes, address);
        let which = self.hash(3, &[&bytes]) % u64::from(TRIED_BUCKETS_PER_GROUP);
        let group = Group::of(address.ip());
        let bucket = self.hash(4, &[group.bytes(), &which.to_be_bytes()]);
        self.place(true, bucket % u64::from(TRIED_BUCKETS), address)
    }

    fn place(&self, tried: bool, bucket: u64, address: SocketAddr) -> Place {
        let mut bytes = vec![u8::from(tried)];
        put(&mut bytes, address);
        let slot = self.hash(5, &[&bucket.to_be_bytes(), &bytes]) % u64::from(BUCKET_SLOTS);
        // Both are below a bound that is a `u16`.
        let small = |number: u64| u16::try_from(number).unwrap_or(0);
        Place {
            tried,
            bucket: small(bucket),
            slot: small(slot),
        }
    }

    /// All parts of one use are of one length, so that no two uses meet.
    fn hash(&self, what: u8, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.key);
        hasher.write_u8(what);
        for part in parts {
            hasher.write(part);
        }
        hasher.finish()
    }

    fn in_table(&self, tried: bool) -> impl Iterator<Item = (&Place, &SocketAddr)> {
        let from = Place {
            tried,
            bucket: 0,
            slot: 0,
        };
        let until = Place {
            tried,
            bucket: u16::MAX,
            slot: u16::MAX,
        };
        self.places.range(from..=until)
    }
}
