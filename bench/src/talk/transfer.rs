//! Bytes one way.

use std::io;
use std::pin::pin;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::host::Host;
use super::report::{Counters, Ending, Talk};
use crate::stream::{READ, Sink, Source, WRITE};

/// Sends the stream's first `bytes`, and waits until the other end has closed.
pub async fn send<S>(mut stream: S, bytes: u64) -> Talk
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let started = Instant::now();
    let result = push(&mut stream, bytes).await;
    let ending = result.map_or_else(|error| Ending::of(&error), |()| Ending::Eof);
    report(&Sink::new(), started.elapsed(), ending)
}

async fn push<S>(stream: &mut S, bytes: u64) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut source = Source::new();
    while source.sent < bytes {
        let left = usize::try_from(bytes - source.sent).unwrap_or(WRITE);
        let count = stream.write(&source.next()[..left.min(WRITE)]).await?;
        source.advance(count);
    }
    stream.shutdown().await?;
    match stream.read(&mut [0; 1]).await? {
        0 => Ok(()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the receiver has sent something")),
    }
}

/// Receives and checks until the stream ends; resets the connection when `limit` is over. Bytes that are missing at the
/// end of the stream, or too many, count as wrong.
pub async fn receive<H: Host>(host: &H, mut stream: H::Stream, bytes: u64, limit: Duration) -> Talk {
    let started = Instant::now();
    let mut sink = Sink::new();
    let mut buffer = vec![0; READ];
    let mut over = pin!(host.sleep(limit));
    let mut last = Duration::ZERO;
    let ending = loop {
        let read = tokio::select! {
            biased;
            () = &mut over => break Ending::Cut,
            read = stream.read(&mut buffer) => read,
        };
        match read {
            Ok(0) => break Ending::Eof,
            Ok(count) => {
                sink.check(&buffer[..count]);
                last = started.elapsed();
            }
            Err(error) => break Ending::of(&error),
        }
    };
    match ending {
        Ending::Cut => {
            last = limit;
            // Where it can't be set, the close itself resets: there are unread bytes.
            let _closes_anyway = host.reset_on_close(&stream);
        }
        Ending::Eof => sink.wrong += sink.received.abs_diff(bytes),
        _ => {}
    }
    report(&sink, last, ending)
}

fn report(sink: &Sink, time: Duration, ending: Ending) -> Talk {
    Talk {
        received: sink.received,
        wrong: sink.wrong,
        seconds: time.as_secs_f64(),
        ending,
        counted: Counters::new(),
    }
}
