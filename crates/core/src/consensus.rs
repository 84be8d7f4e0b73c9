//! The rules that make a network *this* network: its consensus parameters.
//!
//! They are written out as one canonical text, and that text is the first entry of
//! genesis. So networks with different rules have different genesis hashes, and a
//! chain file tells by itself under which rules it is to be checked.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::block::{Block, Header};
use crate::difficulty::{DifficultyError, DifficultyRule};
use crate::hash::Hash;
use crate::limits;
use crate::merkle::merkle_root;
use crate::target::Target;
use crate::units::Timestamp;

/// How many blocks the median of past timestamps looks back.
///
/// # Consensus
/// Bitcoin's `nMedianTimeSpan` (chain.h).
pub const MEDIAN_TIME_BLOCKS: usize = 11;

/// How far a block's timestamp may be ahead of the local clock, in milliseconds.
///
/// # Consensus
/// Bitcoin's `MAX_FUTURE_BLOCK_TIME` (chain.h): two hours.
pub const FUTURE_MS_MAX: u64 = 7_200_000;

/// Which of two chains is better. An equal one never replaces the one seen first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ForkChoice {
    /// The one with the most total work: what proof of work means.
    #[default]
    MostWork,
    /// The one with the most blocks. The same with a fixed target; under a difficulty
    /// that changes, an attacker makes many cheap blocks. Kept to show exactly that.
    Longest,
}

/// The consensus parameters of a network.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consensus {
    /// The timestamp of genesis.
    pub genesis_time: Timestamp,
    /// Which target a block has to meet.
    pub difficulty: DifficultyRule,
    /// Which of two valid chains is followed.
    pub fork_choice: ForkChoice,
    /// How many entries a block may carry.
    pub entries_max: u32,
    /// How many bytes the entries of a block may have in all.
    pub body_bytes_max: u32,
}

/// Parameters that no network can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConsensusError {
    /// The difficulty rule cannot work with its parameters.
    #[error("difficulty: {0}")]
    Difficulty(#[from] DifficultyError),
    /// More entries per block than a message can carry.
    #[error("entries_max must be at most {}", limits::WIRE_ENTRIES_MAX)]
    EntriesMax,
    /// A block could be larger than a message.
    #[error(
        "body_bytes_max plus 4 bytes for each of entries_max entries must be at most {}",
        Consensus::BODY_ON_WIRE_MAX
    )]
    BodyBytesMax,
}

/// A canonical text that says no consensus parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("consensus parameters, line {line}: {problem}")]
pub struct ConsensusParseError {
    /// The line, from one.
    pub line: usize,
    /// What is wrong there.
    pub problem: String,
}

const FIRST_LINE: &str = "forkful consensus 1";

impl Consensus {
    /// Entries per block unless a network says otherwise.
    pub const ENTRIES_MAX: u32 = 4_096;
    /// Bytes of entries per block unless a network says otherwise: 1 MB, as Bitcoin once.
    pub const BODY_BYTES_MAX: u32 = 1_000_000;

    /// What the entries of a block may take in a message, each with its length: the
    /// longest message less the largest header, kind and count. So every valid block
    /// fits in every message that carries one.
    pub const BODY_ON_WIRE_MAX: usize = limits::MESSAGE_BYTES_MAX - 128;

    /// A network with one fixed target and everything else by default.
    pub fn fixed(target: Target) -> Self {
        Consensus {
            genesis_time: Timestamp(1_767_225_600_000), // 2026-01-01T00:00:00Z
            difficulty: DifficultyRule::Fixed { target },
            fork_choice: ForkChoice::default(),
            entries_max: Self::ENTRIES_MAX,
            body_bytes_max: Self::BODY_BYTES_MAX,
        }
    }

