//! What validation measures: every quantity of ensembles, and what laws need beyond them.
//!
//! | name | what of one run |
//! |---|---|
//! | one of [`Metric::all`] | as there |
//! | `nodes.N.revenue_share` | the part of the chain that node N found |
//! | `groups.STRATEGY.revenue_share` | that all nodes of a strategy found |
//! | `groups.STRATEGY.revenue_share.inner` | the same, but for the first and the last tenth of the chain |
//! | `groups.STRATEGY.gain.inner` | that, less their part of the hash rate |
//! | `selfish_law` | what the formula gives for the selfish, at the run's own gamma |
//! | `races.on_attackers_rate` | races ended on the attacker's branch, over those that the honest ended |
//! | `fork_law` | 1 - exp(-I / T), of the run's own exposure I |
//! | `behind.blocks` | blocks that did not make the chain longer, for each that did |
//! | `behind.law` | what they should be: the integral of the hash rate behind, over T |
//! | `messages_per_node_block` | messages sent, for each block found and each node |
//! | `neutrality.chi2` | chi-square of chain against hash rate, over its degrees of freedom |
//! | `intervals.kolmogorov` | the Kolmogorov statistic of the intervals against the exponential |
//! | `interval_ms.FROM.TO` | the mean interval between the blocks of these heights |
//! | `interval_ms.geometric.WINDOW.FIRST` | the geometric mean over windows of so many blocks |

use forkful_core::{DifficultyRule, Time};
use forkful_scenario::{Action, HashRate, Outcome, Scenario};

use crate::error::LabError;
use crate::interval::float;
use crate::metric::Metric;
use crate::validate::attack;
use crate::validate::behind::Behind;

/// One run that was played, and what it was.
pub struct Observed<'a> {
    /// The scenario, with its seed.
    pub scenario: &'a Scenario,
    /// What came of it.
    pub outcome: &'a Outcome,
    /// Who was behind, if somebody watched.
    pub behind: Option<Behind>,
}

/// Takes a number out of a run.
type Of = Box<dyn Fn(&Observed<'_>) -> Option<f64> + Send + Sync>;

/// A number that a run gives.
pub struct Quantity {
    name: String,
    of: Of,
}

impl std::fmt::Debug for Quantity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Quantity({})", self.name)
    }
}

impl Quantity {
    /// The quantity with this name.
    ///
    /// # Errors
    /// There is none.
    pub fn parse(name: &str, scenario: &Scenario) -> Result<Quantity, LabError> {
        let mut metrics = Metric::all();
        if let Some(place) = metrics.iter().position(|metric| metric.name == name) {
            let metric = metrics.swap_remove(place);
            return Ok(Quantity::new(name, move |run| {
                metric.value(&run.outcome.report)
            }));
        }
        let own = special(name, scenario).ok_or_else(|| {
            let names = metrics.iter().map(|metric| metric.name.as_str());
            LabError::no_metric(name, names.chain(SPECIAL).chain(attack::NAMES))
        })?;
        Ok(own)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// For a part of things that are counted: how many there were in the run.
    pub fn trials(&self, run: &Observed<'_>) -> Option<u64> {
        let report = &run.outcome.report;
        match self.name.as_str() {
            "stale_rate" => Some(report.blocks.mined),
            "fork_rate" => Some(report.height),
            _ => None,
        }
    }

    /// When a run has it, for a table that lacks it; `None` for what nearly every run has.
    pub fn condition(&self) -> Option<&'static str> {
        match self.name.as_str() {
            "fork_law" | "behind.law" | "intervals.kolmogorov" => Some(ONE_RATE),
            "selfish_law" => Some("the formula is that of a node which plays selfish"),
            name if name.starts_with("races.") => Some("there are races only where a node attacks"),
            name if name.starts_with("attempts.") => {
                Some("there are attempts only where a node plays double-spend")
            }
            _ => None,
        }
    }

    /// Whether it needs to know who was behind: [`Observed::behind`].
    pub fn needs_behind(&self) -> bool {
        self.name.starts_with("behind.")
    }

    /// What the run gives, if it does.
    pub fn of(&self, run: &Observed<'_>) -> Option<f64> {
        (self.of)(run)
    }

