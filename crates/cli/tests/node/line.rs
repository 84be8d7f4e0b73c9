//! What lies between two nodes.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A line between two nodes that can be cut.
pub struct Line {
    /// Where it begins.
    pub address: String,
    is_cut: Arc<AtomicBool>,
    streams: Arc<Mutex<Vec<TcpStream>>>,
}

impl Line {
    /// A line that leads to this address.
    pub fn to(address: &str) -> Line {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let line = Line {
            address: listener.local_addr().unwrap().to_string(),
            is_cut: Arc::default(),
            streams: Arc::default(),
        };
        let (is_cut, streams) = (Arc::clone(&line.is_cut), Arc::clone(&line.streams));
        let address = address.to_owned();
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let mut streams = streams.lock().unwrap();
                let (Ok(near), false) = (near, is_cut.load(Ordering::SeqCst)) else {
                    continue;
                };
                if let Ok(far) = TcpStream::connect(&address) {
                    for (mut from, mut to) in [(&near, &far), (&far, &near)]
                        .map(|(from, to)| (from.try_clone().unwrap(), to.try_clone().unwrap()))
                    {
                        std::thread::spawn(move || {
                            let _ = std::io::copy(&mut from, &mut to);
                            let _ = to.shutdown(Shutdown::Both);
                        });
                    }
                    streams.extend([near, far]);
                }
            }
        });
        line
    }

    pub fn cut(&self) {
        let mut streams = self.streams.lock().unwrap();
        self.is_cut.store(true, Ordering::SeqCst);
        for stream in streams.drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub fn mend(&self) {
        self.is_cut.store(false, Ordering::SeqCst);
    }
}
