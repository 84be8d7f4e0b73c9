//! How far a run has come, and how long the rest will take.

use std::collections::VecDeque;
use std::time::Duration;

use forkful_scenario::Stop;

/// What is called the recent past: a rate measured over it follows a run that gets slower,
/// and does not jump with every block.
const RECENT: Duration = Duration::from_secs(10);

/// Before a rate was measured for so long, nothing is said of the rest.
const LEAST: Duration = Duration::from_secs(1);

/// Marks that are kept of the recent past.
const MARKS: u32 = 20;

/// How fast something goes on. Time is an argument: whoever has a clock tells it.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// When so much was done; the first is at most one mark older than [`RECENT`].
    marks: VecDeque<(Duration, f64)>,
}

impl Pace {
    /// Nothing is known yet.
    pub fn new() -> Pace {
        Pace::default()
    }

    /// At `now`, counted from any moment, so much is done, in any unit.
    pub fn mark(&mut self, now: Duration, done: f64) {
        let is_due = |(last, _): &(Duration, f64)| now.saturating_sub(*last) >= RECENT / MARKS;
        if self.marks.back().is_none_or(is_due) {
            self.marks.push_back((now, done));
        }
        let is_old = |(moment, _): &(Duration, f64)| now.saturating_sub(*moment) >= RECENT;
        while self.marks.get(1).is_some_and(is_old) {
            self.marks.pop_front();
        }
    }

    /// How long it takes from `now`, with so much `done`, to the `goal`, if it goes on as in
    /// the recent past; `None` while nobody can say.
    pub fn left(&self, now: Duration, done: f64, goal: f64) -> Option<Duration> {
        let (since, before) = *self.marks.front()?;
        let measured = now.saturating_sub(since);
        let gained = done - before;
        if measured < LEAST || gained <= 0.0 {
            return None;
        }
        let seconds = (goal - done).max(0.0) / gained * measured.as_secs_f64();
        Duration::try_from_secs_f64(seconds).ok()
    }
}

/// How far a run has come towards its goal, 0 to 1: by the clause of `[stop]` that is the
/// nearest to being met. A run may go on beyond it, until all agree.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Goal {
    /// So high, of so high.
    Height(u64, u64),
    /// So many blocks mined, of so many.
    Blocks(u64, u64),
    /// So long, of so long.
    Time(Duration, Duration),
}

impl Goal {
    /// Where a run stands that has come to this height, this number of blocks, this time.
    pub fn of(stop: &Stop, height: u64, mined: u64, time: Duration) -> Option<Goal> {
        let goals = [
            stop.height.map(|goal| Goal::Height(height.min(goal), goal)),
            stop.blocks.map(|goal| Goal::Blocks(mined.min(goal), goal)),
            stop.time.map(|goal| Goal::Time(time.min(goal), goal)),
        ];
        let goals = goals.into_iter().flatten();
        goals.max_by(|a, b| a.part().total_cmp(&b.part()))
    }

    /// The part of the way that is done.
    pub fn part(self) -> f64 {
        match self {
            Goal::Height(done, goal) | Goal::Blocks(done, goal) => {
                crate::interval::float(done) / crate::interval::float(goal.max(1))
            }
            Goal::Time(done, goal) => done.as_secs_f64() / goal.as_secs_f64().max(1e-9),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn the_rest_is_estimated_from_the_recent_past() {
        let mut pace = Pace::new();
        assert_eq!(pace.left(Duration::ZERO, 0.0, 100.0), None);
        // A hundred a second for a minute, then one a second.
        for second in 0..=60 {
            pace.mark(second * SECOND, f64::from(second) * 100.0);
        }
        let left = pace.left(60 * SECOND, 6_000.0, 7_000.0).unwrap();
        assert_eq!(left.as_secs(), 10);
        for second in 61..=75 {
            pace.mark(second * SECOND, 6_000.0 + f64::from(second - 60));
        }
        let left = pace.left(75 * SECOND, 6_015.0, 7_000.0).unwrap();
        assert_eq!(left.as_secs(), 985, "what was fast once counts no more");
    }

    #[test]
    fn nobody_guesses_too_early_or_when_nothing_moves() {
        let mut pace = Pace::new();
        pace.mark(Duration::ZERO, 0.0);
        assert_eq!(pace.left(SECOND / 2, 50.0, 100.0), None);
        pace.mark(20 * SECOND, 0.0);
        assert_eq!(pace.left(20 * SECOND, 0.0, 100.0), None);
    }

    #[test]
    fn little_is_kept_of_a_long_run() {
        let mut pace = Pace::new();
        for step in 0..100_000 {
            pace.mark(step * Duration::from_millis(1), f64::from(step));
        }
        assert!(pace.marks.len() <= MARKS as usize + 2);
    }

    #[test]
    fn the_nearest_clause_counts() {
        let stop = Stop {
            height: Some(100),
            blocks: Some(50),
            time: Some(10 * SECOND),
            time_limit: 60 * SECOND,
        };
        let at = |height, mined, time| Goal::of(&stop, height, mined, time);
        assert_eq!(at(30, 20, SECOND), Some(Goal::Blocks(20, 50)));
        assert_eq!(
            at(1, 1, 9 * SECOND),
            Some(Goal::Time(9 * SECOND, 10 * SECOND))
        );
        assert_eq!(at(200, 1, SECOND).unwrap().part(), 1.0);
    }
}
