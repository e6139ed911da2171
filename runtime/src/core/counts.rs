//! What passes between the cores, counted.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::stats::Crossings;

/// A count that its own worker writes, and others may read.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    /// Only for the worker that it belongs to: no read-modify-write is needed for one writer.
    pub(crate) fn add(&self, n: u64) {
        self.0.store(self.get() + n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// As [`Crossings`].
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) spread: Count,
    pub(crate) spread_dropped: Count,
    pub(crate) misrouted: Count,
    pub(crate) misrouted_dropped: Count,
    pub(crate) adopted: Count,
    pub(crate) notices: Count,
    pub(crate) notices_dropped: Count,
}

impl Counts {
    pub(crate) fn get(&self) -> Crossings {
        Crossings {
            spread: self.spread.get(),
            spread_dropped: self.spread_dropped.get(),
            misrouted: self.misrouted.get(),
            misrouted_dropped: self.misrouted_dropped.get(),
            adopted: self.adopted.get(),
            notices: self.notices.get(),
            notices_dropped: self.notices_dropped.get(),
        }
    }
}
