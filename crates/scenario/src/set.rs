//! `--set KEY=VALUE`: any key of a scenario, from the command line.

use toml::{Table, Value};

use crate::error::{Problem, ScenarioError};
use crate::quantity::shortened;

/// What the command line is called in errors.
pub(crate) const COMMAND_LINE: &str = "the command line";

/// Sets keys of a scenario; returns which these are.
pub(crate) fn set_keys(
    table: &mut Table,
    settings: &[String],
) -> Result<Vec<String>, ScenarioError> {
    let mut keys = Vec::new();
    for setting in settings {
        let (key, value) = setting.split_once('=').ok_or_else(|| {
            let form = format!("expected KEY=VALUE, not {:?}", shortened(setting));
            wrong(String::new(), form)
        })?;
        let key = key.trim();
        let value = value_of(value.trim()).map_err(|form| wrong(shortened(key), form))?;
        set_key(table, key, value)?;
        keys.push(key.to_owned());
    }
    Ok(keys)
}

/// Sets one key of a scenario.
pub(crate) fn set_key(
    table: &mut Table,
    key: &str,
    value: impl Into<Value>,
) -> Result<(), ScenarioError> {
    put(table, key, value.into()).map_err(|form| wrong(shortened(key), form))
}

fn wrong(path: String, form: String) -> ScenarioError {
    ScenarioError {
        source_name: Some(COMMAND_LINE.into()),
        path,
        line: None,
        column: None,
        problem: Problem::Form(form),
    }
}

/// A value of TOML. A bare word is taken for a text, because a shell eats quotes.
fn value_of(text: &str) -> Result<Value, String> {
    let parsed = format!("value = {text}").parse::<Table>();
    if let Some(value) = parsed.ok().and_then(|mut table| {
        let value = table.remove("value");
        // More keys came after a line break.
        value.filter(|_| table.is_empty())
    }) {
        return Ok(value);
    }
    let is_bare = |c: char| c.is_ascii_alphanumeric() || " _-+./%:".contains(c);
    if text.is_empty() || !text.chars().all(is_bare) {
        let text = shortened(&text.escape_debug().to_string());
        return Err(format!("expected a value of TOML, not {text}"));
    }
    Ok(Value::String(text.to_owned()))
}

/// One step of a key: `name`, and maybe places in lists, as in `events[2]`.
struct Step<'a> {
    name: &'a str,
    places: Vec<usize>,
}

fn steps(key: &str) -> Option<Vec<Step<'_>>> {
    key.split('.')
        .map(|step| {
            let (name, places) = step.split_at(step.find('[').unwrap_or(step.len()));
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
            if name.is_empty() || !name.chars().all(is_name) {
                return None;
            }
            let places = match places.strip_prefix('[').map(|rest| rest.strip_suffix(']')) {
                None => Vec::new(),
                Some(inner) => inner?
                    .split("][")
                    .map(|place| place.parse().ok())
                    .collect::<Option<_>>()?,
            };
            Some(Step { name, places })
        })
        .collect()
}

fn put(table: &mut Table, key: &str, value: Value) -> Result<(), String> {
    let steps = steps(key).ok_or("expected a key such as network.link.loss or events[0].at")?;
    let Some((last, before)) = steps.split_last() else {
        return Err("expected a key".to_owned());
    };
    let mut table = table;
    for step in before {
        let inner = slot(table, step, Value::Table(Table::new()))?;
        table = inner
            .as_table_mut()
            .ok_or_else(|| format!("{} is not a table: set the whole of it", step.name))?;
    }
    let place = slot(table, last, value.clone())?;
    *place = value;
    Ok(())
}

/// The place that a step leads to. What is not there yet is made: a key, or one more item of
/// a list.
fn slot<'a>(table: &'a mut Table, step: &Step<'_>, new: Value) -> Result<&'a mut Value, String> {
    let first = match step.places.is_empty() {
        true => new.clone(),
        false => Value::Array(Vec::new()),
    };
    let mut value = table.entry(step.name).or_insert(first);
    for place in &step.places {
        let list = value
            .as_array_mut()
            .ok_or_else(|| format!("{} is not a list", step.name))?;
        if *place > list.len() {
            return Err(format!("{} has only {} items", step.name, list.len()));
        }
        if *place == list.len() {
            list.push(new.clone());
        }
        value = &mut list[*place];
    }
    Ok(value)
}

/// Whether a path of an error is one that was set, or within it, or around it.
pub(crate) fn concerns(path: &str, key: &str) -> bool {
    let within = |inner: &str, outer: &str| {
        inner
            .strip_prefix(outer)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    within(path, key) || within(key, path)
}
