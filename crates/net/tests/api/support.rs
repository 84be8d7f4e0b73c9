//! One node without peers, its API on a real socket, and a client that says exactly what it is
//! told to say.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forkful_core::{BlockRef, Consensus, Event, Message, NodeId, PeerId, Target, Wire};
use forkful_net::actor::{Actor, Participant, Parts, Shared};
use forkful_net::api::{ApiConfig, serve};
use forkful_net::clock::Clock;
use forkful_net::handle::{About, Handle};
use forkful_net::ledger::Ledger;
use forkful_net::miner::{Miner, Speed};
use forkful_net::peers::{Ban, ConnectionKind, KnownAddress, PeerInfo, Peers, PeersError};
use forkful_net::store::{MemoryStore, StoreError};
use forkful_net::transport::Transport;
use forkful_pow::Kernel;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Longer than anything here takes: who waits so long waits for ever.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A node, and what a test holds of it.
pub struct TestNode {
    pub handle: Handle,
    pub address: SocketAddr,
    pub cookie: String,
    pub cookie_path: std::path::PathBuf,
    pub api: JoinHandle<()>,
    actor: JoinHandle<Result<(), StoreError>>,
    _dir: TempDir,
    _inbox: mpsc::Sender<forkful_net::transport::Envelope>,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

struct Nobody;

impl Transport for Nobody {
    fn send(&mut self, _: PeerId, _: Message<Wire>) {}
    fn disconnect(&mut self, _: PeerId, _: forkful_core::node::DisconnectReason) {}
}

impl TestNode {
    pub async fn start() -> TestNode {
        TestNode::with_consensus(Consensus::fixed(Target::from_zero_bits(4).unwrap())).await
    }

    pub async fn with_consensus(consensus: Consensus) -> TestNode {
        let clock = Clock::start();
        let genesis = BlockRef {
            hash: consensus.genesis().header.hash(),
            height: 0,
        };
        let (events, _) = broadcast::channel::<Arc<Event>>(1_024);
        let sink = to_channel(events.clone());
        let store = MemoryStore::default();
        let shared = Shared::new(Participant::new(
            consensus,
            forkful_core::Config::default(),
            Box::new(forkful_core::Honest),
            1,
        ));
        let (miner, found) = Miner::new(Kernel::best(), Speed::Off, NodeId(0), 1);
        let (inbox, messages) = mpsc::channel(16);
        let (commands, orders) = mpsc::channel(16);
        let shutdown = CancellationToken::new();
        let actor = Actor::new(Parts {
            id: NodeId(0),
            shared: shared.clone(),
            clock,
            inbox: messages,
            commands: orders,
            transport: Nobody,
            miner,
            found,
            store: Arc::new(Mutex::new(store)),
            ledger: Arc::new(Ledger::new(clock, genesis, 1, vec![sink])),
            paused: false,
        });
        let dir = tempfile::tempdir().unwrap();
        let handle = Handle {
            shared,
            clock,
            commands,
            peers: Arc::new(StubPeers::default()),
            events,
            about: Arc::new(About {
                network: "test".to_owned(),
                user_agent: "forkful/test".to_owned(),
                data_dir: Some(dir.path().to_owned()),
                started: Instant::now(),
                mines: false,
            }),
            shutdown: shutdown.clone(),
        };
        let cookie_path = dir.path().join(".cookie");
        let config = ApiConfig {
            cookie: Some(cookie_path.clone()),
            hosts: vec!["node.example".to_owned()],
            ..ApiConfig::default()
        };
        let (address, api) = serve(handle.clone(), config).await.unwrap();
        TestNode {
            handle,
            address,
            cookie: std::fs::read_to_string(&cookie_path).unwrap(),
            cookie_path,
            api,
            actor: tokio::spawn(actor.run(shutdown)),
            _dir: dir,
            _inbox: inbox,
        }
    }

    /// Ends the node, and comes back when nothing of it is left.
    pub async fn stop(self) {
        self.handle.shutdown.cancel();
        timeout(PATIENCE, self.api).await.unwrap().unwrap();
        timeout(PATIENCE, self.actor)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }

    /// Says this on a new connection, and reads until it is closed.
    pub async fn say(&self, bytes: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut text = Vec::new();
        let read = stream.read_to_end(&mut text);
        // A refusal may reset the connection when not everything was read.
        let _ = timeout(PATIENCE, read).await.unwrap();
        Answer::parse(&text)
    }

