//! How a node finds peers by itself: its address book, and what it keeps over a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::address::{Scope, canonical};
use super::bans_blob;
use super::book::Book;
use super::gossip::{Heard, Seen};
use super::limits::{ANCHORS_MAX, NEWS_PEERS, SAMPLE_FLOOR};
use super::link::Link;
use super::net::{Net, Table};
use super::retry::Retries;
use super::{Notice, StartError, bans::Bans};
use crate::actor::blocking;
use crate::clock::Clock;
use crate::peers::KnownAddress;
use crate::store::{Blob, Store, StoreError};

const DAY: u64 = 86_400;

/// What a node needs to find peers by itself. Without it, it knows no others than it is told of.
#[derive(Debug)]
pub struct Finding {
    /// Where addresses and bans are kept.
    pub store: Arc<Mutex<dyn Store>>,
    /// The wall clock.
    pub clock: Clock,
    /// Whether it makes no connections but those that it is told to make.
    pub connect_only: bool,
    /// The UDP port by which it seeks, and shows itself to, nodes of its network on the local
    /// network: that of mDNS, but for tests. `None` if it does not.
    pub discover: Option<u16>,
}

/// The state of finding peers.
pub struct Finder {
    pub finding: Finding,
    /// A std mutex, held for a look or a change and never across an await. Taken after that of the
    /// table of connections, if both are.
    state: Mutex<State>,
    /// There is an address more, or a slot.
    pub wake: Notify,
    /// The bans have changed without somebody who waits for it.
    pub bans_changed: Notify,
}

/// What changes.
pub struct State {
    pub book: Book,
    pub random: Xoshiro256PlusPlus,
    pub retries: Retries,
    /// Addresses that are being dialled.
    pub dialling: BTreeSet<SocketAddr>,
    /// Peers of the last time, not tried yet.
    pub anchors: Vec<SocketAddr>,
    /// Our own peers now, for the next time.
    next_anchors: Vec<SocketAddr>,
    answers: BTreeMap<Scope, (u64, Vec<Seen>)>,
    saved: Vec<u8>,
}

