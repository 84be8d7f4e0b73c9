//! `forkful show`: the TOML of a preset or of a network, exactly.

use std::io::{self, Write as _};
use std::process::ExitCode;

use forkful_scenario::{network_file, preset};

use crate::args::ShowArgs;
use crate::failure::Failure;
use crate::source;

/// Prints the file as it is, comments and all.
pub fn run(args: &ShowArgs) -> Result<ExitCode, Failure> {
    let of_preset = preset(&args.name).map(|preset| preset.toml);
    let of_network = network_file(&args.name).map(|file| file.toml);
    let Some(toml) = of_preset.or(of_network) else {
        return Err(source::no_such("preset or network", &args.name));
    };
    let mut out = io::stdout().lock();
    out.write_all(toml.as_bytes())
        .and_then(|()| out.flush())
        .map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}
