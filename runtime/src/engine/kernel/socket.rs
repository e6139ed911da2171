//! A connection of the kernel: its descriptor, and what epoll has told of it.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use corelane_netstack::{Error, Readiness, Shutdown, SocketOptions};
use corelane_nic::{Chunk, Pool};
use rustix::event::PollFlags;
use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send, sockopt};

use super::events;
use crate::engine::{Refused, Result};
use crate::error::SocketError;

/// What every connection is registered for, once: edges.
pub(super) const INTEREST: EventFlags = EventFlags::IN
    .union(EventFlags::OUT)
    .union(EventFlags::PRI)
    .union(EventFlags::RDHUP)
    .union(EventFlags::ET);

/// With these a short read does not mean that nothing is left: the peer's FIN, an error, or urgent data, which a read stops at.
const LASTING: EventFlags =
    EventFlags::RDHUP.union(EventFlags::HUP).union(EventFlags::ERR).union(EventFlags::PRI);

/// Readiness is kept, so that a call which would block costs no system call, and a short read or write needs none to
/// find out that it was the last: an edge sets it, `EAGAIN` and what is short clear it.
pub(super) struct Socket {
    pub(super) fd: OwnedFd,
    readable: bool,
    writable: bool,
    /// A read always has something to say: see [`LASTING`].
    lasting: bool,
    connecting: bool,
    /// The application has ended its direction; the kernel hears of it after `unsent`.
    shut: bool,
    /// The application has closed it, and `unsent` is not sent yet.
    pub(super) orphan: bool,
    /// The rest of a chunk that was taken whole while the kernel took only a part.
    unsent: Option<Chunk>,
    /// What differs from a fresh socket's options.
    options: Option<Box<SocketOptions>>,
}

impl Socket {
    /// One that was accepted. It may be ready: trying tells.
    pub(super) fn accepted(fd: OwnedFd, options: Option<Box<SocketOptions>>) -> Socket {
        Socket {
            fd,
            readable: true,
            writable: true,
            lasting: false,
            connecting: false,
            shut: false,
            orphan: false,
            unsent: None,
            options,
        }
    }

    /// One whose SYN goes out.
    pub(super) fn connecting(fd: OwnedFd, options: Option<Box<SocketOptions>>) -> Socket {
        Socket { readable: false, writable: false, connecting: true, ..Socket::accepted(fd, options) }
    }

    pub(super) fn is_connecting(&self) -> bool {
        self.connecting
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.unsent.is_some()
    }

    pub(super) fn options(&self) -> SocketOptions {
        self.options.as_deref().copied().unwrap_or_default()
    }

    pub(super) fn set_options(&mut self, options: &SocketOptions) {
        self.options = boxed(options);
    }

    /// Takes in what epoll tells. Returns whether it became readable, writable, and over in both directions.
    pub(super) fn note(&mut self, flags: EventFlags) -> (bool, bool, bool) {
        let failed = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        let readable = flags.intersects(EventFlags::IN.union(LASTING));
        let writable = flags.contains(EventFlags::OUT) || failed;
        self.readable |= readable;
        self.writable |= writable;
        self.lasting |= flags.intersects(LASTING);
        if writable && !self.connecting {
            let _ = self.flush(); // an error is told by the next call
        }
        (readable, writable, flags.contains(EventFlags::HUP))
    }

    /// What epoll would report now. It may know more than the edges have told.
    pub(super) fn poll(&mut self) -> Result<Readiness> {
        let flags = events::state(self.fd.as_fd())?;
        let error = flags.contains(PollFlags::ERR);
        let over = flags.contains(PollFlags::HUP);
        self.readable |= flags.contains(PollFlags::IN);
        self.writable |= flags.contains(PollFlags::OUT);
        if self.connecting && self.writable && !error && !over {
            self.connecting = false; // `take_error` tells of the others
        }
        let told = PollFlags::IN | PollFlags::OUT | PollFlags::RDHUP | PollFlags::HUP | PollFlags::ERR;
        let none = if self.unsent.is_some() { PollFlags::OUT } else { PollFlags::empty() };
        Ok(Readiness::from_bits(((flags & told) - none).bits().cast_unsigned().into())) // poll(2) and epoll(7) have the same bits
    }

    /// Whether it is open.
    pub(super) fn opened(&mut self) -> Result<()> {
        if !self.connecting {
            return Ok(());
        }
        if !self.writable {
            return Err(SocketError::WOULD_BLOCK);
        }
        sockopt::socket_error(&self.fd)??;
        self.connecting = false;
        self.readable = true;
        Ok(())
    }

