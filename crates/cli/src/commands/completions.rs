//! `forkful completions`: the completion script for a shell.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Args, CompletionsArgs};
use crate::failure::Failure;

/// Prints the script.
pub fn run(args: &CompletionsArgs) -> Result<ExitCode, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "forkful", &mut script);
    io::stdout()
        .lock()
        .write_all(&script)
        .map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}
