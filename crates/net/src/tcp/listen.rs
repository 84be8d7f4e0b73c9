//! Who knocks: the cheapest checks first, before anything is allocated.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep};

use super::Notice;
use super::address::{Group, canonical, holder};
use super::end::End;
use super::net::Net;
use super::peer::{self, Call};

/// How long to wait when the system has no socket left.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Listens there.
pub fn bind(at: SocketAddr, plaintext: bool) -> io::Result<TcpListener> {
    if plaintext && !at.ip().to_canonical().is_loopback() {
        let why = format!("{at}: {}", End::PlaintextOutside);
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let listener = std::net::TcpListener::bind(at)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Takes connections until the node ends.
pub async fn run(net: Arc<Net>, listener: TcpListener) {
    loop {
        let accepted = tokio::select! {
            () = net.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            // An IPv4 address that came through an IPv6 socket is one.
            Ok((stream, address)) => admit(&net, stream, canonical(address)),
            // One that went away before it was taken, or no sockets: neither is the end.
            Err(_) => tokio::select! {
                () = net.stop.cancelled() => return,
                () = sleep(EXHAUSTED) => {}
            },
        }
    }
}

fn admit(net: &Arc<Net>, stream: TcpStream, address: SocketAddr) {
    match Guest::admit(net, address) {
        Ok(guest) => {
            let call = Call::Inbound(guest);
            net.tracker
                .spawn(peer::run(Arc::clone(net), stream, address, call));
        }
        Err(why) => net.notice(&Notice::Refused {
            address,
            inbound: true,
            why,
        }),
    }
}

/// What an inbound connection takes of the limits, until it is dropped.
pub struct Guest {
    net: Arc<Net>,
    address: IpAddr,
    half_open: Option<Group>,
}

impl Guest {
    fn admit(net: &Arc<Net>, address: SocketAddr) -> Result<Self, End> {
        let limits = &net.config.limits;
        let ip = address.ip().to_canonical();
        if !*net.active.borrow() {
            return Err(End::Inactive);
        }
        if net.config.plaintext && !ip.is_loopback() {
            return Err(End::PlaintextOutside);
        }
        let mut table = net.table();
        if table.bans.is_banned(ip, Instant::now()) {
            return Err(End::Banned);
        }
        if table.half_open.len() >= limits.half_open_max {
            return Err(End::NoRoom("handshakes under way"));
        }
        let group = Group::of(ip);
        let of_group = table.half_open.iter().filter(|it| **it == group).count();
        if net.is_foreign(ip) && of_group >= limits.half_open_group_max {
            return Err(End::NoRoom("handshakes under way of this network group"));
        }
        // Who has been told to end may still be there: as many again at most.
        if table.numbers.len() >= 2 * limits.links_max() {
            return Err(End::NoRoom("connections"));
        }
        let address = holder(ip);
        let here = table.addresses.get(&address).copied().unwrap_or(0);
        if net.is_foreign(ip) && here >= limits.per_address_max {
            return Err(End::NoRoom("connections of this address"));
        }
        table.addresses.insert(address, here + 1);
        table.half_open.push(group);
        Ok(Guest {
            net: Arc::clone(net),
            address,
            half_open: Some(group),
        })
    }

    /// The handshake is done.
    pub fn settle(&mut self) {
        if let Some(group) = self.half_open.take() {
            let mut table = self.net.table();
            let place = table.half_open.iter().position(|it| *it == group);
            if let Some(place) = place {
                table.half_open.swap_remove(place);
            }
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.settle();
        let mut table = self.net.table();
        if let Some(here) = table.addresses.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                table.addresses.remove(&self.address);
            }
        }
    }
}
