//! What all connections of a node share.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forkful_core::PeerId;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::address::{Group, holder};
use super::bans::Bans;
use super::end::{End, Verdict};
use super::finder::Finder;
use super::gossip::Seen;
use super::hello::{Hello, VERSION};
use super::limits::{DECODED_FACTOR, QUEUED_OVERHEAD_BYTES};
use super::link::Link;
use super::session::Frame;
use super::{Notice, StartError, TcpConfig};
use crate::actor::Command;
use crate::peers::ConnectionKind;
use crate::transport::{Envelope, Place};

/// What all connections of a node share.
pub struct Net {
    pub config: TcpConfig,
    pub listening: Option<SocketAddr>,
    pub inbox: mpsc::Sender<Envelope>,
    pub commands: mpsc::Sender<Command>,
    /// Drawn once: who says it is this node.
    pub nonce: u64,
    pub active: watch::Sender<bool>,
    pub tracker: TaskTracker,
    pub stop: CancellationToken,
    /// How it finds peers by itself, if it does.
    pub finder: Option<Finder>,
    /// Memory for messages that wait for the node, in [`ROOM_UNIT`]s.
    room: Arc<Semaphore>,
    /// Bytes in all send queues.
    queued: Arc<AtomicUsize>,
    /// A std mutex, held for a look or a change and never across an await.
    table: Mutex<Table>,
}

/// Who is connected, or may be.
pub struct Table {
    pub links: BTreeMap<u32, Arc<Link>>,
    /// Numbers that the node may still speak of.
    pub numbers: BTreeSet<u32>,
    /// The groups of those whose handshake is under way.
    pub half_open: Vec<Group>,
    pub addresses: BTreeMap<IpAddr, usize>,
    pub kept: BTreeMap<String, Kept>,
    pub tries: usize,
    pub bans: Bans,
}

/// A peer to stay connected to.
#[derive(Default)]
pub struct Kept {
    pub given_up: CancellationToken,
    /// Where it was found last; `None` if it was not looked for yet.
    pub at: Option<Vec<SocketAddr>>,
}

impl Net {
    pub fn new(
        mut config: TcpConfig,
        listening: Option<SocketAddr>,
        inbox: mpsc::Sender<Envelope>,
        commands: mpsc::Sender<Command>,
    ) -> Result<Self, StartError> {
        let mut bans = Bans::new(config.limits.bans_max);
        let finding = config.finding.take();
        let open = |finding| Finder::open(finding, &mut bans, &*config.notice);
        let finder = finding.map(open).transpose()?;
        Ok(Net {
            listening,
            inbox,
            commands,
            nonce: random()?,
            active: watch::Sender::new(true),
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            finder,
            room: Arc::new(Semaphore::new(
                units(config.limits.inbox_bytes as usize) as usize
            )),
            queued: Arc::default(),
            table: Mutex::new(Table {
                links: BTreeMap::new(),
                numbers: BTreeSet::new(),
                half_open: Vec::new(),
                addresses: BTreeMap::new(),
                kept: BTreeMap::new(),
                tries: 0,
                bans,
            }),
            config,
        })
    }

    pub fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn link(&self, peer: PeerId) -> Option<Arc<Link>> {
        self.table().links.get(&peer.0).cloned()
    }

    pub fn notice(&self, notice: &Notice) {
        (self.config.notice)(notice);
    }

    /// The port at which somebody there can connect to us; 0 if nowhere.
    pub fn port_for(&self, address: IpAddr) -> u16 {
        let reaches = |at: &SocketAddr| {
            !at.ip().to_canonical().is_loopback() || address.to_canonical().is_loopback()
        };
        let listening = self.listening.filter(reaches);
        listening.map_or(0, |at| at.port())
    }

    /// Our first words to somebody there.
    pub fn hello(&self, to: IpAddr) -> Hello {
        let (height, work) = (self.config.best)();
        Hello {
            version: VERSION,
            genesis: self.config.genesis,
            height,
            work: work.0.to_be_bytes(),
            nonce: self.nonce,
            port: self.port_for(to),
            user_agent: self.config.user_agent.clone(),
        }
    }

    /// Waits for the place of a message of so many bytes among those that wait for the node.
    pub async fn place(&self, link: &Link, bytes: usize) -> Option<Place> {
        let of_peer = Arc::clone(&link.places).acquire_owned().await.ok()?;
        let wanted = units(bytes.saturating_mul(DECODED_FACTOR));
        // One alone has room, however long it is.
        let wanted = wanted.min(units(self.config.limits.inbox_bytes as usize));
        let of_all = Arc::clone(&self.room).acquire_many_owned(wanted);
        let of_all = of_all.await.ok()?;
        Some(Place { of_peer, of_all })
    }

