//! The rules of the chain: difficulty, limits, genesis.

use forkful_core::difficulty::DifficultyError;
use forkful_core::{Consensus, DifficultyRule, ForkChoice, Target, Timestamp};

use super::{Checked, MILLISECOND, only_keys, size, span, whole};
use crate::document::{ConsensusTable, DifficultyTable, DifficultyWord, TargetTable};
use crate::error::Problem;
use crate::quantity::{SPAN_MAX, Span};
use crate::scenario::{GenesisTime, Rules};

/// Entries of a block must fit in one message of the protocol, whose bounds are in
/// `forkful_core::limits`: so many, and their lengths of four bytes each.
const ENTRIES_MAX: i64 = 100_000;
const BODY_BYTES_MAX: u64 = 3_000_000;
/// Genesis itself carries the text of the rules as its body.
const BODY_BYTES_MIN: u64 = 1_000;

const PATH: &str = "consensus.difficulty";

/// 2026-01-01T00:00:00Z, for networks whose rules do not look at time.
const GENESIS_TIME: Timestamp = Timestamp(1_767_225_600_000);

pub(super) fn rules(table: &ConsensusTable) -> Checked<Rules> {
    let difficulty = difficulty(&table.difficulty)?;
    let genesis_time = match table.genesis_time.map(|given| given.0) {
        Some(Some(moment)) => GenesisTime::At(moment),
        Some(None) => GenesisTime::Start,
        // A rule that measures time would see years between genesis and the first block.
        None if difficulty.interval_ms().is_some() => GenesisTime::Start,
        None => GenesisTime::At(GENESIS_TIME),
    };
    Ok(Rules {
        difficulty,
        fork_choice: table
            .fork_choice
            .map_or(ForkChoice::MostWork, ForkChoice::from),
        entries_max: whole(
            "consensus.entries_max",
            table.entries_max,
            Consensus::ENTRIES_MAX.into(),
            1..=ENTRIES_MAX,
        )?,
        body_bytes_max: size(
            "consensus.body_bytes_max",
            table.body_bytes_max,
            Consensus::BODY_BYTES_MAX.into(),
            BODY_BYTES_MIN..=BODY_BYTES_MAX,
        )?,
        genesis_time,
    })
}

fn difficulty(table: &DifficultyTable) -> Checked<DifficultyRule> {
    let word = table.rule.unwrap_or(DifficultyWord::Fixed);
    keys_of_rule(table, word)?;
    let rule = match word {
        DifficultyWord::Fixed => {
            let given = TargetTable {
                zero_bits: table.zero_bits,
                zero_hex_digits: table.zero_hex_digits,
                target: table.target.clone(),
            };
            DifficultyRule::Fixed {
                target: target(PATH, &given, 16)?,
            }
        }
        DifficultyWord::Bitcoin => DifficultyRule::Bitcoin {
            initial: initial(table)?,
            limit: limit(table)?,
            window: whole(&key("window"), table.window, 2_016, 2..=1_000_000)?,
            interval_ms: millis("interval", table.interval, 600_000)?,
            clamp: whole(&key("clamp"), table.clamp, 4, 2..=1_000)?,
        },
        DifficultyWord::Asert => DifficultyRule::Asert {
            initial: initial(table)?,
            limit: limit(table)?,
            interval_ms: millis("interval", table.interval, 600_000)?,
            half_life_ms: millis("half_life", table.half_life, 172_800_000)?,
        },
        DifficultyWord::Lwma => DifficultyRule::Lwma {
            initial: initial(table)?,
            limit: limit(table)?,
            window: whole(&key("window"), table.window, 60, 1..=1_000)?,
            interval_ms: millis("interval", table.interval, 600_000)?,
        },
    };
    match rule.check() {
        Ok(()) => Ok(rule),
        Err(error @ DifficultyError::InitialAboveLimit) => {
            Err(Problem::from(error).at(key("initial")))
        }
        Err(error) => Err(Problem::from(error).at(PATH)),
    }
}

fn keys_of_rule(table: &DifficultyTable, word: DifficultyWord) -> Checked<()> {
    let (owner, takes) = match word {
        DifficultyWord::Fixed => ("fixed", "zero_bits, zero_hex_digits or target"),
        DifficultyWord::Bitcoin => ("bitcoin", "initial, limit, interval, window and clamp"),
        DifficultyWord::Asert => ("asert", "initial, limit, interval and half_life"),
        DifficultyWord::Lwma => ("lwma", "initial, limit, interval and window"),
    };
    let given = [
        ("zero_bits", table.zero_bits.is_some()),
        ("zero_hex_digits", table.zero_hex_digits.is_some()),
        ("target", table.target.is_some()),
        ("initial", table.initial.is_some()),
        ("limit", table.limit.is_some()),
        ("interval", table.interval.is_some()),
        ("window", table.window.is_some()),
        ("clamp", table.clamp.is_some()),
        ("half_life", table.half_life.is_some()),
    ];
    only_keys(PATH, owner, takes, &given)
}

fn initial(table: &DifficultyTable) -> Checked<Target> {
    target(
        &key("initial"),
        &table.initial.clone().unwrap_or_default(),
        16,
    )
}

fn limit(table: &DifficultyTable) -> Checked<Target> {
    target(&key("limit"), &table.limit.clone().unwrap_or_default(), 0)
}

fn target(path: &str, table: &TargetTable, default_zero_bits: u32) -> Checked<Target> {
    let form = |error: forkful_core::target::TargetParseError| Problem::Form(error.to_string());
    let (name, target) = match (table.zero_bits, table.zero_hex_digits, &table.target) {
        (None, None, None) => ("zero_bits", Target::from_zero_bits(default_zero_bits)),
        (Some(bits), None, None) => {
            let bits = whole(&format!("{path}.zero_bits"), Some(bits), 0, 0..=255)?;
            ("zero_bits", Target::from_zero_bits(bits))
        }
        (None, Some(digits), None) => {
            let digits = whole(&format!("{path}.zero_hex_digits"), Some(digits), 0, 0..=63)?;
            ("zero_hex_digits", Target::from_zero_hex_digits(digits))
        }
        (None, None, Some(hex)) => ("target", hex.parse()),
        _ => return Err(Problem::OnlyOne("zero_bits, zero_hex_digits and target").at(path)),
    };
    let target = target.map_err(|error| form(error).at(format!("{path}.{name}")))?;
    if target.0.is_zero() {
        return Err(Problem::from(DifficultyError::ZeroTarget).at(format!("{path}.{name}")));
    }
    Ok(target)
}

fn millis(name: &str, given: Option<Span>, default_ms: u64) -> Checked<u64> {
    let default = std::time::Duration::from_millis(default_ms);
    let value = span(&key(name), given, default, MILLISECOND..=SPAN_MAX)?;
    Ok(u64::try_from(value.as_millis()).unwrap_or(u64::MAX))
}

fn key(name: &str) -> String {
    format!("{PATH}.{name}")
}
