//! How a node behaves, as it is written.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// How a node behaves: a word, or a table for the kinds that have parameters.
#[derive(Clone, Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum StrategyValue {
    /// A kind, its parameters by default.
    Word(StrategyWord),
    /// A kind with parameters.
    Table(StrategyTable),
}

/// A strategy with parameters.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StrategyTable {
    /// Which strategy. Required.
    pub kind: StrategyWord,
    /// For `stubborn`: whether it is lead-stubborn. Default: false.
    pub lead: Option<bool>,
    /// For `stubborn`: whether it is equal-fork-stubborn. Default: false.
    pub equal_fork: Option<bool>,
    /// For `stubborn` and `trail-stubborn`: how many blocks behind it goes on, 0 to 1000.
    /// Default: 0 for `stubborn`, 1 for `trail-stubborn`.
    pub trail: Option<i64>,
    /// For `double-spend`: the confirmations that the merchant waits for, 1 to 1000.
    /// Default: 6.
    pub confirmations: Option<i64>,
    /// For `double-spend`: how many blocks behind the attempt is given up, 1 to 1000.
    /// Default: 20.
    pub give_up: Option<i64>,
}

/// Every strategy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StrategyWord {
    /// By the protocol.
    Honest,
    /// Selfish mining, SM1.
    Selfish,
    /// Selfish, and does not cash in a lead that shrinks to one block.
    LeadStubborn,
    /// Selfish, and does not publish the block that would win an equal fork.
    EqualForkStubborn,
    /// Selfish, and goes on with a branch that is behind.
    TrailStubborn,
    /// Selfish, and stubborn in the ways that are given.
    Stubborn,
    /// Mines a private branch to undo confirmed blocks, again and again.
    DoubleSpend,
    /// Claims timestamps that lower the difficulty of the rule `bitcoin`.
    TimeWarp,
}

impl<'de> Deserialize<'de> for StrategyValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> Visitor<'de> for Reader {
            type Value = StrategyValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "\"honest\", \"selfish\" or { kind = \"double-spend\", confirmations = 6 }",
                )
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<StrategyValue, E> {
                StrategyWord::deserialize(StrDeserializer::new(text)).map(StrategyValue::Word)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<StrategyValue, A::Error> {
                StrategyTable::deserialize(MapAccessDeserializer::new(map))
                    .map(StrategyValue::Table)
            }
        }
        deserializer.deserialize_any(Reader)
    }
}
