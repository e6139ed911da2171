//! A network card without a network: two queues joined in memory.
//!
//! - [`Link`] joins two queues of one thread in virtual time, with seeded faults ([`Faults`]): tests of whole
//!   stacks, and the bed of the in-memory benchmark. Nothing here reads a clock: the caller tells the time.
//! - [`cross_thread_pair`] joins two [`SimNic`]s whose queues are opened in different threads: client and
//!   server in one process, without root.
//! - [`Pcap`] writes captures that Wireshark and tcpdump read.
//!
//! ```
//! use corelane_nic::{Queue, RxBurst, TxBurst, TxOffload};
//! use corelane_sim::{Faults, Link, LinkConfig};
//! use std::time::Duration;
//!
//! let slow = Faults { delay: Duration::from_millis(5), ..Faults::default() };
//! let (link, mut a, mut b) = Link::new(&LinkConfig { a_to_b: slow, ..LinkConfig::default() }).unwrap();
//! let (mut tx, mut rx) = (TxBurst::with_capacity(8), RxBurst::with_capacity(8));
//! let mut frame = a.pool().take().unwrap();
//! frame.extend_from_slice(b"fourteen bytes and a payload");
//! tx.push(frame, TxOffload::default());
//! a.transmit(&mut tx);
//! assert_eq!(link.next_arrival(), Some(Duration::from_millis(5)));
//! link.advance_to(Duration::from_millis(5));
//! b.receive(&mut rx);
//! assert_eq!(&rx.pop().unwrap().packet[..], b"fourteen bytes and a payload");
//! ```

mod channel;
mod config;
mod direction;
mod faults;
mod link;
mod nic;
mod pcap;
mod queue;
mod rng;
mod steering;

pub use channel::ChannelQueue;
pub use config::{LinkConfig, WhenFull};
pub use direction::LinkStats;
pub use faults::Faults;
pub use link::{Link, Side};
pub use nic::{SimNic, cross_thread_pair};
pub use pcap::{LinkType, Pcap, SharedBuffer};
pub use queue::LinkQueue;
pub use rng::Rng;
