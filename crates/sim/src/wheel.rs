//! A queue of events as a wheel of slots (Brown, "Calendar Queues", 1988).
//!
//! A heap moves an event a dozen times between its coming and going, each time to another
//! place in memory. Here it is put into the slot of its time, and moved once more when that
//! slot is opened and sorted. Slots are as long as makes them hold a few events each.

use std::cmp::Reverse;

use dary_heap::QuaternaryHeap;

use crate::queue::Place;

/// Slots of the wheel: a power of two.
const SLOTS: u64 = 4_096;
/// The length of a slot in the beginning: 2^20 ns, about a millisecond.
const SHIFT: u32 = 20;
/// How many events come and go between two looks at whether slots have a good length.
const LOOK: u32 = 1 << 16;
/// How many events of the open slot may be moved for one that comes late.
const MOVED_MAX: usize = 64;
/// No event: the end of a slot's list.
const NONE: u32 = u32::MAX;

/// Events by place.
#[derive(Debug)]
pub(crate) struct Wheel<E> {
    /// Those of the open slot and before it, the next one last.
    open: Vec<(Place, E)>,
    /// More of these, that came when it was open and would have moved many of the others.
    late: QuaternaryHeap<Reverse<Entry<E>>>,
    /// Which slot is open: a time in units of 2^shift ns.
    slot: u64,
    shift: u32,
    /// The first event of each slot after the open one, up to a turn of the wheel.
    heads: Box<[u32]>,
    /// A bit for each slot: whether it has any.
    filled: Box<[u64]>,
    /// The events of all slots, as lists; and the list of free places.
    cells: Vec<Cell<E>>,
    free: u32,
    /// Those that are more than a turn away.
    far: QuaternaryHeap<Reverse<Entry<E>>>,
    since_look: Count,
}

#[derive(Debug)]
struct Cell<E> {
    place: Place,
    event: E,
    next: u32,
}

/// Ordered by place alone, which no two have in common.
#[derive(Debug)]
struct Entry<E>(Place, E);

/// What tells whether slots have a good length.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    events: u32,
    far: u32,
    opened: u32,
}

impl<E: Copy> Wheel<E> {
    /// No events.
    pub fn new() -> Self {
        Wheel {
            open: Vec::new(),
            late: QuaternaryHeap::new(),
            slot: 0,
            shift: SHIFT,
            heads: vec![NONE; usize::try_from(SLOTS).unwrap_or_default()].into(),
            filled: vec![0; usize::try_from(SLOTS / 64).unwrap_or_default()].into(),
            cells: Vec::new(),
            free: NONE,
            far: QuaternaryHeap::new(),
            since_look: Count::default(),
        }
    }

    /// Puts an event in its place.
    pub fn put(&mut self, place: Place, event: E) {
        self.since_look.events += 1;
        if self.since_look.events >= LOOK {
            self.look();
        }
        self.put_uncounted(place, event);
    }

    fn put_uncounted(&mut self, place: Place, event: E) {
        let slot = place.time.0 >> self.shift;
        if slot <= self.slot {
            // Without latency all that follows from an event is in its own slot.
            let at = self.open.partition_point(|(other, _)| *other > place);
            if self.open.len() - at <= MOVED_MAX {
                self.open.insert(at, (place, event));
            } else {
                self.late.push(Reverse(Entry(place, event)));
            }
        } else if slot - self.slot < SLOTS {
            self.put_in_slot(slot, place, event);
        } else {
            self.since_look.far += 1;
            self.far.push(Reverse(Entry(place, event)));
        }
    }

    /// The place of the next event.
    pub fn next(&mut self) -> Option<Place> {
        if self.open.is_empty() && self.late.is_empty() {
            self.turn();
        }
        match self.is_late_next() {
            true => self.late.peek().map(|Reverse(entry)| entry.0),
            false => self.open.last().map(|(place, _)| *place),
        }
    }

    /// Takes the next event.
    pub fn pop(&mut self) -> Option<(Place, E)> {
        if self.open.is_empty() && self.late.is_empty() {
            self.turn();
        }
        match self.is_late_next() {
            true => (self.late.pop()).map(|Reverse(Entry(place, event))| (place, event)),
            false => self.open.pop(),
        }
    }

