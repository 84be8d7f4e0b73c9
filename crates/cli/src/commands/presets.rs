//! `forkful presets`: the scenarios that come with forkful.

use std::process::ExitCode;

use forkful_scenario::PRESETS;

use crate::failure::Failure;
use crate::show::Screen;
use crate::show::style::{BOLD, paint};

/// Lists them, each with what it shows.
pub fn run() -> Result<ExitCode, Failure> {
    list(PRESETS.iter().map(|preset| (preset.name, preset.about)))
}

/// Prints names, and what is said about each.
pub fn list(
    items: impl Iterator<Item = (&'static str, &'static str)> + Clone,
) -> Result<ExitCode, Failure> {
    let mut screen = Screen::stdout();
    let widest = items.clone().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, about) in items {
        let name = paint(BOLD, format_args!("{name:<widest$}"));
        screen
            .line(&format!("{name}  {about}"))
            .map_err(Failure::stdout)?;
    }
    Ok(ExitCode::SUCCESS)
}
