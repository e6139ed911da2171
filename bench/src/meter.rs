//! How much of its time a loop has work. Of one that never sleeps the kernel says that its core is always busy; what counts
//! there are the turns that found something to do, as in the statistics of DPDK's poll-mode threads (busy and idle cycles).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The account of one loop.
#[derive(Default)]
pub struct Meter {
    /// Nanoseconds of turns that had work.
    busy: Arc<AtomicU64>,
    began: Option<Instant>,
    works: bool,
}

/// Reads an account from another thread.
#[derive(Clone)]
pub struct MeterReader(Arc<AtomicU64>);

impl Meter {
    /// A turn begins, and so the one before it is over.
    pub fn turn(&mut self, now: Instant) {
        if let (true, Some(began)) = (self.works, self.began) {
            self.add(now.saturating_duration_since(began));
        }
        self.began = Some(now);
        self.works = false;
    }

    /// The turn found something to do: all of its time counts.
    pub fn work(&mut self) {
        self.works = true;
    }

    /// So much more time, of a loop that has another clock.
    pub fn add(&self, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // Nobody else writes: no read-modify-write is needed.
        let busy = self.busy.load(Ordering::Relaxed).saturating_add(nanoseconds);
        self.busy.store(busy, Ordering::Relaxed);
    }

    /// Forgets what was until now.
    pub fn restart(&mut self) {
        self.busy.store(0, Ordering::Relaxed);
    }

    /// The time of turns that had work, without the turn that runs.
    pub fn busy(&self) -> Duration {
        self.reader().busy()
    }

    /// For other threads.
    pub fn reader(&self) -> MeterReader {
        MeterReader(self.busy.clone())
    }
}

impl MeterReader {
    /// As [`Meter::busy`].
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests;
