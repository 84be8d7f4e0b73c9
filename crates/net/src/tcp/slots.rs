//! The connections that a node makes by itself, to addresses of its book.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::{Instant, sleep};

use super::Notice;
use super::address::{Group, Scope, canonical};
use super::dial::{self, jittered};
use super::end::End;
use super::finder::{Finder, State};
use super::net::{Net, Table};
use super::peer::{self, Call};

/// Fills the slots, one after the other, until the node ends.
pub async fn fill(net: Arc<Net>) {
    let Some(finder) = &net.finder else {
        return;
    };
    let mut active = net.active.subscribe();
    loop {
        tokio::select! {
            () = net.stop.cancelled() => return,
            _ = active.wait_for(|active| *active) => {}
        }
        if let Some(address) = next(&net, finder) {
            spawn(&net, address, Call::Automatic);
        } else {
            tokio::select! {
                () = net.stop.cancelled() => return,
                () = finder.wake.notified() => {}
                () = sleep(jittered(net.config.limits.idle)) => {}
            }
        }
        // However often it is woken.
        tokio::select! {
            () = net.stop.cancelled() => return,
            () = sleep(jittered(net.config.limits.fill)) => {}
        }
    }
}

/// Tries from time to time whether an address answers: one that may have to give its place to
/// another, or one that was only heard of. So the tried table grows without connections that stay.
pub async fn feel(net: Arc<Net>) {
    let Some(finder) = &net.finder else {
        return;
    };
    loop {
        tokio::select! {
            () = net.stop.cancelled() => return,
            () = sleep(jittered(net.config.limits.feeler)) => {}
        }
        if !*net.active.borrow() {
            continue;
        }
        let address = {
            let table = net.table();
            let mut state = finder.state();
            let now = finder.now();
            state.book.resolve(now);
            let State { book, random, .. } = &mut *state;
            let taken = Taken::of(&net, &table);
            let to_test = book.to_test(random).filter(|it| taken.may_dial(*it));
            to_test.or_else(|| book.choose(true, now, random, |it| taken.may_dial(it)))
        };
        if let Some(address) = address {
            spawn(&net, address, Call::Feeler);
        }
    }
}

/// The address for a free slot: first those of the last time.
fn next(net: &Net, finder: &Finder) -> Option<SocketAddr> {
    let (now, elapsed) = (finder.now(), finder.elapsed());
    let table = net.table();
    let mut state = finder.state();
    let used = table.count(crate::peers::ConnectionKind::Automatic) + state.dialling.len();
    if used >= net.config.limits.automatic_max {
        return None;
    }
    let taken = Taken::of(net, &table);
    let State {
        book,
        random,
        retries,
        dialling,
        anchors,
        ..
    } = &mut *state;
    let groups: BTreeSet<_> = dialling.iter().map(|it| Group::of(it.ip())).collect();
    let may = |address: SocketAddr| {
        taken.may_keep(address)
            && !dialling.contains(&address)
            && (is_shared(net, address) || !groups.contains(&Group::of(address.ip())))
            && retries.may(address, elapsed)
    };
    let mut anchor = None;
    while anchor.is_none() && !anchors.is_empty() {
        anchor = Some(anchors.remove(0)).filter(|anchor| may(*anchor));
    }
    let address = anchor.or_else(|| book.choose(false, now, random, may))?;
    dialling.insert(address);
    Some(address)
}

/// What cannot be dialled now.
struct Taken<'a> {
    net: &'a Net,
    table: &'a Table,
    /// Where whoever is connected is, or listens.
    addresses: BTreeSet<SocketAddr>,
    /// The groups of those that we called. Those who call us do not count: they could keep us from
    /// others.
    groups: BTreeSet<Group>,
    now: Instant,
}

