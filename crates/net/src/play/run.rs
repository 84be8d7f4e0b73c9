//! One run of a scenario: what happens when, and when it is over.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use forkful_core::{Block, BlockId, BlockRef, Hash, NodeId, sha256};
use forkful_pow::Kernel;
use forkful_scenario::{
    FinalState, NodeFinal, Outcome, Progress, Recorder, Scenario, Sink, Stream, Timetable, Verdict,
    patience,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::actor::{Command, Participant};
use crate::clock::Clock;
use crate::ledger::Ledger;
use crate::play::nodes::{Ground, PlayNode};
use crate::play::sockets::Sockets;
use crate::play::wiring::Wiring;
use crate::play::{Carrier, Options, PlayError};

/// How often a run looks around though no tip has changed.
const LOOK: Duration = Duration::from_millis(50);

/// A network that plays a scenario.
pub(super) struct Run<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) ground: Ground,
    pub(super) nodes: Vec<PlayNode>,
    postmen: JoinSet<()>,
    pub(super) all: CancellationToken,
    interrupt: CancellationToken,
    pub(super) timetable: Timetable,
    /// Chooses the nodes that data is given to.
    pub(super) chance: Xoshiro256PlusPlus,
    /// Blocks that were mined when mining last had to go on because of a tie.
    mined_at_tie: u64,
    recorder: Arc<Mutex<Recorder>>,
}

/// How a run ended.
enum End {
    Done,
    TimeUp,
    Interrupted,
}

impl<'a> Run<'a> {
    pub async fn play(scenario: &'a Scenario, options: Options) -> Result<Outcome, PlayError> {
        let clock = Clock::start();
        let consensus = scenario.consensus(clock.start_timestamp());
        let genesis = BlockRef {
            hash: consensus.genesis().header.hash(),
            height: 0,
        };
        let recorder = Recorder::new(options.carrier.world(), scenario, genesis);
        let recorder = Arc::new(Mutex::new(recorder));
        let nodes = scenario.nodes();
        let sinks = std::iter::once(recording(&recorder)).chain(options.sinks);
        let ledger = Ledger::new(clock, genesis, nodes.len(), sinks.collect());
        let ledger = Arc::new(ledger);
        let kernel = kernel(scenario.mining.kernel)?;
        let sockets = match options.carrier {
            Carrier::Channels => None,
            Carrier::Sockets { plaintext } => {
                let count = scenario.network.nodes;
                Some(Sockets::new(count, genesis.hash, plaintext)?)
            }
        };
        let (wiring, postmen) = Wiring::new(scenario, clock, Arc::clone(&ledger), sockets);
        let ground = Ground::new(scenario, consensus, clock, kernel, ledger, wiring);
        let all = CancellationToken::new();
        let mut run = Run {
            scenario,
            nodes: nodes
                .into_iter()
                .map(|spec| PlayNode::new(spec, &ground))
                .collect(),
            postmen: JoinSet::new(),
            all,
            interrupt: options.interrupt,
            timetable: Timetable::new(scenario),
            chance: Xoshiro256PlusPlus::seed_from_u64(Stream::Data.seed(scenario.seed)),
            mined_at_tie: 0,
            ground,
            recorder,
        };
        for postman in postmen {
            let wiring = Arc::clone(&run.ground.wiring);
            run.postmen.spawn(postman.run(wiring, run.all.clone()));
        }
        let end = run.until_over().await;
        run.finish(end).await
    }

    /// Plays until the run is over, but not beyond an interrupt or the time limit,
    /// whatever it is waiting for just then.
    async fn until_over(&mut self) -> Result<End, PlayError> {
        let interrupt = self.interrupt.clone();
        let time_limit = self.scenario.stop.time_limit;
        let left = time_limit.saturating_sub(self.ground.clock.elapsed());
        tokio::select! {
            biased;
            () = interrupt.cancelled() => Ok(End::Interrupted),
            end = self.until_done() => end,
            // `until_done` looks at the limit too, and first: this is for when it cannot.
            () = sleep(left + LOOK) => Ok(End::TimeUp),
        }
    }

