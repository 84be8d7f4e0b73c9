//! Numbers with a unit, as text: `"40ms"`, `"1.5M"`, `"10Mbit/s"`, `"500kB"`.
//!
//! Each is parsed exactly once, where serde meets it, and is a plain number afterwards.
//! Durations, sizes and bandwidths are read as decimal digits, without floating point:
//! `"0.1s"` is a tenth of a second, not nearly one.

mod reader;

use std::time::Duration;

use forkful_core::Timestamp;

use crate::node_set::NodeSet;

/// How fast a network or a node searches.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum HashRate {
    /// As fast as the machine can.
    Unlimited,
    /// So many tries per second; zero does not mine. Finite, at most 10^24.
    PerSecond(f64),
}

impl HashRate {
    /// The most tries per second that may be asked for.
    pub const MAX: f64 = 1e24;

    /// Tries per second; `None` if it is unlimited.
    pub fn tries_per_second(self) -> Option<f64> {
        match self {
            HashRate::Unlimited => None,
            HashRate::PerSecond(rate) => Some(rate),
        }
    }

    /// This rate times `share`; nothing times unlimited is nothing.
    pub fn share(self, share: f64) -> HashRate {
        match self {
            HashRate::PerSecond(rate) => HashRate::PerSecond(rate * share),
            HashRate::Unlimited if share > 0.0 => HashRate::Unlimited,
            HashRate::Unlimited => HashRate::PerSecond(0.0),
        }
    }

    /// Whether it is above zero.
    pub fn mines(self) -> bool {
        match self {
            HashRate::Unlimited => true,
            HashRate::PerSecond(rate) => rate > 0.0,
        }
    }
}

/// A duration of at most ten years.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Span(pub Duration);

/// A duration of at most ten years, or `"off"`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SpanOrOff(pub Option<Duration>);

/// A signed duration in milliseconds, at most ten years either way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Skew(pub i64);

/// Tries per second.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Rate(pub HashRate);

/// A length in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Size(pub u64);

/// Bits per second, above zero.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Bandwidth(pub u64);

/// A number from 0 to 1.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Fraction(pub f64);

/// When genesis was: `None` is the start of the run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Genesis(pub Option<Timestamp>);

/// The nodes that something is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Nodes(pub NodeSet);

/// Ten years of 365.25 days, in nanoseconds.
const SPAN_NS_MAX: u64 = 315_576_000_000_000_000;

/// The longest duration that a scenario can name: ten years.
pub(crate) const SPAN_MAX: Duration = Duration::from_nanos(SPAN_NS_MAX);

/// The last timestamp a genesis may have: the year 2286, in milliseconds.
const GENESIS_MS_MAX: u64 = 9_999_999_999_999;

const TIME_UNITS: &[(&str, u64)] = &[
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

const SIZE_UNITS: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

const BANDWIDTH_UNITS: &[(&str, u64)] = &[
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
    ("B/s", 8),
    ("kB/s", 8_000),
    ("MB/s", 8_000_000),
    ("GB/s", 8_000_000_000),
];

/// A value as TOML has it, before it is a quantity.
enum Raw<'a> {
    Text(&'a str),
    Integer(i64),
    Float(f64),
}

/// A quantity that is written as one TOML string or number.
trait Quantity: Sized {
    /// What a right value looks like, for errors and for the schema.
    const FORM: &'static str;
    /// The types of JSON it may be.
    const TYPES: &'static [&'static str];

    fn read(raw: Raw<'_>) -> Option<Self>;
}

impl Quantity for Span {
    const FORM: &'static str =
        "a duration of at most ten years such as \"40ms\", \"1.5s\", \"10min\", \"1h\" or \"2d\"";
    const TYPES: &'static [&'static str] = &["string"];

    fn read(raw: Raw<'_>) -> Option<Self> {
        let Raw::Text(text) = raw else { return None };
        let nanos = with_unit(text, TIME_UNITS)?;
        (nanos <= SPAN_NS_MAX).then(|| Span(Duration::from_nanos(nanos)))
    }
}

