//! Connections beside those that are measured: idle ones, and slow readers.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::idle::Idle;
use super::slow::Slow;
use super::tally::Tally;
use crate::cli::{LoadArgs, LoadEngine, Workload};
use crate::error::bad_input;
use crate::sys::Stop;

/// What became of the connections beside those that are measured.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BesideReport {
    /// Connections that were idle in the measured time.
    pub idle: usize,
    /// Of these, those that were asked once after it.
    pub asked_again: usize,
    /// Connections that read slowly.
    pub slow: usize,
    /// Bytes that these got in all, each of them checked.
    pub slow_bytes: u64,
}

/// The connections on kernel sockets.
pub struct Beside {
    idle: Option<Idle>,
    slow: Option<Slow>,
}

impl Beside {
    /// Makes those that `args` ask for.
    pub fn start(args: &LoadArgs, stop: &Stop) -> anyhow::Result<Self> {
        let idle = (args.idle > 0).then(|| Idle::open(args, stop)).transpose()?;
        let slow = (args.slow > 0).then(|| Slow::start(args, stop)).transpose()?;
        Ok(Self { idle, slow })
    }

    /// Looks what became of them; what is wrong is in the tally.
    pub fn end(self, args: &LoadArgs, tally: &mut Tally) -> anyhow::Result<BesideReport> {
        // The slow ones first: what the server holds for them must not hinder the others' questions.
        let slow_bytes = self.slow.map_or(Ok(0), |slow| slow.end(tally))?;
        let asked_again = self.idle.map_or(0, |idle| idle.end(args, tally));
        Ok(BesideReport { idle: args.idle, asked_again, slow: args.slow, slow_bytes })
    }
}

/// Refuses them where there is nothing that they could be beside.
pub fn check(args: &LoadArgs) -> anyhow::Result<()> {
    let (name, count, fits, which) = if args.slow > 0 {
        ("--slow", args.slow, args.workload == Workload::Echo, "echo")
    } else if args.idle > 0 {
        let stays = matches!(args.workload, Workload::Echo | Workload::Http | Workload::Json);
        ("--idle", args.idle, stays, "echo, http or json")
    } else {
        return Ok(());
    };
    if !fits {
        let workload = args.workload;
        return Err(bad_input(format!(
            "{name} {count}: {workload} has none beside it: take --workload {which}"
        )));
    }
    if args.engine == LoadEngine::Wrk {
        return Err(bad_input(format!("{name} {count}: wrk has none: take --engine epoll or corelane")));
    }
    Ok(())
}

impl fmt::Display for BesideReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { idle, asked_again, slow, slow_bytes } = self;
        if *idle > 0 {
            writeln!(
                formatter,
                "  beside {idle} idle connections, of which {asked_again} were asked once at the end"
            )?;
        }
        if *slow > 0 {
            writeln!(formatter, "  beside {slow} slow readers, which got {slow_bytes} bytes")?;
        }
        Ok(())
    }
}
