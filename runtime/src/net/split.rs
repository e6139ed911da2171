//! Reading and writing: the calls that a stream and its halves share, and the halves.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use corelane_netstack::Shutdown;
use corelane_nic::Chunk;

use super::{TcpStream, futures};

/// The calls of a reader, written once.
macro_rules! read_methods {
    () => {
        /// Reads what has arrived, up to the length of `buf`; waits while nothing has. 0 = the peer has ended its direction (or
        /// `buf` is empty).
        ///
        /// # Errors
        /// `ConnectionReset`, `TimedOut` and the like when the connection failed; `Unsupported` away from its core.
        ///
        /// # Cancel safety
        /// Nothing is lost when it is dropped: what was not given is read by the next call.
        pub fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
            futures::Read { stream: self.stream(), buf }
        }

        /// As `read`, but leaves the data to be read again.
        ///
        /// # Errors
        /// As `read`.
        ///
        /// # Cancel safety
        /// As `read`.
        pub fn peek(&mut self, buf: &mut [u8]) -> impl Future<Output = io::Result<usize>> {
            let stream = self.stream();
            poll_fn(move |cx| stream.poll_peek_shared(cx, buf))
        }

        /// Fills `buf`.
        ///
        /// # Errors
        /// As `read`; `UnexpectedEof` when the peer ends its direction before `buf` is full.
        ///
        /// # Cancel safety
        /// Not safe: what was read into `buf` is gone from the stream.
        pub async fn read_exact(&mut self, buf: &mut [u8]) -> io::Result<()> {
            let mut filled = 0;
            while filled < buf.len() {
                match self.read(&mut buf[filled..]).await? {
                    0 => return Err(short(filled, buf.len())),
                    n => filled += n,
                }
            }
            Ok(())
        }

        /// Reads until the peer ends its direction, and appends to `out`. Returns how many bytes. Unbounded: for peers that
        /// are trusted not to fill the memory.
        ///
        /// # Errors
        /// As `read`.
        ///
        /// # Cancel safety
        /// What was read so far is in `out`.
        pub async fn read_to_end(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
            let before = out.len();
            while let Some(chunk) = self.recv_chunk().await? {
                out.extend_from_slice(&chunk);
            }
            Ok(out.len() - before)
        }

        /// As `read_to_end`, for text.
        ///
        /// # Errors
        /// As `read`; `InvalidData` when it is not UTF-8: then it is lost.
        ///
        /// # Cancel safety
        /// Not safe: what was read is lost.
        pub async fn read_to_string(&mut self, out: &mut String) -> io::Result<usize> {
            let mut bytes = Vec::new();
            self.read_to_end(&mut bytes).await?;
            let text = String::from_utf8(bytes).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e))?;
            out.push_str(&text);
            Ok(text.len())
        }

        /// Takes the next piece of what has arrived, without a copy; waits while nothing has. `None` = the peer has ended its
        /// direction. What is kept for long counts against the receive window.
        ///
        /// # Errors
        /// As `read`.
        ///
        /// # Cancel safety
        /// Nothing is lost when it is dropped.
        pub fn recv_chunk(&mut self) -> impl Future<Output = io::Result<Option<Chunk>>> {
            futures::RecvChunk { stream: self.stream() }
        }
    };
}

/// The calls of a writer, written once.
macro_rules! write_methods {
    () => {
        /// Writes what there is room for; waits while there is none. Returns how many bytes: they are copied, and delivered
        /// also when the stream is dropped.
        ///
        /// # Errors
        /// `BrokenPipe` after the end of this direction; `ConnectionReset`, `TimedOut` and the like when the connection
        /// failed; `Unsupported` away from its core.
        ///
        /// # Cancel safety
        /// Nothing was written when it is dropped before it is done.
        pub fn write(&mut self, buf: &[u8]) -> impl Future<Output = io::Result<usize>> {
            futures::Write { stream: self.stream(), buf }
        }

        /// Writes all of `buf`.
        ///
        /// # Errors
        /// As `write`.
        ///
        /// # Cancel safety
        /// Not safe: some of `buf` may have been written, and nobody tells how much.
        pub async fn write_all(&mut self, mut buf: &[u8]) -> io::Result<()> {
            while !buf.is_empty() {
                let n = self.write(buf).await?;
                buf = buf.get(n..).unwrap_or_default();
            }
            Ok(())
        }

        /// Sends a chunk without a copy; waits until there is room for all of it.
        ///
        /// # Errors
        /// As `write`; the chunk is then gone. `try_send` of [`TcpStream`] gives it back.
        ///
        /// # Cancel safety
        /// When it is dropped before it is done nothing was sent, and the chunk is gone.
        pub fn send(&mut self, chunk: Chunk) -> impl Future<Output = io::Result<()>> {
            futures::Send { stream: self.stream(), chunk: Some(chunk) }
        }
    };
}

