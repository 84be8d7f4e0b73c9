//! What came of runs, as files in one directory.

mod reorg_log;
mod tables;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use forkful_scenario::Scenario;
use serde::Serialize;

use crate::error::LabError;
use crate::table::{TableWriter, paths};
pub use reorg_log::{Reorg, ReorgLog};
pub use tables::{RunTables, blocks, nodes, propagation, reorgs, runs, schemas};

/// The file of the report, of one run or of many.
pub const REPORT: &str = "report.json";

/// The file of the scenario that was played.
pub const SCENARIO: &str = "scenario.toml";

/// A directory of results in the making.
pub struct Results {
    directory: PathBuf,
    report: File,
    writers: Vec<TableWriter>,
}

impl Results {
    /// Creates the files in `directory`, and the directory if it is not there: so that what
    /// cannot be written is known before anything is played. The scenario is written at once, with
    /// everything that was changed in it, and the seed of the first run.
    ///
    /// # Errors
    /// A file cannot be written; or one is there already, unless `overwrite`.
    pub fn create(
        directory: &Path,
        scenario: &Scenario,
        overwrite: bool,
    ) -> Result<Results, LabError> {
        fs::create_dir_all(directory).map_err(LabError::output(directory))?;
        if !overwrite {
            for file in files(directory) {
                refuse_existing(&file)?;
            }
        }
        let path = directory.join(SCENARIO);
        fs::write(&path, scenario.to_toml()).map_err(LabError::output(&path))?;
        let path = directory.join(REPORT);
        let report = File::create(&path).map_err(LabError::output(&path))?;
        let schemas = schemas().into_iter();
        let writers = schemas.map(|schema| TableWriter::create(directory, schema));
        Ok(Results {
            directory: directory.to_owned(),
            report,
            writers: writers.collect::<Result<_, _>>()?,
        })
    }

    /// Adds the rows of the next run.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn append(&mut self, run: &RunTables) -> Result<(), LabError> {
        for (writer, table) in self.writers.iter_mut().zip(&run.tables) {
            writer.append(table)?;
        }
        Ok(())
    }

    /// Writes the report and the ends of all files.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(self, report: &impl Serialize) -> Result<(), LabError> {
        for writer in self.writers {
            writer.finish()?;
        }
        let mut out = BufWriter::new(self.report);
        serde_json::to_writer_pretty(&mut out, report)
            .map_err(std::io::Error::from)
            .and_then(|()| writeln!(out))
            .and_then(|()| out.flush())
            .map_err(LabError::output(self.directory.join(REPORT)))
    }
}

/// Refuses a file that is there.
///
/// # Errors
/// It is there.
pub fn refuse_existing(file: &Path) -> Result<(), LabError> {
    match file.exists() {
        true => Err(LabError::Exists(file.to_owned())),
        false => Ok(()),
    }
}

/// Every file of the results in `directory`.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = vec![directory.join(REPORT), directory.join(SCENARIO)];
    for schema in schemas() {
        files.extend(paths(directory, schema.name));
    }
    files
}
