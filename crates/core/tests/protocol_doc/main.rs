//! docs/protocol.md says what the code does: its vectors, its tables, its numbers.
//!
//! A vector is a fenced block below a line `<!-- vector: NAME -->`. This test writes every
//! vector anew from the code and compares the text. Where they differ, it prints what
//! belongs into the document.

mod computed;

use std::collections::BTreeMap;
use std::sync::Arc;

use forkful_core::consensus::{FUTURE_MS_MAX, MEDIAN_TIME_BLOCKS};
use forkful_core::rules::RuleError;
use forkful_core::{BlockTree, Consensus, Hash, MessageKind, Sha256Pow, Target, limits};

use computed::{block_1, mine, network};

const DOCUMENT: &str = include_str!("../../../../docs/protocol.md");
const LIMITS: &str = include_str!("../../src/limits.rs");

#[test]
fn the_vectors_are_what_the_code_computes() {
    let documented = vectors(DOCUMENT);
    let computed = computed::vectors();
    let wrong = computed
        .iter()
        .filter(|(name, text)| documented.get(*name) != Some(*text));
    let wrong: Vec<_> = wrong
        .map(|(name, text)| format!("<!-- vector: {name} -->\n```text\n{text}```\n"))
        .collect();
    assert!(wrong.is_empty(), "should be:\n\n{}", wrong.join("\n"));
    let unknown = documented.keys().find(|name| !computed.contains_key(*name));
    assert_eq!(unknown, None, "a vector that nothing computes");
}

#[test]
fn block_1_is_valid() {
    let mut tree = BlockTree::new(network(), Sha256Pow);
    let block = block_1();
    let clock = block.header.timestamp;
    assert!(
        tree.insert_block(Arc::new(block), clock).is_ok(),
        "{:?}",
        mine()
    );
}

#[test]
fn the_limits_are_those_of_the_code() {
    let limits = [
        ("MESSAGE_BYTES_MAX", limits::MESSAGE_BYTES_MAX),
        ("LOCATOR_HASHES_MAX", limits::LOCATOR_HASHES_MAX),
        ("HEADERS_MAX", limits::HEADERS_MAX),
        ("WORK_BUFFER_BLOCKS", limits::WORK_BUFFER_BLOCKS as usize),
        ("SURVEY_SEGMENT", limits::SURVEY_SEGMENT),
        ("SURVEY_SEGMENTS_MAX", limits::SURVEY_SEGMENTS_MAX),
        ("CHAIN_BLOCKS_MAX", limits::CHAIN_BLOCKS_MAX),
        ("CHAIN_BYTES_MAX", limits::CHAIN_BYTES_MAX),
        ("WIRE_ENTRIES_MAX", limits::WIRE_ENTRIES_MAX),
        ("PEERS_MAX", limits::PEERS_MAX),
        ("FETCH_WINDOW", limits::FETCH_WINDOW),
        ("WAITING_BYTES_MAX", limits::WAITING_BYTES_MAX),
        ("FETCH_PER_PEER_MAX", limits::FETCH_PER_PEER_MAX),
        ("REBUILDS_MAX", limits::REBUILDS_MAX),
        ("PEER_RECENT_MAX", limits::PEER_RECENT_MAX),
        ("PENALTY_MAX", limits::PENALTY_MAX.into()),
        ("POOL_ENTRIES_MAX", limits::POOL_ENTRIES_MAX),
        ("POOL_BYTES_MAX", limits::POOL_BYTES_MAX),
        ("DATA_TOLD_ENTRIES_MAX", limits::DATA_TOLD_ENTRIES_MAX),
        ("DATA_TOLD_BYTES_MAX", limits::DATA_TOLD_BYTES_MAX),
        ("WITHHELD_MAX", limits::WITHHELD_MAX),
    ];
    let times = [
        ("DATA_EXPIRY", limits::DATA_EXPIRY),
        ("SURVEY_PATIENCE", limits::SURVEY_PATIENCE),
        ("REQUEST_TIMEOUT", limits::REQUEST_TIMEOUT),
        ("DATA_WAIT", limits::DATA_WAIT),
        ("TIP_INTERVAL", limits::TIP_INTERVAL),
    ];
    for (name, value) in limits {
        assert_row(&format!("| `{name}` | {} |", grouped(value as u64)));
    }
    for (name, value) in times {
        assert_row(&format!("| `{name}` | {value:?} |"));
    }
    for name in LIMITS
        .lines()
        .filter_map(|line| line.strip_prefix("pub const "))
    {
        let name = name.split(':').next().unwrap_or_default();
        assert_row(&format!("| `{name}` | "));
    }
}

