//! How nodes behave: which strategy, with which parameters.

use super::{Checked, not_taken, whole};
use crate::document::{StrategyTable, StrategyValue, StrategyWord};
use crate::error::Problem;
use crate::scenario::StrategyKind;

pub(super) fn strategy(path: &str, value: &StrategyValue) -> Checked<StrategyKind> {
    match value {
        StrategyValue::Table(table) => of_table(path, table),
        StrategyValue::Word(kind) => {
            let table = StrategyTable {
                kind: *kind,
                lead: None,
                equal_fork: None,
                trail: None,
                confirmations: None,
                give_up: None,
            };
            of_table(path, &table)
        }
    }
}

fn of_table(path: &str, table: &StrategyTable) -> Checked<StrategyKind> {
    use StrategyWord as Word;
    let kind = table.kind;
    let is_stubborn = kind == Word::Stubborn;
    let trails = is_stubborn || kind == Word::TrailStubborn;
    let spends = kind == Word::DoubleSpend;
    for (key, is_given, is_taken) in [
        ("lead", table.lead.is_some(), is_stubborn),
        ("equal_fork", table.equal_fork.is_some(), is_stubborn),
        ("trail", table.trail.is_some(), trails),
        ("confirmations", table.confirmations.is_some(), spends),
        ("give_up", table.give_up.is_some(), spends),
    ] {
        if is_given && !is_taken {
            return Err(not_taken("this strategy", "").at(format!("{path}.{key}")));
        }
    }
    let number = |key: &str, given, default, least| {
        whole::<u64>(&format!("{path}.{key}"), given, default, least..=1_000)
    };
    let stubborn = |lead, equal_fork, trail| StrategyKind::Stubborn {
        lead,
        equal_fork,
        trail,
    };
    Ok(match kind {
        Word::Honest => StrategyKind::Honest,
        Word::Selfish => StrategyKind::Selfish,
        Word::LeadStubborn => stubborn(true, false, 0),
        Word::EqualForkStubborn => stubborn(false, true, 0),
        Word::TrailStubborn => stubborn(false, false, number("trail", table.trail, 1, 1)?),
        Word::Stubborn => {
            let (lead, equal_fork) = (
                table.lead.unwrap_or(false),
                table.equal_fork.unwrap_or(false),
            );
            let trail = number("trail", table.trail, 0, 0)?;
            if !lead && !equal_fork && trail == 0 {
                let how =
                    "one of lead = true, equal_fork = true and trail = 1, or else \"selfish\"";
                return Err(Problem::Missing(how).at(path));
            }
            stubborn(lead, equal_fork, trail)
        }
        Word::DoubleSpend => StrategyKind::DoubleSpend {
            confirmations: number("confirmations", table.confirmations, 6, 1)?,
            give_up: number("give_up", table.give_up, 20, 1)?,
        },
        Word::TimeWarp => StrategyKind::TimeWarp,
    })
}
