//! docs/scenarios.md names everything that the formats have.

use std::collections::BTreeSet;

use forkful_core::{Event, MessageKind};
use forkful_scenario::{PRESETS, report_schema, scenario_schema};
use serde_json::Value;

const REFERENCE: &str = include_str!("../../../docs/scenarios.md");

/// Every key and every word that a schema knows.
fn names(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            if let Some(properties) = object.get("properties").and_then(Value::as_object) {
                found.extend(properties.keys().cloned());
            }
            for words in ["enum", "const"].iter().filter_map(|key| object.get(*key)) {
                match words {
                    Value::Array(words) => {
                        found.extend(words.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    Value::String(word) => drop(found.insert(word.clone())),
                    _ => {}
                }
            }
            object.values().for_each(|inner| names(inner, found));
        }
        Value::Array(items) => items.iter().for_each(|inner| names(inner, found)),
        _ => {}
    }
}

/// Text in backticks, with the quotes around a word taken off.
fn documented() -> BTreeSet<&'static str> {
    let code = REFERENCE.split('`').skip(1).step_by(2);
    code.map(|code| code.trim_matches('"')).collect()
}

fn missing(schema: &Value) -> Vec<String> {
    let mut all = BTreeSet::new();
    names(schema, &mut all);
    assert!(all.len() > 30, "the schema was not understood: {all:?}");
    let documented = documented();
    all.retain(|name| !documented.contains(name.as_str()));
    all.into_iter().collect()
}

#[test]
fn every_key_and_word_of_a_scenario_is_in_the_reference() {
    assert_eq!(missing(&scenario_schema()), [""; 0]);
}

#[test]
fn every_field_of_a_report_is_in_the_reference() {
    assert_eq!(missing(&report_schema()), [""; 0]);
}

#[test]
fn every_event_of_a_trace_is_in_the_reference() {
    // Serde lists the events it knows when it meets one that it does not.
    let line = r#"{"time":0,"event":"?"}"#;
    let error = serde_json::from_str::<Event>(line).unwrap_err().to_string();
    let known: Vec<&str> = error.split('`').skip(3).step_by(2).collect();
    assert!(known.contains(&"mined") && known.len() > 10, "{error}");
    for event in known {
        assert!(documented().contains(event), "{event}");
    }
}

#[test]
fn every_message_and_every_preset_is_in_the_reference() {
    let documented = documented();
    for kind in MessageKind::ALL {
        let json = serde_json::to_value(kind).unwrap();
        assert!(documented.contains(json.as_str().unwrap()), "{json}");
    }
    for preset in PRESETS {
        assert!(documented.contains(preset.name), "{}", preset.name);
    }
}

#[test]
fn every_key_of_a_scenario_has_a_description() {
    fn check(schema: &Value, place: &str) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            for (key, property) in properties {
                assert!(property.get("description").is_some(), "{place}.{key}");
            }
        }
        if let Some(object) = schema.as_object() {
            object.iter().for_each(|(key, inner)| check(inner, key));
        }
    }
    check(&scenario_schema(), "scenario");
    check(&report_schema(), "report");
}

#[test]
fn no_key_of_a_scenario_is_ever_null() {
    assert!(!scenario_schema().to_string().contains("null"));
}
