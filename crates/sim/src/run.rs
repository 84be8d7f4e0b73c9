//! One run of a scenario in virtual time.

use std::collections::BTreeMap;

use forkful_core::{
    BlockId, BlockRef, BlockTree, Effects, Honest, Input, MessageKind, Node, NodeId, Now, PeerId,
    Time, Timestamp,
};
use forkful_scenario::{
    HashRate, NodeSpec, Recorder, Scenario, Sink, StrategyKind, Stream, Timetable, World,
};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::SeedableRng;

use crate::ending::End;
use crate::lottery::{Clock, Lottery};
use crate::network::Network;
use crate::news::Mailbox;
use crate::queue::{EventQueue, Place};
use crate::shelf::{Shelf, naming};
use crate::trace::TraceHash;

/// When virtual time begins: 2026-01-01T00:00:00Z, in milliseconds since 1970. The wall
/// clock of the machine has no part in a simulation.
pub(crate) const START: Timestamp = Timestamp(1_767_225_600_000);

/// How many events are played between two looks at whether to stop.
const LOOK: u32 = 4_096;

/// How a scenario is simulated, apart from what it says itself.
#[derive(Default)]
pub struct Options {
    /// Consumers of all of the run's events.
    pub sinks: Vec<Sink>,
    /// Consumers of all events but those of messages: sent, delivered and dropped. They
    /// cost a run nearly nothing.
    pub watchers: Vec<Sink>,
    /// Consumers of messages, each told once, when it is sent.
    pub messages: Vec<MessageSink>,
    /// Asked now and then; ends the run at once and cleanly when it says yes.
    pub interrupted: Option<Box<dyn Fn() -> bool>>,
}

/// A consumer of messages. Called in the order in which they are sent.
pub type MessageSink = Box<dyn FnMut(&Sending) + Send>;

/// A message that is sent: a line of a full trace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sending {
    /// When.
    pub sent: Time,
    /// When it will arrive, if nothing comes between; `None` if it is lost at once.
    pub arrives: Option<Time>,
    /// By whom.
    pub from: NodeId,
    /// To whom.
    pub to: NodeId,
    /// What kind of message.
    pub kind: MessageKind,
    /// Its length in bytes, as the links feel it.
    pub bytes: u32,
}

/// The one tree that all nodes share.
pub(crate) type Tree = BlockTree<Lottery>;

/// A network in virtual time.
pub(crate) struct Sim<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) tree: Tree,
    pub(crate) nodes: Vec<SimNode>,
    pub(crate) network: Network,
    pub(crate) queue: EventQueue<Happening>,
    pub(crate) now: Time,
    /// What has happened so far: everything up to this place in the order of the run.
    pub(crate) here: Place,
    /// Of each node: what is news to it, and messages that are none.
    pub(crate) mailboxes: Vec<Mailbox>,
    /// Whether any are put aside at all: not if somebody wants all in the order of time.
    pub(crate) puts_aside: bool,
    /// Whether anybody wants to be told of every message.
    pub(crate) tells_of_messages: bool,
    /// How much of what is to happen soon was touched.
    pub(crate) touched: usize,
    pub(crate) lottery: Clock,
    /// Draws with another number are void: the clock was set anew since.
    pub(crate) draw: u32,
    /// Messages that do not fit into an event.
    pub(crate) shelf: Shelf,
    pub(crate) effects: Effects,
    pub(crate) timetable: Timetable,
    pub(crate) chance: Xoshiro256PlusPlus,
    pub(crate) recorder: Recorder,
    pub(crate) options: Options,
    pub(crate) trace: TraceHash,
    /// Honest nodes that are up, by tip: all agree when there is one entry.
    pub(crate) tips: BTreeMap<BlockId, u32>,
    /// How many nodes are up.
    pub(crate) up: usize,
    /// The greatest height that any tip has had.
    pub(crate) height: u64,
    pub(crate) mined: u64,
    /// Of every block in the tree, what it weighs beyond its own length.
    pub(crate) weights: Vec<u64>,
    /// A tip changed, a block was mined or the scenario went on since the last look.
    pub(crate) changed: bool,
    /// Nobody mines, to see whether all agree: since when no tip has changed.
    pub(crate) paused_since: Option<Time>,
    /// Blocks that were mined when mining last had to go on because of a tie.
    pub(crate) mined_at_tie: u64,
}

