//! The `forkful` command: plays scenarios, shows what happens, checks chains.

#![forbid(unsafe_code)]

mod args;
mod chain_file;
mod commands;
mod failure;
mod log;
mod measure_args;
mod node_args;
mod running;
mod show;
mod sinks;
mod source;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{Args, Command};
use crate::show::style::{BAD, paint, plain};

fn main() -> ExitCode {
    let command = Args::parse().command.unwrap_or_default();
    let result = match command {
        Command::Run(args) => commands::run::run(&args),
        Command::Validate(args) => commands::validate::run(&args),
        Command::Plot(args) => commands::plot::run(&args),
        Command::Presets => commands::presets::run(),
        Command::Networks => commands::networks::run(),
        Command::Show(args) => commands::show::run(&args),
        Command::Verify(args) => commands::verify::run(&args),
        Command::Chain(args) => commands::chain::run(&args),
        Command::Node(args) => commands::node::run(*args),
        Command::Rpc(args) => commands::rpc::run(&args),
        Command::Bench(args) => commands::bench::run(&args),
        Command::Schema(args) => commands::schema::run(&args),
        Command::Completions(args) => commands::completions::run(&args),
        Command::Man(args) => commands::man::run(&args),
    };
    result.unwrap_or_else(|failure| {
        if !failure.is_broken_pipe() {
            let text = plain(&failure.to_string());
            // If standard error is gone too, there is nobody left to tell.
            let _ = writeln!(anstream::stderr(), "{} {text}", paint(BAD, "error:"));
        }
        failure.exit_code()
    })
}
