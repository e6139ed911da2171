//! The timers of a worker's tasks, on the stack's kind of wheel.

use std::task::Waker;

use corelane_netstack::{Instant, TimerId, Wheel};
use slab::Slab;

struct Entry {
    /// `None` once it has fired.
    timer: Option<TimerId>,
    waker: Option<Waker>,
}

/// Timers by key. A key is its owner's until it calls [`Timers::remove`].
pub(crate) struct Timers {
    wheel: Wheel<usize>,
    entries: Slab<Entry>,
}

impl Timers {
    pub(crate) fn new(now: Instant) -> Timers {
        Timers { wheel: Wheel::new(now), entries: Slab::new() }
    }

    /// Starts a timer that wakes `waker`.
    pub(crate) fn insert(&mut self, deadline: Instant, waker: Option<Waker>) -> usize {
        let key = self.entries.insert(Entry { timer: None, waker });
        self.entries[key].timer = Some(self.wheel.insert(deadline, key));
        key
    }

    /// Whether `expire` has something to do.
    #[inline]
    pub(crate) fn is_due(&self, now: Instant) -> bool {
        self.wheel.is_due(now)
    }

    /// Whether the timer has fired; if not, it will wake `waker`. Returns the waker before it, to be dropped out of all borrows.
    pub(crate) fn poll(&mut self, key: usize, waker: &Waker) -> (bool, Option<Waker>) {
        let Some(entry) = self.entries.get_mut(key) else { return (true, None) };
        if entry.timer.is_none() {
            return (true, None);
        }
        match &entry.waker {
            Some(same) if same.will_wake(waker) => (false, None),
            _ => (false, entry.waker.replace(waker.clone())),
        }
    }

    /// Stops a timer, fired or not. Returns its waker, to be dropped out of all borrows.
    #[must_use]
    pub(crate) fn remove(&mut self, key: usize) -> Option<Waker> {
        let entry = self.entries.try_remove(key)?;
        if let Some(timer) = entry.timer {
            self.wheel.remove(timer);
        }
        entry.waker
    }

    /// Fires the earliest timer that is due, if any: `Some` with whom to wake.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Option<Waker>> {
        let key = self.wheel.expire(now)?;
        let Some(entry) = self.entries.get_mut(key) else { return Some(None) };
        entry.timer = None;
        Some(entry.waker.take())
    }

    /// When [`Timers::expire`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.wheel.next_deadline()
    }

    /// Timers, fired or not, that somebody holds.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests;
