//! What holds for every Rust file: short files, short functions, no unfinished business.

use crate::workspace::{File, Workspace};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 120;

/// A file that may be longer, how long, and why.
type Exception = (&'static str, usize, &'static str);

/// There is none at present.
const LONGER_FILES: &[Exception] = &[];

/// Words that mean something is unfinished.
const UNFINISHED: [&str; 4] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("dbg", "!("),
    concat!("XX", "X"),
];
const UNSAFE: &str = concat!("un", "safe");
const UNWRAP: [&str; 2] = [concat!(".unwrap", "()"), concat!(".unwrap", "_err()")];
const EXPECT: &str = concat!(".exp", "ect(");

/// Everything that is wrong with one Rust file.
pub fn complaints(file: &File) -> Vec<String> {
    let checks = [function_length, columns, unfinished, unwraps, unsafety];
    let mut complaints = file_length(file, LONGER_FILES);
    complaints.extend(checks.iter().flat_map(|check| check(file)));
    complaints
}

/// Exceptions for files that are gone, or short enough by now.
pub fn idle_exceptions(workspace: &Workspace) -> Vec<String> {
    idle(workspace, LONGER_FILES)
}

fn idle(workspace: &Workspace, exceptions: &[Exception]) -> Vec<String> {
    let is_idle = |path: &&str| {
        let lines = workspace.find(path).map(|file| file.text.lines().count());
        lines.is_none_or(|lines| lines <= FILE_LINES_MAX)
    };
    let paths = exceptions.iter().map(|(path, _, _)| *path);
    paths
        .filter(is_idle)
        .map(|path| format!("{path}: the exception is not needed any more"))
        .collect()
}

fn file_length(file: &File, exceptions: &[Exception]) -> Vec<String> {
    let exception = exceptions.iter().find(|(path, _, _)| *path == file.path);
    let most = exception.map_or(FILE_LINES_MAX, |(_, most, _)| *most);
    let lines = file.text.lines().count();
    if lines <= most {
        return Vec::new();
    }
    vec![file.complain(lines, &format!("{lines} lines, but {most} are allowed"))]
}

/// By rustfmt's layout: a function ends with the first brace that stands where it began.
fn function_length(file: &File) -> Vec<String> {
    let lines: Vec<&str> = file.text.lines().collect();
    let mut complaints = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        if !is_function(line) || line.ends_with('}') || line.ends_with(';') {
            continue;
        }
        let ends = |other: &&str| {
            let closes = other.trim_start().starts_with('}') || other.ends_with(");");
            indent(other) == indent(line) && closes
        };
        let after = lines[start + 1..].iter().position(ends);
        let length = after.map_or(lines.len() - start, |after| after + 2);
        if length > FUNCTION_LINES_MAX {
            let what =
                format!("a function of {length} lines, but {FUNCTION_LINES_MAX} are allowed");
            complaints.push(file.complain(start + 1, &what));
        }
    }
    complaints
}

fn is_function(line: &str) -> bool {
    let words = line.split_whitespace();
    let mut words = words.skip_while(|word| {
        word.starts_with("pub") || ["const", "async", "extern", "\"C\"", UNSAFE].contains(word)
    });
    words.next() == Some("fn")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What rustfmt does not break is a string; everything else has no excuse.
fn columns(file: &File) -> Vec<String> {
    let too_long = |line: &str| line.chars().count() > COLUMNS_MAX && !line.contains('"');
    file.lines()
        .filter(|(_, line)| too_long(line))
        .map(|(number, _)| file.complain(number, &format!("longer than {COLUMNS_MAX} columns")))
        .collect()
}

fn unfinished(file: &File) -> Vec<String> {
    let mut complaints = Vec::new();
    for (number, line) in file.lines() {
        for word in UNFINISHED {
            if line.contains(word) {
                complaints.push(file.complain(number, &format!("{word} is unfinished business")));
            }
        }
    }
    complaints
}

/// Library code names the error; tests, examples and comments may be brief.
fn unwraps(file: &File) -> Vec<String> {
    if !file.path.contains("/src/") || file.path.ends_with("/tests.rs") {
        return Vec::new();
    }
    let mut complaints = Vec::new();
    let mut test_ends_at = None;
    let lines: Vec<&str> = file.text.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        if line.trim() == "#[cfg(test)]" {
            test_ends_at = Some(indent(line));
        }
        if let Some(column) = test_ends_at {
            if indent(line) == column && (*line).trim() == "}" {
                test_ends_at = None;
            }
            continue;
        }
        let code = without_comment(line);
        if UNWRAP.iter().any(|word| code.contains(word)) {
            complaints.push(file.complain(at + 1, "unwraps in library code"));
        }
        if let Some((_, rest)) = code.split_once(EXPECT)
            && !has_reason(&[rest, lines.get(at + 1).copied().unwrap_or_default()])
        {
            complaints.push(file.complain(at + 1, "expects without a reason of three words"));
        }
    }
    complaints
}

