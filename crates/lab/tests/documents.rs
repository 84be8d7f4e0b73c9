//! docs/results.md and docs/validation.md against the code: every column, quantity and study is there.

use forkful_core::MessageKind;
use forkful_lab::results::schemas;
use forkful_lab::table::Schema;
use forkful_lab::validate::{Quantity, built_in, parse};
use forkful_lab::{Metric, trace_schema};
use forkful_scenario::{FileError, Scenario};

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

fn page(name: &str) -> String {
    let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// The block of TOML with this line in it.
fn block_with<'a>(page: &'a str, line: &str) -> &'a str {
    let blocks = page.split("```toml\n").skip(1);
    let mut blocks = blocks.filter_map(|rest| rest.split("\n```").next());
    blocks
        .find(|block| block.lines().any(|own| own == line))
        .unwrap()
}

#[test]
fn every_study_and_what_it_can_measure_is_described() {
    let page = page("validation.md");
    for study in built_in().unwrap() {
        let name = format!("`{}`", study.name);
        assert!(page.contains(&name), "{name} is not in docs/validation.md");
    }
    let selfish = "nodes = [{ nodes = 0, strategy = 'selfish' }]";
    let scenario = Scenario::from_toml(selfish).unwrap();
    let (_, below) = page.split_once("\n### What can be measured\n").unwrap();
    let names = below.lines().filter_map(|line| line.strip_prefix("| `"));
    let mut count = 0;
    for name in names.filter_map(|rest| rest.split('`').next()) {
        let name = name
            .replace("STRATEGY", "selfish")
            .replace("FROM.TO", "0.5")
            .replace("WINDOW", "10")
            .replace("FIRST", "1")
            .replace(".N.", ".0.");
        assert!(Quantity::parse(&name, &scenario).is_ok(), "{name}");
        count += 1;
    }
    assert!(count >= 14, "the table was found");
}

#[test]
fn the_worked_example_is_a_file_as_it_stands() {
    let scenarios = page("scenarios.md");
    let read = |name: &str, _: usize| match name {
        "litecoin.toml" => Ok(block_with(&scenarios, "name = \"litecoin\"").to_owned()),
        "./lite.toml" => Ok(block_with(&scenarios, "name = \"lite\"").to_owned()),
        _ => Err(FileError(format!("no {name}"))),
    };
    let page = page("validation.md");
    let studies = parse(block_with(&page, "name = \"litecoin\""), &read).unwrap();
    assert_eq!(studies[0].cases.len(), 2);
    assert_eq!(studies[0].cases[1].checks.len(), 1, "one cell is empty");
}
