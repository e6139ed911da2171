//! Instructions that are stored in the repository, so that a change which costs some is seen where it is made.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::args::{Echo, ProfileArgs};
use super::{callgrind, table};
use crate::error::{bad_input, tell};
use crate::sys::Stop;

/// The file.
#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
struct Baseline {
    /// The compiler that made the counted program: another one counts otherwise.
    rustc: String,
    /// How to make it anew.
    update: String,
    /// What is counted.
    rows: Vec<Row>,
}

#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
struct Row {
    #[serde(flatten)]
    echo: Echo,
    /// Of a request, both ends.
    instructions: u64,
}

impl Row {
    /// How many times as many there are now.
    fn ratio(&self, now: f64) -> f64 {
        now / self.instructions.max(1) as f64 // far below 2^53
    }
}

const UPDATE: &str =
    "cargo run --release -p corelane-bench -- profile --baseline bench/instructions.json --update";

/// Counts all that the file lists. Exit code 1 when something has become more than `--tolerance` allows.
pub fn check(path: &Path, args: &ProfileArgs, stop: &Stop) -> anyhow::Result<ExitCode> {
    let stored = read(path)?;
    let rustc = env!("CORELANE_RUSTC");
    if !args.update && stored.rustc != rustc {
        let Baseline { rustc: its, .. } = &stored;
        tell(format_args!(
            "not judged: {} is of {its}, this program of {rustc}: use that compiler, or --update\n",
            path.display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let mut report = table::table(&["both ends, an echo", "stored", "now", "ratio"]);
    let mut is_worse = false;
    let mut rows = Vec::new();
    for row in stored.rows {
        let now = callgrind::count(&row.echo, stop)?.total();
        let ratio = row.ratio(now);
        is_worse |= ratio > 1.0 + args.tolerance / 100.0;
        report.add_row([
            row.echo.to_string(),
            row.instructions.to_string(),
            format!("{now:.0}"),
            format!("{ratio:.3}"),
        ]);
        rows.push(Row { instructions: now.round() as u64, ..row }); // some thousands
    }
    writeln!(io::stdout(), "{report}")?;
    if args.update {
        write(path, &Baseline { rustc: rustc.to_owned(), update: UPDATE.to_owned(), rows })?;
        return Ok(ExitCode::SUCCESS);
    }
    if is_worse {
        tell(format_args!(
            "instructions have become more by over {} %: see where with `corelane-bench profile --tool valgrind`; if they are \
             worth it, `{UPDATE}`\n",
            args.tolerance
        ));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn read(path: &Path) -> anyhow::Result<Baseline> {
    let text = fs::read_to_string(path)
        .map_err(|error| bad_input(format!("--baseline {}: {error}", path.display())))?;
    serde_json::from_str(&text).map_err(|error| {
        bad_input(format!("--baseline {}: {error}: see bench/instructions.json", path.display()))
    })
}

fn write(path: &Path, baseline: &Baseline) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(baseline)? + "\n";
    fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests;
