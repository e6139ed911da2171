//! The futures of a stream's calls.
//!
//! As `poll_fn` makes them, but part of whoever awaits them: a call of its own, with its result in memory, costs as much as what the
//! socket itself does.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use corelane_nic::Chunk;

use super::TcpStream;

/// `read`.
pub(super) struct Read<'a, 'b> {
    pub(super) stream: &'a TcpStream,
    pub(super) buf: &'b mut [u8],
}

impl Future for Read<'_, '_> {
    type Output = io::Result<usize>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.stream.poll_read_shared(cx, this.buf)
    }
}

/// `recv_chunk`.
pub(super) struct RecvChunk<'a> {
    pub(super) stream: &'a TcpStream,
}

impl Future for RecvChunk<'_> {
    type Output = io::Result<Option<Chunk>>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Option<Chunk>>> {
        self.stream.poll_recv_chunk_shared(cx)
    }
}

/// `write`.
pub(super) struct Write<'a, 'b> {
    pub(super) stream: &'a TcpStream,
    pub(super) buf: &'b [u8],
}

impl Future for Write<'_, '_> {
    type Output = io::Result<usize>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.stream.poll_write_shared(cx, self.buf)
    }
}

/// `send`.
pub(super) struct Send<'a> {
    pub(super) stream: &'a TcpStream,
    /// `None` once it was sent.
    pub(super) chunk: Option<Chunk>,
}

impl Future for Send<'_> {
    type Output = io::Result<()>;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.stream.poll_send_shared(cx, &mut this.chunk)
    }
}
