//! Many headers or blocks at once: where they begin decides how they are looked at.

use std::sync::Arc;

use crate::block::{Block, Header};
use crate::doorkeeper::survey::{Heard, Survey};
use crate::doorkeeper::{Doorkeeper, Passed, admit, nothing, rejection};
use crate::message::{Message, Wire};
use crate::node::PeerId;
use crate::pow::ProofOfWork;
use crate::tree::{BlockId, BlockTree};
use crate::units::Now;

impl Doorkeeper {
    pub(super) fn headers<P: ProofOfWork>(
        &mut self,
        tree: &mut BlockTree<P>,
        tip: BlockId,
        from: PeerId,
        message: Message<Wire>,
        now: Now,
    ) -> Passed {
        let Message::Headers { headers, more } = &message else {
            return nothing(None);
        };
        if let Some(survey) = self.surveys.get_mut(&from)
            && survey.is_answered_by(headers)
        {
            let heard = survey.hear(tree, headers, *more, now);
            return self.surveyed(tree, tip, from, heard, now);
        }
        let Some((at, parent)) = leaves(tree, headers.iter().copied()) else {
            return self.follow(tree, tip, from, message, now);
        };
        let passed = if self.is_far(tree, tip, tree.height(parent) + 1) {
            self.wait(tree, from, parent);
            self.turned_away += (headers.len() - at) as u64;
            nothing(None)
        } else if self.is_strong(tree, tip, parent) {
            return self.follow(tree, tip, from, message, now);
        } else {
            let rest = headers[at..].iter().copied();
            match self.weak(tree, tip, (from, parent), rest, *more, now) {
                None => return admit(tree, message, now.clock),
                Some(passed) => passed,
            }
        };
        // It is an answer, if there was a question.
        let empty = Message::Headers {
            headers: Vec::new(),
            more: false,
        };
        Passed {
            message: Some(empty),
            ..passed
        }
    }

    pub(super) fn chain<P: ProofOfWork>(
        &mut self,
        tree: &mut BlockTree<P>,
        tip: BlockId,
        from: PeerId,
        message: Message<Wire>,
        now: Now,
    ) -> Passed {
        let Message::Chain { blocks, more } = &message else {
            return nothing(None);
        };
        let header = |block: &Arc<Block>| block.header;
        let Some((at, parent)) = leaves(tree, blocks.iter().map(header)) else {
            return admit(tree, message, now.clock);
        };
        let passed = if self.is_far(tree, tip, tree.height(parent) + 1) {
            self.turned_away += (blocks.len() - at) as u64;
            nothing(None)
        } else if self.is_strong(tree, tip, parent) {
            return admit(tree, message, now.clock);
        } else {
            let rest = blocks[at..].iter().map(header);
            match self.weak(tree, tip, (from, parent), rest, *more, now) {
                None => return admit(tree, message, now.clock),
                Some(passed) => passed,
            }
        };
        let empty = Message::Chain {
            blocks: Vec::new(),
            more: false,
        };
        Passed {
            message: Some(empty),
            ..passed
        }
    }

    /// Headers that begin below the bar. `None` if they end above it.
    fn weak<P: ProofOfWork>(
        &mut self,
        tree: &BlockTree<P>,
        tip: BlockId,
        (from, parent): (PeerId, BlockId),
        headers: impl ExactSizeIterator<Item = Header>,
        more: bool,
        now: Now,
    ) -> Option<Passed> {
        let count = headers.len() as u64;
        if let Some(survey) = self.surveys.get(&from)
            && !survey.is_late(now)
        {
            // The same again, because the node asked too.
            return Some(nothing(None));
        }
        self.surveys.remove(&from);
        let mut survey = Survey::new(tree, parent, now);
        for header in headers {
            if let Err(rule) = survey.push(tree, &header, now.clock) {
                self.turned_away += count;
                return Some(nothing(Some(rejection(&header, rule))));
            }
        }
        if survey.reaches(&self.bar(tree, tip)) {
            return None;
        }
        self.turned_away += count;
        let mut passed = nothing(None);
        if more {
            passed.reply = Some(survey.question());
            self.surveys.insert(from, survey);
        }
        Some(passed)
    }

    /// What a survey came to.
    fn surveyed<P: ProofOfWork>(
        &mut self,
        tree: &mut BlockTree<P>,
        tip: BlockId,
        from: PeerId,
        heard: Heard,
        now: Now,
    ) -> Passed {
        let bar = self.bar(tree, tip);
        match heard {
            Heard::Surveyed { headers, is_whole } => {
                self.turned_away += headers;
                let survey = self.surveys.get_mut(&from);
                let goes_on = survey.filter(|survey| !is_whole || survey.reaches(&bar));
                let Some(survey) = goes_on else {
                    self.surveys.remove(&from);
                    return nothing(None);
                };
                if is_whole {
                    survey.begin_again();
                }
                Passed {
                    reply: Some(survey.question()),
                    ..nothing(None)
                }
            }
            Heard::Segment { headers, is_last } => {
                let height = headers.last().map_or(0, |last| last.index);
                let message = Message::Headers {
                    headers,
                    more: false,
                };
                let passed = admit(tree, message, now.clock);
                if is_last || passed.rejected.is_some() {
                    self.surveys.remove(&from);
                    return passed;
                }
                let is_far = self.is_far(tree, tip, height);
                let survey = self.surveys.get_mut(&from);
                let reply = survey.and_then(|survey| {
                    survey.waits = is_far;
                    (!is_far).then(|| survey.question())
                });
                Passed { reply, ..passed }
            }
            Heard::Broken(rejected) => {
                self.surveys.remove(&from);
                nothing(rejected)
            }
        }
    }
}

/// Where a batch leaves what is known: how many headers come before, and the last known block.
/// `None` if all is known, or if it does not begin at a known and valid block.
fn leaves<P>(
    tree: &BlockTree<P>,
    headers: impl Iterator<Item = Header>,
) -> Option<(usize, BlockId)> {
    let mut headers = headers.enumerate();
    let (at, first) = headers.find(|(_, header)| tree.find(&header.hash()).is_none())?;
    let parent = tree.find(&first.previous_hash)?;
    (!tree.is_invalid(parent)).then_some((at, parent))
}
