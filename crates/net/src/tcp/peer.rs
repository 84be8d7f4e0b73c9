//! One connection, from its first byte to its last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use forkful_core::Message;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::Notice;
use super::end::{End, FrameError};
use super::enter::{nonce_as_key, register};
use super::hello::{Hello, VERSION};
use super::link::{Link, Waiting};
use super::listen::Guest;
use super::net::{Net, random};
use super::pace::Pace;
use super::session::{self, Frame, Reader, Writer};
use super::slots;
use super::tell;
use crate::actor::Command;
use crate::peers::ConnectionKind;
use crate::transport::Envelope;

/// How long a goodbye may take.
const BYE: Duration = Duration::from_secs(1);

/// Who called whom.
pub enum Call {
    /// They did, and take something of the limits.
    Inbound(Guest),
    /// We did, as we were told to.
    Manual,
    /// We did, of our own choice.
    Automatic,
    /// We did, to see whether somebody answers.
    Feeler,
}

impl Call {
    /// What becomes of it; nothing of a feeler.
    fn kind(&self) -> Option<ConnectionKind> {
        match self {
            Call::Inbound(_) => Some(ConnectionKind::Inbound),
            Call::Manual => Some(ConnectionKind::Manual),
            Call::Automatic => Some(ConnectionKind::Automatic),
            Call::Feeler => None,
        }
    }
}

/// What is known after the handshake.
pub struct Greeted {
    pub reader: Reader,
    pub writer: Writer,
    pub key: [u8; 32],
    pub hello: Hello,
}

/// Drives a connection to its end, and judges it.
pub async fn run(net: Arc<Net>, stream: TcpStream, address: SocketAddr, mut call: Call) -> End {
    // Messages are small and wait for each other: Nagle's algorithm would add to every one.
    let _ = stream.set_nodelay(true);
    let inbound = matches!(call, Call::Inbound(_));
    let handshake = timeout(
        net.config.limits.handshake,
        greet(&net, stream, address, inbound),
    );
    let greeted = tokio::select! {
        () = net.stop.cancelled() => Err(End::Shutdown),
        greeted = handshake => greeted.unwrap_or(Err(End::HandshakeTimeout)),
    };
    if let Call::Inbound(guest) = &mut call {
        guest.settle();
    }
    let connected = match greeted {
        Ok(greeted) => {
            if !inbound {
                slots::answered(&net, address);
            }
            enter(&net, greeted, address, call.kind()).await
        }
        Err(why) => {
            if !inbound {
                slots::failed(&net, address, &why);
            }
            Err(why)
        }
    };
    match connected {
        Ok((link, reader, writer, frames)) => live(&net, &link, reader, writer, frames).await,
        Err(why) => {
            // Whom we called may be anybody: strangers tell us of addresses that are not theirs.
            if inbound {
                net.judge(address, &why);
            }
            net.notice(&Notice::Refused {
                address,
                inbound,
                why: why.clone(),
            });
            why
        }
    }
}

/// Noise, and the first words of both.
async fn greet(
    net: &Net,
    stream: TcpStream,
    address: SocketAddr,
    inbound: bool,
) -> Result<Greeted, End> {
    let pace = Pace::new(&net.config.limits);
    let (mut reader, mut writer) = session::open(stream, pace);
    let key = if net.config.plaintext {
        None
    } else {
        let ours = &net.config.key;
        Some(session::encrypt(&mut reader, &mut writer, ours, !inbound).await?)
    };
    let ours = net.hello(address.ip());
    writer.send(&Frame::Hello(ours.encode())).await?;
    let hello = match reader.next().await? {
        Frame::Hello(bytes) => Hello::decode(&bytes)?,
        Frame::Bye(why) => return Err(End::Bye(why)),
        Frame::Message(_) | Frame::Ping(_) | Frame::Pong(_) | Frame::Ask | Frame::Addresses(_) => {
            return Err(FrameError::OutOfOrder.into());
        }
    };
    let key = key.unwrap_or_else(|| nonce_as_key(hello.nonce));
    let mut greeted = Greeted {
        reader,
        writer,
        key,
        hello,
    };
    match check(net, &greeted) {
        Ok(()) => {
            session::widen(&mut greeted.reader, &mut greeted.writer);
            Ok(greeted)
        }
        Err(why) => Err(bye(greeted.writer, why).await),
    }
}

fn check(net: &Net, greeted: &Greeted) -> Result<(), End> {
    let hello = &greeted.hello;
    let same_key = !net.config.plaintext && greeted.key == net.config.key.public();
    if hello.nonce == net.nonce || same_key {
        return Err(End::Myself);
    }
    if hello.version != VERSION {
        return Err(End::WrongVersion(hello.version));
    }
    if hello.genesis != net.config.genesis {
        return Err(End::WrongGenesis {
            theirs: hello.genesis,
            ours: net.config.genesis,
        });
    }
    Ok(())
}

/// Tells the other end why, if it listens.
async fn bye(mut writer: Writer, why: End) -> End {
    let _ = timeout(BYE, writer.send(&Frame::Bye(why.to_string()))).await;
    why
}

type Entered = (Arc<Link>, Reader, Writer, mpsc::UnboundedReceiver<Waiting>);

/// A slot and a number, or no.
async fn enter(
    net: &Arc<Net>,
    greeted: Greeted,
    address: SocketAddr,
    kind: Option<ConnectionKind>,
) -> Result<Entered, End> {
    let Some(kind) = kind else {
        return Err(bye(greeted.writer, End::Feeler).await);
    };
    let (queue, frames) = mpsc::unbounded_channel();
    match register(net, &greeted, address, kind, queue) {
        Ok(link) => Ok((link, greeted.reader, greeted.writer, frames)),
        Err(why) => Err(bye(greeted.writer, why).await),
    }
}

