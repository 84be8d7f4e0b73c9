//! `forkful run`: plays a scenario and shows what happens.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use forkful_core::{Hash, NodeId};
use forkful_net::play::{self, Carrier};
use forkful_scenario::{NodeState, Outcome, Overrides, Scenario, Sink, World};
use forkful_sim::MessageSink;
use tokio_util::sync::CancellationToken;

use crate::args::RunArgs;
use crate::chain_file;
use crate::commands::ensemble;
use crate::commands::json::print_json;
use crate::commands::record::Record;
use crate::failure::{Failure, INTERRUPTED, PlayFault, exit_code};
use crate::show::live::Live;
use crate::show::style::{BAD, BOLD, DIM, paint};
use crate::show::{Screen, header, summary, table, tree};
use crate::sinks::{Narrator, Trace};
use crate::source::{self, Source};

/// Signals that come so soon after the first are the same one.
const SAME_SIGNAL: Duration = Duration::from_secs(1);

/// Plays a scenario from its file to its report.
pub fn run(args: &RunArgs) -> Result<ExitCode, Failure> {
    let Source { name, scenario } = changed(args)?;
    let world = args.world.unwrap_or(scenario.world);
    args.check(world)?;
    if let Some(runs_max) = args.runs_max() {
        return ensemble::run(args, &name, &scenario, runs_max);
    }
    let carrier = args.carrier(world);
    check(carrier, &scenario).map_err(|error| Failure::Play {
        name: name.clone(),
        error: Box::new(error),
    })?;
    let outputs = Outputs::open(args)?;
    let record = Record::open(&args.measure, &scenario).map_err(Failure::lab(&name))?;
    let interrupt = CancellationToken::new();
    end_on_signals(&interrupt);

    let mut screen = outputs.screen;
    if let Some(screen) = &mut screen {
        show_header(screen, &scenario, world, args.plaintext).map_err(Failure::stdout)?;
    }
    let narrator = Narrator::start(Live::new(screen, &scenario.stop), interrupt.clone());
    let trace = outputs
        .events
        .map(|(name, file)| Trace::start(name, file, interrupt.clone()));
    let sinks = Sinks {
        all: trace.as_ref().map(Trace::sink).into_iter().collect(),
        watchers: record
            .watchers()
            .into_iter()
            .chain([narrator.sink()])
            .collect(),
        messages: record.messages(),
    };

    let played = play(carrier, &scenario, sinks, interrupt, record.failed());

    let (live, missed, shown) = narrator.finish();
    let screen = live.finish();
    let traced = trace.map_or(Ok(()), Trace::finish);
    shown.map_err(Failure::stdout)?;
    let outcome = played.map_err(|error| Failure::Play {
        name: name.clone(),
        error: Box::new(error),
    })?;
    let recorded = record.finish(&scenario, &outcome);
    if let Some((name, file)) = outputs.chain {
        write_chain(file, &outcome).map_err(Failure::output(name))?;
    }
    if args.json {
        print_json(&outcome.report).map_err(Failure::stdout)?;
    }
    if let Some(mut screen) = screen {
        show_outcome(&mut screen, &outcome, missed).map_err(Failure::stdout)?;
    }
    traced?;
    recorded.map_err(Failure::lab(&name))?;
    Ok(exit_code(
        outcome.report.interrupted,
        outcome.report.unmet(),
    ))
}

/// Consumers of what happens.
struct Sinks {
    /// Of everything.
    all: Vec<Sink>,
    /// Of all but messages.
    watchers: Vec<Sink>,
    /// Of messages, in the simulator.
    messages: Vec<MessageSink>,
}

/// Plays it in the world that was asked for.
fn play(
    carrier: Option<Carrier>,
    scenario: &Scenario,
    sinks: Sinks,
    interrupt: CancellationToken,
    failed: impl Fn() -> bool + 'static,
) -> Result<Outcome, PlayFault> {
    let Some(carrier) = carrier else {
        let options = forkful_sim::Options {
            sinks: sinks.all,
            watchers: sinks.watchers,
            messages: sinks.messages,
            interrupted: Some(Box::new(move || interrupt.is_cancelled() || failed())),
        };
        return Ok(forkful_sim::play(scenario, options)?);
    };
    let sinks = sinks.all.into_iter().chain(sinks.watchers).collect();
    let options = play::Options {
        carrier,
        sinks,
        interrupt,
    };
    Ok(play::play(scenario, options)?)
}

/// Whether the world can play the scenario: asked before a file is touched.
fn check(carrier: Option<Carrier>, scenario: &Scenario) -> Result<(), PlayFault> {
    match carrier {
        None => Ok(forkful_sim::check(scenario)?),
        Some(carrier) => Ok(play::check(scenario, carrier)?),
    }
}

