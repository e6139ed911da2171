//! Many kernel connections at once.

use std::io;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::cli::LoadArgs;
use crate::sys::{self, ConnectOptions, Epoll, Events, Stop};

/// Connections that are under way at once: fewer than a server's backlog has room for.
const BATCH: usize = 512;

/// For one batch: some retransmissions of a SYN that was dropped.
const PATIENCE: Duration = Duration::from_secs(10);

/// The token of the stop; connections have their index.
const STOP: u64 = u64::MAX;

/// Makes `count` connections that don't block, each with the options of its index.
///
/// # Errors
/// That of the first one that failed, by `refused`; a stop was asked for.
pub fn all(
    args: &LoadArgs,
    count: usize,
    options: impl Fn(usize) -> ConnectOptions,
    refused: impl Fn(usize, &io::Error) -> anyhow::Error,
    stop: &Stop,
) -> anyhow::Result<Vec<TcpStream>> {
    let epoll = Epoll::new()?;
    epoll.add(stop, sys::IN, STOP)?;
    let mut streams = Vec::with_capacity(count);
    while streams.len() < count {
        let first = streams.len();
        for index in first..count.min(first + BATCH) {
            let stream = sys::connect_nonblocking(args.addr, options(index))
                .map_err(|error| refused(index, &error))?;
            epoll.add(&stream, sys::OUT | sys::ONCE, index as u64)?; // usize is at most 64 bits
            stream.set_nodelay(true)?;
            streams.push(stream);
        }
        let left = streams.len() - first;
        wait(&epoll, &streams, left, &refused)?;
    }
    Ok(streams)
}

/// Waits until so many of them are connected.
fn wait(
    epoll: &Epoll,
    streams: &[TcpStream],
    mut left: usize,
    refused: impl Fn(usize, &io::Error) -> anyhow::Error,
) -> anyhow::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut events = Events::new(BATCH);
    while left > 0 {
        let patience = deadline.saturating_duration_since(Instant::now());
        epoll.wait(&mut events, Some(patience))?;
        for event in 0..events.len() {
            let (token, _) = events.get(event);
            anyhow::ensure!(token != STOP, "stopped by a signal before the end");
            let index = usize::try_from(token)?;
            if let Some(error) = streams[index].take_error()? {
                return Err(refused(index, &error));
            }
            left -= 1;
        }
        if events.len() == 0 && left > 0 && Instant::now() >= deadline {
            return Err(refused(streams.len() - left, &io::ErrorKind::TimedOut.into()));
        }
    }
    Ok(())
}
