//! A hostile peer on a real link: forged frames through a packet socket, bounded in number and in time, towards one private
//! address, and only inside a network namespace.
//!
//! | file | what |
//! |---|---|
//! | args, report | the flags; what was sent and heard |
//! | link | the interface: sending at a rate, hearing |
//! | segment | a TCP segment as a frame and back |
//! | pace | when frames are due. No clock |
//! | live | a kernel connection whose numbers are overheard |
//! | flood, sweep, gaps | the attacks |

pub mod args;
mod flood;
mod gaps;
mod link;
mod live;
mod pace;
mod report;
mod segment;
mod sweep;

use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::Context;
use smoltcp::wire::TcpControl;

use crate::sys::Stop;
use crate::sys::packet::sleep_precisely;
pub use args::AttackArgs;
use args::Kind;
use link::Link;
use report::Report;
use segment::Segment;

/// The lines on stdout that say that it begins, and that all is sent; the report follows as one line of JSON.
const READY: &str = "attacking";
const SENT: &str = "sent";

/// `corelane-bench attack`.
pub fn run(args: &AttackArgs) -> anyhow::Result<ExitCode> {
    let stop = Stop::install().context("taking SIGINT and SIGTERM")?;
    sleep_precisely()?;
    let mut link = Link::open(&args.interface, args.target, stop)?;
    say(READY)?;
    let (target, much) = (args.target, (args.rate, args.frames()));
    let sent = || Ok(say(SENT)?);
    let link = &mut link;
    let report = match args.kind {
        Kind::SynFlood => Report::SynFlood(flood::run(link, target, much, args.linger, sent)?),
        Kind::RstSweep => Report::RstSweep(sweep::run(link, target, TcpControl::Rst, much, sent)?),
        Kind::SynSweep => Report::SynSweep(sweep::run(link, target, TcpControl::Syn, much, sent)?),
        Kind::Gaps => Report::Gaps(gaps::run(link, target, much, sent)?),
    };
    say(&serde_json::to_string(&report)?)?;
    Ok(ExitCode::SUCCESS)
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
