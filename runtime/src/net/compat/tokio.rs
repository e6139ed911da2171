//! `AsyncRead` and `AsyncWrite` of tokio: feature `tokio-io`. Nothing of tokio's runtime is needed or used.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use corelane_netstack::Shutdown;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::split::access::HasStream;
use crate::net::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, WriteHalf};

macro_rules! async_read {
    ($($kind:ty),*) => { $(impl AsyncRead for $kind {
        fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let n = match self.has().poll_read_shared(cx, buf.initialize_unfilled()) {
                Poll::Ready(Ok(n)) => n,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            };
            buf.advance(n);
            Poll::Ready(Ok(()))
        }
    })* };
}

macro_rules! async_write {
    ($($kind:ty),*) => { $(impl AsyncWrite for $kind {
        fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.has().poll_write_shared(cx, buf)
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            self.has().poll_write_vectored_shared(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            true
        }

        /// What was written is on its way with the turn that is running.
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(self.has().shutdown_shared(Shutdown::Write))
        }
    })* };
}

async_read!(TcpStream, ReadHalf<'_>, OwnedReadHalf);
async_write!(TcpStream, WriteHalf<'_>, OwnedWriteHalf);
