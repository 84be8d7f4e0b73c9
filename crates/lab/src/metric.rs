//! The quantities of a run that an ensemble averages, each with a name and a unit.
//!
//! A name is the path of the value in the report: `stale_rate`, `reorgs.max_depth`,
//! `block_interval_ms.mean`, `messages.block.bytes`. A part of the network stands between:
//! `reach.50.nodes_ms.mean`.

use std::sync::LazyLock;

use forkful_core::MessageKind;
use forkful_scenario::{MessageCount, PARTS, RaceReport, ReachReport, Report, Spread};

use crate::interval::float;

/// One number that every run gives.
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Its unit: `1` for a part of a whole.
    pub unit: &'static str,
    value: Of,
}

/// Takes a number out of a report.
type Of = Box<dyn Fn(&Report) -> Option<f64> + Send + Sync>;

impl std::fmt::Debug for Metric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Metric({} in {})", self.name, self.unit)
    }
}

impl Metric {
    /// What the run gives; `None` where it has no such value, as a run without blocks has no
    /// block interval.
    pub fn value(&self, report: &Report) -> Option<f64> {
        (self.value)(report)
    }

    /// Every quantity of every run, in the order in which they are shown.
    pub fn all() -> Vec<Metric> {
        let mut all = Metrics(Vec::new());
        all.chain();
        all.attacks();
        all.times();
        all.messages();
        all.0
    }
}

/// A list in the making.
struct Metrics(Vec<Metric>);

impl Metrics {
    fn chain(&mut self) {
        self.sure("height", "blocks", |r| float(r.height));
        self.sure("duration", "s", |r| r.duration);
        self.sure("converged", "1", |r| f64::from(u8::from(r.converged)));
        self.sure("timed_out", "1", |r| f64::from(u8::from(r.timed_out)));
        self.sure("blocks.mined", "blocks", |r| float(r.blocks.mined));
        self.sure("blocks.on_chain", "blocks", |r| float(r.blocks.on_chain));
        self.sure("blocks.stale", "blocks", |r| float(r.blocks.stale));
        self.sure("stale_rate", "1", |r| r.stale_rate);
        self.sure("forks", "heights", |r| float(r.forks));
        self.sure("fork_rate", "1", |r| r.fork_rate);
        self.sure("reorgs.count", "reorgs", |r| float(r.reorgs.count));
        self.sure("reorgs.per_node", "reorgs", |r| {
            float(r.reorgs.count) / float(r.nodes.len().max(1) as u64)
        });
        self.sure("reorgs.max_depth", "blocks", |r| {
            f64::from(r.reorgs.max_depth)
        });
        self.add("reorgs.mean_depth", "blocks", mean_depth);
        self.sure("data.submitted", "entries", |r| float(r.data.submitted));
        self.sure("data.on_chain", "entries", |r| float(r.data.on_chain));
    }

    fn attacks(&mut self) {
        self.race("count", |races| float(races.count));
        self.race("ended_by_honest", |races| float(races.ended_by_honest));
        self.race("on_attackers_branch", |races| {
            float(races.on_attackers_branch)
        });
        self.race("ended_by_attackers", |races| {
            float(races.ended_by_attackers)
        });
        self.add("races.gamma", "1", |r| r.races?.gamma);
        self.add("attempts.ended", "attempts", |r| {
            Some(float(r.attempts?.ended))
        });
        self.add("attempts.won", "attempts", |r| Some(float(r.attempts?.won)));
        self.add("attempts.success_rate", "1", |r| r.attempts?.success_rate);
    }

    fn race(&mut self, what: &str, count: fn(&RaceReport) -> f64) {
        let name = format!("races.{what}");
        self.add(&name, "races", move |r| Some(count(r.races.as_ref()?)));
    }

    fn times(&mut self) {
        self.spread("block_interval_ms", |r| r.block_interval_ms);
        self.spread("propagation_ms", |r| r.propagation_ms);
        self.spread("node_propagation_ms", |r| r.node_propagation_ms);
        for percent in PARTS {
            let row = move |r: &Report| -> Option<ReachReport> {
                r.reach.iter().find(|row| row.percent == percent).copied()
            };
            self.part(percent, "nodes_ms", move |r| row(r)?.nodes_ms);
            self.part(percent, "hash_rate_ms", move |r| row(r)?.hash_rate_ms);
        }
        self.add("exposure_ms", "ms", |r| r.exposure_ms);
    }

    fn messages(&mut self) {
        self.messages_of("total", |r| Some(r.messages_total()));
        for kind in MessageKind::ALL {
            let count = move |r: &Report| r.messages.get(&kind).cloned();
            self.messages_of(kind_name(kind), count);
        }
    }

    fn spread(
        &mut self,
        name: &str,
        of: impl Fn(&Report) -> Option<Spread> + Send + Sync + Copy + 'static,
    ) {
        self.add(&format!("{name}.mean"), "ms", move |r| Some(of(r)?.mean));
        self.add(&format!("{name}.p50"), "ms", move |r| Some(of(r)?.p50));
        self.add(&format!("{name}.p90"), "ms", move |r| Some(of(r)?.p90));
        self.add(&format!("{name}.p99"), "ms", move |r| Some(of(r)?.p99));
        self.add(&format!("{name}.max"), "ms", move |r| Some(of(r)?.max));
    }

