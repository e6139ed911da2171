//! An async userspace networking runtime: one thread a core polls its own NIC queue, runs the packets through its own
//! TCP/IP stack, runs the application's tasks, and sends what they said, before it looks at the queue again.
//!
//! ```text
//!  NIC queue --> netstack --> wakers --> tasks: accept, read, write --> netstack --> NIC queue      one Worker::turn
//! ```
//!
//! Two hosts in one process, joined in memory; on a real network the device is named instead
//! (`.driver("xdp").interface("eth0")`):
//!
//! ```
//! use corelane::net::{TcpListener, TcpStream};
//! use corelane::{Builder, spawn_local};
//! use corelane_sim::{LinkConfig, cross_thread_pair};
//!
//! # fn main() -> std::io::Result<()> {
//! let (left, right) = cross_thread_pair(&LinkConfig::default())?;
//!
//! let server = std::thread::spawn(move || -> std::io::Result<()> {
//!     let mut runtime = Builder::new().nic(left).address("10.0.0.2/24").build()?;
//!     runtime.block_on(async {
//!         let mut listener = TcpListener::bind("10.0.0.2:7").await?;
//!         let (mut stream, _peer) = listener.accept().await?;
//!         let echo = spawn_local(async move {
//!             while let Some(chunk) = stream.recv_chunk().await? {
//!                 stream.send(chunk).await?; // the received buffer itself: no copy
//!             }
//!             std::io::Result::Ok(())
//!         });
//!         echo.await?
//!     })?;
//!     assert!(runtime.shutdown(std::time::Duration::from_secs(5)));
//!     Ok(())
//! });
//!
//! let mut runtime = Builder::new().nic(right).address("10.0.0.1/24").build()?;
//! runtime.block_on(async {
//!     let mut stream = TcpStream::connect("10.0.0.2:7").await?;
//!     stream.write_all(b"hello").await?;
//!     let mut answer = [0; 5];
//!     stream.read_exact(&mut answer).await?;
//!     assert_eq!(&answer, b"hello");
//!     std::io::Result::Ok(())
//! })?;
//! assert!(runtime.shutdown(std::time::Duration::from_secs(5))); // the stream is closed at both ends
//! # server.join().unwrap()
//! # }
//! ```
//!
//! | to | use |
//! |---|---|
//! | start | [`Builder`], [`Runtime`]; a foreign loop or a test: [`Worker`] |
//! | talk | [`net::TcpListener`], [`net::TcpStream`] |
//! | do several things | [`spawn_local`], [`spawn`], [`Handle::spawn_on`], [`yield_now`] |
//! | wait | [`time::sleep`], [`time::timeout`], [`time::interval`] |
//! | end | [`Runtime::shutdown`], [`Handle::shutdown`] |
//! | look inside | [`stats::snapshot`], [`Handle::stats`] |
//!
//! # Rules of the core
//!
//! - A task stays on the core that it was started on, and so do its sockets: see [`net`].
//! - Nothing preempts a task: one that computes for long holds up all the traffic of its core. [`yield_now`] gives way.
//! - An idle core spins for a while and then sleeps; what that costs in latency is in `core/idle.rs`.
//!
//! # Features
//!
//! `tokio-io`, `futures-io` and `hyper` give the streams the traits of these crates. All are off by default.
#![forbid(unsafe_code)]

mod builder;
mod config;
mod core;
mod engine;
mod error;
pub mod net;
mod reactor;
mod runtime;
pub mod stats;
mod task;
#[cfg(test)]
mod test_support;
pub mod time;

pub use crate::builder::Builder;
pub use crate::config::{
    Algorithm, Config, ConfigError, DeviceConfig, DpdkOffloadsConfig, IpKnobs, NetworkConfig, Ports, Route,
    RuntimeConfig, Sizes, TcpKnobs, Time,
};
pub use crate::core::budget::Budget;
pub use crate::core::clock::{Clock, ManualClock};
pub use crate::core::spawn::{Handle, spawn, spawn_local};
pub use crate::core::worker::{Progress, Worker};
pub use crate::runtime::Runtime;
pub use crate::task::join_handle::{JoinError, JoinHandle};
pub use crate::task::yield_now::yield_now;
pub use corelane_nic::{Chunk, Packet, Pool};