    async fn until_done(&mut self) -> Result<End, PlayError> {
        // Nobody searches before all are connected.
        for node in &mut self.nodes {
            node.start(&self.ground, &self.all, true)?;
        }
        let links = self.scenario.links();
        for (a, b) in &links {
            self.connect(*a, *b).await;
        }
        if let Some(sockets) = self.ground.wiring.sockets() {
            sockets.all_up(&links).await?;
        }
        self.resume().await;
        loop {
            self.check_alive()?;
            self.play_due().await?;
            let progress = self.progress();
            let verdict = self.scenario.stop.verdict(&progress);
            if verdict == Verdict::TimeUp {
                return Ok(End::TimeUp);
            }
            if verdict != Verdict::GoOn {
                self.timetable.settle();
                // After a tie nothing can have changed before the next block.
                let tied = progress.mined <= self.mined_at_tie;
                let ready = progress.events_left == 0 && progress.data_left == 0;
                if verdict == Verdict::Done || (ready && !tied) {
                    if self.settle().await? {
                        return Ok(End::Done);
                    }
                    self.mined_at_tie = self.ground.ledger.board().mined;
                }
            }
            let next = self.timetable.next_time().unwrap_or(Duration::MAX);
            let next = next.saturating_sub(self.ground.clock.elapsed());
            tokio::select! {
                () = self.ground.ledger.changed() => {}
                () = sleep(next.min(LOOK)) => {}
            }
        }
    }

    /// The goal is reached. Stops mining, so that no block is on its way for ever, and
    /// waits until all agree and all data is on the chain. If two branches are tied, or
    /// data waits for another block, mining goes on instead.
    async fn settle(&mut self) -> Result<bool, PlayError> {
        for node in &self.nodes {
            node.pause().await;
        }
        let mut quiet_since = Instant::now();
        loop {
            self.check_alive()?;
            let progress = self.progress();
            match self.scenario.stop.verdict(&progress) {
                Verdict::Done => return Ok(true),
                Verdict::TimeUp => break,
                Verdict::GoOn | Verdict::Settle => {}
            }
            if progress.agreed || quiet_since.elapsed() >= self.patience() {
                break;
            }
            tokio::select! {
                () = self.ground.ledger.changed() => quiet_since = Instant::now(),
                () = sleep(LOOK) => {}
            }
        }
        self.resume().await;
        Ok(false)
    }

    async fn resume(&self) {
        for node in &self.nodes {
            node.command(Command::Resume).await;
        }
    }

    /// How long no tip may change before nothing more is expected.
    fn patience(&self) -> Duration {
        let tips = self.ground.ledger.board().tips;
        let heights: BTreeSet<_> = self
            .finals(&tips)
            .iter()
            .filter(|node| node.up && node.connected && node.honest)
            .map(|node| node.tip.height)
            .collect();
        patience(heights.len() <= 1, &self.scenario.relay)
    }

    fn progress(&self) -> Progress {
        let board = self.ground.ledger.board();
        let finals = self.finals(&board.tips);
        let agreed = NodeFinal::agreed_tip(&finals);
        let mut progress = Progress {
            elapsed: self.ground.clock.elapsed(),
            height: board.height,
            mined: board.mined,
            events_left: self.timetable.left(),
            agreed: agreed.is_some(),
            data_left: 0,
        };
        // Counting what is on the chain takes a node's lock, so only when it matters.
        if self.scenario.stop.met(&progress) {
            progress.data_left = self.data_left();
        }
        progress
    }

    /// Submitted entries that are not on the chain of the first connected node.
    fn data_left(&self) -> u64 {
        let witness = self.nodes.iter().find(|node| self.is_connected(node));
        let Some(witness) = witness else { return 0 };
        let participant = witness.shared().lock();
        let pool = participant.node.pool();
        let recorder = self.recorder();
        let submitted = recorder.submitted().iter();
        submitted.filter(|entry| !pool.is_on_chain(entry)).count() as u64
    }

    fn recorder(&self) -> MutexGuard<'_, Recorder> {
        self.recorder.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finals(&self, tips: &[BlockRef]) -> Vec<NodeFinal> {
        let of = |(node, tip): (&PlayNode, &BlockRef)| NodeFinal {
            tip: *tip,
            up: node.is_up(),
            connected: self.is_connected(node),
            honest: node.is_honest(),
        };
        self.nodes.iter().zip(tips).map(of).collect()
    }

