//! From the errors of the engines to those of `std`.

use std::fmt;
use std::io;

use corelane_netstack::Error;

/// Why a call of a socket failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SocketError {
    /// Our stack says so.
    Stack(Error),
}

impl SocketError {
    /// Wait for the event.
    pub(crate) const WOULD_BLOCK: SocketError = SocketError::Stack(Error::WouldBlock);
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SocketError::Stack(error) => error.fmt(f),
        }
    }
}

impl From<SocketError> for io::Error {
    /// The error of the same name, with the engine's as its source.
    fn from(error: SocketError) -> io::Error {
        match error {
            SocketError::Stack(error) => io::Error::new(kind(error), error),
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