    fn part(
        &mut self,
        percent: u32,
        of_what: &str,
        of: impl Fn(&Report) -> Option<Spread> + Send + Sync + Copy + 'static,
    ) {
        let name = format!("reach.{percent}.{of_what}");
        self.add(&format!("{name}.mean"), "ms", move |r| Some(of(r)?.mean));
        self.add(&format!("{name}.p50"), "ms", move |r| Some(of(r)?.p50));
    }

    fn messages_of(
        &mut self,
        kind: &str,
        of: impl Fn(&Report) -> Option<MessageCount> + Send + Sync + Copy + 'static,
    ) {
        let mut add = |what: &str, unit, count: fn(&MessageCount) -> u64| {
            let name = format!("messages.{kind}.{what}");
            self.add(&name, unit, move |r| Some(float(count(&of(r)?))));
        };
        add("sent", "messages", |count| count.sent);
        add("dropped", "messages", |count| count.dropped);
        add("bytes", "bytes", |count| count.bytes);
    }

    fn sure(
        &mut self,
        name: &str,
        unit: &'static str,
        value: impl Fn(&Report) -> f64 + Send + Sync + 'static,
    ) {
        self.add(name, unit, move |report| Some(value(report)));
    }

    fn add(
        &mut self,
        name: &str,
        unit: &'static str,
        value: impl Fn(&Report) -> Option<f64> + Send + Sync + 'static,
    ) {
        self.0.push(Metric {
            name: name.to_owned(),
            unit,
            value: Box::new(value),
        });
    }
}

/// Blocks disconnected by a reorg, on average.
fn mean_depth(report: &Report) -> Option<f64> {
    let by_depth = &report.reorgs.by_depth;
    let blocks: u64 = by_depth
        .iter()
        .map(|(depth, count)| u64::from(*depth) * count)
        .sum();
    (report.reorgs.count > 0).then(|| float(blocks) / float(report.reorgs.count))
}

/// The name of a kind of message, as in reports and traces.
pub(crate) fn kind_name(kind: MessageKind) -> &'static str {
    /// Made once, in the order of [`MessageKind::ALL`]: serde alone knows the names.
    static NAMES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
        let name = |kind| match serde_json::to_value(kind) {
            Ok(serde_json::Value::String(name)) => name,
            _ => format!("{kind:?}"),
        };
        MessageKind::ALL.map(|kind| &*name(kind).leak()).to_vec()
    });
    NAMES[kind as usize]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use forkful_scenario::Scenario;

    use super::*;

    fn report() -> Report {
        let toml = "stop = { height = 400 }
            network = { nodes = 5, link = { latency = '90ms' } }
            nodes = [
                { nodes = 3, hash_share = 2, strategy = 'selfish' },
                { nodes = 4, strategy = { kind = 'double-spend', confirmations = 1, give_up = 3 } },
            ]";
        let scenario = Scenario::from_toml(toml).unwrap();
        let played = forkful_sim::play(&scenario, forkful_sim::Options::default());
        played.unwrap().report
    }

    /// What the report, as JSON, has at the path that is the metric's name.
    fn by_path(report: &serde_json::Value, name: &str) -> Option<f64> {
        let mut value = report;
        for key in name.split('.') {
            value = match (value, key.parse::<u64>()) {
                (serde_json::Value::Array(rows), Ok(percent)) => {
                    rows.iter().find(|row| row["percent"] == percent)?
                }
                _ => value.get(key)?,
            };
        }
        value
            .as_f64()
            .or_else(|| value.as_bool().map(|b| f64::from(u8::from(b))))
    }

    #[test]
    fn a_name_is_the_path_of_the_value_in_the_report() {
        let report = report();
        let json = serde_json::to_value(&report).unwrap();
        let derived = ["reorgs.per_node", "reorgs.mean_depth"];
        for metric in Metric::all() {
            if derived.contains(&metric.name.as_str()) || metric.name.contains(".total.") {
                continue;
            }
            let found = by_path(&json, &metric.name);
            assert!(found.is_some(), "{} is not in the report", metric.name);
            assert_eq!(metric.value(&report), found, "{}", metric.name);
        }
    }

    #[test]
    fn what_is_derived_fits_together() {
        let report = report();
        let value = |name: &str| {
            let all = Metric::all();
            let metric = all.iter().find(|metric| metric.name == name).unwrap();
            metric.value(&report).unwrap()
        };
        assert!(report.reorgs.count > 0, "the network forks");
        assert_eq!(value("reorgs.per_node") * 5.0, value("reorgs.count"));
        assert!(value("reorgs.mean_depth") >= 1.0);
        assert!(value("reorgs.mean_depth") <= value("reorgs.max_depth"));
        let sums: f64 = MessageKind::ALL
            .into_iter()
            .map(|kind| value(&format!("messages.{}.bytes", kind_name(kind))))
            .sum();
        assert_eq!(value("messages.total.bytes"), sums);
    }

    #[test]
    fn no_two_have_one_name() {
        let all = Metric::all();
        let names: BTreeSet<&str> = all.iter().map(|metric| metric.name.as_str()).collect();
        assert_eq!(names.len(), all.len());
    }
}
