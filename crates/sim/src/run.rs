//! One run of a scenario in virtual time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forkful_core::event::{DropReason, What};
use forkful_core::{
    BlockId, BlockRef, BlockTree, Effect, Effects, Event, Honest, Input, Message, MessageKind,
    Node, NodeId, Now, PeerId, Strategy, Time, Timestamp, message::Ids, sha256,
};
use forkful_scenario::{
    FinalState, HashRate, NodeFinal, NodeSpec, Outcome, Progress, Recorder, Scenario,
    ScenarioError, Sink, StrategyKind, Timetable, Verdict, World, patience,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::lottery::{Clock, Lottery};
use crate::network::Network;
use crate::queue::EventQueue;
use crate::trace::TraceHash;

/// When virtual time begins: 2026-01-01T00:00:00Z, in milliseconds since 1970. The wall
/// clock of the machine has no part in a simulation.
const START: Timestamp = Timestamp(1_767_225_600_000);

/// How many events are played between two looks at whether to stop.
const LOOK: u32 = 4_096;

/// How a scenario is simulated, apart from what it says itself.
#[derive(Default)]
pub struct Options {
    /// Consumers of the run's events.
    pub sinks: Vec<Sink>,
    /// Asked now and then; ends the run at once and cleanly when it says yes.
    pub interrupted: Option<Box<dyn Fn() -> bool>>,
}

/// Why a scenario cannot be simulated.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// It asks for what the simulator cannot do.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// It mines as fast as the machine can, and in virtual time there is no machine.
    #[error(
        "mining.hash_rate: \"unlimited\" has no meaning in virtual time: give tries per second"
    )]
    Unlimited,
}

/// Plays a scenario in virtual time, until it is over.
///
/// # Errors
/// The scenario asks for what the simulator cannot do.
pub fn play(scenario: &Scenario, options: Options) -> Result<Outcome, PlayError> {
    scenario.check_world(World::Sim)?;
    if scenario.mining.hash_rate == HashRate::Unlimited {
        return Err(PlayError::Unlimited);
    }
    let mut sim = Sim::new(scenario, options);
    sim.start();
    let end = sim.until_over();
    Ok(sim.finish(end))
}

/// A network in virtual time.
pub(crate) struct Sim<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) tree: BlockTree<Lottery>,
    pub(crate) nodes: Vec<SimNode>,
    pub(crate) network: Network,
    pub(crate) queue: EventQueue<Happening>,
    pub(crate) now: Time,
    pub(crate) lottery: Clock,
    /// Draws with another number are void: the clock was set anew since.
    draw: u32,
    /// Messages too large for the queue, by number, and the free numbers.
    parcels: Vec<Option<Message<Ids>>>,
    free_parcels: Vec<u32>,
    effects: Effects,
    pub(crate) timetable: Timetable,
    /// Entries of the workload that were given to nodes.
    pub(crate) given: u32,
    pub(crate) chance: Xoshiro256PlusPlus,
    recorder: Recorder,
    options: Options,
    trace: TraceHash,
    /// Honest nodes that are up, by tip: all agree when there is one entry.
    tips: BTreeMap<BlockId, u32>,
    /// The greatest height that any tip has had.
    pub(crate) height: u64,
    mined: u64,
    /// A tip changed, a block was mined or the scenario went on since the last look.
    pub(crate) changed: bool,
    /// Nobody mines, to see whether all agree: since when no tip has changed.
    paused_since: Option<Time>,
    /// Blocks that were mined when mining last had to go on because of a tie.
    mined_at_tie: u64,
    pub(crate) settling: bool,
}

/// One participant.
pub(crate) struct SimNode {
    /// Taken out for a moment only, when it is made anew after a crash.
    pub node: Node,
    pub spec: NodeSpec,
    pub is_up: bool,
    /// Tries per second.
    pub hash_rate: f64,
    mining_on: BlockId,
    /// When it wants to be woken.
    deadline: Time,
    /// When the queue will wake it at the latest.
    scheduled: Time,
}

/// What the queue holds. Together with time and sequence 32 bytes.
#[derive(Debug)]
pub(crate) enum Happening {
    /// A message that names one block reaches a node.
    Deliver {
        to: NodeId,
        from: PeerId,
        kind: MessageKind,
        block: BlockId,
    },
    /// Any other message does.
    DeliverParcel {
        to: NodeId,
        from: PeerId,
        number: u32,
    },
    /// A node wanted to be woken.
    Deadline(NodeId),
    /// Somebody finds a block.
    Draw(u32),
    /// It is time to look whether the run is over.
    Look,
}

