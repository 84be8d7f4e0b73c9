//! `forkful run --replications`: plays a scenario with many seeds.

use std::process::ExitCode;

use forkful_lab::{Control, Plan, Results, Until, replicate};
use forkful_scenario::{Scenario, World};
use tokio_util::sync::CancellationToken;

use crate::args::RunArgs;
use crate::commands::json::print_json;
use crate::commands::run::{end_on_signals, show_header};
use crate::failure::{Failure, exit_code};
use crate::measure_args::MeasureArgs;
use crate::show::Screen;
use crate::show::ensemble;
use crate::show::runs_bar::RunsBar;

/// The quantity that `--until-ci` looks at, unless another is named.
const METRIC: &str = "stale_rate";

/// Plays `scenario` with `runs_max` seeds at most, from the first to the report.
pub fn run(
    args: &RunArgs,
    name: &str,
    scenario: &Scenario,
    runs_max: u64,
) -> Result<ExitCode, Failure> {
    let plan = plan(&args.measure, runs_max);
    plan.check(scenario).map_err(Failure::lab(name))?;
    let out = args.measure.out.as_deref();
    let results = out.map(|dir| Results::create(dir, scenario, args.measure.force));
    let mut results = results.transpose().map_err(Failure::lab(name))?;
    let interrupt = CancellationToken::new();
    end_on_signals(&interrupt);

    let mut screen = (!args.json).then(Screen::stdout);
    if let Some(screen) = &mut screen {
        show_header(screen, scenario, World::Sim, false).map_err(Failure::stdout)?;
    }
    let mut bar = RunsBar::new(&plan, screen.as_ref());
    let mut control = Control {
        interrupted: &|| interrupt.is_cancelled(),
        progress: &mut |so_far| bar.show(so_far),
    };
    let played = replicate(scenario, &plan, results.as_mut(), &mut control);
    bar.finish();
    let report = played.map_err(Failure::lab(name))?;
    let written = results.map_or(Ok(()), |results| results.finish(&report));
    match &mut screen {
        Some(screen) => screen
            .lines(&ensemble::lines(&report))
            .and_then(|()| screen.line(""))
            .and_then(|()| screen.text(&ensemble::sentence(&report), 0))
            .map_err(Failure::stdout)?,
        None => print_json(&report).map_err(Failure::stdout)?,
    }
    written.map_err(Failure::lab(name))?;
    Ok(exit_code(report.interrupted, report.unmet()))
}

fn plan(args: &MeasureArgs, runs_max: u64) -> Plan {
    let metric = args.metric.as_deref().unwrap_or(METRIC);
    Plan {
        runs_max,
        threads: args.threads,
        until: args.until_ci.map(|width| Until {
            metric: metric.to_owned(),
            width,
        }),
    }
}