    /// Whether the next event of the open slot is one that came late.
    fn is_late_next(&self) -> bool {
        match (self.late.peek(), self.open.last()) {
            (Some(Reverse(late)), Some((next, _))) => late.0 < *next,
            (late, _) => late.is_some(),
        }
    }

    /// The events of the open slot but for late ones, the next one last.
    pub fn open(&self) -> &[(Place, E)] {
        &self.open
    }

    fn put_in_slot(&mut self, slot: u64, place: Place, event: E) {
        let index = index(slot);
        let cell = Cell {
            place,
            event,
            next: self.heads[index],
        };
        let at = self.free;
        if at == NONE {
            // Fewer than 2^32 events: each takes more than a byte of memory.
            self.heads[index] = u32::try_from(self.cells.len()).unwrap_or(NONE);
            self.cells.push(cell);
        } else {
            self.free = self.cells[at as usize].next;
            self.cells[at as usize] = cell;
            self.heads[index] = at;
        }
        self.filled[index / 64] |= 1 << (index % 64);
    }

    /// Opens the next slot that has an event.
    fn turn(&mut self) {
        let near = self.next_filled();
        let far = self
            .far
            .peek()
            .map(|Reverse(far)| far.0.time.0 >> self.shift);
        let next = match (near, far) {
            (Some(near), Some(far)) => near.min(far),
            (near, far) => match near.or(far) {
                Some(next) => next,
                None => return,
            },
        };
        self.slot = next;
        while let Some(Reverse(Entry(place, _))) = self.far.peek()
            && (place.time.0 >> self.shift) - next < SLOTS
            && let Some(Reverse(Entry(place, event))) = self.far.pop()
        {
            self.put_in_slot(place.time.0 >> self.shift, place, event);
        }
        self.since_look.opened += 1;
        let index = index(next);
        self.filled[index / 64] &= !(1 << (index % 64));
        let mut at = std::mem::replace(&mut self.heads[index], NONE);
        while at != NONE {
            let cell = &mut self.cells[at as usize];
            self.open.push((cell.place, cell.event));
            let next = std::mem::replace(&mut cell.next, self.free);
            self.free = std::mem::replace(&mut at, next);
        }
        self.open.sort_unstable_by_key(|(place, _)| Reverse(*place));
    }

    /// The first slot after the open one that has an event.
    fn next_filled(&self) -> Option<u64> {
        let first = self.slot + 1;
        let words = SLOTS / 64;
        // The first word is looked at twice: its upper bits first, its lower ones last.
        for step in 0..=words {
            let word = index(first + 64 * step) / 64;
            let mut bits = self.filled[word];
            if step == 0 {
                bits &= u64::MAX << (first % 64);
            } else if step == words {
                bits &= !(u64::MAX << (first % 64));
            }
            if bits != 0 {
                let slot = (word * 64) as u64 + u64::from(bits.trailing_zeros());
                return Some(first + (slot.wrapping_sub(first) % SLOTS));
            }
        }
        None
    }

    /// Makes slots longer if most events are too far away for the wheel, and shorter if
    /// there are many in one. Changes nothing but the speed.
    fn look(&mut self) {
        let count = std::mem::take(&mut self.since_look);
        if count.opened == 0 {
            // The wheel is being filled, and how full its slots are says nothing yet.
            return;
        }
        let per_slot = count.events / count.opened;
        let shift = if count.far > count.events / 2 && per_slot < 64 {
            (self.shift + 2).min(58)
        } else if per_slot > 64 {
            self.shift.saturating_sub(2)
        } else {
            return;
        };
        if shift == self.shift {
            return;
        }
        let mut all: Vec<(Place, E)> = std::mem::take(&mut self.open);
        for index in 0..self.heads.len() {
            let mut at = std::mem::replace(&mut self.heads[index], NONE);
            while at != NONE {
                let cell = &self.cells[at as usize];
                all.push((cell.place, cell.event));
                at = cell.next;
            }
        }
        let heaps = self.far.drain().chain(self.late.drain());
        all.extend(heaps.map(|Reverse(Entry(place, event))| (place, event)));
        self.cells.clear();
        self.free = NONE;
        self.filled.fill(0);
        // The open slot ended here, and so does the one that now begins there.
        let opened_until = (self.slot << self.shift) | ((1 << self.shift) - 1);
        self.shift = shift;
        self.slot = opened_until >> shift;
        for (place, event) in all {
            self.put_uncounted(place, event);
        }
        self.since_look = Count::default();
    }
}

