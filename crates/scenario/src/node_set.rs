//! A set of nodes, written as people write it: `"0..4, 7"`, `3`, `[0, 1]`.

use std::fmt;
use std::ops::Range;

use forkful_core::NodeId;

/// Some nodes of a network, kept as ranges: `"0..1000000"` costs eight bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NodeSet {
    /// In order, none empty, none touching the next.
    ranges: Vec<Range<u32>>,
}

impl NodeSet {
    /// The nodes in any of `ranges`.
    pub fn new(mut ranges: Vec<Range<u32>>) -> Self {
        ranges.retain(|range| !range.is_empty());
        ranges.sort_by_key(|range| range.start);
        let mut merged: Vec<Range<u32>> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        NodeSet { ranges: merged }
    }

    /// Reads `"0..4, 7, 9..=12"`. `None` if it is not written so.
    pub fn parse(text: &str) -> Option<Self> {
        let ranges: Option<Vec<_>> = text
            .split(',')
            .map(|part| parse_range(part.trim()))
            .collect();
        ranges.map(NodeSet::new)
    }

    /// The ranges, in order, none touching the next.
    pub(crate) fn into_ranges(self) -> Vec<Range<u32>> {
        self.ranges
    }

    /// Whether `node` is one of them.
    pub fn contains(&self, node: NodeId) -> bool {
        let after = self.ranges.partition_point(|range| range.start <= node.0);
        after > 0 && self.ranges[after - 1].contains(&node.0)
    }

    /// The nodes, in order.
    pub fn iter(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.ranges.iter().cloned().flatten().map(NodeId)
    }

    /// How many they are.
    pub fn len(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| u64::from(range.end - range.start))
            .sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The highest of them.
    pub fn last(&self) -> Option<NodeId> {
        self.ranges.last().map(|range| NodeId(range.end - 1))
    }
}

impl fmt::Display for NodeSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, range) in self.ranges.iter().enumerate() {
            let comma = if position == 0 { "" } else { ", " };
            match range.end - range.start {
                1 => write!(f, "{comma}{}", range.start)?,
                _ => write!(f, "{comma}{}..{}", range.start, range.end)?,
            }
        }
        Ok(())
    }
}

fn parse_range(text: &str) -> Option<Range<u32>> {
    let range = match text.split_once("..") {
        Some((start, end)) => {
            let start = parse_node(start)?;
            let end = match end.strip_prefix('=') {
                Some(last) => parse_node(last)?.checked_add(1)?,
                None => parse_node(end)?,
            };
            start..end
        }
        None => {
            let node = parse_node(text)?;
            node..node.checked_add(1)?
        }
    };
    (!range.is_empty()).then_some(range)
}

fn parse_node(text: &str) -> Option<u32> {
    // `u32::from_str` takes a leading plus sign as well.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(text: &str) -> NodeSet {
        NodeSet::parse(text).unwrap()
    }

    #[test]
    fn people_write_ranges_and_single_nodes() {
        assert_eq!(set("0..4"), set("0, 1,2..=3"));
        assert_eq!(set("7, 0..3, 2..5").to_string(), "0..5, 7");
        assert_eq!(set("7, 0..3").len(), 4);
        assert_eq!(set("7, 0..3").last(), Some(NodeId(7)));
        assert!(set("0..3, 7").contains(NodeId(7)));
        assert!(!set("0..3, 7").contains(NodeId(3)));
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in [
            "",
            ",",
            "a",
            "1..",
            "..2",
            "3..3",
            "4..2",
            "-1",
            "+1",
            "1.5",
            "4294967296",
            "0..=4294967295",
        ] {
            assert_eq!(NodeSet::parse(text), None, "{text}");
        }
    }
}
