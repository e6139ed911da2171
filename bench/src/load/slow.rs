//! Connections beside those that are measured whose client reads slowly (`--slow`), on kernel sockets, in a thread of their own.
//!
//! Each sends an endless stream as fast as the server takes it, and reads some of the echo now and then, with a small receive
//! buffer: soon all that the server may hold for it is full. At the end it reads all that is left, and nothing may be missing.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context;

use super::connect;
use super::silence::STALL;
use super::tally::Tally;
use crate::cli::LoadArgs;
use crate::error::bad_input;
use crate::stream::{Sink, Source, ended};
use crate::sys::{ConnectOptions, Stop};

/// Between two reads of a connection.
pub const PAUSE: Duration = Duration::from_millis(10);

/// Bytes that one of them takes: 100 KiB a second.
pub const PIECE: usize = 1024;

/// Bytes of its receive buffer. The kernel doubles it.
pub const RECEIVE_BUFFER: usize = 8 * 1024;

/// Bytes that a connection has sent and not read, at most: more than the buffers of the server's kernel hold, and a bound on what is to
/// be read at the end.
pub const AHEAD: u64 = 1 << 20;

/// Bytes that one read takes at the end.
const DRAIN: usize = 64 * 1024;

/// The connections, served by their thread.
pub struct Slow {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Line>>,
}

/// One connection.
struct Line {
    stream: TcpStream,
    progress: Stream,
    broken: Option<io::Error>,
}

/// What went over a connection that echoes a stream.
pub struct Stream {
    /// What is sent.
    pub source: Source,
    /// What came back.
    pub sink: Sink,
}

impl Stream {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { source: Source::new(), sink: Sink::new() }
    }

    /// What may be sent now; empty when it is too far ahead.
    pub fn sendable(&self) -> &'static [u8] {
        let ahead = self.source.sent - self.sink.received.min(self.source.sent);
        let bytes = self.source.next();
        let room = usize::try_from(AHEAD.saturating_sub(ahead)).unwrap_or(usize::MAX);
        &bytes[..room.min(bytes.len())]
    }

    /// Counts what is wrong, and what is missing at the end; the bytes that came.
    pub fn count(&self, tally: &mut Tally) -> u64 {
        tally.byte_errors += self.sink.verdict().errors(self.source.sent);
        self.sink.received
    }
}

impl Slow {
    /// Makes the connections, and starts on them.
    pub fn start(args: &LoadArgs, stop: &Stop) -> anyhow::Result<Self> {
        let receive_buffer = i32::try_from(RECEIVE_BUFFER).ok();
        let options = |_| ConnectOptions { receive_buffer, ..ConnectOptions::default() };
        let refused = |index, error: &io::Error| {
            bad_input(format!("--slow {}: after {index} connections: {error}", args.slow))
        };
        let streams = connect::all(args, args.slow, options, refused, stop)?;
        let line = |stream| Line { stream, progress: Stream::new(), broken: None };
        let mut lines: Vec<Line> = streams.into_iter().map(line).collect();
        let over = Arc::new(AtomicBool::new(false));
        let shared = over.clone();
        let run = move || {
            while !shared.load(Ordering::Relaxed) {
                lines.iter_mut().for_each(Line::turn);
                thread::sleep(PAUSE); // that is what makes it slow
            }
            lines.iter_mut().for_each(Line::finish);
            lines
        };
        let thread = thread::Builder::new().name("slow".to_owned()).spawn(run);
        Ok(Self { over, thread: thread.context("starting the thread of the slow connections")? })
    }

    /// Reads all that is left; the bytes that came. What is wrong or missing is in the tally.
    pub fn end(self, tally: &mut Tally) -> anyhow::Result<u64> {
        self.over.store(true, Ordering::Relaxed);
        let lines =
            self.thread.join().map_err(|_| anyhow::anyhow!("the thread of the slow connections panicked"))?;
        let mut bytes = 0;
        for line in lines {
            bytes += line.progress.count(tally);
            if let Some(error) = &line.broken {
                tally.connection_error(error);
            }
        }
        Ok(bytes)
    }
}

impl Line {
    fn turn(&mut self) {
        if self.broken.is_none() {
            self.broken = self.write().and_then(|()| self.read()).err();
        }
    }

    /// What the socket takes.
    fn write(&mut self) -> io::Result<()> {
        while !self.progress.sendable().is_empty() {
            match self.stream.write(self.progress.sendable()) {
                Ok(count) => self.progress.source.advance(count),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self) -> io::Result<()> {
        let mut piece = [0; PIECE];
        match self.stream.read(&mut piece) {
            Ok(0) => Err(ended()),
            Ok(count) => {
                self.progress.sink.check(&piece[..count]);
                Ok(())
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    fn finish(&mut self) {
        if self.broken.is_none() {
            self.broken = self.drain().err();
        }
    }

    /// Sends nothing more, and reads to the end.
    fn drain(&mut self) -> io::Result<()> {
        self.stream.set_nonblocking(false)?;
        self.stream.set_read_timeout(Some(STALL))?;
        self.stream.shutdown(Shutdown::Write)?;
        let mut buffer = vec![0; DRAIN];
        loop {
            match self.stream.read(&mut buffer)? {
                0 => return Ok(()),
                count => self.progress.sink.check(&buffer[..count]),
            };
        }
    }
}

#[cfg(test)]
mod tests;
