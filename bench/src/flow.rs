//! One direction of a bulk stream on a kernel socket that doesn't block: the same for the epoll server and the client.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::stream::{self, Sink, Source, Verdict};
use crate::sys;

/// What this end does.
enum Side {
    Send(Source),
    Receive(Sink),
}

/// A socket and what goes over it. Registered level-triggered: one read or write an event, so that no connection
/// keeps the others waiting.
pub struct Flow {
    stream: TcpStream,
    side: Side,
}

impl Flow {
    /// This end sends.
    pub fn sending(stream: TcpStream) -> Self {
        Self { stream, side: Side::Send(Source::new()) }
    }

    /// This end receives.
    pub fn receiving(stream: TcpStream) -> Self {
        Self { stream, side: Side::Receive(Sink::new()) }
    }

    /// The events that it goes on with.
    pub fn interest(&self) -> u32 {
        match self.side {
            Side::Send(_) => sys::OUT | sys::PEER_CLOSED,
            Side::Receive(_) => sys::IN,
        }
    }

    /// The socket.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// One write or one read; how many bytes went over, and how many of them were wrong.
    ///
    /// # Errors
    /// `UnexpectedEof`: the other end has ended its direction. All others: the connection broke.
    pub fn ready(&mut self, flags: u32, buffer: &mut [u8]) -> io::Result<(u64, u64)> {
        let result = match &mut self.side {
            Side::Send(_) if flags & sys::CLOSED != 0 => return Err(stream::ended()),
            Side::Send(source) => self.stream.write(source.next()).map(|count| {
                source.advance(count);
                (count as u64, 0) // usize is at most 64 bits
            }),
            Side::Receive(sink) => match self.stream.read(buffer) {
                Ok(0) => return Err(stream::ended()),
                Ok(count) => Ok((count as u64, sink.check(&buffer[..count]))),
                Err(error) => Err(error),
            },
        };
        match result {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok((0, 0))
            }
            result => result,
        }
    }

    /// What came over it, for an end that receives; nothing was sent before, so that the socket has room for it.
    pub fn send_verdict(&mut self) -> io::Result<()> {
        match &self.side {
            Side::Send(_) => Ok(()),
            Side::Receive(sink) => self.stream.write_all(&sink.verdict().to_bytes()),
        }
    }

    /// Waits for the verdict of the other end on what was sent, with the socket's time-out; the errors in it.
    pub fn verdict(&mut self) -> io::Result<u64> {
        let Side::Send(source) = &self.side else { return Ok(0) };
        let mut bytes = [0; Verdict::SIZE];
        self.stream.read_exact(&mut bytes)?;
        Ok(Verdict::from_bytes(bytes).errors(source.sent))
    }
}
