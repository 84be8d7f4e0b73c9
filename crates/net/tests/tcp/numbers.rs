//! A peer's number means that peer until the node has handled all that it said.

use std::time::Duration;

use forkful_core::{Hash, Message, PeerId, Work};
use forkful_net::actor::Command;
use forkful_net::tcp::key::NodeKey;
use forkful_net::tcp::{TcpConfig, TcpNetwork, TcpTransport};
use forkful_net::transport::Envelope;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::raw::{LAST, Raw, hello_for};
use super::support::{PATIENCE, quick};

const GENESIS: Hash = Hash([3; 32]);

/// A network whose node is the test.
struct Bare {
    network: TcpNetwork,
    _transport: TcpTransport,
    inbox: mpsc::Receiver<Envelope>,
    commands: mpsc::Receiver<Command>,
}

impl Bare {
    fn start() -> Bare {
        let (to_inbox, inbox) = mpsc::channel(16);
        let (to_node, commands) = mpsc::channel(16);
        let config = TcpConfig {
            listen: Some("127.0.0.1:0".parse().unwrap()),
            peers: Vec::new(),
            key: NodeKey::ephemeral().unwrap(),
            plaintext: false,
            genesis: GENESIS,
            user_agent: String::new(),
            finding: None,
            limits: quick(),
            best: Box::new(|| (0, Work::ZERO)),
            notice: Box::new(|_| {}),
        };
        let (network, transport) = TcpNetwork::start(config, to_inbox, to_node).unwrap();
        Bare {
            network,
            _transport: transport,
            inbox,
            commands,
        }
    }

    async fn greet(&self) -> Raw {
        let to = self.network.peers().listening().unwrap();
        let mut raw = Raw::connect(to, [127, 0, 0, 1]).await;
        raw.encrypt().await;
        raw.say_hello(&hello_for(GENESIS)).await;
        raw
    }

    async fn command(&mut self) -> Command {
        let command = timeout(PATIENCE, self.commands.recv()).await;
        command.expect("a command in time").unwrap()
    }

    async fn connected(&mut self) -> PeerId {
        match self.command().await {
            Command::Connected(peer) => peer,
            other => panic!("{other:?} before Connected"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_not_given_again_while_its_messages_wait() {
    let mut node = Bare::start();
    let mut first = node.greet().await;
    assert_eq!(node.connected().await, PeerId(0));
    let mut bytes = Vec::new();
    Message::NotFound(Hash([1; 32])).encode(&mut bytes);
    first.say(LAST, &bytes).await;
    let waiting = timeout(PATIENCE, node.inbox.recv()).await.unwrap().unwrap();
    assert_eq!(waiting.from, PeerId(0));
    drop(first);

    // It is gone, but the node is still busy with its message.
    while !node.network.peers().peers().is_empty() {
        tokio::task::yield_now().await;
    }
    let _second = node.greet().await;
    assert_eq!(node.connected().await, PeerId(1));
    assert!(node.commands.try_recv().is_err(), "not yet Disconnected");

    // The message is handled; the node has not yet handled the Disconnected.
    drop(waiting);
    assert!(matches!(
        node.command().await,
        Command::Disconnected(PeerId(0))
    ));
    let Command::Barrier(done) = node.command().await else {
        panic!("no barrier");
    };
    let _third = node.greet().await;
    assert_eq!(node.connected().await, PeerId(2));

    done.send(()).unwrap();
    // Free within the time that a handshake takes, or a little later.
    let mut later = Vec::new();
    let reused = async {
        loop {
            later.push(node.greet().await);
            if node.connected().await == PeerId(0) {
                return;
            }
        }
    };
    timeout(PATIENCE, reused)
        .await
        .expect("the number to be used again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hears_nothing_does_not_hinder_the_end() {
    let mut node = Bare::start();
    let mut raws = Vec::new();
    // More than its commands have room for.
    for _ in 0..20 {
        raws.push(node.greet().await);
    }
    node.connected().await;
    drop(raws);
    let ended = timeout(Duration::from_secs(2), node.network.shutdown()).await;
    assert_eq!(ended, Ok(true));
}
