//! Style that matters is a test: what this workspace promises about its own text.
//!
//! Each check is a function from the workspace's files to complaints, and has a test on a
//! bad sample beside it: a check that cannot fail checks nothing. Words that no file may
//! hold are spelt in two halves here, so that this test keeps its own rules.

mod code;
mod documents;
mod layout;
mod workspace;

use workspace::Workspace;

/// Fails with every complaint at once.
fn assert_none(complaints: Vec<String>) {
    assert!(
        complaints.is_empty(),
        "{} complaints:\n{}",
        complaints.len(),
        complaints.join("\n")
    );
}

#[test]
fn the_code_is_tidy() {
    let workspace = Workspace::load();
    let rust = workspace.with_extension("rs");
    assert!(rust.len() > 50, "the walk has missed the code: {rust:?}");
    let complaints = rust.into_iter().flat_map(code::complaints);
    assert_none(complaints.collect());
}

#[test]
fn the_exceptions_are_still_needed() {
    assert_none(code::idle_exceptions(&Workspace::load()));
}

#[test]
fn the_crates_point_down_only() {
    assert_none(layout::complaints(&Workspace::load()));
}

#[test]
fn the_documents_name_what_is_there() {
    let workspace = Workspace::load();
    let documents = workspace.with_extension("md");
    assert!(documents.len() > 5, "the walk has missed the documents");
    assert_none(documents::complaints(&workspace));
}

#[test]
fn no_file_names_a_machine() {
    let workspace = Workspace::load();
    let complaints = workspace.files.iter().flat_map(documents::machine_paths);
    assert_none(complaints.collect());
}
