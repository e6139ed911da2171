//! Seeded transfers by the thousand: `cargo run --release -p corelane-testkit -- --seeds 0..1000`; and packet scripts:
//! `cargo run -p corelane-testkit -- script FILE...`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use corelane_testkit::packet_script;
use corelane_testkit::transfer::{Outcome, Plan, run};

/// Transfers between two stacks in virtual time, under faults drawn from a seed.
///
/// Each byte and each frame is checked, and that nothing is left over at the end. A seed that fails is
/// printed with the command that replays it; then the exit code is 1.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// The seeds to run, as FIRST..END (END is not run)
    #[arg(long, value_parser = range, default_value = "0..1000", conflicts_with = "seed")]
    seeds: Range<u64>,
    /// Run this seed alone and say what it stands for
    #[arg(long)]
    seed: Option<u64>,
    /// Write what an observer at end A sees to this file, as pcap
    #[arg(long, value_name = "FILE", requires = "seed")]
    pcap: Option<PathBuf>,
    /// Let every segment of that seed take the long way through the stacks
    #[arg(long, requires = "seed")]
    without_prediction: bool,
    /// Run every seed twice, not only every tenth: without header prediction its capture must be the same to the byte
    #[arg(long)]
    check_determinism: bool,
    /// Go on after a seed that fails
    #[arg(long)]
    keep_going: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Play packet scripts in packetdrill's notation; the exit code is 1 when one fails
    Script {
        /// The scripts
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
}

fn range(text: &str) -> Result<Range<u64>, String> {
    let help = "give FIRST..END, such as 0..1000";
    let (first, end) = text.split_once("..").ok_or(help)?;
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("'{text}': {e}; {help}"));
    let range = number(first)?..number(end)?;
    if range.is_empty() { Err(format!("no seed in {text}; {help}")) } else { Ok(range) }
}

/// Runs a seed, and again where asked, without header prediction then: the same capture must come out.
fn check(seed: u64, twice: bool) -> Result<Outcome, String> {
    let plan = Plan::draw(seed);
    let outcome = run(&plan, None).map_err(|failure| failure.to_string())?;
    if twice {
        let again = run(&plan.without_prediction(), None).map_err(|failure| failure.to_string())?;
        if again != outcome {
            return Err(format!("a run without header prediction differs: {outcome:?}, then {again:?}"));
        }
    }
    Ok(outcome)
}

fn run_all(arguments: &Arguments) -> ExitCode {
    let seeds = &arguments.seeds;
    let (mut bytes, mut segments, mut failed) = (0, 0, 0u64);
    for seed in seeds.clone() {
        match check(seed, arguments.check_determinism || seed.is_multiple_of(10)) {
            Ok(outcome) => {
                bytes += outcome.bytes;
                segments += outcome.sent.0;
            }
            Err(what) => {
                failed += 1;
                println!("seed {seed} failed {what}");
                println!(
                    "replay it: cargo run --release -p corelane-testkit -- --seed {seed} --pcap seed-{seed}.pcap"
                );
                if !arguments.keep_going {
                    break;
                }
            }
        }
        if (seed + 1 - seeds.start).is_multiple_of(100) {
            println!(
                "{} of {} seeds, {bytes} bytes, {segments} segments",
                seed + 1 - seeds.start,
                seeds.end - seeds.start
            );
            let _ = std::io::stdout().flush(); // progress alone
        }
    }
    if failed > 0 {
        println!("{failed} seeds failed");
        return ExitCode::FAILURE;
    }
    println!(
        "{} seeds passed: {bytes} bytes read intact, {segments} segments checked",
        seeds.end - seeds.start
    );
    ExitCode::SUCCESS
}

fn run_one(seed: u64, arguments: &Arguments) -> ExitCode {
    let mut plan = Plan::draw(seed);
    if arguments.without_prediction {
        plan = plan.without_prediction();
    }
    println!("{plan:#?}");
    let capture = arguments.pcap.as_ref().map(|path| File::create(path).map_err(|e| (path, e))).transpose();
    let capture = match capture {
        Ok(file) => file.map(|file| Box::new(BufWriter::new(file)) as Box<dyn Write>),
        Err((path, error)) => {
            eprintln!("--pcap {}: {error}: name a file that can be written", path.display());
            return ExitCode::from(2);
        }
    };
    match run(&plan, capture) {
        Ok(outcome) => println!("seed {seed} passed: {outcome:?}"),
        Err(failure) => {
            println!("seed {seed} failed {failure}");
            return ExitCode::FAILURE;
        }
    }
    match check(seed, true) {
        Ok(_) => ExitCode::SUCCESS,
        Err(what) => {
            println!("seed {seed} failed {what}");
            ExitCode::FAILURE
        }
    }
}

fn play_all(files: &[PathBuf]) -> ExitCode {
    let mut failed = 0;
    for file in files {
        let played = std::fs::read_to_string(file)
            .map_err(|error| error.to_string())
            .and_then(|text| packet_script::play(&text).map_err(|failure| failure.to_string()));
        match played {
            Ok(()) => println!("{}: passed", file.display()),
            Err(what) => {
                failed += 1;
                println!("{}: failed, {what}", file.display());
            }
        }
    }
    println!("{} passed, {failed} failed", files.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match (&arguments.command, arguments.seed) {
        (Some(Command::Script { files }), _) => play_all(files),
        (None, Some(seed)) => run_one(seed, &arguments),
        (None, None) => run_all(&arguments),
    }
}
