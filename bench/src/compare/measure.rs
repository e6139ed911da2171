//! One measurement: a server and a client, each in a process of its own, each on its own core.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::bed::Place;
use super::cpu::{CpuShare, Ticks};
use super::distance;
use super::plan::{Cell, Plan};
use crate::child::Child;
use crate::cli::{Bed, Engine, LoadEngine};
use crate::load::report::Report;
use crate::serve::READY;
use crate::serve::gauges::Counters;
use crate::sys::Stop;

/// For a server to be ready, an answer to come, or a thousand connections to be made.
const PATIENCE: Duration = Duration::from_secs(20);

/// From so many on the memory of a process tells something of one connection.
const LEAST_CONNECTIONS: usize = 100;

/// What one measurement gave.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct Measurement {
    /// Which round it was of, from 0 on; `None` of none, and in files that don't say.
    #[serde(default)]
    pub round: Option<u32>,
    /// The client's view.
    pub report: Report,
    /// The server's core during the measured time.
    pub cpu: CpuShare,
    /// The client's; `None` when it has none of its own.
    pub client_cpu: Option<CpuShare>,
    /// Context switches of the server's threads during the measured time.
    pub context_switches: u64,
    /// Those of them that were waits.
    #[serde(default)]
    pub voluntary_switches: u64,
    /// The part of the measured time in which the server's loop had work; `None` of an engine that sleeps.
    #[serde(default)]
    pub server_work: Option<f64>,
    /// The part of the measured time that the server's first thread waited for its core while others ran there; `None` where the
    /// kernel doesn't count it.
    #[serde(default)]
    pub server_waited: Option<f64>,
    /// The same of the client's.
    #[serde(default)]
    pub client_waited: Option<f64>,
    /// Of the server; `None` where they weren't counted.
    #[serde(default)]
    pub system_calls: Option<u64>,
    /// KiB of the server's process that were resident when it was ready, and when the measured time began; `None` in memory, where
    /// the client's are among them.
    #[serde(default)]
    pub resident_kib: Option<(u64, u64)>,
    /// Payload bytes that corelane copied in the server; `None` of other engines.
    #[serde(default)]
    pub copied_bytes: Option<u64>,
    /// Nanoseconds that a cache line took from the server's core to the client's and back, just before or just after, whichever was
    /// longer; `None` where both are one core.
    #[serde(default)]
    pub core_round_trip_ns: Option<f64>,
}

impl Measurement {
    /// The part of the time in which the server had work: a core that polls is always busy, so the loop's own account of it
    /// goes first.
    pub fn server_busy(&self) -> f64 {
        self.server_work.unwrap_or(self.cpu.busy)
    }

    /// Bytes that the server's process grew by for each connection; `None` on few, where it is what each process needs at first.
    pub fn connection_bytes(&self) -> Option<f64> {
        let beside = self.report.beside.idle + self.report.beside.slow;
        let connections = self.report.connections + beside;
        let (before, after) = self.resident_kib.filter(|_| connections >= LEAST_CONNECTIONS)?;
        let grown = after.saturating_sub(before) * 1024;
        Some(grown as f64 / connections as f64) // exact up to 2^53
    }

    /// The same of the client; `None` when it has no core of its own.
    pub fn client_busy(&self) -> Option<f64> {
        let core = self.client_cpu?;
        Some(self.report.client_busy.unwrap_or(core.busy))
    }
}

/// What is asked of a measurement beyond the plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extra {
    /// Requests a second of an open loop; `None`: closed loop.
    pub rate: Option<f64>,
    /// Of the arrivals of an open loop.
    pub seed: u64,
    /// The tracepoint to count the server's system calls with.
    pub system_call_event: Option<u64>,
    /// Warm-up and measured time; `None`: the plan's.
    pub times: Option<(Duration, Duration)>,
}

impl Extra {
    fn times(&self, plan: &Plan) -> (Duration, Duration) {
        self.times.unwrap_or((plan.warmup, plan.seconds))
    }
}

/// What an engine's processes were started with.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq)]
pub struct Commands {
    /// The server; or both ends, where they are one process.
    pub server: String,
    /// The client, which is told the server's address.
    pub client: Option<String>,
}

/// The commands of [`measure`].
pub fn commands(plan: &Plan, cell: &Cell, engine: Engine, place: &Place, extra: &Extra) -> Commands {
    let server = server_flags(plan, cell, engine, place, extra);
    let client = client_flags(plan, cell, "ADDRESS:PORT", place, extra);
    Commands {
        server: command("serve", &place.server_prefix, &server),
        client: Some(command("load", &place.client_prefix, &client)),
    }
}

