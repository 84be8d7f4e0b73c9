//! `forkful man`: the manual, as man pages.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::args::{Args, ManArgs};
use crate::failure::Failure;

/// Prints the main page, or writes the pages of all commands.
pub fn run(args: &ManArgs) -> Result<ExitCode, Failure> {
    let command = Args::command();
    match &args.out {
        Some(directory) => std::fs::create_dir_all(directory)
            .and_then(|()| clap_mangen::generate_to(command, directory))
            .map_err(Failure::output(directory.display().to_string()))?,
        None => {
            let mut page = Vec::new();
            clap_mangen::Man::new(command)
                .render(&mut page)
                .and_then(|()| io::stdout().lock().write_all(&page))
                .map_err(Failure::stdout)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
