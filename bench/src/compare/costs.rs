//! What a request costs: the cores' time by what they did, and what the server asked of its kernel.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::bed::Beds;
use super::cpu::CpuShare;
use super::measure::{self, Extra, Measurement};
use super::plan::Plan;
use super::progress::Progress;
use super::rounds::Series;
use super::row::spread;
use crate::cli::{Bed, LoadEngine};
use crate::sys::{Stop, perf};

/// The measurement that counts system calls: the tracepoint makes each of them slower, so it is none of the rounds.
const COUNTED: Duration = Duration::from_millis(300);

/// Before it, not counted.
const WARMUP: Duration = Duration::from_millis(100);

/// Microseconds of a core for each request.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq)]
pub struct CoreTime {
    /// Programs.
    pub user: f64,
    /// System calls and kernel threads.
    pub system: f64,
    /// Soft interrupts: the receive path of the network, whoever it works for.
    pub softirq: f64,
}

/// Of one request, or of a megabyte of a stream; medians of the rounds.
#[derive(Serialize, Deserialize, Debug, Clone, Default, PartialEq)]
pub struct Costs {
    /// Of the server's core. One that polls spends all of its time, whatever it does with it.
    pub server_us: CoreTime,
    /// Of the client's; `None` when it has none of its own.
    pub client_us: Option<CoreTime>,
    /// Of the server's threads, to wait for something.
    pub voluntary_switches: f64,
    /// Of the server's threads, for another's turn.
    pub involuntary_switches: f64,
    /// Of the server's threads, in a measurement of its own; `None` where they couldn't be counted.
    pub system_calls: Option<f64>,
    /// Payload bytes that corelane's stack and driver copied in the server; `None` of other engines, which don't say.
    pub copied_bytes: Option<f64>,
    /// Of both ends in memory, counted by valgrind; `None` where they weren't.
    #[serde(default)]
    pub instructions: Option<f64>,
    /// Calls of malloc, calloc, realloc and posix_memalign, counted with them.
    #[serde(default)]
    pub allocations: Option<f64>,
    /// Bytes that the resident memory of the server's process grew by for each connection, until the load had run for the warm-up;
    /// `None` in memory and on few connections. What the kernel holds for sockets, and DPDK's huge pages, are not in it.
    #[serde(default)]
    pub connection_bytes: Option<f64>,
}

impl Costs {
    /// Of all the rounds.
    pub fn of(series: &Series) -> Self {
        let rounds = &series.measurements;
        let middle = |figures: Vec<f64>| spread(figures).map(|spread| spread.median);
        let core_time = |share: fn(&Measurement) -> Option<CpuShare>| {
            let part = |part: fn(&CpuShare) -> f64| {
                let a_request = |round: &Measurement| {
                    Some(part(&share(round)?) * round.report.seconds * 1e6 / requests(round))
                };
                middle(rounds.iter().filter_map(a_request).collect())
            };
            Some(CoreTime {
                user: part(|cpu| cpu.user)?,
                system: part(|cpu| cpu.system)?,
                softirq: part(|cpu| cpu.softirq)?,
            })
        };
        let count = |count: fn(&Measurement) -> Option<u64>| {
            // Exact up to 2^53.
            let a_request = |round: &Measurement| Some(count(round)? as f64 / requests(round));
            middle(rounds.iter().filter_map(a_request).collect())
        };
        let involuntary =
            |round: &Measurement| Some(round.context_switches.saturating_sub(round.voluntary_switches));
        Self {
            server_us: core_time(|round| Some(round.cpu)).unwrap_or_default(),
            client_us: core_time(|round| round.client_cpu),
            voluntary_switches: count(|round| Some(round.voluntary_switches)).unwrap_or(0.0),
            involuntary_switches: count(involuntary).unwrap_or(0.0),
            system_calls: series.counted.as_ref().and_then(|round| {
                Some(round.system_calls? as f64 / requests(round)) // exact up to 2^53
            }),
            copied_bytes: count(|round| round.copied_bytes),
            instructions: series.instructions,
            allocations: series.allocations,
            connection_bytes: middle(rounds.iter().filter_map(Measurement::connection_bytes).collect()),
        }
    }
}

fn requests(round: &Measurement) -> f64 {
    round.report.requests.max(1) as f64 // exact up to 2^53
}

/// How long the measurement that counts system calls takes, with its warm-up.
pub fn time(plan: &Plan) -> Duration {
    // wrk counts whole seconds.
    if plan.client == LoadEngine::Wrk { plan.warmup + plan.seconds } else { WARMUP + COUNTED }
}

/// Counts the system calls of each engine in each cell, once. Why those of some couldn't be counted.
pub fn count(
    plan: &Plan,
    beds: &Beds,
    all: &mut [Series],
    progress: &Progress,
    stop: &Stop,
) -> anyhow::Result<Vec<String>> {
    progress.stage("counting system calls", plan.counting());
    let event = match perf::system_call_event() {
        Ok(event) => event,
        Err(error) => {
            return Ok(vec![format!("system calls: no tracepoint raw_syscalls:sys_enter for us ({error})")]);
        }
    };
    let mut left_out = Vec::new();
    // wrk counts whole seconds.
    let times = (plan.client != LoadEngine::Wrk).then_some((WARMUP, COUNTED));
    let extra = Extra { system_call_event: Some(event), times, ..Extra::default() };
    for series in all {
        let place = beds.place(series.engine, &series.cell);
        if place.bed == Bed::Memory || series.measurements.is_empty() {
            continue;
        }
        progress.measure(format_args!("{}, {}", series.cell, series.engine));
        let result = measure::measure(plan, &series.cell, series.engine, &place, &extra, stop);
        progress.done(plan.counting_of(&series.cell, series.engine));
        anyhow::ensure!(!stop.requested(), "stopped by a signal; all is cleaned up");
        match result {
            Ok(measurement) => series.counted = Some(measurement),
            Err(error) => {
                left_out.push(format!("system calls of {}, {}: {error:#}", series.engine, series.cell));
            }
        }
    }
    Ok(left_out)
}

#[cfg(test)]
mod tests;
