//! From the stack's errors to those of `std`.

use std::io;

use corelane_netstack::Error;

/// The `io::Error` of the same name, with the stack's as its source.
pub(crate) fn io_error(error: Error) -> io::Error {
    io::Error::new(kind(error), error)
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
