//! Distributions, as they are written.

use std::fmt;

use schemars::JsonSchema;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Error, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use crate::quantity::{shortened, size_of_text};

/// A number, or a distribution that numbers are drawn from: evenly spaced quantiles, or a table.
#[derive(Clone, PartialEq, Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum DistributionValue {
    /// Always the same.
    Number(f64),
    /// Evenly spaced quantiles, ascending, from the least value to the greatest.
    List(Vec<f64>),
    /// Another form.
    Table(DistributionTable),
}

/// A distribution in one of these forms: `min` and `max`; `values` and `weights`; `cdf`; `mean`
/// and `deviation`, and maybe `min`.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DistributionTable {
    /// With `max`: uniform between the two. With `mean`: what is less is raised to it; default 0.
    pub min: Option<f64>,
    /// With `min`: uniform between the two.
    pub max: Option<f64>,
    /// Ascending values; between each and the next, numbers are uniform.
    pub values: Option<Vec<f64>>,
    /// How much lies between each of the `values` and the next: one number less than there.
    pub weights: Option<Vec<f64>>,
    /// For the whole numbers 1, 2, 3, ...: how much of all is at or below each; the last is 1.
    pub cdf: Option<Vec<f64>>,
    /// The mean of a normal distribution.
    pub mean: Option<f64>,
    /// Its standard deviation.
    pub deviation: Option<f64>,
}

/// A length in bytes, or a distribution of lengths.
#[derive(Clone, PartialEq, Debug, JsonSchema)]
#[serde(untagged)]
pub(crate) enum BytesValue {
    /// Always the same: a number and a unit.
    Size(#[schemars(with = "String")] u64),
    /// Numbers of bytes.
    Drawn(DistributionValue),
}

const FORM: &str =
    "a number, a list of quantiles such as [1, 2, 5], or a table such as { min = 1, max = 9 }";

impl<'de> Deserialize<'de> for DistributionValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = DistributionValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(FORM)
    }

    #[allow(clippy::cast_precision_loss, reason = "checked to be small")]
    fn visit_i64<E: Error>(self, number: i64) -> Result<DistributionValue, E> {
        Ok(DistributionValue::Number(number as f64))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<DistributionValue, E> {
        Ok(DistributionValue::Number(number))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<DistributionValue, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(items)).map(DistributionValue::List)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<DistributionValue, A::Error> {
        DistributionTable::deserialize(MapAccessDeserializer::new(map))
            .map(DistributionValue::Table)
    }
}

impl<'de> Deserialize<'de> for BytesValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BytesReader)
    }
}

struct BytesReader;

impl<'de> Visitor<'de> for BytesReader {
    type Value = BytesValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number of bytes such as 500 or \"500kB\", a list of quantiles, or a table such as { min = 1000, max = 9000 }")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<BytesValue, E> {
        size_of_text(text).map(BytesValue::Size).ok_or_else(|| {
            let text = shortened(text);
            E::invalid_value(Unexpected::Str(&text), &self)
        })
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<BytesValue, E> {
        Reader.visit_i64(number).map(BytesValue::Drawn)
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<BytesValue, E> {
        Reader.visit_f64(number).map(BytesValue::Drawn)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<BytesValue, A::Error> {
        Reader.visit_seq(items).map(BytesValue::Drawn)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<BytesValue, A::Error> {
        Reader.visit_map(map).map(BytesValue::Drawn)
    }
}
