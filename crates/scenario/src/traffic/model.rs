//! The constant facts of a run's links, and the arithmetic over them.

use std::collections::BTreeMap;
use std::time::Duration;

use forkful_core::{NodeId, Time};

use super::latency::{LatencyTables, exact};
use super::{Direction, Downlink, NodeLines, Parcel, Uplink};
use crate::curve::Curve;
use crate::network::{Jitter, JitterKind, Link};
use crate::nodes::Lines;
use crate::scenario::Scenario;
use crate::stream::{Stream, draw, pair};

/// The constant facts of a run's links, shared by all nodes.
#[derive(Debug)]
pub struct LinkModel {
    /// What the seeds of all directions have in common, and those of all links.
    directions: u64,
    links: u64,
    /// Kinds of links; the first is the one of most.
    classes: Vec<Class>,
    /// Links of another kind, in order: the lower node, the higher, the class.
    others: Vec<(NodeId, NodeId, u32)>,
    regions: Option<Regions>,
    lines: Option<Lines>,
    uplink: Uplink,
    downlink: Downlink,
    message_processing: u64,
    body_processing: u64,
    body_processing_cost: Cost,
    /// Whether [`quick_arrival`](Self::quick_arrival) has an answer.
    is_quick: bool,
}

/// What kind of link it is.
#[derive(Debug)]
struct Class {
    latency: Latency,
    /// Whether a link draws its latency once and keeps it.
    per_link: bool,
    /// Whether messages of one direction never overtake each other.
    ordered: bool,
    /// Samples are multiples of it, in nanoseconds; above zero.
    round: u64,
    line: Cost,
    /// A draw of 63 bits below it loses the message; zero loses none.
    loss: u64,
}

#[derive(Clone, Copy, Debug)]
enum Latency {
    Fixed(u64),
    /// From the first on, for as long as the second.
    Uniform(u64, u64),
    Curve(Curve),
    /// By the regions of the two ends.
    Regional,
}

#[derive(Debug)]
struct Regions {
    of: Vec<u8>,
    count: usize,
    /// From each region to each.
    tables: LatencyTables,
    is_fixed: bool,
}

/// Time per byte: nanoseconds, times 2^24.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct Cost(u64);

impl Cost {
    /// Nothing: the line is infinitely fast.
    pub(crate) const NONE: Cost = Cost(0);

    /// That of a line of so many bits per second, above zero.
    pub(crate) fn of_bandwidth(bits: u64) -> Cost {
        let cost = (8_000_000_000_u128 << 24) / u128::from(bits);
        // At least a little, so that a line is never taken for an infinitely fast one.
        Cost(u64::try_from(cost).unwrap_or(u64::MAX).max(1))
    }

    /// So much time for a million bytes.
    pub(crate) fn of_megabyte(span: Duration) -> Cost {
        let cost = (span.as_nanos() << 24) / 1_000_000;
        Cost(u64::try_from(cost).unwrap_or(u64::MAX))
    }

    /// The time that so many bytes take, in nanoseconds.
    #[inline]
    fn of(self, bytes: u64) -> u64 {
        let nanos = (u128::from(bytes) * u128::from(self.0)) >> 24;
        u64::try_from(nanos).unwrap_or(u64::MAX)
    }
}

impl LinkModel {
    /// The links of a scenario. Takes memory for what each node has of its own: check the
    /// world first.
    pub fn new(scenario: &Scenario) -> Self {
        let network = &scenario.network;
        let regions = network.regions.as_deref().map(|table| {
            let jitter = network.link.jitter;
            let curves = table
                .latency_ms
                .iter()
                .map(|mean| curve(mean * 1e6, jitter));
            Regions {
                of: scenario.regions(),
                count: table.names.len(),
                tables: LatencyTables::new(curves.collect(), nanos(jitter.round).max(1)),
                is_fixed: jitter.kind == JitterKind::None,
            }
        });
        let base = match regions {
            Some(_) => Class::new(Latency::Regional, &network.link),
            None => Class::new(Latency::of(&network.link), &network.link),
        };
        let mut model = LinkModel {
            directions: Stream::Link(NodeId(0), NodeId(0)).base(scenario.seed),
            links: Stream::LinkLatency(NodeId(0), NodeId(0)).base(scenario.seed),
            classes: vec![base],
            others: Vec::new(),
            regions,
            lines: Lines::new(scenario),
            uplink: network.uplink,
            downlink: network.downlink,
            message_processing: nanos(network.processing.message),
            body_processing: nanos(network.processing.block),
            body_processing_cost: Cost::of_megabyte(network.processing.block_per_megabyte),
            is_quick: false,
        };
        model.add_links(scenario);
        model.is_quick = match &*model.classes {
            [only] => only.is_quick() && model.regions.as_ref().is_some_and(|all| !all.is_fixed),
            _ => false,
        };
        model
    }

