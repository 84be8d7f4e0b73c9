//! The part of the command line that measures.

use std::num::NonZero;
use std::path::PathBuf;

use clap::builder::TypedValueParser as _;
use forkful_lab::{RUNS_MAX, Width};
use forkful_net::play::Carrier;
use forkful_scenario::World;

use crate::args::RunArgs;
use crate::failure::Failure;

/// The most runs that can be asked for.
const REPLICATIONS_MAX: u64 = 100_000_000;

/// The most threads that can be asked for.
const THREADS_MAX: u64 = 4_096;

#[derive(Debug, Default, clap::Args)]
#[command(next_help_heading = "Measuring")]
pub struct MeasureArgs {
    /// Play it with so many seeds, the scenario's own and those after it, in parallel; sim only.
    ///
    /// Prints means with 95 % confidence intervals. The number of threads changes nothing.
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u64).range(1..=REPLICATIONS_MAX))]
    pub replications: Option<u64>,

    /// Play it with ever more seeds until the interval of `--metric` is narrow; sim only.
    ///
    /// WIDTH is half of the interval: 0.0005 in the unit of the quantity, or 5% of its mean. Looked
    /// at after every tenth run; ends at `--replications`, or at 10000 runs.
    #[arg(long, value_name = "WIDTH")]
    pub until_ci: Option<Width>,

    /// Which quantity `--until-ci` looks at, by its path in the report [default: stale_rate]
    #[arg(long, value_name = "NAME", requires = "until_ci")]
    pub metric: Option<String>,

    /// How many runs are played at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads())]
    pub threads: Option<NonZero<usize>>,

    /// Write the report and tables of blocks, propagation, reorgs and nodes into a directory.
    ///
    /// Each table is a Parquet and a CSV file; docs/results.md describes them. Files that are
    /// there already are not overwritten, unless with `--force`.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Write every message and every other event as a Parquet file; sim only, one run.
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Overwrite the files of `--out` and `--trace`.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, clap::Args)]
pub struct PlotArgs {
    /// A directory that `forkful run --out DIR` has written.
    pub dir: PathBuf,

    /// Where the figures go [default: beside the results]
    #[arg(long, value_name = "DIR")]
    pub to: Option<PathBuf>,

    /// Overwrite figures that are there.
    #[arg(long)]
    pub force: bool,
}

#[derive(Debug, clap::Args)]
pub struct ValidateArgs {
    /// The studies to rerun (see `--list`) [default: all]
    #[arg(value_name = "NAME")]
    pub names: Vec<String>,

    /// Play fewer runs: wide intervals, in seconds.
    #[arg(long)]
    pub quick: bool,

    /// Print the results as one JSON object.
    #[arg(long)]
    pub json: bool,

    /// Take the studies from this file instead of those that come with forkful.
    ///
    /// docs/validation.md describes its form.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// List the studies, and play nothing.
    #[arg(long)]
    pub list: bool,

    /// How many runs are played at once [default: one for each core]
    #[arg(long, value_name = "N", value_parser = threads())]
    pub threads: Option<NonZero<usize>>,
}

impl RunArgs {
    /// How many runs at most; `None` for one run, told as one.
    pub fn runs_max(&self) -> Option<u64> {
        let measure = &self.measure;
        match (measure.replications, &measure.until_ci) {
            (None, None) => None,
            (Some(runs), _) => Some(runs),
            (None, Some(_)) => Some(RUNS_MAX),
        }
    }

    /// What carries the messages in this world; `None` in virtual time.
    pub fn carrier(&self, world: World) -> Option<Carrier> {
        let plaintext = self.plaintext;
        match world {
            World::Mesh => Some(Carrier::Channels),
            World::Tcp => Some(Carrier::Sockets { plaintext }),
            World::Sim => None,
        }
    }

    /// Refuses flags that have no meaning together.
    pub fn check(&self, world: World) -> Result<(), Failure> {
        let measure = &self.measure;
        let is_many = self.runs_max().is_some();
        let complaint = if (is_many || measure.trace.is_some()) && world != World::Sim {
            "--replications, --until-ci and --trace are for virtual time: add --world sim"
        } else if measure.threads.is_some() && !is_many {
            "--threads is for --replications or --until-ci: one run has one thread"
        } else if is_many && measure.trace.is_some() {
            "--trace is for one run, and not for --replications or --until-ci"
        } else if is_many && (self.events.is_some() || self.chain.is_some()) {
            "--events and --chain are for one run, and not for --replications or --until-ci"
        } else if measure.force && measure.out.is_none() && measure.trace.is_none() {
            "--force is for --out or --trace"
        } else if self.plaintext && world != World::Tcp {
            "--plaintext is for sockets: add --world tcp"
        } else {
            return Ok(());
        };
        Err(Failure::Usage(complaint.to_owned()))
    }
}

fn threads() -> impl clap::builder::TypedValueParser<Value = NonZero<usize>> {
    clap::value_parser!(u64)
        .range(1..=THREADS_MAX)
        .try_map(|number| {
            usize::try_from(number).map(|n| NonZero::new(n).unwrap_or(NonZero::<usize>::MIN))
        })
}
