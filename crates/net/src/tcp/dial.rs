//! Connections that we make: once, or kept up.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::end::End;
use super::net::{self, Net};
use super::peer::{self, Call};
use super::{DEFAULT_PORT, Notice};
use crate::peers::ConnectionKind;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

/// `HOST:PORT`, where a user may leave the port out, as with `bitcoin-cli`. `None` if it is neither.
pub fn with_port(node: &str) -> Option<String> {
    if let Ok(address) = node.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, DEFAULT_PORT).to_string());
    }
    let is_name = |host: &str| !host.is_empty() && !host.contains(char::is_whitespace);
    let port = match node.rsplit_once(':') {
        Some((host, port)) if is_name(host) => port.parse::<NonZeroU16>().ok(),
        None if is_name(node) => return Some(format!("{node}:{DEFAULT_PORT}")),
        _ => None,
    };
    port.map(|_| node.to_owned())
}

/// Keeps up a connection until it is told not to.
pub async fn keep_up(net: Arc<Net>, name: String, given_up: CancellationToken) {
    let limits = &net.config.limits;
    let mut wait = limits.backoff;
    let mut active = net.active.subscribe();
    loop {
        tokio::select! {
            () = given_up.cancelled() => return,
            () = net.stop.cancelled() => return,
            _ = active.wait_for(|active| *active) => {}
        }
        let began = Instant::now();
        let why = once(&net, &name).await;
        if why == End::Myself {
            // It will be so for ever.
            if !given_up.is_cancelled() {
                net.table().kept.remove(&name);
            }
            return;
        }
        if began.elapsed() > limits.backoff_max {
            wait = limits.backoff;
        }
        tokio::select! {
            () = given_up.cancelled() => return,
            () = net.stop.cancelled() => return,
            () = sleep(jittered(wait)) => {}
        }
        wait = (wait * 2).min(limits.backoff_max);
    }
}

/// One connection from dialling to its end.
async fn once(net: &Arc<Net>, name: &str) -> End {
    match connect(net, name).await {
        Ok((stream, address)) => peer::run(Arc::clone(net), stream, address, Call::Manual).await,
        Err(why) => why,
    }
}

/// A socket to this name, if it can be had. That it cannot is told.
pub async fn connect(net: &Net, name: &str) -> Result<(TcpStream, SocketAddr), End> {
    let connected = tokio::select! {
        () = net.stop.cancelled() => Err((None, End::Shutdown)),
        connected = find(net, name) => connected,
    };
    connected.map_err(|(address, why)| {
        let (inbound, told) = (false, why.clone());
        net.notice(&match address {
            Some(address) => Notice::Refused {
                address,
                inbound,
                why: told,
            },
            None => Notice::Unresolved {
                name: name.to_owned(),
                why: told,
            },
        });
        why
    })
}

type Failed = (Option<SocketAddr>, End);

async fn find(net: &Net, name: &str) -> Result<(TcpStream, SocketAddr), Failed> {
    let patience = net.config.limits.connect;
    let found = timeout(patience, lookup_host(name)).await;
    let Ok(Ok(addresses)) = found else {
        return Err((None, End::NoAddress));
    };
    let mut last = (None, End::NoAddress);
    for address in addresses.take(ADDRESSES_MAX) {
        if net.table().count(ConnectionKind::Manual) >= net.config.limits.outbound_max {
            return Err((Some(address), End::NoRoom("outbound connections")));
        }
        last = match try_address(net, address, patience).await {
            Ok(stream) => return Ok((stream, address)),
            Err(why) => (Some(address), why),
        };
    }
    Err(last)
}

/// A socket to this address.
pub async fn try_address(net: &Net, at: SocketAddr, patience: Duration) -> Result<TcpStream, End> {
    if net.config.plaintext && !at.ip().to_canonical().is_loopback() {
        return Err(End::PlaintextOutside);
    }
    if net.table().bans.is_banned(at.ip(), Instant::now()) {
        return Err(End::Banned);
    }
    match timeout(patience, TcpStream::connect(at)).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(error)) => Err(End::Unreachable(error.kind())),
        Err(_) => Err(End::Unreachable(std::io::ErrorKind::TimedOut)),
    }
}

/// Half to one and a half of it, so that nodes that failed together do not come together.
pub fn jittered(wait: Duration) -> Duration {
    let half = wait / 2;
    // Without random numbers it comes unjittered: nothing depends on that.
    let draw = net::random().unwrap_or(u64::MAX / 2);
    let share = (draw >> 11) as f64 / (1_u64 << 53) as f64;
    half + wait.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_be_left_out() {
        for (node, address) in [
            ("192.0.2.1", Some("192.0.2.1:9333")),
            ("192.0.2.1:7", Some("192.0.2.1:7")),
            ("::1", Some("[::1]:9333")),
            ("[::1]:7", Some("[::1]:7")),
            ("node.example", Some("node.example:9333")),
            ("node.example:7", Some("node.example:7")),
            ("", None),
            (":7", None),
            ("node.example:99999", None),
            ("node.example:0", None),
            ("node.example:", None),
            ("no name:7", None),
        ] {
            assert_eq!(with_port(node).as_deref(), address, "{node}");
        }
    }
}
