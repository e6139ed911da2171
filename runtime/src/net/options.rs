//! Options of streams, and of sockets that are not opened yet.

use std::cell::Cell;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use corelane_netstack::{CongestionControl, Keepalive, SocketOptions};

use super::{TcpListener, TcpStream, ToAddr};
use crate::error::SocketError;

/// The calls that set and tell one option, once for a stream and once for a socket.
macro_rules! options {
    ($($(#[$doc:meta])* $set:ident, $get:ident: $field:ident, $kind:ty;)*) => {
        impl TcpStream {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// `InvalidInput` for a value out of its bounds; `NotConnected` when the connection is gone.
                pub fn $set(&self, value: $kind) -> io::Result<()> {
                    self.change_options(|options| options.$field = value)
                }

                #[doc = concat!("What [`TcpStream::", stringify!($set), "`] has set.")]
                ///
                /// # Errors
                /// `NotConnected` when the connection is gone.
                pub fn $get(&self) -> io::Result<$kind> {
                    Ok(self.options()?.$field)
                }
            )*
        }

        impl TcpSocket {
            $(
                #[doc = concat!("As [`TcpStream::", stringify!($set), "`], before the connection is opened or the listener listens.")]
                ///
                /// # Errors
                /// `InvalidInput` for a value out of its bounds.
                pub fn $set(&self, value: $kind) -> io::Result<()> {
                    self.change_options(|options| options.$field = value)
                }

                #[doc = concat!("What [`TcpSocket::", stringify!($set), "`] has set.")]
                ///
                /// # Errors
                /// Never; as in tokio and socket2 it could.
                pub fn $get(&self) -> io::Result<$kind> {
                    Ok(self.options.get().$field)
                }
            )*
        }
    };
}

options! {
    /// `TCP_NODELAY`: small writes are sent at once, not gathered while data are unacknowledged (Nagle).
    set_nodelay, nodelay: nodelay, bool;
    /// `SO_KEEPALIVE` with `TCP_KEEPIDLE`, `TCP_KEEPINTVL` and `TCP_KEEPCNT`; `None` = off. [`Keepalive`] has ready-made
    /// settings, and [`default_keepalive`] tells what is configured.
    set_keepalive, keepalive: keepalive, Option<Keepalive>;
    /// `SO_LINGER`: zero makes closing a RST. Dropping never waits, whatever is set; [`TcpStream::close`] does.
    set_linger, linger: linger, Option<Duration>;
    /// `TCP_USER_TIMEOUT`: how long what was sent may stay unacknowledged before the connection fails with `TimedOut`.
    set_tcp_user_timeout, tcp_user_timeout: user_timeout, Option<Duration>;
    /// `TCP_CORK`: only full segments go out until it is taken off.
    set_tcp_cork, tcp_cork: cork, bool;
    /// `TCP_NOTSENT_LOWAT`: unsent bytes from which on writing waits; `None` = as configured.
    set_tcp_notsent_lowat, tcp_notsent_lowat: notsent_lowat, Option<u32>;
    /// `TCP_SYNCNT`: SYNs sent again before an opening fails; `None` = as configured.
    set_tcp_syncnt, tcp_syncnt: syncnt, Option<u8>;
    /// `TCP_LINGER2`: how long the connection stays in FIN-WAIT-2 once it is dropped; zero = not at all, `None` = as configured.
    set_tcp_linger2, tcp_linger2: linger2, Option<Duration>;
    /// `TCP_CONGESTION`: the congestion control; `None` = as configured.
    set_tcp_congestion, tcp_congestion: congestion_control, Option<CongestionControl>;
    /// `SO_MAX_PACING_RATE`: bytes a second that are sent at most; `None` = no limit.
    set_max_pacing_rate, max_pacing_rate: max_pacing_rate, Option<u64>;
    /// `TCP_MAXSEG`: the largest segment, in bytes with its options. It counts only while the connection is opened.
    set_tcp_mss, tcp_mss: maxseg, Option<u16>;
    /// `SO_SNDBUF` in bytes of payload; `None` = tuned within `tcp_wmem`.
    set_send_buffer_size, send_buffer_size: send_buffer, Option<usize>;
    /// `IP_TOS`: the DSCP in the upper six bits; the lower two are ECN's, and ignored.
    set_tos, tos: tos, u8;
    /// `IP_TTL`; `None` = as configured.
    set_ttl, ttl: ttl, Option<u8>;
}

impl TcpStream {
    /// `TCP_QUICKACK`: whether ACKs are sent at once, without waiting for the application's answers. It does not stay: what
    /// the connection sees of questions and answers changes it again, as in Linux.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn set_quickack(&self, on: bool) -> io::Result<()> {
        self.command(|engine, id| engine.set_quickack(id, on))
    }

    /// Whether ACKs don't wait for the application's answers.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn quickack(&self) -> io::Result<bool> {
        self.command(|engine, id| engine.quickack(id))
    }

    /// `SO_RCVBUF` in bytes of payload; it ends the tuning within `tcp_rmem`.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn set_recv_buffer_size(&self, bytes: usize) -> io::Result<()> {
        self.command(|engine, id| engine.set_recv_buffer_size(id, bytes))
    }

    /// `SO_RCVBUF`: as set, or as tuned.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn recv_buffer_size(&self) -> io::Result<usize> {
        self.command(|engine, id| engine.recv_buffer_size(id))
    }

    /// `TCP_WINDOW_CLAMP`: the largest window offered, in bytes.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn set_tcp_window_clamp(&self, bytes: usize) -> io::Result<()> {
        self.command(|engine, id| engine.set_window_clamp(id, bytes))
    }

    /// All options at once.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn options(&self) -> io::Result<SocketOptions> {
        self.command(|engine, id| engine.options(id))
    }

    /// Sets all options at once.
    ///
    /// # Errors
    /// `InvalidInput` for a value out of its bounds: then nothing is set; `NotConnected` when the connection is gone.
    pub fn set_options(&self, options: &SocketOptions) -> io::Result<()> {
        self.command(|engine, id| engine.set_options(id, options))
    }

    fn change_options(&self, change: impl FnOnce(&mut SocketOptions)) -> io::Result<()> {
        let mut options = self.options()?;
        change(&mut options);
        self.set_options(&options)
    }
}

