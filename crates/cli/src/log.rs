//! The log of a node: what happens in it, as lines for people or for programs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use forkful_core::event::What;
use forkful_core::{Event, Hash};
use forkful_net::tcp::Notice;
use forkful_net::tcp::end::End;
use forkful_scenario::Sink;
use tracing::field::{DisplayValue, display};
use tracing::{Level, debug, info, trace, warn};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};

use crate::node_args::{LogFormat, LogLevel};
use crate::show::style::plain_line;

/// Lines of one [`Topic`] in a window of [`WINDOW`]. More are counted, not written: a
/// stranger must not fill the disk.
const LINES_MAX: u32 = 60;
const WINDOW: Duration = Duration::from_secs(60);
/// How much of a text that a peer chose is written.
const TEXT_MAX: usize = 200;

/// Begins to log, on standard error.
pub fn init(format: LogFormat, level: LogLevel) {
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        // They would be told on standard error too, by a panic where that is closed.
        .log_internal_errors(false)
        .with_max_level(level)
        .with_target(false);
    // Somebody else's subscriber can only be there in a test.
    let _ = match format {
        LogFormat::Text => tracing::subscriber::set_global_default(
            subscriber
                .with_timer(Seconds)
                .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
                .finish(),
        ),
        LogFormat::Json => tracing::subscriber::set_global_default(subscriber.json().finish()),
    };
}

/// The time in lines for people: so precise that a line has room for more.
struct Seconds;

impl FormatTime for Seconds {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let second = time.split_once('.').map_or(&*time, |(second, _)| second);
        write!(writer, "{}Z", second.trim_end_matches('Z'))
    }
}

/// What lines are about. Each has a bound of its own, so that a flood of one hides no other.
#[derive(Clone, Copy, Debug)]
enum Topic {
    /// Blocks and tips: a peer may find many on a network without difficulty.
    Chain,
    /// What peers said that breaks a rule.
    Said,
    /// Blocks of peers that do not connect, which cost them nothing.
    Unconnected,
    /// Data that was submitted.
    Data,
    /// Connections that others made.
    Inbound,
    /// Connections that we made: an address that we tried may come from a peer.
    Outbound,
    /// What the network keeps, and cannot.
    Kept,
}

/// The bounds of all topics.
#[derive(Default)]
struct Bounds([Bound; 7]);

impl Bounds {
    /// Whether one line more of this may be written now.
    fn let_pass(&mut self, topic: Topic) -> bool {
        self.0[topic as usize].lets(topic)
    }
}

/// A sink that logs what happens in a node.
pub fn sink(format: LogFormat) -> Sink {
    let mut bounds = Bounds::default();
    Box::new(move |event| log(event, format, &mut bounds))
}

fn log(event: &Event, format: LogFormat, bounds: &mut Bounds) {
    use Topic::{Chain, Data, Said};
    // For people so much of a hash that a line fits a terminal.
    let named = |hash: &Hash| match format {
        LogFormat::Text => hash.short(),
        LogFormat::Json => hash.to_string(),
    };
    match &event.what {
        What::Mined { block, entries, .. } if bounds.let_pass(Chain) => {
            info!(height = block.height, hash = %named(&block.hash), entries, "mined a block");
        }
        What::TipChanged {
            new,
            disconnected: 0,
            ..
        } if bounds.let_pass(Chain) => {
            info!(height = new.height, hash = %named(&new.hash), "new tip")
        }
        What::TipChanged {
            new,
            disconnected: depth @ 1..,
            ..
        } if bounds.let_pass(Chain) => {
            info!(height = new.height, hash = %named(&new.hash), depth, "reorg");
        }
        What::Unconnected { from, hash, .. } if bounds.let_pass(Topic::Unconnected) => {
            info!(peer = from.0, hash = %named(hash), "unconnected, asking for chain");
        }
        What::Rejected { from, why } if bounds.let_pass(Said) => {
            // Who goes on breaking rules is disconnected, and told.
            info!(peer = from.0, why = text(why), "rejected what a peer sent");
        }
        What::Submitted { entry, bytes } if is_debug() && bounds.let_pass(Data) => {
            debug!(entry = %named(entry), bytes, "took data");
        }
        What::Refused { entry, why } if is_debug() && bounds.let_pass(Data) => {
            debug!(entry = %named(entry), why = text(why), "refused data");
        }
        What::Sent { to, kind, bytes } => trace!(peer = to.0, ?kind, bytes, "sent"),
        What::Delivered { from, kind, bytes } => trace!(peer = from.0, ?kind, bytes, "received"),
        _ => {}
    }
}

/// Logs what happens to connections.
pub fn connections(format: LogFormat) -> impl Fn(&Notice) + Send + Sync {
    let bounds = Mutex::new(Bounds::default());
    move |notice| {
        // A panic in here leaves counts behind, which are good for counting on.
        let mut bounds = bounds.lock().unwrap_or_else(PoisonError::into_inner);
        log_notice(notice, format, &mut bounds);
    }
}

