//! When the next frames are due. The caller tells the time.

use std::time::Duration;

/// What may be made up for at once after a stall: more would be a burst that rings have no room for.
const STALL: Duration = Duration::from_millis(5);

/// In nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// So many frames at a rate.
pub struct Pace {
    rate: u32,
    total: u64,
    given: u64,
    /// When the first one was due; moved by stalls.
    start: Duration,
    /// Not longer than this, however many are left.
    end: Duration,
}

impl Pace {
    /// `total` frames, `rate` a second, from zero on. A slow machine gets four times the time, and no more.
    pub fn new(rate: u32, total: u64) -> Self {
        let end = 4 * time_of(total, rate) + STALL;
        Self { rate, total, given: 0, start: Duration::ZERO, end }
    }

    /// How many are due now; each is told once.
    pub fn due(&mut self, now: Duration) -> u64 {
        let next = time_of(self.given, self.rate);
        self.start = self.start.max(now.saturating_sub(next + STALL));
        let since = now.saturating_sub(self.start);
        // Some minutes have 40 bits in nanoseconds, the rate has 17.
        let all = since.as_nanos() as u64 * u64::from(self.rate) / SECOND + 1;
        let due = all.min(self.total).saturating_sub(self.given);
        self.given += due;
        due
    }

    /// Whether all were given, or the time is over.
    pub fn is_over(&self, now: Duration) -> bool {
        self.given == self.total || now >= self.end
    }
}

/// How long so many frames take.
fn time_of(frames: u64, rate: u32) -> Duration {
    Duration::from_nanos(frames * SECOND / u64::from(rate)) // 23 and 30 bits
}

#[cfg(test)]
mod tests;
