//! The share of the time that each function takes, sampled by perf.

use std::process::{Command, Output, Stdio};

use anyhow::Context;

use super::args::ProfileArgs;
use crate::sys::Stop;

/// Samples a second; odd, so that they don't go in step with a timer.
const FREQUENCY: &str = "1997";

/// The share of the samples in each function, in percent, most first.
pub type Shares = Vec<(String, f64)>;

/// Samples an echo.
///
/// # Errors
/// perf is missing, not allowed, or took no samples; a stop was asked for.
pub fn sample(args: &ProfileArgs, stop: &Stop) -> anyhow::Result<Shares> {
    let binary = std::env::current_exe().context("finding the path of this binary")?;
    let data = std::env::temp_dir().join(format!("corelane-profile-{}.perf", std::process::id()));
    let mut record = Command::new("perf");
    record.args(["record", "--quiet", "--freq", FREQUENCY, "--output"]).arg(&data).arg("--").arg(&binary);
    record.arg("memory").args(args.echo().flags());
    record.args(["--warmup", "1", "--duration", &args.duration.as_secs_f64().to_string()]);
    let recorded = run(&mut record);
    let mut report = Command::new("perf");
    report
        .args(["report", "--stdio", "--quiet", "--no-children", "--fields", "overhead,symbol", "--input"])
        .arg(&data);
    let shares =
        recorded.and_then(|_| run(&mut report)).map(|output| parse(&String::from_utf8_lossy(&output.stdout)));
    let _not_there = std::fs::remove_file(&data);
    anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
    let shares = shares?;
    anyhow::ensure!(!shares.is_empty(), "perf took no samples");
    Ok(shares)
}

fn run(command: &mut Command) -> anyhow::Result<Output> {
    let output = match command.stdin(Stdio::null()).output() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            anyhow::bail!("perf is missing: apt-get install linux-perf")
        }
        output => output.context("starting perf")?,
    };
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        anyhow::bail!("perf failed ({}): {first}", output.status);
    }
    Ok(output)
}

/// Lines such as `    35.63%  [.] corelane_netstack::stack::Stack::receive`.
fn parse(text: &str) -> Shares {
    let line = |line: &str| {
        let (share, symbol) = line.trim().split_once('%')?;
        let share = share.parse::<f64>().ok()?;
        let symbol = symbol.trim_start();
        let (place, name) = symbol.split_once(' ')?;
        let name = if place == "[k]" { format!("{name} (kernel)") } else { name.to_owned() };
        Some((name, share))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests;
