//! The knee: the highest rate that a server keeps up with.

use serde::{Deserialize, Serialize};

use super::headroom;
use super::measure::Measurement;
use crate::cli::{Bed, Engine, Workload};
use crate::load::report::Latency;

/// Rates that are tried, as parts of what the engine did in the closed loop, until one fails. More connections in flight than
/// in the closed loop there can't be, so it fails soon above 1.
const STEPS: [f64; 10] = [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25];

/// How often the interval between the last rate that held and the first that didn't is then halved.
const HALVINGS: u32 = 2;

/// A rate that fails once may have met a bad moment of the machine: the majority of so many counts.
const TRIES: usize = 3;

/// So many times a rate that fails while the cores were others' is not counted, but tried again.
const DISTURBED: usize = 4;

/// One measurement at one rate.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct Point {
    /// Requests a second that were due.
    pub offered: f64,
    /// Answers a second.
    pub requests_per_second: f64,
    /// From when requests were due.
    pub latency_us: Latency,
    /// Of these the client's own lateness.
    pub late_us: Latency,
    /// The part of the time in which the server had work.
    pub server_busy: f64,
    /// The same of the client.
    pub client_busy: Option<f64>,
    /// Whether at least 98 % of what was due was answered.
    pub rate_met: bool,
    /// Whether p99 was within its bound.
    pub in_time: bool,
    /// The part of the time that the server or the client waited for its core while others ran there, whichever was longer.
    #[serde(default)]
    pub waited: f64,
}

impl Point {
    /// What a measurement of an open loop gave; `None` of a closed one.
    pub fn of(measurement: &Measurement, p99_bound_us: f64) -> Option<Self> {
        let report = &measurement.report;
        let open_loop = report.open_loop.as_ref()?;
        Some(Self {
            offered: open_loop.rate,
            requests_per_second: report.requests_per_second,
            latency_us: report.latency_us,
            late_us: open_loop.late_us,
            server_busy: measurement.server_busy(),
            client_busy: measurement.client_busy(),
            rate_met: open_loop.rate_met,
            in_time: report.latency_us.p99 <= p99_bound_us,
            waited: [measurement.server_waited, measurement.client_waited]
                .into_iter()
                .flatten()
                .fold(0.0, f64::max),
        })
    }

    /// Whether others had the cores for so long that p99 may be their time.
    fn is_disturbed(&self) -> bool {
        self.waited > headroom::SHARED
    }

    /// Whether the server kept up.
    pub fn holds(&self) -> bool {
        self.rate_met && self.in_time
    }
}

/// The knee of one engine in one cell: the highest rate tried of which 98 % was answered, with p99 within its bound.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Knee {
    /// Where.
    pub bed: Bed,
    /// Who.
    pub engine: Engine,
    /// What.
    pub workload: Workload,
    /// On how many connections.
    pub connections: usize,
    /// Bytes of an answer.
    pub size: usize,
    /// Answers a second in the closed loop, the median.
    pub closed_loop: f64,
    /// Microseconds.
    pub p99_bound_us: f64,
    /// Requests a second; `None`: no rate held.
    pub rate: Option<f64>,
    /// Why the next rate failed; `None`: none of those tried did, and the knee is higher.
    pub limit: Option<String>,
    /// Why it isn't the server's knee: the client was the limit.
    pub refused: Option<String>,
    /// All the measurements of the search, in their order.
    pub points: Vec<Point>,
    /// Why rates gave no measurement.
    pub failures: Vec<String>,
}

/// What a search found.
#[derive(Debug, Default)]
pub struct Found {
    /// The highest rate that held.
    pub rate: Option<f64>,
    /// The measurement at the lowest rate that didn't.
    pub above: Option<Point>,
    /// Of all the rates.
    pub points: Vec<Point>,
    /// Why rates gave no measurement.
    pub failures: Vec<String>,
}

/// Searches the knee of an engine that did `closed_loop` requests a second in the closed loop; `measure` measures one rate.
///
/// # Errors
/// Those of `measure`; that a measurement failed is no such error, but a rate that didn't hold, and its reason.
pub fn search(
    closed_loop: f64,
    mut measure: impl FnMut(f64) -> anyhow::Result<Result<Point, String>>,
) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut above = None;
    for rate in STEPS.map(|step| closed_loop * step) {
        if !found.try_rate(rate, &mut measure)? {
            above = Some(rate);
            break;
        }
    }
    for _ in 0..HALVINGS {
        let (Some(low), Some(high)) = (found.rate, above) else { break };
        let middle = f64::midpoint(low, high);
        if !found.try_rate(middle, &mut measure)? {
            above = Some(middle);
        }
    }
    Ok(found)
}

impl Found {
    /// Whether the server keeps up with this rate.
    fn try_rate(
        &mut self,
        rate: f64,
        measure: &mut impl FnMut(f64) -> anyhow::Result<Result<Point, String>>,
    ) -> anyhow::Result<bool> {
        let (mut held, mut failed, mut disturbed, mut worst) = (0, 0, 0, None);
        // One that holds at once holds; one that fails gets its further tries.
        while held <= TRIES / 2 && failed <= TRIES / 2 {
            match measure(rate)? {
                Ok(point) => {
                    if point.holds() {
                        held += 1;
                    } else if point.is_disturbed() && disturbed < DISTURBED {
                        disturbed += 1;
                    } else {
                        failed += 1;
                        worst = Some(point.clone());
                    }
                    self.points.push(point);
                }
                Err(reason) => {
                    failed += 1;
                    self.failures.push(format!("{rate:.0} req/s: {reason}"));
                }
            }
            if held > 0 && failed == 0 {
                break;
            }
        }
        let holds = held > failed;
        if holds {
            self.rate = Some(rate);
        } else {
            self.above = worst;
        }
        Ok(holds)
    }

    /// Why the rate above the knee failed.
    pub fn limit(&self, p99_bound_us: f64) -> Option<String> {
        let point = self.above.as_ref()?;
        let (offered, answered) = (point.offered, point.requests_per_second);
        Some(if point.rate_met {
            format!(
                "at {offered:.0} req/s p99 was {:.0} us, above {p99_bound_us:.0} us",
                point.latency_us.p99
            )
        } else {
            format!("of {offered:.0} req/s {answered:.0} were answered")
        })
    }

    /// Why it isn't the server's knee.
    pub fn refused(&self) -> Option<String> {
        let point = self.above.as_ref()?;
        headroom::refusal(point.client_busy?, point.server_busy)
    }
}

#[cfg(test)]
mod tests;
