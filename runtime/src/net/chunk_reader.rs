//! Buffered reading without a copy.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use corelane_nic::Chunk;

use super::split::access::HasStream;
use super::{OwnedReadHalf, ReadHalf, TcpStream};

/// A reader whose buffer is what was received: `AsyncBufRead` of tokio (feature `tokio-io`) and of futures-io (feature
/// `futures-io`) without a copy, where a `BufReader` copies all into a buffer of its own.
///
/// It is for a [`TcpStream`], a [`ReadHalf`] or an [`OwnedReadHalf`]; through a stream one also writes. A chunk
/// can't leave its core, so a `ChunkReader` is not `Send`: use it with [`spawn_local`](crate::spawn_local).
///
/// ```
/// # #[cfg(feature = "tokio-io")]
/// # async fn lines(stream: corelane::net::TcpStream) -> std::io::Result<()> {
/// use tokio::io::AsyncBufReadExt;
///
/// let mut lines = corelane::net::ChunkReader::new(stream).lines();
/// while let Some(line) = lines.next_line().await? {
///     println!("{line}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct ChunkReader<R> {
    reader: R,
    /// What was received and not consumed; never empty.
    chunk: Option<Chunk>,
}

/// What a [`ChunkReader`] can read from.
pub trait ChunkSource: source::Source {}

impl ChunkSource for TcpStream {}
impl ChunkSource for ReadHalf<'_> {}
impl ChunkSource for OwnedReadHalf {}

mod source {
    use super::{Chunk, Context, HasStream, Poll, io};

    pub trait Source: Unpin {
        fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Chunk>>>;
    }

    impl<T: HasStream + Unpin> Source for T {
        fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<io::Result<Option<Chunk>>> {
            self.has().poll_recv_chunk_shared(cx)
        }
    }
}

impl<R: ChunkSource> ChunkReader<R> {
    /// Reads from `reader`.
    pub fn new(reader: R) -> ChunkReader<R> {
        ChunkReader { reader, chunk: None }
    }

    /// The reader, to ask it something, or to write. What it reads itself is missing here.
    pub fn get_ref(&self) -> &R {
        &self.reader
    }

    /// As [`ChunkReader::get_ref`].
    pub fn get_mut(&mut self) -> &mut R {
        &mut self.reader
    }

    /// What was received and not consumed.
    pub fn buffer(&self) -> &[u8] {
        self.chunk.as_deref().unwrap_or_default()
    }

    /// The reader again, and what was received and not consumed.
    pub fn into_parts(self) -> (R, Option<Chunk>) {
        (self.reader, self.chunk)
    }

    /// The bytes that were received and not consumed; waits while there are none. Empty = the peer has ended its direction.
    ///
    /// # Errors
    /// As [`TcpStream::read`].
    pub fn poll_buffer(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        if self.chunk.is_none() {
            match self.reader.poll_chunk(cx) {
                Poll::Ready(Ok(chunk)) => self.chunk = chunk.filter(|chunk| !chunk.is_empty()),
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(self.buffer()))
    }

    /// Consumes `n` bytes, or all that are there.
    pub fn advance(&mut self, n: usize) {
        if let Some(chunk) = &mut self.chunk {
            if n < chunk.len() {
                chunk.advance(n);
            } else {
                self.chunk = None; // gives the buffer back, and opens the window
            }
        }
    }

    fn poll_copy(
        &mut self,
        cx: &mut Context<'_>,
        room: usize,
        copy: impl FnOnce(&[u8]),
    ) -> Poll<io::Result<usize>> {
        if room == 0 {
            return Poll::Ready(Ok(0));
        }
        let bytes = match self.poll_buffer(cx) {
            Poll::Ready(Ok(bytes)) => bytes,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return Poll::Pending,
        };
        let n = bytes.len().min(room);
        copy(&bytes[..n]);
        self.advance(n);
        Poll::Ready(Ok(n))
    }
}

impl<R> fmt::Debug for ChunkReader<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChunkReader")
            .field("buffered", &self.chunk.as_ref().map(|c| c.len()))
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "tokio-io")]
mod for_tokio {
    use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

    use super::{ChunkReader, ChunkSource, Context, Pin, Poll, io};

    impl<R: ChunkSource> AsyncRead for ChunkReader<R> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let room = buf.remaining();
            self.poll_copy(cx, room, |bytes| buf.put_slice(bytes)).map_ok(drop)
        }
    }

    impl<R: ChunkSource> AsyncBufRead for ChunkReader<R> {
        fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            self.get_mut().poll_buffer(cx)
        }

        fn consume(mut self: Pin<&mut Self>, n: usize) {
            self.advance(n);
        }
    }

    impl<R: ChunkSource + AsyncWrite> AsyncWrite for ChunkReader<R> {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.reader).poll_write(cx, buf)
        }

        fn poll_write_vectored(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[io::IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Pin::new(&mut self.reader).poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&self) -> bool {
            self.reader.is_write_vectored()
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.reader).poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Pin::new(&mut self.reader).poll_shutdown(cx)
        }
    }
}

#[cfg(feature = "futures-io")]
mod for_futures {
    use futures_io::{AsyncBufRead, AsyncRead};

    use super::{ChunkReader, ChunkSource, Context, Pin, Poll, io};

    impl<R: ChunkSource> AsyncRead for ChunkReader<R> {
        fn poll_read(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            let room = buf.len();
            self.poll_copy(cx, room, |bytes| buf[..bytes.len()].copy_from_slice(bytes))
        }
    }

    impl<R: ChunkSource> AsyncBufRead for ChunkReader<R> {
        fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            self.get_mut().poll_buffer(cx)
        }

        fn consume(mut self: Pin<&mut Self>, n: usize) {
            self.advance(n);
        }
    }
}
