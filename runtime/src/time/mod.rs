//! Waiting: [`sleep`], [`timeout`], [`interval`].
//!
//! Timers never fire early. How late they fire: see the table in `core/idle.rs`; a busy core looks at them once a turn.

mod interval;
mod sleep;
mod timeout;
pub(crate) mod timers;

pub use interval::{Interval, interval};
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout};

pub use corelane_netstack::Instant;

/// The time now, by the clock of this core's worker: virtual in tests.
///
/// # Panics
/// When the thread runs no worker.
pub fn now() -> Instant {
    match crate::core::current::with(|inner| inner.clock.now()) {
        Some(now) => now,
        None => panic!("this thread runs no corelane worker: call it from a task or from block_on"),
    }
}
