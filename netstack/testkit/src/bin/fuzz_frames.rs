//! Fuzzes the stack on stable Rust, where cargo-fuzz can't be had: random and mutated inputs for a given time.
//!
//! `cargo run --release -p corelane-testkit --bin fuzz_frames -- --seconds 60 --seed 1`
//!
//! A failure prints the command that runs its input alone.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use corelane_testkit::fuzz;

#[derive(Debug, Parser)]
#[command(
    about = "Random frames into a stack that holds live connections, and conversations over a wire that misbehaves"
)]
struct Args {
    /// How long to run.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// What the inputs are made from; without it, from the time.
    #[arg(long)]
    seed: Option<u64>,
    /// Run only the input with this number.
    #[arg(long)]
    index: Option<u64>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_micros() as u64) // any will do
    });
    println!("seed {seed}");
    if let Some(index) = args.index {
        return run(seed, index);
    }
    let start = Instant::now();
    let mut index = 0;
    while start.elapsed() < Duration::from_secs(args.seconds) {
        if run(seed, index) != ExitCode::SUCCESS {
            return ExitCode::FAILURE;
        }
        index += 1;
    }
    println!(
        "{index} inputs in {:.0} s: no panic, no leak, the connections still work",
        start.elapsed().as_secs_f64()
    );
    if index == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// One input for each harness. The panic itself has told what is wrong.
fn run(seed: u64, index: u64) -> ExitCode {
    let input = fuzz::input(seed, index);
    for (name, harness) in [
        ("frames", fuzz::frames as fn(&[u8])),
        ("options", fuzz::options),
        ("conversation", fuzz::conversation),
    ] {
        if catch_unwind(|| harness(&input)).is_err() {
            eprintln!("{name} failed with input {index}; to run it alone:");
            eprintln!("cargo run -p corelane-testkit --bin fuzz_frames -- --seed {seed} --index {index}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
