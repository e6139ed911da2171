//! An async userspace networking runtime.

mod builder;
mod config;
mod core;
mod error;
pub mod net;
mod reactor;
mod runtime;
pub mod stats;
mod task;
pub mod time;

pub use crate::builder::Builder;
pub use crate::config::{
    Config, ConfigError, DeviceConfig, IpKnobs, NetworkConfig, Ports, Route, RuntimeConfig, TcpKnobs, Time,
};
pub use crate::core::budget::Budget;
pub use crate::core::clock::{Clock, ManualClock};
pub use crate::core::spawn::{Handle, spawn, spawn_local};
pub use crate::core::worker::{Progress, Worker};
pub use crate::runtime::Runtime;
pub use crate::task::join_handle::{JoinError, JoinHandle};
pub use crate::task::yield_now::yield_now;
pub use corelane_nic::{Chunk, Packet, Pool};
