//! A row beside another of its cell, round by round.

use serde::{Deserialize, Serialize};

use super::interval::Interval;
use super::measure::Measurement;
use super::row::{Row, spread};

/// Medians of the ratios of single rounds to a peer's. In a round both are measured within a minute or two, so that what the machine
/// does to both of them, for the length of a run or longer, is in no ratio.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// Above 1 is better.
    pub requests_per_second: f64,
    /// Above 1 is better; what counts for the bulk workloads.
    pub gbit_per_second: f64,
    /// Below 1 is better.
    pub p50: f64,
    /// Below 1 is better.
    #[serde(default)]
    pub p99: f64,
    /// Below 1 is better; what counts in an open loop, whose rate is given.
    #[serde(default)]
    pub p99_9: f64,
    /// Of the one that counts: where the median of many more rounds would be.
    #[serde(default)]
    pub interval: Option<Interval>,
}

impl Ratio {
    /// `row` to `peer`; `None` when there is no round that both have.
    pub fn new(row: &Row, peer: &Row) -> Option<Self> {
        let rounds = rounds_of_both(&row.measurements, &peer.measurements);
        let each = |figure: &dyn Fn(&Measurement) -> f64| {
            spread(rounds.iter().map(|(one, other)| of(figure(one), figure(other))).collect())
        };
        let middle = |figure: &dyn Fn(&Measurement) -> f64| Some(each(figure)?.median);
        let rate: fn(&Measurement) -> f64 = |round| round.report.requests_per_second;
        let gbit: fn(&Measurement) -> f64 = |round| round.report.gbit_per_second;
        let slowest: fn(&Measurement) -> f64 = |round| round.report.latency_us.p99_9;
        let counts = match row.offered {
            Some(_) => slowest,
            None if row.workload.is_bulk() => gbit,
            None => rate,
        };
        Some(Self {
            requests_per_second: middle(&rate)?,
            gbit_per_second: middle(&gbit)?,
            p50: middle(&|round| round.report.latency_us.p50)?,
            p99: middle(&|round| round.report.latency_us.p99)?,
            p99_9: middle(&slowest)?,
            interval: each(&counts).map(|spread| spread.interval),
        })
    }

    /// The one that counts for `row`.
    pub fn that_counts(&self, row: &Row) -> f64 {
        match row.offered {
            Some(_) => self.p99_9,
            None if row.workload.is_bulk() => self.gbit_per_second,
            None => self.requests_per_second,
        }
    }
}

/// One figure to another, which is 0 only where nothing was measured.
pub fn of(one: f64, other: f64) -> f64 {
    if other > 0.0 { one / other } else { 0.0 }
}

/// The measurements of the same rounds. In files that don't say which they are of, the first is of the first, where both have as many.
fn rounds_of_both<'a>(
    ones: &'a [Measurement],
    others: &'a [Measurement],
) -> Vec<(&'a Measurement, &'a Measurement)> {
    let says = |round: &Measurement| round.round.is_some();
    if ones.iter().chain(others).all(says) {
        let same = |one: &'a Measurement| Some((one, others.iter().find(|other| other.round == one.round)?));
        ones.iter().filter_map(same).collect()
    } else if ones.len() == others.len() {
        ones.iter().zip(others).collect()
    } else {
        Vec::new()
    }
}

#[cfg(test)]
mod tests;
