//! A line as any JSON of the right form, and what is wrong with one that is not.

use std::fmt;

use forkful_core::{Entry, Hash, limits};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use crate::chain_file::Line;

/// What is wrong with the form of a line, and where.
#[derive(PartialEq, Eq, Debug)]
pub struct WrongForm {
    /// The column in bytes, from 1.
    pub column: usize,
    /// The field, such as `hash` or `entries[2]`; empty when it is none.
    pub field: String,
    /// What is wrong there.
    pub problem: String,
}

/// Reads a line.
pub fn line(text: &[u8]) -> Result<Line, WrongForm> {
    // serde would take the bare values in a list too.
    let column = 1 + text
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace())
        .count();
    if text.get(column - 1) != Some(&b'{') {
        return Err(WrongForm {
            column,
            field: String::new(),
            problem: "this is not a JSON object".to_owned(),
        });
    }
    serde_json::from_slice(text).map_err(|error| wrong_form(text, error))
}

/// Reads once more, now noting the field, for that takes time.
fn wrong_form(text: &[u8], error: serde_json::Error) -> WrongForm {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let (error, path) = match serde_path_to_error::deserialize::<_, Line>(&mut reader) {
        // The line is right, and what comes after it is not.
        Ok(_) => (error, String::new()),
        Err(error) => {
            let path = error.path().to_string();
            (error.into_inner(), path)
        }
    };
    let place = format!(" at line {} column {}", error.line(), error.column());
    WrongForm {
        column: error.column(),
        field: if path == "." { String::new() } else { path },
        problem: error.to_string().replace(&place, ""),
    }
}

/// A hash in hex.
pub fn hash<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Hash, D::Error> {
    struct Hex;
    impl Visitor<'_> for Hex {
        type Value = Hash;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("64 hex digits")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Hash, E> {
            text.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Hex)
}

/// Entries in hex, no more than a message can carry.
pub fn entries<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Entry>, D::Error> {
    struct List;
    impl<'de> Visitor<'de> for List {
        type Value = Vec<Entry>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of entries in hex")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Entry>, A::Error> {
            let mut entries = Vec::new();
            while let Some(HexEntry(entry)) = list.next_element()? {
                if entries.len() == limits::WIRE_ENTRIES_MAX {
                    let most = limits::WIRE_ENTRIES_MAX;
                    return Err(A::Error::custom(format_args!(
                        "more than {most} entries, which no network allows"
                    )));
                }
                entries.push(entry);
            }
            Ok(entries)
        }
    }
    deserializer.deserialize_seq(List)
}

/// An entry, spelled in hex.
struct HexEntry(Entry);

impl<'de> Deserialize<'de> for HexEntry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;
        impl Visitor<'_> for Hex {
            type Value = HexEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry in hex")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<HexEntry, E> {
                // The decoder takes a "0x" prefix too; an entry here has one spelling only.
                let digits = Some(text).filter(|text| !text.starts_with("0x"));
                match digits.and_then(|text| const_hex::decode(text).ok()) {
                    Some(bytes) => Ok(HexEntry(bytes.into())),
                    None => Err(E::custom("an entry is an even number of hex digits")),
                }
            }
        }
        deserializer.deserialize_str(Hex)
    }
}
