//! Chain files from the outside: valid ones pass, and each way to forge one is found, with
//! the line, the field and the rule.

mod chain;

use std::time::{SystemTime, UNIX_EPOCH};

use chain::{Chain, refused, verify};
use forkful_core::{Consensus, DifficultyRule, Entry, Hash, Target};
use serde_json::{Value, json};

#[test]
fn a_valid_chain_passes() {
    let chain = Chain::new(8);
    let (code, stdout, stderr) = verify(chain.text());
    assert_eq!((code, stderr.as_str()), (0, ""));
    assert!(
        stdout.starts_with("✓ standard input: a valid chain of 6 blocks\n"),
        "{stdout}"
    );
    let tip = chain.lines[5]["hash"].as_str().unwrap();
    for part in [
        "height      5\n",
        tip,
        "1536 hashes",
        "entries     10\n",
        "5 s by",
    ] {
        assert!(stdout.contains(part), "{part:?} in {stdout}");
    }
    // Neither the last newline nor the spacing matters.
    assert_eq!(verify(chain.text().trim_end()).0, 0);
    assert_eq!(verify(chain.text().replace(',', " , ")).0, 0);
}

#[test]
fn a_chain_under_every_difficulty_rule_passes() {
    let (initial, limit) = (Target::MAX, Target::MAX);
    for difficulty in [
        DifficultyRule::Asert {
            initial,
            limit,
            interval_ms: 1_000,
            half_life_ms: 60_000,
        },
        DifficultyRule::Lwma {
            initial,
            limit,
            window: 10,
            interval_ms: 1_000,
        },
        DifficultyRule::Bitcoin {
            initial,
            limit,
            window: 10,
            interval_ms: 1_000,
            clamp: 4,
        },
    ] {
        let consensus = Consensus {
            difficulty,
            ..Consensus::fixed(Target::MAX)
        };
        let (code, _, stderr) = verify(Chain::under(consensus).text());
        assert_eq!((code, stderr.as_str()), (0, ""));
    }
}

#[test]
fn nothing_is_no_chain() {
    refused("", "line 1: there is no block; a chain begins with genesis");
    refused("\n", "line 1, column 1: this is not a JSON object");
}

#[test]
fn a_truncated_line_is_found() {
    let text = Chain::new(0).text();
    let cut = &text[..text.len() - 40];
    let (code, _, stderr) = verify(cut);
    assert_eq!(code, 1);
    assert!(
        stderr.starts_with("error: standard input: line 6, column "),
        "{stderr}"
    );
    assert!(stderr.contains("EOF while parsing"), "{stderr}");
}

#[test]
fn a_wrong_nonce_is_found() {
    for zero_bits in [0, 8] {
        let mut chain = Chain::new(zero_bits);
        chain.lines[3]["nonce"] = json!(123_456_789);
        let (code, _, stderr) = verify(chain.text());
        assert_eq!(code, 1);
        assert!(
            stderr
                .starts_with("error: standard input: line 4: hash: is not the block's, which is "),
            "{stderr}"
        );
    }
}

#[test]
fn work_that_was_not_done_is_found() {
    let mut chain = Chain::new(8);
    chain.consensus = Consensus::fixed(Target::MAX);
    let mut nonce = 0;
    chain.lines.truncate(5);
    // A block that was mined for an easier network.
    let hash = loop {
        chain.lines.truncate(5);
        chain.mine(chain.consensus.genesis_time.0 + 9_000 + nonce, Vec::new());
        let hash: Hash = chain.lines[5]["hash"].as_str().unwrap().parse().unwrap();
        if hash.0[0] != 0 {
            break hash;
        }
        nonce += 1;
    };
    let target = Target::from_zero_bits(8).unwrap();
    refused(
        chain.text(),
        &format!("line 6: hash: hash {hash} is above the target {target}"),
    );
}

#[test]
fn swapped_and_doubled_lines_are_found() {
    let mut chain = Chain::new(0);
    let before = chain.lines[1]["hash"].as_str().unwrap().to_owned();
    chain.lines.swap(2, 3);
    let sentence = format!("does not continue the line before, whose hash is {before}");
    refused(chain.text(), &format!("line 3: previous_hash: {sentence}"));

    let mut chain = Chain::new(0);
    let doubled = chain.lines[5].clone();
    let before = doubled["hash"].as_str().unwrap().to_owned();
    chain.lines.push(doubled);
    let sentence = format!("does not continue the line before, whose hash is {before}");
    refused(chain.text(), &format!("line 7: previous_hash: {sentence}"));
}

#[test]
fn a_foreign_genesis_is_found() {
    let genesis = |change: fn(&mut Value)| {
        let mut chain = Chain::new(0);
        change(&mut chain.lines[0]);
        chain.text()
    };
    refused(
        genesis(|line| line["entries"] = json!([])),
        "line 1: entries: genesis has no entry; its first one is the network's rules",
    );
    refused(
        genesis(|line| line["entries"] = json!(["ff"])),
        "line 1: entries[0]: this is not text, but should be the network's rules",
    );
    refused(
        genesis(|line| line["entries"] = json!([const_hex::encode("bitcoin")])),
        "line 1: entries[0]: consensus parameters, line 1: expected \"forkful consensus 1\"",
    );
    refused(
        genesis(|line| line["nonce"] = json!(1)),
        "line 1: nonce: is not what the network's rules demand: 0",
    );
    refused(
        genesis(|line| line["timestamp"] = json!(1)),
        "line 1: timestamp: is not what the network's rules demand: 1767225600000",
    );
    // Another network's genesis, with the blocks of this one on top.
    let mut chain = Chain::new(0);
    chain.lines[0] = Chain::new(1).lines[0].clone();
    let foreign = chain.lines[0]["hash"].as_str().unwrap().to_owned();
    let sentence = format!("does not continue the line before, whose hash is {foreign}");
    refused(chain.text(), &format!("line 2: previous_hash: {sentence}"));
}

