//! What `compare` wrote: as a page, and beside what another run wrote.
//!
//! | file | what |
//! |---|---|
//! | args | the flags |
//! | file | reading a report, and refusing what is none |
//! | diff | two reports row by row |
//! | bootstrap | how sure a ratio of two medians is |

pub mod args;
mod bootstrap;
mod diff;
mod file;
#[cfg(test)]
mod fixture;

use std::io::{self, Write};
use std::process::ExitCode;

use args::{DiffArgs, ReportArgs, ReportCommand};
use diff::Diff;

/// `corelane-bench report`.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ReportCommand::Diff(args) => compare(args),
    }
}

/// Exit code 1 when a row is slower by more than `--fail-on-slower` allows.
fn compare(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let diff = Diff::new(&file::read(&args.first)?, &file::read(&args.second)?, args.seed);
    write!(io::stdout(), "{diff}")?;
    let too_slow = args.fail_on_slower.is_some_and(|percent| diff.is_slower_by(percent));
    Ok(if too_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