    /// The links that differ: those of `[[links]]`, and those whose list gives a latency.
    fn add_links(&mut self, scenario: &Scenario) {
        let network = &scenario.network;
        let mut of_latency: BTreeMap<Duration, u32> = BTreeMap::new();
        for ((low, high), latency) in network.topology.latencies() {
            if !network.links.contains_key(&(low, high)) {
                let next = self.next_class();
                let class = *of_latency.entry(latency).or_insert(next);
                if class == next {
                    let link = network.link.with_latency(latency);
                    self.classes.push(Class::new(Latency::of(&link), &link));
                }
                self.others.push((low, high, class));
            }
        }
        for (&(low, high), special) in &network.links {
            let latency = match self.regions {
                Some(_) if !special.has_latency => Latency::Regional,
                _ => Latency::of(&special.link),
            };
            self.others.push((low, high, self.next_class()));
            self.classes.push(Class::new(latency, &special.link));
        }
        self.others.sort_unstable();
    }

    fn next_class(&self) -> u32 {
        u32::try_from(self.classes.len()).unwrap_or(u32::MAX >> 1)
    }

    /// What the direction from one node to another begins with: a free line, not cut.
    pub fn direction(&self, from: NodeId, to: NodeId) -> Direction {
        let ends = (from.min(to), from.max(to));
        let class = match self.others.is_empty() {
            true => 0,
            false => self
                .others
                .binary_search_by_key(&ends, |(low, high, _)| (*low, *high))
                .map_or(0, |place| self.others[place].2),
        };
        Direction::new(class)
    }

    /// Whether the messages of one direction never overtake each other, on every link.
    pub fn is_ordered(&self) -> bool {
        self.classes.iter().all(|class| class.ordered)
    }

    /// When a message that is sent now arrives; `None` if it is lost. A lost message takes
    /// the lines for as long as any other.
    ///
    /// Without `receiver` its downlink is taken to be free.
    #[inline]
    #[allow(clippy::too_many_arguments, reason = "two ends, a line, a message")]
    pub fn arrival(
        &self,
        from: NodeId,
        to: NodeId,
        line: &mut Direction,
        sender: &mut NodeLines,
        receiver: Option<&mut NodeLines>,
        now: Time,
        parcel: Parcel,
    ) -> Option<Time> {
        // Where all links are alike, nothing has to be remembered of each: the line itself is
        // not even looked at, and memory is what a simulation waits for.
        let class = match &*self.classes {
            [only] => only,
            classes => &classes[line.class()],
        };
        let mut start = now.0;
        if class.line != Cost::NONE {
            start = start.max(line.free_at.0);
            start = start.saturating_add(class.line.of(parcel.bytes));
            line.free_at = Time(start);
        }
        let number = match class.ordered || class.loss != 0 {
            true => {
                line.messages = line.messages.wrapping_add(1);
                line.messages
            }
            false => 0,
        };
        // Two questions that chance may be asked of each.
        let question = number.wrapping_mul(2);
        let latency = self.latency(class, from, to, (now, question));
        let mut arrival = if parcel.has_body {
            self.body(from, to, sender, receiver, start, latency, parcel.bytes)
        } else {
            start
                .saturating_add(latency)
                .saturating_add(self.message_processing)
        };
        if class.loss != 0 && self.chance(from, to, (now, question | 1)) >> 1 < class.loss {
            return None;
        }
        if class.ordered {
            arrival = arrival.max(line.last_arrival.0);
            line.last_arrival = Time(arrival);
        }
        Some(Time(arrival))
    }

    /// The same for a message without a body, where nothing is remembered of a link and its
    /// latency is drawn by region; `None` elsewhere. A simulation asks nothing so often.
    #[inline]
    pub fn quick_arrival(&self, from: NodeId, to: NodeId, now: Time) -> Option<Time> {
        let regions = self.regions.as_ref().filter(|_| self.is_quick)?;
        let latency = regions.sample(from, to, self.chance(from, to, (now, 0)));
        let arrival = now.0.saturating_add(latency);
        Some(Time(arrival.saturating_add(self.message_processing)))
    }

