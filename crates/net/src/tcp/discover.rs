//! Nodes of the same network on the local network, by mDNS (RFC 6762) and DNS-SD (RFC 6763).
//!
//! A node that listens shows itself as an instance of [`SERVICE`], with the hash of its genesis
//! block. What others show is hearsay like any other: it is entered into the address book within
//! the bounds of one source, and dialled when its turn comes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use forkful_core::Hash;
use mdns_sd::{DaemonEvent, IfKind, ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo};
use tokio::time::timeout;

use super::Notice;
use super::finder::Finder;
use super::gossip::{Gossip, Seen};
use super::limits::FOUND_ADDRESSES_MAX;
use super::net::Net;

/// What is sought and shown.
pub const SERVICE: &str = "_forkful._tcp.local.";

/// The key of the genesis block's hash in the record of type TXT.
const GENESIS: &str = "genesis";
/// Whoever shows addresses on the local network counts as one source, this machine.
const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// How often it is looked at which addresses this machine has, in seconds.
const INTERFACES_EVERY: u32 = 60;
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// The name of a node: half a line of its key is enough to tell neighbours apart.
pub fn instance(key: &[u8; 32]) -> String {
    const_hex::encode(&key[..8])
}

/// How a node that listens there shows itself.
///
/// # Errors
/// The record cannot be made.
pub fn record(
    key: &[u8; 32],
    genesis: Hash,
    listening: SocketAddr,
) -> Result<ServiceInfo, mdns_sd::Error> {
    let name = instance(key);
    let ip = listening.ip().to_canonical();
    let addresses: &[IpAddr] = if ip.is_unspecified() { &[] } else { &[ip] };
    let host = format!("forkful-{name}.local.");
    let genesis = genesis.to_string();
    let text = [(GENESIS, genesis.as_str())];
    let mut info = ServiceInfo::new(
        SERVICE,
        &name,
        &host,
        addresses,
        listening.port(),
        &text[..],
    )?;
    match ip {
        // Whatever can be reached from there, and nothing that cannot.
        _ if ip.is_loopback() => info.set_interfaces(vec![IfKind::LoopbackV4, IfKind::LoopbackV6]),
        _ if !ip.is_unspecified() => info.set_interfaces(vec![IfKind::Addr(ip)]),
        IpAddr::V4(_) => {
            info.set_interfaces(vec![IfKind::IPv4]);
            info = info.enable_addr_auto();
        }
        IpAddr::V6(_) => info = info.enable_addr_auto(),
    }
    Ok(info)
}

/// Where a node is that shows itself, if it is of this network and not this node.
pub fn found(own: &str, genesis: Hash, service: &ResolvedService) -> Vec<SocketAddr> {
    let is_ours = service.get_property_val_str(GENESIS) == Some(genesis.to_string().as_str());
    let is_itself = service.get_fullname() == format!("{own}.{SERVICE}");
    if !is_ours || is_itself {
        return Vec::new();
    }
    let ips = service.get_addresses().iter();
    let mut ips: Vec<_> = ips.map(mdns_sd::ScopedIp::to_ip_addr).collect();
    ips.sort_unstable();
    let port = service.get_port();
    let addresses = ips.into_iter().map(|ip| SocketAddr::new(ip, port));
    addresses.take(FOUND_ADDRESSES_MAX).collect()
}

/// Shows this node and seeks others, until the node ends.
pub async fn run(net: Arc<Net>, port: u16) {
    if let Err(error) = seek(&net, port).await {
        let why = error.to_string();
        net.notice(&Notice::NotDiscovering { why });
    }
}

async fn seek(net: &Net, port: u16) -> Result<(), mdns_sd::Error> {
    let Some(finder) = &net.finder else {
        return Ok(());
    };
    let daemon = ServiceDaemon::new_with_port(port)?;
    daemon.set_ip_check_interval(INTERFACES_EVERY)?;
    let key = net.config.key.public();
    let own = instance(&key);
    let shown = match net.listening {
        Some(listening) => {
            let info = record(&key, net.config.genesis, listening)?;
            let name = info.get_fullname().to_owned();
            daemon.register(info)?;
            Some(name)
        }
        None => None,
    };
    let (events, troubles) = (daemon.browse(SERVICE)?, daemon.monitor()?);
    let mut gossip = Gossip::new(SOURCE);
    gossip.asked();
    let mut told = false;
    loop {
        let event = tokio::select! {
            () = net.stop.cancelled() => break,
            event = events.recv_async() => event,
            trouble = troubles.recv_async() => match trouble {
                Ok(trouble) => {
                    told = told || tell(net, trouble);
                    continue;
                }
                Err(_) => break,
            },
        };
        match event {
            Ok(ServiceEvent::ServiceResolved(service)) => {
                let mut addresses = found(&own, net.config.genesis, &service);
                // Somebody on the local network must not make us call our own machine.
                let is_here = |at: &SocketAddr| at.ip().is_loopback();
                if !net.listening.is_some_and(|at| is_here(&at)) {
                    addresses.retain(|at| !is_here(at));
                }
                enter(finder, &mut gossip, &addresses);
            }
            Ok(_) => {}
            Err(_) => break,
        }
    }
    if let Some(name) = shown
        && let Ok(gone) = daemon.unregister(&name)
    {
        let _ = timeout(GOODBYE, gone.recv_async()).await;
    }
    let _ = daemon.shutdown();
    Ok(())
}

/// Tells of a trouble; whether it was one. The first is enough.
fn tell(net: &Net, event: DaemonEvent) -> bool {
    let DaemonEvent::Error(error) = event else {
        return false;
    };
    let why = error.to_string();
    net.notice(&Notice::NotDiscovering { why });
    true
}

/// Into the book, no faster than one peer may tell of addresses.
fn enter(finder: &Finder, gossip: &mut Gossip, addresses: &[SocketAddr]) {
    let now = finder.now();
    let told: Vec<Seen> = addresses.iter().map(|address| (*address, now)).collect();
    let heard = gossip.hear(&told, finder.elapsed(), now);
    let mut state = finder.state();
    let mut is_more = false;
    for (address, seen) in heard.keep {
        is_more |= state.book.add(address, SOURCE, seen, now);
    }
    drop(state);
    if is_more {
        finder.wake.notify_one();
    }
}
