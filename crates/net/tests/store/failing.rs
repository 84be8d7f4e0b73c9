//! The disk fills up or breaks at any moment: the node ends, and what it acknowledged is there.

use std::sync::{Arc, Mutex};

use forkful_core::{Block, BlockRef, Entry, Message, NodeId, PeerId, Wire};
use forkful_net::actor::{Actor, Command, Parts, Shared, Taken};
use forkful_net::clock::Clock;
use forkful_net::ledger::Ledger;
use forkful_net::miner::{Miner, Speed};
use forkful_net::participant::RestoreError;
use forkful_net::store::{DiskStore, Store, StoreError};
use forkful_net::transport::Transport;
use forkful_pow::Kernel;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::chain::{self, assert_valid, consensus, entry, line, participant};
use crate::disk::{Disk, EIO, ENOSPC, Failing};

const SEEDS: u64 = 300;

struct Nobody;

impl Transport for Nobody {
    fn send(&mut self, _: PeerId, _: Message<Wire>) {}
    fn disconnect(&mut self, _: PeerId, _: forkful_core::node::DisconnectReason) {}
}

/// A node at work on this disk.
struct Work {
    commands: mpsc::Sender<Command>,
    shutdown: CancellationToken,
    ended: JoinHandle<Result<(), StoreError>>,
}

fn work(mut store: DiskStore) -> Result<Work, StoreError> {
    let shared = Shared::new(match participant(&mut store) {
        Ok(participant) => participant,
        Err(RestoreError::Store(error)) => return Err(error),
        Err(error) => panic!("not a valid chain: {error}"),
    });
    let (commands, orders) = mpsc::channel(8);
    let (_, messages) = mpsc::channel(8);
    let (miner, found) = Miner::new(Kernel::best(), Speed::Off, NodeId(0), 1);
    let clock = Clock::start();
    let hash = consensus().genesis().header.hash();
    let genesis = BlockRef { hash, height: 0 };
    let actor = Actor::new(Parts {
        id: NodeId(0),
        shared,
        clock,
        inbox: messages,
        commands: orders,
        transport: Nobody,
        miner,
        found,
        store: Arc::new(Mutex::new(store)),
        ledger: Arc::new(Ledger::new(clock, genesis, 1, Vec::new())),
        paused: false,
    });
    let shutdown = CancellationToken::new();
    Ok(Work {
        commands,
        ended: tokio::spawn(actor.run(shutdown.clone())),
        shutdown,
    })
}

impl Work {
    async fn submit(&self, data: &Entry) -> bool {
        let (done, taken) = oneshot::channel();
        let command = Command::Submit(Arc::clone(data), done);
        self.commands.send(command).await.is_ok() && matches!(taken.await, Ok(Ok(_)))
    }

    async fn submit_block(&self, block: &Arc<Block>) -> bool {
        let (done, taken) = oneshot::channel();
        let command = Command::SubmitBlock(Arc::clone(block), done);
        self.commands.send(command).await.is_ok() && matches!(taken.await, Ok(Ok(Taken::Active)))
    }
}

#[derive(Default)]
struct Acknowledged {
    blocks: usize,
    data: Vec<Entry>,
}

/// Submits until something is not acknowledged; the node has ended with an error then.
async fn live(work: Work, blocks: &[Arc<Block>]) -> (Acknowledged, Option<StoreError>) {
    let mut acknowledged = Acknowledged::default();
    for (number, block) in blocks.iter().enumerate() {
        let data = entry(&format!("{number} {}", "waits ".repeat(number * 20)));
        if !work.submit(&data).await {
            break;
        }
        acknowledged.data.push(data);
        if !work.submit_block(block).await {
            break;
        }
        acknowledged.blocks += 1;
    }
    work.shutdown.cancel();
    let ended = work.ended.await.expect("it never panics");
    (acknowledged, ended.err())
}

/// Whether the disk failed while the node was at work.
async fn one_life(seed: u64, blocks: &[Arc<Block>]) -> Result<bool, String> {
    let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut below = |most: u64| chance.next_u64() % most;
    let disk = Disk::new(Vec::new(), false);
    drop(DiskStore::with_backend(disk.clone(), &consensus()).unwrap());
    disk.fail(Failing {
        left: u32::try_from(below(500)).unwrap(),
        errno: if below(2) == 0 { ENOSPC } else { EIO },
        once: below(2) == 0,
        reads: below(2) == 0,
    });
    let opened = DiskStore::with_backend(disk.clone(), &consensus()).and_then(work);
    let (acknowledged, error) = match opened {
        Ok(work) => live(work, blocks).await,
        Err(error) => (Acknowledged::default(), Some(error)),
    };
    match &error {
        Some(StoreError::Io { .. }) => {}
        None if acknowledged.blocks == blocks.len() => {}
        other => return Err(format!("it ended with {other:?}")),
    }
    // The next process finds what was written, or the power went too.
    let disk = match below(2) {
        0 => disk.after_the_end(),
        _ => disk.after_the_cut(below(u64::MAX)),
    };
    let store = DiskStore::with_backend(disk, &consensus()).map_err(|error| error.to_string())?;
    store.check().map_err(|error| error.to_string())?;
    let contents = store.contents().map_err(|error| error.to_string())?;
    let blocks = chain::blocks(&store).map_err(|error| error.to_string())?;
    assert_valid(&blocks);
    if blocks.len() < acknowledged.blocks {
        let there = blocks.len();
        return Err(format!("{there} of {} blocks", acknowledged.blocks));
    }
    let lost = acknowledged.data.iter().find(|data| {
        let mined = blocks.iter().any(|block| block.entries.contains(data));
        !mined && !contents.data.contains(data)
    });
    match lost {
        Some(data) => Err(format!("lost {}", String::from_utf8_lossy(data))),
        None => Ok(error.is_some() && acknowledged.blocks > 0),
    }
}

#[tokio::test]
async fn a_disk_that_fails_ends_the_node_and_nothing_acknowledged_is_lost() {
    let blocks = line(12);
    let mut at_work = 0;
    for seed in 0..SEEDS {
        match one_life(seed, &blocks).await {
            Ok(failed) => at_work += u64::from(failed),
            Err(problem) => panic!("seed {seed}: {problem}"),
        }
    }
    assert!(at_work * 4 > SEEDS, "{at_work} of {SEEDS} failed at work");
}
