//! What a command line changes in a scenario.

use std::sync::Arc;

use forkful_core::{ForkChoice, Relay};
use serde::Serialize;
use toml::{Table, Value};

use crate::document::{ForkChoiceWord, RelayWord};
use crate::error::{Fault, ScenarioError};
use crate::locate::{locate, parse_document};
use crate::quantity::SPAN_MAX;
use crate::scenario::Source;
use crate::set::{COMMAND_LINE, concerns, set_key, set_keys};
use crate::stop::Stop;

/// What a command line changes in a scenario. `None` leaves it as it is.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Overrides {
    /// The number of nodes.
    pub nodes: Option<u32>,
    /// The run stops at this height, instead of what `[stop]` says; `time_limit` grows
    /// in proportion when there was a lower goal in blocks.
    pub blocks: Option<u64>,
    /// The seed.
    pub seed: Option<u64>,
    /// The relay policy of every node.
    pub relay: Option<Relay>,
    /// The fork choice.
    pub fork_choice: Option<ForkChoice>,
    /// Any other key: `network.link.loss=0.1`, the key as errors name it and the value as TOML.
    /// They are set first, in this order.
    pub set: Vec<String>,
}

impl Overrides {
    /// Changes the source as it stands after what was changed before. `before` is when the run
    /// ended until now.
    pub(crate) fn change(&self, source: &mut Source, before: &Stop) -> Result<(), ScenarioError> {
        let but_seed = Overrides {
            seed: None,
            ..self.clone()
        };
        // Runs that differ in their seeds alone are many: the text is not read for each.
        if but_seed != Overrides::default() {
            self.change_text(source, before)?;
        }
        source.seed = self.seed.or(source.seed);
        if source.seed.is_some() {
            Arc::make_mut(&mut source.document).seed = source.seed;
        }
        Ok(())
    }

    fn change_text(&self, source: &mut Source, before: &Stop) -> Result<(), ScenarioError> {
        // The text was read before.
        let mut table: Table = source.changed_text.parse().unwrap_or_default();
        let keys = set_keys(&mut table, &self.set)?;
        if keys.iter().any(|key| concerns("seed", key)) {
            source.seed = None;
        }
        source.set.extend(keys);
        self.change_numbers(&mut table, before, &mut source.changed)?;
        self.change_words(&mut table)?;
        let text = table.to_string();
        // A text that is longer than a file may be was written by nobody.
        let document = parse_document(&text, usize::MAX).map_err(|error| {
            let mut fault = error.into_fault(COMMAND_LINE);
            fault.place = None;
            source.locate(fault)
        })?;
        source.document = Arc::new(document);
        source.changed_text = text.into();
        Ok(())
    }

    fn change_numbers(
        &self,
        table: &mut Table,
        before: &Stop,
        changed: &mut Vec<&'static str>,
    ) -> Result<(), ScenarioError> {
        if let Some(nodes) = self.nodes {
            set_key(table, "network.nodes", i64::from(nodes))?;
            changed.push("network.nodes");
        }
        if let Some(blocks) = self.blocks {
            let height = i64::try_from(blocks).unwrap_or(i64::MAX);
            set_key(table, "stop.height", height)?;
            if let Some(stop) = table.get_mut("stop").and_then(Value::as_table_mut) {
                stop.remove("blocks");
                stop.remove("time");
            }
            let goal = before.height.into_iter().chain(before.blocks).min();
            if let Some(goal) = goal.filter(|goal| *goal < blocks) {
                let times = blocks.div_ceil(goal).try_into().unwrap_or(u32::MAX);
                let limit = before.time_limit.saturating_mul(times).min(SPAN_MAX);
                set_key(table, "stop.time_limit", format!("{}us", limit.as_micros()))?;
            }
            changed.extend(["stop.height", "stop.time_limit"]);
        }
        Ok(())
    }

    fn change_words(&self, table: &mut Table) -> Result<(), ScenarioError> {
        if let Some(relay) = self.relay {
            set_key(table, "relay.policy", word(RelayWord::from(relay)))?;
            let nodes = table.get_mut("nodes").and_then(Value::as_array_mut);
            for nodes in nodes.into_iter().flatten() {
                if let Some(nodes) = nodes.as_table_mut() {
                    nodes.remove("relay");
                }
            }
        }
        if let Some(choice) = self.fork_choice {
            let word = word(ForkChoiceWord::from(choice));
            set_key(table, "consensus.fork_choice", word)?;
        }
        Ok(())
    }
}

/// A word as scenarios spell it.
fn word(word: impl Serialize) -> Value {
    Value::try_from(word).expect("a word is a text")
}

impl Source {
    /// The place of a fault: none if it was changed by what is no key, the command line if that
    /// has set the key, or else a line of the text.
    pub(crate) fn locate(&self, fault: Fault) -> ScenarioError {
        if self.changed.contains(&fault.path.as_str()) {
            return fault.without_place();
        }
        let is_set = self.set.iter().any(|key| concerns(&fault.path, key));
        if fault.place.is_none() && is_set {
            return ScenarioError {
                source_name: Some(COMMAND_LINE.into()),
                ..fault.without_place()
            };
        }
        locate(&self.text, fault)
    }
}