/// The address of who connected, or of whom we connected to.
fn ends<T>(address: T, inbound: bool) -> (Option<DisplayValue<T>>, Option<DisplayValue<T>>)
where
    T: std::fmt::Display,
{
    match inbound {
        true => (Some(display(address)), None),
        false => (None, Some(display(address))),
    }
}

fn log_notice(notice: &Notice, format: LogFormat, bounds: &mut Bounds) {
    let direction = |inbound| match inbound {
        true => Topic::Inbound,
        false => Topic::Outbound,
    };
    match notice {
        Notice::Up {
            peer,
            address,
            inbound,
            ..
        } if bounds.let_pass(direction(*inbound)) => {
            let (from, to) = ends(address, *inbound);
            info!(peer = peer.0, from, to, "peer connected");
        }
        Notice::Down {
            peer,
            address,
            inbound,
            why,
        } if bounds.let_pass(direction(*inbound)) => {
            let (from, to) = ends(address, *inbound);
            info!(
                peer = peer.0,
                from,
                to,
                why = text(&why.to_string()),
                "peer gone"
            );
        }
        Notice::Refused {
            address,
            inbound,
            why,
        } if weight(*inbound, why).is_some_and(is_enabled)
            && bounds.let_pass(direction(*inbound)) =>
        {
            let (from, to) = ends(address, *inbound);
            let why_text = reason(why, format);
            match weight(*inbound, why) {
                Some(Level::WARN) => warn!(from, to, why = why_text, "no connection"),
                Some(Level::INFO) => info!(from, to, why = why_text, "no connection"),
                _ => debug!(from, to, why = why_text, "no connection"),
            }
        }
        Notice::Unresolved { name, why }
            if *why != End::Shutdown && bounds.let_pass(Topic::Outbound) =>
        {
            info!(
                name = text(name),
                why = reason(why, format),
                "no connection"
            );
        }
        Notice::Forgotten { what, why } if bounds.let_pass(Topic::Kept) => {
            let why = text(why);
            warn!(what, why, "what was kept is damaged, and begun anew");
        }
        Notice::NotKept { what, why } if bounds.let_pass(Topic::Kept) => {
            warn!(what, why = text(why), "could not be kept for the next time");
        }
        Notice::NotDiscovering { why } if bounds.let_pass(Topic::Kept) => {
            let why = text(why);
            warn!(why, "nodes on the local network are not found");
        }
        _ => {}
    }
}

/// Why there is no connection; for people without whole hashes.
fn reason(why: &End, format: LogFormat) -> String {
    match why {
        End::WrongGenesis { theirs, ours } if format == LogFormat::Text => format!(
            "another network: genesis {}, ours {}",
            theirs.short(),
            ours.short()
        ),
        why => text(&why.to_string()),
    }
}

/// How much somebody should look at a connection that is none; `None` is not at all.
fn weight(inbound: bool, why: &End) -> Option<Level> {
    match why {
        End::Shutdown => None,
        // Two nodes that were meant to meet never will.
        End::WrongGenesis { .. } | End::WrongVersion(_) => Some(Level::WARN),
        // We wanted it.
        _ if !inbound => Some(Level::INFO),
        _ => Some(Level::DEBUG),
    }
}

fn is_debug() -> bool {
    is_enabled(Level::DEBUG)
}

/// Whether lines of this level are written at all: what is not must not count.
fn is_enabled(level: Level) -> bool {
    level <= tracing::level_filters::LevelFilter::current()
}

/// Without control characters, and shortened.
pub fn text(why: &str) -> String {
    let mut plain = plain_line(why);
    if let Some((end, _)) = plain.char_indices().nth(TEXT_MAX) {
        plain.truncate(end);
        plain.push('…');
    }
    plain
}

/// A bound on the lines of a window of time.
struct Bound {
    begun: Instant,
    lines: u32,
}

impl Default for Bound {
    fn default() -> Self {
        Bound {
            begun: Instant::now(),
            lines: 0,
        }
    }
}

impl Bound {
    /// Whether one line more may be written now.
    fn lets(&mut self, topic: Topic) -> bool {
        if self.begun.elapsed() > WINDOW {
            let left_out = self.lines.saturating_sub(LINES_MAX);
            if left_out > 0 {
                warn!(lines = left_out, about = ?topic, "were left out of the log");
            }
            *self = Bound::default();
        }
        self.lines = self.lines.saturating_add(1);
        self.lines <= LINES_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peers_cannot_fill_the_log() {
        let mut bounds = Bounds::default();
        let written = (0..10_000).filter(|_| bounds.let_pass(Topic::Inbound));
        assert_eq!(written.count(), 60);
        assert!(bounds.let_pass(Topic::Chain), "it hides nothing else");
    }

    #[test]
    fn what_peers_say_is_plain_and_short() {
        let told = text(&format!("\u{1b}[2Jgone\n{}", "x".repeat(1_000)));
        assert!(!told.contains('\u{1b}') && !told.contains('\n'), "{told}");
        assert_eq!(told.chars().count(), TEXT_MAX + 1);
    }
}
