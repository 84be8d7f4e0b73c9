//! What came of a run, in a few lines and one sentence.

use forkful_scenario::{MessageCount, NodeState, Report};

use crate::show::style::{
    BAD, BOLD, DIM, GOOD, bytes, count, number, paint, plain_line, seconds, wrapped,
};

/// Where the text beside the labels begins.
const INDENT: usize = 15;

/// Messages, data, times and expectations.
pub fn lines(report: &Report, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut add = |label: &str, text: String| {
        let label = paint(DIM, format_args!("{label:<12}"));
        lines.extend(wrapped(&format!("  {label} {text}"), width, INDENT));
    };
    add("messages", messages(report));
    let total = report.messages_total();
    if total.dropped > 0 {
        add("dropped", dropped(&total));
    }
    if report.data.submitted > 0 {
        let data = &report.data;
        let entries = count(data.submitted, "entry", "entries");
        let text = if data.pending == 0 {
            format!("{entries} submitted, all on the chain")
        } else {
            let pending = paint(BAD, format_args!("{} not", number(data.pending)));
            format!(
                "{entries} submitted, {} on the chain, {pending}",
                number(data.on_chain)
            )
        };
        add("data", text);
    }
    if let Some(interval) = report.block_interval_ms {
        add(
            "block time",
            format!("{} on average", seconds(interval.mean / 1e3)),
        );
    }
    if let (Some(half), Some(most)) = (reached(report, 50), reached(report, 90)) {
        let text =
            format!("half of the nodes have a block after {half}, 90% after {most} (medians)");
        add("propagation", text);
    }
    for (place, text) in attackers(report).into_iter().enumerate() {
        add(if place == 0 { "attackers" } else { "" }, text);
    }
    for (place, expectation) in report.expectations.iter().enumerate() {
        let label = if place == 0 { "expected" } else { "" };
        let clause = plain_line(&expectation.clause);
        let found = plain_line(&expectation.found);
        let text = if expectation.met {
            format!("{} {clause}", paint(GOOD, "✓"))
        } else {
            format!("{} {clause}, found {found}", paint(BAD, "✗"))
        };
        add(label, text);
    }
    lines
}

/// What was seen, in a sentence or two.
pub fn sentence(report: &Report) -> String {
    let duration = seconds(report.duration);
    let seen = if report.blocks.mined == 0 {
        format!("In {duration} nobody found a block")
    } else {
        let depth = match report.reorgs.max_depth {
            0 => String::new(),
            depth => format!(
                ", the deepest of {}",
                count(depth.into(), "block", "blocks")
            ),
        };
        format!(
            "In {duration}: {} mined, {}, {} stale, {}{depth}",
            count(report.blocks.mined, "block", "blocks"),
            count(report.forks, "fork", "forks"),
            number(report.blocks.stale),
            count(report.reorgs.count, "reorg", "reorgs"),
        )
    };
    let ended = match (report.interrupted, report.timed_out) {
        (true, _) => " The run was interrupted.",
        (_, true) => " The run was given up: its stop.time_limit had passed.",
        _ => "",
    };
    format!("{}.{ended} {}", paint(BOLD, seen), agreement(report))
}

/// How long it takes until so many nodes of a hundred have a block.
/// The median over the blocks: of two that are tied, the second may be relayed late, and a
/// few of those pull a mean far away from what a block usually takes.
fn reached(report: &Report, percent: u32) -> Option<String> {
    let row = report.reach.iter().find(|row| row.percent == percent)?;
    Some(seconds(row.nodes_ms?.p50 / 1e3))
}

fn agreement(report: &Report) -> String {
    let nodes = report.nodes.len() as u64;
    let at_tip = report
        .nodes
        .iter()
        .filter(|node| node.tip == report.tip)
        .count() as u64;
    let down = report
        .nodes
        .iter()
        .filter(|node| node.state == NodeState::Crashed)
        .count() as u64;
    let tip = match report.height {
        0 => "genesis".to_owned(),
        height => format!("block #{height} {}", report.tip.short()),
    };
    if at_tip == nodes {
        let all = match nodes {
            1 => "The only node is at".to_owned(),
            2 => "Both nodes agree on".to_owned(),
            nodes => format!("All {} nodes agree on", number(nodes)),
        };
        return format!("{} {tip}.", paint(GOOD, all));
    }
    let down = match down {
        0 => String::new(),
        down => format!(" ({} down)", number(down)),
    };
    if report.converged {
        let agree = format!("{} of {} nodes agree on", number(at_tip), number(nodes));
        format!("{} {tip}{down}.", paint(GOOD, agree))
    } else {
        let differ = paint(BAD, "They do not agree:");
        let part = format!("{} of {} nodes", number(at_tip), number(nodes));
        format!("{differ} {tip} is the tip of {part}{down}.")
    }
}

fn messages(report: &Report) -> String {
    let total = report.messages_total();
    let mut kinds: Vec<_> = report
        .messages
        .iter()
        .filter(|(_, count)| count.sent > 0)
        .collect();
    kinds.sort_by_key(|(_, count)| std::cmp::Reverse(count.sent));
    let kinds: Vec<String> = kinds
        .into_iter()
        .map(|(kind, count)| format!("{kind:?} {}", number(count.sent)))
        .collect();
    let mut text = format!("{} sent, {}", number(total.sent), bytes(total.bytes));
    if !kinds.is_empty() {
        text.push_str(&format!(": {}", kinds.join(", ")));
    }
    text
}

/// What each kind of attacker earned, and how its races and attempts went.
fn attackers(report: &Report) -> Vec<String> {
    let percent = |part: f64| format!("{:.1} %", part * 100.0);
    let mut lines = Vec::new();
    for row in report.revenue.iter().filter(|row| row.strategy != "honest") {
        if let Some(revenue) = row.revenue_share {
            let (earned, share) = (percent(revenue), percent(row.hash_share));
            let strategy = plain_line(&row.strategy);
            lines.push(format!(
                "{strategy}: {earned} of the chain with {share} of the hash rate"
            ));
        }
    }
    if let Some(races) = report.races.filter(|races| races.count > 0) {
        let gamma = races.gamma.map(|gamma| format!(", gamma {gamma:.3}"));
        let count = count(races.count, "race", "races");
        lines.push(format!("{count}{}", gamma.unwrap_or_default()));
    }
    if let Some(attempts) = report.attempts {
        let (won, ended) = (number(attempts.won), number(attempts.ended));
        lines.push(format!("{won} of {ended} double spends succeeded"));
    }
    lines
}

fn dropped(total: &MessageCount) -> String {
    let reasons: Vec<String> = total
        .dropped_by
        .iter()
        .map(|(reason, dropped)| {
            let reason = match reason {
                forkful_core::event::DropReason::Loss => "lost on a link",
                forkful_core::event::DropReason::Cut => "link cut or network split",
                forkful_core::event::DropReason::InboxFull => "inbox full",
                forkful_core::event::DropReason::LinkFull => "link full",
                forkful_core::event::DropReason::Down => "receiver down",
            };
            format!("{reason} {}", number(*dropped))
        })
        .collect();
    format!("{} messages: {}", number(total.dropped), reasons.join(", "))
}
