//! The client: a closed loop, each connection with one request in flight, or taking turns, or with an endless stream; or
//! an open loop, whose requests are due at times that no answer changes.
//!
//! | file | what |
//! |---|---|
//! | client | the loop on kernel sockets |
//! | connection | a kernel socket and its requests |
//! | corelane | the tasks on corelane's sockets |
//! | in_flight | which connections ask, when not all may at once |
//! | arrivals, open_loop | when requests are due in an open loop; which are sent, wait or are given up |
//! | exchange | a request and its answer, whoever carries them |
//! | answer | an answer of HTTP with a head that is not known beforehand |
//! | beside, idle, slow | connections beside those that are measured |
//! | connect | many kernel connections at once |
//! | wrk | wrk in the place of our own client |
//! | pattern | the bytes of a request |
//! | clock | the time of a request, where a look at the system's would cost much |
//! | window, silence | when the measured time starts and ends; when to give up |
//! | tally, percentiles, report | what is counted; the points that are kept of the latencies; the result |

mod answer;
mod arrivals;
pub mod beside;
mod client;
mod clock;
mod connect;
mod connection;
mod corelane;
mod exchange;
mod idle;
mod in_flight;
pub mod open_loop;
pub mod pattern;
pub mod percentiles;
pub mod report;
mod silence;
mod slow;
pub mod tally;
pub mod window;
mod wrk;

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::path::Path;
use std::process::{self as std_process, ExitCode};
use std::time::Instant;

use anyhow::Context;

use crate::cli::{LoadArgs, LoadEngine, Workload};
use crate::error::{bad_input, tell};
use crate::stream::MEGABYTE;
use crate::sys::{self, Stop};
use crate::{process, serve};
use open_loop::OpenLoop;
use report::Report;

/// Open files besides the connections: epoll, stdio, the report, and closing ones.
const OTHER_FILES: u64 = 64;

/// `corelane-bench load`. Exit code 1 when there were byte errors or connection errors.
pub fn run(args: &LoadArgs) -> anyhow::Result<ExitCode> {
    match args.engine {
        LoadEngine::Epoll => args.device.refuse(args.engine)?,
        LoadEngine::Corelane => serve::no_kernel(args.congestion.as_deref())?,
        LoadEngine::Wrk => {
            args.device.refuse(args.engine)?;
            wrk::check(args)?;
        }
    }
    serve::http::check_size(args.workload, args.size)?;
    refuse_in_flight(args)?;
    refuse_rate(args)?;
    refuse_pipeline(args)?;
    beside::check(args)?;
    process::join_parent(args.parent)?;
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    process::pin(args.cpu)?;
    raise_open_files(args)?;
    // Before the work: a wrong path must not cost the whole run.
    let file = match args.json.as_deref() {
        Some(path) if path != Path::new("-") => Some(create(path)?),
        _ => None,
    };
    let report = match args.engine {
        LoadEngine::Epoll => client::run(args, &stop)?,
        LoadEngine::Corelane => corelane::run(args, &stop)?,
        LoadEngine::Wrk => wrk::run(args, &stop)?,
    };
    match (&args.json, file) {
        (_, Some(mut file)) => {
            writeln!(file, "{}", serde_json::to_string_pretty(&report)?)?;
            tell(&report);
        }
        (Some(_), None) => {
            writeln!(io::stdout(), "{}", serde_json::to_string(&report)?)?;
        }
        (None, None) => write!(io::stdout(), "{report}")?,
    }
    Ok(exit_code(&report))
}

fn raise_open_files(args: &LoadArgs) -> anyhow::Result<()> {
    if args.engine == LoadEngine::Corelane {
        return Ok(()); // its connections are no files
    }
    let beside = args.idle + args.slow;
    let needed = (args.connections + beside) as u64 + OTHER_FILES; // usize is at most 64 bits
    sys::raise_open_files(needed).map_err(|error| {
        let (name, count) = if beside > args.connections {
            ("--idle, --slow", beside)
        } else {
            ("--connections", args.connections)
        };
        bad_input(format!("{name} {count}: {error}"))
    })
}

