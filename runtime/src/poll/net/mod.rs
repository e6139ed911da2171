//! Non-blocking sockets, as mio has them: what would wait gives `WouldBlock`.
//!
//! A socket is a handle of its core, as those of [`crate::net`] are: elsewhere every call gives an error that says so.

mod options;
mod tcp_listener;
mod tcp_stream;

pub use tcp_listener::TcpListener;
pub use tcp_stream::TcpStream;
