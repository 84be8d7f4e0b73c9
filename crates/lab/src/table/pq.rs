//! Tables as Parquet: one row group for each batch of rows, no compression, dictionaries for
//! texts, so that any reader takes them and writing costs little.

use std::io::Write;
use std::sync::Arc;

use parquet::basic::{Encoding, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::Result;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterPropertiesBuilder};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use crate::table::{Column, Kind, Schema, Table, Values};

/// Who wrote a file, in its footer.
const CREATED_BY: &str = concat!("forkful ", env!("CARGO_PKG_VERSION"));

/// A file of tables of one form.
pub(crate) fn file_writer<W: Write + Send>(
    out: W,
    schema: &Schema,
) -> Result<SerializedFileWriter<W>> {
    let mut properties = properties();
    for column in &schema.columns {
        let path = ColumnPath::new(vec![column.name.to_string()]);
        let is_text = matches!(column.kind, Kind::Text | Kind::Hash);
        properties = properties.set_column_dictionary_enabled(path.clone(), is_text);
        if is_text {
            // The least and the greatest hash help nobody, and cost a comparison a row.
            let none = EnabledStatistics::None;
            properties = properties.set_column_statistics_enabled(path.clone(), none);
        }
        if column.kind == Kind::Unsigned {
            properties = properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
        }
    }
    SerializedFileWriter::new(out, group_type(schema)?, Arc::new(properties.build()))
}

/// What all files have in common.
pub(crate) fn properties() -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(CREATED_BY.to_owned())
        .set_statistics_enabled(EnabledStatistics::Chunk)
}

/// Writes the rows of a table as one row group.
pub(crate) fn write_group<W: Write + Send>(
    file: &mut SerializedFileWriter<W>,
    table: &Table,
) -> Result<()> {
    let mut group = file.next_row_group()?;
    for (column, cells) in table.schema.columns.iter().zip(&table.columns) {
        let levels = column.optional.then_some(cells.levels.as_slice());
        match &cells.values {
            Values::Unsigned(values) => write_column::<Int64Type, _>(&mut group, values, levels)?,
            Values::Float(values) => write_column::<DoubleType, _>(&mut group, values, levels)?,
            Values::Bool(values) => write_column::<BoolType, _>(&mut group, values, levels)?,
            Values::Text(values) => {
                let texts: Vec<ByteArray> = values
                    .iter()
                    .map(|text| ByteArray::from(text.as_str()))
                    .collect();
                write_column::<ByteArrayType, _>(&mut group, &texts, levels)?;
            }
            Values::Hash(values) => {
                let texts: Vec<ByteArray> = values
                    .iter()
                    .map(|hash| ByteArray::from(const_hex::encode(hash.0).into_bytes()))
                    .collect();
                write_column::<ByteArrayType, _>(&mut group, &texts, levels)?;
            }
        }
    }
    group.close()?;
    Ok(())
}

/// Writes the next column of a row group.
pub(crate) fn write_column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<()> {
    if let Some(mut column) = group.next_column()? {
        column.typed::<T>().write_batch(values, levels, None)?;
        column.close()?;
    }
    Ok(())
}

fn group_type(schema: &Schema) -> Result<TypePtr> {
    let fields: Result<Vec<TypePtr>> = schema.columns.iter().map(column_type).collect();
    let group = Type::group_type_builder(schema.name).with_fields(fields?);
    Ok(Arc::new(group.build()?))
}

fn column_type(column: &Column) -> Result<TypePtr> {
    let (physical, logical) = match column.kind {
        Kind::Unsigned => {
            let unsigned = LogicalType::integer(64, false);
            (Physical::INT64, Some(unsigned))
        }
        Kind::Float => (Physical::DOUBLE, None),
        Kind::Bool => (Physical::BOOLEAN, None),
        Kind::Text | Kind::Hash => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    let repetition = if column.optional {
        Repetition::OPTIONAL
    } else {
        Repetition::REQUIRED
    };
    let primitive = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(repetition)
        .with_logical_type(logical);
    Ok(Arc::new(primitive.build()?))
}
