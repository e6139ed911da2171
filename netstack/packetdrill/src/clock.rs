//! Virtual time.

use corelane_netstack::Instant;

/// Where the clock starts: not at 0, which programs take for "never".
const START: u64 = 1_000_000;

/// A clock that stands still but for what is told to it, in microseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    micros: u64,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { micros: START }
    }

    pub(crate) fn micros(self) -> u64 {
        self.micros
    }

    pub(crate) fn now(self) -> Instant {
        Instant::from_nanos(self.micros * 1000)
    }

    /// Moves on to `micros`; never back.
    pub(crate) fn advance_to(&mut self, micros: u64) {
        self.micros = self.micros.max(micros);
    }

    /// The first whole microsecond at or after `at`.
    pub(crate) fn micros_at(at: Instant) -> u64 {
        at.as_nanos().div_ceil(1000)
    }
}
