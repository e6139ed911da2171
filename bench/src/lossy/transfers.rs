//! All the transfers, in rounds.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;

use super::args::LossyArgs;
use super::cell::Network;
use super::pool;
use super::report::{Report, Series};
use super::transfer::{Direction, Job, Transfer};
use crate::cli::ClientEngine;
use crate::error::{bad_input, tell};
use crate::load;
use crate::netns;
use crate::sys::Stop;

const DIRECTIONS: [Direction; 2] = [Direction::Out, Direction::In];
const ENGINES: [ClientEngine; 2] = [ClientEngine::Epoll, ClientEngine::Corelane];

/// `corelane-bench lossy`. Exit code 1 when a byte was wrong, a connection broke, or corelane is too slow.
pub fn run(args: &LossyArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    // Before the work: a wrong path must not cost the whole run.
    let mut json = args.json.as_deref().map(load::create).transpose()?;
    if let Some(path) = &args.markdown {
        fs::write(path, "").map_err(|error| bad_input(format!("--markdown {}: {error}", path.display())))?;
    }
    if let Some(path) = &args.pcap {
        fs::create_dir_all(path).map_err(|error| bad_input(format!("--pcap {}: {error}", path.display())))?;
    }
    netns::remove_stale();
    let networks = Network::all(args);
    let jobs = jobs(args, &networks);
    let done = pool::run(&jobs, args.common.jobs, &stop, |job| {
        let transfer = job.run(capture(args, job).as_deref(), &stop).with_context(|| name(job))?;
        tell(format_args!("{}: {}\n", name(job), line(&transfer)));
        Ok(transfer)
    })?;
    let report = Report::new(args, series(args, &networks, &done));
    write!(io::stdout().lock(), "{}", report.table())?;
    if let Some(file) = &mut json {
        writeln!(file, "{}", serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(path) = &args.markdown {
        fs::write(path, report.table()).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Round by round, and in a round the two engines side by side: a slow hour of the machine hits both alike.
fn jobs<'a>(args: &'a LossyArgs, networks: &[Network]) -> Vec<Job<'a>> {
    let mut jobs = Vec::new();
    for round in 0..args.rounds {
        for &network in networks {
            for direction in DIRECTIONS {
                jobs.extend(ENGINES.map(|engine| Job {
                    network,
                    direction,
                    engine,
                    seed: args.common.seed + u64::from(round),
                    bytes: args.mib << 20,
                    limit: args.seconds,
                    congestion: &args.common.congestion,
                }));
            }
        }
    }
    jobs
}

/// The results of all rounds by network and direction; `done` has them in the order of [`jobs`].
fn series(args: &LossyArgs, networks: &[Network], done: &[Transfer]) -> Vec<Series> {
    let in_a_round = networks.len() * DIRECTIONS.len() * ENGINES.len();
    let mut all = Vec::new();
    for (place, &network) in networks.iter().enumerate() {
        for (side, direction) in DIRECTIONS.into_iter().enumerate() {
            let first = (place * DIRECTIONS.len() + side) * ENGINES.len();
            let of = |engine: usize| {
                (0..args.rounds as usize)
                    .map(|round| done[round * in_a_round + first + engine].clone())
                    .collect()
            };
            all.push(Series { network, direction, kernel: of(0), corelane: of(1) });
        }
    }
    all
}

fn name(job: &Job<'_>) -> String {
    let (engine, network, seed) = (engine(job.engine), job.network, job.seed);
    match job.direction {
        Direction::Out => format!("{network}, {engine} to kernel, seed {seed}"),
        Direction::In => format!("{network}, kernel to {engine}, seed {seed}"),
    }
}

fn engine(engine: ClientEngine) -> &'static str {
    match engine {
        ClientEngine::Epoll => "kernel",
        ClientEngine::Corelane => "corelane",
    }
}

fn capture(args: &LossyArgs, job: &Job<'_>) -> Option<String> {
    let network = job.network;
    let name = format!(
        "{}-{:?}-loss{}-rtt{}-{}-seed{}.pcap",
        engine(job.engine),
        job.direction,
        network.loss,
        network.rtt_ms,
        if network.disorder { "disorder" } else { "order" },
        job.seed
    );
    args.pcap.as_ref().map(|folder| folder.join(name).to_string_lossy().into_owned())
}

fn line(transfer: &Transfer) -> String {
    let Transfer { receiver, sender, forwarder, goodput } = transfer;
    let sent = sender.as_ref().map_or_else(String::new, |sender| {
        format!(", {} segments sent again, {} time-outs", sender.retransmitted(), sender.timeouts())
    });
    let full = forwarder.a_to_b.queue_full + forwarder.b_to_a.queue_full;
    let missed = forwarder.a_to_b.missed + forwarder.b_to_a.missed;
    let missed = if missed > 0 { format!(", {missed} MISSED by the forwarder") } else { String::new() };
    format!(
        "{goodput:.2} Mbit/s ({} in {:.2} s), {} wrong{sent}, {full} dropped at the queue{missed}",
        receiver.ending, receiver.seconds, receiver.wrong
    )
}
