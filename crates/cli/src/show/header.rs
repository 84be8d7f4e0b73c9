//! What is about to be played, in a few lines.

use std::time::Duration;

use forkful_core::{DifficultyRule, ForkChoice, Relay, Timestamp};
use forkful_scenario::{
    Distribution, HashRate, JitterKind, Network, Scenario, Stop, Topology, World,
};

use crate::show::style::{BOLD, DIM, count, number, paint, plain_line, rate, span, wrapped};

/// Where the text beside the labels begins.
const INDENT: usize = 12;

/// The lines above a run.
pub fn lines(scenario: &Scenario, world: World, plaintext: bool, width: usize) -> Vec<String> {
    let name = paint(
        BOLD,
        format_args!("forkful · {}", plain_line(&scenario.name)),
    );
    let mut lines = vec![name];
    if let Some(about) = &scenario.about {
        lines.extend(wrapped(&plain_line(about), width, 0));
    }
    lines.push(String::new());
    for (label, text) in [
        ("world", world_text(world, plaintext)),
        ("network", network(scenario)),
        ("link", link(&scenario.network)),
        ("rules", rules(scenario)),
        ("mining", mining(scenario)),
        ("until", until(&scenario.stop)),
        ("seed", scenario.seed.to_string()),
    ] {
        let label = paint(DIM, format_args!("{label:<9}"));
        lines.extend(wrapped(&format!("  {label} {text}"), width, INDENT));
    }
    lines
}

fn world_text(world: World, plaintext: bool) -> String {
    let about = match world {
        World::Mesh => "all nodes in this process, real time, real proof of work",
        World::Tcp if plaintext => "TCP in plaintext on loopback, real time, real proof of work",
        World::Tcp => "encrypted TCP on loopback, real time, real proof of work",
        World::Sim => "virtual time, a lottery for proof of work",
    };
    format!("{world}: {about}")
}

fn network(scenario: &Scenario) -> String {
    let network = &scenario.network;
    let links = scenario.link_count();
    let shape = match &network.topology {
        Topology::Full => "each with every other".to_owned(),
        Topology::Ring => "in a ring".to_owned(),
        Topology::Line => "in a line".to_owned(),
        Topology::Star => "in a star around n0".to_owned(),
        Topology::Random { degree, .. } => format!("each opens {} by chance", drawn(degree)),
        Topology::Bounded { min_links, .. } => {
            format!("each has {} or more by chance", drawn(min_links))
        }
        Topology::SmallWorld { neighbours, .. } => {
            format!("a small world: {neighbours} neighbours each, and short cuts")
        }
        Topology::ScaleFree { degree } => {
            format!("scale-free: each new one opens {degree}, hubs first")
        }
        Topology::Edges(_) => "as listed".to_owned(),
    };
    let relay = match scenario.relay.relay {
        Relay::Flood => "flood: a new block is pushed to every peer",
        Relay::Announce => "announce: headers first, bodies on request",
        Relay::Unsolicited => "unsolicited: miners push their blocks, the rest is announced",
        Relay::Compact => "compact: headers first, bodies rebuilt from short ids",
    };
    format!(
        "{}, {} ({shape}); {relay}",
        count(network.nodes.into(), "node", "nodes"),
        count(links, "link", "links"),
    )
}

/// A number that may be drawn from a distribution.
fn drawn(distribution: &Distribution) -> String {
    match distribution {
        Distribution::Constant(value) => value.to_string(),
        _ => format!("about {:.1}", distribution.mean()),
    }
}

fn link(network: &Network) -> String {
    let link = &network.link;
    let mut text = match &network.regions {
        Some(table) => format!(
            "latency by region ({} regions{})",
            table.names.len(),
            table
                .name
                .as_ref()
                .map_or(String::new(), |name| format!(" of {}", plain_line(name)))
        ),
        None => format!("latency {}", span(link.latency)),
    };
    match link.jitter.kind {
        JitterKind::None => {}
        JitterKind::Uniform { spread } => text.push_str(&format!(" ± {}", span(spread))),
        JitterKind::Pareto { .. } => text.push_str(" on average (Pareto)"),
        JitterKind::Lognormal { .. } => text.push_str(" on average (lognormal)"),
    }
    if let Some(bits) = link.bandwidth_bits {
        #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
        let bits = bits as f64;
        text.push_str(&format!(", {}bit/s", spaced(&rate(bits))));
    }
    if link.loss > 0.0 {
        text.push_str(&format!(", {:.3}% of messages lost", link.loss * 100.0));
    }
    text
}

/// `10M` as `10 M`, for a unit to follow.
fn spaced(rate: &str) -> String {
    let digits = rate.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    format!("{digits} {}", &rate[digits.len()..])
}

fn rules(scenario: &Scenario) -> String {
    let difficulty = match scenario.rules.difficulty {
        DifficultyRule::Fixed { .. } => "difficulty fixed".to_owned(),
        DifficultyRule::Bitcoin { window, .. } => {
            format!("difficulty adapts every {window} blocks (bitcoin)")
        }
        DifficultyRule::Asert { half_life_ms, .. } => format!(
            "difficulty adapts with a half-life of {} (asert)",
            span(Duration::from_millis(half_life_ms))
        ),
        DifficultyRule::Lwma { window, .. } => {
            format!("difficulty adapts over {window} blocks (lwma)")
        }
    };
    let choice = match scenario.rules.fork_choice {
        ForkChoice::MostWork => "the chain with most work wins",
        ForkChoice::Longest => "the longest chain wins",
    };
    format!("{difficulty}; {choice}")
}

/// How often a block comes, which is what all times of a run are to be held against.
fn mining(scenario: &Scenario) -> String {
    let consensus = scenario.consensus(Timestamp::default());
    let tries = consensus.difficulty.initial().work().to_f64();
    let each = format!("one try in {} makes a block", whole(tries));
    match scenario.mining.hash_rate {
        HashRate::Unlimited => format!("{each}; as fast as this machine can"),
        HashRate::PerSecond(per_second) if per_second > 0.0 => format!(
            "{each}, {} tries/s in all: a block every {}",
            rate(per_second),
            crate::show::style::seconds(tries / per_second)
        ),
        HashRate::PerSecond(_) => format!("{each}; nobody mines"),
    }
}

fn whole(value: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be in range"
    )]
    if (0.0..1e15).contains(&value) {
        number(value.round() as u64)
    } else {
        format!("{value:.2e}")
    }
}

fn until(stop: &Stop) -> String {
    let mut clauses = Vec::new();
    if let Some(height) = stop.height {
        clauses.push(format!("height {}", number(height)));
    }
    if let Some(blocks) = stop.blocks {
        clauses.push(format!("{} mined", count(blocks, "block", "blocks")));
    }
    if let Some(time) = stop.time {
        clauses.push(span(time));
    }
    let goal = clauses.join(" or ");
    format!(
        "{goal} and all agree; given up after {}",
        span(stop.time_limit)
    )
}
