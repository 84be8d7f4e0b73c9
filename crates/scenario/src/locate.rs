//! From text to a document, and from a key back to its line.
//!
//! The checks know keys, not lines: they say `network.nodes`. Only when something is
//! wrong is the file searched for the place, so that nothing carries spans around.

use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::de::{DeTable, DeValue};

use crate::document::Document;
use crate::error::{Fault, Problem, ScenarioError};
use crate::quantity::shortened;

/// Reads a scenario into its types, or says where it is not what it should be.
pub(crate) fn parse_document(text: &str, bytes_max: usize) -> Result<Document, ScenarioError> {
    if text.len() > bytes_max {
        return Err(ScenarioError {
            source_name: None,
            path: String::new(),
            line: None,
            column: None,
            problem: Problem::TooLarge {
                bytes: text.len(),
                most: bytes_max,
            },
        });
    }
    parse(text, TABLES, LISTS)
}

/// Reads another file of TOML; what is wrong is told with the file's name.
pub(crate) fn parse_table<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, Fault> {
    parse(text, &[], &[]).map_err(|error| error.into_fault(name))
}

/// Finds the line of a fault in another file.
pub(crate) fn place_in(text: &str, name: &str, fault: Fault) -> Fault {
    locate(text, fault).into_fault(name)
}

fn parse<T: DeserializeOwned>(
    text: &str,
    tables: &[&str],
    lists: &[&str],
) -> Result<T, ScenarioError> {
    let table = DeTable::parse(text).map_err(|error| {
        let problem = Problem::Syntax(error.message().to_owned());
        placed(text, String::new(), error.span(), problem)
    })?;
    tables_are_tables(table.get_ref(), tables, lists).map_err(|path| {
        let span = span_of(table.get_ref(), &path);
        let problem = Problem::Form("expected a table, not a list".to_owned());
        placed(text, path, span, problem)
    })?;
    let deserializer = toml::de::Deserializer::from(table.clone());
    T::deserialize(deserializer).map_err(|error| {
        let span = error.span();
        let path = span
            .as_ref()
            .map(|span| path_at(table.get_ref(), span))
            .unwrap_or_default();
        placed(text, path, span, explain(error.message()))
    })
}

/// Serde would take a list for a table, its items for the fields in their order: a second
/// way to write a scenario that nobody was told of. The path of such a list, if any.
fn tables_are_tables(table: &DeTable<'_>, tables: &[&str], lists: &[&str]) -> Result<(), String> {
    let is_list = |path: &str| {
        let value = value_of(table, path);
        value.is_some_and(|(value, exact)| exact && value.get_ref().is_array())
    };
    if let Some(path) = tables.iter().find(|path| is_list(path)) {
        return Err((*path).to_owned());
    }
    for list in lists {
        let items = table
            .get(*list)
            .and_then(|value| value.get_ref().as_array());
        let position =
            items.and_then(|items| items.iter().position(|item| item.get_ref().is_array()));
        if let Some(position) = position {
            return Err(format!("{list}[{position}]"));
        }
    }
    Ok(())
}

/// Every list of tables of the format.
const LISTS: &[&str] = &["links", "nodes", "events"];

/// Every table of the format that is not in a list.
const TABLES: &[&str] = &[
    "network",
    "network.link",
    "network.topology",
    "network.processing",
    "consensus",
    "consensus.difficulty",
    "consensus.difficulty.initial",
    "consensus.difficulty.limit",
    "relay",
    "mining",
    "workload",
    "churn",
    "stop",
    "expect",
    "expect.height",
    "expect.mined",
    "expect.stale",
    "expect.forks",
    "expect.reorgs",
    "expect.max_reorg_depth",
    "expect.sent",
    "expect.dropped",
];

/// Finds the line of a fault.
pub(crate) fn locate(text: &str, fault: Fault) -> ScenarioError {
    if fault.place.is_some() {
        return fault.without_place();
    }
    let span = DeTable::parse(text)
        .ok()
        .and_then(|table| span_of(table.get_ref(), &fault.path));
    placed(text, fault.path, span, fault.problem)
}

fn placed(text: &str, path: String, span: Option<Range<usize>>, problem: Problem) -> ScenarioError {
    let place = span.map(|span| {
        let before = text.get(..span.start).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.bytes().filter(|byte| *byte == b'\n').count();
        (
            from_one(line),
            from_one(before[line_start..].chars().count()),
        )
    });
    ScenarioError {
        source_name: None,
        path,
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
        problem,
    }
}

/// A place counted from one; a file is too short for it to saturate.
fn from_one(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX).saturating_add(1)
}

/// The key whose name or value is exactly at `span`, or else the innermost one around it.
fn path_at(table: &DeTable<'_>, span: &Range<usize>) -> String {
    let mut path = String::new();
    find(table, span, &mut path);
    path
}

