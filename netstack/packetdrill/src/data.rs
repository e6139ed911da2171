//! System calls that move data.

use std::task::Poll;

use corelane_netstack::{Error, SocketId};

use crate::errno::Errno;
use crate::machine::Machine;
use crate::sockets::Role;

/// The most bytes of one splice: what a pipe holds.
pub(crate) const PIPE_SIZE: usize = 65_536;

impl Machine {
    /// read, recv and their kin.
    pub(crate) fn receive(&mut self, fd: i32, buf: &mut [u8], flags: i32) -> Poll<Result<usize, Errno>> {
        let socket = match self.socket(fd) {
            Ok(socket) => socket,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let nonblocking = socket.nonblocking || flags & libc::MSG_DONTWAIT != 0;
        let Some(id) = socket.connection() else { return Poll::Ready(Err(Errno(libc::ENOTCONN))) };
        if flags & libc::MSG_ERRQUEUE != 0 {
            return Poll::Ready(Err(Errno(libc::EAGAIN))); // nothing is ever queued there
        }
        let result =
            if flags & libc::MSG_PEEK != 0 { self.stack.peek(id, buf) } else { self.stack.read(id, buf) };
        match result {
            Err(Error::WouldBlock) if !nonblocking => Poll::Pending,
            result => Poll::Ready(result.map_err(Errno::from)),
        }
    }

    /// write, send and their kin; `done` counts what was taken in earlier attempts of this call.
    pub(crate) fn send(
        &mut self,
        fd: i32,
        parts: &[&[u8]],
        flags: i32,
        done: &mut usize,
    ) -> Poll<Result<usize, Errno>> {
        let socket = match self.socket(fd) {
            Ok(socket) => socket,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let nonblocking = socket.nonblocking || flags & libc::MSG_DONTWAIT != 0;
        let id = match socket.role {
            Role::Connection(id) => id,
            // Linux: sk_stream_wait_connect outside of SYN-SENT.
            Role::Idle | Role::Listener(_) => return Poll::Ready(Err(Errno(libc::EPIPE))),
        };
        let more = flags & libc::MSG_MORE != 0;
        if more {
            self.set_more(fd, true);
        }
        let outcome = self.write_parts(id, parts, nonblocking, done);
        if !more {
            self.set_more(fd, false);
        }
        outcome
    }

    /// MSG_MORE corks what it sends, until a send without it.
    fn set_more(&mut self, fd: i32, more: bool) {
        if let Ok(socket) = self.socket(fd)
            && socket.options.more != more
        {
            socket.options.more = more;
            // It can only fail for a connection that is gone, and then it does not matter.
            let _ = self.apply_options(fd);
        }
    }

    fn write_parts(
        &mut self,
        id: SocketId,
        parts: &[&[u8]],
        nonblocking: bool,
        done: &mut usize,
    ) -> Poll<Result<usize, Errno>> {
        let mut skip = *done;
        for part in parts {
            let from = skip.min(part.len());
            skip -= from;
            let mut rest = &part[from..];
            while !rest.is_empty() {
                match self.stack.write(id, rest) {
                    Ok(n) => {
                        *done += n;
                        rest = &rest[n..];
                        self.turn(); // as Linux: what can be sent is sent before the rest is taken
                    }
                    Err(Error::WouldBlock) if !nonblocking => return Poll::Pending,
                    // An error that stays will be told by the next call.
                    Err(_) if *done > 0 => return Poll::Ready(Ok(*done)),
                    Err(error) => return Poll::Ready(Err(error.into())),
                }
            }
        }
        Poll::Ready(Ok(*done))
    }

    /// TCP_INQ: what is left to read, with the peer's FIN as a byte of its own; `None` where nobody asked for it.
    pub(crate) fn inq(&mut self, fd: i32) -> Option<i32> {
        let socket = self.socket(fd).ok().filter(|socket| socket.options.inq)?;
        let id = socket.connection()?;
        let fin = self.stack.readiness(id).is_ok_and(|ready| ready.read_closed);
        i32::try_from(self.readable_bytes(id) + usize::from(fin)).ok()
    }

    /// Bytes that can be read now.
    pub(crate) fn readable_bytes(&mut self, id: SocketId) -> usize {
        let mut buf = vec![0; 1 << 20];
        loop {
            let n = self.stack.peek(id, &mut buf).unwrap_or(0);
            if n < buf.len() {
                return n;
            }
            buf.resize(buf.len() * 2, 0);
        }
    }
}
