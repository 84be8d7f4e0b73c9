//! Tables, read back from Parquet.

use std::fs::File;
use std::path::{Path, PathBuf};

use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader as _, RowGroupReader, SerializedFileReader};

use crate::table::{Cells, Column, Kind, Schema, Table, Values};

/// The most rows that are read: some gigabytes of memory.
const ROWS_MAX: i64 = 50_000_000;

/// The most bytes of texts that are read.
const TEXT_MAX: usize = 1 << 32;

/// Why a table cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be opened.
    #[error("{}: {error}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// It is no Parquet file, or is damaged.
    #[error("{}: this is not a whole Parquet file: {error}", path.display())]
    Parquet {
        /// Which.
        path: PathBuf,
        /// Why.
        error: ParquetError,
    },
    /// It is no report.
    #[error("{}: this is not a report: {error}", path.display())]
    Report {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: serde_json::Error,
    },
    /// A column that is needed is not there, or of another type.
    #[error("{}: there is no column {name} of type {kind}", path.display())]
    Column {
        /// Which file.
        path: PathBuf,
        /// Which column.
        name: String,
        /// What its values should be.
        kind: &'static str,
    },
    /// It is larger than anybody would draw.
    #[error("{}: {rows} rows are more than can be read, which is {ROWS_MAX}", path.display())]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// How many rows it has.
        rows: i64,
    },
}

/// Reads the columns `names` of a table of this form from `NAME.parquet` in `directory`;
/// hashes as text.
///
/// # Errors
/// The file is not there, is damaged, or has another form.
pub fn read(directory: &Path, schema: &Schema, names: &[&str]) -> Result<Table, ReadError> {
    let path = directory.join(format!("{}.parquet", schema.name));
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) => return Err(ReadError::File { path, error }),
    };
    let whole = |error| ReadError::Parquet {
        path: path.clone(),
        error,
    };
    let reader = SerializedFileReader::new(file).map_err(whole)?;
    let rows = reader.metadata().file_metadata().num_rows();
    if rows > ROWS_MAX {
        return Err(ReadError::TooLarge { path, rows });
    }
    let wanted = schema.columns.iter();
    let wanted = wanted.filter(|column| names.contains(&column.name.as_ref()));
    let as_text = |column: &Column| Column {
        kind: match column.kind {
            Kind::Hash => Kind::Text,
            kind => kind,
        },
        ..column.clone()
    };
    let mut table = Table::new(Schema {
        name: schema.name,
        columns: wanted.map(as_text).collect(),
    });
    let descriptor = reader.metadata().file_metadata().schema_descr_ptr();
    for (place, column) in table.schema.columns.clone().iter().enumerate() {
        let found = descriptor
            .columns()
            .iter()
            .position(|c| c.name() == column.name);
        let Some(found) = found else {
            return Err(no_column(&path, column));
        };
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).map_err(whole)?;
            let cells = &mut table.columns[place];
            let fits = read_column(group.as_ref(), found, column, cells).map_err(whole)?;
            if !fits {
                return Err(no_column(&path, column));
            }
        }
    }
    table.set_rows(usize::try_from(rows).unwrap_or(0));
    Ok(table)
}

fn no_column(path: &Path, column: &Column) -> ReadError {
    ReadError::Column {
        path: path.to_owned(),
        name: column.name.to_string(),
        kind: column.kind.name(),
    }
}

/// Adds a column of a row group. Returns false if its type is another.
fn read_column(
    group: &dyn RowGroupReader,
    place: usize,
    column: &Column,
    cells: &mut Cells,
) -> Result<bool, ParquetError> {
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let levels = column.optional.then_some(&mut cells.levels);
    match (group.get_column_reader(place)?, &mut cells.values) {
        (ColumnReader::Int64ColumnReader(reader), Values::Unsigned(values)) => {
            read_values(reader, rows, levels, values)?;
        }
        (ColumnReader::DoubleColumnReader(reader), Values::Float(values)) => {
            read_values(reader, rows, levels, values)?;
        }
        (ColumnReader::BoolColumnReader(reader), Values::Bool(values)) => {
            read_values(reader, rows, levels, values)?;
        }
        (ColumnReader::ByteArrayColumnReader(reader), Values::Text(texts)) => {
            let mut values: Vec<ByteArray> = Vec::new();
            read_values(reader, rows, levels, &mut values)?;
            let bytes: usize = values.iter().map(ByteArray::len).sum();
            if bytes > TEXT_MAX {
                return Err(ParquetError::General("its texts are too long".to_owned()));
            }
            for value in &values {
                texts.push(value.as_utf8()?.to_owned());
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn read_values<T: DataType>(
    mut reader: ColumnReaderImpl<T>,
    rows: usize,
    mut levels: Option<&mut Vec<i16>>,
    values: &mut Vec<T::T>,
) -> Result<(), ParquetError> {
    let mut left = rows;
    while left > 0 {
        let (records, _, _) = reader.read_records(left, levels.as_deref_mut(), None, values)?;
        if records == 0 {
            return Err(ParquetError::General("a column ends too early".to_owned()));
        }
        left -= records;
    }
    Ok(())
}
