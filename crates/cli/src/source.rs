//! Where a scenario comes from: a preset, a file or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use forkful_scenario::{FileError, NETWORKS, PRESETS, Scenario, preset};

use crate::failure::Failure;

/// A scenario and what it was called, for messages about it.
pub struct Source {
    pub name: String,
    pub scenario: Scenario,
}

/// Reads the scenario that a command line names.
pub fn load(name: &str) -> Result<Source, Failure> {
    let (name, text) = read(name)?;
    // Files that a scenario names are sought beside it; what is no file has no place of its own.
    let beside = Path::new(&name).parent().unwrap_or(Path::new(""));
    match Scenario::from_toml_with(&text, &reader(beside.to_owned())) {
        Ok(scenario) => Ok(Source { name, scenario }),
        Err(error) => Err(Failure::Scenario {
            name,
            error: Box::new(error),
        }),
    }
}

/// Reads the files that a scenario names, relative to a directory: never more than it may be,
/// whatever the file is.
pub fn reader(directory: PathBuf) -> impl Fn(&str, usize) -> Result<String, FileError> {
    move |name, bytes_max| {
        let wrong = |error: io::Error| FileError(error.to_string());
        let file = File::open(directory.join(name)).map_err(wrong)?;
        let mut bytes = Vec::new();
        let limit = (bytes_max as u64).saturating_add(1);
        file.take(limit).read_to_end(&mut bytes).map_err(wrong)?;
        if bytes.len() > bytes_max {
            let form = format!("it is larger than such a file may be, which is {bytes_max} bytes");
            return Err(FileError(form));
        }
        String::from_utf8(bytes).map_err(|error| {
            let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
            FileError(format!("line {line} is not UTF-8 text"))
        })
    }
}

/// The line, from 1, of a place in a text.
fn line_of(bytes: &[u8], place: usize) -> usize {
    1 + bytes[..place].iter().filter(|byte| **byte == b'\n').count()
}

/// What to say of a name that means nothing: what there is, and what is like it.
pub fn no_such(what: &str, name: &str) -> Failure {
    let presets: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
    let networks = NETWORKS.iter().map(|file| file.name);
    let mut names = presets.clone();
    if what.contains("network") {
        names.extend(networks);
    }
    let like = |candidate: &&str| strsim::jaro_winkler(name, candidate);
    let nearest = names
        .iter()
        .filter(|candidate| like(candidate) > 0.7)
        .max_by(|a, b| like(a).total_cmp(&like(b)));
    let hint = nearest.map_or(String::new(), |nearest| {
        format!(" (did you mean {nearest:?}?)")
    });
    Failure::Usage(format!(
        "there is no {what} {name:?}{hint}; the presets are {}",
        presets.join(", ")
    ))
}

/// The text, and what to call it.
fn read(name: &str) -> Result<(String, String), Failure> {
    if name == "-" {
        let name = "standard input".to_owned();
        return text(io::stdin().lock(), &name).map(|text| (name, text));
    }
    if let Some(preset) = preset(name) {
        return Ok((name.to_owned(), preset.toml.to_owned()));
    }
    let path = Path::new(name);
    let looks_like_a_file = name.contains(std::path::is_separator) || name.ends_with(".toml");
    if !looks_like_a_file && !path.exists() {
        return Err(no_such("preset or file", name));
    }
    let file = File::open(path).map_err(|error| input(name, error))?;
    text(file, name).map(|text| (name.to_owned(), text))
}

/// Reads no more than a scenario may have, whatever the file is: even /dev/zero.
fn text(reader: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    reader
        .take(Scenario::TEXT_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| input(name, error))?;
    if bytes.len() > Scenario::TEXT_BYTES_MAX {
        return Err(Failure::Usage(format!(
            "{name}: the file is larger than a scenario may be, which is {} bytes",
            Scenario::TEXT_BYTES_MAX
        )));
    }
    String::from_utf8(bytes).map_err(|error| {
        let line = line_of(error.as_bytes(), error.utf8_error().valid_up_to());
        Failure::Usage(format!("{name}: line {line}: this is not UTF-8 text"))
    })
}

fn input(name: &str, error: io::Error) -> Failure {
    Failure::Input {
        name: name.to_owned(),
        error,
    }
}
