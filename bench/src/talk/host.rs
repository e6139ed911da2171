//! The kernel's sockets and corelane's, in the same words.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use corelane::{net, stats, time};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;

use super::report::Counters;
use crate::sys;

/// A network and the clock that goes with it.
pub trait Host {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin;
    /// What waits for one.
    type Listener;

    /// Listens.
    async fn listen(&self, address: SocketAddr) -> io::Result<Self::Listener>;
    /// Waits for a connection.
    async fn accept(&self, listener: &mut Self::Listener) -> io::Result<Self::Stream>;
    /// Opens one.
    async fn connect(&self, server: SocketAddr) -> io::Result<Self::Stream>;
    /// Lets time pass.
    async fn sleep(&self, time: Duration);
    /// Has the close of the connection reset it: SO_LINGER with 0 s.
    fn reset_on_close(&self, stream: &Self::Stream) -> io::Result<()>;
    /// What the host has counted so far.
    fn counters(&self) -> io::Result<Counters>;
}

/// The kernel, by tokio.
#[derive(Default)]
pub struct Kernel {
    /// Congestion control; the system's when it is `None`.
    pub congestion: Option<String>,
}

impl Kernel {
    /// A socket for a connection, or for a listener: what it accepts has the congestion control of it.
    fn socket(&self) -> io::Result<TcpSocket> {
        let socket = TcpSocket::new_v4()?;
        if let Some(name) = &self.congestion {
            sys::set_congestion(&socket, name)
                .map_err(|error| io::Error::new(error.kind(), format!("--congestion {name}: {error}")))?;
        }
        Ok(socket)
    }
}

impl Host for Kernel {
    type Stream = tokio::net::TcpStream;
    type Listener = tokio::net::TcpListener;

    async fn listen(&self, address: SocketAddr) -> io::Result<Self::Listener> {
        let socket = self.socket()?;
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(16)
    }

    async fn accept(&self, listener: &mut Self::Listener) -> io::Result<Self::Stream> {
        listener.accept().await.map(|(stream, _)| stream)
    }

    async fn connect(&self, server: SocketAddr) -> io::Result<Self::Stream> {
        self.socket()?.connect(server).await
    }

    async fn sleep(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn reset_on_close(&self, stream: &Self::Stream) -> io::Result<()> {
        stream.set_zero_linger()
    }

    fn counters(&self) -> io::Result<Counters> {
        let mut counters = counters(&fs::read_to_string("/proc/self/net/snmp")?, "Tcp");
        counters.append(&mut self::counters(&fs::read_to_string("/proc/self/net/netstat")?, "TcpExt"));
        Ok(counters)
    }
}

/// The counters of a section, from a file in which a line of names goes before a line of values.
fn counters(text: &str, section: &str) -> Counters {
    let mut lines = text.lines().filter_map(|line| line.split_once(": ")).filter(|line| line.0 == section);
    let (Some((_, names)), Some((_, values))) = (lines.next(), lines.next()) else {
        return Counters::new();
    };
    let counters = names.split_whitespace().zip(values.split_whitespace());
    // MaxConn is -1: that is no count.
    counters.filter_map(|(name, value)| Some((format!("{section}{name}"), value.parse().ok()?))).collect()
}

/// corelane.
pub struct Corelane;

impl Host for Corelane {
    type Stream = net::TcpStream;
    type Listener = net::TcpListener;

    async fn listen(&self, address: SocketAddr) -> io::Result<Self::Listener> {
        net::TcpListener::bind(address).await
    }

    async fn accept(&self, listener: &mut Self::Listener) -> io::Result<Self::Stream> {
        listener.accept().await.map(|(stream, _)| stream)
    }

    async fn connect(&self, server: SocketAddr) -> io::Result<Self::Stream> {
        net::TcpStream::connect(server).await
    }

    async fn sleep(&self, time: Duration) {
        time::sleep(time).await;
    }

    fn reset_on_close(&self, stream: &Self::Stream) -> io::Result<()> {
        stream.set_linger(Some(Duration::ZERO))
    }

    fn counters(&self) -> io::Result<Counters> {
        let counted = stats::snapshot().ok_or_else(|| io::Error::other("not on a core of the runtime"))?;
        let ours = counted.counts().filter(|(name, _)| name.starts_with("Tcp"));
        Ok(ours.map(|(name, count)| (name.to_owned(), count)).collect())
    }
}

#[cfg(test)]
mod tests;
