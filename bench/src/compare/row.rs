//! One row of the results: an engine in a cell, over all rounds.

use serde::{Deserialize, Serialize};

use super::beside::Beside;
use super::costs::Costs;
use super::headroom::Headroom;
use super::interval::Interval;
use super::measure::{Commands, Measurement};
use super::plan;
use super::ratio::{self, Ratio};
use super::rounds::Series;
use super::sweep::Offered;
use crate::cli::{Bed, Engine, Workload};
use crate::load::report::Latency;

/// A figure over the rounds.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// Where the median of many more rounds would be; see [`Interval`].
    pub interval: Interval,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// How many there are.
    pub rounds: usize,
    /// Every one, in the order of the rounds.
    pub each: Vec<f64>,
}

/// What the server's core did in the measured time, as parts of it; the medians of the rounds.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
pub struct Cpu {
    /// All but idle and stolen time.
    pub busy: f64,
    /// Programs.
    pub user: f64,
    /// System calls.
    pub system: f64,
    /// Soft interrupts.
    pub softirq: f64,
    /// Taken by the host.
    pub steal: f64,
    /// Microseconds that the core was busy for each request.
    pub us_per_request: f64,
}

/// One row.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Row {
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
    /// Of corelane's device, where the bed lets it be chosen.
    pub mtu: Option<u16>,
    /// Requests that a connection sends at once.
    #[serde(default = "one")]
    pub pipeline: usize,
    /// Beside these connections.
    #[serde(flatten)]
    pub beside: Beside,
    /// Answers a second.
    pub requests_per_second: Spread,
    /// Medians of the rounds' percentiles; `max` is the slowest of all.
    pub latency_us: Latency,
    /// Payload of the answers, or of the bulk streams.
    pub gbit_per_second: Spread,
    /// Sum over all rounds.
    pub byte_errors: u64,
    /// Sum over all rounds.
    pub connection_errors: u64,
    /// The first of these.
    pub first_connection_error: Option<String>,
    /// Connections without an answer in the measured time, sum over all rounds.
    pub starved_connections: usize,
    /// Of all the server's threads, median.
    pub context_switches_per_request: f64,
    /// The server's core.
    pub cpu: Cpu,
    /// The part of the measured time that the client's core was busy, median; `None` when it has none of its own.
    pub client_busy: Option<f64>,
    /// `None` when epoll isn't in the same cell, or in a bed that can't be compared.
    pub ratio_to_epoll: Option<Ratio>,
    /// `None` when smoltcp isn't in the same cell: it is in the in-memory bed only.
    pub ratio_to_smoltcp: Option<Ratio>,
    /// As that to epoll: to tokio.
    pub ratio_to_tokio: Option<Ratio>,
    /// As that to epoll: to corelane on the kernel's sockets.
    pub ratio_to_corelane_kernel: Option<Ratio>,
    /// Where a client was the limit, this row's or epoll's, and so there is no ratio: the least that the servers' can be, in
    /// requests a second or, of bulk, in Gbit/s.
    #[serde(default)]
    pub least_ratio_to_epoll: Option<f64>,
    /// In an open loop: the load; `None`: closed loop.
    #[serde(default)]
    pub offered: Option<Offered>,
    /// Whether the figures are the server's.
    #[serde(default)]
    pub headroom: Headroom,
    /// What a request costs.
    #[serde(default)]
    pub costs: Costs,
    /// What its processes were started with.
    pub commands: Option<Commands>,
    /// Every round that succeeded, in their order.
    pub measurements: Vec<Measurement>,
}

/// Of rows that don't say.
pub fn one() -> usize {
    1
}

impl Row {
    /// The workload, with the MTU that it was measured with, and with the requests at once.
    pub fn name(&self) -> String {
        plan::name(self.workload, self.mtu, self.pipeline)
    }

    /// What tells a row from the others of a report.
    pub fn key(&self) -> impl PartialEq {
        (self.bed, self.engine, self.cell())
    }

    /// What the rows that are compared with each other have in common.
    fn cell(&self) -> impl PartialEq {
        let of_knee = self.offered.map(|offered| offered.of_knee);
        (self.workload, self.connections, self.size, self.mtu, self.pipeline, self.beside, of_knee)
    }

    /// What tells a row from the others of a report, in words.
    pub fn long_name(&self) -> String {
        let (engine, bed, question, connections) = (self.engine, self.bed, self.question(), self.connections);
        let plural = if connections == 1 { "" } else { "s" };
        let load = |offered: Offered| format!(", open loop at {:.0} % of the knee", offered.of_knee * 100.0);
        let load = self.offered.map_or_else(String::new, load);
        format!("{engine}, {bed}, {question}, {connections} connection{plural}{load}")
    }

    /// What is asked, in words, but for the number of connections.
    pub fn question(&self) -> String {
        plan::question(self.workload, self.mtu, self.size, self.pipeline, self.beside)
    }