    /// Whether a network can have these parameters.
    ///
    /// # Errors
    /// The first one that it cannot have.
    pub fn check(&self) -> Result<(), ConsensusError> {
        self.difficulty.check()?;
        let entries = self.entries_max as usize;
        if entries > limits::WIRE_ENTRIES_MAX {
            return Err(ConsensusError::EntriesMax);
        }
        if self.body_bytes_max as usize + 4 * entries > Self::BODY_ON_WIRE_MAX {
            return Err(ConsensusError::BodyBytesMax);
        }
        Ok(())
    }

    /// The first block of the network. Its work is not checked: everybody computes it.
    pub fn genesis(&self) -> Block {
        let entries: Vec<Arc<[u8]>> = vec![self.canonical_text().into_bytes().into()];
        Block {
            header: Header {
                index: 0,
                timestamp: self.genesis_time,
                data: merkle_root(&entries),
                previous_hash: Hash::ZERO,
                nonce: 0,
            },
            entries,
        }
    }

    /// The parameters as text: one `key value` per line, fixed order, one spelling only.
    pub fn canonical_text(&self) -> String {
        let mut text = String::new();
        let fork_choice = match self.fork_choice {
            ForkChoice::MostWork => "most-work",
            ForkChoice::Longest => "longest",
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{FIRST_LINE}\ngenesis_time {}\nfork_choice {fork_choice}\nentries_max {}\nbody_bytes_max {}\ndifficulty ",
            self.genesis_time.0, self.entries_max, self.body_bytes_max,
        );
        let _ = match &self.difficulty {
            DifficultyRule::Fixed { target } => writeln!(text, "fixed\ntarget {target}"),
            DifficultyRule::Bitcoin {
                initial,
                limit,
                window,
                interval_ms,
                clamp,
            } => writeln!(
                text,
                "bitcoin\ninitial {initial}\nlimit {limit}\ninterval_ms {interval_ms}\nwindow {window}\nclamp {clamp}"
            ),
            DifficultyRule::Asert {
                initial,
                limit,
                interval_ms,
                half_life_ms,
            } => writeln!(
                text,
                "asert\ninitial {initial}\nlimit {limit}\ninterval_ms {interval_ms}\nhalf_life_ms {half_life_ms}"
            ),
            DifficultyRule::Lwma {
                initial,
                limit,
                window,
                interval_ms,
            } => writeln!(
                text,
                "lwma\ninitial {initial}\nlimit {limit}\ninterval_ms {interval_ms}\nwindow {window}"
            ),
        };
        text
    }

    /// Reads what [`canonical_text`](Self::canonical_text) wrote, and nothing else:
    /// a text with another spelling of the same values is refused.
    ///
    /// # Errors
    /// Names the line and what is wrong with it.
    pub fn from_canonical_text(text: &str) -> Result<Self, ConsensusParseError> {
        let mut lines = Lines {
            lines: text.split('\n'),
            line: 0,
        };
        if lines.lines.next() != Some(FIRST_LINE) {
            return Err(ConsensusParseError {
                line: 1,
                problem: format!("expected {FIRST_LINE:?}"),
            });
        }
        lines.line = 1;
        let genesis_time = Timestamp(lines.number("genesis_time")?);
        let fork_choice = match lines.value("fork_choice")? {
            "most-work" => ForkChoice::MostWork,
            "longest" => ForkChoice::Longest,
            other => return Err(lines.wrong(format!("unknown fork choice {other:?}"))),
        };
        let entries_max = lines.number("entries_max")?;
        let body_bytes_max = lines.number("body_bytes_max")?;
        let difficulty = match lines.value("difficulty")? {
            "fixed" => DifficultyRule::Fixed {
                target: lines.target("target")?,
            },
            "bitcoin" => DifficultyRule::Bitcoin {
                initial: lines.target("initial")?,
                limit: lines.target("limit")?,
                interval_ms: lines.number("interval_ms")?,
                window: lines.number("window")?,
                clamp: lines.number("clamp")?,
            },
            "asert" => DifficultyRule::Asert {
                initial: lines.target("initial")?,
                limit: lines.target("limit")?,
                interval_ms: lines.number("interval_ms")?,
                half_life_ms: lines.number("half_life_ms")?,
            },
            "lwma" => DifficultyRule::Lwma {
                initial: lines.target("initial")?,
                limit: lines.target("limit")?,
                interval_ms: lines.number("interval_ms")?,
                window: lines.number("window")?,
            },
            other => return Err(lines.wrong(format!("unknown difficulty rule {other:?}"))),
        };
        let consensus = Consensus {
            genesis_time,
            difficulty,
            fork_choice,
            entries_max,
            body_bytes_max,
        };
        consensus
            .check()
            .map_err(|error| lines.wrong(error.to_string()))?;
        if consensus.canonical_text() != text {
            return Err(lines.wrong("not the canonical spelling".to_owned()));
        }
        Ok(consensus)
    }
}

