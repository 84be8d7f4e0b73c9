//! What validation measures of attackers.
//!
//! Eyal and Sirer 2014, equation 8, gives what a selfish miner earns from its part of the hash
//! rate and from gamma. Nobody sets gamma here: it is what the run's own races came out as.

use forkful_scenario::Scenario;

use crate::interval::float;
use crate::validate::quantity::{Observed, Quantity};

/// Names without parameters.
pub(super) const NAMES: [&str; 2] = ["selfish_law", "races.on_attackers_rate"];

/// The quantity whose name has these parts; `None` if it is none of an attacker.
pub(super) fn quantity(name: &str, parts: &[&str], scenario: &Scenario) -> Option<Quantity> {
    match parts {
        ["selfish_law"] => Some(Quantity::new(name, selfish_law)),
        ["races", "on_attackers_rate"] => Some(Quantity::new(name, on_attackers_rate)),
        [
            "groups",
            strategy,
            what @ ("revenue_share" | "gain"),
            "inner",
        ] => {
            let nodes = scenario.nodes();
            let own: Vec<bool> = nodes
                .iter()
                .map(|node| node.strategy.name() == *strategy)
                .collect();
            let is_gain = *what == "gain";
            own.contains(&true).then(|| {
                Quantity::new(name, move |run| {
                    let revenue = inner_revenue(run, &own)?;
                    Some(if is_gain {
                        revenue - hash_share(run, &own)
                    } else {
                        revenue
                    })
                })
            })
        }
        _ => None,
    }
}

/// Selfish mining's part of the blocks, with the part `a` of the hash rate and with `g` for
/// gamma. Linear in `g`.
fn selfish_revenue(a: f64, g: f64) -> f64 {
    let honest = 1.0 - a;
    let numerator = a * honest.powi(2) * (4.0 * a + g * (1.0 - 2.0 * a)) - a.powi(3);
    numerator / (1.0 - a * (1.0 + (2.0 - a) * a))
}

fn selfish_law(run: &Observed<'_>) -> Option<f64> {
    let report = &run.outcome.report;
    let selfish = report.revenue_of("selfish")?;
    Some(selfish_revenue(selfish.hash_share, report.races?.gamma?))
}

/// The part of the blocks that ended a race which was built on the attacker's branch: gamma
/// again, by throws of a coin.
fn on_attackers_rate(run: &Observed<'_>) -> Option<f64> {
    let races = run.outcome.report.races?;
    (races.ended_by_honest > 0)
        .then(|| float(races.on_attackers_branch) / float(races.ended_by_honest))
}

/// The part of these nodes of the blocks between the first and the last tenth of the chain. The
/// ends are not as the rest: an attacker begins without a lead, and what it keeps when the run
/// ends will undo blocks that are on the chain.
fn inner_revenue(run: &Observed<'_>, own: &[bool]) -> Option<f64> {
    let chain = run.outcome.tree.chain(&run.outcome.report.tip);
    let end = chain.len().div_ceil(10);
    let blocks = chain.get(end..chain.len() - end).unwrap_or_default();
    if blocks.is_empty() {
        return None;
    }
    let is_own = |block: &&&forkful_scenario::BlockRecord| {
        let miner = block.miner.and_then(|miner| own.get(miner.0 as usize));
        miner.copied().unwrap_or(false)
    };
    let found = blocks.iter().filter(is_own).count();
    Some(float(found as u64) / float(blocks.len() as u64))
}

