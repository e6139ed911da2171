//! Why a command failed.

use core::fmt;

/// Why a command failed. The runtime turns each into the `io::ErrorKind` of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to read, no room to write, nobody to accept: wait for the event.
    WouldBlock,
    /// The id names nothing that is open (EBADF).
    NotOpen,
    /// The peer answered the SYN with a RST (ECONNREFUSED).
    ConnectionRefused,
    /// The peer sent a RST (ECONNRESET).
    ConnectionReset,
    /// The connection was aborted here (ECONNABORTED).
    ConnectionAborted,
    /// The connection is still being opened, or never was open (ENOTCONN).
    NotConnected,
    /// The peer did not answer: SYN, data or keep-alive retries ran out (ETIMEDOUT).
    TimedOut,
    /// Writing after `shutdown(Write)` (EPIPE).
    BrokenPipe,
    /// The address and port are in use (EADDRINUSE).
    AddrInUse,
    /// The address is not ours, or no ephemeral port is left (EADDRNOTAVAIL).
    AddrNotAvailable,
    /// No route to the network (ENETUNREACH).
    NetworkUnreachable,
    /// The host can't be reached: no ARP answer, or an ICMP error while opening (EHOSTUNREACH).
    HostUnreachable,
    /// An address, port or option that can't be (EINVAL).
    InvalidInput,
    /// A limit of the configuration is reached, or no buffer is left (ENOBUFS).
    OutOfMemory,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Error::WouldBlock => "operation would block",
            Error::NotOpen => "the socket is not open",
            Error::ConnectionRefused => "connection refused",
            Error::ConnectionReset => "connection reset by peer",
            Error::ConnectionAborted => "connection aborted",
            Error::NotConnected => "not connected",
            Error::TimedOut => "connection timed out",
            Error::BrokenPipe => "broken pipe: writing after shutdown",
            Error::AddrInUse => "address in use",
            Error::AddrNotAvailable => "address not available",
            Error::NetworkUnreachable => "network unreachable: no route",
            Error::HostUnreachable => "host unreachable",
            Error::InvalidInput => "invalid input",
            Error::OutOfMemory => "no buffer space available",
        })
    }
}

impl core::error::Error for Error {}