/// The lines still to read, and the number of the last one read.
struct Lines<'a> {
    lines: std::str::Split<'a, char>,
    line: usize,
}

impl<'a> Lines<'a> {
    fn value(&mut self, key: &str) -> Result<&'a str, ConsensusParseError> {
        self.line += 1;
        let line = self.lines.next().unwrap_or_default();
        match line.split_once(' ') {
            Some((found, value)) if found == key => Ok(value),
            _ => Err(self.wrong(format!("expected {key:?} and its value"))),
        }
    }

    fn number<N: std::str::FromStr>(&mut self, key: &str) -> Result<N, ConsensusParseError> {
        let value = self.value(key)?;
        value
            .parse()
            .map_err(|_| self.wrong(format!("{key} is a whole number in range, not {value:?}")))
    }

    fn target(&mut self, key: &str) -> Result<Target, ConsensusParseError> {
        let value = self.value(key)?;
        value
            .parse()
            .map_err(|error| self.wrong(format!("{key}: {error}")))
    }

    fn wrong(&self, problem: String) -> ConsensusParseError {
        ConsensusParseError {
            line: self.line,
            problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks() -> Vec<Consensus> {
        let initial = Target::from_zero_bits(20).unwrap();
        let limit = Target::from_zero_bits(8).unwrap();
        let base = Consensus::fixed(initial);
        let with = |difficulty| Consensus {
            difficulty,
            ..base.clone()
        };
        vec![
            base.clone(),
            Consensus {
                fork_choice: ForkChoice::Longest,
                ..base.clone()
            },
            with(DifficultyRule::Bitcoin {
                initial,
                limit,
                window: 2016,
                interval_ms: 600_000,
                clamp: 4,
            }),
            with(DifficultyRule::Asert {
                initial,
                limit,
                interval_ms: 600_000,
                half_life_ms: 172_800_000,
            }),
            with(DifficultyRule::Lwma {
                initial,
                limit,
                window: 60,
                interval_ms: 120_000,
            }),
        ]
    }

    #[test]
    fn the_canonical_text_says_everything() {
        for network in networks() {
            let text = network.canonical_text();
            assert_eq!(Consensus::from_canonical_text(&text), Ok(network));
        }
    }

    #[test]
    fn different_rules_make_a_different_genesis() {
        let hashes: std::collections::BTreeSet<_> = networks()
            .iter()
            .map(|network| network.genesis().header.hash())
            .collect();
        assert_eq!(hashes.len(), networks().len());
    }

    #[test]
    fn a_text_has_one_spelling_only() {
        let text = networks()[0].canonical_text();
        for wrong in [
            text.replace("genesis_time 1", "genesis_time +1"),
            text.replace("entries_max 4096", "entries_max 04096"),
            text.replace("target 0", "target  0"),
            format!("{text}\n"),
            text.trim_end().to_owned(),
            text.replace("most-work", "coin-flip"),
            String::new(),
        ] {
            assert!(Consensus::from_canonical_text(&wrong).is_err(), "{wrong}");
        }
    }
}
