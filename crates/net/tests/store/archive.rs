//! Blocks that are too many for memory stay on the disk alone, and are read from there.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use forkful_core::tree::BlockId;
use forkful_core::{
    Block, BlockRef, Effects, Entry, Input, Message, NodeId, Now, PeerId, Time, Wire,
};
use forkful_net::actor::{Actor, Command, Participant, Parts, Shared};
use forkful_net::clock::Clock;
use forkful_net::ledger::Ledger;
use forkful_net::miner::{Miner, Speed};
use forkful_net::store::{DiskStore, Store, StoreError};
use forkful_net::transport::{Envelope, Transport};
use forkful_pow::Kernel;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::chain::{CLOCK, consensus, entry, on, participant};
use crate::disk::{Disk, EIO, Failing};

/// Bytes of stored bodies that a node holds.
const HELD_MAX: usize = 16 << 20;

/// Blocks of 900,000 bytes, one on the other: more than a node holds.
fn full(after: &Block, numbers: Range<u8>) -> Vec<Arc<Block>> {
    let mut blocks: Vec<Arc<Block>> = Vec::new();
    for number in numbers {
        let data = Entry::from(vec![number; 900_000]);
        let block = on(blocks.last().map_or(after, |block| block), vec![data]);
        blocks.push(block);
    }
    blocks
}

/// Takes blocks in as an actor does.
fn take(participant: &mut Participant, store: &mut dyn Store, blocks: &[Arc<Block>]) {
    let mut effects = Effects::new();
    let now = Now {
        time: Time::ZERO,
        clock: CLOCK,
    };
    for block in blocks {
        let Participant { tree, node, .. } = participant;
        let id = tree.insert_block(Arc::clone(block), CLOCK).unwrap();
        node.handle(now, Input::Mined(id), tree, &mut effects);
        participant.keep(&effects, store);
        store.commit().unwrap();
        participant.durable();
        effects.clear();
    }
}

/// Bytes of these that somebody else holds too.
fn held(blocks: &[Arc<Block>]) -> usize {
    let held = blocks.iter().filter(|block| Arc::strong_count(block) > 1);
    held.map(|block| block.body_bytes()).sum()
}

fn chain(participant: &Participant) -> Vec<Arc<Block>> {
    let tree = &participant.tree;
    let path = tree.path(BlockId::GENESIS, participant.node.tip());
    let blocks = path.into_iter().map(|id| tree.block(id).unwrap());
    blocks.collect()
}

#[test]
fn what_is_held_has_a_bound_and_every_block_is_still_there() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = DiskStore::open(directory.path(), &consensus()).unwrap();
    let mut node = participant(&mut store).unwrap();
    let blocks = full(&consensus().genesis(), 0..40);
    take(&mut node, &mut store, &blocks);
    let bytes = held(&blocks);
    assert!((HELD_MAX / 2..=HELD_MAX).contains(&bytes), "{bytes}");
    assert!(chain(&node) == blocks);
    let second = node.tree.find(&blocks[1].header.hash()).unwrap();
    assert_eq!(node.tree.entries(second), 1);
    assert_eq!(node.tree.block_len(second), blocks[1].to_bytes().len());
    drop((node, store));

    // And after a restart: it never holds more than that while it reads them.
    let mut store = DiskStore::open(directory.path(), &consensus()).unwrap();
    let node = participant(&mut store).unwrap();
    assert!(chain(&node) == blocks);
}

#[test]
fn a_reorg_over_blocks_on_the_disk_puts_their_data_back_to_wait() {
    let directory = tempfile::tempdir().unwrap();
    let mut store = DiskStore::open(directory.path(), &consensus()).unwrap();
    let mut node = participant(&mut store).unwrap();
    let first = on(&consensus().genesis(), vec![entry("mine me")]);
    let others = full(&first, 0..30);
    take(
        &mut node,
        &mut store,
        &[vec![Arc::clone(&first)], others].concat(),
    );
    assert_eq!(Arc::strong_count(&first), 1, "it is on the disk alone");

    let mut rivals = vec![on(&consensus().genesis(), vec![])];
    for _ in 0..31 {
        rivals.push(on(&rivals[rivals.len() - 1], vec![]));
    }
    take(&mut node, &mut store, &rivals);
    assert!(chain(&node) == rivals);
    let waits = |entry: &Entry| node.node.pool().iter().any(|waiting| waiting == entry);
    assert!(waits(&entry("mine me")));
    assert_eq!(node.node.pool().len(), 31);
    assert_eq!(store.contents().unwrap().data.len(), 31);
    assert_eq!(store.check().unwrap(), 32);
}

