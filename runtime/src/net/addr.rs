//! Addresses as users write them.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

/// What can be taken as an address and a port. Names are not looked up: that would block the core, or ask the
/// kernel about a network that this stack is not on.
pub trait ToAddr {
    /// The address.
    ///
    /// # Errors
    /// `InvalidInput` when the text is not an address with a port, such as `10.0.0.2:80`.
    fn to_addr(&self) -> io::Result<SocketAddr>;
}

impl ToAddr for SocketAddr {
    fn to_addr(&self) -> io::Result<SocketAddr> {
        Ok(*self)
    }
}

impl ToAddr for SocketAddrV4 {
    fn to_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::V4(*self))
    }
}

impl ToAddr for (IpAddr, u16) {
    fn to_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(*self))
    }
}

impl ToAddr for (Ipv4Addr, u16) {
    fn to_addr(&self) -> io::Result<SocketAddr> {
        Ok(SocketAddr::from(*self))
    }
}

impl ToAddr for str {
    fn to_addr(&self) -> io::Result<SocketAddr> {
        self.parse().map_err(|_| {
            let message = format!("`{self}` is not an address with a port, such as 10.0.0.2:80");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })
    }
}

impl ToAddr for String {
    fn to_addr(&self) -> io::Result<SocketAddr> {
        self.as_str().to_addr()
    }
}

impl<T: ToAddr + ?Sized> ToAddr for &T {
    fn to_addr(&self) -> io::Result<SocketAddr> {
        (**self).to_addr()
    }
}

#[cfg(test)]
mod tests;
