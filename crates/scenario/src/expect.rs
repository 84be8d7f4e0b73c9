//! What must hold at the end of a run.

use crate::report::{Expectation, Report};

/// What must hold at the end of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expect {
    /// Whether all honest connected nodes share one tip.
    pub converged: bool,
    /// Whether all submitted data is on the chain.
    pub data_on_chain: Option<bool>,
    /// The height of the final tip.
    pub height: Option<Bounds>,
    /// Blocks mined in all.
    pub mined: Option<Bounds>,
    /// Blocks that are not on the final chain.
    pub stale: Option<Bounds>,
    /// Heights with more than one block.
    pub forks: Option<Bounds>,
    /// Reorgs, counted at every node.
    pub reorgs: Option<Bounds>,
    /// Blocks disconnected by the deepest reorg.
    pub max_reorg_depth: Option<Bounds>,
    /// Messages sent.
    pub sent: Option<Bounds>,
    /// Messages that did not arrive.
    pub dropped: Option<Bounds>,
}

/// A range that a number must lie in, ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Bounds {
    /// The least value.
    pub min: u64,
    /// The greatest value.
    pub max: Option<u64>,
}

impl Bounds {
    /// Whether `number` lies in it.
    pub fn contain(&self, number: u64) -> bool {
        number >= self.min && self.max.is_none_or(|max| number <= max)
    }
}

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.min, self.max) {
            (min, Some(max)) if min == max => write!(f, "exactly {min}"),
            (0, Some(max)) => write!(f, "at most {max}"),
            (min, None) => write!(f, "at least {min}"),
            (min, Some(max)) => write!(f, "from {min} to {max}"),
        }
    }
}

impl Expect {
    /// Holds every clause against a report, in the order of the reference.
    pub fn check(&self, report: &Report) -> Vec<Expectation> {
        let mut list = Vec::new();
        let mut flag = |name: &str, expected: Option<bool>, found: bool| {
            if let Some(expected) = expected {
                list.push(Expectation {
                    clause: format!("expect.{name} = {expected}"),
                    met: expected == found,
                    found: found.to_string(),
                });
            }
        };
        flag("converged", Some(self.converged), report.converged);
        flag(
            "data_on_chain",
            self.data_on_chain,
            report.data.pending == 0,
        );
        let dropped = report.messages.values().map(|count| count.dropped).sum();
        let sent = report.messages.values().map(|count| count.sent).sum();
        for (name, bounds, found) in [
            ("height", self.height, report.height),
            ("mined", self.mined, report.blocks.mined),
            ("stale", self.stale, report.blocks.stale),
            ("forks", self.forks, report.forks),
            ("reorgs", self.reorgs, report.reorgs.count),
            (
                "max_reorg_depth",
                self.max_reorg_depth,
                report.reorgs.max_depth.into(),
            ),
            ("sent", self.sent, sent),
            ("dropped", self.dropped, dropped),
        ] {
            if let Some(bounds) = bounds {
                list.push(Expectation {
                    clause: format!("expect.{name}: {bounds}"),
                    met: bounds.contain(found),
                    found: found.to_string(),
                });
            }
        }
        list
    }
}
