//! Connections that we make: once, or kept up.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Notice;
use super::end::End;
use super::net::{self, Net};
use super::peer::{self, Call};
use crate::peers::ConnectionKind;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 4;

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
        net.notice(&Notice::Refused {
            address,
            inbound: false,
            why: why.clone(),
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
