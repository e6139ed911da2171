//! Where the median of many more rounds would be.

use serde::{Deserialize, Serialize};

/// How sure an interval is meant to be.
pub const CONFIDENCE: f64 = 0.95;

/// An interval around the median of some rounds, between two of them: the narrowest pair, as far from the lowest as from
/// the highest, with at least 95 % confidence (order statistics: nothing is assumed of the distribution but that the
/// rounds are independent). Below 6 rounds no pair has so much: it is the whole range, and its confidence is said.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The probability, 0 to 1, that such an interval holds the median of the distribution that the rounds are drawn from.
    pub confidence: f64,
}

impl Interval {
    /// Of rounds that are sorted; `None` of no round.
    pub fn of_median(sorted: &[f64]) -> Option<Self> {
        let (rank, confidence) = rank(sorted.len());
        let (low, high) = (*sorted.get(rank)?, *sorted.get(sorted.len() - 1 - rank)?);
        Some(Self { low, high, confidence })
    }
}

/// How many of `rounds` are outside at each end, and the confidence that is left.
///
/// Each round is below the true median with probability 1/2: the number of those below it is binomial.
fn rank(rounds: usize) -> (usize, f64) {
    let all = rounds as f64; // far below 2^53
    // Above a thousand rounds 2^-n gets too small for a double; the range is then wider than it need be.
    let mut term = 0.5_f64.powi(i32::try_from(rounds.min(1000)).unwrap_or(i32::MAX));
    let (mut rank, mut tail) = (0, term);
    loop {
        let next = rank + 1;
        term *= (all - rank as f64) / next as f64;
        if next * 2 >= rounds || 1.0 - 2.0 * (tail + term) < CONFIDENCE {
            return (rank, (1.0 - 2.0 * tail).max(0.0));
        }
        (rank, tail) = (next, tail + term);
    }
}

#[cfg(test)]
mod tests;
