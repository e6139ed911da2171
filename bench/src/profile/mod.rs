//! Where the cycles of the in-memory echo go: a share of the time by function (perf), or instructions by function (valgrind);
//! and instructions beside those that are stored in the repository.
//!
//! | file | what |
//! |---|---|
//! | args | the flags |
//! | perf | sampling by perf, where the kernel allows it |
//! | callgrind | counting by valgrind: the same in each run |
//! | baseline | the stored counts, and how far the present ones may lie above |
//! | table | what is printed |

mod args;
mod baseline;
pub mod callgrind;
mod perf;
mod table;

use std::process::ExitCode;

use anyhow::Context;

use crate::error::{bad_input, tell};
use crate::memory;
use crate::sys::Stop;
use args::Tool;
pub use args::{Echo, ProfileArgs};

/// `corelane-bench profile`. Exit code 1 when a count lies above the stored one.
pub fn run(args: &ProfileArgs) -> anyhow::Result<ExitCode> {
    if !memory::ENGINES.contains(&args.engine) {
        return Err(bad_input(format!(
            "--engine {}: only the engines of the in-memory bed are profiled: use corelane-stack, corelane, corelane-poll, \
             smoltcp or smoltcp-steps",
            args.engine
        )));
    }
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    if let Some(path) = &args.baseline {
        return baseline::check(path, args, &stop);
    }
    match args.tool {
        Tool::Perf => table::print_shares(args, &perf::sample(args, &stop)?),
        Tool::Valgrind => table::print_counts(args, &callgrind::count(&args.echo(), &stop)?),
        Tool::Auto => match perf::sample(args, &stop) {
            Ok(shares) => table::print_shares(args, &shares),
            Err(reason) if !stop.requested() => {
                tell(format_args!("perf can't be had ({reason:#}): counting with valgrind\n"));
                table::print_counts(args, &callgrind::count(&args.echo(), &stop)?)
            }
            Err(error) => return Err(error),
        },
    }?;
    Ok(ExitCode::SUCCESS)
}