impl Finder {
    /// With what was kept. What cannot be read is told and begun anew.
    ///
    /// # Errors
    /// The store fails, or there are no random numbers.
    pub fn open(
        finding: Finding,
        bans: &mut Bans,
        notice: &(dyn Fn(&Notice) + Send + Sync),
    ) -> Result<Self, StartError> {
        let now = finding.clock.now().clock.0 / 1_000;
        let store = finding.store.lock().unwrap_or_else(PoisonError::into_inner);
        let (addresses, kept) = (store.load(Blob::Addresses)?, store.load(Blob::Bans)?);
        drop(store);
        let forgotten = |what, why: String| notice(&Notice::Forgotten { what, why });

        let mut key = [0; 16];
        let mut seed = [0; 32];
        getrandom::fill(&mut key)?;
        getrandom::fill(&mut seed)?;
        let saved = addresses.unwrap_or_default();
        let opened = match saved.is_empty() {
            true => Ok((Book::new(key), Vec::new())),
            false => Book::decode(&saved),
        };
        let (book, anchors) = opened.unwrap_or_else(|error| {
            forgotten("address book", error.to_string());
            (Book::new(key), Vec::new())
        });
        match bans_blob::decode(&kept.unwrap_or_else(|| bans_blob::encode(&[], now)), now) {
            Ok(kept) => bans.restore(kept),
            Err(error) => forgotten("list of bans", error.to_string()),
        }
        Ok(Finder {
            finding,
            state: Mutex::new(State {
                book,
                random: Xoshiro256PlusPlus::from_seed(seed),
                retries: Retries::default(),
                dialling: BTreeSet::new(),
                next_anchors: anchors.clone(),
                anchors,
                answers: BTreeMap::new(),
                saved,
            }),
            wake: Notify::new(),
            bans_changed: Notify::new(),
        })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Seconds since 1970.
    pub fn now(&self) -> u64 {
        self.finding.clock.now().clock.0 / 1_000
    }

    /// The time since the node started.
    pub fn elapsed(&self) -> Duration {
        self.finding.clock.elapsed()
    }

    /// Makes the bans durable.
    pub fn keep_bans(&self, net: &Net) -> Result<(), StoreError> {
        blocking(|| {
            // The store first: so no older list is saved after a newer one.
            let mut store = self.store();
            let bans = net.table().bans.list(tokio::time::Instant::now());
            store.save(Blob::Bans, &bans_blob::encode(&bans, self.now()))
        })
    }

    /// Makes the address book durable, if it has changed.
    pub fn keep_book(&self) -> Result<(), StoreError> {
        let bytes = {
            let state = self.state();
            let bytes = state.book.encode(&state.next_anchors);
            if bytes == state.saved {
                return Ok(());
            }
            bytes
        };
        blocking(|| self.store().save(Blob::Addresses, &bytes))?;
        self.state().saved = bytes;
        Ok(())
    }

    /// The addresses that are of use, in an order of chance.
    pub fn known(&self) -> Vec<KnownAddress> {
        let now = self.now();
        let mut state = self.state();
        let State { book, random, .. } = &mut *state;
        let usable = book.entries().filter(|(_, entry)| !entry.is_terrible(now));
        let known = usable.map(|(address, entry)| KnownAddress {
            address: *address,
            seen: entry.seen,
            tried: entry.place.tried,
        });
        let mut known: Vec<_> = known.map(|it| (random.next_u64(), it)).collect();
        known.sort_by_key(|(draw, _)| *draw);
        known.into_iter().map(|(_, it)| it).collect()
    }

    fn store(&self) -> MutexGuard<'_, dyn Store + 'static> {
        let store = self.finding.store.lock();
        store.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the address book and the bans, as they change and at the end.
pub async fn keep(net: Arc<Net>) {
    let Some(finder) = &net.finder else {
        return;
    };
    let failed = |what, error: StoreError| {
        let why = error.to_string();
        net.notice(&Notice::NotKept { what, why });
    };
    // Soon at first: a node that has just found peers may not live long.
    let mut wait = net.config.limits.save / 10;
    loop {
        let is_end = tokio::select! {
            () = net.stop.cancelled() => true,
            () = sleep(wait) => {
                wait = (wait * 2).min(net.config.limits.save);
                let table = net.table();
                finder.state().note_anchors(&table);
                false
            }
            () = finder.bans_changed.notified() => {
                if let Err(error) = finder.keep_bans(&net) {
                    failed("list of bans", error);
                }
                continue;
            }
        };
        if let Err(error) = finder.keep_book() {
            failed("address book", error);
        }
        if is_end {
            return;
        }
    }
}

impl State {
    /// A share of 0 to 1, drawn.
    pub fn share(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// What who asks from there is answered: the same for a long time, unless the book is so small
    /// that it is told as a whole anyway.
    pub fn answer(&mut self, asker: Scope, now: u64, lasts: Duration) -> Vec<Seen> {
        if let Some((until, answer)) = self.answers.get(&asker)
            && now < *until
        {
            return answer.clone();
        }
        let State { book, random, .. } = self;
        let may =
            |address: SocketAddr| Scope::of(address.ip()).is_some_and(|it| asker.may_know(it));
        let answer = book.sample(now, random, may);
        if book.entries().count() > SAMPLE_FLOOR {
            let share = self.share();
            // 21 to 27 of 24 hours, as in Bitcoin Core.
            let until = now + lasts.mul_f64(0.875 + share / 4.0).as_secs();
            self.answers.insert(asker, (until, answer.clone()));
        }
        answer
    }

    /// The peers that we chose and are connected to, for the next time: the oldest first.
    pub fn note_anchors(&mut self, table: &Table) {
        let mut ours: Vec<_> = table
            .links
            .values()
            .filter(|link| link.is_automatic())
            .collect();
        ours.sort_by_key(|link| link.since);
        let anchors = ours.iter().take(ANCHORS_MAX);
        self.next_anchors = anchors.map(|link| canonical(link.address)).collect();
    }
}

/// Enters what a peer told into the book, and passes on what is news.
pub fn hear(net: &Net, from: &Link, heard: Heard) {
    let Some(finder) = &net.finder else {
        return;
    };
    let now = finder.now();
    let mut is_more = false;
    let mut state = finder.state();
    for (address, seen) in heard.keep {
        is_more |= state.book.add(address, from.address.ip(), seen, now);
    }
    drop(state);
    if is_more {
        finder.wake.notify_one();
    }
    for news in heard.news {
        pass_on(net, finder, from, news);
    }
}

/// To one or two peers, the same ones for a day, so that repeating an address spreads it no further.
fn pass_on(net: &Net, finder: &Finder, from: &Link, (address, seen): Seen) {
    let mut others: Vec<_> = {
        let table = net.table();
        let others = table.links.values().filter(|link| link.id != from.id);
        others.cloned().collect()
    };
    others.retain(|link| link.gossip().wants(address));
    let today = finder.now() / DAY;
    let state = finder.state();
    others.sort_by_key(|link| state.book.rank(&link.key, address, today));
    drop(state);
    for link in others.iter().take(NEWS_PEERS) {
        link.gossip().tell(address, seen);
    }
}