impl Quantity for SpanOrOff {
    const FORM: &'static str = "\"off\", or a duration such as \"500ms\" or \"2s\"";
    const TYPES: &'static [&'static str] = &["string"];

    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Text("off") => Some(SpanOrOff(None)),
            raw => Span::read(raw).map(|span| SpanOrOff(Some(span.0))),
        }
    }
}

impl Quantity for Skew {
    const FORM: &'static str = "a duration, maybe negative, such as \"-30s\" or \"1.5h\"";
    const TYPES: &'static [&'static str] = &["string"];

    fn read(raw: Raw<'_>) -> Option<Self> {
        let Raw::Text(text) = raw else { return None };
        let (sign, text) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let span = Span::read(Raw::Text(text))?;
        let millis = i64::try_from(span.0.as_millis()).ok()?;
        Some(Skew(sign * millis))
    }
}

impl Quantity for Rate {
    const FORM: &'static str = "\"unlimited\", or tries per second from 0 to 1e24 such as 500, \"20k\", \"1.5M\" or \"2G\"";
    const TYPES: &'static [&'static str] = &["string", "number"];

    fn read(raw: Raw<'_>) -> Option<Self> {
        let rate = match raw {
            Raw::Text("unlimited") => return Some(Rate(HashRate::Unlimited)),
            Raw::Text(text) => tries_per_second(text)?,
            #[allow(clippy::cast_precision_loss, reason = "a rate is not exact")]
            Raw::Integer(number) => number as f64,
            Raw::Float(number) => number,
        };
        // NaN is in no range.
        (0.0..=HashRate::MAX)
            .contains(&rate)
            .then_some(Rate(HashRate::PerSecond(rate)))
    }
}

impl Quantity for Size {
    const FORM: &'static str = "a number of bytes such as 500, \"500kB\", \"64KiB\" or \"1MB\"";
    const TYPES: &'static [&'static str] = &["string", "integer"];

    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Text(text) => with_unit(text, SIZE_UNITS).map(Size),
            Raw::Integer(bytes) => u64::try_from(bytes).ok().map(Size),
            Raw::Float(_) => None,
        }
    }
}

impl Quantity for Bandwidth {
    const FORM: &'static str =
        "a bandwidth above zero such as \"10Mbit/s\", \"56kbit/s\" or \"1.25MB/s\"";
    const TYPES: &'static [&'static str] = &["string"];

    fn read(raw: Raw<'_>) -> Option<Self> {
        let Raw::Text(text) = raw else { return None };
        let bits = with_unit(text, BANDWIDTH_UNITS)?;
        (bits > 0).then_some(Bandwidth(bits))
    }
}

impl Quantity for Fraction {
    const FORM: &'static str = "a number from 0 to 1 such as 0.05, or \"5%\"";
    const TYPES: &'static [&'static str] = &["string", "number"];

    fn read(raw: Raw<'_>) -> Option<Self> {
        let number = match raw {
            Raw::Text(text) => decimal(text.strip_suffix('%')?.trim_end())? / 100.0,
            #[allow(clippy::cast_precision_loss, reason = "only 0 and 1 are let through")]
            Raw::Integer(number) => number as f64,
            Raw::Float(number) => number,
        };
        (0.0..=1.0).contains(&number).then_some(Fraction(number))
    }
}

impl Quantity for Genesis {
    const FORM: &'static str =
        "\"start\", or milliseconds since the Unix epoch, from 0 to 9999999999999";
    const TYPES: &'static [&'static str] = &["string", "integer"];

    fn read(raw: Raw<'_>) -> Option<Self> {
        match raw {
            Raw::Text("start") => Some(Genesis(None)),
            Raw::Integer(millis) => u64::try_from(millis)
                .ok()
                .filter(|millis| *millis <= GENESIS_MS_MAX)
                .map(|millis| Genesis(Some(Timestamp(millis)))),
            _ => None,
        }
    }
}

/// A length in bytes as text, such as "500kB".
pub(crate) fn size_of_text(text: &str) -> Option<u64> {
    with_unit(text, SIZE_UNITS)
}