fn find(table: &DeTable<'_>, span: &Range<usize>, path: &mut String) -> bool {
    for (key, value) in table {
        let length = path.len();
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(&shortened(&key.get_ref().escape_debug().to_string()));
        if key.span() == *span || find_in_value(value, span, path) {
            return true;
        }
        path.truncate(length);
    }
    false
}

fn find_in_value(
    value: &toml::Spanned<DeValue<'_>>,
    span: &Range<usize>,
    path: &mut String,
) -> bool {
    let inside = match value.get_ref() {
        DeValue::Table(table) => find(table, span, path),
        DeValue::Array(array) => array.iter().enumerate().any(|(position, item)| {
            let length = path.len();
            path.push_str(&format!("[{position}]"));
            let found = find_in_value(item, span, path);
            if !found {
                path.truncate(length);
            }
            found
        }),
        _ => false,
    };
    let here = value.span();
    inside || (here.start <= span.start && span.end <= here.end)
}

/// Where the value of `path` is, or of the innermost part of it that is in the file.
fn span_of(table: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    value_of(table, path).map(|(value, _)| value.span())
}

/// The value of `path` and true, or the innermost part of it that is there and false.
fn value_of<'a>(
    table: &'a DeTable<'a>,
    path: &str,
) -> Option<(&'a toml::Spanned<DeValue<'a>>, bool)> {
    let mut innermost = None;
    let mut table = Some(table);
    for step in path.split('.') {
        let (key, positions) = step.split_at(step.find('[').unwrap_or(step.len()));
        let Some(mut value) = table.and_then(|table| table.get(key)) else {
            return innermost.map(|value| (value, false));
        };
        for position in positions.split(['[', ']']).filter(|text| !text.is_empty()) {
            let array = value.get_ref().as_array();
            match array.and_then(|array| array.get(position.parse::<usize>().ok()?)) {
                Some(item) => value = item,
                None => return Some((value, false)),
            }
        }
        innermost = Some(value);
        table = value.get_ref().as_table();
    }
    innermost.map(|value| (value, true))
}

/// Serde's words, made into ours: the types of TOML, and which known word is nearest.
fn explain(message: &str) -> Problem {
    let unknown = |prefix: &str| -> Option<(String, Vec<String>)> {
        let (found, known) = message.strip_prefix(prefix)?.rsplit_once("`, expected ")?;
        // "one of `a`, `b`" or "`a` or `b`" or "`a`": the words are between backticks.
        let known = known.split('`').skip(1).step_by(2).map(str::to_owned);
        Some((shortened(found), known.collect()))
    };
    if let Some((found, known)) = unknown("unknown field `") {
        let nearest = nearest_of(&found, &known);
        return Problem::UnknownKey { nearest, known };
    }
    if let Some((found, known)) = unknown("unknown variant `") {
        let nearest = nearest_of(&found, &known);
        return Problem::UnknownWord {
            found: found.into(),
            nearest,
            known,
        };
    }
    if let Some(key) = message.strip_prefix("missing field `") {
        return Problem::Form(format!("missing: {}", key.trim_end_matches('`')));
    }
    let (what, expected) = message.rsplit_once(", expected ").unwrap_or((message, ""));
    let what = what
        .strip_prefix("invalid type: ")
        .or_else(|| what.strip_prefix("invalid value: "));
    match (what, expected) {
        (Some(found), expected) if !expected.is_empty() => {
            let expected = match expected {
                "i64" => "a whole number",
                "u64" => "a whole number from 0",
                "f64" => "a number",
                "a string" | "string or table" => "a text in quotes",
                "a boolean" => "true or false",
                "a sequence" => "a list",
                table if table.starts_with("struct ") => "a table",
                other => other,
            };
            Problem::Form(format!("expected {expected}, not {}", as_written(found)))
        }
        _ => Problem::Form(long_cut(message)),
    }
}

/// A value as the file has it, from serde's "integer `3`" or "string \"x\"".
fn as_written(found: &str) -> String {
    let plain = found.split_once(" `").map(|(_, rest)| rest);
    let number = plain
        .and_then(|rest| rest.split_once('`'))
        .map(|(number, _)| number);
    let text = found.strip_prefix("string ");
    long_cut(match (number.or(text), found) {
        (Some(written), _) => written,
        (None, "map") => "a table or a date",
        (None, "sequence") => "a list",
        (None, other) => other,
    })
}

/// A message that repeats a value from the file, cut where it becomes too long to read.
fn long_cut(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

/// The known word that is nearest to `found`, if it is near at all.
pub(crate) fn nearest_of(found: &str, known: &[String]) -> Option<String> {
    known
        .iter()
        .map(|word| (edits(found, word), word))
        .filter(|(edits, word)| *edits <= word.len().div_ceil(3).min(3))
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, word)| word.clone())
}

/// Levenshtein's distance, over bytes: `found` is at most 63 characters long here.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let cost = diagonal + usize::from(x != y && !(x == b'-' && y == b'_'));
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
