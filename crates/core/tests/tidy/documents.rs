//! The documents: their links lead somewhere, and the files they name exist.

use std::collections::BTreeMap;

use crate::workspace::{File, Workspace};

/// Where machines keep things, in halves: a path like this means nothing elsewhere.
const MACHINE_PATHS: [&str; 5] = [
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
    concat!("C:", "\\"),
];

/// Everything that is wrong with the documents.
pub fn complaints(workspace: &Workspace) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in workspace.with_extension("md") {
        complaints.extend(links(workspace, file));
        complaints.extend(named_paths(workspace, file));
        if file.path == "GLOSSARY.md" {
            complaints.extend(glossary(file));
        }
    }
    for file in workspace.with_extension("rs") {
        complaints.extend(named_documents(workspace, file));
    }
    complaints
}

/// Paths that exist on one machine only.
pub fn machine_paths(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in file.lines() {
        for path in MACHINE_PATHS {
            let begins = |at: usize| !line[..at].ends_with(|c: char| is_path(c));
            if line.match_indices(path).any(|(at, _)| begins(at)) {
                complaints.push(file.complain(number, &format!("{path} is on one machine only")));
            }
        }
    }
    complaints
}

/// Relative links lead to files, and their anchors to headings.
fn links(workspace: &Workspace, file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in prose(file) {
        for target in targets(line) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let path = if path.is_empty() {
                file.path.clone()
            } else {
                beside(file, path)
            };
            if !workspace.has(&path) {
                complaints.push(file.complain(number, &format!("{target} leads nowhere")));
            } else if !anchor.is_empty()
                && !workspace
                    .find(&path)
                    .is_some_and(|file| has_heading(file, anchor))
            {
                complaints.push(file.complain(number, &format!("no heading for {target}")));
            }
        }
    }
    complaints
}

/// Inline code that looks like a path of this workspace is one.
fn named_paths(workspace: &Workspace, file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in prose(file) {
        let code = line.split('`').skip(1).step_by(2);
        for name in code.filter(|code| code.chars().all(is_path)) {
            let name = name.trim_end_matches('/');
            let first = name.split('/').next().unwrap_or_default();
            let ours = name.contains('/') && ["crates", "docs", ".ci"].contains(&first);
            let document = name.len() > 3 && name.ends_with(".md");
            if (ours || document) && !workspace.has(name) && !workspace.has(&beside(file, name)) {
                complaints.push(file.complain(number, &format!("there is no {name}")));
            }
        }
    }
    complaints
}

/// Documents that the code's comments point to exist.
fn named_documents(workspace: &Workspace, file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in file.lines() {
        let (_, comment) = line.split_once("//").unwrap_or_default();
        for word in comment.split(|c: char| !is_path(c)) {
            let word = word.trim_end_matches('.');
            let document = word.starts_with("docs/") && word.ends_with(".md");
            if document && !workspace.has(word) {
                complaints.push(file.complain(number, &format!("there is no {word}")));
            }
        }
    }
    complaints
}

/// Each word is explained once, in the order of the alphabet, and every explanation ends.
fn glossary(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut last = String::new();
    for (number, line) in file.lines() {
        let Some((names, _)) = line
            .strip_prefix("**")
            .and_then(|line| line.split_once("**"))
        else {
            continue;
        };
        for name in names.split(", ") {
            if let Some(before) = seen.insert(name.to_lowercase(), number) {
                let what = format!("{name} was explained in line {before} already");
                complaints.push(file.complain(number, &what));
            }
        }
        let names = names.to_lowercase();
        if names < last {
            complaints.push(file.complain(number, &format!("{names} stands after {last}")));
        }
        last = names;
    }
    if seen.is_empty() {
        complaints.push(file.complain(1, "explains nothing"));
    }
    complaints
}

/// The lines that are not in a fenced block.
fn prose(file: &File) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    file.lines().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// The targets of a line's links and pictures.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let after = line.split("](").skip(1);
    after.filter_map(|rest| rest.split([')', ' ']).next())
}

/// A path as written in a document, seen from the root.
fn beside(file: &File, path: &str) -> String {
    let mut parts: Vec<&str> = file.path.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Headings become anchors as on the usual code hosts.
fn has_heading(file: &File, anchor: &str) -> bool {
    let slug = |heading: &str| {
        let kept = heading.trim().to_lowercase().replace(' ', "-");
        kept.replace(|c: char| !c.is_alphanumeric() && c != '-' && c != '_', "")
    };
    let headings = prose(file).filter_map(|(_, line)| line.strip_prefix('#'));
    headings
        .map(|heading| slug(heading.trim_start_matches('#')))
        .any(|heading| heading == anchor)
}

fn is_path(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_./-".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(text: &str) -> Vec<String> {
        complaints(&Workspace::sample(&[
            ("docs/a.md", text),
            ("docs/b.md", "# One heading: here\n"),
            ("crates/core/src/lib.rs", ""),
        ]))
    }

    #[test]
    fn a_link_that_leads_nowhere_is_noticed() {
        for good in [
            "b.md",
            "../docs/b.md",
            "b.md#one-heading-here",
            "../crates/core/src/lib.rs",
        ] {
            assert!(sample(&format!("[x]({good})")).is_empty(), "{good}");
        }
        for bad in ["c.md", "docs/b.md", "b.md#other", "#own"] {
            assert_eq!(sample(&format!("see [x]({bad}) now")).len(), 1, "{bad}");
        }
        assert!(sample("[x](https://example.org/none.md)").is_empty());
        assert!(sample("```text\n[x](c.md)\n```\n").is_empty());
    }

    #[test]
    fn a_file_that_is_not_there_is_noticed() {
        assert!(sample("in `crates/core/src/lib.rs` and `docs/b.md`").is_empty());
        assert_eq!(sample("in `crates/core/src/gone.rs`").len(), 1);
        assert_eq!(sample("in `GONE.md`").len(), 1);
        assert!(sample("run `cargo test`, or `crates/*/src`").is_empty());
    }

    #[test]
    fn code_that_points_to_a_lost_document_is_noticed() {
        let lost = concat!("//! See docs", "/lost.md.");
        let workspace = Workspace::sample(&[("crates/core/src/lib.rs", lost)]);
        assert_eq!(complaints(&workspace).len(), 1);
    }

    #[test]
    fn a_word_that_is_explained_twice_or_out_of_order_is_noticed() {
        let check = |text: &str| glossary(&File::sample("GLOSSARY.md", text)).len();
        assert_eq!(check("**fork**: a\n\n**tip, best block**: b\n"), 0);
        assert_eq!(check("**tip**: a\n\n**Tip**: b\n"), 1);
        assert_eq!(check("**a, tip**: a\n\n**tip**: b\n"), 1);
        assert_eq!(check("**tip**: a\n\n**fork**: b\n"), 1);
        assert_eq!(check("nothing\n"), 1);
    }

    #[test]
    fn the_path_of_a_machine_is_noticed() {
        for path in MACHINE_PATHS {
            let file = File::sample("a.toml", &format!("dir = \"{path}x\""));
            assert_eq!(machine_paths(&file).len(), 1, "{path}");
        }
        let relative = File::sample("a.toml", concat!("dir = \"net/wo", "rk/x\""));
        assert!(machine_paths(&relative).is_empty());
    }
}
