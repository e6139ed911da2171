//! The flags.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// The longest time that a flag may name, in milliseconds.
const LONGEST: f64 = 60_000.0;

/// `corelane-bench forward`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
pub struct ForwardArgs {
    /// One interface; its host sends no frame longer than 1514 bytes (offloads off)
    #[arg(long, value_name = "IF")]
    pub a: String,
    /// The other one
    #[arg(long, value_name = "IF")]
    pub b: String,
    /// What happens to frames
    #[command(flatten)]
    pub faults: FaultArgs,
    /// The same seed does the same to the same sequence of frames, in each direction by itself
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Write what an observer at a sees, as pcap
    #[arg(long, value_name = "FILE")]
    pub pcap: Option<PathBuf>,
    /// Started by process PID: end with it, in a session of its own
    #[arg(long, value_name = "PID", hide = true)]
    pub parent: Option<u32>,
    /// End when stdin ends
    #[arg(long, hide = true)]
    pub control: bool,
}

/// What happens to TCP segments on the way, in each direction. All other frames are only delayed.
#[derive(Args, Debug, Clone)]
pub struct FaultArgs {
    /// How many are lost
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub loss: f64,
    /// How long each is on the way, in milliseconds; the round-trip time is twice that
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub delay: Duration,
    /// At most this much more, evenly spread; it alone never reorders
    #[arg(long, value_name = "MS", default_value = "0", value_parser = milliseconds)]
    pub jitter: Duration,
    /// How many are held up, so that later ones overtake them
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub reorder: f64,
    /// How long these are held up
    #[arg(long, value_name = "MS", default_value = "1", value_parser = milliseconds)]
    pub reorder_delay: Duration,
    /// How many arrive twice
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, value_parser = percent)]
    pub duplicate: f64,
    /// The bottleneck's rate in Mbit/s of whole frames; 0: none
    #[arg(long, value_name = "MBIT", default_value_t = 0)]
    pub rate: u32,
    /// Frames that wait at the bottleneck at most; what comes then is dropped
    #[arg(long, value_name = "FRAMES", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
    pub queue: u32,
}

/// A percentage.
pub fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "expected a percentage from 0 to 100".to_owned())
}

/// Milliseconds, with a fraction where wanted.
pub fn milliseconds(text: &str) -> Result<Duration, String> {
    let time = text.parse().ok().filter(|ms| (0.0..=LONGEST).contains(ms));
    time.map(|ms| Duration::from_secs_f64(ms / 1e3))
        .ok_or_else(|| format!("expected milliseconds from 0 to {}", LONGEST))
}
