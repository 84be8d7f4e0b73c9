//! An actor tells nobody what its store does not hold.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use forkful_core::event::What;
use forkful_core::node::PoolError;
use forkful_core::tree::Archive;
use forkful_core::{
    Block, BlockRef, Config, Entry, Hash, Honest, Message, MessageKind, NodeId, PeerId, Timestamp,
    Wire, sha256,
};
use forkful_net::actor::{Actor, Command, Participant, Parts, Shared};
use forkful_net::clock::Clock;
use forkful_net::ledger::Ledger;
use forkful_net::miner::{Miner, Speed};
use forkful_net::store::{Blob, ChainChange, Contents, MemoryStore, Store, StoreError};
use forkful_net::transport::{Envelope, Transport};
use forkful_pow::Kernel;
use forkful_scenario::Sink;
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chain::{CLOCK, consensus, entry, line, participant};

/// What the actor did to the world, in order.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Did {
    Put(&'static str),
    Committed,
    Sent(MessageKind),
}

type Diary = Arc<Mutex<Vec<Did>>>;

/// A store that writes down what it is told, and whose disk may be full.
#[derive(Debug)]
struct Watched {
    diary: Diary,
    full: bool,
}

impl Watched {
    fn put(&self, what: &'static str) {
        self.diary.lock().unwrap().push(Did::Put(what));
    }
}

impl Store for Watched {
    fn put_block(&mut self, _: Hash, _: Arc<Block>) {
        self.put("block");
    }
    fn put_data(&mut self, _: Entry) {
        self.put("data");
    }
    fn remove_data(&mut self, _: &Hash) {
        self.put("data gone");
    }
    fn put_withheld(&mut self, _: Hash) {
        self.put("withheld");
    }
    fn set_published(&mut self, _: &Hash) {
        self.put("published");
    }
    fn set_chain(&mut self, _: ChainChange) {
        self.put("chain");
    }
    fn commit(&mut self) -> Result<(), StoreError> {
        let mut diary = self.diary.lock().unwrap();
        if !matches!(diary.last(), Some(Did::Put(_))) {
            return Ok(());
        }
        if self.full {
            let (path, what) = ("a disk".into(), "it is full".to_owned());
            return Err(StoreError::Io { path, what });
        }
        diary.push(Did::Committed);
        Ok(())
    }
    fn waits(&self) -> bool {
        true
    }
    fn blocks(&self, _: &mut dyn FnMut(Arc<Block>) -> ControlFlow<()>) -> Result<(), StoreError> {
        Ok(())
    }
    fn archive(&self) -> Option<Box<dyn Archive>> {
        None
    }
    fn contents(&self) -> Result<Contents, StoreError> {
        Ok(Contents::default())
    }
    fn load(&self, _: Blob) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(None)
    }
    fn save(&mut self, _: Blob, _: &[u8]) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Wires(Diary);

impl Transport for Wires {
    fn send(&mut self, _: PeerId, message: Message<Wire>) {
        self.0.lock().unwrap().push(Did::Sent(message.kind()));
    }
    fn disconnect(&mut self, _: PeerId, _: forkful_core::node::DisconnectReason) {}
}

/// An actor at work.
struct Work {
    diary: Diary,
    commands: mpsc::Sender<Command>,
    inbox: mpsc::Sender<Envelope>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<(), StoreError>>,
}

fn work(full: bool) -> Work {
    work_watched(full, |_| Vec::new())
}

fn work_watched(full: bool, sinks: impl FnOnce(mpsc::Sender<Command>) -> Vec<Sink>) -> Work {
    let diary = Diary::default();
    let (commands, orders) = mpsc::channel(8);
    let sinks = sinks(commands.clone());
    let (inbox, messages) = mpsc::channel(8);
    let (miner, found) = Miner::new(Kernel::best(), Speed::Off, NodeId(0), 1);
    let clock = Clock::start();
    let hash = consensus().genesis().header.hash();
    let genesis = BlockRef { hash, height: 0 };
    let actor = Actor::new(Parts {
        id: NodeId(0),
        shared: Shared::new(participant(&mut MemoryStore::default()).unwrap()),
        clock,
        inbox: messages,
        commands: orders,
        transport: Wires(Arc::clone(&diary)),
        miner,
        found,
        store: Arc::new(Mutex::new(Watched {
            diary: Arc::clone(&diary),
            full,
        })),
        ledger: Arc::new(Ledger::new(clock, genesis, 1, sinks)),
        paused: false,
    });
    let shutdown = CancellationToken::new();
    Work {
        diary,
        commands,
        inbox,
        task: tokio::spawn(actor.run(shutdown.clone())),
        shutdown,
    }
}

impl Work {
    async fn connect(&self, peer: u32) {
        self.commands
            .send(Command::Connected(PeerId(peer)))
            .await
            .unwrap();
    }

    async fn submit(&self, text: &str) -> Result<Result<Hash, PoolError>, RecvError> {
        let (done, taken) = oneshot::channel();
        self.commands
            .send(Command::Submit(entry(text), done))
            .await
            .unwrap();
        taken.await
    }

    /// Waits until it sent such a message: messages and commands race.
    async fn says(&self, kind: MessageKind) {
        let did = Did::Sent(kind);
        while !self.diary.lock().unwrap().contains(&did) {
            tokio::task::yield_now().await;
        }
    }

