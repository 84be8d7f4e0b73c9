//! Tables of results: columns of one type each, written as Parquet and as CSV.

mod csv;
pub(crate) mod pq;
mod read;
mod writer;

use std::borrow::Cow;

use forkful_core::Hash;

pub use read::{ReadError, read};
pub use writer::TableWriter;
pub(crate) use writer::{paths, written};

/// What the values of a column are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Whole numbers from zero: `UINT64` in Parquet.
    Unsigned,
    /// Numbers: `DOUBLE`.
    Float,
    /// True or false: `BOOLEAN`.
    Bool,
    /// Text: `STRING`.
    Text,
    /// A hash: `STRING` of 64 hex digits.
    Hash,
}

impl Kind {
    /// The type as the documents and SQL name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Unsigned => "UINT64",
            Kind::Float => "DOUBLE",
            Kind::Bool => "BOOLEAN",
            Kind::Text | Kind::Hash => "STRING",
        }
    }
}

/// One column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// Its name: letters, digits and `_`, its unit last.
    pub name: Cow<'static, str>,
    /// What its values are.
    pub kind: Kind,
    /// Whether values may be missing.
    pub optional: bool,
}

/// The form of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schema {
    /// Its name, which is the name of its files.
    pub name: &'static str,
    /// Its columns, in order.
    pub columns: Vec<Column>,
}

/// One value on its way into a table.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// For a column that may miss values.
    Missing,
    /// A whole number.
    Unsigned(u64),
    /// A number.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// A hash.
    Hash(Hash),
}

/// Rows in columns.
#[derive(Clone, PartialEq, Debug)]
pub struct Table {
    pub(crate) schema: Schema,
    pub(crate) columns: Vec<Cells>,
    rows: usize,
}

/// The values of a column. Those that are missing take no room but their level.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Cells {
    pub values: Values,
    /// 1 for a value that is there, 0 for one that is missing; unused in columns that miss
    /// none. Parquet calls them definition levels.
    pub levels: Vec<i16>,
}

/// Values of one type.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Values {
    /// As Parquet holds them: the same bits, read as signed.
    Unsigned(Vec<i64>),
    Float(Vec<f64>),
    Bool(Vec<bool>),
    Text(Vec<String>),
    Hash(Vec<Hash>),
}

/// A column that misses no value.
pub(crate) fn column(name: &'static str, kind: Kind) -> Column {
    Column {
        name: Cow::Borrowed(name),
        kind,
        optional: false,
    }
}

/// A column that may miss values.
pub(crate) fn optional(name: &'static str, kind: Kind) -> Column {
    Column {
        optional: true,
        ..column(name, kind)
    }
}

impl Schema {
    /// The place of a column.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }
}

