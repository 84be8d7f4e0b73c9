//! What is to happen, in the order of time.

use std::cmp::Reverse;

use dary_heap::QuaternaryHeap;
use forkful_core::Time;

/// The events of a simulation that are still to come. Those of one moment come in the
/// order in which they were put in, so the order of a run is unique: (time, sequence).
///
/// A heap of four children a node: measured faster than two at 100,000 pending events.
#[derive(Debug)]
pub struct EventQueue<E> {
    heap: QuaternaryHeap<Reverse<Pending<E>>>,
    next_sequence: u64,
}

#[derive(Debug)]
struct Pending<E> {
    time: Time,
    sequence: u64,
    event: E,
}

impl<E> EventQueue<E> {
    /// Nothing is to happen.
    pub fn new() -> Self {
        EventQueue {
            heap: QuaternaryHeap::new(),
            next_sequence: 0,
        }
    }

    /// Something is to happen at `time`, after everything that already is to happen then.
    pub fn push(&mut self, time: Time, event: E) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.heap.push(Reverse(Pending {
            time,
            sequence,
            event,
        }));
    }

    /// Takes what is to happen next, if it is not later than `latest`.
    pub fn pop_until(&mut self, latest: Time) -> Option<(Time, E)> {
        if self.heap.peek()?.0.time > latest {
            return None;
        }
        let Reverse(pending) = self.heap.pop()?;
        Some((pending.time, pending.event))
    }

    /// When something is to happen next.
    pub fn next_time(&self) -> Option<Time> {
        self.heap.peek().map(|Reverse(pending)| pending.time)
    }
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        EventQueue::new()
    }
}

impl<E> Ord for Pending<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time, self.sequence).cmp(&(other.time, other.sequence))
    }
}

impl<E> PartialOrd for Pending<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Pending<E> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<E> Eq for Pending<E> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_by_time_and_those_of_one_moment_in_the_order_they_were_put_in() {
        let mut queue = EventQueue::new();
        for (time, event) in [(3, 'd'), (1, 'a'), (2, 'c'), (1, 'b'), (3, 'e')] {
            queue.push(Time(time), event);
        }
        assert_eq!(queue.next_time(), Some(Time(1)));
        let mut order = String::new();
        while let Some((_, event)) = queue.pop_until(Time(2)) {
            order.push(event);
        }
        assert_eq!(order, "abc");
        assert_eq!(queue.pop_until(Time::NEVER), Some((Time(3), 'd')));
    }
}
