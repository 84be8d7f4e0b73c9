//! What came of many runs, as data.

use std::collections::BTreeMap;

use forkful_scenario::World;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::{Deserialize, Serialize};

use crate::interval::Estimate;
use crate::stopping::UntilReport;

/// What came of many runs of one scenario, which differ in their seeds alone.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "forkful ensemble")]
pub struct EnsembleReport {
    /// The world that played them.
    pub world: World,
    /// The name of the scenario.
    pub scenario: String,
    /// The seed of the first run. Each other has the one after.
    pub first_seed: u64,
    /// How many runs there were.
    pub runs: u64,
    /// How many there were to be, at most.
    pub runs_max: u64,
    /// Whether they were ended from outside, by Ctrl-C for instance, before all were done.
    pub interrupted: bool,
    /// The part of experiments whose interval has the true mean in it: 0.95.
    pub confidence: f64,
    /// What the runs went on for, with `--until-ci`.
    pub until: Option<UntilReport>,
    /// The fingerprint of all runs in order: equal for equal ensembles. 32 hex digits.
    pub trace: String,
    /// Every quantity by its name, which is its path in the report of one run.
    pub quantities: BTreeMap<String, Quantity>,
    /// Reorgs in a run, by their depth in blocks.
    pub reorgs_by_depth: BTreeMap<u32, Estimate>,
    /// The nodes by strategy.
    pub groups: Vec<GroupEstimate>,
    /// Every node, in order.
    pub nodes: Vec<NodeEstimate>,
    /// Every clause of `[expect]`, and how many runs meet it.
    pub expectations: Vec<ExpectationCount>,
}

/// A quantity that every run gives.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Quantity {
    /// Its unit; `1` for a part of a whole.
    pub unit: String,
    /// What the runs say of it.
    #[serde(flatten)]
    pub estimate: Estimate,
}

/// All nodes of one strategy, taken together.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct GroupEstimate {
    /// The strategy, by the word that reports have for it: `lead-stubborn` for any node that is
    /// stubborn in this way alone.
    pub strategy: String,
    /// How many nodes have it; where seeds decide it, in the first run that has any.
    pub nodes: u64,
    /// Their part of the hash rate when a run began, 0 to 1; the mean where seeds decide it.
    pub hash_share: f64,
    /// Their part of the blocks of the final chain, 0 to 1.
    pub revenue_share: Estimate,
    /// The part of their blocks that is stale, 0 to 1.
    pub stale_rate: Estimate,
}

/// One node.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct NodeEstimate {
    /// Its number.
    pub id: u32,
    /// Its part of the hash rate when a run began, 0 to 1; the mean where seeds decide it.
    pub hash_share: f64,
    /// Blocks that it found in a run.
    pub blocks_mined: Estimate,
    /// Those of them on the final chain.
    pub blocks_on_chain: Estimate,
    /// Its part of the blocks of the final chain, 0 to 1.
    pub revenue_share: Estimate,
    /// Its reorgs in a run.
    pub reorgs: Estimate,
}

/// One clause of `[expect]`, held against every run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ExpectationCount {
    /// The clause, such as `expect.reorgs: at least 1`.
    pub clause: String,
    /// Runs that meet it.
    pub met: u64,
    /// Runs that do not.
    pub unmet: u64,
    /// The seed of the first that does not, to look at it alone.
    pub first_unmet_seed: Option<u64>,
}

impl EnsembleReport {
    /// Whether every run meets every expectation.
    pub fn as_expected(&self) -> bool {
        self.expectations.iter().all(|clause| clause.unmet == 0)
    }

    /// What is not as expected, in words.
    pub fn unmet(&self) -> impl Iterator<Item = String> + '_ {
        let unmet = self.expectations.iter().filter(|clause| clause.unmet > 0);
        unmet.map(|clause| {
            let seed = clause.first_unmet_seed.unwrap_or(self.first_seed);
            format!(
                "{}, not met in {} of {} runs, first with seed {seed}",
                clause.clause, clause.unmet, self.runs
            )
        })
    }
}

/// The JSON Schema (draft 2020-12) of an ensemble's report.
pub fn ensemble_schema() -> serde_json::Value {
    let generator = SchemaSettings::draft2020_12().into_generator();
    generator
        .into_root_schema_for::<EnsembleReport>()
        .to_value()
}
