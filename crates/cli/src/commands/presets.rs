//! `forkful presets`: the scenarios that come with forkful.

use std::process::ExitCode;

use forkful_scenario::PRESETS;

use crate::failure::Failure;
use crate::show::Screen;
use crate::show::style::{BOLD, paint};

/// Lists them, each with what it shows.
pub fn run() -> Result<ExitCode, Failure> {
    let mut screen = Screen::stdout();
    let widest = PRESETS
        .iter()
        .map(|preset| preset.name.len())
        .max()
        .unwrap_or(0);
    for preset in PRESETS {
        let name = paint(BOLD, format_args!("{:<widest$}", preset.name));
        screen
            .line(&format!("{name}  {}", preset.about))
            .map_err(Failure::stdout)?;
    }
    Ok(ExitCode::SUCCESS)
}
