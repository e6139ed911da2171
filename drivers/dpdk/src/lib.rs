//! DPDK's poll-mode drivers as a corelane driver: packets are mbufs in place, on the way in without a copy.
//!
//! ```no_run
//! # #[cfg(feature = "dpdk")] {
//! use corelane_dpdk::{DpdkConfig, DpdkNic};
//! use corelane_nic::{Nic, QueueId};
//! let mut nic = DpdkNic::open(&DpdkConfig::new("net_tap0,iface=dtap0"))?;
//! let queue = nic.open_queue(QueueId(0), 4096)?;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The environment abstraction layer (EAL) is started once in a process, by the first device that is opened.
#![cfg(feature = "dpdk")]

mod config;
mod eal;
mod error;
mod ffi;
mod interrupt;
mod mbufs;
mod nic;
mod poll_size;
mod port;
mod precheck;
mod queue;
mod sender;
mod vlan;

pub use config::{DpdkConfig, DpdkOffloads, Memory};
pub use error::DpdkError;
pub use nic::DpdkNic;
