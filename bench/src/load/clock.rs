//! The time of a request, where the client is the limit.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The processor's counter, and when it was looked at first. The system's own clock waits for all that the processor has under way,
/// and costs a request over DPDK 7 % of the client.
static CLOCK: LazyLock<(quanta::Clock, u64, Instant)> = LazyLock::new(|| {
    let clock = quanta::Clock::new(); // measures the counter's frequency, for up to 200 ms
    let first = clock.raw();
    (clock, first, Instant::now())
});

/// To be taken from another `now` of this module, seconds apart at most; it drifts from [`Instant::now`] by some microseconds in a
/// second. Without a counter that ticks evenly it is the system's clock.
#[inline]
pub fn now() -> Instant {
    let (clock, first, epoch) = &*CLOCK;
    *epoch + Duration::from_nanos(clock.delta_as_nanos(*first, clock.raw()))
}

#[cfg(test)]
mod tests;
