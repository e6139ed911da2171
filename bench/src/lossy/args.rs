//! The flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{congestion, seconds};
use crate::forward::args::{milliseconds, percent};

/// Whether some segments are overtaken and some arrive twice.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disorder {
    /// All in order, each once.
    Off,
    /// 1 % held up for a tenth of the round-trip time and 1 ms, 1 % twice.
    On,
}

/// `corelane-bench lossy`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
pub struct LossyArgs {
    /// The network of the measurement
    #[command(flatten)]
    pub common: CommonArgs,
    /// MiB of a transfer
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u64).range(1..=4096))]
    pub mib: u64,
    /// Seconds after which a transfer is cut; its goodput is that of what was received by then
    #[arg(long, value_name = "S", default_value = "20", value_parser = seconds)]
    pub seconds: Duration,
    /// Rounds; the medians count
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    pub rounds: u32,
    /// Further rounds of what is below --least then: where time-outs decide, goodput differs much from round to round
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(0..=100))]
    pub more: u32,
    /// Shares of segments lost in each direction, in per cent
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0,0.1,1,5", value_parser = percent)]
    pub loss: Vec<f64>,
    /// Round-trip times in milliseconds, half of it in each direction
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "0,10,100", value_parser = milliseconds)]
    pub rtt: Vec<Duration>,
    /// Reordering and duplication
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "off,on")]
    pub disorder: Vec<Disorder>,
    /// The bottleneck's rate in Mbit/s; its queue holds a bandwidth-delay product, and 100 frames at least
    #[arg(long, value_name = "MBIT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub rate: u32,
    /// The least goodput of corelane, as a share of the kernel's
    #[arg(long, value_name = "RATIO", default_value_t = 0.8)]
    pub least: f64,
    /// Write captures there, as an observer beside the compared end sees them
    #[arg(long, value_name = "FOLDER")]
    pub pcap: Option<PathBuf>,
    /// Write the results as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the table as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
}

/// `corelane-bench differ`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
pub struct DifferArgs {
    /// The network of the conversations
    #[command(flatten)]
    pub common: CommonArgs,
    /// Conversations; sixteen in a row have all endings from both sides
    #[arg(long, value_name = "N", default_value_t = 48, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub conversations: u64,
    /// Write captures there, as an observer beside the compared end sees them
    #[arg(long, value_name = "FOLDER")]
    pub pcap: Option<PathBuf>,
}

/// What both share.
#[derive(Args, Debug)]
pub struct CommonArgs {
    /// The first seed
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Congestion control at both ends, one that corelane has and net.ipv4.tcp_available_congestion_control names
    #[arg(long, value_name = "NAME", default_value = "cubic", value_parser = congestion)]
    pub congestion: String,
    /// Runs side by side, each with a forwarder and two ends
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub jobs: u32,
}