/// The scenario that is named, with what the command line changes in it.
fn changed(args: &RunArgs) -> Result<Source, Failure> {
    let name = args.scenario.as_deref().unwrap_or(RunArgs::SCENARIO);
    let Source { name, scenario } = source::load(name)?;
    let mut set = args.set.clone();
    // So that the scenario beside results says by whom it was played.
    set.extend(args.world.map(|world| format!("world={world}")));
    let overrides = Overrides {
        nodes: args.nodes,
        blocks: args.blocks,
        seed: args.seed,
        relay: args.relay,
        fork_choice: args.fork_choice,
        set,
    };
    // Files that the command line names are sought where it was given.
    let read = source::reader(PathBuf::new());
    let checked = scenario.with_files(&overrides, &read).and_then(|scenario| {
        scenario.check_world(args.world.unwrap_or(scenario.world))?;
        Ok(scenario)
    });
    match checked {
        Ok(scenario) => Ok(Source { name, scenario }),
        Err(error) => Err(Failure::Scenario {
            name,
            error: Box::new(error),
        }),
    }
}

/// Where things are written. Opened before the run, so that a path that cannot be written
/// is known at once.
struct Outputs {
    /// What is shown to people; with `--json` nothing is.
    screen: Option<Screen>,
    events: Option<(String, Box<dyn Write + Send>)>,
    chain: Option<(String, Box<dyn Write + Send>)>,
}

impl Outputs {
    fn open(args: &RunArgs) -> Result<Outputs, Failure> {
        let is_stdout = |path: &Option<_>| path.as_deref() == Some(Path::new("-"));
        if args.events.is_some() && args.events == args.chain && !is_stdout(&args.events) {
            return Err(Failure::Usage(
                "--events and --chain cannot be written to one file".to_owned(),
            ));
        }
        let takers = [args.json, is_stdout(&args.events), is_stdout(&args.chain)];
        let taken = takers.into_iter().filter(|taken| *taken).count();
        if taken > 1 {
            return Err(Failure::Usage(
                "only one of --json, --events - and --chain - can have standard output".to_owned(),
            ));
        }
        let screen = match (args.json, taken) {
            (true, _) => None,
            (false, 0) => Some(Screen::stdout()),
            (false, _) => Some(Screen::stderr()),
        };
        Ok(Outputs {
            screen,
            events: args.events.as_deref().map(create).transpose()?,
            chain: args.chain.as_deref().map(create).transpose()?,
        })
    }
}

fn create(path: &Path) -> Result<(String, Box<dyn Write + Send>), Failure> {
    if path == Path::new("-") {
        return Ok(("to standard output".to_owned(), Box::new(io::stdout())));
    }
    let name = path.display().to_string();
    match File::create(path) {
        Ok(file) => Ok((name, Box::new(file))),
        Err(error) => Err(Failure::output(name)(error)),
    }
}

/// The first signal ends the run with its summary, the second one at once.
pub fn end_on_signals(interrupt: &CancellationToken) {
    let interrupt = interrupt.clone();
    let mut first: Option<Instant> = None;
    let installed = ctrlc::set_handler(move || {
        // One keystroke can arrive twice: at the process, and at its whole group.
        let first = *first.get_or_insert_with(Instant::now);
        if interrupt.is_cancelled() && first.elapsed() > SAME_SIGNAL {
            std::process::exit(INTERRUPTED.into());
        }
        interrupt.cancel();
    });
    // Without a handler, a signal ends the process as it always does.
    let _ = installed;
}

pub fn show_header(
    screen: &mut Screen,
    scenario: &Scenario,
    world: World,
    plaintext: bool,
) -> io::Result<()> {
    let width = screen.width();
    screen.lines(&header::lines(scenario, world, plaintext, width))?;
    screen.line("")
}

fn show_outcome(screen: &mut Screen, outcome: &Outcome, missed: u64) -> io::Result<()> {
    let Outcome { report, tree, .. } = outcome;
    if missed > 0 {
        screen.line(&paint(
            BAD,
            format_args!("  {missed} lines could not be shown in time"),
        ))?;
    }
    let mut tips: BTreeMap<Hash, Vec<NodeId>> = BTreeMap::new();
    for node in report
        .nodes
        .iter()
        .filter(|node| node.state == NodeState::Up)
    {
        tips.entry(node.tip).or_default().push(node.id);
    }
    let legend = paint(
        DIM,
        "● on the chain  ○ stale: valid, but another branch won",
    );
    screen.line("")?;
    screen.line(&format!("{}   {legend}", paint(BOLD, "The tree of blocks")))?;
    screen.lines(&tree::lines(tree, &report.tip, &tips, screen.width()))?;
    screen.line("")?;
    screen.line(&paint(BOLD, "The nodes"))?;
    let miner_of = |hash: &Hash| tree.get(hash).and_then(|block| block.miner);
    screen.lines(&table::lines(report, miner_of))?;
    screen.line("")?;
    screen.line(&paint(BOLD, "The run"))?;
    let width = screen.width();
    screen.lines(&summary::lines(report, width))?;
    screen.line("")?;
    screen.text(&summary::sentence(report), 0)
}

fn write_chain(file: impl Write, outcome: &Outcome) -> io::Result<()> {
    let mut file = BufWriter::new(file);
    for block in &outcome.chain {
        chain_file::write_line(&mut file, block)?;
    }
    file.flush()
}
