//! The flags.

use std::net::SocketAddr;
use std::time::Duration;

use clap::{ArgGroup, Args, ValueEnum};

use crate::cli::ClientEngine;
use crate::device::DeviceArgs;

/// A side of a conversation.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The side that is compared: the kernel's or corelane's.
    A,
    /// The kernel's.
    B,
}

/// `corelane-bench talk`.
#[derive(Args, Debug)]
#[command(allow_negative_numbers = true)] // so that -1 is told as a wrong value of its flag
#[command(group(ArgGroup::new("role").required(true).args(["listen", "connect"])))]
#[command(group(ArgGroup::new("words").required(true).args(["send", "receive", "conversation"])))]
pub struct TalkArgs {
    /// On whose sockets
    #[arg(long, default_value_t = ClientEngine::Epoll)]
    pub engine: ClientEngine,
    /// Wait here for the other end
    #[arg(long, value_name = "A:P")]
    pub listen: Option<SocketAddr>,
    /// Where the other end waits
    #[arg(long, value_name = "A:P")]
    pub connect: Option<SocketAddr>,
    /// Send so many bytes
    #[arg(long, value_name = "BYTES")]
    pub send: Option<u64>,
    /// Receive so many bytes, and check each
    #[arg(long, value_name = "BYTES")]
    pub receive: Option<u64>,
    /// With --receive: reset the connection after so many seconds
    #[arg(long, value_name = "SECS", default_value = "86400", value_parser = crate::cli::seconds)]
    pub seconds: Duration,
    /// Hold one side of the conversation of this seed
    #[arg(long, value_name = "SEED")]
    pub conversation: Option<u64>,
    /// Which side
    #[arg(long, default_value = "a")]
    pub side: Side,
    /// Congestion control; for the kernel's sockets one of net.ipv4.tcp_available_congestion_control [default: the system's,
    /// or the stack's]
    #[arg(long, value_name = "NAME", value_parser = crate::cli::congestion)]
    pub congestion: Option<String>,
    /// Started by process PID: end with it, in a session of its own
    #[arg(long, value_name = "PID", hide = true)]
    pub parent: Option<u32>,
    /// What corelane runs on
    #[command(flatten)]
    pub device: DeviceArgs,
}
