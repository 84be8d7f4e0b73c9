//! A slot and a number for a connection whose handshake is done, or no.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, MutexGuard};

use forkful_core::PeerId;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;

use super::address::Group;
use super::end::End;
use super::evict::{self, Candidate};
use super::gossip::Gossip;
use super::link::{Link, Waiting};
use super::net::{Net, Table};
use super::peer::Greeted;
use crate::peers::ConnectionKind;

/// Enters the connection into the table.
pub fn register(
    net: &Net,
    greeted: &Greeted,
    address: SocketAddr,
    kind: ConnectionKind,
    queue: mpsc::UnboundedSender<Waiting>,
) -> Result<Arc<Link>, End> {
    let inbound = kind == ConnectionKind::Inbound;
    let mut table = net.table();
    // Looked at again: much may have happened during the handshake.
    if !*net.active.borrow() {
        return Err(End::Inactive);
    }
    if table.bans.is_banned(address.ip(), Instant::now()) {
        return Err(End::Banned);
    }
    let same = |link: &&Arc<Link>| link.key == greeted.key && !link.is_ending();
    let same = table.links.values().find(same);
    if let Some(same) = same {
        // Both ends must keep the same one. Of two that one end made, the older; of one
        // that each made, that of the end with the greater key.
        let wanted_inbound = greeted.key > own_key(net);
        if same.inbound == inbound || inbound != wanted_inbound {
            return Err(End::Duplicate);
        }
        same.end(End::Duplicate);
    }
    make_room(net, &table, kind)?;
    let number = table.free_number();
    let link = Arc::new(Link {
        id: PeerId(number),
        key: greeted.key,
        encrypted: !net.config.plaintext,
        address,
        inbound,
        kind,
        hello: greeted.hello.clone(),
        since: Instant::now(),
        sent: Arc::clone(&greeted.writer.sent),
        received: Arc::clone(&greeted.reader.received),
        queue,
        queued: Arc::default(),
        took: AtomicU64::new(0),
        places: Arc::new(Semaphore::new(net.config.limits.inbox_share.max(1) as usize)),
        blocked: AtomicBool::new(false),
        pinged: Mutex::default(),
        ping: AtomicU64::new(0),
        ping_min: AtomicU64::new(0),
        block: AtomicU64::new(0),
        gossip: Mutex::new(Gossip::new(address.ip())),
        stop: net.stop.child_token(),
        why: Mutex::new(None),
    });
    table.numbers.insert(number);
    table.links.insert(number, Arc::clone(&link));
    note(net, &table);
    Ok(link)
}

/// A slot of its kind, if need be that of somebody who has to go for it.
fn make_room(net: &Net, table: &MutexGuard<'_, Table>, kind: ConnectionKind) -> Result<(), End> {
    let limits = &net.config.limits;
    let (most, what) = match kind {
        ConnectionKind::Inbound => (limits.inbound_max, "inbound connections"),
        ConnectionKind::Manual => (limits.outbound_max, "outbound connections"),
        ConnectionKind::Automatic => (limits.automatic_max, "connections of its own choice"),
    };
    if table.count(kind) < most {
        return Ok(());
    }
    let evicted = match kind {
        ConnectionKind::Inbound => evict::whom(candidates(net, table)),
        ConnectionKind::Manual | ConnectionKind::Automatic => None,
    };
    let evicted = evicted.and_then(|id| table.links.get(&id));
    let evicted = evicted.ok_or(End::NoRoom(what))?;
    evicted.end(End::Evicted);
    Ok(())
}

fn candidates(net: &Net, table: &Table) -> Vec<Candidate> {
    let state = net.finder.as_ref().map(|finder| finder.state());
    let inbound = |link: &&Arc<Link>| link.inbound && !link.is_ending();
    let candidate = |link: &Arc<Link>| {
        let group = Group::of(link.address.ip());
        Candidate {
            id: link.id.0,
            group,
            // Without a secret no group is favoured.
            rank: state
                .as_ref()
                .map_or(0, |state| state.book.group_rank(group)),
            connected: link.since.elapsed(),
            ping: link.shortest(),
            block: link.last_block(),
        }
    };
    table
        .links
        .values()
        .filter(inbound)
        .map(candidate)
        .collect()
}

/// What follows for the finding of peers from who is connected now.
fn note(net: &Net, table: &Table) {
    if let Some(finder) = &net.finder {
        finder.state().note_anchors(table);
    }
}

fn own_key(net: &Net) -> [u8; 32] {
    match net.config.plaintext {
        true => nonce_as_key(net.nonce),
        false => net.config.key.public(),
    }
}

/// In plaintext nobody proves anything: the nonce tells processes apart.
pub fn nonce_as_key(nonce: u64) -> [u8; 32] {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&nonce.to_be_bytes());
    key
}