#[test]
fn the_consensus_constants_are_those_of_the_code() {
    for (name, value) in [
        ("MEDIAN_TIME_BLOCKS", MEDIAN_TIME_BLOCKS as u64),
        ("FUTURE_MS_MAX", FUTURE_MS_MAX),
        ("Consensus::ENTRIES_MAX", Consensus::ENTRIES_MAX.into()),
        (
            "Consensus::BODY_BYTES_MAX",
            Consensus::BODY_BYTES_MAX.into(),
        ),
        (
            "Consensus::BODY_ON_WIRE_MAX",
            Consensus::BODY_ON_WIRE_MAX as u64,
        ),
    ] {
        assert_row(&format!("| `{name}` | {} |", grouped(value)));
    }
}

#[test]
fn every_message_has_its_row() {
    for kind in MessageKind::ALL {
        assert_row(&format!("| {} | `{kind:?}` |", kind.byte()));
    }
}

#[test]
fn every_rule_has_its_row() {
    let (hash, target) = (Hash::ZERO, Target::MAX);
    let rules = [
        RuleError::UnknownParent(hash),
        RuleError::InvalidAncestor,
        RuleError::WrongIndex {
            expected: 0,
            found: 0,
        },
        RuleError::WorkNotDone { hash, target },
        RuleError::TimestampTooOld {
            median: 0,
            found: 0,
        },
        RuleError::TimestampTooNew { clock: 0, found: 0 },
        RuleError::BodyMismatch,
        RuleError::TooManyEntries { most: 0, found: 0 },
        RuleError::BodyTooLarge { most: 0, found: 0 },
        RuleError::WorkOverflow,
        RuleError::TreeFull,
    ];
    for rule in rules {
        // Without a wildcard, so that a new rule has to come here too.
        let name = match rule {
            RuleError::UnknownParent(_) => "UnknownParent",
            RuleError::InvalidAncestor => "InvalidAncestor",
            RuleError::WrongIndex { .. } => "WrongIndex",
            RuleError::WorkNotDone { .. } => "WorkNotDone",
            RuleError::TimestampTooOld { .. } => "TimestampTooOld",
            RuleError::TimestampTooNew { .. } => "TimestampTooNew",
            RuleError::BodyMismatch => "BodyMismatch",
            RuleError::TooManyEntries { .. } => "TooManyEntries",
            RuleError::BodyTooLarge { .. } => "BodyTooLarge",
            RuleError::WorkOverflow => "WorkOverflow",
            RuleError::TreeFull => "TreeFull",
        };
        let (verdict, penalty) = (rule.verdict(), rule.penalty());
        assert_row(&format!("| `{name}` | {verdict:?} | {penalty} |"));
    }
}

#[test]
fn a_document_that_is_wrong_is_noticed() {
    let document = "<!-- vector: a -->\n\n```text\none\ntwo\n```\n| `A` | 1 | x |\n";
    assert_eq!(
        vectors(document),
        BTreeMap::from([("a", "one\ntwo\n".to_owned())])
    );
    assert!(has_row(document, "| `A` | 1 |"));
    assert!(!has_row(document, "| `A` | 2 |"));
}

/// The fenced blocks below a line that names a vector.
fn vectors(document: &str) -> BTreeMap<&str, String> {
    let mut vectors = BTreeMap::new();
    for section in document.split("<!-- vector: ").skip(1) {
        let (name, rest) = section.split_once(" -->").unwrap();
        let (before, block) = rest.split_once("```text\n").unwrap();
        assert!(
            before.trim().is_empty(),
            "vector {name} has no block below it"
        );
        let (text, _) = block.split_once("```").unwrap();
        let before = vectors.insert(name, text.to_owned());
        assert!(before.is_none(), "two vectors {name}");
    }
    vectors
}

fn has_row(document: &str, row: &str) -> bool {
    document.lines().any(|line| line.starts_with(row))
}

fn assert_row(row: &str) {
    assert!(
        has_row(DOCUMENT, row),
        "docs/protocol.md has no row {row:?}"
    );
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
