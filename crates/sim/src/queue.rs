//! What is to happen, in the order of time.

use std::collections::VecDeque;

use forkful_core::Time;

use crate::wheel::Wheel;

/// A place in the order of a run: by time, and within one moment by the order in which
/// things were put in. No two are the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Place {
    /// When.
    pub time: Time,
    /// The how manieth thing that was put in.
    pub sequence: u64,
}

/// The events of a simulation that are still to come. Those of one moment come in the
/// order in which they were put in, so the order of a run is unique: (time, sequence).
///
/// Events that are put in by their time, such as the deadlines of requests that all wait
/// equally long, stand in a row. All others are on a wheel.
#[derive(Debug)]
pub struct EventQueue<E> {
    wheel: Wheel<E>,
    row: VecDeque<(Place, E)>,
    next_sequence: u64,
}

impl<E: Copy> EventQueue<E> {
    /// Nothing is to happen.
    pub fn new() -> Self {
        EventQueue {
            wheel: Wheel::new(),
            row: VecDeque::new(),
            next_sequence: 0,
        }
    }

    /// The place of something that happens at `time`, after everything that already has a
    /// place then. It need not be put in now.
    pub fn place(&mut self, time: Time) -> Place {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        Place { time, sequence }
    }

    /// Something is to happen at `time`, after everything that already is to happen then.
    pub fn push(&mut self, time: Time, event: E) {
        let place = self.place(time);
        self.put(place, event);
    }

    /// Something is to happen at its place, which is still to come.
    pub fn put(&mut self, place: Place, event: E) {
        self.wheel.put(place, event);
    }

    /// As [`push`](Self::push), for what mostly comes in the order of time.
    pub fn push_in_row(&mut self, time: Time, event: E) {
        let place = self.place(time);
        match self.row.back() {
            Some((last, _)) if *last > place => self.put(place, event),
            _ => self.row.push_back((place, event)),
        }
    }

    /// Some of what is to happen soon: the next of it last.
    pub(crate) fn soon(&self) -> &[(Place, E)] {
        self.wheel.open()
    }

    /// Takes what is to happen next, if it is not later than `latest`.
    pub fn pop_until(&mut self, latest: Time) -> Option<(Place, E)> {
        let on_wheel = self.wheel.next();
        let in_row = self.row.front().map(|(place, _)| *place);
        let next = match (on_wheel, in_row) {
            (Some(wheel), Some(row)) => wheel.min(row),
            (wheel, row) => wheel.or(row)?,
        };
        if next.time > latest {
            None
        } else if in_row == Some(next) {
            self.row.pop_front()
        } else {
            self.wheel.pop()
        }
    }
}

impl<E: Copy> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(queue: &mut EventQueue<char>, latest: Time) -> String {
        std::iter::from_fn(|| queue.pop_until(latest))
            .map(|(_, event)| event)
            .collect()
    }

    #[test]
    fn events_come_by_time_and_those_of_one_moment_in_the_order_they_were_put_in() {
        let mut queue = EventQueue::new();
        for (time, event) in [(3, 'd'), (1, 'a'), (2, 'c'), (1, 'b'), (3, 'e')] {
            queue.push(Time(time), event);
        }
        assert_eq!(all(&mut queue, Time(2)), "abc");
        assert_eq!(all(&mut queue, Time::NEVER), "de");
    }

    #[test]
    fn a_row_and_the_wheel_are_one_order() {
        let mut queue = EventQueue::new();
        queue.push(Time(2), 'b');
        queue.push_in_row(Time(2), 'c');
        queue.push_in_row(Time(4), 'e');
        queue.push_in_row(Time(1), 'a'); // before the end of the row
        queue.push(Time(4), 'f');
        queue.push(Time(3), 'd');
        assert_eq!(all(&mut queue, Time::NEVER), "abcdef");
    }

    #[test]
    fn a_place_that_was_taken_earlier_is_kept() {
        let mut queue = EventQueue::new();
        let early = queue.place(Time(5));
        queue.push(Time(5), 'b');
        queue.put(early, 'a');
        assert_eq!(all(&mut queue, Time::NEVER), "ab");
    }
}
