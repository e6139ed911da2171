//! The networks that are measured.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::args::{Disorder, LossyArgs};

/// Frames that the bottleneck's queue holds at least: a network without delay has one as well.
const QUEUE: u64 = 100;

/// Bytes of a full frame.
const FRAME: u64 = 1514;

/// A bottleneck, a delay, and what goes wrong.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq)]
pub struct Network {
    /// Segments lost in each direction, in per cent.
    pub loss: f64,
    /// The round-trip time in milliseconds.
    pub rtt_ms: f64,
    /// Whether 1 % of the segments are overtaken and 1 % arrive twice.
    pub disorder: bool,
    /// The bottleneck's rate in Mbit/s.
    pub rate_mbit: u32,
}

impl Network {
    /// All that are asked for.
    pub fn all(args: &LossyArgs) -> Vec<Self> {
        let mut all = Vec::new();
        for &disorder in &args.disorder {
            for &rtt in &args.rtt {
                all.extend(args.loss.iter().map(|&loss| Self::new(loss, rtt, disorder, args.rate)));
            }
        }
        all
    }

    /// A network.
    pub fn new(loss: f64, rtt: Duration, disorder: Disorder, rate_mbit: u32) -> Self {
        Self { loss, rtt_ms: rtt.as_secs_f64() * 1e3, disorder: disorder == Disorder::On, rate_mbit }
    }

    /// A bandwidth-delay product in frames.
    fn queue(&self) -> u64 {
        let bytes = f64::from(self.rate_mbit) * 1e6 / 8.0 * self.rtt_ms / 1e3;
        (bytes as u64 / FRAME).max(QUEUE) // 7.5 * 10^13 at most
    }

    /// The forwarder's flags.
    pub fn flags(&self) -> Vec<String> {
        let mut flags = vec![
            format!("--loss={}", self.loss),
            format!("--delay={}", self.rtt_ms / 2.0),
            format!("--rate={}", self.rate_mbit),
            format!("--queue={}", self.queue()),
        ];
        if self.disorder {
            let late = format!("--reorder-delay={}", 1.0 + self.rtt_ms / 10.0);
            flags.extend(["--reorder=1".to_owned(), late, "--duplicate=1".to_owned()]);
        }
        flags
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} % loss, {} ms", self.loss, self.rtt_ms)?;
        if self.disorder { formatter.write_str(", disorder") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests;
