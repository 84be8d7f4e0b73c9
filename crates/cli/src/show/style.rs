//! Colours, and text in small: names, numbers, spans of time.

use std::time::Duration;

use anstyle::{Ansi256Color, AnsiColor, Style};
use forkful_core::{Hash, NodeId};

/// What is there but not looked at first.
pub const DIM: Style = Style::new().dimmed();
/// Headings.
pub const BOLD: Style = Style::new().bold();
/// As it should be.
pub const GOOD: Style = AnsiColor::Green.on_default().bold();
/// As it should not be.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// Lost: stale blocks, reorgs.
pub const LOST: Style = AnsiColor::Yellow.on_default();

/// One colour a node, readable on dark and on light ground, neighbours unlike each other.
const NODE_COLOURS: [u8; 10] = [33, 208, 71, 170, 178, 37, 167, 99, 138, 109];

/// The colour of a node and of the blocks that it found.
pub fn node_style(node: NodeId) -> Style {
    let colour = NODE_COLOURS[node.0 as usize % NODE_COLOURS.len()];
    Ansi256Color(colour).on_default()
}

/// `text` in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// A node's name in its colour.
pub fn node_name(node: NodeId) -> String {
    paint(node_style(node), node)
}

/// A block in its miner's colour, such as `#12 3fa81c02`.
pub fn block_name(height: u64, hash: &Hash, miner: Option<NodeId>) -> String {
    match miner {
        Some(miner) => paint(
            node_style(miner).bold(),
            format_args!("#{height} {}", hash.short()),
        ),
        None => "genesis".to_owned(),
    }
}

/// Text from outside, safe to show: what would steer the terminal, or turn the direction
/// of writing, is spelled out.
pub fn plain(text: &str) -> String {
    let steers = |c: char| {
        let is_invisible = matches!(c,
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        is_invisible || (c.is_control() && c != '\n')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if steers(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// As [`plain`], on one line.
pub fn plain_line(text: &str) -> String {
    plain(text).replace('\n', "\\n")
}

/// Nodes as few words: `n0–n3, n7`; beyond `most` ranges, `and 5 more`.
pub fn node_list(nodes: &[NodeId], most: usize) -> String {
    let mut sorted = nodes.to_vec();
    sorted.sort_unstable();
    let runs: Vec<&[NodeId]> = sorted.chunk_by(|a, b| a.0 + 1 == b.0).collect();
    let shown: Vec<String> = runs.iter().take(most).map(|run| run_name(run)).collect();
    let left: usize = runs.iter().skip(most).map(|run| run.len()).sum();
    let mut text = shown.join(", ");
    if left > 0 {
        text.push_str(&format!(" and {left} more"));
    }
    text
}

fn run_name(run: &[NodeId]) -> String {
    match run {
        [] => String::new(),
        [only] => node_name(*only),
        [first, second] => format!("{}, {}", node_name(*first), node_name(*second)),
        [first, .., last] => format!("{}–{}", node_name(*first), node_name(*last)),
    }
}

/// A number with a comma every three digits.
pub fn number(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `number` with its noun: `1 fork`, `2 forks`.
pub fn count(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(count), if count == 1 { one } else { many })
}

/// Bytes to three digits.
pub fn bytes(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
    let bytes = bytes as f64;
    match bytes {
        b if b < 1e3 => format!("{b} B"),
        b if b < 1e6 => format!("{} kB", three_digits(b / 1e3)),
        b if b < 1e9 => format!("{} MB", three_digits(b / 1e6)),
        b => format!("{} GB", three_digits(b / 1e9)),
    }
}

/// A span of time to three digits, in the unit that fits.
pub fn span(span: Duration) -> String {
    seconds(span.as_secs_f64())
}

/// Seconds to three digits, in the unit that fits.
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{} µs", three_digits(s * 1e6)),
        s if s < 1.0 => format!("{} ms", three_digits(s * 1e3)),
        s if s < 120.0 => format!("{} s", three_digits(s)),
        s if s < 7_200.0 => format!("{} min", three_digits(s / 60.0)),
        s if s < 172_800.0 => format!("{} h", three_digits(s / 3_600.0)),
        s => format!("{} days", three_digits(s / 86_400.0)),
    }
}

/// A rate per second to three digits.
pub fn rate(rate: f64) -> String {
    match rate {
        r if r < 1e3 => three_digits(r),
        r if r < 1e6 => format!("{}k", three_digits(r / 1e3)),
        r if r < 1e9 => format!("{}M", three_digits(r / 1e6)),
        r => format!("{}G", three_digits(r / 1e9)),
    }
}

fn three_digits(value: f64) -> String {
    let decimals = match value {
        v if v >= 99.95 => 0,
        v if v >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.decimals$}");
    match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|digit| digit == b'0') => whole.to_owned(),
        _ => text,
    }
}

