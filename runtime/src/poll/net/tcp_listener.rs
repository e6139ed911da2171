//! Waiting for connections.

use std::io;
use std::net::SocketAddr;

use super::TcpStream;
use crate::core::current;
use crate::net;
use crate::poll::event::Source;
use crate::poll::ready::Watched;
use crate::poll::{Interest, Registry, Token};

const NAME: &str = "TcpListener";

/// A TCP listener of this core: readable while a connection waits.
///
/// Dropping it closes it, and ends its registration; connections that were not accepted yet are reset. A shutdown of the runtime
/// closes it too: then it is readable, and `accept` says why.
#[derive(Debug)]
pub struct TcpListener {
    inner: net::TcpListener,
}

impl TcpListener {
    /// Listens on `addr` with the largest backlog that the configuration allows (`somaxconn`). `0.0.0.0` stands for all our
    /// addresses.
    ///
    /// # Errors
    /// As [`net::TcpListener::bind`].
    pub fn bind(addr: SocketAddr) -> io::Result<TcpListener> {
        TcpListener::listen(addr, usize::MAX)
    }

    /// As [`TcpListener::bind`], with a backlog: how many connections may wait for `accept`.
    ///
    /// # Errors
    /// As [`net::TcpListener::bind`].
    pub fn listen(addr: SocketAddr, backlog: usize) -> io::Result<TcpListener> {
        Ok(TcpListener { inner: net::TcpListener::listen(addr, backlog)? })
    }

    /// Takes a connection, with its peer's address.
    ///
    /// # Errors
    /// `WouldBlock` when none waits; `Unsupported` away from its core; another one when the runtime shuts down.
    pub fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        let (stream, peer) = self.inner.try_accept()?;
        Ok((TcpStream::of(stream), peer))
    }

    /// The address that it listens on.
    ///
    /// # Errors
    /// `NotConnected` when it was closed by a shutdown; `Unsupported` away from its core.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// `SO_ERROR`: a listener has none.
    ///
    /// # Errors
    /// As [`TcpListener::local_addr`].
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.local_addr().map(|_| None)
    }

    fn watched(&self) -> Watched {
        Watched::Listener(self.inner.id())
    }
}

impl Source for TcpListener {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        registry.add((self.inner.core(), NAME), self.watched(), token, interests)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        registry.modify((self.inner.core(), NAME), self.watched(), token, interests)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        registry.remove((self.inner.core(), NAME), self.watched())
    }
}

impl Drop for TcpListener {
    fn drop(&mut self) {
        let (core, watched) = (self.inner.core(), self.watched());
        // Dropped elsewhere it is closed by a message, and what is gone is never told.
        current::with(|inner| {
            if inner.id == core {
                inner.reactor.borrow_mut().polls().closed(watched);
            }
        });
    }
}
