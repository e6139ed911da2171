//! A pair of hosts on the in-memory link: client and server in one process, no kernel in between.

use std::time::Duration;

use anyhow::Context;

use super::cpu::Ticks;
use super::measure::{self, Commands, Measurement};
use super::plan::{Cell, Plan};
use crate::child::Child;
use crate::cli::{Engine, Workload};
use crate::sys::Stop;

/// For all connections to be made, besides [`EACH`].
const PATIENCE: Duration = Duration::from_secs(30);

/// For one connection. smoltcp looks at all of its sockets for each frame.
const EACH: Duration = Duration::from_millis(2);

/// What the bed has.
pub use crate::memory::{CONNECTIONS, ENGINES};

/// The workloads that the bed has.
pub const WORKLOADS: [Workload; 1] = [Workload::Echo];

/// Measures one cell once, on the server's core, in a process of its own.
pub fn measure(plan: &Plan, cell: &Cell, engine: Engine, stop: &Stop) -> anyhow::Result<Measurement> {
    let flags = flags(plan, cell, engine);
    let connecting = EACH * u32::try_from(cell.connections + cell.beside.idle).unwrap_or(u32::MAX);
    let mut child = Child::start("memory", &[], &flags)?;
    measure::expect(&mut child, "start", PATIENCE + connecting + plan.warmup, stop)?;
    let before = (Ticks::read(plan.server_cpu)?, child.context_switches()?);
    measure::expect(&mut child, "end", PATIENCE + plan.seconds, stop)?;
    let after = (Ticks::read(plan.server_cpu)?, child.context_switches()?);
    let report = child.line(PATIENCE, stop)?;
    child.finish(stop);
    let report = serde_json::from_str(&report).with_context(|| format!("`memory` said {report:?}"))?;
    Ok(Measurement {
        round: None,
        report,
        cpu: after.0.since(before.0),
        client_cpu: None,
        context_switches: after.1.voluntary + after.1.involuntary - before.1.voluntary - before.1.involuntary,
        voluntary_switches: after.1.voluntary.saturating_sub(before.1.voluntary),
        server_work: None,
        server_waited: None,
        client_waited: None,
        system_calls: None,
        resident_kib: None,
        copied_bytes: None,
        core_round_trip_ns: None,
    })
}

/// The command of [`measure()`].
pub fn commands(plan: &Plan, cell: &Cell, engine: Engine) -> Commands {
    Commands { server: measure::command("memory", &[], &flags(plan, cell, engine)), client: None }
}

fn flags(plan: &Plan, cell: &Cell, engine: Engine) -> Vec<String> {
    let mut flags = vec![
        format!("--engine={engine}"),
        format!("--connections={}", cell.connections),
        format!("--size={}", cell.size),
        format!("--duration={}", plan.seconds.as_secs_f64()),
        format!("--warmup={}", plan.warmup.as_secs_f64()),
        format!("--cpu={}", plan.server_cpu),
        "--json=-".to_owned(),
        "--marks".to_owned(),
    ];
    if cell.beside.idle > 0 {
        flags.push(format!("--beside={}", cell.beside.idle));
    }
    flags
}
