//! Linux's errno.

use corelane_netstack::Error;

/// Why a system call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Errno(pub(crate) i32);

impl From<Error> for Errno {
    fn from(error: Error) -> Errno {
        Errno(match error {
            Error::WouldBlock => libc::EAGAIN,
            Error::NotOpen => libc::EBADF,
            Error::ConnectionRefused => libc::ECONNREFUSED,
            Error::ConnectionReset => libc::ECONNRESET,
            Error::ConnectionAborted => libc::ECONNABORTED,
            Error::NotConnected => libc::ENOTCONN,
            Error::TimedOut => libc::ETIMEDOUT,
            Error::BrokenPipe => libc::EPIPE,
            Error::AddrInUse => libc::EADDRINUSE,
            Error::AddrNotAvailable => libc::EADDRNOTAVAIL,
            Error::NetworkUnreachable => libc::ENETUNREACH,
            Error::HostUnreachable => libc::EHOSTUNREACH,
            Error::InvalidInput => libc::EINVAL,
            Error::OutOfMemory => libc::ENOBUFS,
            _ => libc::EIO, // the enum may grow
        })
    }
}
