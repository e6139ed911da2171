//! What `compare` wrote: as a page, and beside what another run wrote.
//!
//! | file | what |
//! |---|---|
//! | args | the flags |
//! | file | reading a report, and refusing what is none |
//! | page | a report as HTML |
//! | diff | two reports row by row |
//! | bootstrap | how sure a ratio of two medians is |

pub mod args;
mod bootstrap;
mod diff;
mod file;
#[cfg(test)]
pub mod fixture;
pub mod page;

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::error::bad_input;
use args::{DiffArgs, HtmlArgs, ReportArgs, ReportCommand};
use diff::Diff;

/// `corelane-bench report`.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        ReportCommand::Html(args) => html(args),
        ReportCommand::Diff(args) => compare(args),
    }
}

fn html(args: &HtmlArgs) -> anyhow::Result<ExitCode> {
    let report = file::read(&args.file)?;
    let path = args.output.clone().unwrap_or_else(|| args.file.with_extension("html"));
    fs::write(&path, page::render(&report)).map_err(|error| {
        let path = path.display();
        bad_input(format!("{path}: cannot write there ({error}): give another place with --output"))
    })?;
    writeln!(io::stdout(), "written to {}", path.display())?;
    Ok(ExitCode::SUCCESS)
}

/// Exit code 1 when a row is slower by more than `--fail-on-slower` allows.
fn compare(args: &DiffArgs) -> anyhow::Result<ExitCode> {
    let diff = Diff::new(&file::read(&args.first)?, &file::read(&args.second)?, args.seed);
    write!(io::stdout(), "{diff}")?;
    let too_slow = args.fail_on_slower.is_some_and(|percent| diff.is_slower_by(percent));
    Ok(if too_slow { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