/// What was sent to peers.
struct Wires(Arc<Mutex<Vec<Message<Wire>>>>);

impl Transport for Wires {
    fn send(&mut self, _: PeerId, message: Message<Wire>) {
        self.0.lock().unwrap().push(message);
    }
    fn disconnect(&mut self, _: PeerId, _: forkful_core::node::DisconnectReason) {}
}

/// A node that is asked for its first block, long after it stored it on this disk, and for genesis:
/// how it ended, and the heights of the blocks that it sent.
async fn asked(disk: &Disk, harm: impl FnOnce(&Disk)) -> (Result<(), StoreError>, Vec<u64>) {
    let mut store = DiskStore::with_backend(disk.clone(), &consensus()).unwrap();
    let mut node = participant(&mut store).unwrap();
    let blocks = full(&consensus().genesis(), 0..40);
    take(&mut node, &mut store, &blocks);
    let clock = Clock::start();
    let hash = consensus().genesis().header.hash();
    let (commands, orders) = mpsc::channel(1);
    let (inbox, messages) = mpsc::channel(2);
    let (miner, found) = Miner::new(Kernel::best(), Speed::Off, NodeId(0), 1);
    let sent = Arc::<Mutex<Vec<_>>>::default();
    let genesis = BlockRef { hash, height: 0 };
    let actor = Actor::new(Parts {
        id: NodeId(0),
        shared: Shared::new(node),
        clock,
        inbox: messages,
        commands: orders,
        transport: Wires(Arc::clone(&sent)),
        miner,
        found,
        store: Arc::new(Mutex::new(store)),
        ledger: Arc::new(Ledger::new(clock, genesis, 1, Vec::new())),
        paused: true,
    });
    harm(disk);
    let shutdown = CancellationToken::new();
    let task = tokio::spawn(actor.run(shutdown.clone()));
    let peer = PeerId(1);
    commands.send(Command::Connected(peer)).await.unwrap();
    // What cannot be read is known at the next input at the latest.
    for hash in [blocks[0].header.hash(), hash] {
        let question = Message::RequestBlock(hash);
        inbox.send(Envelope::new(peer, question)).await.unwrap();
    }
    let blocks_sent = || {
        let sent = sent.lock().unwrap();
        let blocks = sent.iter().filter_map(|message| match message {
            Message::Block(block) => Some(block.header.index),
            _ => None,
        });
        blocks.collect::<Vec<_>>()
    };
    while !task.is_finished() && blocks_sent().len() < 2 {
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    (task.await.unwrap(), blocks_sent())
}

#[tokio::test]
async fn an_old_block_is_served_from_the_disk() {
    let (ended, served) = asked(&Disk::new(Vec::new(), false), |_| {}).await;
    ended.unwrap();
    assert_eq!(served, [1, 0]);
}

#[tokio::test]
async fn a_disk_that_cannot_be_read_ends_the_node() {
    let fails = Failing {
        left: 0,
        errno: EIO,
        once: true,
        reads: true,
    };
    let disk = Disk::new(Vec::new(), false);
    let (ended, served) = asked(&disk, |disk| disk.fail(fails)).await;
    assert!(matches!(ended, Err(StoreError::Io { .. })), "{ended:?}");
    assert!(served.is_empty(), "{served:?}");
}

#[tokio::test]
async fn a_block_that_is_not_as_it_was_stored_is_not_served_and_ends_the_node() {
    let disk = Disk::new(Vec::new(), false);
    let harm = |disk: &Disk| {
        let bytes = disk.bytes();
        // In the midst of the only entry of the first block, which is all zeros.
        let zeros = bytes
            .chunks(4_096)
            .enumerate()
            .filter(|(_, page)| page.iter().all(|byte| *byte == 0));
        for (page, _) in zeros {
            redb::StorageBackend::write(disk, (page * 4_096) as u64, &[7]).unwrap();
        }
    };
    let (ended, served) = asked(&disk, harm).await;
    let error = ended.unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
    assert!(
        error.to_string().contains("is not as it was stored"),
        "{error}"
    );
    assert!(served.is_empty(), "{served:?}");
}
