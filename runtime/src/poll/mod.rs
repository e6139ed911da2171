//! Readiness, with mio's names and epoll's meaning: for programs that have an event loop of their own.
//!
//! A program for mio runs here by another `use` and a [`Builder`](crate::Builder): `use corelane::poll as mio;`, and its `main`
//! inside [`Runtime::enter`](crate::Runtime::enter).
//!
//! ```
//! use corelane::Builder;
//! use corelane::poll as mio;
//! use mio::net::TcpListener;
//! use mio::{Events, Interest, Poll, Token};
//!
//! # fn main() -> std::io::Result<()> {
//! # let (nic, _peer) = corelane_sim::cross_thread_pair(&corelane_sim::LinkConfig::default())?;
//! let runtime = Builder::new().nic(nic).address("10.0.0.2/24").build()?;
//! runtime.enter(|| {
//!     let mut poll = Poll::new()?;
//!     let mut events = Events::with_capacity(128);
//!     let mut server = TcpListener::bind("10.0.0.2:7".parse().unwrap())?;
//!     poll.registry().register(&mut server, Token(0), Interest::READABLE)?;
//!     poll.poll(&mut events, Some(std::time::Duration::ZERO))?;
//!     assert!(events.is_empty(), "nobody has connected");
//!     Ok(())
//! })
//! # }
//! ```
//!
//! Events are those that Linux's epoll reports for the same history (`tests/poll_epoll.rs` compares them), edge-triggered unless
//! [`Registry::register_with`] is told otherwise. That means with edges:
//!
//! - registering tells what holds already, and so does reregistering;
//! - new data are told again though the old were not read, and the end of data, a failure, and the ACK of our FIN are told to
//!   all, whatever they are interested in: with what holds then, so with `EPOLLOUT` too where there is room;
//! - room to write is told again once a third of the send buffer is free, if a write or a `poll` found less.
//!
//! What differs from mio: file descriptors are registered by [`unix::SourceFd`] of what has them, not of their number; a
//! [`Poll`] and its sockets work on their own core only, and what was written goes out with the next [`Poll::poll`].

pub mod event;
mod events;
mod interest;
mod mask;
pub mod net;
mod poller;
pub(crate) mod ready;
mod registry;
mod source_fd;
mod token;
mod trigger;
mod waker;

/// As in mio, what is for Unix only.
pub mod unix {
    pub use super::source_fd::SourceFd;
}

pub use events::Events;
pub use interest::Interest;
pub use poller::Poll;
pub use registry::Registry;
pub use token::Token;
pub use trigger::Trigger;
pub use waker::Waker;