    /// `None` when no round succeeded.
    pub fn new(series: &Series) -> Option<Self> {
        let rounds = &series.measurements;
        let rate = spread(rounds.iter().map(|round| round.report.requests_per_second).collect())?;
        let gbit = spread(rounds.iter().map(|round| round.report.gbit_per_second).collect())?;
        let median = |figure: &dyn Fn(&Measurement) -> f64| {
            spread(rounds.iter().map(figure).collect()).map_or(0.0, |spread| spread.median)
        };
        let latency = |figure: &dyn Fn(&Latency) -> f64| {
            median(&|round: &Measurement| figure(&round.report.latency_us))
        };
        let slowest = rounds.iter().map(|round| round.report.latency_us.max);
        Some(Self {
            bed: series.bed,
            engine: series.engine,
            workload: series.cell.workload,
            connections: series.cell.connections,
            size: series.cell.size,
            mtu: series.cell.mtu,
            pipeline: series.cell.pipeline,
            beside: series.cell.beside,
            requests_per_second: rate,
            latency_us: Latency {
                p50: latency(&|latency| latency.p50),
                p99: latency(&|latency| latency.p99),
                p99_9: latency(&|latency| latency.p99_9),
                max: slowest.fold(0.0, f64::max),
            },
            gbit_per_second: gbit,
            byte_errors: rounds.iter().map(|round| round.report.byte_errors).sum(),
            connection_errors: rounds.iter().map(|round| round.report.connection_errors).sum(),
            first_connection_error: rounds
                .iter()
                .find_map(|round| round.report.first_connection_error.clone()),
            starved_connections: rounds.iter().map(|round| round.report.starved_connections).sum(),
            context_switches_per_request: median(&|round| round.context_switches as f64 / requests(round)),
            cpu: Cpu {
                busy: median(&|round| round.cpu.busy),
                user: median(&|round| round.cpu.user),
                system: median(&|round| round.cpu.system),
                softirq: median(&|round| round.cpu.softirq),
                steal: median(&|round| round.cpu.steal),
                us_per_request: median(&|round| {
                    round.cpu.busy * round.report.seconds * 1e6 / requests(round)
                }),
            },
            client_busy: spread(
                rounds.iter().filter_map(|round| round.client_cpu).map(|cpu| cpu.busy).collect(),
            )
            .map(|spread| spread.median),
            ratio_to_epoll: None,
            ratio_to_smoltcp: None,
            ratio_to_tokio: None,
            ratio_to_corelane_kernel: None,
            least_ratio_to_epoll: None,
            offered: series.offered,
            headroom: Headroom::of(rounds).for_engine(series.engine),
            costs: Costs::of(series),
            commands: series.commands.clone(),
            measurements: rounds.clone(),
        })
    }

    /// Whether others are compared with this one: its ratio to itself says nothing.
    pub fn is_peer(&self) -> bool {
        matches!(self.engine, Engine::Epoll | Engine::Smoltcp)
    }

    /// Sets the ratio when `peer` is the row of epoll, smoltcp, tokio or corelane-kernel in the same cell and bed.
    pub fn compare_with(&mut self, peer: &Self) {
        // With vhost, and in streams over TAP, corelane is compared with the kernel's best way, which is a veth.
        let beds = match (self.bed, peer.bed) {
            (Bed::Vhost, Bed::Veth) => true,
            (Bed::Tap, Bed::Veth) => self.workload.is_bulk(),
            (own, other) => own == other,
        };
        if !beds || self.cell() != peer.cell() {
            return;
        }
        // What isn't the server's figure is in no ratio.
        if self.headroom.refused.is_some() || peer.headroom.refused.is_some() {
            if peer.engine == Engine::Epoll && self.engine != Engine::Epoll && self.offered.is_none() {
                self.least_ratio_to_epoll = Some(self.least_ratio_to(peer));
            }
            return;
        }
        let ratio = Ratio::new(self, peer);
        match peer.engine {
            Engine::Epoll => self.ratio_to_epoll = ratio,
            Engine::Smoltcp => self.ratio_to_smoltcp = ratio,
            Engine::Tokio => self.ratio_to_tokio = ratio,
            Engine::CorelaneKernel => self.ratio_to_corelane_kernel = ratio,
            _ => {}
        }
    }

    /// A server whose client was the limit can do more than it did: no more than its rate for the part of the time that it had work.
    fn least_ratio_to(&self, peer: &Self) -> f64 {
        let figure = |row: &Self| {
            if row.workload.is_bulk() { row.gbit_per_second.median } else { row.requests_per_second.median }
        };
        let part = if peer.headroom.refused.is_some() { peer.headroom.server_busy } else { 1.0 };
        ratio::of(figure(self) * part, figure(peer))
    }
}

/// Sets the ratios of all rows to each other.
pub fn compare(rows: &mut [Row]) {
    let peers = rows.to_vec();
    for row in rows {
        peers.iter().for_each(|peer| row.compare_with(peer));
    }
}

fn requests(round: &Measurement) -> f64 {
    round.report.requests.max(1) as f64 // exact up to 2^53
}

/// The middle one of what is sorted, or the middle between the two; `None` of nothing.
pub fn median(sorted: &[f64]) -> Option<f64> {
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    Some(if sorted.len() % 2 == 1 { upper } else { f64::midpoint(sorted[middle - 1], upper) })
}

/// `None` of nothing.
pub fn spread(each: Vec<f64>) -> Option<Spread> {
    let mut sorted = each.clone();
    sorted.sort_by(f64::total_cmp);
    let (min, max) = (*sorted.first()?, *sorted.last()?);
    let median = median(&sorted)?;
    Some(Spread { median, interval: Interval::of_median(&sorted)?, min, max, rounds: sorted.len(), each })
}

#[cfg(test)]
mod tests;
