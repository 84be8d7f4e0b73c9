//! The nodes of a scenario and what connects them, checked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use forkful_core::NodeId;

use crate::block_bytes::BlockBytes;
use crate::regions::RegionTable;
use crate::topology::Topology;
use crate::traffic::{Downlink, Uplink};

/// The nodes and what connects them.
#[derive(Clone, Debug)]
pub struct Network {
    /// How many nodes: at least 1.
    pub nodes: u32,
    /// Who is linked to whom.
    pub topology: Topology,
    /// Messages that a node's inbox holds: at least 1.
    pub inbox: usize,
    /// What a link is like unless [`links`](Self::links) says otherwise.
    pub link: Link,
    /// Links that differ; the lower node of each pair first.
    pub links: BTreeMap<(NodeId, NodeId), SpecialLink>,
    /// Where the nodes are: then latencies are those between regions, and not the link's.
    pub regions: Option<Arc<RegionTable>>,
    /// How a node sends several bodies.
    pub uplink: Uplink,
    /// How a node receives several bodies.
    pub downlink: Downlink,
    /// What receivers spend on messages.
    pub processing: Processing,
    /// What blocks weigh on links beyond their own length.
    pub block_bytes: BlockBytes,
}

/// What a link is like, in each of its two directions.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Link {
    /// The mean time a message is under way.
    pub latency: Duration,
    /// How the time under way strays from the mean.
    pub jitter: Jitter,
    /// Bits per second in each direction, above zero; `None` is unlimited.
    pub bandwidth_bits: Option<u64>,
    /// The probability that a message is lost, from 0 to 1.
    pub loss: f64,
    /// Whether the messages of one direction never overtake each other, as over TCP.
    pub ordered: bool,
}

/// A link that differs from the others.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct SpecialLink {
    /// What it is like.
    pub link: Link,
    /// Whether its latency is its own, even where the others' is that of their regions.
    pub has_latency: bool,
}

/// How the time under way strays from its mean.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Jitter {
    /// By which law.
    pub kind: JitterKind,
    /// Drawn once for a link and the same in both directions, not for each message.
    pub per_link: bool,
    /// Samples are rounded to multiples of it; zero is a nanosecond.
    pub round: Duration,
}

/// By which law the time under way varies.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum JitterKind {
    /// Not at all.
    None,
    /// Uniform between the mean less the spread and the mean plus the spread; where the
    /// mean is smaller than the spread, between 0 and twice the mean.
    Uniform {
        /// At most how far from the mean.
        spread: Duration,
    },
    /// Pareto with scale mean - offset and shape mean / offset, so that its mean is the mean.
    Pareto {
        /// How far the least value is below the mean: less than any mean.
        offset: Duration,
    },
    /// Lognormal.
    Lognormal {
        /// The standard deviation of the logarithm.
        sigma: f64,
    },
}

/// What receivers spend on messages before they act on them. All messages at once: nobody waits for
/// another message to be processed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Processing {
    /// On one without a body.
    pub message: Duration,
    /// On one with a body.
    pub block: Duration,
    /// On every million bytes of one with a body, in addition.
    pub block_per_megabyte: Duration,
}

impl Jitter {
    /// None at all.
    pub const NONE: Jitter = Jitter {
        kind: JitterKind::None,
        per_link: false,
        round: Duration::ZERO,
    };
}

impl Link {
    pub(crate) fn with_latency(self, latency: Duration) -> Link {
        Link { latency, ..self }
    }
}
