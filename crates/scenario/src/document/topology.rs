//! Who is linked to whom, as it is written.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::distribution::DistributionValue;
use crate::quantity::{Fraction, Nodes, shortened};

/// Who is linked to whom: a word, or a table for the kinds that have parameters.
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TopologyValue {
    /// A kind without parameters.
    Word(TopologyWord),
    /// A kind with parameters.
    Table(Box<TopologyTable>),
}

/// The topologies without parameters.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TopologyWord {
    /// Every node with every other.
    Full,
    /// Each node with the next, and the last with the first.
    Ring,
    /// Each node with the next.
    Line,
    /// Node 0 with every other.
    Star,
    /// Each node with some others, by chance.
    Random,
    /// Each node with at least some others, and not with too many, by chance.
    Bounded,
}

/// The topologies with parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopologyTable {
    /// Which. Required.
    pub kind: TopologyKind,
    /// For `random`: how many links each node opens, a number or a distribution; for
    /// `scale-free` a number. 1 to 1000. Default: that of `network.regions`, or 4.
    pub degree: Option<DistributionValue>,
    /// For `bounded`: how many links a node has at least, counting those that others opened: a
    /// number or a distribution, 1 to 16384. Default: that of `network.regions`, or 4.
    pub min_links: Option<DistributionValue>,
    /// For `bounded`: how many it has at most, drawn with the same luck.
    /// Default: that of `network.regions`, or 16.
    pub max_links: Option<DistributionValue>,
    /// For `random` and `bounded`: nodes that are all linked with each other. At most 6000.
    /// Default: none.
    pub interlinked: Option<Nodes>,
    /// For `small-world`: how many of the nearest nodes of a ring a node is linked with, half of
    /// them on each side: an even number from 2 to 1000. Default: 4.
    pub neighbours: Option<i64>,
    /// For `small-world`: the probability that such a link leads to a node by chance instead.
    /// Default: 0.1.
    pub rewire: Option<Fraction>,
    /// For `edges`: the links, as pairs of nodes.
    pub edges: Option<Vec<Vec<i64>>>,
    /// For `edges`: a file with the links instead, two nodes on each line, and maybe a latency in
    /// milliseconds.
    pub file: Option<String>,
}

/// Every topology.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TopologyKind {
    /// Every node with every other.
    Full,
    /// Each node with the next, and the last with the first.
    Ring,
    /// Each node with the next.
    Line,
    /// Node 0 with every other.
    Star,
    /// Each node opens links to some others, by chance.
    Random,
    /// Each node with at least some others, and not with too many, by chance.
    Bounded,
    /// A ring with short cuts: Watts and Strogatz.
    SmallWorld,
    /// A network with hubs: Barabasi and Albert.
    ScaleFree,
    /// As listed.
    Edges,
}

impl<'de> Deserialize<'de> for TopologyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = TopologyValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "\"full\", \"ring\", \"line\", \"star\", \"random\", \"bounded\", { kind = \"random\", degree = 4 } or { kind = \"edges\", edges = [[0, 1]] }",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<TopologyValue, E> {
                let word = match text {
                    "full" => TopologyWord::Full,
                    "ring" => TopologyWord::Ring,
                    "line" => TopologyWord::Line,
                    "star" => TopologyWord::Star,
                    "random" => TopologyWord::Random,
                    "bounded" => TopologyWord::Bounded,
                    _ => {
                        let text = shortened(text);
                        return Err(E::invalid_value(serde::de::Unexpected::Str(&text), &self));
                    }
                };
                Ok(TopologyValue::Word(word))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TopologyValue, A::Error> {
                TopologyTable::deserialize(MapAccessDeserializer::new(map))
                    .map(|table| TopologyValue::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
