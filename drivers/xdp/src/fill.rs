//! How many empty buffers wait in the fill ring.

/// What a queue starts with: no more than a second-level cache holds, with all else in it.
const LEAST: u32 = 512;
/// The ring holds so many times as many buffers as frames were ever found waiting.
const MARGIN: u32 = 4;
/// Looks that found frames, after which an unused surplus is given up.
const PERIOD: u32 = 1 << 16;

/// The number of buffers to keep in the fill ring. Buffers come back in the order in which they were posted: few of
/// them stay in the caches of both sides, many are cold each time. So there are few, and more as soon as frames pile up.
#[derive(Debug)]
pub struct FillTarget {
    most: u32,
    target: u32,
    /// The most frames that one look found in this period.
    peak: u32,
    looks: u32,
}

impl FillTarget {
    /// Never more than `most`.
    pub fn new(most: u32) -> FillTarget {
        FillTarget { most, target: LEAST.min(most), peak: 0, looks: 0 }
    }

    /// How many buffers are to be in the ring.
    pub fn get(&self) -> u32 {
        self.target
    }

    /// A look at the receive ring found `waiting` frames, at least one.
    pub fn observe(&mut self, waiting: u32) {
        self.peak = self.peak.max(waiting);
        let needed = waiting.saturating_mul(MARGIN);
        if needed > self.target {
            self.target = needed.checked_next_power_of_two().unwrap_or(self.most).min(self.most);
        }
        self.looks += 1;
        if self.looks == PERIOD {
            if self.peak.saturating_mul(4 * MARGIN) < self.target {
                self.target = (self.target / 2).max(LEAST).min(self.most);
            }
            (self.peak, self.looks) = (0, 0);
        }
    }
}

#[cfg(test)]
mod tests;
