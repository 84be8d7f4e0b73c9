//! Who is linked to whom, as it is written.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::quantity::shortened;

/// Who is linked to whom: a word, or a table for the kinds that have parameters.
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum TopologyValue {
    /// A kind without parameters.
    Word(TopologyWord),
    /// A kind with parameters.
    Table(TopologyTable),
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
}

/// The topologies with parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TopologyTable {
    /// `random` or `edges`, or a topology without parameters. Required.
    pub kind: TopologyKind,
    /// For `random`: how many links each node opens, 1 to 1000. The network is
    /// connected. Default: 4.
    pub degree: Option<i64>,
    /// For `edges`: the links, as pairs of nodes.
    pub edges: Option<Vec<Vec<i64>>>,
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
    /// Each node with some others, by chance.
    Random,
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
                    "\"full\", \"ring\", \"line\", \"star\", { kind = \"random\", degree = 4 } or { kind = \"edges\", edges = [[0, 1]] }",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<TopologyValue, E> {
                let word = match text {
                    "full" => TopologyWord::Full,
                    "ring" => TopologyWord::Ring,
                    "line" => TopologyWord::Line,
                    "star" => TopologyWord::Star,
                    _ => {
                        let text = shortened(text);
                        return Err(E::invalid_value(serde::de::Unexpected::Str(&text), &self));
                    }
                };
                Ok(TopologyValue::Word(word))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<TopologyValue, A::Error> {
                TopologyTable::deserialize(MapAccessDeserializer::new(map))
                    .map(TopologyValue::Table)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
