//! How nodes behave: which strategy, with which parameters.

use super::{Checked, not_taken, whole};
use crate::document::{StrategyTable, StrategyValue, StrategyWord};
use crate::error::Problem;
use crate::strategy::StrategyKind;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn strategy_of(text: &str) -> Result<StrategyKind, String> {
        let toml = format!("[[nodes]]\nnodes = 0\nstrategy = {text}");
        let scenario = Scenario::from_toml(&toml).map_err(|error| error.to_string())?;
        Ok(scenario.nodes()[0].strategy)
    }

    #[test]
    fn every_word_builds_a_strategy_and_a_table_gives_its_parameters() {
        for (text, name) in [
            ("'honest'", "honest"),
            ("'selfish'", "selfish"),
            ("{ kind = 'selfish' }", "selfish"),
            ("'lead-stubborn'", "lead-stubborn"),
            ("'equal-fork-stubborn'", "equal-fork-stubborn"),
            ("'trail-stubborn'", "trail-stubborn"),
            ("{ kind = 'stubborn', lead = true, trail = 1 }", "stubborn"),
            ("'double-spend'", "double-spend"),
            ("'time-warp'", "time-warp"),
        ] {
            assert_eq!(strategy_of(text).unwrap().build().name(), name, "{text}");
        }
        let all = "{ kind = 'stubborn', lead = true, equal_fork = true, trail = 2 }";
        let (lead, equal_fork, trail) = (true, true, 2);
        let stubborn = StrategyKind::Stubborn {
            lead,
            equal_fork,
            trail,
        };
        assert_eq!(strategy_of(all), Ok(stubborn));
        let spend = "{ kind = 'double-spend', confirmations = 2 }";
        let (confirmations, give_up) = (2, 20);
        let double_spend = StrategyKind::DoubleSpend {
            confirmations,
            give_up,
        };
        assert_eq!(strategy_of(spend), Ok(double_spend));
    }

    #[test]
    fn a_parameter_that_is_out_of_range_or_of_another_strategy_is_named() {
        for (text, key) in [
            ("{ kind = 'selfish', trail = 1 }", "strategy.trail: "),
            (
                "{ kind = 'trail-stubborn', lead = true }",
                "strategy.lead: ",
            ),
            ("{ kind = 'trail-stubborn', trail = 0 }", "strategy.trail: "),
            (
                "{ kind = 'stubborn', confirmations = 1 }",
                "strategy.confirmations: ",
            ),
            (
                "{ kind = 'double-spend', confirmations = 0 }",
                "strategy.confirmations: ",
            ),
            (
                "{ kind = 'double-spend', give_up = 1001 }",
                "strategy.give_up: ",
            ),
            (
                "{ kind = 'double-spend', equal_fork = true }",
                "strategy.equal_fork: ",
            ),
            ("'stubborn'", "nodes[0].strategy: "),
            ("{ kind = 'stubborn', lead = false }", "nodes[0].strategy: "),
            ("{ kind = 'greedy' }", "strategy.kind: "),
            ("{ lead = true }", "kind"),
            ("3", "nodes[0].strategy: "),
        ] {
            let error = strategy_of(text).unwrap_err();
            assert!(error.contains(key), "{text}: {error}");
        }
    }
}
