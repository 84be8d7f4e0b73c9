//! The `[network]` table and the lists about its links and nodes, as they are written.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::distribution::{BytesValue, DistributionValue};
use super::topology::TopologyValue;
use super::{RelayWord, StrategyValue};
use crate::quantity::{Bandwidth, Fraction, Nodes, Size, Skew, Span};
use crate::traffic::{Downlink, Uplink};

/// The nodes and what connects them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct NetworkTable {
    /// How many nodes: 1 to 1000000 (500 in `mesh`, 100 in `tcp`). Default: 8.
    pub nodes: Option<i64>,
    /// Who is linked to whom. Default: "full".
    pub topology: Option<TopologyValue>,
    /// How many messages a node's inbox holds before it drops more: 1 to 65536.
    /// Default: 256.
    pub inbox: Option<i64>,
    /// What every link is like.
    pub link: LinkTable,
    /// Where the nodes are, how far it is from region to region, and how fast nodes send and
    /// receive: the name of a table that comes with forkful, the path of a file, or a table.
    /// Default: none; every link is as `link` says.
    pub regions: Option<RegionsValue>,
    /// How a node with a limited upload sends several blocks. Default: "serial".
    pub uplink: Option<UplinkWord>,
    /// How a node with a limited download receives several blocks. Default: "parallel".
    pub downlink: Option<DownlinkWord>,
    /// What a receiver spends on a message before it acts on it. Default: nothing.
    pub processing: ProcessingTable,
    /// What a block weighs on links beyond its own length: a length, or a distribution that each
    /// block draws from. Default: that of `regions`, or nothing.
    pub block_bytes: Option<BytesValue>,
    /// What `block_bytes` is multiplied by: 1e-6 to 1e6. Default: 1.
    pub block_scale: Option<f64>,
    /// What a block in compact form weighs on links beyond its own length. Default: nothing.
    pub compact_bytes: Option<Size>,
    /// For `relay.compact_failure`: how much of a block's weight is missing when a compact
    /// block was not enough, 0 to 1; a number, or a distribution that each block and
    /// receiver draws from. Default: 0.
    pub compact_missing: Option<DistributionValue>,
}

/// How a node sends several blocks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum UplinkWord {
    /// Each at full speed.
    Parallel,
    /// The next starts when this one has left.
    Serial,
    /// The next starts when this one has arrived.
    UntilArrival,
}

impl From<UplinkWord> for Uplink {
    fn from(word: UplinkWord) -> Uplink {
        match word {
            UplinkWord::Parallel => Uplink::Parallel,
            UplinkWord::Serial => Uplink::Serial,
            UplinkWord::UntilArrival => Uplink::UntilArrival,
        }
    }
}

/// How a node receives several blocks.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DownlinkWord {
    /// Each at full speed.
    Parallel,
    /// One after the other.
    Serial,
}

impl From<DownlinkWord> for Downlink {
    fn from(word: DownlinkWord) -> Downlink {
        match word {
            DownlinkWord::Parallel => Downlink::Parallel,
            DownlinkWord::Serial => Downlink::Serial,
        }
    }
}

/// What a receiver spends on a message before it acts on it: durations to one day. One message
/// does not wait for another.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ProcessingTable {
    /// On a message without the body of a block. Default: "0s".
    pub message: Option<Span>,
    /// On a message with the body of a block. Default: "0s".
    pub block: Option<Span>,
    /// On every million bytes of a message with the body of a block, in addition: what it takes to
    /// check it. Default: "0s".
    pub block_per_megabyte: Option<Span>,
}

/// What a link is like, in each of its two directions.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LinkTable {
    /// The mean time a message is under way: a duration. Default: "40ms". With `regions` the
    /// latency is theirs, and this is an error.
    pub latency: Option<Span>,
    /// How the time under way strays from the mean: a duration, then uniform between
    /// latency - jitter and latency + jitter; or a table. Default: "0ms".
    pub jitter: Option<JitterValue>,
    /// What each direction carries, one message after the other: bits or bytes per
    /// second. Default: unlimited.
    pub bandwidth: Option<Bandwidth>,
    /// The probability that a message is lost: 0 to 1, or a percentage. Default: 0.
    pub loss: Option<Fraction>,
    /// Whether the messages of one direction never overtake each other, as over TCP.
    /// Default: true; with `regions` false.
    pub ordered: Option<bool>,
}

/// A link that differs from `network.link`, in both directions.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinksTable {
    /// The two ends: two nodes that the topology links. Required. Where chance decides who is
    /// linked, these two are.
    pub between: Vec<i64>,
    /// As in `network.link`, which is the default; or what the list of links says.
    pub latency: Option<Span>,
    /// As in `network.link`, which is the default. With regions it needs a latency.
    pub jitter: Option<JitterValue>,
    /// As in `network.link`, which is the default.
    pub bandwidth: Option<Bandwidth>,
    /// As in `network.link`, which is the default.
    pub loss: Option<Fraction>,
    /// As in `network.link`, which is the default.
    pub ordered: Option<bool>,
}

/// How the time under way strays from its mean: a duration or a table.
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum JitterValue {
    /// Uniform, so far in each direction.
    Spread(Span),
    /// By a law.
    Table(JitterTable),
}

