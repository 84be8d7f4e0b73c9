//! Which events of a scenario are due: one rule for every world.

use std::time::Duration;

use crate::action::{Action, TimedAction, When};
use crate::scenario::Scenario;

/// The events that have not happened yet.
#[derive(Clone, Debug)]
pub struct Timetable {
    /// By time, the next one last.
    by_time: Vec<(Duration, Action)>,
    /// By height, the next one last.
    by_height: Vec<(u64, Action)>,
}

impl Timetable {
    /// All events of `scenario`.
    pub fn new(scenario: &Scenario) -> Self {
        let mut timetable = Timetable {
            by_time: Vec::new(),
            by_height: Vec::new(),
        };
        for TimedAction { when, action } in scenario.events.iter().rev() {
            match when {
                When::At(time) => timetable.by_time.push((*time, action.clone())),
                When::Height(height) => timetable.by_height.push((*height, action.clone())),
            }
        }
        timetable
    }

    /// Takes the next event that is due `elapsed` after the beginning, when the highest
    /// tip of an honest node so far had `height`. Call it until it gives none.
    pub fn next_due(&mut self, elapsed: Duration, height: u64) -> Option<Action> {
        let due = self.by_time.pop_if(|(time, _)| *time <= elapsed);
        due.map(|(_, action)| action).or_else(|| {
            let due = self.by_height.pop_if(|(at, _)| *at <= height);
            due.map(|(_, action)| action)
        })
    }

    /// When the next event that has a time is due.
    pub fn next_time(&self) -> Option<Duration> {
        self.by_time.last().map(|(time, _)| *time)
    }

    /// How many events are still to come.
    pub fn left(&self) -> u64 {
        (self.by_time.len() + self.by_height.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_when_they_are_due_and_once() {
        let scenario = Scenario::from_toml(
            "events = [
                { at = '2s', do = 'heal' },
                { at_height = 5, do = 'crash', node = 1 },
                { at = '1s', do = 'split', groups = ['0..4'] },
                { at = '1s', do = 'crash', node = 2 },
            ]",
        )
        .unwrap();
        let mut timetable = Timetable::new(&scenario);
        let second = Duration::from_secs(1);
        assert_eq!(timetable.left(), 4);
        assert_eq!(timetable.next_due(Duration::ZERO, 4), None);
        assert_eq!(timetable.next_time(), Some(second));
        assert!(matches!(
            timetable.next_due(second, 5),
            Some(Action::Split { .. })
        ));
        let crash = |node| {
            Some(Action::Crash {
                node: forkful_core::NodeId(node),
            })
        };
        assert_eq!(timetable.next_due(second, 5), crash(2));
        assert_eq!(timetable.next_due(second, 5), crash(1));
        assert_eq!(timetable.next_due(second, 6), None);
        assert_eq!(timetable.next_due(second * 2, 6), Some(Action::Heal));
        assert_eq!(timetable.left(), 0);
    }
}
