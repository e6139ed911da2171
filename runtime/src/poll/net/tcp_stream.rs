//! A connection.

use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, SocketAddr};

use corelane_netstack::{SocketOptions, TcpInfo};
use corelane_nic::Chunk;

use crate::core::current;
use crate::net::home::{at, here, worker};
use crate::net::{self, SendError};
use crate::poll::event::Source;
use crate::poll::ready::Watched;
use crate::poll::{Interest, Registry, Token, mask};

const NAME: &str = "TcpStream";

/// A TCP connection of this core, non-blocking: `Read` and `Write` are there for it and for references to it.
///
/// Dropping it ends its registration and closes it, as close(2) does: what was written is still delivered; data that nobody read
/// make it a RST.
#[derive(Debug)]
pub struct TcpStream {
    pub(super) inner: net::TcpStream,
}

impl TcpStream {
    pub(super) fn of(inner: net::TcpStream) -> TcpStream {
        TcpStream { inner }
    }

    /// Begins to open a connection. It is writable when it is open or has failed: then [`TcpStream::take_error`] tells which.
    ///
    /// # Errors
    /// `NetworkUnreachable`; `AddrNotAvailable` when no ephemeral port is left; `InvalidInput` for an address that no host has;
    /// `OutOfMemory` at `max_connections`; `NotConnected` when the thread runs no worker.
    pub fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::open(None, addr)
    }

    /// As [`TcpStream::connect`], from this local address; its port 0 takes any.
    ///
    /// # Errors
    /// As [`TcpStream::connect`]; `AddrNotAvailable` also when `local` is not ours, `AddrInUse` when the port is taken.
    pub fn connect_from(local: SocketAddr, addr: SocketAddr) -> io::Result<TcpStream> {
        TcpStream::open(Some(local), addr)
    }

    fn open(local: Option<SocketAddr>, addr: SocketAddr) -> io::Result<TcpStream> {
        let (core, opening) =
            here(|inner| (inner.id, inner.engine.connect(local, addr, &SocketOptions::default())))?;
        let id = opening.map_err(|error| {
            io::Error::new(io::Error::from(error).kind(), format!("can't connect to {addr}: {error}"))
        })?;
        Ok(TcpStream { inner: net::TcpStream::of(core, id) })
    }

    /// Reads without taking the data away.
    ///
    /// # Errors
    /// As reading: `WouldBlock` while nothing has arrived; once, why the connection failed.
    pub fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        self.inner.command(|engine, id| engine.peek(id, buf))
    }

    /// Takes received bytes as they lie together in a buffer, without a copy. `None`: the peer has ended its direction.
    ///
    /// # Errors
    /// As reading.
    #[inline(always)] // a call with its result in memory costs as much as the socket's part in it
    pub fn recv_chunk(&self) -> io::Result<Option<Chunk>> {
        Ok(worker(self.inner.core(), NAME)?.engine.read_chunk(self.inner.id())?)
    }

    /// Sends a chunk without a copy, or gives it back.
    ///
    /// # Errors
    /// [`SendError`] with the chunk: `WouldBlock` when there is no room for all of it now.
    #[inline(always)] // as `recv_chunk`
    pub fn try_send(&self, chunk: Chunk) -> Result<(), SendError> {
        self.inner.try_send_shared(chunk)
    }

    /// Ends one direction or both: see [`net::TcpStream::shutdown`]. As in Linux it is an event of its own, for any interest.
    ///
    /// # Errors
    /// `NotConnected` while it is being opened, or when it is over.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        let how = match how {
            Shutdown::Read => net::Shutdown::Read,
            Shutdown::Write => net::Shutdown::Write,
            Shutdown::Both => net::Shutdown::Both,
        };
        let (id, watched) = (self.inner.id(), self.watched());
        at(self.inner.core(), NAME, |inner| {
            let result = inner.engine.shutdown(id, how);
            inner.reactor.borrow_mut().polls().wake(watched, mask::STATE_KEY);
            Ok(result?)
        })?
    }

    /// Resets the connection: both sides forget what was not delivered.
    pub fn abort(self) {
        let id = self.inner.id();
        // Gone already, or not on its core: the drop does what is left.
        let _ = self.inner.command(|engine, _| engine.abort(id));
    }

    /// `SO_ERROR`: why the connection failed; told once.
    ///
    /// # Errors
    /// `Unsupported` away from its core.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        self.inner.take_error()
    }

    /// Our address.
    ///
    /// # Errors
    /// `Unsupported` away from its core.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }

    /// The peer's address.
    ///
    /// # Errors
    /// `NotConnected` while it is being opened, and when it is over.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.inner.command(|engine, id| {
            engine.connected(id)?;
            engine.peer_addr(id)
        })
    }

    /// `TCP_INFO`.
    ///
    /// # Errors
    /// `Unsupported` away from its core.
    pub fn tcp_info(&self) -> io::Result<TcpInfo> {
        self.inner.tcp_info()
    }

    fn watched(&self) -> Watched {
        Watched::Socket(self.inner.id())
    }
}

impl Read for &TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        Ok(worker(self.inner.core(), NAME)?.engine.read(self.inner.id(), buf)?)
    }
}

impl Write for &TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        Ok(worker(self.inner.core(), NAME)?.engine.write(self.inner.id(), buf)?)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.inner.command(|engine, id| {
            let mut written = 0;
            for buf in bufs.iter().filter(|buf| !buf.is_empty()) {
                match engine.write(id, buf) {
                    Ok(n) if n < buf.len() => return Ok(written + n),
                    Ok(n) => written += n,
                    Err(error) if written == 0 => return Err(error),
                    Err(_) => break, // told by the next call
                }
            }
            Ok(written)
        })
    }

    /// Nothing is kept back here: `Poll::poll` sends what was written.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for TcpStream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buf)
    }
}

impl Write for TcpStream {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        (&*self).write(buf)
    }

    fn write_vectored(&mut self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        (&*self).write_vectored(bufs)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for TcpStream {
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

impl Drop for TcpStream {
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
