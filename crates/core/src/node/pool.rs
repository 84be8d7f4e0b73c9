//! Data waiting to be mined, which a reorg must not lose.

use std::collections::{BTreeMap, HashMap};

use crate::block::{Block, Entry};
use crate::consensus::Consensus;
use crate::hash::{Hash, sha256};
use crate::limits;
use crate::units::Time;

/// Why data was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PoolError {
    /// The same bytes wait already.
    #[error("already waiting to be mined")]
    AlreadyPending,
    /// The same bytes are on the chain already.
    #[error("already on the chain")]
    AlreadyOnChain,
    /// It would not fit in any block of the network.
    #[error("{bytes} bytes do not fit in a block of {most}")]
    TooLarge {
        /// The length of the data in bytes.
        bytes: usize,
        /// What the entries of one block may have in all.
        most: u32,
    },
    /// So much waits already that more is refused.
    #[error("too much data waits to be mined already")]
    Full,
    /// It was taken, and has waited for [`DATA_EXPIRY`](limits::DATA_EXPIRY).
    #[error("no block took it in 14 days")]
    Expired,
}

/// An entry that waits.
#[derive(Debug)]
struct Waiting {
    /// Its SHA-256.
    hash: Hash,
    entry: Entry,
    since: Time,
}

/// What waits, in the order in which it came, and what the chain has already.
#[derive(Debug, Default)]
pub struct Pool {
    /// By order of arrival.
    waiting: BTreeMap<u64, Waiting>,
    /// The place in `waiting` of each entry, by its SHA-256. Look-up only.
    places: HashMap<Hash, u64>,
    /// What the chain to the tip carries.
    on_chain: OnChain,
    bytes: usize,
    next_place: u64,
}

impl Pool {
    /// Takes data that somebody wants on the chain: the operator, or a peer.
    ///
    /// # Errors
    /// Why it was refused.
    pub fn submit(
        &mut self,
        consensus: &Consensus,
        entry: Entry,
        of_peer: bool,
        now: Time,
    ) -> Result<Hash, PoolError> {
        let hash = sha256(&entry);
        if self.places.contains_key(&hash) {
            return Err(PoolError::AlreadyPending);
        }
        if self.on_chain.contains(&hash) {
            return Err(PoolError::AlreadyOnChain);
        }
        if entry.len() > consensus.body_bytes_max as usize {
            return Err(PoolError::TooLarge {
                bytes: entry.len(),
                most: consensus.body_bytes_max,
            });
        }
        let percent = if of_peer {
            limits::POOL_PEERS_PERCENT
        } else {
            100
        };
        if self.waiting.len() >= limits::POOL_ENTRIES_MAX / 100 * percent
            || self.bytes + entry.len() > limits::POOL_BYTES_MAX / 100 * percent
        {
            return Err(PoolError::Full);
        }
        self.put(hash, entry, now);
        Ok(hash)
    }

    /// What was taken before a restart waits again, unless it is on the chain or here already: even
    /// above the bounds, for it was promised to somebody.
    pub(super) fn restore(&mut self, consensus: &Consensus, entry: Entry) {
        let hash = sha256(&entry);
        let is_here = self.places.contains_key(&hash) || self.on_chain.contains(&hash);
        // A longer one fits no block; none was ever taken.
        if !is_here && entry.len() <= consensus.body_bytes_max as usize {
            self.put(hash, entry, Time::ZERO);
        }
    }

    /// How many entries wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// How many bytes wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What waits, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.hashed().map(|(_, entry)| entry)
    }

    /// What waits, oldest first, with the SHA-256 of each.
    pub fn hashed(&self) -> impl Iterator<Item = (Hash, &Entry)> {
        let waiting = self.waiting.values();
        waiting.map(|waiting| (waiting.hash, &waiting.entry))
    }

    /// Whether the chain to the tip carries these bytes.
    pub fn is_on_chain(&self, entry: &Hash) -> bool {
        self.on_chain.contains(entry)
    }

    /// As many of the oldest entries as fit in one block.
    pub fn for_block(&self, consensus: &Consensus) -> Vec<Entry> {
        let mut room = consensus.body_bytes_max as usize;
        self.iter()
            .take(consensus.entries_max as usize)
            .take_while(|entry| {
                let fits = entry.len() <= room;
                room = room.saturating_sub(entry.len());
                fits
            })
            .cloned()
            .collect()
    }

    /// A block left the chain to the tip: what it carried waits again, unless the rest
    /// of the chain, as connected and disconnected so far, still carries it.
    pub(super) fn disconnect(&mut self, block: &Block, now: Time) {
        for entry in &block.entries {
            let hash = sha256(entry);
            self.on_chain.remove(&hash);
            if !self.on_chain.contains(&hash) && !self.places.contains_key(&hash) {
                self.put(hash, entry.clone(), now);
            }
        }
    }

    /// A block joined the chain to the tip: what it carries waits no longer.
    pub(super) fn connect(&mut self, block: &Block) {
        for entry in &block.entries {
            let hash = sha256(entry);
            self.on_chain.add(hash);
            if let Some(place) = self.places.remove(&hash) {
                let gone = self.waiting.remove(&place);
                self.bytes -= gone.map_or(0, |gone| gone.entry.len());
            }
        }
    }

    /// Gives up the oldest entry, if it has waited for too long.
    pub(super) fn expire(&mut self, now: Time) -> Option<(Hash, Entry)> {
        let oldest = self.waiting.first_entry()?;
        if now.since(oldest.get().since) < limits::DATA_EXPIRY {
            return None;
        }
        let Waiting { hash, entry, .. } = oldest.remove();
        self.places.remove(&hash);
        self.bytes -= entry.len();
        Some((hash, entry))
    }

    fn put(&mut self, hash: Hash, entry: Entry, since: Time) {
        self.bytes += entry.len();
        self.places.insert(hash, self.next_place);
        let waiting = Waiting { hash, entry, since };
        self.waiting.insert(self.next_place, waiting);
        self.next_place += 1;
    }
}