    async fn end(self) -> Result<Vec<Did>, StoreError> {
        self.shutdown.cancel();
        self.task.await.unwrap()?;
        Ok(self.diary.lock().unwrap().clone())
    }
}

fn place(diary: &[Did], did: &Did) -> usize {
    let place = diary.iter().position(|at| at == did);
    place.unwrap_or_else(|| panic!("{did:?} is not in {diary:?}"))
}

#[tokio::test]
async fn data_is_durable_before_a_peer_or_who_gave_it_hears_of_it() {
    let work = work(false);
    work.connect(1).await;
    work.submit("keep me").await.unwrap().unwrap();
    let diary = work.end().await.unwrap();
    let put = place(&diary, &Did::Put("data"));
    assert_eq!(diary[put + 1], Did::Committed);
    assert!(place(&diary, &Did::Sent(MessageKind::NewData)) > put + 1);
}

/// On several threads, as a real node.
#[tokio::test(flavor = "multi_thread")]
async fn many_blocks_of_one_message_are_one_commit_before_any_word_of_them() {
    let work = work(false);
    work.connect(1).await;
    work.connect(2).await;
    let blocks = line(100);
    let message = Message::Chain {
        blocks,
        more: false,
    };
    let from = PeerId(1);
    work.inbox.send(Envelope::new(from, message)).await.unwrap();
    work.says(MessageKind::NewBlock).await;
    let diary = work.end().await.unwrap();
    let count = |did| diary.iter().filter(|at| **at == did).count();
    assert_eq!(count(Did::Put("block")), 100);
    assert_eq!(count(Did::Committed), 1);
    let committed = place(&diary, &Did::Committed);
    assert!(place(&diary, &Did::Sent(MessageKind::NewBlock)) > committed);
}

#[tokio::test]
async fn data_of_many_is_one_commit_and_each_hears_of_its_own() {
    let work = work(false);
    let submitted = ["a", "b", "a", "c"].map(|text| work.submit(text));
    let [a, b, again, c] = futures_util::future::join_all(submitted)
        .await
        .try_into()
        .unwrap();
    let hash = |text| Ok(sha256(&entry(text)));
    assert_eq!([a, b, c], [hash("a"), hash("b"), hash("c")].map(Ok));
    assert_eq!(again, Ok(Err(PoolError::AlreadyPending)));
    let diary = work.end().await.unwrap();
    let [put, committed] = [Did::Put("data"), Did::Committed];
    assert_eq!(diary, [put.clone(), put.clone(), put, committed]);
}

#[tokio::test]
async fn who_submits_without_end_keeps_no_peer_waiting() {
    // Whenever data is taken there is more already.
    let more = |commands: mpsc::Sender<Command>| -> Vec<Sink> {
        let mut number = 0;
        vec![Box::new(move |event| {
            if matches!(event.what, What::Submitted { .. }) && number < 10_000 {
                number += 1;
                let more = Command::Submit(entry(&number.to_string()), oneshot::channel().0);
                let _ = commands.try_send(more);
            }
        })]
    };
    let work = work_watched(false, more);
    work.connect(1).await;
    let asked = Message::RequestBlock(consensus().genesis().header.hash());
    let envelope = Envelope::new(PeerId(1), asked);
    work.inbox.send(envelope).await.unwrap();
    work.submit("the first").await.unwrap().unwrap();
    work.says(MessageKind::Block).await;
    let diary = work.end().await.unwrap();
    let before = place(&diary, &Did::Sent(MessageKind::Block));
    assert!(before < 1_000, "after {before} others");
}

#[tokio::test]
async fn a_full_disk_ends_the_node_and_nothing_was_promised() {
    let work = work(true);
    work.connect(1).await;
    assert!(work.submit("lost").await.is_err());
    let (diary, task) = (Arc::clone(&work.diary), work.task);
    let error = task.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("it is full"), "{error}");
    let diary = diary.lock().unwrap();
    assert!(
        !diary.contains(&Did::Sent(MessageKind::NewData)),
        "{diary:?}"
    );
}

#[test]
fn a_store_with_a_block_that_breaks_a_rule_starts_no_node() {
    let mut blocks = line(3);
    blocks.remove(1);
    let mut store = MemoryStore::default();
    for block in &blocks {
        store.put_block(block.header.hash(), Arc::clone(block));
    }
    let refused = participant(&mut store).map(|node: Participant| node.tip());
    let refused = refused.unwrap_err().to_string();
    assert!(refused.starts_with("block 2"), "{refused}");
}

#[test]
fn a_clock_that_was_set_back_starts_no_node_and_costs_nothing() {
    let mut store = MemoryStore::default();
    for block in line(3) {
        store.put_block(block.header.hash(), block);
    }
    let restore = |store: &mut MemoryStore, clock| {
        let (config, strategy) = (Config::default(), Box::new(Honest));
        Participant::restore(consensus(), config, strategy, 1, store, clock)
    };
    let error = restore(&mut store, Timestamp(1)).unwrap_err().to_string();
    assert!(
        error.starts_with("block 1 of the store has a timestamp"),
        "{error}"
    );
    assert!(error.ends_with("set it, and nothing is lost"), "{error}");
    assert_eq!(restore(&mut store, CLOCK).unwrap().tip().height, 3);
}