    /// Whether the node is up and has an open link to another that is. A network of one
    /// node is all connected.
    fn is_connected(&self, node: &PlayNode) -> bool {
        let alone = self.nodes.len() == 1;
        node.is_up() && (alone || self.ground.wiring.is_connected(node.spec.id))
    }

    pub(super) fn node(&self, id: NodeId) -> &PlayNode {
        &self.nodes[id.0 as usize]
    }

    fn check_alive(&mut self) -> Result<(), PlayError> {
        if let Some(dead) = self.nodes.iter().find(|node| node.has_died()) {
            return Err(dead.died());
        }
        match self.postmen.try_join_next() {
            Some(_) => Err(PlayError::Died("a postman".to_owned())),
            None => Ok(()),
        }
    }

    /// Stops everything, and only then looks at what came of it.
    async fn finish(mut self, end: Result<End, PlayError>) -> Result<Outcome, PlayError> {
        let elapsed = self.ground.clock.elapsed();
        // Who was up and connected is known before they stop; what they have, after.
        let mut nodes = self.finals(&self.ground.ledger.board().tips);
        self.ground.wiring.close();
        let mut died = None;
        for node in &mut self.nodes {
            died = node.stop(&self.ground).await.err().or(died);
        }
        self.all.cancel();
        while let Some(ended) = self.postmen.join_next().await {
            if ended.is_err() {
                died = Some(PlayError::Died("a postman".to_owned()));
            }
        }
        let end = end?;
        if let Some(died) = died {
            return Err(died);
        }
        for (node, end) in self.nodes.iter().zip(&mut nodes) {
            end.tip = node.shared().lock().tip();
        }
        let chain = self.final_chain(&nodes);
        let entries: BTreeSet<Hash> = chain
            .iter()
            .flat_map(|block| block.entries.iter().map(|entry| sha256(entry)))
            .collect();
        let state = FinalState {
            elapsed,
            nodes,
            entries: entries.into_iter().collect(),
            interrupted: matches!(end, End::Interrupted),
            timed_out: matches!(end, End::TimeUp),
            trace: None,
        };
        let recorder = self.recorder();
        let reach = recorder.reach().to_vec();
        let report = recorder.finish(&state);
        let tree = recorder.tree().clone();
        drop(recorder);
        Ok(Outcome {
            report,
            tree,
            reach,
            chain,
            consensus: self.ground.consensus,
        })
    }

    /// The chain to the tip that the report is about.
    fn final_chain(&self, finals: &[NodeFinal]) -> Vec<Arc<Block>> {
        let tip = NodeFinal::final_tip(finals);
        let chain = |node: &PlayNode| chain_to(&node.shared().lock(), tip?.hash);
        self.nodes.iter().find_map(chain).unwrap_or_default()
    }
}

/// A sink that records. It and the run never hold the lock for longer than a moment.
fn recording(recorder: &Arc<Mutex<Recorder>>) -> Sink {
    let recorder = Arc::clone(recorder);
    Box::new(move |event| {
        let mut recorder = recorder.lock().unwrap_or_else(PoisonError::into_inner);
        recorder.record(event);
    })
}

/// The blocks from genesis to `tip`, if the participant has them.
fn chain_to(participant: &Participant, tip: Hash) -> Option<Vec<Arc<Block>>> {
    let tree = &participant.tree;
    let tip = tree.find(&tip)?;
    std::iter::once(BlockId::GENESIS)
        .chain(tree.path(BlockId::GENESIS, tip))
        .map(|id| tree.block(id))
        .collect()
}

/// The kernel that a scenario asks for, if the machine has it.
pub(super) fn kernel(wanted: forkful_scenario::Kernel) -> Result<Kernel, PlayError> {
    let kernel = match wanted {
        forkful_scenario::Kernel::Auto => return Ok(Kernel::best()),
        forkful_scenario::Kernel::Avx512 => Kernel::Avx512,
        forkful_scenario::Kernel::ShaNi => Kernel::ShaNi,
        forkful_scenario::Kernel::Avx2 => Kernel::Avx2,
        forkful_scenario::Kernel::Portable => Kernel::Portable,
    };
    if kernel.is_available() {
        Ok(kernel)
    } else {
        Err(PlayError::NoKernel(kernel))
    }
}
