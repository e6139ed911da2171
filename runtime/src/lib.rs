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
//! | keep an event loop of one's own | [`poll::Poll`], with mio's names; [`Runtime::enter`] |
//! | do several things | [`spawn_local`], [`spawn`], [`yield_now`] |
//! | use all cores | [`Runtime::block_on_all`], [`Handle::listen_all`], [`Handle::spawn_on`], [`sync::mpsc`] |
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
//! # Engines
//!
//! The same application runs on our own TCP/IP stack or on the kernel's sockets, with the same runtime, chosen at start:
//! [`Builder::engine`], `engine = "kernel"` under `[runtime]` in a configuration, `--engine kernel` of the examples.
//!
//! | | `native` (the default) | `kernel` |
//! |---|---|---|
//! | frames, TCP/IP | a NIC queue and our own stack on each core | the kernel's, behind an epoll of each core |
//! | needs | a device, an address of its own, mostly root | nothing |
//! | use it for | speed: no system call a request | a laptop, CI, a host without such a device; loopback; IPv6; a fair comparison |
//! | [`Builder::driver`], [`Builder::interface`], [`Builder::nic`] | which device | refused |
//! | addresses, routes, `[ip]`, `[tcp]` | our stack's | not used, with a warning in the log: the kernel has its own (`ip`, `sysctl`) |
//! | workers | one a queue | one for each of [`Builder::queues`] or [`Builder::cores`] |
//! | a listener on each worker | the device spreads the connections (RSS) | the kernel does (SO_REUSEPORT); another program's port is refused |
//! | [`recv_chunk`](net::TcpStream::recv_chunk), [`send`](net::TcpStream::send) | no copy | a copy each, by the kernel |
//! | written bytes leave | with the turn's end | at once |
//! | a dropped stream's delivery | [`Runtime::shutdown`] waits for it | is the kernel's, also after the process |
//! | `TCP_NOTSENT_LOWAT`, `TCP_SYNCNT`, `TCP_LINGER2`, `TCP_MAXSEG`, `TCP_WINDOW_CLAMP`, `SO_MAX_PACING_RATE` | can be set | `Unsupported` |
//! | [`tcp_info`](net::TcpStream::tcp_info), [`close`](net::TcpStream::close) with SO_LINGER | always | by `sock_diag`, `Unsupported` where the kernel lacks it |
//! | [`stats::Snapshot`] | all of it | connections, openings, bytes and system calls; the rest is `nstat`'s |
//!
//! With the kernel's sockets `SO_RCVBUF` and `SO_SNDBUF` are bounded by `net.core.rmem_max` and `wmem_max`, keep-alive times are whole
//! seconds, a congestion control must be loaded there, and a process without free descriptors lets connections wait
//! instead of failing `accept`.
//!
//! # Features
//!
//! All are off by default.
//!
//! | feature | gives |
//! |---|---|
//! | `tokio-io` | tokio's `AsyncRead`, `AsyncBufRead`, `AsyncWrite`: codecs, tokio-rustls, `copy` |
//! | `futures-io` | those of futures-io |
//! | `hyper` | hyper's `Read`, `Write`, `Executor`, `Timer` |
//! | `axum` | `http::serve` for axum's routers, with WebSockets |
//! | `http-client` | `http::Connector` for hyper-util's pooled client |
//! | `tokio-rt` | a tokio runtime on each worker, for libraries that insist: its timers, tasks and sockets work in ours |
//! | `macros` | `#[corelane::main]` |
//! | `test-util` | `#[corelane::test]`: two hosts in memory, in virtual time |
//! | `dpdk` | the DPDK backend |
#![forbid(unsafe_code)]

#[cfg(feature = "macros")]
#[doc(hidden)]
pub mod attributes;
mod builder;
mod config;
mod core;
mod engine;
mod error;
#[cfg(any(feature = "axum", feature = "http-client"))]
pub mod http;
pub mod net;
pub mod poll;
mod reactor;
mod runtime;
pub mod stats;
pub mod sync;
mod task;
#[cfg(test)]
mod test_support;
#[cfg(feature = "test-util")]
pub mod testing;
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
#[cfg(feature = "macros")]
pub use corelane_macros::main;
#[cfg(feature = "test-util")]
pub use corelane_macros::test;
pub use corelane_nic::{Chunk, Packet, Pool};
