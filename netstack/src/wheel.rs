//! A hierarchical timing wheel (Varghese and Lauck, SOSP 1987): timers at O(1), however many.
//!
//! ```text
//!  tick (48 bits) of a deadline:  | digit 7 | ... | digit 2 | digit 1 | digit 0 |   6 bits each
//!
//!  level 0:  64 slots of one tick     (65.5 us)   the timers of this turn of digit 0
//!  level 1:  64 slots of 64 ticks     (4.2 ms)    the timers of this turn of digit 1
//!  ...
//!  level 7:  64 slots of 2^42 ticks   (9 years)
//!  due:      a heap of what belongs to the current tick, to the past, or to a slot of level 1 that has come, by deadline
//! ```
//!
//! A timer sits at the level of the highest digit in which its tick differs from the current one. So each level is
//! later than the one below it, slots never wrap, and a slot moves down when its time comes: at most once a level. From
//! level 1 it goes to the heap at once: what waited for milliseconds is in no cache, and is looked at once less.

use alloc::collections::BinaryHeap;
use core::cmp::Reverse;

use crate::Instant;
use crate::arena::{Arena, Id};

/// Nanoseconds of a tick, as a power of two.
const TICK_SHIFT: u32 = 16;
/// Bits of a digit: 64 slots a level.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
/// As many as it takes to hold any u64 of nanoseconds: no overflow list, no deadline too far.
const LEVELS: usize = ((u64::BITS - TICK_SHIFT) / DIGIT) as usize;
/// No timer: the arena has no such slot.
const NIL: Id = Id::from_parts(u32::MAX, 0);
/// How many timers of the earliest slot `next_deadline` looks at to be exact.
const EXACT: usize = 16;

/// Names a timer; after it has fired or was removed it names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId(Id);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Slot { level: u8, slot: u8 },
    Due,
}

struct Timer<T> {
    deadline: Instant,
    value: T,
    place: Place,
    previous: Id,
    next: Id,
}

/// An entry of the heap: by deadline, then in the order of insertion, which makes a run repeatable.
type Due = Reverse<(Instant, u64, u32, u32)>;

/// Timers that each carry a value. Time moves only by [`Wheel::expire`].
///
/// ```
/// use core::time::Duration;
/// use corelane_netstack::{Instant, Wheel};
/// let mut wheel = Wheel::new(Instant::ZERO);
/// let soon = Instant::ZERO + Duration::from_millis(5);
/// let id = wheel.insert(soon, "delayed ACK");
/// wheel.insert(soon + Duration::from_millis(200), "RTO");
/// assert_eq!(wheel.expire(Instant::ZERO), None);
/// assert_eq!(wheel.expire(soon), Some("delayed ACK"));
/// assert_eq!(wheel.remove(id), None, "it has fired");
/// assert_eq!(wheel.len(), 1);
/// ```
pub struct Wheel<T: Copy> {
    timers: Arena<Timer<T>>,
    /// The first timer of each slot.
    heads: [[Id; SLOTS]; LEVELS],
    /// A bit for each slot that holds a timer, and for each level that has such a slot.
    occupied: [u64; LEVELS],
    levels: u8,
    /// The tick up to which slots have been emptied. Every timer in a slot is later; some in the heap are too.
    current: u64,
    due: BinaryHeap<Due>,
    /// Entries of `due` whose timer is gone.
    gone: usize,
    inserted: u64,
}

const fn tick(at: Instant) -> u64 {
    at.as_nanos() >> TICK_SHIFT
}

impl<T: Copy> Wheel<T> {
    /// An empty wheel. Timers for `now` or earlier fire at the next [`Wheel::expire`].
    pub fn new(now: Instant) -> Wheel<T> {
        Wheel {
            timers: Arena::new(),
            heads: [[NIL; SLOTS]; LEVELS],
            occupied: [0; LEVELS],
            levels: 0,
            current: tick(now),
            due: BinaryHeap::new(),
            gone: 0,
            inserted: 0,
        }
    }

    /// Timers that have neither fired nor been removed.
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether no timer is left.
    pub fn is_empty(&self) -> bool {
        self.timers.len() == 0
    }

    /// Starts a timer. Memory grows with the number of timers, and is kept for later ones.
    pub fn insert(&mut self, deadline: Instant, value: T) -> TimerId {
        let timer = Timer { deadline, value, place: Place::Due, previous: NIL, next: NIL };
        let id = self.timers.insert_with(|_| timer);
        self.place(id);
        TimerId(id)
    }

    /// Stops a timer and gives its value; `None` when it has fired or was removed before.
    pub fn remove(&mut self, id: TimerId) -> Option<T> {
        let timer = self.timers.remove(id.0)?;
        match timer.place {
            Place::Slot { level, slot } => self.unlink(&timer, level, slot),
            Place::Due => self.forget_due(),
        }
        Some(timer.value)
    }

    /// The value of the earliest timer whose deadline is not after `now`, which then is gone; call it until it gives
    /// `None`. Timers fire in the order of their deadlines, never early, and never later than the call.
    pub fn expire(&mut self, now: Instant) -> Option<T> {
        self.advance(tick(now));
        let &Reverse((deadline, _, slot, generation)) = self.due.peek()?;
        if deadline > now {
            return None;
        }
        self.due.pop();
        let timer = self.timers.remove(Id::from_parts(slot, generation));
        self.drop_gone();
        timer.map(|timer| timer.value)
    }