/// What `SO_KEEPALIVE` without times means on this core: `tcp_keepalive_time`, `tcp_keepalive_intvl`, `tcp_keepalive_probes`.
///
/// # Errors
/// `NotConnected` when the thread runs no worker.
pub fn default_keepalive() -> io::Result<Keepalive> {
    super::home::here(|inner| inner.engine.default_keepalive())
}

/// A socket that is neither connected nor listens yet, to set what must be set before: the calls of tokio's `TcpSocket`.
/// It belongs to no core until it is opened.
///
/// ```
/// # use std::time::Duration;
/// # use corelane::net::{Keepalive, TcpSocket, TcpStream};
/// # async fn open() -> std::io::Result<TcpStream> {
/// let socket = TcpSocket::new();
/// socket.set_keepalive(Some(Keepalive::DATABASE_POOL))?;
/// socket.set_tcp_user_timeout(Some(Keepalive::DATABASE_POOL.gives_up_after()))?;
/// socket.set_tcp_syncnt(Some(2))?;
/// socket.connect("10.0.0.2:5432").await
/// # }
/// ```
#[derive(Debug, Default)]
pub struct TcpSocket {
    local: Cell<Option<SocketAddr>>,
    options: Cell<SocketOptions>,
}

impl TcpSocket {
    /// With the options of a fresh socket.
    pub fn new() -> TcpSocket {
        TcpSocket::default()
    }

    fn change_options(&self, change: impl FnOnce(&mut SocketOptions)) -> io::Result<()> {
        let mut options = self.options.get();
        change(&mut options);
        options.check().map_err(SocketError::Stack)?;
        self.options.set(options);
        Ok(())
    }

    /// The local address: to connect from (its port 0 takes any), or to listen on.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no address. Whether it is ours is told by `connect` or `listen`.
    pub fn bind(&self, addr: impl ToAddr) -> io::Result<()> {
        self.local.set(Some(addr.to_addr()?));
        Ok(())
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// As [`TcpStream::connect_from`].
    ///
    /// # Cancel safety
    /// When it is dropped the opening is given up.
    pub async fn connect(self, addr: impl ToAddr) -> io::Result<TcpStream> {
        TcpStream::open(self.local.get(), addr.to_addr()?, &self.options.get()).await
    }

    /// Listens on the bound address. Connections that it accepts start with the options of this socket.
    ///
    /// # Errors
    /// As [`TcpListener::listen`]; `InvalidInput` when it was not bound.
    pub fn listen(self, backlog: usize) -> io::Result<TcpListener> {
        let Some(local) = self.local.get() else {
            let message = "the socket is bound to no address: call bind first";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        };
        TcpListener::listen_with(local, backlog, &self.options.get())
    }
}
