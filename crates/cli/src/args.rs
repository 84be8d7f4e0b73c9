//! The command line as types.

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use forkful_core::{ForkChoice, Relay};
use forkful_pow::Kernel;
use forkful_scenario::World;

use crate::commands::chain::ChainArgs;
use crate::commands::rpc::RpcArgs;
use crate::measure_args::{MeasureArgs, PlotArgs, ValidateArgs};
use crate::node_args::NodeArgs;

const EXIT_CODES: &str = "\
Exit codes:
  0    as expected
  1    a run did not meet its expectations, a check or a chain is not valid, output could not be written
  2    usage or scenario error
  130  ended by Ctrl-C or SIGTERM";

const NODE_EXIT_CODES: &str = "\
Exit codes:
  0    it was told to end; with --verify: every rule holds
  1    it could not start, or not go on: the sentence on standard error says why
  2    an option, a variable or the file is wrong
  101  a bug: the text on standard error is for whoever mends it
  130  a second signal came before the end";

pub const CHAIN_EXIT_CODES: &str = "\
Exit codes:
  0    done; with verify: every rule holds
  1    a chain is not valid, a directory is in use or damaged, output could not be written
  2    wrong usage, no such file or data directory, or one of another network than --network names";

const RPC_EXIT_CODES: &str = "\
Exit codes:
  0    the method has a result
  1    no node answered, or the cookie is wrong; error -1 too
  2    wrong usage
  N    the node answered error -N; of a number above 255 the lowest byte";

/// A proof-of-work blockchain network that you can watch, break and measure.
///
/// Without a command it plays the preset `race`: eight miners race for every block, fork
/// the chain, and agree again.
#[derive(Debug, Parser)]
#[command(name = "forkful", version, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Play a scenario and show what happens.
    #[command(after_help = EXIT_CODES)]
    Run(Box<RunArgs>),
    /// Draw the figures of results that `forkful run --out DIR` wrote.
    #[command(after_help = EXIT_CODES)]
    Plot(PlotArgs),
    /// Rerun published results and laws, and say whether they hold.
    #[command(after_help = EXIT_CODES)]
    Validate(ValidateArgs),
    /// List the scenarios that come with forkful.
    Presets,
    /// List the tables of regions, latencies and bandwidths that come with forkful.
    Networks,
    /// Print the TOML of a preset or of a network, to start one's own from.
    Show(ShowArgs),
    /// Check a chain file, every rule of it.
    #[command(after_help = EXIT_CODES)]
    Verify(VerifyArgs),
    /// Run a real node: encrypted TCP to its peers, a chain on disk, an API.
    #[command(after_help = NODE_EXIT_CODES)]
    Node(Box<NodeArgs>),
    /// Export, import, check and describe the chain in a node's data directory.
    #[command(after_help = CHAIN_EXIT_CODES)]
    Chain(ChainArgs),
    /// Call a method of a node's API, and print as bitcoin-cli does.
    ///
    /// `forkful rpc help` lists the methods. An error of the method is told with its code, whose
    /// number without its sign is the exit code.
    #[command(after_help = RPC_EXIT_CODES)]
    Rpc(RpcArgs),
    /// Measure how fast this machine mines and validates.
    Bench(BenchArgs),
    /// Print the JSON Schema of a scenario file or of a report.
    Schema(SchemaArgs),
    /// Print the completion script for a shell.
    Completions(CompletionsArgs),
    /// Print the manual page, or write the pages of all commands.
    Man(ManArgs),
}

impl Default for Command {
    /// `forkful` alone is `forkful run`.
    fn default() -> Self {
        Command::Run(Box::default())
    }
}

#[derive(Debug, Default, clap::Args)]
pub struct RunArgs {
    /// A preset (see `forkful presets`), a TOML file, or `-` for standard input.
    ///
    /// The name of a preset means the preset; write `./race` for a file of that name.
    #[arg(value_name = "FILE|PRESET", default_value = RunArgs::SCENARIO)]
    pub scenario: Option<String>,

    /// What carries the messages, and what time is.
    ///
    /// mesh: every node in this process, real time, real proof of work. tcp: the same over
    /// encrypted sockets on loopback. sim: virtual time, a lottery for proof of work, the same run
    /// for the same seed.
    /// [default: the scenario's own, or mesh]
    #[arg(long, value_name = "WORLD", value_parser = world_parser())]
    pub world: Option<World>,

