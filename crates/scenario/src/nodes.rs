//! What each node of a scenario has of its own: where it is, its lines, its part of the hash rate.

use forkful_core::{Config, NodeId};

use crate::distribution::Distribution;
use crate::quantity::HashRate;
use crate::scenario::{NodeSpec, Scenario};
use crate::strategy::StrategyKind;
use crate::stream::Stream;
use crate::traffic::Cost;

/// How fast each node's own lines are.
#[derive(Debug)]
pub(crate) struct Lines {
    up: Vec<Cost>,
    down: Vec<Cost>,
}

impl Lines {
    /// Those of a scenario; `None` when no node has any.
    pub(crate) fn new(scenario: &Scenario) -> Option<Self> {
        let is_given = scenario
            .overrides
            .iter()
            .any(|change| change.upload_bits.is_some() || change.download_bits.is_some());
        let regions = scenario.network.regions.as_deref();
        let has_lines = regions
            .is_some_and(|table| table.upload_bits.is_some() || table.download_bits.is_some());
        if !is_given && !has_lines {
            return None;
        }
        let (up, down) = scenario.bandwidths();
        let costs = |bits: Vec<Option<u64>>| {
            bits.into_iter()
                .map(|bits| bits.map_or(Cost::NONE, Cost::of_bandwidth))
                .collect()
        };
        Some(Lines {
            up: costs(up),
            down: costs(down),
        })
    }

    #[inline]
    pub(crate) fn up(&self, node: NodeId) -> Cost {
        self.up[node.0 as usize]
    }

    #[inline]
    pub(crate) fn down(&self, node: NodeId) -> Cost {
        self.down[node.0 as usize]
    }
}

impl Scenario {
    /// Every node, in order. Takes memory for all of them: check the world first.
    pub fn nodes(&self) -> Vec<NodeSpec> {
        let (up, down) = self.bandwidths();
        let regions = self.network.regions.as_ref().map(|_| self.regions());
        let mut specs: Vec<NodeSpec> = (0..self.network.nodes)
            .map(|id| NodeSpec {
                id: NodeId(id),
                hash_share: self.drawn_share(NodeId(id)),
                hash_rate: HashRate::PerSecond(0.0),
                strategy: StrategyKind::default(),
                config: self.relay,
                clock_skew_ms: 0,
                region: regions.as_ref().map(|regions| regions[id as usize]),
                upload_bits: up.get(id as usize).copied().flatten(),
                download_bits: down.get(id as usize).copied().flatten(),
            })
            .collect();
        for change in &self.overrides {
            for node in change.nodes.iter() {
                change.apply(&mut specs[node.0 as usize]);
            }
        }
        let shares: f64 = specs.iter().map(|spec| spec.hash_share).sum();
        for spec in &mut specs {
            let share = if shares > 0.0 {
                spec.hash_share / shares
            } else {
                0.0
            };
            spec.hash_rate = self.mining.hash_rate.share(share);
        }
        specs
    }

    /// What a node's share of the hash rate is if no `[[nodes]]` table says otherwise.
    fn drawn_share(&self, node: NodeId) -> f64 {
        match &self.mining.hash_shares {
            Some(shares) => shares.draw(Stream::HashShare(node).seed(self.seed)),
            None => 1.0,
        }
    }

    /// Of every node, its part of the hash rate in relation to the others'.
    pub(crate) fn hash_shares(&self) -> Vec<f64> {
        let nodes = (0..self.network.nodes).map(NodeId);
        let mut shares: Vec<f64> = nodes.map(|node| self.drawn_share(node)).collect();
        for change in &self.overrides {
            if let Some(share) = change.hash_share {
                for node in change.nodes.iter() {
                    shares[node.0 as usize] = share;
                }
            }
        }
        shares
    }

    /// How every node behaves; `None` where all are honest.
    pub(crate) fn strategies(&self) -> Option<Vec<StrategyKind>> {
        let changes = || {
            let changes = self.overrides.iter();
            changes.filter_map(|change| Some((&change.nodes, change.strategy?)))
        };
        changes().find(|(_, strategy)| *strategy != StrategyKind::Honest)?;
        let mut of = vec![StrategyKind::Honest; self.network.nodes as usize];
        for (nodes, strategy) in changes() {
            for node in nodes.iter() {
                of[node.0 as usize] = strategy;
            }
        }
        of.iter()
            .any(|strategy| *strategy != StrategyKind::Honest)
            .then_some(of)
    }

    /// The region of every node; empty when there are none.
    pub(crate) fn regions(&self) -> Vec<u8> {
        let Some(table) = &self.network.regions else {
            return Vec::new();
        };
        let mut of = table.assign(self.network.nodes, self.seed);
        for change in &self.overrides {
            if let Some(region) = change.region {
                for node in change.nodes.iter() {
                    of[node.0 as usize] = region;
                }
            }
        }
        of
    }

    /// Bits per second that every node sends and receives; `None` is unlimited, and so are
    /// all when nothing is given.
    pub(crate) fn bandwidths(&self) -> (Vec<Option<u64>>, Vec<Option<u64>>) {
        let seed = self.seed;
        let regions = self.regions();
        let of_region = |lines: &Option<Vec<Distribution>>, stream: fn(NodeId) -> Stream| {
            let nodes = (0..self.network.nodes).zip(&regions);
            let drawn = |lines: &Vec<Distribution>| {
                nodes
                    .map(|(node, region)| {
                        let bits = stream(NodeId(node)).seed(seed);
                        Some(whole_bits(lines[usize::from(*region)].draw(bits)))
                    })
                    .collect()
            };
            let unlimited = || vec![None; self.network.nodes as usize];
            lines.as_ref().map_or_else(unlimited, drawn)
        };
        let table = self.network.regions.as_deref();
        let (none, table_lines) = (None, table);
        let mut up = of_region(
            table_lines.map_or(&none, |table| &table.upload_bits),
            Stream::Upload,
        );
        let mut down = of_region(
            table_lines.map_or(&none, |table| &table.download_bits),
            Stream::Download,
        );
        for change in &self.overrides {
            for node in change.nodes.iter() {
                let place = node.0 as usize;
                up[place] = change.upload_bits.or(up[place]);
                down[place] = change.download_bits.or(down[place]);
            }
        }
        (up, down)
    }
}

/// A bandwidth in whole bits per second, and never none at all.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn whole_bits(bits: f64) -> u64 {
    (bits as u64).max(1)
}

impl crate::scenario::NodeOverride {
    fn apply(&self, spec: &mut NodeSpec) {
        spec.hash_share = self.hash_share.unwrap_or(spec.hash_share);
        spec.strategy = self.strategy.unwrap_or(spec.strategy);
        spec.config = Config {
            relay: self.relay.unwrap_or(spec.config.relay),
            compact_failure_per_million: self
                .compact_failure
                .unwrap_or(spec.config.compact_failure_per_million),
            ..spec.config
        };
        spec.clock_skew_ms = self.clock_skew_ms.unwrap_or(spec.clock_skew_ms);
    }
}
