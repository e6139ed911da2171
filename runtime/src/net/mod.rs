//! Sockets.
//!
//! A socket is a handle, three plain integers: the core that owns it, its slot there, and a generation. So it is `Send` and
//! `Sync`, and libraries that ask for that take it. It works only on its own core, though: elsewhere every call
//! fails with an error that says so, and dropping it there tells the owner to close it.

mod addr;
#[cfg(any(feature = "tokio-io", feature = "futures-io"))]
mod chunk_reader;
mod compat;
mod futures;
pub(crate) mod home;
mod listen_all;
mod options;
mod split;
mod tcp_listener;
mod tcp_stream;

pub use addr::ToAddr;
#[cfg(any(feature = "tokio-io", feature = "futures-io"))]
pub use chunk_reader::{ChunkReader, ChunkSource};
#[cfg(feature = "hyper")]
pub use compat::hyper::{LocalExecutor, LocalTimer};
pub use home::pool;
pub use options::{TcpSocket, default_keepalive};
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, ReuniteError, WriteHalf};
pub use tcp_listener::TcpListener;
pub use tcp_stream::{SendError, TcpStream};

pub use corelane_netstack::{CaState, CongestionControl, Keepalive, Shutdown, SocketOptions, State, TcpInfo};
