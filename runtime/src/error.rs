//! From the errors of the engines to those of `std`.

use std::fmt;
use std::io;

use corelane_netstack::Error;
use rustix::io::Errno;

/// Why a call of a socket failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketError {
    /// Our stack says so; and what it and the kernel have in common: `WouldBlock`, `NotOpen`.
    Stack(Error),
    /// The kernel says so.
    Kernel(Errno),
    /// Not to be had of the kernel.
    Unsupported(Missing),
}

/// What can't be set or asked on the kernel's sockets: no safe call does it, or the kernel has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    NotsentLowat,
    Syncnt,
    Linger2,
    MaxSeg,
    MaxPacingRate,
    WindowClamp,
    UnsetSendBuffer,
    Diag,
    Congestion,
}

impl SocketError {
    /// Wait for the event.
    pub(crate) const WOULD_BLOCK: SocketError = SocketError::Stack(Error::WouldBlock);
    /// The id names nothing.
    pub(crate) const NOT_OPEN: SocketError = SocketError::Stack(Error::NotOpen);
}

impl Missing {
    fn text(self) -> &'static str {
        match self {
            Missing::NotsentLowat => "TCP_NOTSENT_LOWAT can't be set",
            Missing::Syncnt => "TCP_SYNCNT can't be set",
            Missing::Linger2 => "TCP_LINGER2 can't be set",
            Missing::MaxSeg => "TCP_MAXSEG can't be set",
            Missing::MaxPacingRate => "SO_MAX_PACING_RATE can't be set",
            Missing::WindowClamp => "TCP_WINDOW_CLAMP can't be set",
            Missing::UnsetSendBuffer => "SO_SNDBUF can't be taken back",
            Missing::Diag => {
                "the kernel tells nothing about its sockets (NETLINK_SOCK_DIAG of tcp_diag is missing)"
            }
            Missing::Congestion => "the connection's congestion control is none of ours",
        }
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketError::Stack(error) => error.fmt(f),
            SocketError::Kernel(errno) => errno.fmt(f),
            SocketError::Unsupported(missing) => write!(f, "with the kernel engine {}", missing.text()),
        }
    }
}

impl From<Errno> for SocketError {
    fn from(errno: Errno) -> SocketError {
        match errno {
            Errno::AGAIN | Errno::INPROGRESS => SocketError::WOULD_BLOCK,
            errno => SocketError::Kernel(errno),
        }
    }
}

impl From<SocketError> for io::Error {
    /// The error of the same name, with the engine's as its source.
    #[inline]
    fn from(error: SocketError) -> io::Error {
        // It ends each loop that reads all there is: without memory of its own.
        if error == SocketError::WOULD_BLOCK { io::ErrorKind::WouldBlock.into() } else { error.into_io() }
    }
}

impl SocketError {
    #[cold]
    fn into_io(self) -> io::Error {
        match self {
            SocketError::Stack(error) => io::Error::new(kind(error), error),
            SocketError::Kernel(errno) => errno.into(),
            SocketError::Unsupported(_) => io::Error::new(io::ErrorKind::Unsupported, self.to_string()),
        }
    }
}

fn kind(error: Error) -> io::ErrorKind {
    match error {
        Error::WouldBlock => io::ErrorKind::WouldBlock,
        Error::ConnectionRefused => io::ErrorKind::ConnectionRefused,
        Error::ConnectionReset => io::ErrorKind::ConnectionReset,
        Error::ConnectionAborted => io::ErrorKind::ConnectionAborted,
        // EBADF has no kind in std; a socket that is not open is not connected.
        Error::NotConnected | Error::NotOpen => io::ErrorKind::NotConnected,
        Error::TimedOut => io::ErrorKind::TimedOut,
        Error::BrokenPipe => io::ErrorKind::BrokenPipe,
        Error::AddrInUse => io::ErrorKind::AddrInUse,
        Error::AddrNotAvailable => io::ErrorKind::AddrNotAvailable,
        Error::NetworkUnreachable => io::ErrorKind::NetworkUnreachable,
        Error::HostUnreachable => io::ErrorKind::HostUnreachable,
        Error::InvalidInput => io::ErrorKind::InvalidInput,
        Error::OutOfMemory => io::ErrorKind::OutOfMemory,
        _ => io::ErrorKind::Other,
    }
}
