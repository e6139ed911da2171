//! What is counted while a load runs.

use std::io;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::percentiles::{self, Percentile};
use super::report::Latency;
use crate::stream::MEGABYTE;

/// The slowest answer that keeps its exact place: a minute, in nanoseconds.
const SLOWEST: u64 = 60_000_000_000;

/// Three significant digits: a latency is off by 0.1 % at most.
const DIGITS: u8 = 3;

/// The counters of one load.
pub struct Tally {
    /// Whether answers are measured now.
    pub measuring: bool,
    /// Requests measured.
    pub requests: u64,
    /// Bytes of bulk streams measured.
    pub bytes: u64,
    /// Requests answered, or pieces of bulk streams that went over, warm-up included.
    pub answered: u64,
    /// Wrong bytes, at any time.
    pub byte_errors: u64,
    /// Connections that couldn't be made or broke, at any time.
    pub connection_errors: u64,
    /// The first of these.
    pub first_connection_error: Option<String>,
    latencies: Histogram<u64>,
    /// What each connection had in the measured time: requests or bytes.
    each: Vec<u64>,
}

impl Tally {
    /// All zero, for so many connections.
    pub fn new(connections: usize) -> anyhow::Result<Self> {
        Ok(Self {
            measuring: false,
            requests: 0,
            bytes: 0,
            answered: 0,
            byte_errors: 0,
            connection_errors: 0,
            first_connection_error: None,
            latencies: Histogram::new_with_bounds(1, SLOWEST, DIGITS)?,
            each: vec![0; connections],
        })
    }

    /// An answer on this connection is complete.
    pub fn answer(&mut self, connection: usize, latency: Duration) {
        self.answered += 1;
        if self.measuring {
            self.requests += 1;
            self.each[connection] += 1;
            let nanoseconds = u64::try_from(latency.as_nanos()).unwrap_or(SLOWEST);
            self.latencies.saturating_record(nanoseconds);
        }
    }

    /// So many bytes of a bulk stream went over this connection, and so many of them were wrong.
    pub fn stream(&mut self, connection: usize, count: u64, wrong: u64) {
        self.answered += u64::from(count > 0);
        self.byte_errors += wrong;
        if self.measuring {
            self.bytes += count;
            self.requests = self.bytes / MEGABYTE;
            self.each[connection] += count;
        }
    }

    /// The connections that had nothing in the measured time.
    pub fn starved(&self) -> usize {
        self.each.iter().filter(|measured| **measured == 0).count()
    }

    /// A connection couldn't be made or broke.
    pub fn connection_error(&mut self, error: &io::Error) {
        self.connection_errors += 1;
        self.first_connection_error.get_or_insert_with(|| error.to_string());
    }

    /// The distribution of the latencies.
    pub fn percentiles(&self) -> Vec<Percentile> {
        let at = |percentile: f64| microseconds(self.latencies.value_at_percentile(percentile));
        percentiles::of(self.latencies.len(), at)
    }

    /// The percentiles that stand in tables, in microseconds.
    pub fn latency(&self) -> Latency {
        let at = |quantile| microseconds(self.latencies.value_at_quantile(quantile));
        Latency { p50: at(0.5), p99: at(0.99), p99_9: at(0.999), max: microseconds(self.latencies.max()) }
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0 // exact up to 2^53 ns, which is 104 days
}
