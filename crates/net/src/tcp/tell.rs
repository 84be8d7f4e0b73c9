//! Gossip of addresses with one connected peer: asking, answering, and passing on.

use std::net::SocketAddr;

use tokio::time::{Instant, sleep};

use super::address::Scope;
use super::dial::jittered;
use super::end::End;
use super::finder;
use super::gossip::{MYSELF, Seen};
use super::link::Link;
use super::net::Net;
use super::session::Frame;

/// The first words about addresses. Who calls us has said where it listens; whom we call, we ask.
/// The others are not asked: they would fill the book of whoever they call.
pub fn begin(net: &Net, link: &Link) {
    let Some(finder) = &net.finder else {
        return;
    };
    if link.inbound {
        if link.hello.port != 0 {
            let heard = link.gossip().hear_hello(link.hello.port, finder.now());
            finder::hear(net, link, heard);
        }
    } else if !finder.finding.connect_only {
        link.gossip().asked();
        net.enqueue(link, Frame::Ask);
    }
}

/// It asks for addresses. Only who calls gets an answer, once: whom we call could otherwise see by
/// asking which of our addresses are whose.
pub fn answer(net: &Net, link: &Link) {
    let (Some(finder), Some(asker)) = (&net.finder, Scope::of(link.address.ip())) else {
        return;
    };
    if !link.inbound || !link.gossip().answers() {
        return;
    }
    let (now, lasts) = (finder.now(), net.config.limits.answer);
    let mut answer = finder.state().answer(asker, now, lasts);
    let itself = SocketAddr::new(link.address.ip(), link.hello.port);
    answer.retain(|(address, _)| *address != itself);
    // What was banned since is not told.
    let table = net.table();
    let at = Instant::now();
    answer.retain(|(address, _)| !table.bans.has(address.ip(), at));
    drop(table);
    net.enqueue(link, Frame::Addresses(answer));
}

/// It tells of addresses.
pub fn hear(net: &Net, link: &Link, told: &[Seen]) {
    if let Some(finder) = &net.finder {
        let heard = link.gossip().hear(told, link.since.elapsed(), finder.now());
        finder::hear(net, link, heard);
    }
}

/// Tells the peer what is news, and from time to time where we listen, until the connection ends.
pub async fn run(net: &Net, link: &Link) -> End {
    let Some(finder) = &net.finder else {
        return std::future::pending().await;
    };
    let limits = &net.config.limits;
    let mut announce = Instant::now() + jittered(limits.announce);
    loop {
        sleep(jittered(limits.news)).await;
        let mut news = link.gossip().take_waiting();
        let port = net.port_for(link.address.ip());
        if port != 0 && Instant::now() >= announce {
            announce = Instant::now() + jittered(limits.announce);
            news.push((SocketAddr::new(MYSELF, port), finder.now()));
        }
        if !news.is_empty() {
            net.enqueue(link, Frame::Addresses(news));
        }
    }
}
