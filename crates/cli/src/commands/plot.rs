//! `forkful plot`: the figures of results.

use std::process::ExitCode;

use forkful_lab::plot;

use crate::failure::Failure;
use crate::measure_args::PlotArgs;
use crate::show::Screen;
use crate::show::style::plain_line;

/// Draws every figure, and names the files.
pub fn run(args: &PlotArgs) -> Result<ExitCode, Failure> {
    let to = args.to.as_deref().unwrap_or(&args.dir);
    let name = args.dir.display().to_string();
    let drawn = plot(&args.dir, to, args.force).map_err(Failure::lab(&name))?;
    let mut screen = Screen::stdout();
    for file in &drawn.files {
        let file = plain_line(&file.display().to_string());
        screen.line(&file).map_err(Failure::stdout)?;
    }
    for figure in &drawn.empty {
        let line = format!("no figure {figure}: the results have nothing for it");
        screen.line(&line).map_err(Failure::stdout)?;
    }
    Ok(ExitCode::SUCCESS)
}
