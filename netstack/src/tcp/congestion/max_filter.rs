//! The largest of the samples of a window, without keeping them all.

/// A sample and when it was taken.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    at: u32,
    value: u64,
}

/// The largest value of about the last `window` ticks, by Kathleen Nichols' algorithm (Linux's lib/win_minmax.c): the best
/// sample, the best since that one, and the best since the second. Nothing older than the window counts, nor less than the
/// newest sample.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MaxFilter {
    best: [Sample; 3],
}

impl MaxFilter {
    /// 0 before the first sample.
    #[inline]
    pub(super) fn max(&self) -> u64 {
        self.best[0].value
    }

    /// Takes a value at tick `at`, which never goes back but may wrap.
    pub(super) fn update(&mut self, window: u32, at: u32, value: u64) {
        let sample = Sample { at, value };
        let age = |old: &Sample| at.wrapping_sub(old.at);
        // A new maximum, or nothing left in the window.
        if value >= self.best[0].value || age(&self.best[2]) > window {
            self.best = [sample; 3];
            return;
        }
        if value >= self.best[1].value {
            self.best[1] = sample;
            self.best[2] = sample;
        } else if value >= self.best[2].value {
            self.best[2] = sample;
        }
        if age(&self.best[0]) > window {
            // The best has left the window: the next ones move up, and may be too old as well.
            self.best = [self.best[1], self.best[2], sample];
            if age(&self.best[0]) > window {
                self.best = [self.best[1], sample, sample];
            }
        } else if self.best[1].at == self.best[0].at && age(&self.best[0]) > window / 4 {
            // A quarter of the window without a second best: take one of the second quarter.
            self.best[1] = sample;
            self.best[2] = sample;
        } else if self.best[2].at == self.best[1].at && age(&self.best[1]) > window / 2 {
            self.best[2] = sample;
        }
    }
}

#[cfg(test)]
mod tests;
