//! When the requests of an open loop are to start, whatever the server does: the schedule, without a clock.

use std::time::Duration;

use crate::cli::ArrivalProcess;

/// The starts of requests, from the start of the run; the same for the same seed.
#[derive(Debug, Clone)]
pub struct Arrivals {
    process: ArrivalProcess,
    /// Seconds between two starts; of Poisson, on average.
    gap: f64,
    random: u64,
    /// Starts before `next`.
    number: u64,
    /// Seconds.
    next: f64,
}

impl Arrivals {
    /// So many starts a second; with none the first is at the end of time.
    pub fn new(process: ArrivalProcess, rate: f64, seed: u64) -> Self {
        let mut arrivals = Self { process, gap: 1.0 / rate, random: seed, number: 0, next: 0.0 };
        arrivals.advance();
        arrivals
    }

    /// The next start.
    pub fn peek(&self) -> Duration {
        // A rate of 0 gives infinity.
        Duration::try_from_secs_f64(self.next).unwrap_or(Duration::MAX)
    }

    /// Goes on to the start after it.
    pub fn advance(&mut self) {
        self.number += 1;
        self.next = match self.process {
            // Counted and not added up, so that no rounding adds up either.
            ArrivalProcess::Uniform => self.number as f64 * self.gap, // exact up to 2^53
            // The gaps of a Poisson process are exponential: the inverse of their distribution, of a number in (0, 1].
            ArrivalProcess::Poisson => self.next - self.unit().ln() * self.gap,
        };
    }

    /// SplitMix64, its upper 53 bits as a number in (0, 1].
    fn unit(&mut self) -> f64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let value = (self.random ^ (self.random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let value = value ^ (value >> 31);
        ((value >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests;