/// How the time under way strays from its mean.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct JitterTable {
    /// By which law. Required.
    pub kind: JitterWord,
    /// For `uniform`: how far from the mean, at most. Required there.
    pub spread: Option<Span>,
    /// For `pareto`: the least value is the mean less this, and the shape is the mean over this, so
    /// that the mean is the mean. Less than any latency. Default: "5ms".
    pub offset: Option<Span>,
    /// For `lognormal`: the standard deviation of the logarithm, 0.001 to 4. Default: 0.5.
    pub sigma: Option<f64>,
    /// Whether each message draws, or each link once. Default: "message".
    pub per: Option<PerWord>,
    /// Samples are rounded to multiples of this, "1us" to "1s". Default: exact.
    pub round: Option<Span>,
}

/// By which law a time strays.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum JitterWord {
    /// Not at all.
    None,
    /// Uniform.
    Uniform,
    /// Pareto: most samples near the least, and a long tail.
    Pareto,
    /// Lognormal.
    Lognormal,
}

/// Who draws a latency.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PerWord {
    /// Each message its own.
    Message,
    /// Each link once: the same for all messages and in both directions.
    Link,
}

impl<'de> Deserialize<'de> for JitterValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = JitterValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a duration such as \"20ms\", or a table such as { kind = \"pareto\" }")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<JitterValue, E> {
                let text = serde::de::value::StrDeserializer::new(text);
                Span::deserialize(text).map(JitterValue::Spread)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<JitterValue, A::Error> {
                JitterTable::deserialize(MapAccessDeserializer::new(map)).map(JitterValue::Table)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Regions by name, by file or as a table.
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum RegionsValue {
    /// The name of a table that comes with forkful, or the path of a file.
    Name(String),
    /// The table itself.
    Table(Box<RegionsTable>),
}

/// A network's regions: also the form of a file of its own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RegionsTable {
    /// What the network is called. Default: none.
    pub name: Option<String>,
    /// What it is, in one sentence of at most 200 characters. Default: none.
    pub about: Option<String>,
    /// Where its numbers come from. Default: none.
    pub source: Option<String>,
    /// What the regions are called: 1 to 64 names. Required.
    pub names: Vec<String>,
    /// How much of all nodes each region has, in relation to the others: numbers from 0.
    /// Required.
    pub share: Vec<f64>,
    /// The mean time under way from each region (a row) to each (a column), in milliseconds, to
    /// one day. Required.
    pub latency_ms: Vec<Vec<f64>>,
    /// What a node of each region sends, in Mbit/s: a number, or a distribution that each node
    /// draws from; above 0, to 1e6. Default: unlimited.
    pub upload_mbit_per_s: Option<Vec<DistributionValue>>,
    /// What a node of each region receives, in Mbit/s. Default: unlimited.
    pub download_mbit_per_s: Option<Vec<DistributionValue>>,
    /// How many links a node opens in a `random` topology that does not say it: 1 to 1000.
    /// Default: none.
    pub degree: Option<DistributionValue>,
    /// The same for the `min_links` of a `bounded` topology. Default: none.
    pub min_links: Option<DistributionValue>,
    /// The same for its `max_links`. Default: none.
    pub max_links: Option<DistributionValue>,
    /// What a block weighs, in bytes, where `network.block_bytes` does not say it. Default: none.
    pub block_bytes: Option<DistributionValue>,
}

impl<'de> Deserialize<'de> for RegionsValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = RegionsValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "the name of a table, the path of a file such as \"./mine.toml\", or a table",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<RegionsValue, E> {
                Ok(RegionsValue::Name(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RegionsValue, A::Error> {
                RegionsTable::deserialize(MapAccessDeserializer::new(map))
                    .map(|table| RegionsValue::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// Nodes that differ from the others. A later table overrides an earlier one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NodesTable {
    /// Which: `3`, `[0, 1]` or `"0..4, 7"`. Default: all.
    pub nodes: Option<Nodes>,
    /// How many of these, each by chance: 0 to 1, or a percentage. Default: 1.
    pub share: Option<Fraction>,
    /// Their part of the network's hash rate, each, in relation to the other nodes':
    /// 0 to 1e12; 0 does not mine. Default: 1, or what `mining.hash_shares` draws.
    pub hash_share: Option<f64>,
    /// How they behave. Default: "honest".
    pub strategy: Option<StrategyValue>,
    /// Their relay policy. Default: `relay.policy`.
    pub relay: Option<RelayWord>,
    /// How likely a compact block is not enough for them. Default: `relay.compact_failure`.
    pub compact_failure: Option<Fraction>,
    /// How far their clocks are ahead of the true time: a duration, negative if behind.
    /// Default: "0s".
    pub clock_skew: Option<Skew>,
    /// Their region, by its name in `network.regions`. Default: by chance, by the shares.
    pub region: Option<String>,
    /// What each of them sends: bits or bytes per second. Default: their region's, or unlimited.
    pub upload: Option<Bandwidth>,
    /// What each of them receives. Default: their region's, or unlimited.
    pub download: Option<Bandwidth>,
    /// How many links each opens in a `random` topology; in a `bounded` one the least and the
    /// greatest number that it has, as `{ min = 700, max = 800 }`: 1 to 16384.
    /// Default: the topology's.
    pub degree: Option<DistributionValue>,
}
