//! A repeated point in time.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use corelane_netstack::Instant;

use super::{Sleep, now, sleep_until};

/// Ticks every `period`, at once for the first time. A period of zero counts as one nanosecond.
///
/// # Panics
/// When the thread runs no worker.
pub fn interval(period: Duration) -> Interval {
    Interval { sleep: sleep_until(now()), period: period.max(Duration::from_nanos(1)) }
}

/// What [`interval`] returns.
#[derive(Debug)]
pub struct Interval {
    sleep: Sleep,
    period: Duration,
}

impl Interval {
    /// Waits for the next tick, and tells when it was due. Ticks that nobody waited for in time are left out: the next one is
    /// the first that is still to come, in step with the first of all.
    ///
    /// # Cancel safety
    /// No tick is lost when it is dropped.
    pub async fn tick(&mut self) -> Instant {
        poll_fn(|cx| std::future::Future::poll(Pin::new(&mut self.sleep), cx)).await;
        let due = self.sleep.deadline();
        let late = (now() - due).as_nanos();
        let missed = late / self.period.as_nanos(); // whole periods; the period is not zero
        let steps = u64::try_from(missed).unwrap_or(u64::MAX).saturating_add(1);
        let period = u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX);
        let next = due.as_nanos().saturating_add(period.saturating_mul(steps));
        self.sleep.reset(Instant::from_nanos(next));
        due
    }

    /// The time between two ticks.
    pub fn period(&self) -> Duration {
        self.period
    }
}
