//! All the transfers, in rounds.

use std::fs;
use std::io::{self, Write};
use std::ops::Range;
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
    let mut series = Series::all(&Network::all(args));
    let all: Vec<usize> = (0..series.len()).collect();
    let say = |line: &str| tell(format_args!("{line}\n"));
    measure(args, &mut series, &all, 0..args.rounds, &say, &stop)?;
    let slow: Vec<usize> = all.into_iter().filter(|index| series[*index].ratio() < args.least).collect();
    if !slow.is_empty() && args.more > 0 {
        tell(format_args!(
            "{} are slower than they should be: {} rounds more of these\n",
            slow.len(),
            args.more
        ));
        measure(args, &mut series, &slow, args.rounds..args.rounds + args.more, &say, &stop)?;
    }
    let report = Report::new(args, series);
    write!(io::stdout().lock(), "{}", report.table())?;
    if let Some(file) = &mut json {
        writeln!(file, "{}", serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(path) = &args.markdown {
        fs::write(path, report.table()).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Measures those of `series` that are `chosen`, and adds the results: round by round, and in a round the two engines side by
/// side, so that a slow hour of the machine hits both alike. `say` is told of each.
///
/// # Errors
/// The first transfer that could not be carried out; of this call nothing is added then.
pub fn measure(
    args: &LossyArgs,
    series: &mut [Series],
    chosen: &[usize],
    rounds: Range<u32>,
    say: &(dyn Fn(&str) + Sync),
    stop: &Stop,
) -> anyhow::Result<()> {
    let mut jobs = Vec::new();
    for round in rounds {
        for &index in chosen {
            let Series { network, direction, .. } = series[index];
            jobs.extend(ENGINES.map(|engine| {
                let seed = args.common.seed + u64::from(round);
                let congestion = args.common.congestion.as_str();
                let (bytes, limit) = (args.mib << 20, args.seconds);
                (index, Job { network, direction, engine, seed, bytes, limit, congestion })
            }));
        }
    }
    let done = pool::run(&jobs, args.common.jobs, stop, |(_, job)| {
        let transfer = job.run(capture(args, job).as_deref(), stop).with_context(|| name(job))?;
        say(&format!("{}: {}", name(job), line(&transfer)));
        Ok(transfer)
    })?;
    for ((index, job), transfer) in jobs.iter().zip(done) {
        match job.engine {
            ClientEngine::Epoll => series[*index].kernel.push(transfer),
            ClientEngine::Corelane => series[*index].corelane.push(transfer),
        }
    }
    Ok(())
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