    #[inline]
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
        let room = buf.len();
        let n = self.recv(buf, RecvFlags::empty())?;
        if n < room && !self.lasting {
            self.readable = false;
        }
        Ok(n)
    }

    pub(super) fn peek(&mut self, buf: &mut [u8]) -> Result<usize> {
        self.recv(buf, RecvFlags::PEEK)
    }

    fn recv(&mut self, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        if !self.readable {
            return Err(SocketError::WOULD_BLOCK);
        }
        match rustix::io::retry_on_intr(|| recv(&self.fd, &mut *buf, flags)) {
            Ok((n, _)) => {
                self.lasting |= n == 0; // by our own shutdown(Read) as well
                Ok(n)
            }
            Err(Errno::AGAIN) => {
                self.readable = false;
                Err(SocketError::WOULD_BLOCK)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// The next piece, in a buffer of `pool`. `OutOfMemory`: the pool is empty.
    pub(super) fn read_chunk(&mut self, pool: &Pool) -> Result<Option<Chunk>> {
        if !self.readable {
            return Err(SocketError::WOULD_BLOCK);
        }
        let mut packet = pool.take().ok_or(SocketError::Stack(Error::OutOfMemory))?;
        let room = packet.tailroom();
        let Some(buf) = packet.push_back(room) else { return Err(SocketError::Stack(Error::OutOfMemory)) };
        let n = self.read(buf)?;
        packet.truncate(n);
        Ok((n > 0).then(|| packet.freeze()))
    }

    /// Whether bytes may be given to the kernel now; what was taken before goes first.
    fn ready_to_write(&mut self) -> Result<()> {
        if self.shut {
            return Err(SocketError::Stack(Error::BrokenPipe));
        }
        if !self.writable {
            return Err(SocketError::WOULD_BLOCK);
        }
        self.flush()
    }

    #[inline]
    pub(super) fn write(&mut self, buf: &[u8]) -> Result<usize> {
        self.ready_to_write()?;
        let sent = rustix::io::retry_on_intr(|| send(&self.fd, buf, SendFlags::NOSIGNAL));
        self.sent(sent, buf.len())
    }

    #[cfg(any(feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
    pub(super) fn write_vectored(&mut self, bufs: &[std::io::IoSlice<'_>]) -> Result<usize> {
        use rustix::net::{SendAncillaryBuffer, sendmsg};
        /// Linux's UIO_MAXIOV.
        const MOST: usize = 1024;
        self.ready_to_write()?;
        let bufs = &bufs[..bufs.len().min(MOST)];
        let len = bufs.iter().map(|buf| buf.len()).sum();
        let sent = rustix::io::retry_on_intr(|| {
            sendmsg(&self.fd, bufs, &mut SendAncillaryBuffer::default(), SendFlags::NOSIGNAL)
        });
        self.sent(sent, len)
    }

    /// What a send says of the room that is left.
    fn sent(&mut self, sent: rustix::io::Result<usize>, len: usize) -> Result<usize> {
        match sent {
            Ok(n) => {
                self.writable = n == len;
                Ok(n)
            }
            Err(Errno::AGAIN) => {
                self.writable = false;
                Err(SocketError::WOULD_BLOCK)
            }
            Err(errno) => Err(errno.into()),
        }
    }

    /// Takes a chunk whole: what the kernel has no room for goes with the next edge.
    pub(super) fn write_chunk(&mut self, mut chunk: Chunk) -> std::result::Result<usize, Refused> {
        if chunk.is_empty() {
            return Ok(0);
        }
        match self.write(&chunk) {
            Ok(n) => {
                if n < chunk.len() {
                    chunk.advance(n);
                    self.unsent = Some(chunk);
                }
                Ok(n)
            }
            Err(error) => Err(Refused { chunk, error }),
        }
    }

    /// Sends what is left of a chunk, and what comes behind it.
    fn flush(&mut self) -> Result<()> {
        let Some(chunk) = &mut self.unsent else { return Ok(()) };
        while !chunk.is_empty() {
            match rustix::io::retry_on_intr(|| send(&self.fd, chunk, SendFlags::NOSIGNAL)) {
                Ok(n) => chunk.advance(n),
                Err(Errno::AGAIN) => {
                    self.writable = false;
                    return Err(SocketError::WOULD_BLOCK);
                }
                Err(errno) => {
                    self.unsent = None; // nobody takes it any more
                    return Err(errno.into());
                }
            }
        }
        self.unsent = None;
        if self.shut {
            rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Write)?;
        }
        Ok(())
    }

    pub(super) fn shutdown(&mut self, how: Shutdown) -> Result<()> {
        let (read, write) = (how != Shutdown::Write, how != Shutdown::Read);
        if read {
            rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Read)?;
            (self.readable, self.lasting) = (true, true);
        }
        if write {
            if self.unsent.is_none() {
                rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Write)?;
            }
            self.shut = true;
        }
        Ok(())
    }

    /// Makes the closing of the descriptor a RST.
    pub(super) fn reset_on_close(&mut self) {
        self.unsent = None;
        // It fails only for what is no socket.
        let _ = sockopt::set_socket_linger(self.fd.as_fd(), Some(Duration::ZERO));
    }
}

/// `None` for those of a fresh socket: most have them, and they take a hundred bytes.
pub(super) fn boxed(options: &SocketOptions) -> Option<Box<SocketOptions>> {
    (*options != SocketOptions::default()).then(|| Box::new(*options))
}
