//! The only place that reads a clock.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

use corelane_netstack::Instant;

/// The epoch of all system clocks of the process, so that the cores agree on the time.
static EPOCH: OnceLock<std::time::Instant> = OnceLock::new();

/// Where a worker has its time from: the system, or a test.
#[derive(Debug, Clone)]
pub struct Clock(Source);

#[derive(Debug, Clone)]
enum Source {
    System(std::time::Instant),
    Manual(Rc<Cell<Instant>>),
}

impl Clock {
    /// The monotonic clock of the system. Its zero is when the process first asked for one.
    pub fn system() -> Clock {
        Clock(Source::System(*EPOCH.get_or_init(std::time::Instant::now)))
    }

    /// A clock that stands still until its [`ManualClock`] moves it: virtual time for tests.
    pub fn manual() -> (Clock, ManualClock) {
        let time = Rc::new(Cell::new(Instant::ZERO));
        (Clock(Source::Manual(time.clone())), ManualClock(time))
    }

    /// The time now.
    pub fn now(&self) -> Instant {
        match &self.0 {
            Source::System(epoch) => nanos(epoch.elapsed()),
            Source::Manual(time) => time.get(),
        }
    }

    /// The nanoseconds as of the kernel's last tick, some milliseconds ago at most: for a look after each task, a fifth of what
    /// [`Clock::now`] costs. Only to be compared with itself. A manual clock gives its time.
    #[inline]
    pub(crate) fn coarse(&self) -> u64 {
        match &self.0 {
            Source::System(_) => {
                let time = rustix::time::clock_gettime(rustix::time::ClockId::MonotonicCoarse);
                // Neither is negative: the clock counts from the start of the machine.
                (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
            }
            Source::Manual(time) => (time.get() - Instant::ZERO).as_nanos() as u64, // some 584 years
        }
    }

    /// The same point in time, as `std` gave it. A manual clock takes what is left until then as from its own now.
    pub fn from_std(&self, at: std::time::Instant) -> Instant {
        match &self.0 {
            Source::System(epoch) => nanos(at.saturating_duration_since(*epoch)),
            Source::Manual(time) => time.get() + at.saturating_duration_since(std::time::Instant::now()),
        }
    }

    /// The same point in time, as `std` would give it: the other way round.
    #[cfg(feature = "hyper")]
    pub(crate) fn to_std(&self, at: Instant) -> std::time::Instant {
        match &self.0 {
            Source::System(epoch) => *epoch + (at - Instant::ZERO),
            Source::Manual(time) => std::time::Instant::now() + (at - time.get()),
        }
    }

    /// Whether a test moves this clock: sleeping would then never end.
    pub(crate) fn is_manual(&self) -> bool {
        matches!(self.0, Source::Manual(_))
    }
}

fn nanos(since: Duration) -> Instant {
    Instant::ZERO + since
}

/// Moves a [`Clock::manual`].
#[derive(Debug, Clone)]
pub struct ManualClock(Rc<Cell<Instant>>);

impl ManualClock {
    /// Moves the clock to `now`; never back.
    pub fn set(&self, now: Instant) {
        self.0.set(self.0.get().max(now));
    }

    /// Moves the clock on by `by`.
    pub fn advance(&self, by: Duration) {
        self.0.set(self.0.get() + by);
    }

    /// What the clock shows.
    pub fn now(&self) -> Instant {
        self.0.get()
    }
}

#[cfg(test)]
mod tests;
