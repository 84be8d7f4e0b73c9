//! The log of a node: what happens in it, as lines for people or for programs.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use forkful_core::event::What;
use forkful_core::{Event, Hash, PeerId};
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
    /// What peers said.
    Said,
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
struct Bounds([Bound; 6]);

impl Bounds {
    /// Whether one line more of this may be written now.
    fn let_pass(&mut self, topic: Topic) -> bool {
        self.0[topic as usize].lets(topic)
    }
}

/// How hashes are written.
type Shown = fn(&Hash) -> String;

/// Programs are told them whole.
fn shown(format: LogFormat) -> Shown {
    match format {
        LogFormat::Text => Hash::short,
        LogFormat::Json => Hash::to_string,
    }
}

/// A sink that logs what happens in a node.
pub fn sink(format: LogFormat) -> Sink {
    let mut bounds = Bounds::default();
    let shown = shown(format);
    Box::new(move |event| log(event, &mut bounds, shown))
}

fn log(event: &Event, bounds: &mut Bounds, shown: Shown) {
    use Topic::{Chain, Data, Said};
    match &event.what {
        What::Mined { block, entries, .. } if bounds.let_pass(Chain) => {
            let (height, hash) = (block.height, shown(&block.hash));
            info!(height, %hash, entries, "mined a block");
        }
        What::TipChanged {
            new,
            disconnected: 0,
            ..
        } if bounds.let_pass(Chain) => {
            info!(height = new.height, hash = %shown(&new.hash), "new tip");
        }
        What::TipChanged {
            new,
            disconnected: depth @ 1..,
            ..
        } if bounds.let_pass(Chain) => {
            let (height, hash) = (new.height, shown(&new.hash));
            info!(height, %hash, depth, "reorg");
        }
        What::Rejected { from, why } if bounds.let_pass(Said) => {
            // Mostly a block that came before its parent. Who breaks rules is disconnected, and told.
            info!(peer = from.0, why = text(why), "rejected what a peer sent");
        }
        What::Submitted { entry, bytes } if is_debug() && bounds.let_pass(Data) => {
            debug!(entry = %shown(entry), bytes, "took data");
        }
        What::Refused { entry, why } if is_debug() && bounds.let_pass(Data) => {
            debug!(entry = %shown(entry), why = text(why), "refused data");
        }
        What::Sent { to, kind, bytes } => trace!(peer = to.0, ?kind, bytes, "sent"),
        What::Delivered { from, kind, bytes } => trace!(peer = from.0, ?kind, bytes, "received"),
        _ => {}
    }
}

/// Logs what happens to connections.
pub fn connections(format: LogFormat) -> impl Fn(&Notice) + Send + Sync {
    let connections = Mutex::new(Connections::default());
    move |notice| {
        // A panic in here leaves counts behind, which are good for counting on.
        let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        let inbound = connections.direction(notice);
        log_notice(notice, inbound, &mut connections.bounds, shown(format));
    }
}

/// What is known of connections.
#[derive(Default)]
struct Connections {
    bounds: Bounds,
    /// Those that we made, as long as they last.
    outbound: BTreeSet<PeerId>,
}

impl Connections {
    /// Whether this is about a connection that others made.
    fn direction(&mut self, notice: &Notice) -> bool {
        match notice {
            Notice::Up { peer, inbound, .. } => {
                if !inbound {
                    self.outbound.insert(*peer);
                }
                *inbound
            }
            Notice::Down { peer, .. } => !self.outbound.remove(peer),
            Notice::Refused { inbound, .. } => *inbound,
            _ => false,
        }
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

fn log_notice(notice: &Notice, inbound: bool, bounds: &mut Bounds, shown: Shown) {
    let direction = match inbound {
        true => Topic::Inbound,
        false => Topic::Outbound,
    };
    match notice {
        Notice::Up { peer, address, .. } if bounds.let_pass(direction) => {
            let (from, to) = ends(address, inbound);
            info!(peer = peer.0, from, to, "peer connected");
        }
        Notice::Down { peer, address, why } if bounds.let_pass(direction) => {
            let (from, to) = ends(address, inbound);
            info!(peer = peer.0, from, to, why = told(why, shown), "peer gone");
        }
        Notice::Refused { address, why, .. }
            if weight(inbound, why).is_some_and(is_enabled) && bounds.let_pass(direction) =>
        {
            let address = address.map(|address| address.to_string());
            let (from, to) = ends(address.as_deref().unwrap_or("unknown"), inbound);
            let told = told(why, shown);
            match weight(inbound, why) {
                Some(Level::WARN) => warn!(from, to, why = told, "no connection"),
                Some(Level::INFO) => info!(from, to, why = told, "no connection"),
                _ => debug!(from, to, why = told, "no connection"),
            }
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

/// Why a connection ended, in few words.
fn told(why: &End, shown: Shown) -> String {
    match why {
        End::WrongGenesis { theirs, ours } => {
            let (theirs, ours) = (shown(theirs), shown(ours));
            format!("another network: genesis {theirs}, ours {ours}")
        }
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
    fn the_end_of_a_connection_is_about_whoever_made_it() {
        let mut connections = Connections::default();
        let address = "127.0.0.1:9333".parse().unwrap();
        let up = |inbound| Notice::Up {
            peer: PeerId(3),
            key: [0; 32],
            address,
            inbound,
        };
        let down = Notice::Down {
            peer: PeerId(3),
            address,
            why: End::Closed,
        };
        for inbound in [false, true, false] {
            assert_eq!(connections.direction(&up(inbound)), inbound);
            assert_eq!(connections.direction(&down), inbound);
        }
        assert!(connections.outbound.is_empty());
    }

    #[test]
    fn another_network_is_told_in_few_words() {
        let why = End::WrongGenesis {
            theirs: Hash([0xab; 32]),
            ours: Hash([0x12; 32]),
        };
        let few = "another network: genesis abababab, ours 12121212";
        assert_eq!(told(&why, shown(LogFormat::Text)), few);
        let whole = told(&why, shown(LogFormat::Json));
        assert!(whole.contains(&"ab".repeat(32)) && whole.contains(&"12".repeat(32)));
    }

    #[test]
    fn what_peers_say_is_plain_and_short() {
        let told = text(&format!("\u{1b}[2Jgone\n{}", "x".repeat(1_000)));
        assert!(!told.contains('\u{1b}') && !told.contains('\n'), "{told}");
        assert_eq!(told.chars().count(), TEXT_MAX + 1);
    }
}