impl Table {
    /// A table without rows.
    pub fn new(schema: Schema) -> Table {
        let cells = |column: &Column| Cells {
            values: Values::new(column.kind),
            levels: Vec::new(),
        };
        Table {
            columns: schema.columns.iter().map(cells).collect(),
            rows: 0,
            schema,
        }
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row: a value for each column, of its kind.
    ///
    /// # Panics
    /// The row does not fit the schema. Both are written down in this crate.
    pub fn push<const N: usize>(&mut self, row: [Value; N]) {
        self.push_row(row.into());
    }

    /// As [`push`](Self::push), for rows whose length the schema alone knows.
    pub(crate) fn push_row(&mut self, row: Vec<Value>) {
        assert_eq!(row.len(), self.columns.len(), "{}", self.schema.name);
        let columns = self.schema.columns.iter().zip(&mut self.columns);
        for ((column, cells), value) in columns.zip(row) {
            assert!(
                column.optional || value != Value::Missing,
                "{} is missing",
                column.name
            );
            cells.push(column, value);
        }
        self.rows += 1;
    }

    /// Adds the rows of another table of the same form.
    pub fn append(&mut self, other: &Table) {
        assert_eq!(self.schema.name, other.schema.name, "tables of two forms");
        for (cells, more) in self.columns.iter_mut().zip(&other.columns) {
            cells.append(more);
        }
        self.rows += other.rows;
    }

    /// Takes all rows out, and keeps the room that they took.
    pub fn clear(&mut self) {
        for cells in &mut self.columns {
            cells.clear();
        }
        self.rows = 0;
    }

    /// The whole numbers of a column that misses none; empty if there is no such column.
    pub fn unsigned(&self, name: &str) -> Vec<u64> {
        match self.cells(name).map(|cells| &cells.values) {
            Some(Values::Unsigned(values)) => values.iter().map(|v| v.cast_unsigned()).collect(),
            _ => Vec::new(),
        }
    }

    /// The whole numbers of a column, `None` where one is missing.
    pub fn optional_unsigned(&self, name: &str) -> Vec<Option<u64>> {
        match self.cells(name) {
            Some(cells) => match &cells.values {
                Values::Unsigned(values) => {
                    let values = cells.spread(values).into_iter();
                    values.map(|value| value.map(i64::cast_unsigned)).collect()
                }
                _ => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    /// The numbers of a column, `None` where one is missing.
    pub fn floats(&self, name: &str) -> Vec<Option<f64>> {
        match self.cells(name) {
            Some(cells) => match &cells.values {
                Values::Float(values) => cells.spread(values),
                _ => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    /// The truths of a column that misses none.
    pub fn bools(&self, name: &str) -> &[bool] {
        match self.cells(name).map(|cells| &cells.values) {
            Some(Values::Bool(values)) => values,
            _ => &[],
        }
    }

    /// The texts of a column that misses none; hashes as hex digits where they were read.
    pub fn texts(&self, name: &str) -> &[String] {
        match self.cells(name).map(|cells| &cells.values) {
            Some(Values::Text(values)) => values,
            _ => &[],
        }
    }

    fn cells(&self, name: &str) -> Option<&Cells> {
        self.columns.get(self.schema.place(name)?)
    }

    pub(crate) fn set_rows(&mut self, rows: usize) {
        self.rows = rows;
    }
}

impl Cells {
    fn push(&mut self, column: &Column, value: Value) {
        if column.optional {
            self.levels.push(i16::from(value != Value::Missing));
        }
        match (&mut self.values, value) {
            (_, Value::Missing) => {}
            (Values::Unsigned(values), Value::Unsigned(v)) => values.push(v.cast_signed()),
            (Values::Float(values), Value::Float(v)) => values.push(v),
            (Values::Bool(values), Value::Bool(v)) => values.push(v),
            (Values::Text(values), Value::Text(v)) => values.push(v),
            (Values::Hash(values), Value::Hash(v)) => values.push(v),
            (_, value) => panic!("{value:?} in the column {}", column.name),
        }
    }

    fn append(&mut self, more: &Cells) {
        self.levels.extend_from_slice(&more.levels);
        match (&mut self.values, &more.values) {
            (Values::Unsigned(a), Values::Unsigned(b)) => a.extend_from_slice(b),
            (Values::Float(a), Values::Float(b)) => a.extend_from_slice(b),
            (Values::Bool(a), Values::Bool(b)) => a.extend_from_slice(b),
            (Values::Text(a), Values::Text(b)) => a.extend_from_slice(b),
            (Values::Hash(a), Values::Hash(b)) => a.extend_from_slice(b),
            (a, b) => panic!("{a:?} and {b:?} in one column"),
        }
    }

    fn clear(&mut self) {
        self.levels.clear();
        match &mut self.values {
            Values::Unsigned(values) => values.clear(),
            Values::Float(values) => values.clear(),
            Values::Bool(values) => values.clear(),
            Values::Text(values) => values.clear(),
            Values::Hash(values) => values.clear(),
        }
    }

    fn spread<T: Copy>(&self, values: &[T]) -> Vec<Option<T>> {
        if self.levels.is_empty() {
            return values.iter().copied().map(Some).collect();
        }
        let mut values = values.iter().copied();
        let levels = self.levels.iter();
        levels
            .map(|level| if *level == 1 { values.next() } else { None })
            .collect()
    }
}

impl Values {
    fn new(kind: Kind) -> Values {
        match kind {
            Kind::Unsigned => Values::Unsigned(Vec::new()),
            Kind::Float => Values::Float(Vec::new()),
            Kind::Bool => Values::Bool(Vec::new()),
            Kind::Text => Values::Text(Vec::new()),
            Kind::Hash => Values::Hash(Vec::new()),
        }
    }
}