/// How a run ended.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Done,
    TimeUp,
    Interrupted,
}

impl<'a> Sim<'a> {
    fn new(scenario: &'a Scenario, options: Options) -> Self {
        let tree = BlockTree::new(scenario.consensus(START), Lottery);
        let genesis = BlockRef {
            hash: tree.hash(BlockId::GENESIS),
            height: 0,
        };
        let nodes: Vec<SimNode> = scenario
            .nodes()
            .into_iter()
            .map(|spec| SimNode::new(spec, scenario.seed))
            .collect();
        let rates = nodes.iter().map(|node| node.hash_rate).collect();
        let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
        Sim {
            recorder: Recorder::new(World::Sim, scenario, genesis),
            network: Network::new(scenario),
            queue: EventQueue::new(),
            now: Time::ZERO,
            // The constants only keep the streams of one seed apart.
            lottery: Clock::new(rates, scenario.seed ^ 0x6c6f_7474_6572_7931),
            chance: Xoshiro256PlusPlus::seed_from_u64(scenario.seed),
            draw: 0,
            parcels: Vec::new(),
            free_parcels: Vec::new(),
            effects: Effects::new(),
            timetable: Timetable::new(scenario),
            given: 0,
            options,
            trace: TraceHash::EMPTY,
            tips: BTreeMap::from([(BlockId::GENESIS, count)]),
            height: 0,
            mined: 0,
            changed: true,
            paused_since: None,
            mined_at_tie: 0,
            settling: false,
            scenario,
            tree,
            nodes,
        }
    }

    fn start(&mut self) {
        let stop = self.scenario.stop;
        for time in stop.time.into_iter().chain([stop.time_limit]) {
            self.queue.push(Time::ZERO + time, Happening::Look);
        }
        for node in 0..self.scenario.network.nodes {
            self.input(NodeId(node), Input::Start);
        }
        for node in 0..self.scenario.network.nodes {
            for peer in 0..self.network.degree(NodeId(node)) {
                self.connect(NodeId(node), PeerId(peer));
            }
        }
        self.draw_again();
    }

