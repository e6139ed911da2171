//! A sans-I/O TCP/IP stack: it never names a clock, a socket or a thread.
//!
//! The contract, in the order of a turn ([`Stack`]): handlers (`receive`, `expire`) take what happened, commands
//! (`listen`, `connect`, `read`, `write` ...) say what the application wants, polls (`next_event`, `transmit`,
//! `next_deadline`) give what follows from it. `now` is always an argument.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod arena;
mod config;
mod error;
mod event;
#[allow(dead_code, reason = "the transport that uses it follows")]
mod ip;
#[allow(dead_code, reason = "the transport that uses it follows")]
mod rng;
mod stack;
mod stats;
mod time;
mod wheel;
#[allow(dead_code, reason = "the transport that uses it follows")]
mod wire;

pub use config::{CidrError, Config, IpConfig, Ipv4Cidr, Link, RouteConfig, TcpConfig};
pub use error::Error;
pub use event::{Event, ListenerId, SocketId};
pub use stack::{Keepalive, Readiness, Shutdown, Stack, State, TcpInfo, WriteChunkError};
pub use stats::Stats;
pub use time::Instant;
pub use wheel::{TimerId, Wheel};
