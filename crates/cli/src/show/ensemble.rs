//! What came of many runs, as tables and one sentence.

use forkful_lab::{EnsembleReport, Estimate, Metric};

use crate::show::numbers::{plus_minus, short};
use crate::show::style::{BAD, BOLD, DIM, GOOD, count, number, paint};
use crate::show::table::Table;

/// Nodes that are listed: those with the most hash rate.
const NODES_MAX: usize = 12;

/// Depths of reorgs that are listed.
const DEPTHS_MAX: usize = 8;

/// The tables: quantities, reorgs by depth, nodes.
pub fn lines(report: &EnsembleReport) -> Vec<String> {
    let mut lines = vec![paint(BOLD, "The quantities")];
    lines.extend(quantities(report));
    if !report.reorgs_by_depth.is_empty() {
        lines.push(String::new());
        lines.push(paint(BOLD, "Reorgs of a run, by depth"));
        lines.extend(depths(report));
    }
    lines.push(String::new());
    lines.push(paint(BOLD, "Part of the blocks on the chain, by hash rate"));
    lines.extend(nodes(report));
    lines
}

/// What was seen, in a sentence or two.
pub fn sentence(report: &EnsembleReport) -> String {
    let last = report.first_seed + report.runs.saturating_sub(1);
    let seeds = match report.runs {
        0 => return paint(BAD, "No run was played to its end before the interrupt."),
        1 => format!("with seed {}", report.first_seed),
        _ => format!("with seeds {} to {last}", report.first_seed),
    };
    let runs = paint(
        BOLD,
        format_args!("{} {seeds}", count(report.runs, "run", "runs")),
    );
    let mut text = format!("{runs}, intervals of 95 %.");
    if let Some(until) = &report.until {
        let metric = &until.metric;
        text.push_str(&if until.reached {
            format!(" The interval of {metric} is as narrow as it was to be.")
        } else {
            let wide = format!("The interval of {metric} is still too wide.");
            format!(" {}", paint(BAD, wide))
        });
    }
    if report.interrupted {
        let of = number(report.runs_max);
        text.push_str(&format!(
            " Interrupted: there were to be {of} runs at most."
        ));
    }
    let unmet = report.expectations.iter().filter(|e| e.unmet > 0).count();
    text.push_str(&match unmet {
        0 => format!(" {}", paint(GOOD, "Every run was as expected.")),
        _ => format!(" {}", paint(BAD, "Not every run was as expected.")),
    });
    text
}

fn heads(first: &str) -> Vec<String> {
    let heads = [first, "unit", "mean", "± 95 %", "sd", "min", "max", "runs"];
    heads.map(|head| paint(DIM, head)).to_vec()
}

fn quantities(report: &EnsembleReport) -> Vec<String> {
    let mut table = Table::default();
    table.rows.push(heads("quantity"));
    for metric in Metric::all() {
        let Some(quantity) = report.quantities.get(&metric.name) else {
            continue;
        };
        if is_shown(&metric.name) && quantity.estimate.max.is_some_and(|max| max != 0.0) {
            let unit = if metric.unit == "1" { "" } else { metric.unit };
            table.rows.push(row(&metric.name, unit, &quantity.estimate));
        }
    }
    table.lines(2)
}

/// The report has them all; a table for people leaves out what is nearly the same.
fn is_shown(name: &str) -> bool {
    let is_detail = [".p99", ".max"].iter().any(|end| name.ends_with(end));
    let is_median = name.starts_with("reach.") && name.ends_with(".p50");
    !is_detail && !is_median
}

fn depths(report: &EnsembleReport) -> Vec<String> {
    let mut table = Table::default();
    table.rows.push(heads("depth"));
    for (depth, estimate) in report.reorgs_by_depth.iter().take(DEPTHS_MAX) {
        let unit = if *depth == 1 { "block" } else { "blocks" };
        table.rows.push(row(&depth.to_string(), unit, estimate));
    }
    table.lines(2)
}

fn nodes(report: &EnsembleReport) -> Vec<String> {
    let mut table = Table::default();
    let heads = ["", "nodes", "hash rate", "on the chain", "± 95 %"];
    table.rows.push(heads.map(|head| paint(DIM, head)).to_vec());
    let mut add = |name: String, nodes: u64, share: f64, revenue: &Estimate| {
        let (mean, half) = halves(revenue, 100.0);
        let part = format!("{} %", short(share * 100.0));
        table
            .rows
            .push(vec![name, number(nodes), part, format!("{mean} %"), half]);
    };
    for group in &report.groups {
        add(
            group.strategy.clone(),
            group.nodes,
            group.hash_share,
            &group.revenue_share,
        );
    }
    let mut nodes: Vec<_> = report.nodes.iter().collect();
    nodes.sort_by(|a, b| b.hash_share.total_cmp(&a.hash_share).then(a.id.cmp(&b.id)));
    for node in nodes.iter().take(NODES_MAX) {
        add(
            format!("n{}", node.id),
            1,
            node.hash_share,
            &node.revenue_share,
        );
    }
    let mut lines = table.lines(1);
    if let Some(left) = nodes.len().checked_sub(NODES_MAX).filter(|left| *left > 0) {
        lines.push(format!("  and {left} more nodes, in the report"));
    }
    lines
}

fn row(name: &str, unit: &str, estimate: &Estimate) -> Vec<String> {
    let (mean, half) = halves(estimate, 1.0);
    let or_dash = |value: Option<f64>| value.map_or("–".to_owned(), short);
    vec![
        name.to_owned(),
        paint(DIM, unit),
        mean,
        half,
        or_dash(estimate.sd),
        or_dash(estimate.min),
        or_dash(estimate.max),
        number(estimate.runs),
    ]
}

fn halves(estimate: &Estimate, scale: f64) -> (String, String) {
    let Some(mean) = estimate.mean else {
        return ("–".to_owned(), "–".to_owned());
    };
    let half = estimate.high.map(|high| (high - mean) * scale);
    plus_minus(mean * scale, half)
}