    /// When to call [`Wheel::expire`] next; `None` when no timer is left. Never later than the earliest deadline, and
    /// equal to it unless more than 16 timers share the earliest slot: then it may be as early as that slot's start.
    pub fn next_deadline(&self) -> Option<Instant> {
        // The top of the heap is never gone: see `drop_gone`.
        let due = self.due.peek().map(|Reverse((deadline, ..))| *deadline);
        match due {
            Some(deadline) if tick(deadline) <= self.current => due, // slots are later
            _ => [due, self.next_in_slots()].into_iter().flatten().min(),
        }
    }

    fn next_in_slots(&self) -> Option<Instant> {
        let (level, slot) = self.earliest()?;
        let mut id = self.heads[level][slot];
        let mut earliest = None;
        for _ in 0..EXACT {
            let Some(timer) = self.timers.get(id) else { return earliest };
            earliest = Some(earliest.map_or(timer.deadline, |e: Instant| e.min(timer.deadline)));
            id = timer.next;
        }
        if id == NIL { earliest } else { Some(Instant::from_nanos(self.start(level, slot) << TICK_SHIFT)) }
    }

    /// The occupied slot that comes first.
    fn earliest(&self) -> Option<(usize, usize)> {
        let level = self.levels.trailing_zeros() as usize;
        let bits = self.occupied.get(level)?;
        Some((level, bits.trailing_zeros() as usize))
    }

    /// The first tick of an occupied slot: the current tick with this digit, and zeros below it.
    fn start(&self, level: usize, slot: usize) -> u64 {
        let shift = DIGIT * level as u32; // level < 8
        let above = u64::MAX << shift << DIGIT;
        (self.current & above) | ((slot as u64) << shift)
    }

    /// Empties the slots up to and including `tick`.
    fn advance(&mut self, tick: u64) {
        while let Some((level, slot)) = self.earliest() {
            let start = self.start(level, slot);
            if start > tick {
                break;
            }
            self.current = start;
            let mut id = core::mem::replace(&mut self.heads[level][slot], NIL);
            self.mark_empty(level, slot);
            while let Some(timer) = self.timers.get(id) {
                let next = timer.next;
                if level <= 1 {
                    self.make_due(id);
                } else {
                    self.place(id);
                }
                id = next;
            }
        }
        // No timer lies between, so each keeps its highest differing digit, and with it its slot.
        self.current = self.current.max(tick);
    }

    /// Puts a timer that is in no list where it belongs.
    fn place(&mut self, id: Id) {
        let current = self.current;
        let Some(timer) = self.timers.get_mut(id) else { return };
        let at = tick(timer.deadline);
        if at <= current {
            return self.make_due(id);
        }
        let level = (at ^ current).ilog2() / DIGIT;
        let slot = (at >> (DIGIT * level)) as usize % SLOTS;
        let level = level as usize;
        let head = self.heads[level][slot];
        timer.place = Place::Slot { level: level as u8, slot: slot as u8 }; // below 8 and 64
        timer.previous = NIL;
        timer.next = head;
        if let Some(head) = self.timers.get_mut(head) {
            head.previous = id;
        }
        self.heads[level][slot] = id;
        self.occupied[level] |= 1 << slot;
        self.levels |= 1 << level;
    }

    fn make_due(&mut self, id: Id) {
        let Some(timer) = self.timers.get_mut(id) else { return };
        timer.place = Place::Due;
        self.due.push(Reverse((timer.deadline, self.inserted, id.slot(), id.generation())));
        self.inserted += 1;
    }

    fn unlink(&mut self, timer: &Timer<T>, level: u8, slot: u8) {
        let (level, slot) = (usize::from(level), usize::from(slot));
        match self.timers.get_mut(timer.previous) {
            Some(previous) => previous.next = timer.next,
            None => self.heads[level][slot] = timer.next,
        }
        if let Some(next) = self.timers.get_mut(timer.next) {
            next.previous = timer.previous;
        }
        if self.heads[level][slot] == NIL {
            self.mark_empty(level, slot);
        }
    }

    fn mark_empty(&mut self, level: usize, slot: usize) {
        self.occupied[level] &= !(1 << slot);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// A timer of the heap was removed: its entry stays, unless it is on top or such entries are the greater part.
    fn forget_due(&mut self) {
        self.gone += 1;
        if self.gone > 32 && self.gone > self.due.len() / 2 {
            self.due.retain(|entry| is_live(&self.timers, entry));
            self.gone = 0;
        }
        self.drop_gone();
    }

    /// Keeps a live timer on top of the heap, so that `next_deadline` need not search.
    fn drop_gone(&mut self) {
        while let Some(top) = self.due.peek()
            && !is_live(&self.timers, top)
        {
            self.due.pop();
            self.gone -= 1;
        }
    }
}

fn is_live<T>(timers: &Arena<Timer<T>>, &Reverse((_, _, slot, generation)): &Due) -> bool {
    timers.get(Id::from_parts(slot, generation)).is_some()
}

impl<T: Copy> core::fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Wheel")
            .field("len", &self.len())
            .field("next_deadline", &self.next_deadline())
            .finish()
    }
}

#[cfg(test)]
mod tests;