fn hash_share(run: &Observed<'_>, own: &[bool]) -> f64 {
    let nodes = run.outcome.report.nodes.iter().zip(own);
    let shares = nodes
        .filter(|(_, own)| **own)
        .map(|(node, _)| node.hash_share);
    shares.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::data::{Case, Check, Expected, Study, built_in};
    use forkful_scenario::StrategyKind;

    fn study(name: &str) -> Study {
        let mut all = built_in().unwrap().into_iter();
        all.find(|study| study.name == name).unwrap()
    }

    fn share_of_the_first(case: &Case) -> f64 {
        let nodes = case.full.scenario.nodes();
        let all: f64 = nodes.iter().map(|node| node.hash_share).sum();
        nodes[0].hash_share / all
    }

    fn number(check: &Check) -> Option<f64> {
        match check.expected {
            Some(Expected::Number(number)) => Some(number),
            Some(Expected::Quantity(_)) | None => None,
        }
    }

    #[test]
    fn the_published_revenues_are_those_of_the_formula() {
        let mut found = 0;
        for case in &study("selfish").cases {
            let share = share_of_the_first(case);
            // The finder of a block mines on its own: of 100 miners 99 can follow the attacker.
            let intended = |gamma: f64| gamma * 0.99;
            let mut gamma = None;
            for check in &case.checks {
                let name = check.quantity.name();
                let Some(expected) = number(check) else {
                    continue;
                };
                if name == "races.gamma" {
                    let close = |is: &&f64| (intended(**is) - expected).abs() < 1e-9;
                    gamma = [0.0, 0.5, 1.0].iter().find(close).copied();
                } else if name.contains(".gain.") {
                    let law = selfish_revenue(share, intended(gamma.unwrap())) - share;
                    assert!((law - expected).abs() < 6e-6, "{}: {law}", case.what);
                    let widest = check.half_width_max.as_ref().unwrap();
                    let widest = widest.absolute(expected).unwrap();
                    let tolerance = check.tolerance.absolute(expected).unwrap();
                    // An interval that passes is on the right side of zero as a whole.
                    assert!(2.0 * widest + tolerance < expected.abs(), "{}", case.what);
                    found += 1;
                } else {
                    let law = selfish_revenue(share, gamma.unwrap());
                    assert!((law - expected).abs() < 6e-6, "{}: {law}", case.what);
                    found += 1;
                }
            }
        }
        assert_eq!(
            found,
            18 + 5,
            "six parts of the hash rate, three gammas, the threshold"
        );
    }

    /// Rosenfeld 2014, section 3; `q` is the attacker's part.
    fn rosenfeld(q: f64, confirmations: u32) -> f64 {
        let (p, n) = (1.0 - q, f64::from(confirmations));
        let (mut failure, mut ways) = (0.0, 1.0);
        for m in 0..=confirmations {
            let m = f64::from(m);
            failure += ways * (p.powf(n) * q.powf(m) - p.powf(m) * q.powf(n));
            ways *= (m + n) / (m + 1.0);
        }
        1.0 - failure
    }

    /// The same if the attacker gives up when it is so many blocks behind: block by block from
    /// its first one, and the gambler's ruin after the confirmations.
    fn bounded(q: f64, confirmations: u64, give_up: u64) -> f64 {
        let (p, size) = (1.0 - q, 400);
        // Of each number of own blocks, how likely it is to come by there.
        let mut ways = vec![0.0; size];
        ways[1] = 1.0;
        for public in 0..confirmations {
            // The attacker finds some more before the next public block.
            for own in 1..size {
                ways[own] += ways[own - 1] * q;
            }
            for (own, way) in (0_u64..).zip(&mut ways) {
                *way *= if public + 1 >= own + give_up { 0.0 } else { p };
            }
        }
        let ratio = q / p;
        let whole = ratio.powf(float(give_up + 1));
        let success = |own: u64| {
            let behind = float(confirmations) - float(own);
            if behind <= -1.0 {
                return 1.0;
            }
            (ratio.powf(behind + 1.0) - whole) / (1.0 - whole)
        };
        (0_u64..)
            .zip(&ways)
            .map(|(own, way)| way * success(own))
            .sum()
    }

    #[test]
    fn double_spends_are_expected_as_rosenfeld_says_and_giving_up_is_within_the_tolerance() {
        let study = study("double-spend");
        let (mut published, mut computed) = (0, 0);
        for case in &study.cases {
            let q = share_of_the_first(case);
            let StrategyKind::DoubleSpend {
                confirmations,
                give_up,
            } = case.full.scenario.nodes()[0].strategy
            else {
                panic!("{}", case.what)
            };
            let z = u32::try_from(confirmations).unwrap();
            let exact = bounded(q, confirmations, give_up);
            for check in &case.checks {
                let expected = number(check).unwrap();
                if (rosenfeld(q, z) - expected).abs() < 6e-7 {
                    let by_giving_up = expected - exact;
                    assert!(by_giving_up.abs() < 1.6e-5, "{}: {by_giving_up}", case.what);
                    published += 1;
                } else {
                    assert!((exact - expected).abs() < 6e-7, "{}: {exact}", case.what);
                    computed += 1;
                }
            }
        }
        assert_eq!((published, computed), (10, 2));
        assert!((bounded(0.3, 4, 300) - rosenfeld(0.3, 4)).abs() < 1e-12);
    }
}
