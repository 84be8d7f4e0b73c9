//! What is shown to people: lines for a terminal or for a pipe.

pub mod ensemble;
pub mod events;
pub mod header;
pub mod live;
pub mod numbers;
pub mod runs_bar;
pub mod style;
pub mod summary;
pub mod table;
pub mod tree;
pub mod validation;

use std::io::{self, IsTerminal as _, Write};

/// Where lines for people go. Colour is taken out where it does not belong: in a pipe, or
/// when `NO_COLOR` is set.
pub struct Screen {
    out: Box<dyn Write + Send>,
    width: usize,
    is_terminal: bool,
}

impl Screen {
    /// The width where there is no terminal: other programs want a line whole.
    const PLAIN_WIDTH: usize = usize::MAX;

    /// Standard output.
    pub fn stdout() -> Screen {
        Screen {
            out: Box::new(anstream::stdout()),
            width: width(terminal_size::terminal_size_of(io::stdout())),
            is_terminal: io::stdout().is_terminal(),
        }
    }

    /// Standard error, for when data goes to standard output.
    pub fn stderr() -> Screen {
        Screen {
            out: Box::new(anstream::stderr()),
            width: width(terminal_size::terminal_size_of(io::stderr())),
            is_terminal: io::stderr().is_terminal(),
        }
    }

    /// Columns of a line.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Whether somebody is looking.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Shows one line.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")
    }

    /// Shows a text, broken into lines that fit, all but the first indented.
    pub fn text(&mut self, text: &str, indent: usize) -> io::Result<()> {
        self.lines(&style::wrapped(text, self.width, indent))
    }

    /// Shows lines.
    pub fn lines(&mut self, lines: &[String]) -> io::Result<()> {
        lines.iter().try_for_each(|line| self.line(line))
    }
}

fn width(size: Option<(terminal_size::Width, terminal_size::Height)>) -> usize {
    size.map_or(Screen::PLAIN_WIDTH, |(width, _)| {
        usize::from(width.0).clamp(40, 200)
    })
}