impl<'a> Taken<'a> {
    fn of(net: &'a Net, table: &'a Table) -> Self {
        let links = || table.links.values().filter(|link| !link.is_ending());
        let address = |link: &Arc<super::link::Link>| match link.inbound {
            true => SocketAddr::new(link.address.ip(), link.hello.port),
            false => canonical(link.address),
        };
        let ours = links().filter(|link| !link.inbound);
        Taken {
            net,
            table,
            addresses: links().map(address).collect(),
            groups: ours.map(|link| Group::of(link.address.ip())).collect(),
            now: Instant::now(),
        }
    }

    fn may_dial(&self, address: SocketAddr) -> bool {
        let is_open = !self.net.config.plaintext || address.ip().is_loopback();
        let is_own = self.net.listening.map(canonical) == Some(address);
        is_open
            && !is_own
            && !self.addresses.contains(&address)
            // Whoever runs the node named it: it is dialled for that.
            && !self.table.kept.contains_key(&address.to_string())
            && !self.table.bans.has(address.ip(), self.now)
    }

    fn may_keep(&self, address: SocketAddr) -> bool {
        let is_crowded = self.groups.contains(&Group::of(address.ip()));
        self.may_dial(address) && (is_shared(self.net, address) || !is_crowded)
    }
}

/// Whether many nodes share its network group by nature.
fn is_shared(net: &Net, address: SocketAddr) -> bool {
    match Scope::of(address.ip()) {
        Some(Scope::Loopback) => !net.config.limits.loopback_is_foreign,
        scope => scope.is_some_and(Scope::is_shared),
    }
}

fn spawn(net: &Arc<Net>, address: SocketAddr, call: Call) {
    let net_too = Arc::clone(net);
    net.tracker.spawn(async move {
        let is_feeler = matches!(call, Call::Feeler);
        let began = Instant::now();
        dial(&net_too, address, call).await;
        if !is_feeler && let Some(finder) = &net_too.finder {
            let limits = &net_too.config.limits;
            let lasted = began.elapsed() > limits.backoff_max;
            let mut state = finder.state();
            let (share, now) = (state.share(), finder.elapsed());
            let bounds = (limits.backoff, limits.retry_max);
            state.retries.ended(address, lasted, now, bounds, share);
            state.dialling.remove(&address);
            drop(state);
            finder.wake.notify_one();
        }
    });
}

async fn dial(net: &Arc<Net>, address: SocketAddr, call: Call) {
    if let Some(finder) = &net.finder {
        finder.state().book.trying(address, finder.now());
    }
    let patience = net.config.limits.connect;
    let stream = tokio::select! {
        () = net.stop.cancelled() => return,
        stream = dial::try_address(net, address, patience) => stream,
    };
    match stream {
        Ok(stream) => {
            peer::run(Arc::clone(net), stream, address, call).await;
        }
        Err(why) => {
            failed(net, address, &why);
            net.notice(&Notice::Refused {
                address,
                inbound: false,
                why,
            });
        }
    }
}

/// A node of our network answered at an address that we dialled.
pub fn answered(net: &Net, address: SocketAddr) {
    if let Some(finder) = &net.finder {
        let mut state = finder.state();
        state.book.good(address, finder.now());
        // It is connected, or about to be: no longer only dialled.
        state.dialling.remove(&address);
    }
}

/// A connection that we made has ended.
pub fn ended(net: &Net, address: SocketAddr) {
    if let Some(finder) = &net.finder {
        finder.state().book.was_connected(address, finder.now());
    }
}

/// An address that we dialled did not give us a peer.
pub fn failed(net: &Net, address: SocketAddr, why: &End) {
    let Some(finder) = &net.finder else {
        return;
    };
    // Without any connection it may be us who has no network.
    let is_online = !net.table().links.is_empty();
    let mut state = finder.state();
    match why {
        End::Myself => state.book.is_own(address),
        End::Unreachable(_) | End::Closed | End::Io(_) if !is_online => {}
        // Not the address's doing.
        End::Shutdown | End::Inactive | End::Banned | End::NoRoom(_) | End::PlaintextOutside => {}
        _ => state.book.failed(address),
    }
}
