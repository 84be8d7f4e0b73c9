//! Runs that differ in their seeds alone, folded into one ensemble.

use std::collections::BTreeMap;

use forkful_core::{Hash, sha256};
use forkful_scenario::{Report, Scenario, World};

use crate::ensemble_report::{
    EnsembleReport, ExpectationCount, GroupEstimate, NodeEstimate, Quantity,
};
use crate::error::LabError;
use crate::interval::{CONFIDENCE, Quantile, Sample, float};
use crate::metric::Metric;
use crate::stopping::UntilReport;

/// What is kept of all runs so far. Its size grows with nodes and quantities, not with runs:
/// every report is folded in and let go.
#[derive(Debug)]
pub struct Ensemble {
    scenario: String,
    first_seed: u64,
    runs: u64,
    metrics: Vec<(Metric, Sample)>,
    /// Reorgs of each depth in a run.
    depths: BTreeMap<u32, Sample>,
    groups: Vec<Group>,
    nodes: Vec<Node>,
    expectations: Vec<ExpectationCount>,
    /// Over the fingerprints of the runs, in order.
    trace: Hash,
}

/// What the reports say of all nodes of one strategy.
#[derive(Debug)]
struct Group {
    strategy: String,
    /// In the first run that has any.
    nodes: u64,
    hash_share: Sample,
    revenue_share: Sample,
    stale_rate: Sample,
}

/// What is counted of one node.
#[derive(Clone, Copy, Debug)]
struct Node {
    hash_share: Sample,
    blocks_mined: Sample,
    blocks_on_chain: Sample,
    revenue_share: Sample,
    reorgs: Sample,
}

