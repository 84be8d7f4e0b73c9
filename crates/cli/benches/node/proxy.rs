//! A link with latency: a proxy that passes on every byte a fixed time after it came.
//!
//! Each direction of a connection has a thread that reads and one that writes. No rights are needed for it, and
//! nothing of the machine is changed. Bandwidth is that of loopback.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What is read at one time; longer than any announcement.
const READ_BYTES: usize = 64 << 10;

/// Listens on an address of its own, and connects who comes with `to`, so far away. Runs until
/// the process ends.
pub fn link(to: SocketAddr, latency: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let at = listener.local_addr().expect("it listens");
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(to) else {
                continue;
            };
            let (near_too, far_too) = (near.try_clone(), far.try_clone());
            if let (Ok(near_too), Ok(far_too)) = (near_too, far_too) {
                one_way(near, far, latency);
                one_way(far_too, near_too, latency);
            }
        }
    });
    at
}

/// What one end said, and when the other may hear it.
type Said = (Instant, Vec<u8>);

fn one_way(from: TcpStream, to: TcpStream, latency: Duration) {
    let _ = to.set_nodelay(true);
    let (say, said) = channel();
    thread::spawn(move || hear(from, &say, latency));
    thread::spawn(move || tell(to, &said));
}

fn hear(mut from: TcpStream, say: &Sender<Said>, latency: Duration) {
    let mut buffer = vec![0; READ_BYTES];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let bytes = buffer[..length].to_vec();
        if say.send((Instant::now() + latency, bytes)).is_err() {
            return;
        }
    }
}

fn tell(mut to: TcpStream, said: &Receiver<Said>) {
    for (due, bytes) in said {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
