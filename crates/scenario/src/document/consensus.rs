//! The `[consensus]` table, as it is written.

use forkful_core::ForkChoice;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{Genesis, Size, Span};

/// The rules of the chain.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConsensusTable {
    /// Which target a block has to meet. Default: fixed, 16 zero bits.
    pub difficulty: DifficultyTable,
    /// Which of two valid chains is followed. Default: "most-work".
    pub fork_choice: Option<ForkChoiceWord>,
    /// How many entries a block may carry: 1 to 100000. Default: 4096.
    pub entries_max: Option<i64>,
    /// How many bytes the entries of a block may have in all: "1kB" to "3MB".
    /// Default: "1MB".
    pub body_bytes_max: Option<Size>,
    /// The timestamp of genesis: milliseconds since the Unix epoch, or "start" for the
    /// moment the run begins. Default: "start" where the difficulty depends on time;
    /// with `fixed`, 1767225600000 (2026-01-01), so that genesis is the same in every run.
    pub genesis_time: Option<Genesis>,
}

/// Which of two valid chains is followed.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ForkChoiceWord {
    /// The one with the most total work.
    MostWork,
    /// The one with the most blocks.
    Longest,
}

impl From<ForkChoiceWord> for ForkChoice {
    fn from(word: ForkChoiceWord) -> ForkChoice {
        match word {
            ForkChoiceWord::MostWork => ForkChoice::MostWork,
            ForkChoiceWord::Longest => ForkChoice::Longest,
        }
    }
}

impl From<ForkChoice> for ForkChoiceWord {
    fn from(choice: ForkChoice) -> ForkChoiceWord {
        match choice {
            ForkChoice::MostWork => ForkChoiceWord::MostWork,
            ForkChoice::Longest => ForkChoiceWord::Longest,
        }
    }
}

/// Which target a block has to meet.
///
/// The target is given in one of three ways, here for the `fixed` rule, else in
/// `initial` and `limit`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct DifficultyTable {
    /// How the target changes. Default: "fixed".
    pub rule: Option<DifficultyWord>,
    /// For `fixed`: leading zero bits of a block's hash, 0 to 255. Default: 16.
    pub zero_bits: Option<i64>,
    /// For `fixed`: leading zero hex digits of a block's hash, 0 to 63.
    pub zero_hex_digits: Option<i64>,
    /// For `fixed`: the highest hash allowed, as 64 hex digits.
    pub target: Option<String>,
    /// For the rules that adjust: the target of the first blocks.
    /// Default: 16 zero bits.
    pub initial: Option<TargetTable>,
    /// For the rules that adjust: the easiest target there may be.
    /// Default: 0 zero bits, which is no limit.
    pub limit: Option<TargetTable>,
    /// For the rules that adjust: the ideal time between blocks, from "1ms".
    /// Default: "10min".
    pub interval: Option<Span>,
    /// For `bitcoin`: blocks between two adjustments, 2 to 1000000. Default: 2016.
    /// For `lwma`: blocks that are averaged, 1 to 1000. Default: 60.
    pub window: Option<i64>,
    /// For `bitcoin`: the most that one adjustment may multiply or divide by, 2 to 1000.
    /// Default: 4.
    pub clamp: Option<i64>,
    /// For `asert`: how far off schedule halves or doubles the target, from "1ms".
    /// Default: "2d".
    pub half_life: Option<Span>,
}

/// How the target changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DifficultyWord {
    /// Never.
    Fixed,
    /// Every `window` blocks, by how long they took, as Bitcoin's.
    Bitcoin,
    /// With every block, exponentially in how far the chain is off schedule.
    Asert,
    /// With every block, by a weighted average of the last `window` solve times.
    Lwma,
}

/// A target, given in exactly one of three ways.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct TargetTable {
    /// Leading zero bits of a hash, 0 to 255.
    pub zero_bits: Option<i64>,
    /// Leading zero hex digits of a hash, 0 to 63.
    pub zero_hex_digits: Option<i64>,
    /// The highest hash allowed, as 64 hex digits.
    pub target: Option<String>,
}
