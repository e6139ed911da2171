//! The flags.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::forward::args::percent;

/// `corelane-bench report`.
#[derive(Args, Debug)]
pub struct ReportArgs {
    /// What to do with them
    #[command(subcommand)]
    pub command: ReportCommand,
}

/// What can be done with the files that `compare --json` writes.
#[derive(Subcommand, Debug)]
pub enum ReportCommand {
    /// Make the page that `compare` writes beside its JSON anew
    Html(HtmlArgs),
    /// Compare two reports row by row
    Diff(DiffArgs),
}

/// `corelane-bench report html`.
#[derive(Args, Debug)]
pub struct HtmlArgs {
    /// What `compare --json` wrote
    #[arg(value_name = "A.json")]
    pub file: PathBuf,
    /// Where to write the page: one file, which needs no other and no network [default: A.html]
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

const DIFF_HELP: &str = "\
A row's ratio is that of the medians over the rounds, B to A: of requests a second, and for bulk and bulk-up of Gbit/s.
Its interval is found by bootstrap: 10,000 times as many rounds as there are, drawn with replacement from those of A and
from those of B, give a ratio each; between the 2.5 % lowest and the 2.5 % highest of these is the interval of 95 %.
`faster` and `slower` say that it is above or below 1, `same` that 1 is in it: that no difference was shown. Of 20 rows
without a difference one will say otherwise. With less than 5 rounds in A or B nothing is said. Rounds tell nothing of
what changes between two runs, such as a machine's neighbours: make several runs by turns before you believe a few
per cent. Below the table stands by how much the machine was another (the rows of epoll and smoltcp), and of how many rows
the ratios to these, with the intervals that the two reports print, agree: those are of rounds in which both were measured
within minutes. The columns of p50 and p99 are ratios too, and below 1 is better. The verdict on a row of an open loop, whose
rate is given, is that of p99; A and B are then asked at the same part of their own knees, which may differ.";

/// `corelane-bench report diff`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
#[command(after_help = DIFF_HELP)]
pub struct DiffArgs {
    /// The first report: what is compared with
    #[arg(value_name = "A.json")]
    pub first: PathBuf,
    /// The second
    #[arg(value_name = "B.json")]
    pub second: PathBuf,
    /// Exit code 1 when a row is slower, and its ratio is so many per cent below 1 or more; p99 of an open loop, above
    #[arg(long, value_name = "PERCENT", value_parser = percent)]
    pub fail_on_slower: Option<f64>,
    /// Of the bootstrap: the same files and the same seed give the same intervals
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}
