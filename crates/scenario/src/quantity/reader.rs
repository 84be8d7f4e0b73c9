//! How serde reads a quantity, and its JSON Schema.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, SeqAccess, Visitor, value::SeqAccessDeserializer};
use serde::{Deserialize, Deserializer};

use super::{
    Bandwidth, Fraction, Genesis, Nodes, Quantity, Rate, Raw, Size, Skew, Span, SpanOrOff,
    shortened,
};
use crate::node_set::NodeSet;

/// Serde and schema for the quantities, which differ only in how they are read.
macro_rules! quantities {
    ($($type:ident),*) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Reader(std::marker::PhantomData))
            }
        }

        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                match Self::TYPES {
                    [only] => json_schema!({ "type": only }),
                    types => json_schema!({ "type": types }),
                }
            }
        }
    )*};
}

quantities!(
    Span, SpanOrOff, Skew, Rate, Size, Bandwidth, Fraction, Genesis
);

struct Reader<Q>(std::marker::PhantomData<Q>);

impl<Q: Quantity> Reader<Q> {
    fn read<E: Error>(raw: Raw<'_>, found: impl fmt::Display) -> Result<Q, E> {
        Q::read(raw).ok_or_else(|| E::custom(format_args!("expected {}, not {found}", Q::FORM)))
    }
}

impl<Q: Quantity> Visitor<'_> for Reader<Q> {
    type Value = Q;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Q::FORM)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Q, E> {
        Self::read(Raw::Text(text), format_args!("{:?}", shortened(text)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Q, E> {
        Self::read(Raw::Integer(number), number)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Q, E> {
        Self::read(Raw::Float(number), number)
    }
}

const NODES_FORM: &str =
    "nodes such as 3, [0, 1] or \"0..4, 7\" (0..4 is 0, 1, 2 and 3; at least one)";

impl<'de> Deserialize<'de> for Nodes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodesReader)
    }
}

struct NodesReader;

impl<'de> Visitor<'de> for NodesReader {
    type Value = Nodes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NODES_FORM)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Nodes, E> {
        NodeSet::parse(text).map(Nodes).ok_or_else(|| {
            E::custom(format_args!(
                "expected {NODES_FORM}, not {:?}",
                shortened(text)
            ))
        })
    }

    fn visit_i64<E: Error>(self, node: i64) -> Result<Nodes, E> {
        NodeSet::parse(&node.to_string())
            .map(Nodes)
            .ok_or_else(|| E::custom(format_args!("expected {NODES_FORM}, not {node}")))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Nodes, A::Error> {
        // Each item is a node or, as in `groups = [["0..4"], ["4..8"]]`, a set again.
        let items = Vec::<NodesItem>::deserialize(SeqAccessDeserializer::new(items))?;
        if items.is_empty() {
            return Err(A::Error::custom(format_args!(
                "expected {NODES_FORM}, not []"
            )));
        }
        let ranges = items.into_iter().flat_map(|item| item.0.into_ranges());
        Ok(Nodes(NodeSet::new(ranges.collect())))
    }
}

/// One item of a list of nodes: a node or a range, but not a list again.
struct NodesItem(NodeSet);

impl<'de> Deserialize<'de> for NodesItem {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ItemReader;
        impl Visitor<'_> for ItemReader {
            type Value = NodesItem;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(NODES_FORM)
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<NodesItem, E> {
                NodesReader.visit_str(text).map(|nodes| NodesItem(nodes.0))
            }

            fn visit_i64<E: Error>(self, node: i64) -> Result<NodesItem, E> {
                NodesReader.visit_i64(node).map(|nodes| NodesItem(nodes.0))
            }
        }
        deserializer.deserialize_any(ItemReader)
    }
}

impl JsonSchema for Nodes {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Nodes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["string", "integer", "array"],
            "items": { "type": ["string", "integer"] },
        })
    }
}
