//! Seeded conversations: the compared end is once the kernel and once corelane, across the same network. Both ends must
//! see the same bytes and the same ending.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use super::args::{DifferArgs, Disorder};
use super::bed::{Bed, Place};
use super::cell::Network;
use super::{pool, transfer};
use crate::cli::ClientEngine;
use crate::error::bad_input;
use crate::netns;
use crate::sys::Stop;
use crate::talk::args::Side;
use crate::talk::plan::Plan;
use crate::talk::report::Ending;

/// For a conversation to end, with all that is lost.
const PATIENCE: Duration = Duration::from_secs(180);

/// The bottleneck's rate in Mbit/s.
const RATE: u32 = 100;

/// What an end saw: bytes (0 where they hang on who was quicker), wrong bytes, the ending.
type Seen = (u64, u64, Ending);

/// `corelane-bench differ`. Exit code 1 when an end saw other things than its counterpart.
pub fn run(args: &DifferArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    if let Some(path) = &args.pcap {
        fs::create_dir_all(path).map_err(|error| bad_input(format!("--pcap {}: {error}", path.display())))?;
    }
    netns::remove_stale();
    let seeds: Vec<u64> = (args.common.seed..).take(args.conversations as usize).collect(); // 100,000 at most
    let differences = pool::run(&seeds, args.common.jobs, &stop, |&seed| {
        let hold = |engine, name| {
            let pcap = args.pcap.as_deref().map(|folder| capture(folder, seed, name));
            hold(engine, seed, &args.common.congestion, pcap.as_deref(), &stop)
                .with_context(|| format!("seed {seed}, {name} and kernel"))
        };
        let kernel = hold(ClientEngine::Epoll, "kernel")?;
        let corelane = hold(ClientEngine::Corelane, "corelane")?;
        say(seed, &kernel, &corelane)?;
        Ok(kernel != corelane || kernel.iter().any(|seen| seen.1 > 0))
    })?;
    let differences = differences.into_iter().filter(|differ| *differ).count();
    writeln!(io::stdout().lock(), "{} conversations, {differences} differ", seeds.len())?;
    Ok(if differences == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn capture(folder: &Path, seed: u64, name: &str) -> String {
    folder.join(format!("conversation{seed}-{name}.pcap")).to_string_lossy().into_owned()
}

/// Holds it; what a and b saw.
fn hold(
    engine: ClientEngine,
    seed: u64,
    congestion: &str,
    pcap: Option<&str>,
    stop: &Stop,
) -> anyhow::Result<[Seen; 2]> {
    let plan = Plan::draw(seed);
    let disorder = if plan.weather.disorder { Disorder::On } else { Disorder::Off };
    let network = Network::new(plan.weather.loss, plan.weather.rtt, disorder, RATE);
    let bed = Bed::make(engine, congestion)?;
    let forwarder = bed.forward(&network, seed, pcap, stop)?;
    let listener = if plan.listener == Side::A { Place::A } else { Place::B };
    let [a, b] = ["a", "b"].map(|side| [format!("--conversation={seed}"), format!("--side={side}")]);
    let mut ends = bed.talk(listener, [&a, &b], stop)?;
    let mut seen = Vec::new();
    for end in &mut ends {
        let report = transfer::report(end, PATIENCE, stop)?;
        let received = if plan.finish.is_a_race() { 0 } else { report.received };
        seen.push((received, report.wrong, report.ending));
    }
    for end in ends {
        end.finish(stop);
    }
    forwarder.finish(stop);
    seen.try_into().map_err(|_| anyhow::anyhow!("a connection has two ends"))
}

fn say(seed: u64, kernel: &[Seen; 2], corelane: &[Seen; 2]) -> io::Result<()> {
    let plan = Plan::draw(seed);
    let mut out = io::stdout().lock();
    let what = format!("seed {seed}: {:?}, {:?} first, {:?} listens", plan.finish, plan.first, plan.listener);
    let show = |(bytes, wrong, ending): &Seen| {
        let wrong = if *wrong > 0 { format!(", {wrong} WRONG") } else { String::new() };
        format!("{bytes} bytes{wrong}, {ending}")
    };
    let [a, b] = corelane.each_ref().map(show);
    if kernel == corelane {
        writeln!(out, "{what}: a {a}; b {b}")
    } else {
        let [kernel_a, kernel_b] = kernel.each_ref().map(show);
        writeln!(out, "{what}: DIFFERENT\n  corelane: a {a}; b {b}\n  kernel:   a {kernel_a}; b {kernel_b}")
    }
}