    /// Puts a frame into the peer's queue. Who lets it fill is dropped.
    pub fn enqueue(&self, link: &Link, frame: Frame) {
        let limits = &self.config.limits;
        let cost = cost(&frame);
        let queued = link.queued.load(Ordering::Relaxed);
        if queued + cost > limits.send_queue_bytes {
            return link.end(End::SlowReader);
        }
        let all = self.queued.load(Ordering::Relaxed);
        if queued == 0 {
            // One message is everybody's right: who reads hears on, whatever waits for others.
            link.takes();
        } else if all + cost > limits.send_total_bytes && !self.make_room(all + cost) {
            return;
        }
        let charge = Charge::new([&link.queued, &self.queued], cost);
        // If its writer has ended, the frame and what it was charged are dropped.
        let _ = link.queue.send((frame, charge));
    }

    /// Whether half of what may wait for all peers does.
    pub fn is_crowded(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > self.config.limits.send_total_bytes / 2
    }

    /// More would wait for all peers than may: who has taken nothing for longest goes, so that
    /// nobody who reads pays for those who do not. Whether there is room then.
    fn make_room(&self, wanted: usize) -> bool {
        let limits = &self.config.limits;
        let table = self.table();
        let queued = |link: &Link| link.queued.load(Ordering::Relaxed);
        // What waits for those who are told to end is dropped with them, at once.
        let ending = table.links.values().filter(|link| link.is_ending());
        let mut wanted = wanted.saturating_sub(ending.map(|link| queued(link)).sum());
        while wanted > limits.send_total_bytes {
            let links = table.links.values().filter(|link| !link.is_ending());
            let slowest = links.max_by_key(|link| link.stalled());
            match slowest.filter(|link| link.stalled() >= limits.stalled) {
                Some(slowest) => {
                    wanted = wanted.saturating_sub(queued(slowest));
                    slowest.end(End::Crowded);
                }
                None => return false,
            }
        }
        true
    }

    /// Whether automatic bans and limits by address apply.
    pub fn is_foreign(&self, address: IpAddr) -> bool {
        self.config.limits.loopback_is_foreign || !address.to_canonical().is_loopback()
    }

    /// What the end of a connection means for the address behind it.
    pub fn judge(&self, address: SocketAddr, why: &End) {
        let now = Instant::now();
        if !self.is_foreign(address.ip()) {
            return;
        }
        let mut table = self.table();
        // Whom the operator named is not to be kept out, whoever called whom: as in Bitcoin Core.
        let named = table.kept.values().filter_map(|kept| kept.at.as_ref());
        if named
            .flatten()
            .any(|at| holder(at.ip()) == holder(address.ip()))
        {
            return;
        }
        let banned = match why.verdict() {
            Verdict::Innocent => false,
            Verdict::Points(points) => table.bans.charge(address.ip(), points, now),
            Verdict::Ban => true,
        };
        if banned {
            let until = now + self.config.limits.ban;
            self.ban_in(&mut table, address.ip(), until, why.to_string(), false);
            if let Some(finder) = &self.finder {
                finder.bans_changed.notify_one();
            }
        }
    }

    /// Bans an address and ends its connections; whether there was room for the ban.
    pub fn ban_in(
        &self,
        table: &mut Table,
        address: IpAddr,
        until: Instant,
        reason: String,
        asked: bool,
    ) -> bool {
        let banned = table
            .bans
            .ban(address, until, reason, asked, Instant::now());
        for link in table.links.values() {
            if holder(link.address.ip()) == holder(address) {
                link.end(End::Banned);
            }
        }
        banned
    }
}

impl Table {
    /// The lowest number that the node does not know a peer by.
    pub fn free_number(&self) -> u32 {
        let mut free = 0;
        for number in &self.numbers {
            if *number != free {
                break;
            }
            free += 1;
        }
        free
    }

    /// Connections of one kind, without those that have been told to end.
    pub fn count(&self, kind: ConnectionKind) -> usize {
        let links = self.links.values();
        links
            .filter(|link| link.kind == kind && !link.is_ending())
            .count()
    }
}

/// What a frame that waits counts, until it is dropped.
pub struct Charge {
    counters: [Arc<AtomicUsize>; 2],
    cost: usize,
}

impl Charge {
    fn new(counters: [&Arc<AtomicUsize>; 2], cost: usize) -> Self {
        for counter in counters {
            counter.fetch_add(cost, Ordering::Relaxed);
        }
        Charge {
            counters: counters.map(Arc::clone),
            cost,
        }
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        for counter in &self.counters {
            counter.fetch_sub(self.cost, Ordering::Relaxed);
        }
    }
}

/// Memory is counted in so many bytes.
const ROOM_UNIT: usize = 1_024;

/// So many units have room for these bytes; never none.
fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(ROOM_UNIT).max(1)).unwrap_or(u32::MAX)
}

/// What a frame counts in a queue.
fn cost(frame: &Frame) -> usize {
    let bytes = match frame {
        Frame::Message(bytes) | Frame::Hello(bytes) => bytes.len(),
        Frame::Ping(_) | Frame::Pong(_) => 8,
        Frame::Ask => 0,
        Frame::Addresses(addresses) => addresses.len() * size_of::<Seen>(),
        Frame::Bye(why) => why.len(),
    };
    bytes + QUEUED_OVERHEAD_BYTES
}

/// A number that nobody can guess.
pub fn random() -> Result<u64, getrandom::Error> {
    getrandom::u64()
}