/// A child's command, as one would type it.
pub fn command(name: &str, prefix: &[String], flags: &[String]) -> String {
    let program = ["corelane-bench", name].map(str::to_owned);
    prefix.iter().chain(&program).chain(flags).map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Measures `engine` once.
pub fn measure(
    plan: &Plan,
    cell: &Cell,
    engine: Engine,
    place: &Place,
    extra: &Extra,
    stop: &Stop,
) -> anyhow::Result<Measurement> {
    let flags = server_flags(plan, cell, engine, place, extra);
    let distance = || distance::round_trip(plan.server_cpu, plan.client_cpu);
    let distance_before = distance();
    let mut server = Child::start("serve", &place.server_prefix, &flags)?;
    let line = server.line(PATIENCE, stop)?;
    let address = line.strip_prefix(READY).and_then(|address| address.parse::<SocketAddr>().ok());
    let address = address.with_context(|| format!("`serve` said {line:?}, not its address"))?;

    let resident = server.resident_kib();
    let flags = client_flags(plan, cell, address, place, extra);
    let (warmup, seconds) = extra.times(plan);
    let mut client = Child::start("load", &place.client_prefix, &flags)?;
    // For connections to be made beside, and looked at in the end.
    let patience = PATIENCE + cell.beside.patience();
    expect(&mut client, "start", patience + warmup, stop)?;
    let before = sample(plan, &mut server, &client, stop)?;
    let resident = resident.zip(server.resident_kib());
    expect(&mut client, "end", PATIENCE + seconds, stop)?;
    let after = sample(plan, &mut server, &client, stop)?;
    let report = client.line(patience, stop)?;
    client.finish(stop);
    server.finish(stop);
    let report: Report = serde_json::from_str(&report).with_context(|| format!("`load` said {report:?}"))?;
    anyhow::ensure!(report.requests > 0, "no answer in the measured time");
    let core_round_trip_ns = distance_before.zip(distance()).map(|(before, after)| before.max(after));
    Ok(Measurement { resident_kib: resident, core_round_trip_ns, ..since(&before, &after, report) })
}

fn since(before: &Sample, after: &Sample, report: Report) -> Measurement {
    let (first, last) = (before.counters, after.counters);
    let took = after.counted.duration_since(before.counted).as_secs_f64();
    let part = |before: Option<Duration>, after: Option<Duration>| {
        Some((after?.saturating_sub(before?).as_secs_f64() / took).clamp(0.0, 1.0))
    };
    let more = |count: fn(&Counters) -> Option<u64>| Some(count(&last)?.saturating_sub(count(&first)?));
    Measurement {
        round: None,
        report,
        cpu: after.server.since(before.server),
        client_cpu: Some(after.client.since(before.client)),
        context_switches: last.context_switches.saturating_sub(first.context_switches),
        voluntary_switches: last.voluntary_switches.saturating_sub(first.voluntary_switches),
        server_work: more(|counters| counters.busy_ns).map(|busy| (busy as f64 / 1e9 / took).clamp(0.0, 1.0)),
        server_waited: part(before.server_waited, after.server_waited),
        client_waited: part(before.client_waited, after.client_waited),
        system_calls: more(|counters| counters.system_calls),
        resident_kib: None,
        copied_bytes: more(|counters| counters.copied_bytes),
        core_round_trip_ns: None,
    }
}

pub fn expect(child: &mut Child, word: &str, patience: Duration, stop: &Stop) -> anyhow::Result<()> {
    let line = child.line(patience, stop)?;
    anyhow::ensure!(line == word, "the child said {line:?} instead of {word:?}");
    Ok(())
}

/// The counters of both cores and of the server.
struct Sample {
    server: Ticks,
    client: Ticks,
    counters: Counters,
    /// When the server said them.
    counted: Instant,
    server_waited: Option<Duration>,
    client_waited: Option<Duration>,
}

fn sample(plan: &Plan, server: &mut Child, client: &Child, stop: &Stop) -> anyhow::Result<Sample> {
    let (server_ticks, client_ticks) = (Ticks::read(plan.server_cpu)?, Ticks::read(plan.client_cpu)?);
    let (server_waited, client_waited) = (server.run_delay(), client.run_delay());
    server.ask()?;
    let line = server.line(PATIENCE, stop)?;
    let counters: Counters = serde_json::from_str(&line).with_context(|| format!("`serve` said {line:?}"))?;
    Ok(Sample {
        server: server_ticks,
        client: client_ticks,
        counters,
        counted: Instant::now(),
        server_waited,
        client_waited,
    })
}

fn server_flags(plan: &Plan, cell: &Cell, engine: Engine, place: &Place, extra: &Extra) -> Vec<String> {
    let mut flags = vec![
        format!("--engine={engine}"),
        format!("--workload={}", cell.workload),
        format!("--size={}", cell.size),
        format!("--cpu={}", plan.server_cpu),
        "--control".to_owned(),
    ];
    if engine == Engine::BioPool {
        flags.push(format!("--pool={}", plan.pool));
    }
    if let (false, Some(name)) = (engine == Engine::Corelane, &plan.congestion) {
        flags.push(format!("--congestion={name}"));
    }
    flags.extend(extra.system_call_event.map(|event| format!("--system-call-event={event}")));
    flags.extend_from_slice(&place.server_flags);
    flags
}

fn client_flags(
    plan: &Plan,
    cell: &Cell,
    address: impl fmt::Display,
    place: &Place,
    extra: &Extra,
) -> Vec<String> {
    let (warmup, seconds) = extra.times(plan);
    let mut flags = vec![
        format!("--addr={address}"),
        format!("--workload={}", cell.workload),
        format!("--connections={}", cell.connections),
        format!("--size={}", cell.size),
        format!("--duration={}", seconds.as_secs_f64()),
        format!("--warmup={}", warmup.as_secs_f64()),
        format!("--cpu={}", plan.client_cpu),
        "--json=-".to_owned(),
        "--marks".to_owned(),
    ];
    if place.bed != Bed::Vhost {
        flags.push(format!("--engine={}", plan.client));
        // wrk has that of its route.
        if let (LoadEngine::Epoll, Some(name)) = (plan.client, &plan.congestion) {
            flags.push(format!("--congestion={name}"));
        }
    }
    if cell.pipeline > 1 {
        flags.push(format!("--pipeline={}", cell.pipeline));
    }
    flags.extend(cell.beside.flags());
    if let Some(rate) = extra.rate {
        flags.push(format!("--rate={rate:.0}"));
        flags.push(format!("--arrivals={}", plan.arrivals));
        flags.push(format!("--seed={}", extra.seed));
    }
    flags.extend_from_slice(&place.client_flags);
    flags
}
