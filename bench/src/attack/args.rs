//! The flags.

use std::net::SocketAddrV4;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{seconds_or_none, seconds_up_to};

/// The longest attack, in seconds: with the largest rate six million frames.
const LONGEST: u32 = 60;
/// The largest rate, in frames a second.
const FASTEST: u32 = 100_000;

/// What is done to the target.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// SYNs from addresses of 198.18.0.0/15 that never answer; the SYN-ACKs are counted
    SynFlood,
    /// RSTs through the window of a live connection, all but the one that would end it
    RstSweep,
    /// SYNs through the window of a live connection
    SynSweep,
    /// A connection with one byte at every second number, and never the first
    Gaps,
}

/// `corelane-bench attack`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
pub struct AttackArgs {
    /// What is done to the target
    #[arg(long)]
    pub kind: Kind,
    /// An echo server in a private network (or 169.254.0.0/16), on a link of this network namespace
    #[arg(long, value_name = "A:P", value_parser = target)]
    pub target: SocketAddrV4,
    /// The interface towards it
    #[arg(long, value_name = "IF")]
    pub interface: String,
    /// Frames a second, up to 100000
    #[arg(long, value_name = "N", default_value_t = 20_000,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(FASTEST)))]
    pub rate: u32,
    /// How long, up to 60; rate and time give the number of frames
    #[arg(long, value_name = "SECS", default_value = "10", value_parser = attack_seconds)]
    pub seconds: Duration,
    /// How long answers are counted after the last frame (syn-flood): SYN-ACKs come again for up to 31 s
    #[arg(long, value_name = "SECS", default_value = "0", value_parser = seconds_or_none)]
    pub linger: Duration,
}

impl AttackArgs {
    /// How many frames that is, one at least.
    pub fn frames(&self) -> u64 {
        // 60 s at 100,000 a second: 23 bits, in milliseconds 33.
        (u64::from(self.rate) * self.seconds.as_millis() as u64 / 1000).max(1)
    }
}

fn attack_seconds(text: &str) -> Result<Duration, String> {
    seconds_up_to(text, LONGEST)
}

/// An address that no router of the Internet has a way to: what is forged stays with whom it is meant for.
fn target(text: &str) -> Result<SocketAddrV4, String> {
    let target: SocketAddrV4 =
        text.parse().map_err(|_| "expected ADDRESS:PORT, as in 10.0.0.3:7".to_owned())?;
    let ip = target.ip();
    if !ip.is_private() && !ip.is_link_local() {
        return Err(format!(
            "{ip} is not an address of a private network, and forged frames must not reach anybody else: give one of \
             10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 or 169.254.0.0/16"
        ));
    }
    if target.port() == 0 {
        return Err("expected a port from 1 to 65535".to_owned());
    }
    Ok(target)
}

#[cfg(test)]
mod tests;