/// Text from a file, short enough to be repeated in an error.
pub(crate) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// Reads `<decimal><unit>` exactly. `None` when it is not written so, is too large, or
/// is finer than the unit's own base.
fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start();
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = match number.split_once('.') {
        Some((_, "")) => return None,
        Some((whole, fraction)) => (whole, fraction),
        None => (number, ""),
    };
    if fraction.len() > 9 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut value = whole.parse::<u64>().ok()?.checked_mul(*scale)?;
    if !fraction.is_empty() {
        let ten_to = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        let parts = fraction.parse::<u128>().ok()? * u128::from(*scale);
        if parts % ten_to != 0 {
            return None;
        }
        value = value.checked_add(u64::try_from(parts / ten_to).ok()?)?;
    }
    Some(value)
}

fn tries_per_second(text: &str) -> Option<f64> {
    let (number, scale) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 1e3),
        b'M' => (&text[..text.len() - 1], 1e6),
        b'G' => (&text[..text.len() - 1], 1e9),
        b'T' => (&text[..text.len() - 1], 1e12),
        _ => (text, 1.0),
    };
    Some(decimal(number.trim_end())? * scale)
}

/// A decimal number without sign, exponent, "inf" or "nan".
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let plain = text
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let framed = text.starts_with(|c: char| c.is_ascii_digit()) && !text.ends_with('.');
    (plain && framed).then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(text: &str) -> Option<Duration> {
        Span::read(Raw::Text(text)).map(|span| span.0)
    }

    #[test]
    fn durations_are_exact() {
        assert_eq!(span("40ms"), Some(Duration::from_millis(40)));
        assert_eq!(span("0.1s"), Some(Duration::from_millis(100)));
        assert_eq!(span("1.5 min"), Some(Duration::from_secs(90)));
        assert_eq!(span("0.001us"), Some(Duration::from_nanos(1)));
        assert_eq!(span("3652.5d"), Some(Duration::from_nanos(SPAN_NS_MAX)));
    }

    #[test]
    fn what_is_no_duration_is_refused() {
        for text in [
            "",
            "40",
            "ms",
            "-1s",
            "+1s",
            "1.s",
            ".5s",
            "1.2.3s",
            "1e3s",
            "NaNs",
            "infs",
            "40 m s",
            "3652.6d",
            "99999999999999999999s",
            "0.0001us",
            "1s ",
            "١s",
            "1.0000000000s",
        ] {
            assert_eq!(span(text), None, "{text}");
        }
    }

    #[test]
    fn rates_sizes_and_bandwidths_have_their_units() {
        let rate = |text| Rate::read(Raw::Text(text)).map(|rate| rate.0);
        assert_eq!(rate("20k"), Some(HashRate::PerSecond(20_000.0)));
        assert_eq!(rate("1.5M"), Some(HashRate::PerSecond(1_500_000.0)));
        assert_eq!(rate("unlimited"), Some(HashRate::Unlimited));
        for text in ["", "k", "-1k", "1e5", "nan", "inf", "1.k", "20 kH"] {
            assert_eq!(rate(text), None, "{text}");
        }
        assert_eq!(Rate::read(Raw::Float(f64::NAN)), None);
        assert_eq!(Rate::read(Raw::Float(f64::INFINITY)), None);
        assert_eq!(Size::read(Raw::Text("64KiB")), Some(Size(65_536)));
        assert_eq!(Size::read(Raw::Text("1.5kB")), Some(Size(1_500)));
        assert_eq!(Size::read(Raw::Text("1.5B")), None);
        let bandwidth = Bandwidth::read(Raw::Text("1.25MB/s"));
        assert_eq!(bandwidth, Some(Bandwidth(10_000_000)));
        assert_eq!(Bandwidth::read(Raw::Text("0bit/s")), None);
        assert_eq!(Fraction::read(Raw::Text("2.5%")), Some(Fraction(0.025)));
        assert_eq!(Fraction::read(Raw::Float(1.01)), None);
        assert_eq!(Skew::read(Raw::Text("-1.5s")), Some(Skew(-1_500)));
    }

    #[test]
    fn nothing_of_everything_is_nothing() {
        assert!(!HashRate::Unlimited.share(0.0).mines());
        assert_eq!(
            HashRate::PerSecond(8.0).share(0.25),
            HashRate::PerSecond(2.0)
        );
    }
}
