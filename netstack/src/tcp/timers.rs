//! When a connection wants to be looked at. One entry in the wheel stands for all of its timers.

use crate::time::Instant;
use crate::wheel::TimerId;

/// Later than any other time.
const NEVER: Instant = Instant::from_nanos(u64::MAX);

/// The lowest bit of the entry's time, a nanosecond: a flag of its own would make each record eight bytes longer.
const EARLIER: u64 = 1;

/// The timers of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Timer {
    /// Retransmission, or the window probe when nothing is in flight.
    Retransmit,
    DelayedAck,
    Keepalive,
    /// The end of FIN-WAIT-2.
    Close,
    /// A hole below SACKed data may still be reordering.
    Reorder,
    /// The ACK of the last segments does not come.
    TailProbe,
    /// The next segment may leave (pacing).
    Pace,
}

/// Deadlines, and the entry in the wheel.
///
/// Moving a deadline to later, which each ACK does, leaves the wheel alone: the entry fires early, finds nothing
/// due and is armed anew.
#[derive(Debug)]
pub(crate) struct Timers {
    deadlines: [Instant; 7],
    /// The entry in the wheel.
    entry: TimerId,
    /// The time that it stands for; `NEVER`: there is none. With `EARLIER`, some deadline was before it.
    entry_at: Instant,
}

impl Timers {
    pub(crate) const fn new() -> Timers {
        Timers { deadlines: [NEVER; 7], entry: TimerId::NOBODY, entry_at: NEVER }
    }

    #[inline(always)]
    pub(crate) fn set(&mut self, timer: Timer, deadline: Instant) {
        self.entry_at = Instant::from_nanos(self.entry_at.as_nanos() | u64::from(deadline < self.entry_at));
        self.deadlines[timer as usize] = deadline;
    }

    /// Sets two, of which the `second` is due no earlier.
    #[inline(always)]
    pub(crate) fn set_two(&mut self, first: (Timer, Instant), second: (Timer, Instant)) {
        debug_assert!(first.1 <= second.1);
        self.set(first.0, first.1);
        self.deadlines[second.0 as usize] = second.1;
    }

    pub(crate) fn clear(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = NEVER;
    }

    /// When it is due, if it is set.
    pub(crate) fn deadline(&self, timer: Timer) -> Option<Instant> {
        let deadline = self.deadlines[timer as usize];
        (deadline != NEVER).then_some(deadline)
    }

    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.deadlines[timer as usize] != NEVER
    }

    /// Whether it is set and due; then it is cleared.
    pub(crate) fn fired(&mut self, timer: Timer, now: Instant) -> bool {
        let due = self.is_set(timer) && self.deadlines[timer as usize] <= now;
        if due {
            self.clear(timer);
        }
        due
    }

    /// The entry in the wheel, and the time that it stands for.
    pub(crate) fn armed(&self) -> Option<(TimerId, Instant)> {
        (self.entry_at != NEVER).then_some((self.entry, self.entry_at))
    }

    /// There is an entry in the wheel now.
    pub(crate) fn set_armed(&mut self, entry: TimerId, at: Instant) {
        (self.entry, self.entry_at) = (entry, Instant::from_nanos(at.as_nanos() & !EARLIER));
    }

    /// The entry in the wheel has fired.
    pub(crate) fn disarm(&mut self) {
        self.entry_at = NEVER;
    }

    /// Whether a deadline may come before the entry in the wheel: one was set that does, or there is no entry.
    #[inline(always)]
    pub(crate) fn may_be_earlier(&self) -> bool {
        self.entry_at.as_nanos() & EARLIER != 0
    }

    /// The earliest deadline.
    pub(crate) fn next(&self) -> Option<Instant> {
        let [a, b, c, d, e, f, g] = self.deadlines;
        let next = a.min(b).min(c.min(d)).min(e.min(f).min(g));
        (next != NEVER).then_some(next)
    }

    /// Clears all; the wheel's entry stays and finds nothing.
    pub(crate) fn clear_all(&mut self) {
        self.deadlines = [NEVER; 7];
    }
}

#[cfg(test)]
mod tests;
