//! The result of one load, as text and as JSON.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::beside::BesideReport;
use super::open_loop::{OpenLoop, OpenLoopReport};
use super::percentiles::Percentile;
use super::tally::Tally;
use crate::cli::Workload;

/// Latencies in microseconds, from just before the request is written until its answer is read;
/// for crr from before the connect until the server has closed; in an open loop from when the request was due. All 0 for
/// the bulk workloads.
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
    /// Bytes of an answer's payload; of a megabyte for the bulk workloads, which count in these.
    pub size: usize,
    /// Seconds measured.
    pub seconds: f64,
    /// Requests answered in that time.
    pub requests: u64,
    /// Requests answered in a second.
    pub requests_per_second: f64,
    /// How long they took.
    pub latency_us: Latency,
    /// Their distribution; empty for the bulk workloads.
    #[serde(default)]
    pub latency_percentiles_us: Vec<Percentile>,
    /// Payload of the answers, or of the bulk streams.
    pub gbit_per_second: f64,
    /// Bytes of answers that were wrong or too many.
    pub byte_errors: u64,
    /// Connections that could not be made or broke.
    pub connection_errors: u64,
    /// The first of these errors.
    pub first_connection_error: Option<String>,
    /// Connections without a single answer in the measured time.
    pub starved_connections: usize,
    /// The part of the measured time in which the client had something to do, by its own account; `None` where it sleeps
    /// when it has nothing to do: the kernel's account of its core says it then.
    pub client_busy: Option<f64>,
    /// What an open loop adds; `None`: closed loop.
    pub open_loop: Option<OpenLoopReport>,
    /// The connections beside those that were measured.
    #[serde(default)]
    pub beside: BesideReport,
}

impl Report {
    /// What the tally came to in the time that was measured.
    pub fn new(
        workload: Workload,
        connections: usize,
        size: usize,
        tally: &Tally,
        measured: Duration,
    ) -> Self {
        let seconds = measured.as_secs_f64();
        let rate = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        let size = super::payload(workload, size);
        // All of these are exact up to 2^53.
        let requests = tally.requests as f64;
        let bytes = if workload.is_bulk() { tally.bytes as f64 } else { requests * size as f64 };
        Self {
            workload,
            connections,
            size,
            seconds,
            requests: tally.requests,
            requests_per_second: rate(requests),
            latency_us: tally.latency(),
            latency_percentiles_us: tally.percentiles(),
            gbit_per_second: rate(bytes * 8.0 / 1e9),
            byte_errors: tally.byte_errors,
            connection_errors: tally.connection_errors,
            first_connection_error: tally.first_connection_error.clone(),
            starved_connections: tally.starved(),
            client_busy: None,
            open_loop: None,
            beside: BesideReport::default(),
        }
    }

    /// Adds what an open loop counted.
    pub fn with_open_loop(mut self, open_loop: Option<&OpenLoop>) -> Self {
        self.open_loop = open_loop.map(|open_loop| open_loop.report(self.requests));
        self
    }

    /// Adds what became of the connections beside.
    pub fn with_beside(mut self, beside: BesideReport) -> Self {
        self.beside = beside;
        self
    }

    /// Adds the time in which a client that never sleeps had something to do.
    pub fn with_busy(mut self, busy: Option<Duration>) -> Self {
        let share = |busy: Duration| (busy.as_secs_f64() / self.seconds).clamp(0.0, 1.0);
        self.client_busy = busy.filter(|_| self.seconds > 0.0).map(share);
        self
    }
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let latency = self.latency_us;
        let (workload, connections, seconds) = (self.workload, self.connections, self.seconds);
        if workload.is_bulk() {
            let megabytes = self.requests;
            writeln!(formatter, "{workload}, {connections} connections: {megabytes} MB in {seconds:.3} s")?;
            writeln!(formatter, "  {:.3} Gbit/s", self.gbit_per_second)?;
        } else {
            writeln!(
                formatter,
                "{workload}, {connections} connections, {} bytes: {} requests in {seconds:.3} s",
                self.size, self.requests
            )?;
            writeln!(
                formatter,
                "  {:.0} req/s, {:.3} Gbit/s",
                self.requests_per_second, self.gbit_per_second
            )?;
            writeln!(
                formatter,
                "  latency in us: p50 {:.1}, p99 {:.1}, p99.9 {:.1}, max {:.1}",
                latency.p50, latency.p99, latency.p99_9, latency.max
            )?;
        }
        if let Some(open_loop) = &self.open_loop {
            write!(formatter, "{open_loop}")?;
            if !open_loop.rate_met {
                writeln!(
                    formatter,
                    "  the rate was not met: {} of {} sent, {:.0} answered a second",
                    open_loop.sent, open_loop.due, self.requests_per_second
                )?;
            }
        }
        write!(formatter, "{}", self.beside)?;
        if let Some(busy) = self.client_busy {
            writeln!(formatter, "  the client had work for {:.0} % of the time", busy * 100.0)?;
        }
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
