//! What a connection's time goes to while it has something to deliver: Linux's `tcp_chrono`.

use core::hint::cold_path;
use core::time::Duration;

use crate::time::Instant;

/// What holds a busy connection back; the greater one counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Limit {
    /// Nothing but the path.
    Path = 1,
    /// The peer's window.
    Window = 2,
    /// The send buffer: all that fits it is on its way.
    Buffer = 3,
}

/// What was measured so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) busy: Duration,
    pub(crate) window: Duration,
    pub(crate) buffer: Duration,
}

/// Times in nanoseconds. Four words in all: each connection has one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Chrono {
    /// Four times the time at which it was set, and the limit; 0: idle.
    since: u64,
    busy: u64,
    window: u64,
    buffer: u64,
}

impl Chrono {
    fn is(&self, limit: Limit) -> bool {
        self.since & 3 == limit as u64
    }

    /// Sending begins, or the window that was too small has changed.
    #[inline(always)]
    pub(crate) fn resume(&mut self, now: Instant) {
        if self.since == 0 {
            self.since = now.as_nanos() << 2 | Limit::Path as u64;
        } else if self.is(Limit::Window) {
            self.set(Limit::Path, now);
        }
    }

    /// A limit was met, and holds until another one does, or it is lifted.
    pub(crate) fn limit(&mut self, limit: Limit, now: Instant) {
        if self.since & 3 < limit as u64 {
            self.set(limit, now);
        }
    }

    /// The limit is gone.
    pub(crate) fn lift(&mut self, limit: Limit, now: Instant) {
        if self.is(limit) {
            self.set(Limit::Path, now);
        }
    }

    fn set(&mut self, limit: Limit, now: Instant) {
        self.pause(now);
        self.since = now.as_nanos() << 2 | limit as u64;
    }

    /// All is delivered.
    #[inline(always)]
    pub(crate) fn pause(&mut self, now: Instant) {
        if self.is(Limit::Path) {
            self.busy += now.as_nanos().saturating_sub(self.since >> 2); // as mostly
            self.since = 0;
        } else {
            cold_path();
            self.pause_limited(now);
        }
    }

    #[inline(never)]
    fn pause_limited(&mut self, now: Instant) {
        let time = now.as_nanos().saturating_sub(self.since >> 2);
        if self.is(Limit::Window) {
            self.window += time;
        } else if self.is(Limit::Buffer) {
            self.buffer += time;
        }
        self.since = 0;
    }

    /// With what runs now. As in Linux a connection that waits for a window or for its buffer is busy too.
    pub(crate) fn times(mut self, now: Instant) -> Times {
        self.pause(now);
        Times {
            busy: Duration::from_nanos(self.busy + self.window + self.buffer),
            window: Duration::from_nanos(self.window),
            buffer: Duration::from_nanos(self.buffer),
        }
    }
}

#[cfg(test)]
mod tests;
