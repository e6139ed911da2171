//! One connection of the client on a kernel socket.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::exchange::{Exchange, Progress};
use super::tally::Tally;
use crate::sys;

/// A connection and the request in flight on it.
pub struct Connection {
    stream: TcpStream,
    exchange: Exchange,
}

impl Connection {
    /// `stream` doesn't block; it may still be connecting. The request starts with [`Self::start`].
    pub fn new(stream: TcpStream, exchange: Exchange) -> Self {
        Self { stream, exchange }
    }

    /// Takes a new socket for the next request (crr); the old one is closed.
    pub fn replace(&mut self, stream: TcpStream) {
        self.stream = stream;
    }

    /// Makes the next request ready; its time runs from `now`.
    pub fn start(&mut self, now: Instant) {
        self.exchange.start(now);
    }

    /// Writes what the socket takes of the request.
    pub fn write(&mut self) -> io::Result<()> {
        while !self.exchange.unsent().is_empty() {
            match self.stream.write(self.exchange.unsent()) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.exchange.sent(length),
                // A socket that is still connecting says so in the same way.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads and checks what has come; `flags` are those of the event.
    ///
    /// # Errors
    /// The connection broke, the server closed it before the answer was complete, or what it said is no answer.
    pub fn ready(&mut self, flags: u32, buffer: &mut [u8], tally: &mut Tally) -> io::Result<Progress> {
        self.write()?;
        if flags & (sys::IN | sys::CLOSED) == 0 {
            return Ok(Progress::Waiting); // only room to write
        }
        loop {
            let length = match self.stream.read(buffer) {
                Ok(0) => return self.exchange.end(),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Progress::Waiting);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            if self.exchange.take(&buffer[..length], tally)? == Progress::Answered {
                return Ok(Progress::Answered);
            }
            // epoll(7): less than asked for means that the socket is empty; a read that only says
            // so is saved, unless the event said that the server has closed.
            if length < buffer.len() && flags & sys::CLOSED == 0 {
                return Ok(Progress::Waiting);
            }
        }
    }

    /// Counts the answer that is complete at `now`.
    pub fn finish(&self, now: Instant, tally: &mut Tally) {
        self.exchange.finish(now, tally);
    }

    /// As [`Self::finish`], in an open loop.
    pub fn finish_due(&self, now: Instant, tally: &mut Tally) {
        self.exchange.finish_due(now, tally);
    }
}
