//! System calls that move data.

use std::task::Poll;

use corelane_netstack::{Error, SocketId, WriteFlags};

use crate::errno::Errno;
use crate::machine::Machine;
use crate::sockets::Role;

/// The most bytes of one splice: what a pipe holds.
pub(crate) const PIPE_SIZE: usize = 65_536;

/// A write that may have to wait.
#[derive(Debug, Default)]
pub(crate) struct Sending {
    /// What was taken in earlier attempts.
    done: usize,
    /// It found no room.
    waits: bool,
}

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

    /// write, send and their kin; `sending` is what earlier attempts of this call did.
    pub(crate) fn send(
        &mut self,
        fd: i32,
        parts: &[&[u8]],
        flags: i32,
        sending: &mut Sending,
    ) -> Poll<Result<usize, Errno>> {
        let socket = match self.socket(fd) {
            Ok(socket) => socket,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let nonblocking = socket.nonblocking || flags & libc::MSG_DONTWAIT != 0;
        if sending.waits && socket.no_space {
            return Poll::Pending; // as Linux: it is woken when a third is free, and not by each byte
        }
        let id = match socket.role {
            Role::Connection(id) => id,
            // Linux: sk_stream_wait_connect outside of SYN-SENT.
            Role::Idle | Role::Listener(_) => return Poll::Ready(Err(Errno(libc::EPIPE))),
        };
        match self.write_parts(fd, id, parts, flags, sending) {
            Ok(()) => Poll::Ready(Ok(sending.done)),
            Err(Error::WouldBlock) if !nonblocking => {
                sending.waits = true;
                Poll::Pending
            }
            // An error that stays will be told by the next call.
            Err(_) if sending.done > 0 => Poll::Ready(Ok(sending.done)),
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }

    fn write_parts(
        &mut self,
        fd: i32,
        id: SocketId,
        parts: &[&[u8]],
        flags: i32,
        sending: &mut Sending,
    ) -> Result<(), Error> {
        let mut left: usize = parts.iter().map(|part| part.len()).sum::<usize>() - sending.done;
        let mut skip = sending.done;
        for part in parts {
            let from = skip.min(part.len());
            skip -= from;
            let mut rest = &part[from..];
            while !rest.is_empty() {
                let n = rest.len().min(self.frame_room(fd, id)?);
                let eor = flags & libc::MSG_EOR != 0 && n == left;
                let flags = WriteFlags { more: flags & libc::MSG_MORE != 0, eor };
                let written = self.stack.write_with(id, &rest[..n], flags);
                if let Ok(socket) = self.socket(fd) {
                    socket.no_space = written == Err(Error::WouldBlock);
                    socket.frame += written.unwrap_or(0);
                    if eor {
                        socket.frame = 0;
                    }
                }
                let n = written?;
                sending.done += n;
                left -= n;
                rest = &rest[n..];
                self.turn(); // as Linux: what can be sent is sent before the rest is taken
            }
        }
        Ok(())
    }

    /// How much the frame takes that is written to now. Linux queues what is written in frames (tcp_xmit_size_goal), and sends
    /// none that has bytes of two; scripts are written for this. The stack has no such bounds unless it is told of them, so
    /// each frame is a record.
    fn frame_room(&mut self, fd: i32, id: SocketId) -> Result<usize, Error> {
        let info = self.stack.info(id)?;
        let Ok(socket) = self.socket(fd) else { return Ok(usize::MAX) };
        socket.max_window = socket.max_window.max(info.snd_wnd);
        let window = socket.max_window;
        let most = if window > 536 { window / 2 } else { window };
        let goal = ((most.min(65_535 - 320) / info.snd_mss).max(1) * info.snd_mss) as usize;
        socket.frame = socket.frame.min(info.notsent_bytes as usize);
        if socket.frame < goal {
            return Ok(goal - socket.frame);
        }
        socket.frame = 0;
        self.stack.write_with(id, &[], WriteFlags { eor: true, ..WriteFlags::default() })?;
        Ok(goal)
    }

    /// TCP_INQ: what is left to read, with the peer's FIN as a byte of its own; `None` where nobody asked for it.
    pub(crate) fn inq(&mut self, fd: i32) -> Option<i32> {
        let socket = self.socket(fd).ok().filter(|socket| socket.options.inq)?;
        let id = socket.connection()?;
        let fin = self.stack.readiness(id).is_ok_and(|ready| ready.is_read_closed());
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