/// The place of a slot on the wheel.
#[allow(clippy::cast_possible_truncation, reason = "below SLOTS")]
fn index(slot: u64) -> usize {
    (slot % SLOTS) as usize
}

impl<E> Ord for Entry<E> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.cmp(&other.0)
    }
}

impl<E> PartialOrd for Entry<E> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<E> PartialEq for Entry<E> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<E> Eq for Entry<E> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use forkful_core::Time;
    use rand_xoshiro::Xoshiro256PlusPlus;
    use rand_xoshiro::rand_core::{Rng, SeedableRng};

    use super::*;

    /// A wheel and a map that sorts do the same, whatever the scale of time and however
    /// it changes: slots become shorter and longer on the way.
    #[test]
    fn a_wheel_is_a_sorted_map() {
        for seed in 0..2 {
            let mut chance = Xoshiro256PlusPlus::seed_from_u64(seed);
            let mut wheel = Wheel::new();
            let mut map = BTreeMap::new();
            let mut now = 0;
            let mut shifts = Vec::new();
            for sequence in 0..400_000_u64 {
                // Delays of all sizes up to a second, an hour, a microsecond.
                let most = [1 << 30, 1 << 42, 1 << 10, 1 << 30][(sequence >> 17) as usize];
                let delay = (chance.next_u64() % most) >> (chance.next_u64() % 8);
                let place = Place {
                    time: Time(now + delay),
                    sequence,
                };
                wheel.put(place, sequence);
                map.insert(place, sequence);
                while map.len() > 1_000 || chance.next_u64().is_multiple_of(3) {
                    assert_eq!(wheel.next(), map.first_key_value().map(|(place, _)| *place));
                    assert_eq!(wheel.pop(), map.pop_first());
                    now = map.first_key_value().map_or(now, |(place, _)| place.time.0);
                    if map.is_empty() {
                        break;
                    }
                }
                shifts.push(wheel.shift);
            }
            shifts.dedup();
            assert!(shifts.len() > 2, "slots never changed: {shifts:?}");
            while let Some(first) = map.pop_first() {
                assert_eq!(wheel.pop(), Some(first));
            }
            assert_eq!(wheel.pop(), None);
        }
    }

    /// Without latency, all that a block sets off is in one slot. Events that went in front of
    /// those that wait would take hours here.
    #[test]
    fn events_at_one_moment_come_in_the_order_of_their_making() {
        let mut wheel = Wheel::new();
        let count = 1 << 20;
        for sequence in 0..count {
            let time = Time(sequence % 7);
            wheel.put(Place { time, sequence }, sequence);
        }
        let mut before = None;
        for _ in 0..count {
            let (place, _) = wheel.pop().unwrap();
            assert!(before < Some(place));
            before = Some(place);
        }
        assert_eq!(wheel.pop(), None);
    }

    /// More events wait than come between two looks: nothing of the shape of the wheel may
    /// follow from putting them in.
    #[test]
    fn a_wheel_that_is_filled_is_not_made_anew() {
        let mut wheel = Wheel::new();
        for sequence in 0..4 * u64::from(LOOK) {
            let time = Time(sequence * 1_000);
            wheel.put(Place { time, sequence }, sequence);
        }
        assert_eq!(wheel.shift, SHIFT);
        for sequence in 0..4 * u64::from(LOOK) {
            assert_eq!(wheel.pop().map(|(_, event)| event), Some(sequence));
        }
        assert_eq!(wheel.pop(), None);
    }
}
