//! What is counted while a load runs.

use std::io;
use std::time::{Duration, Instant};

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
    /// Of an open loop: what was due since then is measured.
    due_since: Option<Instant>,
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
            latencies: histogram()?,
            due_since: None,
            each: vec![0; connections],
        })
    }

    /// An answer on this connection is complete.
    pub fn answer(&mut self, connection: usize, latency: Duration) {
        self.answered += 1;
        if self.measuring {
            self.requests += 1;
            self.each[connection] += 1;
            self.latencies.saturating_record(nanoseconds(latency));
        }
    }

    /// Of an open loop: what is due from `now` on is measured.
    pub fn measure_due_since(&mut self, now: Instant) {
        self.due_since = Some(now);
    }

    /// As [`Self::answer`], in an open loop: the answers that come in the measured time are the rate, and those to requests
    /// that were due in it are the latencies, however late they come.
    pub fn answer_to(&mut self, connection: usize, due: Instant, now: Instant) {
        self.answered += 1;
        if self.measuring {
            self.requests += 1;
            self.each[connection] += 1;
        }
        if self.due_since.is_some_and(|since| due >= since) {
            self.latencies.saturating_record(nanoseconds(now.duration_since(due)));
        }
    }

    /// A request of an open loop has no answer after so long: left out, it would make the others look better.
    pub fn unanswered(&mut self, waited: Duration) {
        self.latencies.saturating_record(nanoseconds(waited));
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
        Latency::of(&self.latencies)
    }
}

/// Of times in nanoseconds, up to a minute.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1, SLOWEST, DIGITS)?)
}

/// As a histogram takes it.
pub fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(SLOWEST)
}

impl Latency {
    /// The percentiles of a histogram of nanoseconds.
    pub fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| microseconds(histogram.value_at_quantile(quantile));
        Self { p50: at(0.5), p99: at(0.99), p99_9: at(0.999), max: microseconds(histogram.max()) }
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0 // exact up to 2^53 ns, which is 104 days
}

#[cfg(test)]
mod tests;
