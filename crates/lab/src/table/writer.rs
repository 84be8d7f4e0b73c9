//! A table that grows into its two files, a batch of rows at a time.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use parquet::file::writer::SerializedFileWriter;

use crate::error::LabError;
use crate::table::{Schema, Table, csv, pq};

/// Rows that are kept before they are written: one row group of Parquet. Readers want row
/// groups of this order, and memory stays below some tens of megabytes.
const ROWS_MAX: usize = 1 << 17;

/// A table on its way into `NAME.parquet` and `NAME.csv`.
pub struct TableWriter {
    rows: Table,
    parquet: (PathBuf, SerializedFileWriter<File>),
    csv: (PathBuf, BufWriter<File>),
}

impl TableWriter {
    /// Creates the two files in `directory`; what they held is gone.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn create(directory: &Path, schema: Schema) -> Result<TableWriter, LabError> {
        let [parquet, csv] = paths(directory, schema.name);
        let file = File::create(&parquet).map_err(LabError::output(&parquet))?;
        let writer = pq::file_writer(file, &schema).map_err(|e| written(&parquet, e))?;
        let file = File::create(&csv).map_err(LabError::output(&csv))?;
        let mut lines = BufWriter::new(file);
        csv::write_head(&mut lines, &schema).map_err(LabError::output(&csv))?;
        Ok(TableWriter {
            rows: Table::new(schema),
            parquet: (parquet, writer),
            csv: (csv, lines),
        })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn append(&mut self, rows: &Table) -> Result<(), LabError> {
        self.rows.append(rows);
        if self.rows.rows() >= ROWS_MAX {
            self.flush()?;
        }
        Ok(())
    }

    /// Writes what is left, and the ends of the files. A table without rows is a file
    /// without row groups, which readers take as well.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(mut self) -> Result<(), LabError> {
        self.flush()?;
        let (path, writer) = self.parquet;
        writer.close().map_err(|error| written(&path, error))?;
        let (path, mut lines) = self.csv;
        lines.flush().map_err(LabError::output(&path))
    }

    fn flush(&mut self) -> Result<(), LabError> {
        if self.rows.rows() == 0 {
            return Ok(());
        }
        let (path, writer) = &mut self.parquet;
        pq::write_group(writer, &self.rows).map_err(|error| written(path, error))?;
        let (path, lines) = &mut self.csv;
        csv::write_rows(lines, &self.rows).map_err(LabError::output(path))?;
        self.rows.clear();
        Ok(())
    }
}

/// The files of a table.
pub(crate) fn paths(directory: &Path, name: &str) -> [PathBuf; 2] {
    [format!("{name}.parquet"), format!("{name}.csv")].map(|name| directory.join(name))
}

/// Parquet's errors wrap those of the file.
pub(crate) fn written(path: &Path, error: parquet::errors::ParquetError) -> LabError {
    LabError::output(path)(match error {
        parquet::errors::ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other.to_string()),
        },
        other => io::Error::other(other.to_string()),
    })
}