    /// Posts a body with these headers besides those that have to be.
    pub async fn post_with(&self, headers: &str, body: &[u8]) -> Answer {
        let (address, length) = (self.address, body.len());
        let host = match headers.to_ascii_lowercase().contains("host:") {
            true => String::new(),
            false => format!("Host: {address}\r\n"),
        };
        let head = format!(
            "POST / HTTP/1.1\r\n{host}Connection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        self.say(&[head.as_bytes(), body].concat()).await
    }

    /// Posts JSON without the cookie.
    pub async fn post(&self, body: &str) -> Answer {
        let headers = "Content-Type: application/json\r\n";
        self.post_with(headers, body.as_bytes()).await
    }

    /// Posts JSON with the cookie.
    pub async fn post_trusted(&self, body: &str) -> Answer {
        let headers = format!("Content-Type: application/json\r\n{}", self.authorization());
        self.post_with(&headers, body.as_bytes()).await
    }

    pub fn authorization(&self) -> String {
        use base64::Engine as _;
        let secret = base64::engine::general_purpose::STANDARD.encode(&self.cookie);
        format!("Authorization: Basic {secret}\r\n")
    }

    pub async fn get(&self, path: &str) -> Answer {
        let address = self.address;
        let text = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        self.say(text.as_bytes()).await
    }

    /// Calls a method with the cookie: its result, or the code of its error.
    pub async fn call(&self, method: &str, params: Value) -> Result<Value, i64> {
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.post_trusted(&request.to_string()).await;
        assert_eq!(answer.status, 200, "{method}: {answer:?}");
        let response = answer.json();
        assert_eq!(response["jsonrpc"], "2.0");
        assert_eq!(response["id"], 1);
        match response.get("error") {
            Some(error) => Err(error["code"].as_i64().unwrap()),
            None => Ok(response["result"].clone()),
        }
    }

    /// Mines so many blocks, and answers their hashes.
    pub async fn generate(&self, count: u64) -> Vec<String> {
        let hashes = self.call("generate", json!([count])).await.unwrap();
        let hashes = hashes.as_array().unwrap().iter();
        let hashes: Vec<String> = hashes
            .map(|hash| hash.as_str().unwrap().to_owned())
            .collect();
        assert_eq!(hashes.len() as u64, count);
        hashes
    }
}

/// A sink that passes every event on.
fn to_channel(events: broadcast::Sender<Arc<Event>>) -> forkful_scenario::Sink {
    Box::new(move |event| {
        let _ = events.send(Arc::new(event.clone()));
    })
}

impl Answer {
    fn parse(bytes: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or(0),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Peers that are only a table.
#[derive(Default)]
pub struct StubPeers(Mutex<Table>);

#[derive(Default)]
struct Table {
    added: Vec<String>,
    tried: Vec<String>,
    bans: Vec<IpAddr>,
    gone: bool,
    inactive: bool,
}

impl Peers for StubPeers {
    fn peers(&self) -> Vec<PeerInfo> {
        let table = self.0.lock().unwrap();
        let peer = PeerInfo {
            id: PeerId(3),
            key: Some([7; 32]),
            address: "192.0.2.1:4000".parse().unwrap(),
            inbound: true,
            user_agent: "other/1".to_owned(),
            version: 1,
            starting_height: 12,
            connected: Duration::from_secs(5),
            bytes_sent: 10,
            bytes_received: 20,
            ping: Some(Duration::from_millis(250)),
            penalty: 20,
            connection: ConnectionKind::Inbound,
            shortest_ping: Some(Duration::from_millis(125)),
            last_block: Some(Duration::from_secs(3)),
            addresses_processed: 7,
            addresses_limited: 1,
        };
        if table.gone { Vec::new() } else { vec![peer] }
    }

    fn add(&self, address: &str) -> Result<(), PeersError> {
        let added = &mut self.0.lock().unwrap().added;
        if added.iter().any(|known| known == address) {
            return Err(PeersError::Present(address.to_owned()));
        }
        added.push(address.to_owned());
        Ok(())
    }

    fn try_once(&self, address: &str) -> Result<(), PeersError> {
        let tried = &mut self.0.lock().unwrap().tried;
        if tried.len() >= 2 {
            return Err(PeersError::Full("two tries".to_owned()));
        }
        tried.push(address.to_owned());
        Ok(())
    }

    fn remove(&self, address: &str) -> Result<(), PeersError> {
        let added = &mut self.0.lock().unwrap().added;
        let place = added.iter().position(|known| known == address);
        let unknown = || PeersError::Unknown(address.to_owned());
        added.remove(place.ok_or_else(unknown)?);
        Ok(())
    }

    fn disconnect(&self, peer: PeerId) -> Result<(), PeersError> {
        let mut table = self.0.lock().unwrap();
        if table.gone || peer != PeerId(3) {
            return Err(PeersError::Unknown("peer".to_owned()));
        }
        table.gone = true;
        Ok(())
    }

    fn ban(&self, address: IpAddr, _: Duration) -> Result<(), PeersError> {
        self.0.lock().unwrap().bans.push(address);
        Ok(())
    }

    fn unban(&self, address: IpAddr) -> Result<(), PeersError> {
        let bans = &mut self.0.lock().unwrap().bans;
        let place = bans.iter().position(|banned| *banned == address);
        let unknown = || PeersError::Unknown(address.to_string());
        bans.remove(place.ok_or_else(unknown)?);
        Ok(())
    }

    fn clear_bans(&self) -> Result<(), PeersError> {
        self.0.lock().unwrap().bans.clear();
        Ok(())
    }

    fn bans(&self) -> Vec<Ban> {
        let ban = |address: &IpAddr| Ban {
            address: *address,
            left: Duration::from_secs(60),
            reason: "by hand".to_owned(),
            asked: true,
        };
        self.0.lock().unwrap().bans.iter().map(ban).collect()
    }

    fn addresses(&self) -> Vec<KnownAddress> {
        let known = |address: &str, tried| KnownAddress {
            address: address.parse().unwrap(),
            seen: 1_767_225_600,
            tried,
        };
        vec![
            known("192.0.2.1:4000", true),
            known("192.0.2.2:4000", false),
            known("[2001:db8::1]:4000", false),
        ]
    }

    fn set_active(&self, active: bool) {
        self.0.lock().unwrap().inactive = !active;
    }

    fn is_active(&self) -> bool {
        !self.0.lock().unwrap().inactive
    }

    fn listening(&self) -> Option<SocketAddr> {
        "127.0.0.1:4000".parse().ok()
    }
}