/// How often each entry stands on the chain to the tip, as far as that is remembered: in two lots,
/// of which the older one is forgotten when the newer one is full. Look-up only.
#[derive(Debug, Default)]
struct OnChain {
    newer: HashMap<Hash, u32>,
    older: HashMap<Hash, u32>,
}

impl OnChain {
    fn contains(&self, entry: &Hash) -> bool {
        self.newer.contains_key(entry) || self.older.contains_key(entry)
    }

    fn add(&mut self, entry: Hash) {
        if self.newer.len() >= limits::ON_CHAIN_ENTRIES_MAX / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
        *self.newer.entry(entry).or_default() += 1;
    }

    /// Once less.
    fn remove(&mut self, entry: &Hash) {
        for lot in [&mut self.newer, &mut self.older] {
            if let Some(times) = lot.get_mut(entry) {
                *times -= 1;
                if *times == 0 {
                    lot.remove(entry);
                }
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(number: usize) -> Hash {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&number.to_le_bytes());
        Hash(bytes)
    }

    #[test]
    fn what_is_on_the_chain_is_remembered_within_a_bound() {
        let mut on_chain = OnChain::default();
        let half = limits::ON_CHAIN_ENTRIES_MAX / 2;
        let last = 3 * half;
        for number in 0..=last {
            on_chain.add(hash(number));
            assert!(on_chain.contains(&hash(number.saturating_sub(half - 1))));
        }
        assert!(on_chain.newer.len() + on_chain.older.len() <= 2 * half);
        assert!(!on_chain.contains(&hash(0)));
    }

    #[test]
    fn peers_leave_room_for_whoever_runs_the_node() {
        let consensus = Consensus::fixed(crate::target::Target::MAX);
        let submit = |pool: &mut Pool, data: &[u8], of_peer| {
            let taken = pool.submit(&consensus, Entry::from(data), of_peer, Time::ZERO);
            taken.map(|_| ())
        };
        let mut many = Pool::default();
        let fill = |pool: &mut Pool, of_peer| {
            let mut taken = 0_u64;
            let salt = u8::from(of_peer);
            while submit(pool, &[&taken.to_le_bytes()[..], &[salt]].concat(), of_peer).is_ok() {
                taken += 1;
            }
            taken
        };
        assert_eq!(fill(&mut many, true), 37_500);
        assert_eq!(fill(&mut many, false), 12_500);

        let mut long = Pool::default();
        let mut data = vec![0; 1_000_000];
        for number in 0..33 {
            data[0] = number;
            let taken = submit(&mut long, &data, true);
            assert_eq!(taken.is_ok(), number < 24, "{number}: {taken:?}");
            if number >= 24 {
                let taken = submit(&mut long, &data, false);
                assert_eq!(taken.is_ok(), number < 32, "{number}: {taken:?}");
            }
        }
    }

    #[test]
    fn what_was_promised_before_a_restart_waits_again_even_above_the_bounds() {
        let consensus = Consensus::fixed(crate::target::Target::MAX);
        let mut pool = Pool::default();
        let mut data = vec![0; 1_000_000];
        for number in 0..40 {
            data[0] = number;
            pool.restore(&consensus, Entry::from(&data[..]));
            pool.restore(&consensus, Entry::from(&data[..]));
        }
        assert_eq!((pool.len(), pool.bytes()), (40, 40_000_000));
    }

    #[test]
    fn what_stands_there_twice_is_gone_when_it_was_taken_off_twice() {
        let mut on_chain = OnChain::default();
        for _ in 0..2 {
            on_chain.add(hash(1));
        }
        on_chain.remove(&hash(1));
        assert!(on_chain.contains(&hash(1)));
        on_chain.remove(&hash(1));
        assert!(!on_chain.contains(&hash(1)));
        on_chain.remove(&hash(1));
    }
}
