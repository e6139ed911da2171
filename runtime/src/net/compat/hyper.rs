//! hyper 1: its `Read`, `Write`, `Executor` and `Timer`. Feature `hyper`.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use corelane_netstack::Shutdown;
use hyper::rt::{Executor, Read, ReadBufCursor, Timer, Write};

use crate::core::current;
use crate::net::TcpStream;
use crate::time::{Sleep, now, sleep, sleep_until};

impl Read for TcpStream {
    /// One more copy than [`TcpStream::read`], in cache: safe code may only append to hyper's buffer.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        mut buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.remaining();
        if room == 0 {
            return Poll::Ready(Ok(()));
        }
        self.poll_read_with(cx, room, |bytes| buf.put_slice(bytes))
    }
}

impl Write for TcpStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_shared(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored_shared(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// What was written is on its way with the turn that is running.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.shutdown_shared(Shutdown::Write))
    }
}

/// Starts hyper's tasks on this core: [`spawn_local`](crate::spawn_local).
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalExecutor;

impl<F> Executor<F> for LocalExecutor
where
    F: Future + 'static,
    F::Output: 'static,
{
    fn execute(&self, future: F) {
        drop(crate::spawn_local(future)); // runs on alone
    }
}

/// Gives hyper the timers of this core.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalTimer;

impl hyper::rt::Sleep for Sleep {}

impl Timer for LocalTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn hyper::rt::Sleep>> {
        Box::pin(sleep(duration))
    }

    /// As of the begin of the turn: hyper asks for it with each request.
    fn now(&self) -> std::time::Instant {
        current::with(|inner| inner.clock.to_std(inner.lately())).unwrap_or_else(std::time::Instant::now)
    }

    fn sleep_until(&self, deadline: std::time::Instant) -> Pin<Box<dyn hyper::rt::Sleep>> {
        let at = current::with(|inner| inner.clock.from_std(deadline)).unwrap_or_else(now);
        Box::pin(sleep_until(at))
    }
}
