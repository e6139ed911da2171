//! The flags.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::cli::Engine;

/// Who looks.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// perf where it is installed and allowed, else valgrind
    Auto,
    /// Samples of the time by function; needs the Debian package linux-perf and the right to use it
    Perf,
    /// Instructions by function, the same in each run; needs the Debian package valgrind
    Valgrind,
}

/// `corelane-bench profile`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
pub struct ProfileArgs {
    /// Both ends: corelane-stack, corelane, corelane-poll, smoltcp or smoltcp-steps
    #[arg(long, default_value = "corelane-stack")]
    pub engine: Engine,
    /// Connections, each with one request in flight
    #[arg(long, value_name = "N", default_value_t = 16, value_parser = crate::cli::connections)]
    pub connections: usize,
    /// Bytes of a request and of its answer
    #[arg(long, value_name = "BYTES", default_value_t = 64, value_parser = crate::cli::size)]
    pub size: usize,
    /// Who looks
    #[arg(long, default_value = "auto")]
    pub tool: Tool,
    /// Seconds that perf samples
    #[arg(long, value_name = "SECS", default_value = "3", value_parser = crate::cli::seconds)]
    pub duration: Duration,
    /// Functions to be listed
    #[arg(long, value_name = "N", default_value_t = 30)]
    pub top: usize,
    /// Count what this file lists with valgrind, and fail where it has become more (bench/instructions.json)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tool", "connections", "size", "duration", "top"])]
    pub baseline: Option<PathBuf>,
    /// With --baseline: how much more is allowed, in percent
    #[arg(long, value_name = "PERCENT", default_value_t = 2.0, value_parser = percent, requires = "baseline")]
    pub tolerance: f64,
    /// With --baseline: write the present counts to the file
    #[arg(long, requires = "baseline")]
    pub update: bool,
}

/// What is counted.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    /// Both ends.
    pub engine: Engine,
    /// Connections.
    pub connections: usize,
    /// Bytes each way.
    pub size: usize,
}

impl ProfileArgs {
    /// What the flags say.
    pub fn echo(&self) -> Echo {
        Echo { engine: self.engine, connections: self.connections, size: self.size }
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { engine, connections, size } = self;
        write!(formatter, "{engine}, {connections} connections, {size} bytes")
    }
}

impl Echo {
    /// The flags of `corelane-bench memory`.
    pub fn flags(&self) -> Vec<String> {
        let flag = |name: &str, value: String| [format!("--{name}"), value];
        [
            flag("engine", self.engine.to_string()),
            flag("connections", self.connections.to_string()),
            flag("size", self.size.to_string()),
        ]
        .concat()
    }
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to 100".to_owned())
}