/// Whether the argument that begins here, or on the line below, is a reason.
fn has_reason(argument: &[&str; 2]) -> bool {
    let [here, below] = argument.map(str::trim_start);
    let text = if here.is_empty() { below } else { here };
    let literal = text
        .strip_prefix('"')
        .and_then(|text| text.split('"').next());
    literal.is_some_and(|reason| reason.split_whitespace().count() >= 3)
}

/// One crate calls instructions that not every processor has; no other has a reason to.
fn unsafety(file: &File) -> Vec<String> {
    if file.path.starts_with("crates/pow/") {
        return Vec::new();
    }
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let has_word = |line: &str| {
        let mut words = line.split(|c| !is_name(c));
        words.any(|word| word == UNSAFE)
    };
    file.lines()
        .filter(|(_, line)| has_word(without_comment(line)))
        .map(|(number, _)| file.complain(number, "only crates/pow may do this"))
        .collect()
}

fn without_comment(line: &str) -> &str {
    line.split("//").next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn library(text: &str) -> File {
        File::sample("crates/core/src/sample.rs", text)
    }

    #[test]
    fn a_long_file_is_noticed_and_an_exception_has_its_own_bound() {
        let exception = [("crates/core/src/sample.rs", 500, "for the test")];
        let length = |lines, exceptions| {
            let file = library(&"\n".repeat(lines));
            file_length(&file, exceptions).len()
        };
        assert_eq!(length(FILE_LINES_MAX, &[]), 0);
        assert_eq!(length(FILE_LINES_MAX + 1, &[]), 1);
        assert_eq!(length(500, &exception), 0);
        assert_eq!(length(501, &exception), 1);
    }

    #[test]
    fn an_idle_exception_is_noticed() {
        let exception = [("crates/core/src/sample.rs", 500, "for the test")];
        let with = |lines| {
            let text = "\n".repeat(lines);
            idle(&Workspace::sample(&[(exception[0].0, &text)]), &exception).len()
        };
        assert_eq!(with(FILE_LINES_MAX), 1);
        assert_eq!(with(FILE_LINES_MAX + 1), 0);
        assert_eq!(idle(&Workspace::sample(&[]), &exception).len(), 1);
    }

    #[test]
    fn a_long_function_is_noticed_wherever_it_stands() {
        let body = "        x();\n".repeat(FUNCTION_LINES_MAX - 1);
        for head in ["fn a() {", "pub(super) async fn a(", "pub const fn a() {"] {
            let method = format!("impl A {{\n    {head}\n{body}    }}\n}}\n");
            assert_eq!(function_length(&library(&method)).len(), 1, "{head}");
        }
        let two = format!(
            "    fn a() {{\n{}    }}\n    fn b(\n{}    }}\n",
            &body[13..],
            &body[13..]
        );
        assert!(function_length(&library(&two)).is_empty());
        assert!(!is_function("// a fn in words"));
        assert!(!is_function("    take(fn_pointer)"));
    }

    #[test]
    fn a_long_line_is_noticed_unless_it_is_a_string() {
        let long = "x".repeat(COLUMNS_MAX + 1);
        assert_eq!(columns(&library(&long)).len(), 1);
        assert!(columns(&library(&format!("\"{long}\""))).is_empty());
    }

    #[test]
    fn unfinished_business_is_noticed_in_comments_and_tests_too() {
        for word in UNFINISHED {
            assert_eq!(unfinished(&library(&format!("// {word}"))).len(), 1);
            let test = File::sample("crates/core/tests/a.rs", word);
            assert_eq!(unfinished(&test).len(), 1);
        }
    }

    #[test]
    fn unwraps_are_noticed_in_library_code_alone() {
        let [unwrap, unwrap_err] = UNWRAP;
        for call in [unwrap, unwrap_err] {
            assert_eq!(unwraps(&library(&format!("a{call};"))).len(), 1);
            assert!(unwraps(&library(&format!("/// a{call};"))).is_empty());
            let test = format!("#[cfg(test)]\nmod tests {{\n    a{call};\n}}\n");
            assert!(unwraps(&library(&test)).is_empty());
            assert_eq!(unwraps(&library(&format!("{test}b{call};"))).len(), 1);
        }
        for (argument, count) in [
            ("\"the loop above pushed one\")", 0),
            ("\n    \"the loop above pushed one\",", 0),
            ("\"bug\")", 1),
            ("why)", 1),
        ] {
            let text = format!("a{EXPECT}{argument};");
            assert_eq!(unwraps(&library(&text)).len(), count, "{text}");
        }
    }

    #[test]
    fn the_word_is_noticed_outside_its_crate() {
        let block = format!("{UNSAFE} {{ a() }}");
        assert_eq!(unsafety(&library(&block)).len(), 1);
        assert!(unsafety(&library(&format!("#![forbid({UNSAFE}_code)]"))).is_empty());
        assert!(unsafety(&File::sample("crates/pow/src/a.rs", &block)).is_empty());
    }
}