/// Columns that a text takes, escape sequences not counted.
pub fn columns(text: &str) -> usize {
    anstream::adapter::strip_str(text)
        .to_string()
        .chars()
        .count()
}

/// `text` filled up with spaces to `width` columns.
pub fn left(text: &str, width: usize) -> String {
    let fill = width.saturating_sub(columns(text));
    format!("{text}{:fill$}", "")
}

/// `text` with spaces before it to `width` columns.
pub fn right(text: &str, width: usize) -> String {
    let fill = width.saturating_sub(columns(text));
    format!("{:fill$}{text}", "")
}

/// `text` broken at spaces into lines of at most `width` columns, each but the first
/// indented. A word that is longer stays whole.
pub fn wrapped(text: &str, width: usize, indent: usize) -> Vec<String> {
    let words = text.trim_start_matches(' ');
    let mut used = text.len() - words.len();
    let mut line = " ".repeat(used);
    let mut lines = Vec::new();
    let mut is_first = true;
    for word in words.split(' ') {
        let length = columns(word);
        if !is_first && used + 1 + length > width {
            lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
            used = indent;
        } else if !is_first {
            line.push(' ');
            used += 1;
        }
        line.push_str(word);
        used += length;
        is_first = false;
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(plain("a\x1b[31mb\u{202e}c"), "a\\u{1b}[31mb\\u{202e}c");
        assert_eq!(plain_line("a\nb"), "a\\nb");
        assert_eq!(plain("grüße"), "grüße");
    }

    #[test]
    fn nodes_in_a_row_are_one_range() {
        let nodes: Vec<_> = [7, 0, 1, 2, 5, 6, 9, 11].map(NodeId).to_vec();
        let text = anstream::adapter::strip_str(&node_list(&nodes, 2)).to_string();
        assert_eq!(text, "n0–n2, n5–n7 and 2 more");
        let text = anstream::adapter::strip_str(&node_list(&nodes[..3], 9)).to_string();
        assert_eq!(text, "n0, n1, n7");
    }

    #[test]
    fn numbers_are_short() {
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(number(12), "12");
        assert_eq!(bytes(1_500), "1.50 kB");
        assert_eq!(seconds(0.36_4), "364 ms");
        assert_eq!(seconds(90.0), "90 s");
        assert_eq!(rate(180_000.0), "180k");
        assert_eq!(count(1, "fork", "forks"), "1 fork");
    }

    #[test]
    fn escape_sequences_take_no_columns() {
        let text = node_name(NodeId(3));
        assert_eq!(columns(&text), 2);
        assert_eq!(columns(&left(&text, 6)), 6);
        assert_eq!(columns(&right(&text, 6)), 6);
    }

    #[test]
    fn long_lines_break_at_spaces() {
        assert_eq!(wrapped("one two three", 7, 2), ["one two", "  three"]);
        assert_eq!(wrapped("  a: b c d", 6, 5), ["  a: b", "     c", "     d"]);
        assert_eq!(wrapped("unbreakable", 4, 2), ["unbreakable"]);
    }
}
