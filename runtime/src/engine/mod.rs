//! Where the bytes come from: an engine has sockets, and tells what happened to them.
//!
//! | engine | frames, TCP/IP | sockets are |
//! |---|---|---|
//! | [`native`] | a NIC queue and our own stack | its connections |
//! | [`kernel`] | the kernel's | descriptors behind an epoll |
//!
//! Everything above (tasks, wakers, `net`) is the same code for each. An enum, not a trait object: a socket call costs one branch
//! that never changes, and is inlined.

pub(crate) mod kernel;
pub(crate) mod native;
mod source;

use std::net::SocketAddr;
use std::os::fd::BorrowedFd;

use corelane_netstack::{
    Instant, Keepalive, ListenerId, Readiness, Shutdown, SocketId, SocketInfo, SocketOptions, TcpInfo,
};
use corelane_nic::{Chunk, Pool};

use crate::core::clock::Clock;
use crate::error::SocketError;
use kernel::Kernel;
use native::Native;
pub(crate) use source::Source;

/// What a socket call gives.
pub(crate) type Result<T> = std::result::Result<T, SocketError>;

/// A chunk that was not taken.
pub(crate) struct Refused {
    /// The chunk, whole.
    pub(crate) chunk: Chunk,
    /// Why.
    pub(crate) error: SocketError,
}

/// What a turn has sent.
#[derive(Clone, Copy)]
pub(crate) struct Sent {
    /// Frames that the device took.
    pub(crate) frames: u32,
    /// Whether something is left that wants another turn at once.
    pub(crate) more: bool,
}

/// One of the engines. Its parts are in cells of their own, so that a socket call needs no exclusive hold of the worker.
#[expect(clippy::large_enum_variant, reason = "one a worker; a box would cost each call a pointer more")]
pub(crate) enum Engine {
    Native(Native),
    Kernel(Kernel),
}

/// What each engine does. A call is handed on to the engine at hand.
macro_rules! contract {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident: $kind:ty),*) $(-> $out:ty)?;)*) => {
        impl Engine {
            $(
                $(#[$doc])*
                #[inline(always)] // a branch, and a call or what was inlined
                pub(crate) fn $name(&self, $($arg: $kind),*) $(-> $out)? {
                    match self {
                        Engine::Native(engine) => engine.$name($($arg),*),
                        Engine::Kernel(engine) => engine.$name($($arg),*),
                    }
                }
            )*
        }
    };
}

