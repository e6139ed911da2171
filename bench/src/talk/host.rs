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
        let snmp = fs::read_to_string("/proc/self/net/snmp")?;
        let netstat = fs::read_to_string("/proc/self/net/netstat")?;
        let counter = |text: &str, section, name| {
            counter(text, section, name)
                .ok_or_else(|| io::Error::other(format!("the kernel has no counter {section}{name}")))
        };
        Ok(Counters {
            retransmitted: counter(&snmp, "Tcp:", "RetransSegs")?,
            timeouts: counter(&netstat, "TcpExt:", "TCPTimeouts")?,
        })
    }
}

/// A counter from a file in which a line of names goes before a line of values.
fn counter(text: &str, section: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split_whitespace().next() == Some(section));
    let (names, values) = (lines.next()?, lines.next()?);
    let place = names.split_whitespace().position(|word| word == name)?;
    values.split_whitespace().nth(place)?.parse().ok()
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
        Ok(Counters { retransmitted: counted.stack.tcp_retrans_segs, timeouts: counted.stack.timeouts })
    }
}

#[cfg(test)]
mod tests;
