//! AF_XDP as a corelane driver, on libc alone.
//!
//! A hand-assembled XDP program on the interface takes the frames that are ours ([`Filter`]) straight to a socket
//! per queue, whose rings are shared with the kernel; all other frames stay with the kernel. The program is
//! attached by a link that dies with the process, so that a crash never cuts the host off.
//!
//! ```no_run
//! use corelane_nic::{Nic, QueueId};
//! use corelane_xdp::{Filter, XdpConfig, XdpNic};
//! let config = XdpConfig::new("eth0", Filter::addresses(["192.0.2.7".parse()?]));
//! let mut nic = XdpNic::open(&config)?;
//! let queue = nic.open_queue(QueueId(0), 4096)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It needs Linux 5.11 or later, and CAP_NET_RAW, CAP_NET_ADMIN and CAP_BPF. Checksums are neither verified nor filled
//! in by the device. Frames of a veth peer may carry partial ones, as its transmit offload leaves them; frames larger than
//! the MTU never arrive: in native mode the kernel switches a veth peer's TSO off, in skb mode
//! `ethtool -K IF tso off gso off` does it.

mod bpf;
mod busy_poll;
mod config;
mod detours;
mod error;
mod fill;
mod nic;
mod program;
mod queue;
mod ring;
mod socket;
mod syscall;
mod umem;

pub use config::{Filter, XdpConfig, XdpMode};
pub use error::XdpError;
pub use nic::{Refusal, XdpNic};
