//! A client that knows the format from its description, and says whatever it likes.

use std::net::{IpAddr, SocketAddr};

use forkful_core::Hash;
use snow::{Builder, HandshakeState, TransportState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::support::{PATIENCE, TestNode};

pub const LAST: u8 = 1;
pub const PING: u8 = 2;
pub const PONG: u8 = 3;
pub const HELLO: u8 = 5;
pub const ASK: u8 = 6;
pub const ADDRESSES: u8 = 7;

/// A connection to a node, from an address of its own.
pub struct Raw {
    pub stream: TcpStream,
    noise: Option<TransportState>,
}

impl Raw {
    /// Connects, and says nothing.
    pub async fn connect(to: SocketAddr, from: [u8; 4]) -> Raw {
        let socket = TcpSocket::new_v4().unwrap();
        // Small, so that who does not read is noticed soon.
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.bind((IpAddr::from(from), 0).into()).unwrap();
        let stream = socket.connect(to).await.unwrap();
        Raw {
            stream,
            noise: None,
        }
    }

    /// Connects, encrypts, and says hello as the node's own kind does.
    pub async fn greet(node: &TestNode, from: [u8; 4]) -> Raw {
        let mut raw = Raw::connect(node.address, from).await;
        raw.encrypt().await;
        raw.say_hello(&hello(node)).await;
        raw
    }

    /// Says hello, and hears the node's.
    pub async fn say_hello(&mut self, hello: &[u8]) {
        self.say(HELLO, hello).await;
        let heard = self.hear().await.unwrap();
        assert_eq!(heard[0], HELLO);
    }

    /// The Noise handshake.
    pub async fn encrypt(&mut self) {
        let mut state = handshake();
        let mut buffer = [0; 1_024];
        let length = state.write_message(&[], &mut buffer).unwrap();
        self.put(&buffer[..length]).await;
        let bytes = self.frame().await.unwrap();
        state.read_message(&bytes, &mut buffer).unwrap();
        let length = state.write_message(&[], &mut buffer).unwrap();
        self.put(&buffer[..length]).await;
        self.noise = Some(state.into_transport_mode().unwrap());
    }

    /// An encrypted frame, as it travels.
    pub fn sealed(&mut self, kind: u8, payload: &[u8]) -> Vec<u8> {
        let plain = [&[kind], payload].concat();
        let mut sealed = vec![0; plain.len() + 16];
        let noise = self.noise.as_mut().unwrap();
        let length = noise.write_message(&plain, &mut sealed).unwrap();
        with_length(&sealed[..length])
    }

    /// Sends an encrypted frame. The node may have gone away.
    pub async fn say(&mut self, kind: u8, payload: &[u8]) {
        let bytes = self.sealed(kind, payload);
        let _ = self.stream.write_all(&bytes).await;
    }

    /// A frame that is not encrypted.
    pub async fn put(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(&with_length(bytes)).await;
    }

    /// The next frame, decrypted; `None` at the end.
    pub async fn hear(&mut self) -> Option<Vec<u8>> {
        let bytes = self.frame().await?;
        let mut plain = vec![0; bytes.len()];
        let noise = self.noise.as_mut().unwrap();
        let length = noise.read_message(&bytes, &mut plain).unwrap();
        plain.truncate(length);
        Some(plain)
    }

    /// Answers the first ping that comes.
    pub async fn answer_ping(&mut self) {
        loop {
            let frame = self.hear().await.expect("the connection to last");
            if frame[0] == PING {
                return self.say(PONG, &frame[1..]).await;
            }
        }
    }

    async fn frame(&mut self) -> Option<Vec<u8>> {
        let read = async {
            let length = self.stream.read_u16().await.ok()?;
            let mut bytes = vec![0; length.into()];
            self.stream.read_exact(&mut bytes).await.ok()?;
            Some(bytes)
        };
        timeout(PATIENCE, read).await.expect("the node to speak")
    }

    /// Waits until the node has closed the connection.
    pub async fn closed(mut self) {
        while self.frame().await.is_some() {}
    }
}

/// The first message of a handshake with nothing after it.
pub fn first_message() -> Vec<u8> {
    let mut buffer = [0; 1_024];
    let length = handshake().write_message(&[], &mut buffer).unwrap();
    with_length(&buffer[..length])
}

pub fn hello(node: &TestNode) -> Vec<u8> {
    hello_for(node.genesis)
}

pub fn hello_for(genesis: Hash) -> Vec<u8> {
    hello_with_port(genesis, 0)
}

/// The hello of somebody who listens at a port.
pub fn hello_with_port(genesis: Hash, port: u16) -> Vec<u8> {
    // A nonce of 0 has no node.
    let mut hello = vec![0, 0, 0, 1];
    hello.extend_from_slice(&genesis.0);
    // Height, work, nonce, port; and no user agent.
    hello.extend_from_slice(&[0; 8 + 32 + 8]);
    hello.extend_from_slice(&port.to_be_bytes());
    hello.push(0);
    hello
}

fn handshake() -> HandshakeState {
    let params = "Noise_XX_25519_ChaChaPoly_SHA256";
    let key = Builder::new(params.parse().unwrap()).generate_keypair();
    Builder::new(params.parse().unwrap())
        .local_private_key(&key.unwrap().private)
        .unwrap()
        .prologue(b"forkful transport 1")
        .unwrap()
        .build_initiator()
        .unwrap()
}

fn with_length(bytes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(bytes.len()).unwrap();
    [&length.to_be_bytes(), bytes].concat()
}
