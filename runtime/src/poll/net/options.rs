//! The options of a stream, by the names of `corelane::net`.

use std::io;
use std::time::Duration;

use corelane_netstack::{CongestionControl, Keepalive, SocketOptions};

use super::TcpStream;

/// Hands the calls on to the stream within.
macro_rules! options {
    ($($set:ident, $get:ident, $kind:ty;)*) => {
        impl TcpStream {
            $(
                #[doc = concat!("As [`net::TcpStream::", stringify!($set), "`](crate::net::TcpStream::", stringify!($set), ").")]
                ///
                /// # Errors
                /// As there.
                pub fn $set(&self, value: $kind) -> io::Result<()> {
                    self.inner.$set(value)
                }

                #[doc = concat!("As [`net::TcpStream::", stringify!($get), "`](crate::net::TcpStream::", stringify!($get), ").")]
                ///
                /// # Errors
                /// As there.
                pub fn $get(&self) -> io::Result<$kind> {
                    self.inner.$get()
                }
            )*
        }
    };
}

options! {
    set_nodelay, nodelay, bool;
    set_keepalive, keepalive, Option<Keepalive>;
    set_linger, linger, Option<Duration>;
    set_tcp_user_timeout, tcp_user_timeout, Option<Duration>;
    set_tcp_cork, tcp_cork, bool;
    set_tcp_notsent_lowat, tcp_notsent_lowat, Option<u32>;
    set_tcp_syncnt, tcp_syncnt, Option<u8>;
    set_tcp_linger2, tcp_linger2, Option<Duration>;
    set_tcp_congestion, tcp_congestion, Option<CongestionControl>;
    set_max_pacing_rate, max_pacing_rate, Option<u64>;
    set_tcp_mss, tcp_mss, Option<u16>;
    set_send_buffer_size, send_buffer_size, Option<usize>;
    set_tos, tos, u8;
    set_ttl, ttl, Option<u8>;
    set_quickack, quickack, bool;
    set_recv_buffer_size, recv_buffer_size, usize;
}

impl TcpStream {
    /// `TCP_WINDOW_CLAMP`: see [`net::TcpStream::set_tcp_window_clamp`](crate::net::TcpStream::set_tcp_window_clamp).
    ///
    /// # Errors
    /// As there.
    pub fn set_tcp_window_clamp(&self, bytes: usize) -> io::Result<()> {
        self.inner.set_tcp_window_clamp(bytes)
    }

    /// All options at once.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn options(&self) -> io::Result<SocketOptions> {
        self.inner.options()
    }

    /// Sets all options at once: those of the SYN count when they are set before the next `poll`.
    ///
    /// # Errors
    /// `InvalidInput` for a value out of its bounds: then nothing is set; `NotConnected` when the connection is gone.
    pub fn set_options(&self, options: &SocketOptions) -> io::Result<()> {
        self.inner.set_options(options)
    }
}
