//! What a command line changes in a scenario.

use forkful_core::{ForkChoice, Relay};

use crate::document::Document;
use crate::quantity::{SPAN_MAX, Span};
use crate::scenario::Scenario;

/// What a command line changes in a scenario. `None` leaves it as it is.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
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
}

impl Overrides {
    /// Changes `document`; adds the keys that were changed to `changed`.
    pub(crate) fn apply(
        &self,
        document: &mut Document,
        before: &Scenario,
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
            let goal = before
                .stop
                .height
                .into_iter()
                .chain(before.stop.blocks)
                .min();
            if let Some(goal) = goal.filter(|goal| *goal < blocks) {
                let times = blocks.div_ceil(goal).try_into().unwrap_or(u32::MAX);
                let limit = before.stop.time_limit.saturating_mul(times).min(SPAN_MAX);
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