    /// In tcp, do not encrypt, so that a packet analyser shows what is said.
    #[arg(long)]
    pub plaintext: bool,

    /// How many nodes the network has.
    #[arg(long, value_name = "N")]
    pub nodes: Option<u32>,

    /// Stop at this height, instead of where the scenario says.
    #[arg(long, value_name = "B")]
    pub blocks: Option<u64>,

    /// Where chance comes from: links, delays, who is given data [default: the scenario's own]
    ///
    /// In sim it decides the whole run. In the mesh it does not decide who finds a block: time
    /// and proof of work are real, and every run is a different one.
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,

    /// How blocks spread, at every node.
    #[arg(long, value_name = "POLICY", value_parser = relay_parser())]
    pub relay: Option<Relay>,

    /// Which of two valid chains is followed.
    #[arg(long, value_name = "RULE", value_parser = fork_choice_parser())]
    pub fork_choice: Option<ForkChoice>,

    /// Set any key of the scenario; may be given several times.
    ///
    /// KEY is as errors name it, and VALUE is TOML: network.link.loss=0.1,
    /// network.topology='{ kind = "random", degree = 8 }'. A text of plain words needs no quotes:
    /// relay.tip_interval=off. Keys are set before the other options have their say.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Print the report as one JSON object, and nothing else, to standard output.
    #[arg(long)]
    pub json: bool,

    /// Write every event as a line of JSON; `-` is standard output.
    ///
    /// The trace is complete: where it cannot be written fast enough, the network waits for it.
    #[arg(long, value_name = "FILE")]
    pub events: Option<PathBuf>,

    /// Write the final chain, one block as a line of JSON; `-` is standard output.
    #[arg(long, value_name = "FILE")]
    pub chain: Option<PathBuf>,

    #[command(flatten)]
    pub measure: MeasureArgs,
}

impl RunArgs {
    /// What is played when nothing is named.
    pub const SCENARIO: &str = "race";
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Its name (see `forkful presets` and `forkful networks`).
    pub name: String,
}

#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// A chain file, as `forkful run --chain FILE` writes it; `-` is standard input.
    pub file: String,
}

#[derive(Debug, clap::Args)]
pub struct BenchArgs {
    /// How long to measure, in seconds; from 0.1 to 3600.
    #[arg(long, value_name = "S", default_value = "5", value_parser = seconds)]
    pub seconds: f64,

    /// Measure this kernel only [default: every one that this machine has]
    #[arg(long, value_name = "KERNEL", value_parser = kernel_parser())]
    pub kernel: Option<Kernel>,

    /// Print the results as one JSON object.
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, clap::Args)]
pub struct SchemaArgs {
    /// Which format.
    #[arg(value_enum, default_value = "scenario")]
    pub format: Format,
}

/// A format that has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Format {
    /// The TOML that `forkful run` plays.
    Scenario,
    /// The JSON that `forkful run --json` prints.
    Report,
    /// The JSON that it prints with `--replications`.
    Ensemble,
    /// The JSON that `forkful validate --json` prints.
    Validation,
}

#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// Which shell.
    pub shell: Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Write one page for each command into this directory.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

fn world_parser() -> impl clap::builder::TypedValueParser<Value = World> {
    PossibleValuesParser::new(World::ALL.map(World::name)).try_map(|name| name.parse::<World>())
}

pub fn relay_parser() -> impl clap::builder::TypedValueParser<Value = Relay> {
    let names = ["flood", "announce", "unsolicited", "compact"];
    PossibleValuesParser::new(names).map(|name| match name.as_str() {
        "announce" => Relay::Announce,
        "unsolicited" => Relay::Unsolicited,
        "compact" => Relay::Compact,
        _ => Relay::Flood,
    })
}

fn fork_choice_parser() -> impl clap::builder::TypedValueParser<Value = ForkChoice> {
    PossibleValuesParser::new(["most-work", "longest"]).map(|name| match name.as_str() {
        "longest" => ForkChoice::Longest,
        _ => ForkChoice::MostWork,
    })
}

fn kernel_parser() -> impl clap::builder::TypedValueParser<Value = Kernel> {
    PossibleValuesParser::new(Kernel::ALL.map(Kernel::name)).try_map(|name| name.parse::<Kernel>())
}

fn seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        _ => Err("expected a number of seconds from 0.1 to 3600".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn clap_finds_no_contradiction() {
        Args::command().debug_assert();
    }
}
