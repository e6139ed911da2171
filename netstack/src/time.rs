//! A point in time, given by the caller: the stack reads no clock.

use core::ops::{Add, AddAssign, Sub};
use core::time::Duration;

/// Nanoseconds since an epoch of the caller's choice (the start of the process, of the simulation).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Instant(u64);

impl Instant {
    /// The epoch.
    pub const ZERO: Instant = Instant(0);

    /// `nanos` nanoseconds after the epoch.
    pub const fn from_nanos(nanos: u64) -> Instant {
        Instant(nanos)
    }

    /// Nanoseconds since the epoch.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch; enough for 136 years.
    pub(crate) const fn as_secs(self) -> u32 {
        (self.0 / 1_000_000_000) as u32
    }

    /// Whole microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0 / 1_000
    }

    /// The same modulo 2^32, for what is compared with a later one within an hour: it takes half the room.
    pub(crate) const fn short_micros(self) -> u32 {
        (self.0 / 1_000) as u32
    }

    /// Units of 1024 ns since the epoch, modulo 2^32, for what is compared with a later one within an hour: a shift where
    /// microseconds take a division.
    pub(crate) const fn short_ticks(self) -> u32 {
        (self.0 >> 10) as u32
    }

    /// Whole milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Nanoseconds from `earlier` to this; 0 when `earlier` is later. The data path counts so: a `Duration` is made and
    /// taken apart by multiplications.
    pub(crate) const fn nanos_since(self, earlier: Instant) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// `nanos` nanoseconds later.
    pub(crate) const fn plus_nanos(self, nanos: u64) -> Instant {
        Instant(self.0.saturating_add(nanos))
    }

    /// The time from `earlier` to this; zero when `earlier` is later.
    pub const fn saturating_since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    /// Saturates some 584 years after the epoch.
    fn add(self, rhs: Duration) -> Instant {
        // A Duration beyond u64 nanoseconds saturates as well.
        Instant(self.0.saturating_add(
            rhs.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(rhs.subsec_nanos())),
        ))
    }
}

impl AddAssign<Duration> for Instant {
    fn add_assign(&mut self, rhs: Duration) {
        *self = *self + rhs;
    }
}

impl Sub for Instant {
    type Output = Duration;
    fn sub(self, rhs: Instant) -> Duration {
        self.saturating_since(rhs)
    }
}

/// In nanoseconds; longer than 73 years is as good as that.
#[inline]
pub(crate) fn nanos(time: Duration) -> u64 {
    if time.as_secs() == 0 {
        return u64::from(time.subsec_nanos()); // as most are: nothing to multiply
    }
    let nanos = time.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(time.subsec_nanos()));
    nanos.min(u64::MAX / 8)
}
