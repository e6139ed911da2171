//! The percentiles that a report keeps of a distribution of latencies: enough to draw it on a log axis.

use serde::{Deserialize, Serialize};

/// Percentiles, with steps as even as round numbers allow on an axis of the logarithm of 1 / (1 - percentile / 100).
pub const LADDER: [f64; 20] = [
    0.0, 10.0, 25.0, 50.0, 60.0, 75.0, 80.0, 90.0, 95.0, 98.0, 99.0, 99.5, 99.8, 99.9, 99.95, 99.98, 99.99,
    99.995, 99.999, 99.9999,
];

/// A point of a distribution, written as `[99.9, 41.2]`.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
pub struct Percentile(
    /// So many of 100 requests are at most this slow.
    pub f64,
    /// Microseconds.
    pub f64,
);

/// The steps of [`LADDER`] at which `value` can be told apart from the slowest of so many requests.
pub fn of(requests: u64, value: impl Fn(f64) -> f64) -> Vec<Percentile> {
    let known = |percentile: &f64| requests as f64 * (100.0 - percentile) >= 99.999; // exact up to 2^53
    LADDER.into_iter().filter(known).map(|percentile| Percentile(percentile, value(percentile))).collect()
}

#[cfg(test)]
mod tests;
