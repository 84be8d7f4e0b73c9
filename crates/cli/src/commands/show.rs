//! `forkful show`: the TOML of a preset, exactly.

use std::io::{self, Write as _};
use std::process::ExitCode;

use forkful_scenario::preset;

use crate::args::ShowArgs;
use crate::failure::Failure;
use crate::source;

/// Prints the file as it is, comments and all.
pub fn run(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let Some(preset) = preset(&args.preset) else {
        return Err(source::no_such("preset", &args.preset));
    };
    let mut out = io::stdout().lock();
    out.write_all(preset.toml.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}