/// One participant.
#[repr(align(64))] // whole lines of the cache
pub(crate) struct SimNode {
    /// Taken out for a moment only, when it is made anew after a crash.
    pub node: Node,
    /// Apart, because most events do not look at it.
    pub spec: Box<NodeSpec>,
    /// That of the spec.
    clock_skew_ms: i64,
    pub is_up: bool,
    /// Tries per second.
    pub hash_rate: f64,
    pub mining_on: BlockId,
    /// When it wants to be woken.
    pub deadline: Time,
    /// When the queue will wake it at the latest.
    pub scheduled: Time,
}

/// What the queue holds. Together with time and sequence 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happening {
    /// A message that names one block reaches a node.
    Deliver {
        to: NodeId,
        from: PeerId,
        kind: MessageKind,
        block: BlockId,
    },
    /// Any other message does.
    DeliverFromShelf {
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

impl<'a> Sim<'a> {
    pub fn new(scenario: &'a Scenario, options: Options) -> Self {
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
        let is_honest = |node: &&SimNode| node.spec.strategy == StrategyKind::Honest;
        let honest = nodes.iter().filter(is_honest).count();
        Sim {
            recorder: Recorder::new(World::Sim, scenario, genesis),
            network: Network::new(scenario),
            queue: EventQueue::new(),
            now: Time::ZERO,
            here: Place {
                time: Time::ZERO,
                sequence: 0,
            },
            mailboxes: nodes.iter().map(|_| Mailbox::default()).collect(),
            puts_aside: options.sinks.is_empty(),
            tells_of_messages: !(options.sinks.is_empty() && options.messages.is_empty()),
            touched: 0,
            lottery: Clock::new(rates, Stream::Lottery.seed(scenario.seed)),
            chance: Xoshiro256PlusPlus::seed_from_u64(Stream::Data.seed(scenario.seed)),
            draw: 0,
            shelf: Shelf::default(),
            effects: Effects::new(),
            timetable: Timetable::new(scenario),
            options,
            trace: TraceHash::EMPTY,
            tips: BTreeMap::from([(BlockId::GENESIS, u32::try_from(honest).unwrap_or(u32::MAX))]),
            up: nodes.len(),
            height: 0,
            mined: 0,
            weights: vec![0],
            changed: true,
            paused_since: None,
            mined_at_tie: 0,
            scenario,
            tree,
            nodes,
        }
    }

    pub fn start(&mut self) {
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

    pub fn until_over(&mut self) -> End {
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
                Some((place, happening)) => {
                    self.touch_ahead();
                    self.now = place.time;
                    self.here = place;
                    self.happen(happening);
                }
                None if until == Time::NEVER => return End::TimeUp,
                None => {
                    self.now = self.now.max(until);
                    self.here = self.queue.place(self.now);
                }
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
                self.deliver(to, from, naming(kind, block));
            }
            Happening::DeliverFromShelf { to, from, number } => {
                if let Some(message) = self.shelf.take(number) {
                    self.deliver(to, from, message);
                }
            }
            Happening::Deadline(node) => self.wake(node),
            Happening::Draw(draw) if draw == self.draw => self.find(),
            Happening::Draw(_) => {}
            Happening::Look => self.changed = true,
        }
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
}

impl SimNode {
    fn new(spec: NodeSpec, seed: u64) -> Self {
        SimNode {
            node: Node::new(spec.config, spec.strategy.build(), spec.seed(seed)),
            hash_rate: tries_per_second(spec.hash_rate),
            clock_skew_ms: spec.clock_skew_ms,
            spec: Box::new(spec),
            is_up: true,
            mining_on: BlockId::GENESIS,
            deadline: Time::NEVER,
            scheduled: Time::NEVER,
        }
    }

    /// Both of its clocks.
    pub fn now(&self, time: Time) -> Now {
        let clock = START.0 + time.0 / 1_000_000;
        Now {
            time,
            clock: Timestamp(clock.saturating_add_signed(self.clock_skew_ms)),
        }
    }

    /// Makes the node anew, with what it had stored.
    pub fn restart(&mut self, seed: u64, tree: &Tree) {
        let placeholder = Node::new(self.spec.config, Box::new(Honest), 0);
        let before = std::mem::replace(&mut self.node, placeholder);
        self.node = before.restart(self.spec.seed(seed), tree);
        self.is_up = true;
        self.deadline = Time::NEVER;
        self.scheduled = Time::NEVER;
    }
}

/// `play` has refused what is unlimited.
pub(crate) fn tries_per_second(rate: HashRate) -> f64 {
    match rate {
        HashRate::PerSecond(rate) => rate,
        HashRate::Unlimited => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_half_a_line_of_the_cache() {
        assert_eq!(size_of::<(Place, Happening)>(), 32);
    }
}
