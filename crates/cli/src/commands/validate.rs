//! `forkful validate`: published results and laws, rerun.

use std::path::Path;
use std::process::ExitCode;

use forkful_lab::LabError;
use forkful_lab::validate::{Study, ValidationPlan, Watch, built_in, parse, runs, validate};
use tokio_util::sync::CancellationToken;

use crate::commands::json::print_json;
use crate::commands::run::end_on_signals;
use crate::failure::{Failure, INTERRUPTED, NOT_AS_EXPECTED};
use crate::measure_args::ValidateArgs;
use crate::show::Screen;
use crate::show::runs_bar::CountBar;
use crate::show::validation;
use crate::source;

/// The largest file of studies: 1 MiB.
const DATA_BYTES_MAX: usize = 1 << 20;

/// Reruns the studies that are named, or all.
pub fn run(args: &ValidateArgs) -> Result<ExitCode, Failure> {
    let all = match &args.data {
        Some(path) => from_file(path)?,
        None => built_in().map_err(Failure::lab("validate"))?,
    };
    let mut screen = (!args.json).then(Screen::stdout);
    if args.list {
        let mut screen = screen.unwrap_or_else(Screen::stdout);
        screen
            .lines(&validation::list(&all))
            .map_err(Failure::stdout)?;
        return Ok(ExitCode::SUCCESS);
    }
    let studies = chosen(&all, &args.names)?;
    let plan = ValidationPlan {
        quick: args.quick,
        threads: args.threads,
    };
    let interrupt = CancellationToken::new();
    end_on_signals(&interrupt);
    let mut bar = CountBar::new(runs(&studies, args.quick), screen.as_ref());
    let mut watch = Watch {
        interrupted: &|| interrupt.is_cancelled(),
        progress: &mut |done| bar.show(done),
    };
    let report = validate(&studies, plan, &mut watch);
    bar.finish();
    let report = report.map_err(Failure::lab("validate"))?;
    match &mut screen {
        Some(screen) => screen.lines(&validation::lines(&report, &studies)),
        None => print_json(&report),
    }
    .map_err(Failure::stdout)?;
    Ok(match (report.interrupted, report.passed) {
        (true, _) => ExitCode::from(INTERRUPTED),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::from(NOT_AS_EXPECTED),
    })
}

fn from_file(path: &Path) -> Result<Vec<Study>, Failure> {
    let name = path.display().to_string();
    let here = source::reader(Path::new("").to_owned());
    let text =
        here(&name, DATA_BYTES_MAX).map_err(|error| Failure::Usage(format!("{name}: {error}")))?;
    let beside = path.parent().unwrap_or(Path::new(""));
    parse(&text, &source::reader(beside.to_owned())).map_err(|error| {
        Failure::lab("validate")(LabError::Data {
            name,
            error: Box::new(error),
        })
    })
}

/// The studies with these names; all without names.
fn chosen<'a>(all: &'a [Study], names: &[String]) -> Result<Vec<&'a Study>, Failure> {
    let known = || {
        let names: Vec<&str> = all.iter().map(|study| study.name.as_str()).collect();
        names.join(", ")
    };
    for name in names {
        if !all.iter().any(|study| study.name == *name) {
            let known = known();
            return Err(Failure::Usage(format!(
                "there is no study {name:?}; the studies are {known}"
            )));
        }
    }
    let is_chosen = |study: &&Study| names.is_empty() || names.contains(&study.name);
    Ok(all.iter().filter(is_chosen).collect())
}
