//! Connections beside those that are measured, on corelane's sockets: as [`super::super::idle`] and [`super::super::slow`].

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use corelane::net::{Shutdown, TcpStream};
use corelane::time::{sleep, timeout};
use corelane::{JoinHandle, spawn_local};

use super::{CONNECT_TIMEOUT, SharedCourse, poll_answer};
use crate::cli::LoadArgs;
use crate::error::bad_input;
use crate::load::beside::BesideReport;
use crate::load::exchange::Exchange;
use crate::load::idle::{self, Sources};
use crate::load::silence::STALL;
use crate::load::slow::{PAUSE, PIECE, RECEIVE_BUFFER, Stream};
use crate::stream::ended;
use crate::sys::Stop;

/// The connections.
pub struct Beside {
    idle: Vec<TcpStream>,
    slow: Vec<JoinHandle<(Stream, io::Result<()>)>>,
    over: Rc<Cell<bool>>,
}

impl Beside {
    /// Makes those that `args` ask for, one after the other.
    pub async fn start(args: &LoadArgs, sources: &Sources, stop: &Stop) -> anyhow::Result<Self> {
        let mut idle = Vec::with_capacity(args.idle);
        for index in 0..args.idle {
            anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
            let stream = connect(args, sources, index).await;
            idle.push(stream.map_err(|error| idle::refused(args, index, &error))?);
        }
        let over = Rc::new(Cell::new(false));
        let mut slow = Vec::with_capacity(args.slow);
        for index in 0..args.slow {
            let stream = timeout(CONNECT_TIMEOUT, TcpStream::connect(args.addr)).await;
            let stream = stream.unwrap_or_else(|late| Err(late.into())).map_err(|error| {
                bad_input(format!("--slow {}: after {index} connections: {error}", args.slow))
            })?;
            stream.set_recv_buffer_size(2 * RECEIVE_BUFFER)?; // which the kernel doubles too
            slow.push(spawn_local(read_slowly(stream, over.clone())));
        }
        Ok(Self { idle, slow, over })
    }

    /// Looks what became of them; what is wrong is in the tally.
    pub async fn end(self, args: &LoadArgs, course: &SharedCourse) -> BesideReport {
        self.over.set(true);
        let mut slow_bytes = 0;
        for task in self.slow {
            let ended = timeout(STALL, task).await;
            let tally = &mut course.borrow_mut().tally;
            match ended {
                Ok(Ok((stream, result))) => {
                    slow_bytes += stream.count(tally);
                    if let Err(error) = result {
                        tally.connection_error(&error);
                    }
                }
                Ok(Err(error)) => tally.connection_error(&io::Error::other(error)),
                Err(late) => tally.connection_error(&late.into()),
            }
        }
        let step = idle::step(self.idle.len());
        let mut asked_again = 0;
        for (index, mut stream) in self.idle.into_iter().enumerate() {
            let checked = match check(&mut stream) {
                Ok(()) if index % step == 0 => {
                    asked_again += 1;
                    ask(&mut stream, args, args.connections + index, course).await
                }
                checked => checked,
            };
            if let Err(error) = checked {
                course.borrow_mut().tally.connection_error(&error);
            }
            stream.abort();
        }
        BesideReport { idle: args.idle, asked_again, slow: args.slow, slow_bytes }
    }
}

async fn connect(args: &LoadArgs, sources: &Sources, index: usize) -> io::Result<TcpStream> {
    let connected = match sources.of(index) {
        Some(from) => timeout(CONNECT_TIMEOUT, TcpStream::connect_from((from, 0), args.addr)).await,
        None => timeout(CONNECT_TIMEOUT, TcpStream::connect(args.addr)).await,
    };
    connected.unwrap_or_else(|late| Err(late.into()))
}

/// An error when it is over, or has bytes that nobody asked for.
fn check(stream: &mut TcpStream) -> io::Result<()> {
    match stream.poll_read(&mut Context::from_waker(Waker::noop()), &mut [0]) {
        Poll::Pending => Ok(()),
        Poll::Ready(Err(error)) => Err(error),
        Poll::Ready(Ok(count)) => Err(idle::no_rest(count)),
    }
}

/// One request, whose answer is checked.
async fn ask(stream: &mut TcpStream, args: &LoadArgs, id: usize, course: &SharedCourse) -> io::Result<()> {
    let mut exchange = Exchange::new(id, args.workload, args.size, false);
    exchange.start(Instant::now());
    timeout(STALL, poll_fn(|cx| poll_answer(stream, &mut exchange, course, cx))).await?
}

async fn read_slowly(mut stream: TcpStream, over: Rc<Cell<bool>>) -> (Stream, io::Result<()>) {
    let mut progress = Stream::new();
    let result = go_on(&mut stream, &mut progress, &over).await;
    (progress, result)
}

async fn go_on(stream: &mut TcpStream, progress: &mut Stream, over: &Cell<bool>) -> io::Result<()> {
    while !over.get() {
        turn(stream, progress)?;
        sleep(PAUSE).await; // that is what makes it slow
    }
    stream.shutdown(Shutdown::Write)?;
    while let Some(chunk) = stream.recv_chunk().await? {
        progress.sink.check(&chunk);
    }
    Ok(())
}

/// Writes what the socket takes, and reads a piece; nobody is woken for more.
fn turn(stream: &mut TcpStream, progress: &mut Stream) -> io::Result<()> {
    let cx = &mut Context::from_waker(Waker::noop());
    while !progress.sendable().is_empty() {
        match stream.poll_write(cx, progress.sendable())? {
            Poll::Ready(count) => progress.source.advance(count),
            Poll::Pending => break,
        }
    }
    let mut piece = [0; PIECE];
    match stream.poll_read(cx, &mut piece)? {
        Poll::Ready(0) => Err(ended()),
        Poll::Ready(count) => {
            progress.sink.check(&piece[..count]);
            Ok(())
        }
        Poll::Pending => Ok(()),
    }
}
