//! `forkful chain`: what a node's data directory holds, taken out, put in, checked and described.
//!
//! A data directory is locked while one of these commands works on it, as by a node.

mod export;
mod import;
mod info;
mod network;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

pub use verify::directory as verify_directory;

use crate::args::CHAIN_EXIT_CODES;
use crate::failure::Failure;

/// What `forkful chain` is told.
#[derive(Debug, clap::Args)]
pub struct ChainArgs {
    #[command(subcommand)]
    command: ChainCommand,
}

/// What to do with a chain.
#[derive(Debug, clap::Subcommand)]
enum ChainCommand {
    /// Write the active chain of a data directory as a chain file.
    #[command(after_help = CHAIN_EXIT_CODES)]
    Export(ExportArgs),
    /// Put the blocks of a chain file into a data directory.
    ///
    /// Every block is checked as if a stranger had sent it, and the node's own rules say which chain is
    /// the active one then. What is there already is skipped, so an import that was cut off goes on when it
    /// is begun again. A file is checked whole before anything of it is taken.
    #[command(after_help = CHAIN_EXIT_CODES)]
    Import(ImportArgs),
    /// Check every block of a data directory or of a chain file.
    #[command(after_help = CHAIN_EXIT_CODES)]
    Verify(ChainVerifyArgs),
    /// Say what a data directory holds.
    #[command(after_help = CHAIN_EXIT_CODES)]
    Info(InfoArgs),
}

#[derive(Debug, clap::Args)]
struct ExportArgs {
    /// The data directory of a node.
    data_dir: PathBuf,

    /// The file to write, which must not be there yet; `-` is standard output.
    #[arg(default_value = "-")]
    file: String,

    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Debug, clap::Args)]
struct ImportArgs {
    /// The data directory of a node; one that is not there is made.
    data_dir: PathBuf,

    /// A chain file; `-` is standard input, of which everything before the first wrong line is taken.
    file: String,

    /// The network: a preset or a scenario file [default: that of the directory; a new one is of the playground]
    #[arg(long, value_name = "FILE|PRESET", env = "FORKFUL_NETWORK")]
    network: Option<String>,
}

#[derive(Debug, clap::Args)]
struct ChainVerifyArgs {
    /// The data directory of a node, or a chain file; `-` is standard input.
    what: String,

    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Debug, clap::Args)]
struct InfoArgs {
    /// The data directory of a node.
    data_dir: PathBuf,

    /// Print one JSON object.
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    network: NetworkArgs,
}

#[derive(Debug, clap::Args)]
struct NetworkArgs {
    /// The network that it has to be of: a preset or a scenario file [default: whichever it is]
    #[arg(long, value_name = "FILE|PRESET", env = "FORKFUL_NETWORK")]
    network: Option<String>,
}

/// Does what was asked.
pub fn run(args: &ChainArgs) -> Result<ExitCode, Failure> {
    match &args.command {
        ChainCommand::Export(args) => export::run(args),
        ChainCommand::Import(args) => import::run(args),
        ChainCommand::Verify(args) => verify::run(args),
        ChainCommand::Info(args) => info::run(args),
    }
}
