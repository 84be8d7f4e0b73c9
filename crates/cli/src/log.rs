//! The log of a node: what happens in it, as lines for people or for programs.

use std::time::{Duration, Instant};

use forkful_core::Event;
use forkful_core::event::What;
use forkful_scenario::Sink;
use tracing::{Level, debug, info, trace, warn};

use crate::node_args::{LogFormat, LogLevel};
use crate::show::style::plain_line;

/// Lines that peers can cause, in a window of [`WINDOW`]. More are counted, not written: a
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
                .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
                .finish(),
        ),
        LogFormat::Json => tracing::subscriber::set_global_default(subscriber.json().finish()),
    };
}

/// A sink that logs what happens in a node.
pub fn sink() -> Sink {
    let mut bound = Bound::new();
    Box::new(move |event| log(event, &mut bound))
}

fn log(event: &Event, bound: &mut Bound) {
    match &event.what {
        What::Mined { block, entries, .. } => {
            info!(height = block.height, hash = %block.hash, entries, "mined a block");
        }
        What::TipChanged {
            new,
            disconnected: 0,
            ..
        } => info!(height = new.height, hash = %new.hash, "new tip"),
        What::TipChanged {
            new, disconnected, ..
        } => info!(height = new.height, hash = %new.hash, depth = disconnected, "reorg"),
        What::Rejected { from, why } if bound.lets() => {
            warn!(peer = from.0, why = text(why), "rejected what a peer sent");
        }
        What::PeerUp { peer } if bound.lets() => info!(peer = peer.0, "peer connected"),
        What::PeerDown { peer, why } if bound.lets() => {
            info!(peer = peer.0, why = text(why), "peer disconnected");
        }
        What::Submitted { entry, bytes } if bound.lets() => {
            debug!(%entry, bytes, "took data");
        }
        What::Refused { entry, why } if bound.lets() => {
            debug!(%entry, why = text(why), "refused data");
        }
        What::Sent { to, kind, bytes } => trace!(peer = to.0, ?kind, bytes, "sent"),
        What::Delivered { from, kind, bytes } => trace!(peer = from.0, ?kind, bytes, "received"),
        _ => {}
    }
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

impl Bound {
    fn new() -> Self {
        Bound {
            begun: Instant::now(),
            lines: 0,
        }
    }

    /// Whether one line more may be written now.
    fn lets(&mut self) -> bool {
        if self.begun.elapsed() > WINDOW {
            let left_out = self.lines.saturating_sub(LINES_MAX);
            if left_out > 0 {
                warn!(lines = left_out, "were left out of the log");
            }
            *self = Bound::new();
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
        let mut bound = Bound::new();
        let written = (0..10_000).filter(|_| bound.lets()).count();
        assert_eq!(written, 60);
    }

    #[test]
    fn what_peers_say_is_plain_and_short() {
        let told = text(&format!("\u{1b}[2Jgone\n{}", "x".repeat(1_000)));
        assert!(!told.contains('\u{1b}') && !told.contains('\n'), "{told}");
        assert_eq!(told.chars().count(), TEXT_MAX + 1);
    }
}
