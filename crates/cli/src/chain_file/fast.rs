//! The short cut for lines exactly as [`write_line`](super::write_line) writes them.
//!
//! A general reader of JSON spends most of its time finding out what comes next. Here that
//! is known, so a line is compared, not parsed. Where it differs in anything, even in a
//! space, the answer is `None` and [`form`](super::form) reads it: what is accepted, and
//! what is said of the rest, is decided there alone.

use forkful_core::{Entry, Hash, limits};

use crate::chain_file::Line;

/// Reads a line that has exactly the expected form.
pub fn line(text: &[u8]) -> Option<Line> {
    let mut rest = Rest(text);
    rest.literal(br#"{"index":"#)?;
    let index = rest.number()?;
    rest.literal(br#","timestamp":"#)?;
    let timestamp = rest.number()?;
    rest.literal(br#","data":""#)?;
    let data = rest.hash()?;
    rest.literal(br#"","previous_hash":""#)?;
    let previous_hash = rest.hash()?;
    rest.literal(br#"","nonce":"#)?;
    let nonce = rest.number()?;
    rest.literal(br#","hash":""#)?;
    let hash = rest.hash()?;
    rest.literal(br#"","entries":["#)?;
    let entries = rest.entries()?;
    rest.literal(b"]}")?;
    rest.0.is_empty().then_some(Line {
        index,
        timestamp,
        data,
        previous_hash,
        nonce,
        hash,
        entries,
    })
}

/// What is still to be read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn literal(&mut self, text: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(text)?;
        Some(())
    }

    /// Decimal digits, without the leading zeros that JSON forbids.
    fn number(&mut self) -> Option<u64> {
        let digits = self
            .0
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (text, rest) = self.0.split_at(digits);
        if digits == 0 || (digits > 1 && text[0] == b'0') {
            return None;
        }
        self.0 = rest;
        text.iter().try_fold(0_u64, |number, digit| {
            number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        })
    }

    fn hash(&mut self) -> Option<Hash> {
        let (digits, rest) = self.0.split_at_checked(64)?;
        let mut hash = Hash::ZERO;
        // A "0x" prefix leaves two digits too few.
        const_hex::decode_to_slice(digits, &mut hash.0).ok()?;
        self.0 = rest;
        Some(hash)
    }

    fn entries(&mut self) -> Option<Vec<Entry>> {
        let mut entries = Vec::new();
        while self.0.first() != Some(&b']') {
            if entries.len() == limits::WIRE_ENTRIES_MAX {
                return None;
            }
            if !entries.is_empty() {
                self.literal(b",")?;
            }
            self.literal(b"\"")?;
            let length = self.0.iter().position(|byte| *byte == b'"')?;
            let (digits, rest) = self.0.split_at(length);
            if digits.starts_with(b"0x") {
                return None;
            }
            entries.push(const_hex::decode(digits).ok()?.into());
            self.0 = rest;
            self.literal(b"\"")?;
        }
        Some(entries)
    }
}

#[cfg(test)]
mod tests {
    use forkful_core::{Block, Consensus, Target};

    use super::*;
    use crate::chain_file::{form, write_line};

    fn written(entries: Vec<Entry>) -> Vec<u8> {
        let header = Consensus::fixed(Target::MAX).genesis().header;
        let mut text = Vec::new();
        write_line(&mut text, &Block { header, entries }).unwrap();
        assert_eq!(text.pop(), Some(b'\n'));
        text
    }

    #[test]
    fn what_is_written_takes_the_short_cut() {
        for entries in [vec![], vec![[].into()], vec![[1, 2].into(), [0xff].into()]] {
            let text = written(entries);
            assert_eq!(line(&text), form::line(&text).ok());
            assert!(line(&text).is_some());
        }
    }

    /// Every byte replaced, left out or doubled: the short cut never takes what the general
    /// reader would not, and never reads it as something else.
    #[test]
    fn both_ways_agree_on_every_line_that_is_nearly_right() {
        let text = written(vec![[].into(), [0xab, 0xcd].into()]);
        let agree = |text: &[u8]| {
            if let Some(line) = line(text) {
                assert_eq!(
                    form::line(text),
                    Ok(line),
                    "{}",
                    String::from_utf8_lossy(text)
                );
            }
        };
        for place in 0..text.len() {
            for byte in *b"0x9aF\"{}[],: \\-.e\xff" {
                let mut changed = text.clone();
                changed[place] = byte;
                agree(&changed);
                changed.insert(place, text[place]);
                agree(&changed);
            }
            let mut shorter = text.clone();
            shorter.remove(place);
            agree(&shorter);
            agree(&text[..place]);
        }
    }
}
