//! Arrows between crates point down only, and no crate steps out of line.

use crate::workspace::{File, Workspace};

/// Every crate, and the crates of ours that it may know. `sim` and `net` never meet.
const ARROWS: &[(&str, &[&str])] = &[
    ("pow", &[]),
    ("core", &[]),
    ("scenario", &["core"]),
    ("sim", &["core", "scenario"]),
    ("lab", &["core", "scenario", "sim"]),
    ("net", &["core", "pow", "scenario"]),
    ("cli", &["core", "pow", "scenario", "sim", "lab", "net"]),
];

/// The one crate with intrinsics in it.
const MAY_BE_UNSAFE: &str = "pow";
const FORBID: &str = "#![forbid(unsafe_code)]";

/// Everything that is wrong with the workspace's layout.
pub fn complaints(workspace: &Workspace) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in &workspace.files {
        let mut parts = file.path.split('/');
        let (Some("crates"), Some(name)) = (parts.next(), parts.next()) else {
            continue;
        };
        match parts.collect::<Vec<_>>().as_slice() {
            ["Cargo.toml"] => complaints.extend(manifest(name, file)),
            ["src", "lib.rs" | "main.rs"] => complaints.extend(root(name, file)),
            _ => {}
        }
    }
    complaints
}

/// Its arrows point down, and it takes the workspace's lints.
fn manifest(name: &str, file: &File) -> Vec<String> {
    let Some((_, below)) = ARROWS.iter().find(|(known, _)| *known == name) else {
        return vec![file.complain(1, "a crate that is not on the map in this test")];
    };
    let mut complaints = Vec::new();
    for (line, other) in our_crates(file) {
        if !below.contains(&other) {
            complaints.push(file.complain(line, &format!("{name} may not know {other}")));
        }
    }
    if !file.text.contains("[lints]\nworkspace = true") {
        complaints.push(file.complain(1, "does not take the workspace's lints"));
    }
    complaints
}

/// The crates of ours that a manifest names in any of its tables of dependencies.
fn our_crates(file: &File) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut in_dependencies = false;
    for (number, line) in file.lines() {
        let line = line.trim();
        let name = if let Some(table) = line.strip_prefix('[') {
            let table = table.trim_end_matches(']');
            in_dependencies = table.ends_with("dependencies");
            // A table of its own: [dependencies.forkful-core].
            let (tables, name) = table.rsplit_once('.').unwrap_or_default();
            tables.ends_with("dependencies").then_some(name)
        } else {
            in_dependencies.then_some(line)
        };
        if let Some(rest) = name.and_then(|name| name.strip_prefix("forkful-")) {
            let end = rest.find(|c: char| !c.is_alphanumeric());
            found.push((number, &rest[..end.unwrap_or(rest.len())]));
        }
    }
    found
}

fn root(name: &str, file: &File) -> Vec<String> {
    if name == MAY_BE_UNSAFE || file.text.lines().any(|line| line == FORBID) {
        return Vec::new();
    }
    vec![file.complain(1, &format!("a crate root without {FORBID}"))]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINTS: &str = "[lints]\nworkspace = true\n";

    fn about(path: &str, text: &str) -> Vec<String> {
        complaints(&Workspace::sample(&[(path, text)]))
    }

    #[test]
    fn an_arrow_that_points_up_is_noticed_in_every_spelling() {
        for arrow in [
            "[dependencies]\nforkful-net.workspace = true\n",
            "[dev-dependencies]\nforkful-net = { path = \"../net\" }\n",
            "[dependencies.forkful-net]\nworkspace = true\n",
            "[target.'cfg(unix)'.dependencies]\nforkful-net = \"*\"\n",
        ] {
            let text = format!("{LINTS}{arrow}");
            assert_eq!(about("crates/core/Cargo.toml", &text).len(), 1, "{arrow}");
            assert!(about("crates/cli/Cargo.toml", &text).is_empty(), "{arrow}");
        }
        for (one, other) in [
            ("net", "sim"),
            ("sim", "net"),
            ("sim", "pow"),
            ("sim", "lab"),
            ("net", "lab"),
        ] {
            let text = format!("{LINTS}[dependencies]\nforkful-{other}.workspace = true\n");
            let path = format!("crates/{one}/Cargo.toml");
            assert_eq!(about(&path, &text).len(), 1, "{one} knows {other}");
        }
    }

    #[test]
    fn every_arrow_points_to_a_crate_above_on_the_map() {
        for (place, (name, below)) in ARROWS.iter().enumerate() {
            let above: Vec<_> = ARROWS[..place].iter().map(|(name, _)| name).collect();
            assert!(below.iter().all(|other| above.contains(&other)), "{name}");
        }
    }

    #[test]
    fn a_new_crate_has_to_be_put_on_the_map() {
        assert_eq!(about("crates/utils/Cargo.toml", LINTS).len(), 1);
    }

    #[test]
    fn a_crate_without_the_lints_is_noticed() {
        assert_eq!(about("crates/core/Cargo.toml", "[lints]\n").len(), 1);
    }

    #[test]
    fn a_crate_root_that_forbids_nothing_is_noticed() {
        assert_eq!(about("crates/core/src/lib.rs", "mod a;").len(), 1);
        assert_eq!(about("crates/cli/src/main.rs", "fn main() {}").len(), 1);
        assert!(about("crates/core/src/lib.rs", FORBID).is_empty());
        assert!(about("crates/pow/src/lib.rs", "mod a;").is_empty());
    }
}
