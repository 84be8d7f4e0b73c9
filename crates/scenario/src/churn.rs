//! Nodes that leave and come back, by chance.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use forkful_core::NodeId;

use crate::action::Action;
use crate::node_set::NodeSet;
use crate::stream::{Stream, draw, unit};

/// Nodes that leave and come back: each is up and down in turns, for times that are exponential.
#[derive(Clone, PartialEq, Debug)]
pub struct Churn {
    /// Among which nodes.
    pub nodes: NodeSet,
    /// How many of these, from 0 to 1: each by chance.
    pub share: f64,
    /// The mean time that a node is up.
    pub up: Duration,
    /// The mean time that it is down.
    pub down: Duration,
}

/// When who leaves or comes back next. A few bytes for each node that does, however long the run.
#[derive(Debug)]
pub(crate) struct Turns {
    up: Duration,
    down: Duration,
    /// The next turn of every node, the first one on top: when, and whose.
    next: BinaryHeap<Reverse<(Duration, NodeId, Turn)>>,
    /// Nobody leaves any more, and who is down comes back at once.
    is_settling: bool,
}

/// What a node does at its next turn.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Turn {
    /// The seed of its own chance.
    seed: u64,
    /// How many turns it had: at the even ones it leaves, at the odd ones it comes back.
    number: u32,
}

impl Turns {
    /// The turns of a run with `seed`, at whose beginning everybody is up.
    pub fn new(churn: &Churn, seed: u64) -> Self {
        let mut turns = Turns {
            up: churn.up,
            down: churn.down,
            next: BinaryHeap::new(),
            is_settling: false,
        };
        for node in churn.nodes.iter() {
            let seed = Stream::Churn(node).seed(seed);
            // Draw 0 says whether it is one of them, and the others are its times.
            if unit(draw(seed, 0)) < churn.share {
                turns.schedule(Duration::ZERO, node, Turn { seed, number: 0 });
            }
        }
        turns
    }

    fn schedule(&mut self, now: Duration, node: NodeId, turn: Turn) {
        let mean = if turn.number.is_multiple_of(2) {
            self.up
        } else {
            self.down
        };
        // In (0, 1], so that the time is finite.
        let above = 1.0 - unit(draw(turn.seed, turn.number.wrapping_add(1)));
        let nanos = mean.as_nanos() as f64 * -libm::log(above);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let time = now.saturating_add(Duration::from_nanos(nanos as u64));
        self.next.push(Reverse((time, node, turn)));
    }

    /// When somebody leaves or comes back next.
    pub fn next_time(&self) -> Option<Duration> {
        self.next.peek().map(|Reverse((time, ..))| *time)
    }

    /// Who leaves or comes back, if that is due.
    pub fn next_due(&mut self, elapsed: Duration) -> Option<Action> {
        self.next_time().filter(|time| *time <= elapsed)?;
        let Reverse((time, node, turn)) = self.next.pop()?;
        let number = turn.number.wrapping_add(1);
        if !self.is_settling {
            self.schedule(time, node, Turn { number, ..turn });
        }
        Some(if turn.number.is_multiple_of(2) {
            Action::Crash { node }
        } else {
            Action::Restart { node }
        })
    }

    /// The goal of the run is reached: who is down comes back now, and then nothing happens.
    pub fn settle(&mut self) {
        if self.is_settling {
            return;
        }
        self.is_settling = true;
        let down = std::mem::take(&mut self.next).into_iter();
        let down = down.filter(|Reverse((_, _, turn))| !turn.number.is_multiple_of(2));
        self.next = down
            .map(|Reverse((_, node, turn))| Reverse((Duration::ZERO, node, turn)))
            .collect();
    }

    /// How many are still to come back, once it is settling: before that there is no end.
    pub fn left(&self) -> u64 {
        if self.is_settling {
            self.next.len() as u64
        } else {
            0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(share: f64, nodes: u32) -> Turns {
        let churn = Churn {
            nodes: NodeSet::parse(&format!("0..{nodes}")).unwrap(),
            share,
            up: Duration::from_secs(300),
            down: Duration::from_secs(100),
        };
        Turns::new(&churn, 7)
    }

    #[test]
    fn a_node_leaves_and_comes_back_in_turns_for_as_long_as_it_should() {
        let mut turns = turns(1.0, 1);
        let (mut now, mut up, mut down) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
        for turn in 0..20_000 {
            let time = turns.next_time().unwrap();
            let lasted = time - now;
            now = time;
            let node = NodeId(0);
            let (expected, sum) = match turn % 2 {
                0 => (Action::Crash { node }, &mut up),
                _ => (Action::Restart { node }, &mut down),
            };
            *sum += lasted;
            assert_eq!(turns.next_due(now), Some(expected));
        }
        // 10,000 exponential times each: a standard error of one in a hundred.
        let mean = |sum: Duration| sum.as_secs_f64() / 10_000.0;
        assert!((mean(up) - 300.0).abs() < 12.0, "{}", mean(up));
        assert!((mean(down) - 100.0).abs() < 4.0, "{}", mean(down));
    }

    #[test]
    fn only_a_share_churns_and_nobody_else_changes_whose() {
        let count = turns(0.25, 10_000).next.len();
        assert!((2_300..2_700).contains(&count), "{count}");
        let who = |turns: Turns| {
            let mut nodes: Vec<_> = turns
                .next
                .iter()
                .map(|Reverse((_, node, _))| node.0)
                .collect();
            nodes.sort_unstable();
            nodes
        };
        let (few, more) = (who(turns(0.25, 100)), who(turns(0.25, 101)));
        assert_eq!(few, more[..few.len()]);
    }

    #[test]
    fn at_the_end_all_come_back_and_nobody_leaves() {
        let mut turns = turns(1.0, 100);
        let moment = Duration::from_secs(400);
        let mut is_up = [true; 100];
        let mut act = |action: Action| match action {
            Action::Crash { node } => is_up[node.0 as usize] = false,
            Action::Restart { node } => is_up[node.0 as usize] = true,
            other => panic!("{other:?}"),
        };
        while let Some(action) = turns.next_due(moment) {
            act(action);
        }
        assert_eq!(turns.left(), 0, "it has no end of its own");
        turns.settle();
        assert!(turns.left() > 5);
        while let Some(action) = turns.next_due(moment) {
            act(action);
        }
        assert_eq!((turns.left(), turns.next_time()), (0, None));
        assert_eq!(is_up, [true; 100]);
    }
}