impl Ensemble {
    /// No runs yet. `scenario` has the first seed.
    pub fn new(scenario: &Scenario) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for node in scenario.nodes() {
            let strategy = node.strategy.name();
            match groups.iter_mut().find(|group| group.strategy == strategy) {
                Some(group) => group.nodes += 1,
                None => groups.push(Group::new(strategy, 1)),
            }
        }
        let metrics = Metric::all().into_iter();
        Ensemble {
            scenario: scenario.name.clone(),
            first_seed: scenario.seed,
            runs: 0,
            metrics: metrics.map(|metric| (metric, Sample::EMPTY)).collect(),
            depths: BTreeMap::new(),
            groups,
            nodes: vec![Node::EMPTY; scenario.network.nodes as usize],
            expectations: Vec::new(),
            trace: Hash::ZERO,
        }
    }

    /// How many runs were taken in.
    pub fn runs(&self) -> u64 {
        self.runs
    }

    /// Takes in the next run. Runs come in the order of their seeds: so the last bits of
    /// every mean, and the fingerprint, are the same however many threads played them.
    pub fn add(&mut self, report: &Report) {
        for (metric, sample) in &mut self.metrics {
            if let Some(value) = metric.value(report) {
                sample.add(value);
            }
        }
        self.add_depths(report);
        // Where chance chooses who plays what, the first seed may lack a strategy.
        for row in &report.revenue {
            if !self
                .groups
                .iter()
                .any(|group| group.strategy == row.strategy)
            {
                self.groups.push(Group::new(&row.strategy, row.nodes));
            }
        }
        for group in &mut self.groups {
            group.add(report);
        }
        for (node, own) in self.nodes.iter_mut().zip(&report.nodes) {
            node.hash_share.add(own.hash_share);
            node.blocks_mined.add(float(own.blocks_mined));
            node.blocks_on_chain.add(float(own.blocks_on_chain));
            if report.blocks.on_chain > 0 {
                let share = float(own.blocks_on_chain) / float(report.blocks.on_chain);
                node.revenue_share.add(share);
            }
            node.reorgs.add(float(own.reorgs));
        }
        self.add_expectations(report);
        let mut text = self.trace.0.to_vec();
        text.extend(report.trace.iter().flat_map(|trace| trace.bytes()));
        self.trace = sha256(&text);
        self.runs += 1;
    }

    /// The values so far of the quantity with this name: one of [`Metric::all`], or
    /// `nodes.N.WHAT` or `groups.STRATEGY.WHAT` with a field of these in the report.
    pub fn sample(&self, name: &str) -> Option<&Sample> {
        if let Some((_, sample)) = self.metrics.iter().find(|(metric, _)| metric.name == name) {
            return Some(sample);
        }
        let mut parts = name.splitn(3, '.');
        match (parts.next()?, parts.next()?, parts.next()?) {
            ("nodes", number, what) => {
                let node = self.nodes.get(number.parse::<usize>().ok()?)?;
                match what {
                    "blocks_mined" => Some(&node.blocks_mined),
                    "blocks_on_chain" => Some(&node.blocks_on_chain),
                    "revenue_share" => Some(&node.revenue_share),
                    "reorgs" => Some(&node.reorgs),
                    _ => None,
                }
            }
            ("groups", strategy, what) => {
                let mut groups = self.groups.iter();
                let group = groups.find(|group| group.strategy == strategy)?;
                match what {
                    "revenue_share" => Some(&group.revenue_share),
                    "stale_rate" => Some(&group.stale_rate),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether there is a quantity with this name.
    ///
    /// # Errors
    /// There is none: the error says which may be meant.
    pub(crate) fn has(&self, name: &str) -> Result<(), LabError> {
        if self.sample(name).is_some() {
            return Ok(());
        }
        // Of the nodes, those of the node that was named, if it is there.
        let node = name.split('.').nth(1).and_then(|text| text.parse().ok());
        let node = node
            .filter(|node: &usize| *node < self.nodes.len())
            .unwrap_or(0);
        let of_node = ["blocks_mined", "blocks_on_chain", "revenue_share", "reorgs"];
        let of_node = of_node.map(|what| format!("nodes.{node}.{what}"));
        let of_group = |group: &Group| {
            let strategy = &group.strategy;
            ["revenue_share", "stale_rate"].map(|what| format!("groups.{strategy}.{what}"))
        };
        let of_groups: Vec<String> = self.groups.iter().flat_map(of_group).collect();
        let own = of_node.iter().chain(&of_groups).map(String::as_str);
        Err(LabError::no_metric(name, self.metric_names().chain(own)))
    }

    /// The names of the quantities that every ensemble has.
    pub fn metric_names(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(|(metric, _)| metric.name.as_str())
    }

    /// The report over all runs so far, of `planned` at most.
    pub fn report(
        &self,
        planned: u64,
        until: Option<UntilReport>,
        interrupted: bool,
    ) -> EnsembleReport {
        let mut quantile = Quantile::new();
        let quantile = &mut quantile;
        let quantity = |(metric, sample): &(Metric, Sample), quantile: &mut Quantile| Quantity {
            unit: metric.unit.to_owned(),
            estimate: sample.estimate(quantile),
        };
        let by_name = self.metrics.iter();
        EnsembleReport {
            world: World::Sim,
            scenario: self.scenario.clone(),
            first_seed: self.first_seed,
            runs: self.runs,
            runs_max: planned,
            interrupted,
            confidence: CONFIDENCE,
            until,
            trace: const_hex::encode(&self.trace.0[..16]),
            quantities: by_name
                .map(|both| (both.0.name.clone(), quantity(both, quantile)))
                .collect(),
            reorgs_by_depth: self
                .depths
                .iter()
                .map(|(depth, sample)| (*depth, sample.estimate(quantile)))
                .collect(),
            groups: self.groups.iter().map(|g| g.estimate(quantile)).collect(),
            nodes: (0..)
                .zip(&self.nodes)
                .map(|(id, node)| node.estimate(id, quantile))
                .collect(),
            expectations: self.expectations.clone(),
        }
    }

    fn add_depths(&mut self, report: &Report) {
        let by_depth = &report.reorgs.by_depth;
        for depth in by_depth.keys() {
            // Runs before had none so deep.
            let runs = self.runs;
            let sample = self.depths.entry(*depth);
            sample.or_insert_with(|| Sample::of_zeros(runs));
        }
        for (depth, sample) in &mut self.depths {
            sample.add(float(by_depth.get(depth).copied().unwrap_or(0)));
        }
    }

    fn add_expectations(&mut self, report: &Report) {
        for (place, expectation) in report.expectations.iter().enumerate() {
            if self.expectations.len() == place {
                self.expectations.push(ExpectationCount {
                    clause: expectation.clause.clone(),
                    met: 0,
                    unmet: 0,
                    first_unmet_seed: None,
                });
            }
            let count = &mut self.expectations[place];
            if expectation.met {
                count.met += 1;
            } else {
                count.unmet += 1;
                count.first_unmet_seed.get_or_insert(report.seed);
            }
        }
    }
}

impl Group {
    fn new(strategy: &str, nodes: u64) -> Self {
        Group {
            strategy: strategy.to_owned(),
            nodes,
            hash_share: Sample::EMPTY,
            revenue_share: Sample::EMPTY,
            stale_rate: Sample::EMPTY,
        }
    }

    fn add(&mut self, report: &Report) {
        let Some(own) = report.revenue_of(&self.strategy) else {
            return;
        };
        self.hash_share.add(own.hash_share);
        if let Some(share) = own.revenue_share {
            self.revenue_share.add(share);
        }
        if let Some(rate) = own.stale_rate {
            self.stale_rate.add(rate);
        }
    }

    fn estimate(&self, quantile: &mut Quantile) -> GroupEstimate {
        GroupEstimate {
            strategy: self.strategy.clone(),
            nodes: self.nodes,
            hash_share: self.hash_share.mean(),
            revenue_share: self.revenue_share.estimate(quantile),
            stale_rate: self.stale_rate.estimate(quantile),
        }
    }
}

impl Node {
    const EMPTY: Node = Node {
        hash_share: Sample::EMPTY,
        blocks_mined: Sample::EMPTY,
        blocks_on_chain: Sample::EMPTY,
        revenue_share: Sample::EMPTY,
        reorgs: Sample::EMPTY,
    };

    fn estimate(&self, id: u32, quantile: &mut Quantile) -> NodeEstimate {
        NodeEstimate {
            id,
            hash_share: self.hash_share.mean(),
            blocks_mined: self.blocks_mined.estimate(quantile),
            blocks_on_chain: self.blocks_on_chain.estimate(quantile),
            revenue_share: self.revenue_share.estimate(quantile),
            reorgs: self.reorgs.estimate(quantile),
        }
    }
}