    fn until_over(&mut self) -> End {
        let mut played = 0_u32;
        loop {
            self.act_on_time();
            if self.changed
                && let Some(end) = self.look()
            {
                return end;
            }
            played = played.wrapping_add(1);
            if played.is_multiple_of(LOOK)
                && let Some(interrupted) = &self.options.interrupted
                && interrupted()
            {
                return End::Interrupted;
            }
            // The time limit is in the queue, so it cannot run dry before.
            let until = self.next_action().unwrap_or(Time::NEVER);
            match self.queue.pop_until(until) {
                Some((time, happening)) => {
                    self.now = time;
                    self.happen(happening);
                }
                None if until == Time::NEVER => return End::TimeUp,
                None => self.now = self.now.max(until),
            }
        }
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Deliver {
                to,
                from,
                kind,
                block,
            } => {
                let message = match kind {
                    MessageKind::NewBlock => Message::NewBlock(block),
                    MessageKind::Announce => Message::Announce(block),
                    MessageKind::RequestBlock => Message::RequestBlock(block),
                    MessageKind::NotFound => Message::NotFound(block),
                    _ => Message::Block(block),
                };
                self.deliver(to, from, message);
            }
            Happening::DeliverParcel { to, from, number } => {
                self.free_parcels.push(number);
                if let Some(message) = self.parcels[number as usize].take() {
                    self.deliver(to, from, message);
                }
            }
            Happening::Deadline(node) => self.wake(node),
            Happening::Draw(draw) if draw == self.draw => self.find(),
            Happening::Draw(_) => {}
            Happening::Look => self.changed = true,
        }
    }

    fn deliver(&mut self, to: NodeId, from: PeerId, message: Message<Ids>) {
        let (sender, _) = self.network.other_end(to, from);
        let kind = message.kind();
        let bytes = self.bytes(&message);
        let why = if !self.network.is_open(to, from) {
            Some(DropReason::Cut)
        } else if !self.nodes[to.0 as usize].is_up {
            Some(DropReason::Down)
        } else {
            None
        };
        if let Some(why) = why {
            let what = What::Dropped {
                to,
                kind,
                bytes,
                why,
            };
            return self.tell(Some(sender), what);
        }
        let what = What::Delivered {
            from: sender,
            kind,
            bytes,
        };
        self.tell(Some(to), what);
        self.input(to, Input::Received(from, message));
    }

    fn send(&mut self, from: NodeId, peer: PeerId, message: Message<Ids>) {
        let (to, back) = self.network.other_end(from, peer);
        let kind = message.kind();
        let bytes = self.bytes(&message);
        self.tell(Some(from), What::Sent { to, kind, bytes });
        let dropped = |why| What::Dropped {
            to,
            kind,
            bytes,
            why,
        };
        if !self.network.is_open(from, peer) {
            return self.tell(Some(from), dropped(DropReason::Cut));
        }
        let Some(arrives) = self.network.arrival(from, peer, self.now, bytes) else {
            return self.tell(Some(from), dropped(DropReason::Loss));
        };
        let deliver = |block| Happening::Deliver {
            to,
            from: back,
            kind,
            block,
        };
        let happening = match message {
            Message::NewBlock(block)
            | Message::Announce(block)
            | Message::RequestBlock(block)
            | Message::NotFound(block)
            | Message::Block(block) => deliver(block),
            large => Happening::DeliverParcel {
                to,
                from: back,
                number: self.keep_parcel(large),
            },
        };
        self.queue.push(arrives, happening);
    }

    fn keep_parcel(&mut self, message: Message<Ids>) -> u32 {
        if let Some(number) = self.free_parcels.pop() {
            self.parcels[number as usize] = Some(message);
            return number;
        }
        self.parcels.push(Some(message));
        u32::try_from(self.parcels.len() - 1).unwrap_or(u32::MAX)
    }

    fn bytes(&self, message: &Message<Ids>) -> u32 {
        u32::try_from(message.encoded_len(&self.tree)).unwrap_or(u32::MAX)
    }

    /// The deadline of a node has come, if it did not change its mind meanwhile.
    fn wake(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0 as usize];
        if node.scheduled != self.now || !node.is_up {
            return;
        }
        node.scheduled = Time::NEVER;
        if node.deadline <= self.now {
            node.deadline = Time::NEVER;
            self.input(id, Input::Deadline);
        } else {
            let deadline = node.deadline;
            self.schedule(id, deadline);
        }
    }

    fn schedule(&mut self, id: NodeId, deadline: Time) {
        let node = &mut self.nodes[id.0 as usize];
        node.deadline = deadline;
        // One that is due earlier wakes the node, and then this one is scheduled.
        if deadline < node.scheduled {
            node.scheduled = deadline;
            self.queue.push(deadline, Happening::Deadline(id));
        }
    }

    /// Somebody finds a block, unless the draw does not count for that node's target.
    fn find(&mut self) {
        let id = self.lottery.draw_miner();
        let node = &self.nodes[id.0 as usize];
        let target = self.tree.child_target(node.mining_on);
        if node.is_up && self.lottery.counts(target) {
            let now = node.now(self.now);
            let template = node.node.template(now, &self.tree);
            let timestamp = template.header.timestamp;
            // Whoever finds it, no two blocks are the same: the number is the nonce.
            let block = template.into_block(timestamp, self.mined);
            if let Ok(block) = self.tree.insert_block(Arc::new(block), now.clock) {
                self.mined += 1;
                self.changed = true;
                self.input(id, Input::Mined(block));
            }
            let targets = self.nodes.iter().map(|node| node.mining_on);
            if self.tree.consensus().difficulty.interval_ms().is_some() {
                let tree = &self.tree;
                self.lottery
                    .set_targets(targets.map(|on| tree.child_target(on)));
            }
        }
        self.draw_again();
    }

    /// Sets the clock of the lottery anew.
    pub(crate) fn draw_again(&mut self) {
        self.draw = self.draw.wrapping_add(1);
        if self.paused_since.is_none()
            && let Some(time) = self.lottery.next_draw(self.now)
        {
            self.queue.push(time, Happening::Draw(self.draw));
        }
    }

    pub(crate) fn input(&mut self, id: NodeId, input: Input) {
        let mut effects = std::mem::take(&mut self.effects);
        let node = &mut self.nodes[id.0 as usize];
        let now = node.now(self.now);
        node.node.handle(now, input, &self.tree, &mut effects);
        self.trace.add(self.now.0);
        for effect in effects.drain(..) {
            self.perform(id, effect);
        }
        self.effects = effects;
    }

    fn perform(&mut self, id: NodeId, effect: Effect) {
        match effect {
            // What a node has stored is its view, and outlives a crash.
            Effect::Store(_) | Effect::StoreData(_) => {}
            Effect::Send(peer, message) => self.send(id, peer, message),
            Effect::Mine { on } => {
                self.nodes[id.0 as usize].mining_on = on;
                if self.lottery.note_target(self.tree.child_target(on)) {
                    self.draw_again();
                }
            }
            Effect::Accepted { block, from } => self.tell_accepted(id, block, from),
            Effect::TipChanged(change) => {
                self.move_tip(change.old, change.new);
                self.changed = true;
                self.height = self.height.max(self.tree.height(change.new));
                let what = What::TipChanged {
                    old: self.block_ref(change.old),
                    new: self.block_ref(change.new),
                    disconnected: u32::try_from(change.disconnected).unwrap_or(u32::MAX),
                    connected: u32::try_from(change.connected).unwrap_or(u32::MAX),
                };
                self.trace.add(u64::from(id.0));
                self.trace.add(change.new.index() as u64);
                self.tell(Some(id), what);
            }
            Effect::Data {
                entry,
                bytes,
                taken,
            } => {
                let what = match taken {
                    Ok(()) => What::Submitted {
                        entry,
                        bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
                    },
                    Err(why) => What::Refused {
                        entry,
                        why: why.to_string(),
                    },
                };
                self.tell(Some(id), what);
            }
            Effect::Deadline(time) => self.schedule(id, time),
            Effect::Disconnect(peer, why) => {
                let (other, _) = self.network.other_end(id, peer);
                self.network.cut_peer(id, peer);
                let what = What::PeerDown {
                    peer: other,
                    why: why.to_string(),
                };
                self.tell(Some(id), what);
            }
        }
    }

    fn tell_accepted(&mut self, id: NodeId, block: BlockId, from: Option<PeerId>) {
        let named = self.block_ref(block);
        let what = match from {
            Some(peer) => What::Received {
                block: named,
                from: self.network.other_end(id, peer).0,
            },
            None => What::Mined {
                block: named,
                parent: self.tree.header(block).previous_hash,
                entries: self.tree.block(block).map_or(0, |block| {
                    u32::try_from(block.entries.len()).unwrap_or(u32::MAX)
                }),
            },
        };
        self.tell(Some(id), what);
    }

    pub(crate) fn tell(&mut self, node: Option<NodeId>, what: What) {
        let time = self.now;
        let event = Event { time, node, what };
        self.recorder.record(&event);
        for sink in &mut self.options.sinks {
            sink(&event);
        }
    }

    pub(crate) fn block_ref(&self, id: BlockId) -> BlockRef {
        BlockRef {
            hash: self.tree.hash(id),
            height: self.tree.height(id),
        }
    }

    /// One honest node that is up has moved from one tip to another.
    fn move_tip(&mut self, old: BlockId, new: BlockId) {
        self.count_tip(old, false);
        self.count_tip(new, true);
    }

    pub(crate) fn count_tip(&mut self, tip: BlockId, more: bool) {
        let count = self.tips.entry(tip).or_default();
        *count = if more {
            *count + 1
        } else {
            count.saturating_sub(1)
        };
        if *count == 0 {
            self.tips.remove(&tip);
        }
    }

    /// Whether the run is over, or is to be settled now.
    fn look(&mut self) -> Option<End> {
        self.changed = false;
        let progress = self.progress();
        match self.scenario.stop.verdict(&progress) {
            Verdict::Done => return Some(End::Done),
            Verdict::TimeUp => return Some(End::TimeUp),
            Verdict::GoOn => {}
            Verdict::Settle => {
                self.settling = true;
                self.settle(&progress);
            }
        }
        None
    }

    /// The goal is reached. Nobody mines until all agree; if nothing comes any more,
    /// two branches are tied, and mining goes on until the next block.
    fn settle(&mut self, progress: &Progress) {
        let ready = progress.events_left == 0 && progress.data_left == 0;
        let patience = patience(self.tips_are_level(), &self.scenario.relay);
        match self.paused_since {
            None if ready && progress.mined > self.mined_at_tie => {
                self.paused_since = Some(self.now);
                self.draw_again();
                self.queue.push(self.now + patience, Happening::Look);
            }
            Some(since) if !ready || self.now >= since + patience => {
                self.paused_since = None;
                self.mined_at_tie = progress.mined;
                self.draw_again();
            }
            Some(_) => self.queue.push(self.now + patience, Happening::Look),
            None => {}
        }
    }

    fn tips_are_level(&self) -> bool {
        let mut heights = self.tips.keys().map(|tip| self.tree.height(*tip));
        let first = heights.next();
        heights.all(|height| Some(height) == first)
    }

    fn progress(&self) -> Progress {
        let workload_left = self.scenario.workload.and_then(|workload| {
            // Without a count it ends when the goal is reached, so none of it is left.
            workload.count.map(|count| count.saturating_sub(self.given))
        });
        let mut progress = Progress {
            elapsed: self.now.since(Time::ZERO),
            height: self.height,
            mined: self.mined,
            events_left: self.timetable.left() + u64::from(workload_left.unwrap_or(0)),
            agreed: self.agreed(),
            data_left: 0,
        };
        if self.scenario.stop.met(&progress) {
            progress.data_left = self.data_left();
        }
        progress
    }

    fn agreed(&self) -> bool {
        if self.network.is_whole() {
            return self.tips.len() == 1;
        }
        NodeFinal::agreed_tip(&self.finals()).is_some()
    }

    /// Submitted entries that are not on the chain of the first connected node.
    fn data_left(&self) -> u64 {
        let witness = self.nodes.iter().find(|node| node.is_up);
        witness.map_or(0, |witness| {
            let pool = witness.node.pool();
            let submitted = self.recorder.submitted().iter();
            submitted.filter(|entry| !pool.is_on_chain(entry)).count() as u64
        })
    }

    fn finals(&self) -> Vec<NodeFinal> {
        let of = |node: &SimNode| NodeFinal {
            tip: self.block_ref(node.node.tip()),
            up: node.is_up,
            connected: self.is_connected(node),
            honest: node.spec.strategy == StrategyKind::Honest,
        };
        self.nodes.iter().map(of).collect()
    }

    fn is_connected(&self, node: &SimNode) -> bool {
        let id = node.spec.id;
        let open = |peer: u32| {
            let (other, _) = self.network.other_end(id, PeerId(peer));
            self.nodes[other.0 as usize].is_up && self.network.is_open(id, PeerId(peer))
        };
        node.is_up && (self.nodes.len() == 1 || (0..self.network.degree(id)).any(open))
    }

    fn finish(mut self, end: End) -> Outcome {
        let nodes = self.finals();
        let agreed = NodeFinal::agreed_tip(&nodes).and_then(|tip| self.tree.find(&tip.hash));
        let best = self.nodes.iter().map(|node| node.node.tip());
        let best = best.max_by_key(|tip| (self.tree.total_work(*tip), std::cmp::Reverse(*tip)));
        let tip = agreed.or(best).unwrap_or(BlockId::GENESIS);
        let chain: Vec<_> = std::iter::once(BlockId::GENESIS)
            .chain(self.tree.path(BlockId::GENESIS, tip))
            .filter_map(|id| self.tree.block(id).cloned())
            .collect();
        let entries = chain.iter().flat_map(|block| &block.entries);
        self.trace.add(self.now.0);
        let state = FinalState {
            elapsed: self.now.since(Time::ZERO),
            nodes,
            entries: entries.map(|entry| sha256(entry)).collect(),
            interrupted: end == End::Interrupted,
            timed_out: end == End::TimeUp,
            trace: Some(self.trace.to_string()),
        };
        Outcome {
            report: self.recorder.finish(&state),
            tree: self.recorder.tree().clone(),
            chain,
            consensus: self.tree.consensus().clone(),
        }
    }
}

