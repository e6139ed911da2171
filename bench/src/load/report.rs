//! The result of one load, as text and as JSON.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::cli::Workload;

/// Latencies in microseconds, from just before the request is written (for crr: before the
/// connect) until its answer is read.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq)]
pub struct Latency {
    /// Half of the requests are at most this slow.
    pub p50: f64,
    /// 99 of 100.
    pub p99: f64,
    /// 999 of 1000.
    pub p99_9: f64,
    /// The slowest.
    pub max: f64,
}

/// What one load measured. Warm-up and connecting are not in the figures, errors during them are.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Report {
    /// What was asked for.
    pub workload: Workload,
    /// Connections asked for.
    pub connections: usize,
    /// Bytes of an answer's payload.
    pub size: usize,
    /// Seconds measured.
    pub seconds: f64,
    /// Requests answered in that time.
    pub requests: u64,
    /// Requests answered in a second.
    pub requests_per_second: f64,
    /// How long they took.
    pub latency_us: Latency,
    /// Payload of the answers.
    pub gbit_per_second: f64,
    /// Bytes of answers that were wrong or too many.
    pub byte_errors: u64,
    /// Connections that could not be made or broke.
    pub connection_errors: u64,
    /// The first of these errors.
    pub first_connection_error: Option<String>,
    /// Connections without a single answer in the measured time.
    pub starved_connections: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = self.latency_us;
        writeln!(
            formatter,
            "{}, {} connections, {} bytes: {} requests in {:.3} s",
            self.workload, self.connections, self.size, self.requests, self.seconds
        )?;
        writeln!(formatter, "  {:.0} req/s, {:.3} Gbit/s", self.requests_per_second, self.gbit_per_second)?;
        writeln!(
            formatter,
            "  latency in us: p50 {:.1}, p99 {:.1}, p99.9 {:.1}, max {:.1}",
            latency.p50, latency.p99, latency.p99_9, latency.max
        )?;
        writeln!(
            formatter,
            "  byte errors {}, connection errors {}, starved connections {}",
            self.byte_errors, self.connection_errors, self.starved_connections
        )?;
        match &self.first_connection_error {
            Some(error) => writeln!(formatter, "  first connection error: {error}"),
            None => Ok(()),
        }
    }
}
