//! A Linux TAP (or TUN) device as a corelane driver: the kernel of this machine is on the other side.
//!
//! With the virtio-net header on, checksums are left out and TCP travels in frames of up to 64 KiB, both ways:
//! the cheap way to move bulk data to and from kernel sockets.
//!
//! ```text
//!  kernel sockets -- interface NAME (kernel's MAC, addresses by `ip addr`) -- /dev/net/tun -- TapQueue -- stack
//! ```
//!
//! The interface is the *kernel's* end of the wire. Our end has a MAC and IP addresses of its own.

mod config;
mod error;
mod nic;
mod queue;
mod syscall;
mod vnet;

pub use config::{TapConfig, TapOffloads};
pub use nic::TapNic;
pub use queue::TapQueue;
