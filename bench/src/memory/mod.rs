//! The in-memory bed: client and server on one thread, joined by a link in memory.
//!
//! What is measured is the stack, both ends of it, and what the engine needs around it: no kernel, no second core.
//!
//! | file | what |
//! |---|---|
//! | client | the questions and the check of every byte, the same for all engines |
//! | run | connecting, warm-up, the measured loop |
//! | link | the link, the same for all engines |
//! | corelane_stack | two corelane stacks, driven by hand |
//! | corelane | two corelane workers, futures at both ends |
//! | corelane_poll | two corelane workers, event loops at both ends |
//! | smoltcp | two smoltcp interfaces |
//! | idle | many connections between two corelane stacks, held and weighed |

mod client;
mod corelane;
mod corelane_poll;
mod corelane_stack;
mod idle;
mod link;
mod run;
mod smoltcp;

use std::cell::RefCell;
use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;

use crate::cli::{Engine, MemoryArgs};
use crate::error::{bad_input, tell};
use crate::load::report::Report;
use crate::process;
use crate::sys::Stop;
use client::Client;
use smoltcp::Drive;

/// The most connections that this bed has, idle ones among them.
pub use link::CONNECTIONS;

/// The engines that this bed has.
pub const ENGINES: [Engine; 5] =
    [Engine::CorelaneStack, Engine::Smoltcp, Engine::SmoltcpSteps, Engine::Corelane, Engine::CorelanePoll];

/// The client of an engine; tasks hold it too.
type SharedClient = Rc<RefCell<Client>>;

/// Both ends of a pair of hosts.
trait Pair {
    /// Once around: what waits for either end is handled, and what follows is sent. Never blocks.
    fn turn(&mut self, now: Duration) -> anyhow::Result<()>;

    /// The connections that are open.
    fn connected(&self) -> usize;

    /// Asks the first question on these connections, which come after those of the call before. All are open by now.
    fn start(&mut self, which: Range<usize>) -> anyhow::Result<()>;
}

/// `corelane-bench memory`. Exit code 1 when an answer was wrong.
pub fn run(args: &MemoryArgs) -> anyhow::Result<ExitCode> {
    if !ENGINES.contains(&args.engine) {
        return Err(bad_input(format!(
            "--engine {}: it runs on the kernel's network: use corelane-stack, smoltcp, corelane or corelane-poll",
            args.engine
        )));
    }
    if !args.idle && args.all_connections() > link::CONNECTIONS {
        let name = if args.beside > 0 { "--connections and --beside together" } else { "--connections" };
        return Err(bad_input(format!("{name}: more than {} only with --idle", link::CONNECTIONS)));
    }
    process::join_parent(args.parent)?;
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    process::pin(args.cpu)?;
    let file = match args.json.as_deref() {
        Some(path) if path != Path::new("-") => Some(crate::load::create(path)?),
        _ => None,
    };
    let right = if args.idle {
        let report = idle::hold(args, &stop)?;
        write_report(args, file, &report)?;
        report.byte_errors == 0
    } else {
        let report = measure(args, &stop)?;
        write_report(args, file, &report)?;
        report.byte_errors == 0 && report.requests > 0
    };
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write_report(
    args: &MemoryArgs,
    file: Option<File>,
    report: &(impl Serialize + fmt::Display),
) -> anyhow::Result<()> {
    match (&args.json, file) {
        (_, Some(mut file)) => {
            writeln!(file, "{}", serde_json::to_string_pretty(report)?)?;
            tell(report);
        }
        (Some(_), None) => writeln!(io::stdout(), "{}", serde_json::to_string(report)?)?,
        (None, None) => write!(io::stdout(), "{report}")?,
    }
    Ok(())
}

fn measure(args: &MemoryArgs, stop: &Stop) -> anyhow::Result<Report> {
    let client = Rc::new(RefCell::new(Client::new(args)?));
    let link = link::make(args.all_connections())?;
    match args.engine {
        Engine::Smoltcp | Engine::SmoltcpSteps => {
            let drive = if args.engine == Engine::Smoltcp { Drive::Poll } else { Drive::Steps };
            run::run(smoltcp::Smoltcp::new(args, link, client.clone(), drive)?, args, &client, stop)
        }
        Engine::Corelane => {
            run::run(corelane::Corelane::new(args, link, client.clone())?, args, &client, stop)
        }
        Engine::CorelanePoll => {
            run::run(corelane_poll::CorelanePoll::new(args, link, client.clone())?, args, &client, stop)
        }
        _ => run::run(corelane_stack::CorelaneStack::new(args, link, client.clone())?, args, &client, stop),
    }
}

#[cfg(test)]
mod tests;
