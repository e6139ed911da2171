//! A connection.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use corelane_netstack::{Error, Shutdown, SocketId, SocketOptions, TcpInfo};
use corelane_nic::Chunk;

use super::ToAddr;
use super::home::{command, here, worker};
use super::split::{self, OwnedReadHalf, OwnedWriteHalf, ReadHalf, WriteHalf};
use crate::core::current;
use crate::core::mailbox::{self, Message};
use crate::engine::{self, Engine};
use crate::error::SocketError;
use crate::reactor::Direction;

const NAME: &str = "TcpStream";

/// Tries a command, and registers the task when it would block. One access to the thread's worker. No function of a closure: the
/// compiler makes calls of these.
macro_rules! poll_op {
    ($stream:ident, $cx:ident, $direction:expr, |$engine:ident, $id:ident| $op:expr) => {{
        let inner = match worker($stream.core, NAME) {
            Ok(inner) => inner,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let ($engine, $id) = (&inner.engine, $stream.id());
        match $op {
            Ok(result) => Poll::Ready(Ok(result)),
            Err(SocketError::WOULD_BLOCK) => {
                inner.reactor.borrow_mut().register($id, $direction, $cx.waker(), &inner.tasks);
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }};
}

/// A TCP connection of this core.
///
/// Dropping it closes it, as close(2) does: what was written is still delivered; data that nobody read make it a RST.
///
/// Reading and writing take `&mut self`, since each direction wakes one task: [`TcpStream::split`] or
/// [`TcpStream::into_split`] make two of one.
#[derive(Debug)]
pub struct TcpStream {
    core: u32,
    slot: u32,
    generation: u32,
}

impl TcpStream {
    pub(crate) fn of(core: u32, id: SocketId) -> TcpStream {
        TcpStream { core, slot: id.slot(), generation: id.generation() }
    }

    pub(crate) fn core(&self) -> u32 {
        self.core
    }

    pub(crate) fn id(&self) -> SocketId {
        SocketId::from_parts(self.slot, self.generation)
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// `InvalidInput` when the text is no address; `ConnectionRefused`, `TimedOut`, `HostUnreachable`, `NetworkUnreachable` as of
    /// connect(2); `AddrNotAvailable` when no ephemeral port is left; `NotConnected` when the thread runs no worker.
    ///
    /// # Cancel safety
    /// When it is dropped the opening is given up.
    pub async fn connect(addr: impl ToAddr) -> io::Result<TcpStream> {
        TcpStream::open(None, addr.to_addr()?, &SocketOptions::default()).await
    }

    /// As [`TcpStream::connect`], from this local address; its port 0 takes any.
    ///
    /// # Errors
    /// As [`TcpStream::connect`]; `AddrNotAvailable` also when `local` is not ours, `AddrInUse` when the port is taken.
    ///
    /// # Cancel safety
    /// As [`TcpStream::connect`].
    pub async fn connect_from(local: impl ToAddr, addr: impl ToAddr) -> io::Result<TcpStream> {
        let (local, remote) = (local.to_addr()?, addr.to_addr()?);
        TcpStream::open(Some(local), remote, &SocketOptions::default()).await
    }

    pub(super) async fn open(
        local: Option<SocketAddr>,
        remote: SocketAddr,
        options: &SocketOptions,
    ) -> io::Result<TcpStream> {
        let explain =
            |error: io::Error| io::Error::new(error.kind(), format!("can't connect to {remote}: {error}"));
        let (core, opening) = here(|inner| (inner.id, inner.engine.connect(local, remote, options)))?;
        let stream = TcpStream::of(core, opening.map_err(|error| explain(error.into()))?);
        poll_fn(|cx| stream.poll_op(cx, Direction::Write, Engine::opened)).await.map_err(explain)?;
        Ok(stream)
    }

    /// [`poll_op!`] of a command that is given.
    fn poll_op<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        op: impl FnOnce(&Engine, SocketId) -> engine::Result<R>,
    ) -> Poll<io::Result<R>> {
        poll_op!(self, cx, direction, |engine, id| op(engine, id))
    }

    pub(crate) fn command<R>(
        &self,
        op: impl FnOnce(&Engine, SocketId) -> engine::Result<R>,
    ) -> io::Result<R> {
        command(self.core, NAME, |engine| op(engine, self.id()))
    }

    /// As [`TcpStream::read`]; wakes the task that polled last.
    #[inline]
    pub fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.poll_read_shared(cx, buf)
    }

    #[inline(always)]
    pub(super) fn poll_read_shared(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        poll_op!(self, cx, Direction::Read, |engine, id| engine.read(id, buf))
    }

    pub(super) fn poll_peek_shared(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        self.poll_op(cx, Direction::Read, |engine, id| engine.peek(id, buf))
    }

    /// As [`TcpStream::recv_chunk`]; wakes the task that polled last.
    #[inline]
    pub fn poll_recv_chunk(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Chunk>>> {
        self.poll_recv_chunk_shared(cx)
    }

    #[inline(always)]
    pub(super) fn poll_recv_chunk_shared(&self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Chunk>>> {
        poll_op!(self, cx, Direction::Read, |engine, id| engine.read_chunk(id))
    }

    /// As [`TcpStream::write`]; wakes the task that polled last.
    #[inline]
    pub fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_shared(cx, buf)
    }

    #[inline(always)]
    pub(super) fn poll_write_shared(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        poll_op!(self, cx, Direction::Write, |engine, id| engine.write(id, buf))
    }

    /// As [`TcpStream::write`] of several buffers; wakes the task that polled last.
    #[cfg(any(feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
    pub(super) fn poll_write_vectored_shared(
        &self,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Poll::Ready(Ok(0));
        }
        self.poll_op(cx, Direction::Write, |engine, id| engine.write_vectored(id, bufs))
    }

    /// Reads into a buffer of the worker, and gives it to `f`: for readers whose buffer safe code can't write to.
    #[cfg(feature = "hyper")]
    pub(super) fn poll_read_with(
        &self,
        cx: &mut Context<'_>,
        max: usize,
        f: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<()>> {
        let inner = worker(self.core, NAME)?;
        let scratch = &mut *inner.scratch.borrow_mut();
        let max = max.min(scratch.len());
        let read = poll_op!(self, cx, Direction::Read, |engine, id| engine.read(id, &mut scratch[..max]));
        read.map_ok(|n| f(&scratch[..n])) // a copy into the reader's buffer, no foreign code
    }

    /// Sends a chunk without a copy, or gives it back.
    ///
    /// # Errors
    /// [`SendError`] with the chunk: `WouldBlock` when there is no room for all of it now.
    pub fn try_send(&mut self, chunk: Chunk) -> Result<(), SendError> {
        self.try_send_shared(chunk)
    }

    #[inline(always)]
    pub(crate) fn try_send_shared(&self, chunk: Chunk) -> Result<(), SendError> {
        match worker(self.core, NAME) {
            Ok(inner) => {
                let sent = inner.engine.write_chunk(self.id(), chunk);
                sent.map_err(|refused| SendError { chunk: refused.chunk, error: refused.error.into() })
            }
            Err(error) => Err(SendError { chunk, error }),
        }
    }

    #[inline(always)]
    pub(super) fn poll_send_shared(
        &self,
        cx: &mut Context<'_>,
        chunk: &mut Option<Chunk>,
    ) -> Poll<io::Result<()>> {
        let Some(whole) = chunk.take() else { return Poll::Ready(Ok(())) };
        poll_op!(self, cx, Direction::Write, |engine, id| match engine.write_chunk(id, whole) {
            Ok(()) => Ok(()),
            Err(refused) => {
                *chunk = Some(refused.chunk);
                Err(refused.error)
            }
        })
    }

    pub(super) fn shutdown_shared(&self, how: Shutdown) -> io::Result<()> {
        self.command(|engine, id| engine.shutdown(id, how))
    }

    /// Ends one direction or both. `Write`: what was written is still delivered, then comes our FIN. `Read`: reading gives the
    /// end of data once what is there was read; as in Linux the peer is not told, and what it sends can still be read.
    ///
    /// # Errors
    /// `NotConnected` when the connection is over.
    pub fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.shutdown_shared(how)
    }

    /// Closes the stream as close(2) does with its `SO_LINGER`. `None`: as dropping it, at once. Zero: a RST. A time: waits
    /// until the peer has acknowledged all that was written and our FIN, at most for so long.
    ///
    /// Dropping a stream never waits, and delivers all the same; this is for who must know.
    ///
    /// # Errors
    /// `TimedOut` when the time is over: the delivery goes on behind it. `ConnectionReset` and the like when the connection failed:
    /// not all was delivered. `NotConnected` when it was gone before.
    ///
    /// # Cancel safety
    /// When it is dropped the stream is closed, and the delivery goes on.
    pub async fn close(self) -> io::Result<()> {
        let Some(time) = self.linger()?.filter(|time| !time.is_zero()) else { return Ok(()) };
        if self.command(|engine, id| engine.has_unread(id))? {
            return Err(SocketError::Stack(Error::ConnectionReset).into()); // dropping it sends the RST (RFC 1122 4.2.2.13)
        }
        // Whoever has ended it, or both: then this is done already.
        let _ = self.shutdown(Shutdown::Both);
        let delivered = poll_fn(|cx| self.poll_op(cx, Direction::Write, |engine, id| engine.delivered(id)));
        match crate::time::timeout(time, delivered).await {
            Ok(result) => result,
            Err(_) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "SO_LINGER is over, not all is delivered yet"))
            }
        }
    }

    /// Resets the connection: both sides forget what was not delivered.
    pub fn abort(self) {
        let id = self.id();
        // Gone already, or not on its core: the drop does what is left.
        let _ = self.command(|engine, _| engine.abort(id));
    }

    /// Our address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.command(|engine, id| engine.local_addr(id))
    }

    /// The peer's address.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.command(|engine, id| engine.peer_addr(id))
    }

    /// `TCP_INFO`.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn tcp_info(&self) -> io::Result<TcpInfo> {
        self.command(|engine, id| engine.info(id))
    }

    /// `SO_ERROR`: why the connection failed; told once.
    ///
    /// # Errors
    /// `NotConnected` when the connection is gone.
    pub fn take_error(&self) -> io::Result<Option<io::Error>> {
        Ok(self.command(|engine, id| engine.take_error(id))?.map(io::Error::from))
    }

    /// Two halves that borrow the stream, for two futures of one task.
    pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
        split::split(self)
    }

    /// Two halves for two tasks. The connection is closed when both are dropped; dropping the write half sends our FIN.
    pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
        split::into_split(self)
    }
}

impl Drop for TcpStream {
    fn drop(&mut self) {
        let id = self.id();
        let here = current::with(|inner| {
            (inner.id == self.core).then(|| {
                let _ = inner.engine.close(id); // aborted already is as good
                inner.reactor.borrow_mut().remove(id)
            })
        });
        match here.flatten() {
            Some(wakers) => drop(wakers), // out of the borrow
            None => {
                if let Some(owner) = mailbox::find(self.core) {
                    owner.mailbox.push(Message::CloseSocket(id));
                }
            }
        }
    }
}

/// A chunk that was not sent, and why.
#[derive(Debug)]
pub struct SendError {
    /// All of it: nothing was sent.
    pub chunk: Chunk,
    /// Why.
    pub error: io::Error,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes were not sent: {}", self.chunk.len(), self.error)
    }
}