    /// The way of a body: over the uplink of one node and the downlink of the other.
    #[allow(clippy::too_many_arguments, reason = "two ends, a line, a message")]
    fn body(
        &self,
        from: NodeId,
        to: NodeId,
        sender: &mut NodeLines,
        receiver: Option<&mut NodeLines>,
        mut start: u64,
        latency: u64,
        bytes: u64,
    ) -> u64 {
        let (up, down) = match &self.lines {
            Some(lines) => (lines.up(from), lines.down(to)),
            None => (Cost::NONE, Cost::NONE),
        };
        let has_queue = up != Cost::NONE && self.uplink != Uplink::Parallel;
        if has_queue {
            start = start.max(sender.up_free_at.0);
        }
        let mut arrival = start.saturating_add(latency);
        if down != Cost::NONE
            && self.downlink == Downlink::Serial
            && let Some(receiver) = receiver
        {
            arrival = receiver.down.take(arrival, down.of(bytes));
        }
        arrival = arrival.saturating_add(up.max(down).of(bytes));
        arrival = arrival.saturating_add(self.body_processing);
        arrival = arrival.saturating_add(self.body_processing_cost.of(bytes));
        if has_queue {
            sender.up_free_at = Time(match self.uplink {
                Uplink::UntilArrival => arrival,
                _ => start.saturating_add(up.of(bytes)),
            });
        }
        arrival
    }

    /// A sample of the latency, in nanoseconds.
    #[inline]
    fn latency(&self, class: &Class, from: NodeId, to: NodeId, moment: (Time, u32)) -> u64 {
        let bits = || match class.per_link {
            true => draw(pair(self.links, from.min(to).0, from.max(to).0), 0),
            false => self.chance(from, to, moment),
        };
        match class.latency {
            Latency::Fixed(nanos) => nanos,
            Latency::Uniform(least, spread) => {
                let part = (u128::from(spread) * u128::from(bits())) >> 64;
                // Below the spread, which is 64 bits.
                #[allow(clippy::cast_possible_truncation)]
                let part = part as u64;
                rounded(least + part, class.round)
            }
            Latency::Curve(curve) => exact(curve, bits(), class.round),
            Latency::Regional => self.regions.as_ref().map_or(0, |regions| {
                let bits = if regions.is_fixed { 0 } else { bits() };
                regions.sample(from, to, bits)
            }),
        }
    }

    /// What chance says of a message from one node to another at this moment.
    #[inline]
    fn chance(&self, from: NodeId, to: NodeId, (now, question): (Time, u32)) -> u64 {
        draw(pair(self.directions, from.0, to.0) ^ now.0, question)
    }
}

impl Regions {
    #[inline]
    fn sample(&self, from: NodeId, to: NodeId, bits: u64) -> u64 {
        let of = |node: NodeId| usize::from(self.of[node.0 as usize]);
        self.tables.sample(of(from) * self.count + of(to), bits)
    }
}

impl Class {
    /// Whether a latency by region and by message is all there is to it.
    fn is_quick(&self) -> bool {
        matches!(self.latency, Latency::Regional)
            && !self.per_link
            && !self.ordered
            && self.line == Cost::NONE
            && self.loss == 0
    }

    fn new(latency: Latency, link: &Link) -> Class {
        // 2^63 for a loss of one, which every draw of 63 bits is below.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let loss = (link.loss * (1_u64 << 63) as f64) as u64;
        Class {
            latency,
            per_link: link.jitter.per_link,
            ordered: link.ordered,
            round: nanos(link.jitter.round).max(1),
            line: link.bandwidth_bits.map_or(Cost::NONE, Cost::of_bandwidth),
            loss,
        }
    }
}

impl Latency {
    fn of(link: &Link) -> Latency {
        let mean = nanos(link.latency);
        match link.jitter.kind {
            JitterKind::None => Latency::Fixed(rounded(mean, nanos(link.jitter.round).max(1))),
            JitterKind::Uniform { spread } => {
                let spread = nanos(spread).min(mean);
                Latency::Uniform(mean - spread, 2 * spread)
            }
            _ => Latency::Curve(curve(mean as f64, link.jitter)),
        }
    }
}

/// How the latency varies around a mean in nanoseconds.
fn curve(mean: f64, jitter: Jitter) -> Curve {
    match jitter.kind {
        JitterKind::None => Curve::Fixed(mean),
        JitterKind::Uniform { spread } => {
            let spread = (nanos(spread) as f64).min(mean);
            Curve::Uniform {
                least: mean - spread,
                most: mean + spread,
            }
        }
        JitterKind::Pareto { offset } => Curve::pareto(mean, nanos(offset) as f64),
        JitterKind::Lognormal { sigma } => Curve::lognormal(mean, sigma),
    }
}

fn rounded(nanos: u64, round: u64) -> u64 {
    match round {
        1 => nanos,
        round => nanos.saturating_add(round / 2) / round * round,
    }
}

pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
