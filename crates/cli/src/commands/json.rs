//! Reports as data.

use std::io::{self, Write as _};

use serde::Serialize;

/// Prints one JSON object to standard output.
pub fn print_json(report: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, report)?;
    writeln!(out)?;
    out.flush()
}