#[test]
fn a_changed_entry_is_found() {
    let mut chain = Chain::new(0);
    chain.lines[2]["entries"][1] = json!(const_hex::encode("forged"));
    refused(
        chain.text(),
        "line 3: entries: the entries do not hash to the header's data",
    );
    chain.lines[2]["entries"] = json!([]);
    refused(
        chain.text(),
        "line 3: entries: the entries do not hash to the header's data",
    );
}

#[test]
fn a_wrong_form_is_found() {
    let line_3 = |from: &str, to: &str| {
        let chain = Chain::new(0);
        let mut lines: Vec<String> = chain.lines.iter().map(Value::to_string).collect();
        assert!(lines[2].contains(from), "{from} in {}", lines[2]);
        lines[2] = lines[2].replacen(from, to, 1);
        lines.join("\n")
    };
    let starts = |text: String, start: &str, end: &str| {
        let (code, _, stderr) = verify(text);
        let start = format!("error: standard input: line 3, column {start}");
        assert!(
            stderr.starts_with(&start) && stderr.ends_with(&format!("{end}\n")),
            "{stderr}"
        );
        assert_eq!(code, 1);
    };
    let twice = r#""nonce":0,"nonce":0"#;
    starts(line_3(r#""nonce":0"#, twice), "", "duplicate field `nonce`");
    starts(
        line_3(r#""nonce""#, r#""nonsense""#),
        "",
        "`hash`, `entries`",
    );
    starts(line_3(r#""nonce":0,"#, ""), "", "missing field `nonce`");
    starts(
        line_3(r#""nonce":0"#, r#""nonce":18446744073709551616"#),
        "",
        "expected u64",
    );
    starts(line_3(r#""nonce":0"#, r#""nonce":-1"#), "", "expected u64");
    starts(line_3(r#""nonce":0"#, r#""nonce":0.0"#), "", "expected u64");
    starts(line_3(r#""nonce":0"#, r#""nonce":"0""#), "", "expected u64");
    starts(
        line_3(r#"["#, r#"["0x","#),
        "",
        ": entries[0]: an entry is an even number of hex digits",
    );
    starts(
        line_3(r#"["#, r#"["abc","#),
        "",
        ": entries[0]: an entry is an even number of hex digits",
    );
    starts(line_3(r#""hash":""#, r#""hash":"zz"#), "", "\"");
    starts(line_3("}", "} {}"), "", "trailing characters");
    starts(line_3("{", "[{"), "1: ", "this is not a JSON object");
}

#[test]
fn wrong_numbers_are_found() {
    let mut chain = Chain::new(0);
    chain.lines[3]["index"] = json!(7);
    let (_, _, stderr) = verify(chain.text());
    assert!(
        stderr.contains("line 4: hash: is not the block's"),
        "{stderr}"
    );

    let mut chain = Chain::new(0);
    let genesis_time = chain.consensus.genesis_time.0;
    chain.mine(genesis_time, Vec::new());
    refused(
        chain.text(),
        &format!(
            "line 7: timestamp: timestamp {genesis_time} ms is not above {} ms, the median of the last 11 blocks",
            genesis_time + 3_000
        ),
    );
}

#[test]
fn a_timestamp_in_the_future_is_not_valid_yet() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_millis();
    let mut chain = Chain::new(0);
    chain.mine(u64::try_from(now).unwrap() + 3 * 3_600_000, Vec::new());
    let (code, _, stderr) = verify(chain.text());
    assert_eq!(code, 1);
    let start = "error: standard input: line 7: timestamp: not valid yet, but perhaps later: ";
    assert!(stderr.starts_with(start), "{stderr}");
    assert!(
        stderr.contains("more than two hours ahead of the clock"),
        "{stderr}"
    );
}

#[test]
fn too_many_entries_are_found() {
    let mut chain = Chain::under(Consensus {
        entries_max: 2,
        ..Consensus::fixed(Target::MAX)
    });
    let time = chain.consensus.genesis_time.0 + 10_000;
    chain.mine(
        time,
        vec![Entry::from([1]), Entry::from([2]), Entry::from([3])],
    );
    refused(
        chain.text(),
        "line 7: entries: 3 entries, but 2 are allowed",
    );
}

#[test]
fn a_huge_line_is_refused_before_it_is_read() {
    let mut text = Chain::new(0).text().into_bytes();
    text.extend(vec![b' '; 16 << 20]);
    refused(
        text,
        "line 7: longer than any block may be, which is 8301024 bytes",
    );
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let mut text = Chain::new(0).text().into_bytes();
    text.extend([0xff, 0x00, 0x1b, b'[', b'\n']);
    refused(text, "line 7, column 1: this is not a JSON object");
}
