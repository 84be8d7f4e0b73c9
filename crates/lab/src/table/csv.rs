//! Tables as CSV (RFC 4180): a line of names, then a line a row; nothing between two commas
//! where a value is missing.

use std::io::{self, Write};

use crate::table::{Schema, Table, Values};

/// The line of names.
pub(crate) fn write_head(out: &mut impl Write, schema: &Schema) -> io::Result<()> {
    let names: Vec<&str> = schema.columns.iter().map(|c| c.name.as_ref()).collect();
    writeln!(out, "{}", names.join(","))
}

/// The rows.
pub(crate) fn write_rows(out: &mut impl Write, table: &Table) -> io::Result<()> {
    // Missing values take no place, so every column has its own.
    let mut places = vec![0; table.columns.len()];
    for row in 0..table.rows() {
        for (number, (cells, place)) in table.columns.iter().zip(&mut places).enumerate() {
            if number > 0 {
                out.write_all(b",")?;
            }
            if cells.levels.get(row) == Some(&0) {
                continue;
            }
            match &cells.values {
                Values::Unsigned(values) => write!(out, "{}", values[*place].cast_unsigned())?,
                Values::Float(values) => write!(out, "{}", values[*place])?,
                Values::Bool(values) => write!(out, "{}", values[*place])?,
                Values::Text(values) => write_text(out, &values[*place])?,
                Values::Hash(values) => {
                    out.write_all(const_hex::encode(values[*place].0).as_bytes())?;
                }
            }
            *place += 1;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn write_text(out: &mut impl Write, text: &str) -> io::Result<()> {
    if text.contains(['"', ',', '\n', '\r']) {
        write!(out, "\"{}\"", text.replace('"', "\"\""))
    } else {
        out.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Kind, Value, column, optional};

    #[test]
    fn a_missing_value_is_nothing_and_a_comma_is_quoted() {
        let schema = Schema {
            name: "sample",
            columns: vec![
                column("word", Kind::Text),
                optional("part", Kind::Float),
                optional("count", Kind::Unsigned),
            ],
        };
        let mut table = Table::new(schema.clone());
        let text = |text: &str| Value::Text(text.to_owned());
        table.push([text("a,\"b\""), Value::Missing, Value::Unsigned(3)]);
        table.push([text("c"), Value::Float(0.5), Value::Missing]);
        let mut out = Vec::new();
        write_head(&mut out, &schema).unwrap();
        write_rows(&mut out, &table).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "word,part,count\n\"a,\"\"b\"\"\",,3\nc,0.5,\n");
    }
}
