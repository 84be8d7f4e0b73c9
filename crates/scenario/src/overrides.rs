//! What a command line changes in a scenario.

use std::sync::Arc;

use forkful_core::{ForkChoice, Relay};

use crate::document::Document;
use crate::error::{Fault, ScenarioError};
use crate::locate::{locate, parse_document};
use crate::quantity::{SPAN_MAX, Span};
use crate::scenario::Source;
use crate::set::{COMMAND_LINE, concerns, with_keys};
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
    /// Sets the keys that are named, in the text as it was read.
    pub(crate) fn set(&self, source: &mut Source) -> Result<(), ScenarioError> {
        if self.set.is_empty() {
            return Ok(());
        }
        let (text, keys) = with_keys(&source.text, &self.set)?;
        source.set = keys;
        // A text that is longer than a file may be was written by nobody.
        let document = parse_document(&text, usize::MAX).map_err(|error| {
            let mut fault = error.into_fault(COMMAND_LINE);
            fault.place = None;
            locate_or_set(&source.text, &source.set, fault)
        })?;
        source.document = Arc::new(document);
        Ok(())
    }

    /// Changes `document`; adds the keys that were changed to `changed`.
    pub(crate) fn apply(
        &self,
        document: &mut Document,
        before: &Stop,
        changed: &mut Vec<&'static str>,
    ) {
        if let Some(nodes) = self.nodes {
            document.network.nodes = Some(nodes.into());
            changed.push("network.nodes");
        }
        if let Some(blocks) = self.blocks {
            let stop = &mut document.stop;
            stop.height = Some(i64::try_from(blocks).unwrap_or(i64::MAX));
            stop.blocks = None;
            stop.time = None;
            let goal = before.height.into_iter().chain(before.blocks).min();
            if let Some(goal) = goal.filter(|goal| *goal < blocks) {
                let times = blocks.div_ceil(goal).try_into().unwrap_or(u32::MAX);
                let limit = before.time_limit.saturating_mul(times).min(SPAN_MAX);
                stop.time_limit = Some(Span(limit));
            }
            changed.extend(["stop.height", "stop.time_limit"]);
        }
        if let Some(seed) = self.seed {
            document.seed = Some(seed);
        }
        if let Some(relay) = self.relay {
            document.relay.policy = Some(relay.into());
            for nodes in &mut document.nodes {
                nodes.relay = None;
            }
        }
        if let Some(fork_choice) = self.fork_choice {
            document.consensus.fork_choice = Some(fork_choice.into());
        }
    }
}

/// The place of a fault: the command line, if it has set that key, or else a line of the text.
pub(crate) fn locate_or_set(text: &str, set: &[String], fault: Fault) -> ScenarioError {
    let is_set = set.iter().any(|key| concerns(&fault.path, key));
    if fault.place.is_none() && is_set {
        return ScenarioError {
            source_name: Some(COMMAND_LINE.into()),
            ..fault.without_place()
        };
    }
    locate(text, fault)
}