/// The connection in use: the node is told first, and last.
async fn live(
    net: &Net,
    link: &Link,
    reader: Reader,
    writer: Writer,
    frames: mpsc::UnboundedReceiver<Waiting>,
) -> End {
    let told = tell(net, Command::Connected(link.id)).await;
    net.notice(&Notice::Up {
        peer: link.id,
        key: link.key,
        address: link.address,
        inbound: link.inbound,
    });
    tell::begin(net, link);
    let mut why = match told {
        Err(why) => why,
        // Ends with whichever ends first. The futures are never polled again after.
        Ok(()) => tokio::select! {
            () = link.stop.cancelled() => End::Shutdown,
            why = read(net, link, reader) => why,
            why = write(net, link, writer, frames) => why,
            why = ping(net, link) => why,
            why = tell::run(net, link) => why,
        },
    };
    if let Some(told) = link.told() {
        why = told;
    }
    net.judge(link.address, &why);
    if !link.inbound {
        slots::ended(net, link.address);
    }
    // From here on what the node sends it is lost.
    net.table().links.remove(&link.id.0);
    leave(net, link).await;
    net.table().numbers.remove(&link.id.0);
    net.notice(&Notice::Down {
        peer: link.id,
        address: link.address,
        inbound: link.inbound,
        why: why.clone(),
    });
    why
}

/// The node has handled all that the peer said, is told that it is gone, and knows it when
/// this returns: only then may another have its number. A node that has ended, or is about
/// to, gives no more numbers.
async fn leave(net: &Net, link: &Link) {
    let gone = async {
        let all = net.config.limits.inbox_share.max(1);
        let handled = link.places.acquire_many(all).await;
        drop(handled);
        let (done, known) = oneshot::channel();
        tell(net, Command::Disconnected(link.id)).await?;
        tell(net, Command::Barrier(done)).await?;
        known.await.map_err(|_| End::NodeEnded)
    };
    tokio::select! {
        () = net.stop.cancelled() => {}
        _ = gone => {}
    }
}

/// Tells the node, if it has not ended and is not about to.
async fn tell(net: &Net, command: Command) -> Result<(), End> {
    tokio::select! {
        biased;
        () = net.stop.cancelled() => Err(End::Shutdown),
        told = net.commands.send(command) => told.map_err(|_| End::NodeEnded),
    }
}

async fn read(net: &Net, link: &Link, mut reader: Reader) -> End {
    loop {
        let frame = match reader.next().await {
            Ok(frame) => frame,
            Err(why) => return why,
        };
        match frame {
            Frame::Message(bytes) => {
                // Before it is decoded, for it may grow by that.
                link.blocked.store(true, Ordering::Relaxed);
                let place = net.place(link, bytes.len()).await;
                let message = match Message::decode(&bytes) {
                    Ok(message) => message,
                    Err(error) => return error.into(),
                };
                drop(bytes);
                let envelope = Envelope {
                    from: link.id,
                    message,
                    place,
                };
                if net.inbox.send(envelope).await.is_err() {
                    return End::NodeEnded;
                }
                link.blocked.store(false, Ordering::Relaxed);
            }
            Frame::Ping(number) => net.enqueue(link, Frame::Pong(number)),
            Frame::Pong(number) => link.pong(number),
            Frame::Ask => tell::answer(net, link),
            Frame::Addresses(told) => tell::hear(net, link, &told),
            Frame::Bye(why) => return End::Bye(why),
            Frame::Hello(_) => return FrameError::OutOfOrder.into(),
        }
    }
}

async fn write(
    net: &Net,
    link: &Link,
    mut writer: Writer,
    mut frames: mpsc::UnboundedReceiver<Waiting>,
) -> End {
    // What a frame is charged is given back when it is written.
    while let Some((frame, _charge)) = frames.recv().await {
        let sent = tokio::select! {
            sent = writer.send(&frame) => sent,
            () = stall(net, link) => Err(End::SlowReader),
        };
        if let Err(why) = sent {
            return why;
        }
        link.takes();
    }
    End::Closed
}

/// Looks on while something is written; returns when the peer has taken nothing of it for too long.
async fn stall(net: &Net, link: &Link) {
    let limits = &net.config.limits;
    let mut before = link.sent.load(Ordering::Relaxed);
    loop {
        sleep(limits.stalled / 2).await;
        let sent = link.sent.load(Ordering::Relaxed);
        if sent != before {
            link.takes();
        } else if link.stalled() >= limits.write {
            return;
        }
        before = sent;
    }
}

/// Pings, and sees that the peer says anything at all while one is under way. While the
/// node itself is too busy to hear, silence is not the peer's.
async fn ping(net: &Net, link: &Link) -> End {
    let limits = &net.config.limits;
    loop {
        // Without the system's randomness at least nothing that the peer was told.
        let number = random().unwrap_or(net.nonce ^ link.nanos());
        link.pinging(number);
        net.enqueue(link, Frame::Ping(number));
        // In bytes: a long message may take its time.
        let heard = link.received.load(Ordering::Relaxed);
        sleep(limits.pong).await;
        let silent = link.received.load(Ordering::Relaxed) == heard;
        if silent && !link.blocked.load(Ordering::Relaxed) {
            return End::PingTimeout;
        }
        sleep(limits.ping.saturating_sub(limits.pong)).await;
    }
}
