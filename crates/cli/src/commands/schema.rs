//! `forkful schema`: the JSON Schema of a format, for editors and for other programs.

use std::io::{self, Write as _};
use std::process::ExitCode;

use forkful_lab::ensemble_schema;
use forkful_lab::validate::validation_schema;
use forkful_scenario::{report_schema, scenario_schema};

use crate::args::{Format, SchemaArgs};
use crate::failure::Failure;

/// Prints the schema.
pub fn run(args: &SchemaArgs) -> Result<ExitCode, Failure> {
    let schema = match args.format {
        Format::Scenario => scenario_schema(),
        Format::Report => report_schema(),
        Format::Ensemble => ensemble_schema(),
        Format::Validation => validation_schema(),
    };
    let mut out = io::stdout().lock();
    writeln!(out, "{schema:#}").map_err(Failure::stdout)?;
    Ok(ExitCode::SUCCESS)
}