impl TcpStream {
    fn stream(&self) -> &TcpStream {
        self
    }

    read_methods!();
    write_methods!();
}

/// The reading half of a borrowed stream: [`TcpStream::split`].
#[derive(Debug)]
pub struct ReadHalf<'a>(&'a TcpStream);

/// The writing half of a borrowed stream: [`TcpStream::split`].
#[derive(Debug)]
pub struct WriteHalf<'a>(&'a TcpStream);

/// The reading half of a stream: [`TcpStream::into_split`].
#[derive(Debug)]
pub struct OwnedReadHalf(Arc<TcpStream>);

/// The writing half of a stream: [`TcpStream::into_split`]. Dropping it ends its direction: our FIN follows what was written.
#[derive(Debug)]
pub struct OwnedWriteHalf {
    stream: Arc<TcpStream>,
    /// Whether dropping it ends its direction: not when it goes back into a stream.
    fin: bool,
}

pub(super) fn split(stream: &mut TcpStream) -> (ReadHalf<'_>, WriteHalf<'_>) {
    (ReadHalf(stream), WriteHalf(stream))
}

pub(super) fn into_split(stream: TcpStream) -> (OwnedReadHalf, OwnedWriteHalf) {
    let stream = Arc::new(stream);
    (OwnedReadHalf(stream.clone()), OwnedWriteHalf { stream, fin: true })
}

impl ReadHalf<'_> {
    fn stream(&self) -> &TcpStream {
        self.0
    }

    read_methods!();
}

impl WriteHalf<'_> {
    fn stream(&self) -> &TcpStream {
        self.0
    }

    write_methods!();

    /// Ends this direction: our FIN follows what was written.
    ///
    /// # Errors
    /// As [`TcpStream::shutdown`].
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.0.shutdown_shared(Shutdown::Write)
    }
}

impl OwnedReadHalf {
    fn stream(&self) -> &TcpStream {
        &self.0
    }

    read_methods!();

    /// The peer's address.
    ///
    /// # Errors
    /// As [`TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.0.peer_addr()
    }

    /// The stream again.
    ///
    /// # Errors
    /// Both halves, when they are not of one stream.
    pub fn reunite(self, mut write: OwnedWriteHalf) -> Result<TcpStream, ReuniteError> {
        if !Arc::ptr_eq(&self.0, &write.stream) {
            return Err(ReuniteError(self, write));
        }
        write.fin = false;
        let arc = self.0;
        drop(write);
        // These were the two holds: `into_split` made no more.
        match Arc::try_unwrap(arc) {
            Ok(stream) => Ok(stream),
            Err(arc) => {
                Err(ReuniteError(OwnedReadHalf(arc.clone()), OwnedWriteHalf { stream: arc, fin: true }))
            }
        }
    }
}

impl OwnedWriteHalf {
    fn stream(&self) -> &TcpStream {
        &self.stream
    }

    write_methods!();

    /// Ends this direction: our FIN follows what was written.
    ///
    /// # Errors
    /// As [`TcpStream::shutdown`].
    pub fn shutdown(&mut self) -> io::Result<()> {
        self.stream.shutdown_shared(Shutdown::Write)
    }

    /// The peer's address.
    ///
    /// # Errors
    /// As [`TcpStream::peer_addr`].
    pub fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.stream.peer_addr()
    }
}

impl Drop for OwnedWriteHalf {
    fn drop(&mut self) {
        if self.fin {
            // Over already, or away from its core: closing the stream ends the direction as well.
            let _ = self.stream.shutdown_shared(Shutdown::Write);
        }
    }
}

/// The halves are of two streams.
#[derive(Debug)]
pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

impl fmt::Display for ReuniteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are not of the same stream")
    }
}

impl std::error::Error for ReuniteError {}

#[cold]
fn short(filled: usize, wanted: usize) -> io::Error {
    let message = format!("the peer ended after {filled} of {wanted} bytes");
    io::Error::new(io::ErrorKind::UnexpectedEof, message)
}

/// For the trait implementations in `compat`.
#[cfg(any(feature = "tokio-io", feature = "futures-io"))]
pub(super) mod access {
    use super::{OwnedReadHalf, OwnedWriteHalf, ReadHalf, TcpStream, WriteHalf};

    /// What has a stream behind it.
    pub(crate) trait HasStream {
        fn has(&self) -> &TcpStream;
    }

    macro_rules! has_stream {
        ($($kind:ty),*) => { $(impl HasStream for $kind {
            fn has(&self) -> &TcpStream {
                self.stream()
            }
        })* };
    }

    has_stream!(TcpStream, ReadHalf<'_>, WriteHalf<'_>, OwnedReadHalf, OwnedWriteHalf);
}
