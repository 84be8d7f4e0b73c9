//! Which events of a scenario are due: one rule for every world.

use std::time::Duration;

use crate::action::{Action, Submission, TimedAction, When, Workload};
use crate::churn::Turns;
use crate::scenario::Scenario;

/// The events that have not happened yet, and the entries of the workload.
#[derive(Debug)]
pub struct Timetable {
    /// By time, the next one last.
    by_time: Vec<(Duration, Action)>,
    /// By height, the next one last.
    by_height: Vec<(u64, Action)>,
    workload: Option<Workload>,
    /// Nodes that leave and come back.
    churn: Option<Turns>,
    /// Entries of the workload that were given to nodes.
    given: u32,
    /// The goal is reached: a workload without end gives no more.
    is_settling: bool,
}

impl Timetable {
    /// All events of `scenario`, and its workload.
    pub fn new(scenario: &Scenario) -> Self {
        let mut timetable = Timetable {
            by_time: Vec::new(),
            by_height: Vec::new(),
            workload: scenario.workload,
            churn: scenario
                .churn
                .as_ref()
                .map(|churn| Turns::new(churn, scenario.seed)),
            given: 0,
            is_settling: false,
        };
        for TimedAction { when, action } in scenario.events.iter().rev() {
            match when {
                When::At(time) => timetable.by_time.push((*time, action.clone())),
                When::Height(height) => timetable.by_height.push((*height, action.clone())),
            }
        }
        timetable
    }

    /// Takes what is next to be done `elapsed` after the beginning, when the highest tip
    /// of an honest node so far had `height`. Call it until it gives nothing.
    pub fn next_due(&mut self, elapsed: Duration, height: u64) -> Option<Action> {
        let due = self.by_time.pop_if(|(time, _)| *time <= elapsed);
        due.map(|(_, action)| action)
            .or_else(|| {
                let due = self.by_height.pop_if(|(at, _)| *at <= height);
                due.map(|(_, action)| action)
            })
            .or_else(|| self.next_entry(elapsed))
            .or_else(|| self.churn.as_mut()?.next_due(elapsed))
    }

    /// When something is next to be done that has a time.
    pub fn next_time(&self) -> Option<Duration> {
        let event = self.by_time.last().map(|(time, _)| *time);
        let turn = self.churn.as_ref().and_then(Turns::next_time);
        event.into_iter().chain(self.entry_time()).chain(turn).min()
    }

    /// How many events, and entries of a workload with a `count`, are still to come; and, once
    /// it was settled, how many nodes that left have still to come back.
    pub fn left(&self) -> u64 {
        let counted = self.workload.and_then(|workload| workload.count);
        let entries = counted.map_or(0, |count| count.saturating_sub(self.given));
        let back = self.churn.as_ref().map_or(0, Turns::left);
        (self.by_time.len() + self.by_height.len()) as u64 + u64::from(entries) + back
    }

    /// The goal is reached: a workload without a `count` ends, nobody leaves any more, and who
    /// left comes back at once.
    pub fn settle(&mut self) {
        self.is_settling = true;
        if let Some(churn) = &mut self.churn {
            churn.settle();
        }
    }

    fn next_entry(&mut self, elapsed: Duration) -> Option<Action> {
        let workload = self.workload?;
        self.entry_time().filter(|due| *due <= elapsed)?;
        let entry = workload.entry(self.given);
        self.given += 1;
        Some(Action::Submit {
            node: None,
            data: Submission::Entry(entry),
        })
    }

    fn entry_time(&self) -> Option<Duration> {
        let workload = self.workload?;
        if self.is_settling && workload.count.is_none() {
            return None;
        }
        workload.due(self.given)
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

    #[test]
    fn a_workload_gives_its_entries_at_a_steady_pace_until_it_ends() {
        let timetable = |toml| Timetable::new(&Scenario::from_toml(toml).unwrap());
        let second = Duration::from_secs(1);
        let is_entry = |action| matches!(action, Some(Action::Submit { node: None, .. }));

        let mut counted = timetable("workload = { every = '1s', bytes = 32, count = 2 }");
        assert_eq!((counted.left(), counted.next_time()), (2, Some(second)));
        assert!(is_entry(counted.next_due(second * 5, 0)));
        assert!(is_entry(counted.next_due(second * 5, 0)));
        assert_eq!(counted.next_due(second * 5, 0), None);
        assert_eq!((counted.left(), counted.next_time()), (0, None));

        let mut endless = timetable("workload = { every = '1s', bytes = 32 }");
        assert!(is_entry(endless.next_due(second, 0)));
        assert_eq!((endless.left(), endless.next_time()), (0, Some(second * 2)));
        endless.settle();
        assert_eq!(endless.next_due(second * 2, 0), None);
    }
}