/// Only the kernel's client takes turns; a stream is in flight all the time, and connections of one request don't wait.
fn refuse_in_flight(args: &LoadArgs) -> anyhow::Result<()> {
    let Some(limit) = args.in_flight else { return Ok(()) };
    let why = match (args.engine, args.workload) {
        (LoadEngine::Corelane | LoadEngine::Wrk, _) => "only --engine epoll takes turns".to_owned(),
        (_, Workload::Echo | Workload::Http | Workload::Json) => return Ok(()),
        (_, workload) => format!("the connections of {workload} don't take turns"),
    };
    Err(bad_input(format!(
        "--in-flight {limit}: {why}: leave --in-flight out, and give as many --connections"
    )))
}

/// A stream has no requests to start, and where each request has its own connection none could wait for them.
fn refuse_rate(args: &LoadArgs) -> anyhow::Result<()> {
    match (args.rate, args.workload) {
        (Some(rate), workload) if workload.is_bulk() || workload.reconnects() => Err(bad_input(format!(
            "--rate {rate}: {workload} has no open loop: take echo, http or json, or leave --rate out"
        ))),
        _ => Ok(()),
    }
}

/// What can't be sent in batches.
fn refuse_pipeline(args: &LoadArgs) -> anyhow::Result<()> {
    let fits = matches!(args.workload, Workload::Echo | Workload::Http);
    if args.pipeline == 1 || (fits && args.rate.is_none() && args.engine != LoadEngine::Wrk) {
        return Ok(());
    }
    Err(bad_input(format!(
        "--pipeline {}: it is for echo and http in a closed loop, with --engine epoll or corelane: leave it out",
        args.pipeline
    )))
}

/// The open loop that `args` ask for; `None`: closed loop.
fn open_loop(args: &LoadArgs) -> anyhow::Result<Option<OpenLoop>> {
    let Some(rate) = args.rate else { return Ok(None) };
    let seed = args.seed.unwrap_or_else(drawn_seed);
    OpenLoop::new(args.arrivals, rate, seed, args.connections, Instant::now()).map(Some)
}

/// Another one for each run; short enough to be typed again.
fn drawn_seed() -> u64 {
    RandomState::new().hash_one(std_process::id()) % 1_000_000
}

fn exit_code(report: &Report) -> ExitCode {
    if report.byte_errors == 0 && report.connection_errors == 0 && report.requests > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Makes the file of a report.
pub fn create(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::create(path).map_err(|error| {
        bad_input(format!(
            "--json {}: cannot write there ({error}): give a path in a folder that exists",
            path.display()
        ))
    })
}

/// Bytes of an answer, as reports count them: the payload, without HTTP's head; `size` where it can be chosen.
pub fn payload(workload: Workload, size: usize) -> usize {
    match workload {
        Workload::Json => serve::item::Item::of(0).body().len(),
        Workload::Echo | Workload::Crr | Workload::Http | Workload::HttpClose => size,
        Workload::Bulk | Workload::BulkUp => MEGABYTE as usize, // fits everywhere
    }
}

/// Tells `compare` where the measured time starts and ends.
fn mark(args: &LoadArgs, what: &str) -> io::Result<()> {
    if args.marks {
        let mut out = io::stdout().lock();
        writeln!(out, "{what}")?;
        out.flush()?;
    }
    Ok(())
}

/// Why the first connection can't be made, and the way out.
fn no_server(args: &LoadArgs, error: &io::Error) -> anyhow::Error {
    let (address, workload) = (args.addr, args.workload);
    let engine = if workload == Workload::Json { "tokio" } else { "epoll" };
    bad_input(format!(
        "--addr {address}: cannot connect ({error}): start the server first, as with `corelane-bench serve \
         --engine {engine} --workload {workload} --addr {address}`"
    ))
}