    pub(super) fn new(
        name: &str,
        of: impl Fn(&Observed<'_>) -> Option<f64> + Send + Sync + 'static,
    ) -> Quantity {
        Quantity {
            name: name.to_owned(),
            of: Box::new(of),
        }
    }
}

/// What laws need in which blocks are found at one rate.
const ONE_RATE: &str = "it is of blocks that are found at one rate: the difficulty rule is fixed, the hash rate is \
     a number, and no event changes it, nor a crash, nor churn";

/// Names without parameters.
const SPECIAL: [&str; 6] = [
    "fork_law",
    "behind.blocks",
    "behind.law",
    "messages_per_node_block",
    "neutrality.chi2",
    "intervals.kolmogorov",
];

fn special(name: &str, scenario: &Scenario) -> Option<Quantity> {
    let parts: Vec<&str> = name.split('.').collect();
    let number = |text: &str| text.parse::<u64>().ok();
    match parts.as_slice() {
        ["fork_law"] => Some(Quantity::new(name, fork_law)),
        ["behind", "blocks"] => Some(Quantity::new(name, |run| {
            let behind = run.behind.filter(|behind| behind.height > 0)?;
            Some(float(behind.blocks) / float(behind.height))
        })),
        ["behind", "law"] => Some(Quantity::new(name, behind_law)),
        ["messages_per_node_block"] => Some(Quantity::new(name, |run| {
            let report = &run.outcome.report;
            let received = float(report.blocks.mined) * float(report.nodes.len() as u64);
            (received > 0.0).then(|| float(report.messages_total().sent) / received)
        })),
        ["neutrality", "chi2"] => Some(Quantity::new(name, chi_square)),
        ["intervals", "kolmogorov"] => Some(Quantity::new(name, kolmogorov)),
        ["nodes", node, "revenue_share"] => {
            let node = usize::try_from(number(node)?).ok()?;
            let is_there = node < scenario.network.nodes as usize;
            is_there.then(|| Quantity::new(name, move |run| revenue(run, node)))
        }
        ["groups", strategy, "revenue_share"] => {
            let mut nodes = scenario.nodes().into_iter();
            let strategy = (*strategy).to_owned();
            nodes.any(|node| node.strategy.name() == strategy).then(|| {
                Quantity::new(name, move |run| {
                    run.outcome.report.revenue_of(&strategy)?.revenue_share
                })
            })
        }
        ["interval_ms", "geometric", window, first] => {
            let (window, first) = (number(window)?, number(first)?);
            (window >= 2)
                .then(|| Quantity::new(name, move |run| geometric_interval(run, window, first)))
        }
        ["interval_ms", from, to] => {
            let (from, to) = (number(from)?, number(to)?);
            (from < to).then(|| Quantity::new(name, move |run| mean_interval(run, from, to)))
        }
        parts => attack::quantity(name, parts, scenario),
    }
}

/// The part of the chain that this node found.
fn revenue(run: &Observed<'_>, node: usize) -> Option<f64> {
    let report = &run.outcome.report;
    let found = report.nodes.get(node)?.blocks_on_chain;
    (report.blocks.on_chain > 0).then(|| float(found) / float(report.blocks.on_chain))
}

/// The mean time between finds, from what the scenario says: the work of a block over the
/// hash rate. In milliseconds; only where both are the same in the whole run, for a law takes
/// blocks to come at one rate: see [`ONE_RATE`].
fn expected_interval_ms(scenario: &Scenario) -> Option<f64> {
    let DifficultyRule::Fixed { target } = scenario.rules.difficulty else {
        return None;
    };
    let changes = |action: &Action| {
        matches!(
            action,
            Action::SetHashRate { .. } | Action::Crash { .. } | Action::Restart { .. }
        )
    };
    let mut actions = scenario.events.iter().map(|event| &event.action);
    if scenario.churn.is_some() || actions.any(changes) {
        return None;
    }
    match scenario.mining.hash_rate {
        HashRate::PerSecond(rate) if rate > 0.0 => Some(1e3 * target.work().to_f64() / rate),
        _ => None,
    }
}

/// Decker and Wattenhofer 2013, "Information propagation in the Bitcoin network": while a
/// block is on its way, those who lack it find competing ones, a Poisson process whose rate is
/// their part of the hash rate.
fn fork_law(run: &Observed<'_>) -> Option<f64> {
    let interval = expected_interval_ms(run.scenario)?;
    let exposure = run.outcome.report.exposure_ms?;
    Some(competing(exposure, interval))
}

/// The probability of a competing block.
fn competing(exposure: f64, interval: f64) -> f64 {
    1.0 - libm::exp(-exposure / interval)
}

/// See [`behind`](super::behind).
fn behind_law(run: &Observed<'_>) -> Option<f64> {
    let interval = expected_interval_ms(run.scenario)?;
    let behind = run.behind.filter(|behind| behind.height > 0)?;
    Some(behind.seconds * 1e3 / interval / float(behind.height))
}

/// Pearson's chi-square of the blocks on the chain against the parts of the hash rate, over its
/// degrees of freedom: 1 on average if each miner finds in proportion.
fn chi_square(run: &Observed<'_>) -> Option<f64> {
    let report = &run.outcome.report;
    let on_chain = float(report.blocks.on_chain);
    let miners = report.nodes.iter().filter(|node| node.hash_share > 0.0);
    let (mut sum, mut count) = (0.0, 0_u64);
    for node in miners {
        let expected = node.hash_share * on_chain;
        sum += (float(node.blocks_on_chain) - expected).powi(2) / expected;
        count += 1;
    }
    (count > 1 && on_chain > 0.0).then(|| sum / float(count - 1))
}

/// The greatest distance between the distribution of the intervals and the exponential with the
/// mean that the scenario says, times sqrt(n) + 0.12 + 0.11 / sqrt(n): so its distribution is
/// Kolmogorov's for any n that matters (Stephens, "EDF statistics for goodness of fit and some
/// comparisons", Journal of the American Statistical Association 1974). The mean of that is
/// sqrt(pi / 2) ln 2 = 0.8687.
fn kolmogorov(run: &Observed<'_>) -> Option<f64> {
    let mean = expected_interval_ms(run.scenario)?;
    let times = chain_times_ms(run);
    let mut intervals: Vec<f64> = times.windows(2).map(|two| two[1] - two[0]).collect();
    if intervals.is_empty() {
        return None;
    }
    intervals.sort_by(f64::total_cmp);
    let n = float(intervals.len() as u64);
    let mut most: f64 = 0.0;
    for (place, interval) in (0_u32..).zip(&intervals) {
        let expected = 1.0 - libm::exp(-interval / mean);
        let (below, above) = (f64::from(place) / n, (f64::from(place) + 1.0) / n);
        most = most.max(expected - below).max(above - expected);
    }
    Some(most * (n.sqrt() + 0.12 + 0.11 / n.sqrt()))
}

fn mean_interval(run: &Observed<'_>, from: u64, to: u64) -> Option<f64> {
    let times = chain_times_ms(run);
    let at = |height: u64| times.get(usize::try_from(height).ok()?).copied();
    Some((at(to)? - at(from)?) / float(to - from))
}

/// The geometric mean, over the whole windows of `window` blocks from the one with the number
/// `first`, of the mean of the intervals that lie within a window.
fn geometric_interval(run: &Observed<'_>, window: u64, first: u64) -> Option<f64> {
    let height = run.outcome.report.height;
    let (mut sum, mut count) = (0.0, 0_u64);
    let mut number = first;
    while let Some(end) = (number + 1)
        .checked_mul(window)
        .filter(|end| *end - 1 <= height)
    {
        sum += libm::log(mean_interval(run, end - window, end - 1)?);
        count += 1;
        number += 1;
    }
    (count > 0).then(|| libm::exp(sum / float(count)))
}

/// When the blocks of the chain were found, genesis at 0, by height.
fn chain_times_ms(run: &Observed<'_>) -> Vec<f64> {
    let chain = run.outcome.tree.chain(&run.outcome.report.tip);
    let ms =
        |block: &&forkful_scenario::BlockRecord| block.time.since(Time::ZERO).as_secs_f64() * 1e3;
    chain.iter().map(ms).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fork_law_gives_the_number_of_its_paper() {
        assert!((competing(11.37, 633.68) - 0.0178).abs() < 0.000_05);
    }

    /// What a law gives for a run of this scenario.
    fn law(name: &str, toml: &str) -> Option<f64> {
        let toml = format!(
            "stop.height = 30\nnetwork = {{ nodes = 3, link = {{ latency = '1s' }} }}\n{toml}"
        );
        let scenario = Scenario::from_toml(&toml).unwrap();
        let watcher = crate::validate::behind::Watcher::new(&scenario);
        let mut options = forkful_sim::Options::default();
        options.watchers.push(watcher.sink());
        let outcome = forkful_sim::play(&scenario, options).unwrap();
        let run = Observed {
            scenario: &scenario,
            outcome: &outcome,
            behind: Some(watcher.seen()),
        };
        Quantity::parse(name, &scenario).unwrap().of(&run)
    }

    #[test]
    fn a_law_of_one_rate_says_nothing_of_a_run_with_several() {
        let fixed =
            "mining.hash_rate = 100\nconsensus.difficulty = { rule = 'fixed', zero_bits = 10 }";
        let rate = "mining.hash_rate = 100\n[consensus.difficulty]\ninitial = { zero_bits = 10 }\ninterval = '10s'";
        let several = [
            format!("{rate}\nrule = 'bitcoin'\nwindow = 5"),
            format!("{rate}\nrule = 'asert'\nhalf_life = '1min'"),
            format!("{rate}\nrule = 'lwma'\nwindow = 5"),
            format!(
                "{fixed}\nevents = [{{ at = '1s', do = 'hash-rate', node = 0, hash_rate = 9 }}]"
            ),
            format!("{fixed}\nevents = [{{ at = '1s', do = 'crash', node = 0 }}]"),
        ];
        for name in ["fork_law", "behind.law", "intervals.kolmogorov"] {
            assert!(law(name, fixed).is_some(), "{name}");
            for toml in &several {
                assert_eq!(law(name, toml), None, "{name} of {toml}");
            }
        }
    }

    #[test]
    fn names_without_parameters_are_all_there() {
        let scenario = Scenario::from_toml("").unwrap();
        for name in SPECIAL {
            assert_eq!(Quantity::parse(name, &scenario).unwrap().name(), name);
        }
        let wrong = [
            "nodes.8.revenue_share",
            "interval_ms.5.5",
            "interval_ms.-1.5",
            "interval_ms.geometric.1.0",
            "groups.selfish.revenue_share",
            "",
        ];
        for name in wrong {
            assert!(Quantity::parse(name, &scenario).is_err(), "{name:?}");
        }
    }
}
