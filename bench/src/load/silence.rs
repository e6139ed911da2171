//! When a load gives up.

use std::time::{Duration, Instant};

use super::tally::Tally;

/// Without a single answer for so long, the load gives up.
pub const STALL: Duration = Duration::from_secs(10);

/// Failed connects in a row after which crr gives up.
const CONNECT_FAILURES: u32 = 100;

/// How long nothing has been answered.
pub struct Silence {
    answered: u64,
    since: Instant,
}

impl Silence {
    /// From `now` on.
    pub fn new(now: Instant) -> Self {
        Self { answered: 0, since: now }
    }

    /// An error when `alive` connections can't be expected to bring anything more.
    pub fn check(&mut self, now: Instant, alive: usize, tally: &Tally) -> anyhow::Result<()> {
        if tally.answered != self.answered {
            *self = Self { answered: tally.answered, since: now };
        }
        anyhow::ensure!(
            alive > 0,
            "all the connections broke; the first error: {}",
            tally.first_connection_error.as_deref().unwrap_or("unknown")
        );
        anyhow::ensure!(
            now.duration_since(self.since) < STALL,
            "no answer for {} s (after {} answers, {} byte errors, {} connection errors): does the server have the \
             same --workload and --size?",
            STALL.as_secs(),
            tally.answered,
            tally.byte_errors,
            tally.connection_errors
        );
        Ok(())
    }
}

/// An error when so many connects of crr in a row failed that no more are worth it.
pub fn check_connects(failures_in_row: u32, last: &std::io::Error) -> anyhow::Result<()> {
    anyhow::ensure!(
        failures_in_row < CONNECT_FAILURES,
        "{CONNECT_FAILURES} connections in a row failed; the last: {last}"
    );
    Ok(())
}