impl SimNode {
    fn new(spec: NodeSpec, seed: u64) -> Self {
        let strategy: Box<dyn Strategy> = match spec.strategy {
            StrategyKind::Honest => Box::new(Honest),
        };
        SimNode {
            node: Node::new(spec.config, strategy, node_seed(seed, spec.id)),
            hash_rate: tries_per_second(spec.hash_rate),
            spec,
            is_up: true,
            mining_on: BlockId::GENESIS,
            deadline: Time::NEVER,
            scheduled: Time::NEVER,
        }
    }

    /// Both of its clocks.
    fn now(&self, time: Time) -> Now {
        let clock = START.saturating_add(Duration::from_nanos(time.0)).0;
        Now {
            time,
            clock: Timestamp(clock.saturating_add_signed(self.spec.clock_skew_ms)),
        }
    }

    /// Makes the node anew, with what it had stored.
    pub fn restart(&mut self, seed: u64, tree: &BlockTree<Lottery>) {
        let placeholder = Node::new(self.spec.config, Box::new(Honest), 0);
        let before = std::mem::replace(&mut self.node, placeholder);
        self.node = before.restart(node_seed(seed, self.spec.id), tree);
        self.is_up = true;
        self.deadline = Time::NEVER;
        self.scheduled = Time::NEVER;
    }
}

/// Each node has its own stream of chance, so that one more node does not reshuffle the
/// others' luck: SplitMix64's increment keeps the seeds far apart.
fn node_seed(seed: u64, id: NodeId) -> u64 {
    seed ^ u64::from(id.0).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// `play` has refused what is unlimited.
pub(crate) fn tries_per_second(rate: HashRate) -> f64 {
    match rate {
        HashRate::PerSecond(rate) => rate,
        HashRate::Unlimited => 0.0,
    }
}
