//! A hierarchical timing wheel (Varghese and Lauck, SOSP 1987): timers at O(1), however many.
//!
//! ```text
//!  tick (42 bits) of a deadline:  | digit 6 | ... | digit 2 | digit 1 | digit 0 |   6 bits each
//!
//!  level 0:  64 slots of one tick     (4.2 ms)    the timers of this turn of digit 0
//!  level 1:  64 slots of 64 ticks     (268 ms)    the timers of this turn of digit 1
//!  ...
//!  level 6:  64 slots of 2^36 ticks   (9 years)
//!  run:      the timers of slots that have come, sorted by deadline
//!  heap:     what was started for the current tick or for the past, by deadline
//! ```
//!
//! A timer sits at the level of the highest digit in which its tick differs from the current one. So each level is
//! later than the one below it, slots never wrap, and a slot moves down when its time comes: at most once a level.
//!
//! All of these hold deadlines and names, not the timers: what waited for milliseconds is in no cache, and is looked at once,
//! when it fires; in a run it is known before what comes next. So a timer that is removed leaves its name behind, until such names are the greater part.

use alloc::collections::BinaryHeap;
use alloc::vec::Vec;
use core::cmp::Reverse;

use crate::Instant;
use crate::arena::{Arena, Halves, Id};

/// Nanoseconds of a tick, as a power of two: what falls into one is sorted by a heap.
const TICK_SHIFT: u32 = 22;
/// Timers of the run that are brought near before they fire.
const AHEAD: usize = 8;
/// Bits of a digit: 64 slots a level.
const DIGIT: u32 = 6;
const SLOTS: usize = 1 << DIGIT;
/// As many as it takes to hold any u64 of nanoseconds: no overflow list, no deadline too far.
const LEVELS: usize = ((u64::BITS - TICK_SHIFT) / DIGIT) as usize;
/// How many timers of the earliest slot `next_deadline` looks at to be exact.
const EXACT: usize = 16;

/// Names a timer; after it has fired or was removed it names nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimerId(Id);

impl TimerId {
    /// No timer's.
    pub(crate) const NOBODY: TimerId = TimerId(Id::from_parts(u32::MAX, 0));
}

struct Timer<T> {
    deadline: Instant,
    value: T,
}

/// The timers of a slot, and how many of the names have no timer any more.
#[derive(Debug, Clone, Default)]
struct Slot {
    names: Vec<(Instant, Id)>,
    gone: usize,
}

/// An entry of the heap: by deadline, then in the order of insertion, which makes a run repeatable.
type Due = Reverse<(Instant, u64, u32, u32)>;

