//! Tasks that hold up their core: computing, or waiting, without an await.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use crate::core::clock::Clock;
use crate::task::future::Origin;

/// Origins, or sets of them, that the log has named; when they are more, those that come are counted only.
const NAMED: usize = 256;
/// Polls of a turn after each of which the clock is read. More are a load under which that is dear: read after each it took some 2 % of
/// an echo.
const EACH: u32 = 4;
/// Polls behind them that share a look at the clock.
const GROUP: usize = 8;
/// How many polls are looked at one by one after a group was too slow: what stalls again is then named alone.
const ALERT: u32 = 100_000;

/// Who stalled a worker, and how often.
#[derive(Default)]
pub(crate) struct Stalls {
    count: Cell<u64>,
    named: RefCell<Vec<Vec<Origin>>>,
    /// Polls that are still to be looked at one by one.
    alert: Cell<u32>,
}

impl Stalls {
    /// How often a poll, or a few in a row, took too long.
    pub(crate) fn count(&self) -> u64 {
        self.count.get()
    }

    /// Looks at the tasks of one turn. `stall`: what is too long; zero = nobody looks.
    #[inline]
    pub(crate) fn watch<'a>(&'a self, clock: &'a Clock, stall: Duration) -> Watch<'a> {
        let limit = stall.as_nanos() as u64; // longer ones never end
        let limit = if limit == 0 { u64::MAX } else { limit };
        let before = if limit == u64::MAX { 0 } else { clock.coarse() };
        let each = EACH.max(self.alert.get());
        Watch { stalls: self, clock, limit, before, alert: each, each, polled: 0, group: [None; GROUP] }
    }

    #[cold]
    fn note(&self, tasks: &[Option<Origin>], time: Duration) {
        self.count.set(self.count.get() + 1);
        let mut suspects: Vec<Origin> = tasks.iter().copied().flatten().collect();
        suspects.sort_unstable();
        suspects.dedup();
        if suspects.len() > 1 {
            self.alert.set(ALERT);
        }
        let names: Vec<String> = suspects.iter().map(ToString::to_string).collect();
        let mut named = self.named.borrow_mut();
        if named.contains(&suspects) || named.len() >= NAMED {
            return;
        }
        named.push(suspects);
        drop(named); // a subscriber may run anything
        tracing::warn!(
            task = %names.join(" or "),
            milliseconds = time.as_millis() as u64, // longer ones never end
            "a task held up its core: it computed, or waited, without an await; it is named once"
        );
    }
}

/// The tasks of a turn under watch.
pub(crate) struct Watch<'a> {
    stalls: &'a Stalls,
    clock: &'a Clock,
    limit: u64,
    /// When the clock was looked at last.
    before: u64,
    /// Polls that are looked at one by one, and how many there were at first.
    each: u32,
    alert: u32,
    /// Those since the last look.
    polled: usize,
    group: [Option<Origin>; GROUP],
}

impl Watch<'_> {
    /// A task that was started there was polled.
    #[inline(always)]
    pub(crate) fn polled(&mut self, task: Origin) {
        self.group[self.polled] = Some(task);
        self.polled += 1;
        if self.each > 0 || self.polled == GROUP {
            self.look();
        }
    }

    /// The turn's tasks are done.
    #[inline]
    pub(crate) fn end(&mut self) {
        if self.polled > 0 {
            self.look();
        }
        let alert = &self.stalls.alert;
        if alert.get() > 0 {
            alert.set(alert.get().saturating_sub(self.alert - self.each));
        }
    }

    fn look(&mut self) {
        self.each = self.each.saturating_sub(1);
        let polled = std::mem::take(&mut self.polled);
        if self.limit == u64::MAX {
            return;
        }
        let now = self.clock.coarse();
        let time = now - self.before;
        if time >= self.limit {
            self.stalls.note(&self.group[..polled], Duration::from_nanos(time));
        }
        self.before = now;
    }
}

#[cfg(test)]
mod tests;
