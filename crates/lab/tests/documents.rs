//! docs/results.md against the code: every column and every quantity is there, and no other.

use forkful_core::MessageKind;
use forkful_lab::results::schemas;
use forkful_lab::table::Schema;
use forkful_lab::{Metric, trace_schema};

fn document() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/results.md");
    std::fs::read_to_string(path).unwrap()
}

/// The rows of the first table below a heading, as name and type.
fn rows(document: &str, heading: &str) -> Vec<(String, String)> {
    let (_, below) = document.split_once(&format!("\n{heading}\n")).unwrap();
    let table = below.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = table.skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let name = cells.next().unwrap().trim_matches('`').to_owned();
        (name, cells.next().unwrap().to_owned())
    })
    .collect()
}

/// What the document should say of the columns.
fn columns(schema: &Schema) -> Vec<(String, String)> {
    let columns = schema.columns.iter();
    columns
        .map(|column| {
            let null = if column.optional { ", null" } else { "" };
            (
                column.name.to_string(),
                format!("{}{null}", column.kind.name()),
            )
        })
        .collect()
}

#[test]
fn every_column_is_described_with_its_type() {
    let document = document();
    for schema in schemas() {
        let mut expected = columns(&schema);
        if schema.name == "runs" {
            // The quantities are described by themselves.
            expected.truncate(3);
        }
        let heading = format!("### `{}`", schema.name);
        assert_eq!(rows(&document, &heading), expected, "{heading}");
    }
    assert_eq!(rows(&document, "### The trace"), columns(&trace_schema()));
}

#[test]
fn every_quantity_is_described_and_no_other() {
    let document = document();
    let (_, below) = document.split_once("\n### The quantities\n").unwrap();
    let (table, _) = below.split_once("\n## ").unwrap();
    let names = table.lines().filter(|line| line.starts_with("| `"));
    let names = names.filter_map(|line| line.trim_matches('|').split('|').next());
    let mut described: Vec<String> = names
        .flat_map(|cell| cell.split(','))
        .map(|name| name.trim().trim_matches('`').to_owned())
        .collect();

    let kinds = MessageKind::ALL.map(|kind| serde_json::to_value(kind).unwrap());
    let is_kind = |part: &&str| *part == "total" || kinds.iter().any(|kind| kind == part);
    let general = |name: &str| {
        let parts: Vec<&str> = name.split('.').collect();
        let parts = parts
            .iter()
            .enumerate()
            .map(|(place, part)| match (parts[0], place) {
                ("reach", 1) => "P",
                ("messages", 1) if is_kind(part) => "KIND",
                _ => part,
            });
        parts.collect::<Vec<_>>().join(".")
    };
    let mut measured: Vec<String> = Metric::all().iter().map(|m| general(&m.name)).collect();
    measured.sort();
    measured.dedup();
    described.sort();
    assert_eq!(described, measured);
}