/// Names without a timer that are not worth a search.
const FEW_GONE: usize = 32;
/// Names that an empty slot keeps its memory for: at some time each slot is the one that most timers are in.
const KEPT: usize = 256;

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
    timers: Arena<Timer<T>, Halves>,
    slots: Vec<[Slot; SLOTS]>,
    /// A bit for each slot that holds a timer, and for each level that has such a slot.
    occupied: [u64; LEVELS],
    levels: u8,
    /// The tick up to which slots have been emptied. Every timer in a slot is later, none of the others is.
    current: u64,
    heap: BinaryHeap<Due>,
    /// What follows `fired` is later; each slot that is added is later than all before.
    run: Vec<(Instant, Id)>,
    /// Names of the run that are done with.
    fired: usize,
    /// Names of `heap` and `run` whose timer is gone.
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
            slots: (0..LEVELS).map(|_| core::array::from_fn(|_| Slot::default())).collect(),
            occupied: [0; LEVELS],
            levels: 0,
            current: tick(now),
            heap: BinaryHeap::new(),
            run: Vec::new(),
            fired: 0,
            gone: 0,
            inserted: 0,
        }
    }

    /// Bytes that a timer takes: itself and its name in a slot.
    pub(crate) const EACH: usize = Arena::<Timer<T>, Halves>::ENTRY + size_of::<(Instant, Id)>();

    /// Timers that have neither fired nor been removed.
    pub fn len(&self) -> usize {
        self.timers.len()
    }

    /// Whether no timer is left.
    pub fn is_empty(&self) -> bool {
        self.timers.len() == 0
    }

    /// Starts a timer. Memory grows with the number of timers.
    pub fn insert(&mut self, deadline: Instant, value: T) -> TimerId {
        let id = self.timers.insert_with(|_| Timer { deadline, value });
        self.place(deadline, id);
        TimerId(id)
    }

    /// Stops a timer and gives its value; `None` when it has fired or was removed before.
    pub fn remove(&mut self, id: TimerId) -> Option<T> {
        let timer = self.timers.remove(id.0)?;
        match self.slot_of(timer.deadline) {
            Some((level, slot)) => self.forget(level, slot),
            None => self.forget_due(),
        }
        Some(timer.value)
    }

    /// The value of the earliest timer whose deadline is not after `now`, which then is gone; call it until it gives
    /// `None`. Timers fire in the order of their deadlines, never early, and never later than the call.
    pub fn expire(&mut self, now: Instant) -> Option<T> {
        let tick = tick(now);
        if tick > self.current {
            self.advance(tick);
        }
        let (deadline, id) = self.first()?;
        if deadline > now {
            return None;
        }
        self.pop();
        let timer = self.timers.remove(id);
        self.drop_gone();
        if let Some((_, id)) = self.run.get(self.fired + AHEAD) {
            self.timers.prefetch(*id);
        }
        timer.map(|timer| timer.value)
    }

    /// Whether [`Wheel::expire`] has something to do, be it to turn the wheel. Most times it is asked in the tick of the last time, and
    /// no timer is due in that.
    #[inline(always)]
    pub fn is_due(&self, now: Instant) -> bool {
        tick(now) > self.current || !self.run.is_empty() || !self.heap.is_empty()
    }

    /// The value of a timer that will fire soon, after some others: for who wants to be prepared.
    pub(crate) fn coming(&self) -> Option<T> {
        let (_, id) = self.run.get(self.fired + AHEAD / 2)?;
        self.timers.get(*id).map(|timer| timer.value)
    }

    /// The first of run and heap.
    fn first(&self) -> Option<(Instant, Id)> {
        let run = self.run.get(self.fired).copied();
        match self.heap.peek() {
            Some(Reverse((deadline, _, slot, generation)))
                if run.is_none_or(|(first, _)| first > *deadline) =>
            {
                Some((*deadline, Id::from_parts(*slot, *generation)))
            }
            _ => run,
        }
    }

    /// Takes out what `first` gives.
    fn pop(&mut self) {
        let run = self.run.get(self.fired);
        match self.heap.peek() {
            Some(Reverse((deadline, ..))) if run.is_none_or(|(first, _)| first > deadline) => {
                self.heap.pop();
            }
            _ => self.fired += 1,
        }
        if self.fired >= self.run.len() {
            self.run.clear();
            self.fired = 0;
        }
    }

    /// When to call [`Wheel::expire`] next; `None` when no timer is left. Never later than the earliest deadline, and
    /// equal to it unless more than 16 timers share the earliest slot: then it may be as early as that slot's start.
    pub fn next_deadline(&self) -> Option<Instant> {
        // The first is never gone: see `drop_gone`.
        self.first().map(|(deadline, _)| deadline).or_else(|| self.next_in_slots()) // slots are later
    }

    fn next_in_slots(&self) -> Option<Instant> {
        let (level, slot) = self.earliest()?;
        let Slot { names, gone } = &self.slots[level][slot];
        if names.len() - gone > EXACT {
            return Some(Instant::from_nanos(self.start(level, slot) << TICK_SHIFT));
        }
        names.iter().filter(|(_, id)| self.timers.get(*id).is_some()).map(|(deadline, _)| *deadline).min()
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
            self.mark_empty(level, slot);
            let mut names = self.take_live(level, slot);
            if level == 0 {
                // Under load the run never comes to its end: what has fired must not stay in front.
                self.run.drain(..core::mem::take(&mut self.fired));
                let start = self.run.len();
                self.run.append(&mut names);
                self.run[start..].sort_unstable_by_key(|(deadline, id)| (*deadline, id.slot()));
            }
            for (deadline, id) in names.drain(..) {
                self.place(deadline, id); // lower, or into the heap: it is due in this very tick
            }
            if names.capacity() <= KEPT {
                self.slots[level][slot].names = names;
            }
        }
        // No timer lies between, so each keeps its highest differing digit, and with it its slot.
        self.current = self.current.max(tick);
    }

    /// The names of a slot that have a timer; the slot is empty then.
    fn take_live(&mut self, level: usize, slot: usize) -> Vec<(Instant, Id)> {
        let Slot { mut names, gone } = core::mem::take(&mut self.slots[level][slot]);
        if gone > 0 {
            names.retain(|(_, id)| self.timers.get(*id).is_some());
        }
        names
    }

    /// Where a timer is, in the wheel as it stands; `None`: in the heap or the run.
    fn slot_of(&self, deadline: Instant) -> Option<(usize, usize)> {
        let at = tick(deadline);
        if at <= self.current {
            return None;
        }
        let level = (at ^ self.current).ilog2() / DIGIT;
        let slot = (at >> (DIGIT * level)) as usize % SLOTS;
        Some((level as usize, slot))
    }

    /// Notes where a timer belongs.
    fn place(&mut self, deadline: Instant, id: Id) {
        let Some((level, slot)) = self.slot_of(deadline) else { return self.make_due(deadline, id) };
        self.slots[level][slot].names.push((deadline, id));
        self.occupied[level] |= 1 << slot;
        self.levels |= 1 << level;
    }

    fn make_due(&mut self, deadline: Instant, id: Id) {
        self.heap.push(Reverse((deadline, self.inserted, id.slot(), id.generation())));
        self.inserted += 1;
    }

    fn mark_empty(&mut self, level: usize, slot: usize) {
        self.occupied[level] &= !(1 << slot);
        if self.occupied[level] == 0 {
            self.levels &= !(1 << level);
        }
    }

    /// A timer of a slot was removed.
    fn forget(&mut self, level: usize, slot: usize) {
        let Slot { names, gone } = &mut self.slots[level][slot];
        *gone += 1;
        if *gone == names.len() {
            names.clear();
            *gone = 0;
            self.mark_empty(level, slot);
        } else if *gone > FEW_GONE && *gone > names.len() / 2 {
            self.slots[level][slot].names = self.take_live(level, slot);
        }
    }

    /// A timer of heap or run was removed: its name stays, unless it comes first or such names are the greater part.
    fn forget_due(&mut self) {
        self.gone += 1;
        let left = self.heap.len() + self.run.len() - self.fired;
        if self.gone > FEW_GONE && self.gone > left / 2 {
            let timers = &self.timers;
            self.heap.retain(|Reverse((_, _, slot, generation))| {
                timers.get(Id::from_parts(*slot, *generation)).is_some()
            });
            self.run.drain(..self.fired);
            self.run.retain(|(_, id)| timers.get(*id).is_some());
            (self.fired, self.gone) = (0, 0);
        }
        self.drop_gone();
    }

    /// Keeps a live timer in front, so that `next_deadline` need not search.
    fn drop_gone(&mut self) {
        while self.gone > 0
            && let Some((_, id)) = self.first()
            && self.timers.get(id).is_none()
        {
            self.pop();
            self.gone -= 1;
        }
    }
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
