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
mod fifo;
mod ip;
mod rng;
mod stack;
mod stats;
mod tcp;
mod time;
mod wheel;
mod wire;

#[doc = include_str!("../KNOBS.md")]
pub mod knobs {}

pub use config::{BufferSizes, CidrError, Config, IpConfig, Ipv4Cidr, Link, RouteConfig, TcpConfig};
pub use error::Error;
pub use event::{Event, ListenerId, SocketId};
pub use stack::Stack;
pub use stack::sharing::Notice;
pub use stats::Stats;
pub use tcp::state::State;
pub use tcp::{
    CaState, CongestionControl, CorePorts, FourTuple, Keepalive, ListenerInfo, Readiness, RecordSizes,
    Shutdown, SocketInfo, SocketOptions, SocketOwner, TcpInfo, WriteChunkError, WriteFlags,
};
pub use time::Instant;
pub use wheel::{TimerId, Wheel};
