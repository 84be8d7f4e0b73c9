//! A weak branch that a peer goes on with: followed to its end without keeping it.
//!
//! Twice. The first time every header is checked, and of each segment the last hash is
//! remembered. If the branch ends above the bar, it is asked for again, and a segment gets in
//! when it leads to the hash that was remembered: a hash fixes all headers before it, so it is
//! the very chain whose work was counted.

use crate::block::Header;
use crate::door::Rejection;
use crate::doorkeeper::{Bar, ask_after, rejection};
use crate::hash::Hash;
use crate::limits;
use crate::message::{Message, Wire};
use crate::pow::ProofOfWork;
use crate::rules::RuleError;
use crate::tree::{BlockId, BlockTree, Probe};
use crate::units::{Now, Time, Timestamp};

/// A branch under survey.
#[derive(Debug)]
pub(super) struct Survey {
    /// The block of the tree that the branch begins after.
    fork: Hash,
    probe: Probe,
    /// How many headers were checked since the last mark.
    since_mark: usize,
    /// The last hash of each segment.
    marks: Vec<Hash>,
    /// The second time: how many segments have come again.
    again: Option<usize>,
    /// When the peer last said what was asked for.
    heard_at: Time,
    /// Nothing is asked now: blocks have to come first.
    pub waits: bool,
}

/// What an answer meant.
pub(super) enum Heard {
    /// So many more headers were checked, and whether that was the end of the branch.
    Surveyed { headers: u64, is_whole: bool },
    /// The very headers that were checked before, and whether they are the last.
    Segment { headers: Vec<Header>, is_last: bool },
    /// It is not what it was, or breaks a rule.
    Broken(Option<Rejection>),
}

impl Survey {
    pub fn new<P>(tree: &BlockTree<P>, fork: BlockId, now: Now) -> Self {
        Survey {
            fork: tree.hash(fork),
            probe: Probe::at(tree, fork),
            since_mark: 0,
            marks: Vec::new(),
            again: None,
            heard_at: now.time,
            waits: false,
        }
    }

    /// Goes on by one header, the first time.
    pub fn push<P: ProofOfWork>(
        &mut self,
        tree: &BlockTree<P>,
        header: &Header,
        clock: Timestamp,
    ) -> Result<(), RuleError> {
        self.probe.push(tree, header, clock)?;
        self.since_mark += 1;
        if self.since_mark == limits::SURVEY_SEGMENT {
            self.mark();
        }
        Ok(())
    }

    /// Whether what was checked by now reaches the bar.
    pub fn reaches(&self, bar: &Bar) -> bool {
        bar.is_reached(self.probe.total_work(), self.probe.height())
    }

    /// Whether the peer has kept us waiting for long.
    pub fn is_late(&self, now: Now) -> bool {
        now.time.since(self.heard_at) >= limits::SURVEY_PATIENCE
    }

    /// What to ask the peer next.
    pub fn question(&self) -> Message<Wire> {
        let (from, fork) = (self.expected(), self.fork);
        ask_after(if from == fork {
            vec![fork]
        } else {
            vec![from, fork]
        })
    }

    /// Whether this goes on where it was left.
    pub fn is_answered_by(&self, headers: &[Header]) -> bool {
        match headers.first() {
            Some(first) => first.previous_hash == self.expected(),
            // Nothing more, after all.
            None => self.again.is_none(),
        }
    }

    /// Takes an answer that goes on where it was left.
    pub fn hear<P: ProofOfWork>(
        &mut self,
        tree: &BlockTree<P>,
        headers: &[Header],
        more: bool,
        now: Now,
    ) -> Heard {
        self.heard_at = now.time;
        if let Some(again) = self.again {
            return self.compare(again, headers);
        }
        for header in headers {
            if let Err(rule) = self.push(tree, header, now.clock) {
                return Heard::Broken(Some(rejection(header, rule)));
            }
        }
        let is_full = self.marks.len() >= limits::SURVEY_SEGMENTS_MAX;
        Heard::Surveyed {
            headers: headers.len() as u64,
            is_whole: !more || headers.is_empty() || is_full,
        }
    }

    /// The branch matters: now its headers are wanted.
    pub fn begin_again(&mut self) {
        if self.since_mark > 0 {
            self.mark();
        }
        self.again = Some(0);
    }

    fn mark(&mut self) {
        self.marks.push(self.probe.last());
        self.since_mark = 0;
    }

    /// The block after which the next answer has to begin.
    pub fn expected(&self) -> Hash {
        match self.again {
            None => self.probe.last(),
            Some(0) => self.fork,
            Some(again) => self.marks[again - 1],
        }
    }

    /// The second time.
    fn compare(&mut self, again: usize, headers: &[Header]) -> Heard {
        let mark = self.marks[again];
        let segment = headers.iter().take(limits::SURVEY_SEGMENT);
        let mut last = self.expected();
        for (at, header) in segment.enumerate() {
            if header.previous_hash != last {
                break;
            }
            last = header.hash();
            if last == mark {
                self.again = Some(again + 1);
                return Heard::Segment {
                    headers: headers[..=at].to_vec(),
                    is_last: again + 1 == self.marks.len(),
                };
            }
        }
        // It follows another branch by now, or never had this one.
        Heard::Broken(None)
    }
}