contract! {
    // The turn.

    /// Takes what has arrived. Returns how many frames or events of the kernel there were.
    fn receive(now: Instant) -> u32;
    /// Runs the engine's timers that are due.
    fn expire(now: Instant);
    /// Sends what the tasks have written, if it waits for the turn's end.
    fn transmit(now: Instant) -> Sent;
    /// When [`Engine::expire`] has something to do.
    fn next_deadline() -> Option<Instant>;
    /// Sleeps until something arrives, `bell` or `extra` is readable, or `deadline`. Returns whether it slept: not when there is something
    /// to do already.
    #[cfg_attr(feature = "tokio-rt", allow(dead_code, reason = "tokio's driver sleeps instead"))]
    fn sleep(
        clock: &Clock,
        bell: BorrowedFd<'_>,
        extra: Option<BorrowedFd<'_>>,
        deadline: Option<Instant>
    ) -> bool;
    /// For a sleep in somebody else's poll: names what becomes readable when something arrives, by a number that stays as long as
    /// the descriptor does, and tells how long the sleep may be; `None` = there is something to do already.
    #[cfg(feature = "tokio-rt")]
    fn arm(clock: &Clock, deadline: Option<Instant>, watch: &mut dyn FnMut(std::os::fd::RawFd, BorrowedFd<'_>)) -> Option<std::time::Duration>;
    /// Whether nothing is open, and nothing is left to deliver.
    fn is_drained() -> bool;
    /// Resets all that is open.
    fn abort_all();

    // Listeners.

    /// Listens; what is accepted starts with `options`.
    fn listen(local: SocketAddr, backlog: usize, options: &SocketOptions) -> Result<ListenerId>;
    /// Where it listens.
    fn listener_addr(id: ListenerId) -> Result<SocketAddr>;
    /// The oldest connection that waits; `WouldBlock`: `Acceptable` will tell.
    fn accept(id: ListenerId) -> Result<(SocketId, SocketAddr)>;
    /// Whether a connection waits.
    fn has_waiting(id: ListenerId) -> Result<bool>;
    /// Closes a listener; what was not accepted is reset.
    fn close_listener(id: ListenerId) -> Result<()>;

    // Opening and closing.

    /// Begins to open a connection; [`Engine::opened`] tells how it went.
    fn connect(local: Option<SocketAddr>, remote: SocketAddr, options: &SocketOptions) -> Result<SocketId>;
    /// Whether it is open; `WouldBlock`: not yet, `Writable` will tell.
    fn opened(id: SocketId) -> Result<()>;
    /// As getpeername(2): `NotConnected` while it is being opened, and when it is over.
    fn connected(id: SocketId) -> Result<()>;
    /// Ends one direction or both.
    fn shutdown(id: SocketId, how: Shutdown) -> Result<()>;
    /// Closes: what was written is still delivered, the id names nothing any more.
    fn close(id: SocketId) -> Result<()>;
    /// Closes with a RST.
    fn abort(id: SocketId) -> Result<()>;
    /// Whether something was received that nobody read.
    fn has_unread(id: SocketId) -> Result<bool>;
    /// Whether the peer has acknowledged all that was written, and our FIN; `WouldBlock`: `Writable` or `Closed` will tell.
    fn delivered(id: SocketId) -> Result<()>;

    // Data. `WouldBlock`: `Readable` or `Writable` will tell.

    /// Reads; 0 = the peer has ended its direction.
    fn read(id: SocketId, buf: &mut [u8]) -> Result<usize>;
    /// As `read`, and leaves the data.
    fn peek(id: SocketId, buf: &mut [u8]) -> Result<usize>;
    /// The next piece in a buffer of the pool; `None` = the peer has ended its direction.
    fn read_chunk(id: SocketId) -> Result<Option<Chunk>>;
    /// Writes what there is room for.
    fn write(id: SocketId, buf: &[u8]) -> Result<usize>;
    /// As `write`, of several buffers.
    #[cfg(any(feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
    fn write_vectored(id: SocketId, bufs: &[std::io::IoSlice<'_>]) -> Result<usize>;
    /// Sends a chunk whole, or gives it back.
    fn write_chunk(id: SocketId, chunk: Chunk) -> std::result::Result<(), Refused>;

    /// What epoll would report now. Where that is no room to write, `Writable` will tell.
    fn poll(id: SocketId) -> Result<Readiness>;

    // What is known and set.

    /// Our address.
    fn local_addr(id: SocketId) -> Result<SocketAddr>;
    /// The peer's address.
    fn peer_addr(id: SocketId) -> Result<SocketAddr>;
    /// `SO_ERROR`; told once.
    fn take_error(id: SocketId) -> Result<Option<SocketError>>;
    /// `TCP_INFO`.
    fn info(id: SocketId) -> Result<TcpInfo>;
    /// All options, as they were set.
    fn options(id: SocketId) -> Result<SocketOptions>;
    /// Sets all options, or none.
    fn set_options(id: SocketId, options: &SocketOptions) -> Result<()>;
    /// `TCP_QUICKACK`.
    fn set_quickack(id: SocketId, on: bool) -> Result<()>;
    /// Whether ACKs are sent at once.
    fn quickack(id: SocketId) -> Result<bool>;
    /// `SO_RCVBUF`.
    fn set_recv_buffer_size(id: SocketId, bytes: usize) -> Result<()>;
    /// `SO_RCVBUF`, as set or as tuned.
    fn recv_buffer_size(id: SocketId) -> Result<usize>;
    /// `TCP_WINDOW_CLAMP`.
    fn set_window_clamp(id: SocketId, bytes: usize) -> Result<()>;
    /// What `SO_KEEPALIVE` without times means.
    fn default_keepalive() -> Keepalive;
    /// The buffers.
    fn pool() -> Pool;
    /// What was counted.
    fn counts() -> Counts;
    /// All sockets. It looks at every one.
    fn sockets() -> Vec<SocketInfo>;
    /// What the device counts itself.
    fn device_stats() -> Vec<(String, u64)>;
}

/// The engine's part of a [`Snapshot`](crate::stats::Snapshot), with its names.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) stack: corelane_netstack::Stats,
    pub(crate) queue: corelane_nic::QueueStats,
    pub(crate) link: Option<corelane_nic::LinkState>,
    pub(crate) connections: usize,
    pub(crate) half_open: usize,
    pub(crate) time_wait: usize,
    pub(crate) flows: usize,
    pub(crate) tcp_timers: usize,
    pub(crate) tcp_buffers: usize,
}
