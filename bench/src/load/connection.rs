//! One connection of the client: its request in flight and how much of the answer is in.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use super::pattern;
use super::tally::Tally;
use crate::cli::Workload;
use crate::serve::http;
use crate::sys;

/// What one call of [`Connection::ready`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The answer isn't complete.
    Waiting,
    /// The answer is complete.
    Answered,
}

/// A connection and the request in flight on it.
pub struct Connection {
    stream: TcpStream,
    /// Distinguishes the requests of this connection from those of all others.
    id: u64,
    number: u64,
    workload: Workload,
    request: Vec<u8>,
    written: usize,
    received: usize,
    started: Instant,
    /// Answers in the measured time.
    pub measured: u64,
}

impl Connection {
    /// `stream` doesn't block; it may still be connecting. The request starts with [`Self::start`].
    pub fn new(stream: TcpStream, id: u64, workload: Workload, size: usize) -> Self {
        let request = match workload {
            Workload::Http => http_request(),
            Workload::Echo | Workload::Crr => vec![0; size],
        };
        Self {
            stream,
            id,
            number: 0,
            workload,
            request,
            written: 0,
            received: 0,
            started: Instant::now(),
            measured: 0,
        }
    }

    /// Takes a new socket for the next request (crr); the old one is closed.
    pub fn replace(&mut self, stream: TcpStream) {
        self.stream = stream;
    }

    /// Makes the next request ready; its time runs from `now`.
    pub fn start(&mut self, now: Instant) {
        self.number += 1;
        if self.workload != Workload::Http {
            pattern::fill(&mut self.request, self.id, self.number);
        }
        self.written = 0;
        self.received = 0;
        self.started = now;
    }

    /// Writes what the socket takes of the request.
    pub fn write(&mut self) -> io::Result<()> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => self.written += length,
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
    /// The connection broke, or the server closed it before the answer was complete.
    pub fn ready(&mut self, flags: u32, buffer: &mut [u8], tally: &mut Tally) -> io::Result<Progress> {
        self.write()?;
        if flags & (sys::IN | sys::CLOSED) == 0 {
            return Ok(Progress::Waiting); // only room to write
        }
        loop {
            let length = match self.stream.read(buffer) {
                Ok(0) => {
                    let message = "the server closed the connection before its answer was complete";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, message));
                }
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Progress::Waiting);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            tally.byte_errors += pattern::errors(self.expected(), self.received, &buffer[..length]);
            self.received += length;
            if self.received >= self.expected().len() {
                return Ok(Progress::Answered);
            }
            // epoll(7): less than asked for means that the socket is empty; a read that only says
            // so is saved, unless the event said that the server has closed.
            if length < buffer.len() && flags & sys::CLOSED == 0 {
                return Ok(Progress::Waiting);
            }
        }
    }

    fn expected(&self) -> &[u8] {
        match self.workload {
            Workload::Http => http::RESPONSE,
            Workload::Echo | Workload::Crr => &self.request,
        }
    }

    /// Counts the answer that is complete at `now`.
    pub fn finish(&mut self, now: Instant, tally: &mut Tally) {
        self.measured += u64::from(tally.measuring);
        tally.answer(now.duration_since(self.started));
    }
}

fn http_request() -> Vec<u8> {
    b"GET / HTTP/1.1\r\nHost: corelane-bench\r\n\r\n".to_vec()
}
