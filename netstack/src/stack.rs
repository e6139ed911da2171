//! SKELETON by the lead: signatures are final, bodies follow.
#![allow(unused_variables, missing_docs)]
use crate::*;
use core::net::SocketAddr;
use core::time::Duration;
use corelane_nic::{Chunk, Pool, RxBurst, TxBurst};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    Read,
    Write,
    Both,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    pub time: Duration,
    pub interval: Duration,
    pub probes: u8,
}
/// What can be done without WouldBlock right now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
    pub read_closed: bool,
    pub write_closed: bool,
    pub error: bool,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Listen,
    SynSent,
    SynReceived,
    Established,
    FinWait1,
    FinWait2,
    CloseWait,
    Closing,
    LastAck,
    TimeWait,
    Closed,
}
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpInfo {
    pub state: State,
    pub rtt: Duration,
    pub rttvar: Duration,
    pub rto: Duration,
    pub snd_cwnd: u32,
    pub snd_ssthresh: u32,
    pub snd_mss: u32,
    pub rcv_wnd: u32,
    pub snd_wnd: u32,
    pub unacked: u64,
    pub total_retrans: u64,
    pub bytes_received: u64,
    pub bytes_acked: u64,
}
/// The chunk that was not taken, and why.
#[derive(Debug)]
pub struct WriteChunkError {
    pub chunk: Chunk,
    pub error: Error,
}

pub struct Stack {}
impl Stack {
    /// `secret`: 32 random bytes from the OS, drawn at start; `pool`: the queue's.
    pub fn new(config: Config, link: Link, pool: Pool, secret: [u8; 32]) -> Stack {
        Stack {}
    }
    // ---- handlers
    pub fn receive(&mut self, now: Instant, burst: &mut RxBurst) {}
    pub fn expire(&mut self, now: Instant) {}
    // ---- polls
    pub fn transmit(&mut self, now: Instant, burst: &mut TxBurst) {}
    /// The earliest time at which `expire` has something to do. `None`: never, or something is ready to be sent now is not included.
    pub fn next_deadline(&self) -> Option<Instant> {
        None
    }
    pub fn next_event(&mut self) -> Option<Event> {
        None
    }
    /// Whether transmit() has something to say right now.
    pub fn wants_transmit(&self) -> bool {
        false
    }
    // ---- commands
    /// backlog is cut at somaxconn. 0.0.0.0 = all our addresses.
    pub fn listen(&mut self, local: SocketAddr, backlog: usize) -> Result<ListenerId, Error> {
        Err(Error::NotOpen)
    }
    pub fn listener_addr(&self, id: ListenerId) -> Result<SocketAddr, Error> {
        Err(Error::NotOpen)
    }
    pub fn accept(&mut self, id: ListenerId) -> Result<(SocketId, SocketAddr), Error> {
        Err(Error::NotOpen)
    }
    /// Connections not accepted yet are reset.
    pub fn close_listener(&mut self, id: ListenerId) -> Result<(), Error> {
        Err(Error::NotOpen)
    }
    /// The SYN goes out at the next transmit; `Writable` tells that it is open, `Closed` that it failed (`take_error`).
    pub fn connect(&mut self, local: Option<SocketAddr>, remote: SocketAddr) -> Result<SocketId, Error> {
        Err(Error::NotOpen)
    }
    /// Ok(0): the peer's FIN, all read.
    pub fn read(&mut self, id: SocketId, buf: &mut [u8]) -> Result<usize, Error> {
        Err(Error::NotOpen)
    }
    pub fn peek(&mut self, id: SocketId, buf: &mut [u8]) -> Result<usize, Error> {
        Err(Error::NotOpen)
    }
    /// Ok(None): the peer's FIN, all read.
    pub fn read_chunk(&mut self, id: SocketId) -> Result<Option<Chunk>, Error> {
        Err(Error::NotOpen)
    }
    pub fn write(&mut self, id: SocketId, buf: &[u8]) -> Result<usize, Error> {
        Err(Error::NotOpen)
    }
    /// All or nothing.
    pub fn write_chunk(&mut self, id: SocketId, chunk: Chunk) -> Result<(), WriteChunkError> {
        Err(WriteChunkError { chunk, error: Error::NotOpen })
    }
    pub fn shutdown(&mut self, id: SocketId, how: Shutdown) -> Result<(), Error> {
        Err(Error::NotOpen)
    }
    /// The application lets go: what was written is still delivered; unread data make it a RST. The id is gone.
    pub fn close(&mut self, id: SocketId) -> Result<(), Error> {
        Err(Error::NotOpen)
    }
    /// RST, all gone at once. The id is gone.
    pub fn abort(&mut self, id: SocketId) -> Result<(), Error> {
        Err(Error::NotOpen)
    }
    pub fn readiness(&self, id: SocketId) -> Result<Readiness, Error> {
        Err(Error::NotOpen)
    }
    /// Why the connection failed; read once (SO_ERROR).
    pub fn take_error(&mut self, id: SocketId) -> Result<Option<Error>, Error> {
        Err(Error::NotOpen)
    }
    pub fn local_addr(&self, id: SocketId) -> Result<SocketAddr, Error> {
        Err(Error::NotOpen)
    }
    pub fn peer_addr(&self, id: SocketId) -> Result<SocketAddr, Error> {
        Err(Error::NotOpen)
    }
    pub fn set_nodelay(&mut self, id: SocketId, on: bool) -> Result<(), Error> {
        Err(Error::NotOpen)
    }
    pub fn nodelay(&self, id: SocketId) -> Result<bool, Error> {
        Err(Error::NotOpen)
    }
    pub fn set_keepalive(&mut self, id: SocketId, keepalive: Option<Keepalive>) -> Result<(), Error> {
        Err(Error::NotOpen)
    }
    pub fn set_linger(&mut self, id: SocketId, linger: Option<Duration>) -> Result<(), Error> {
        Err(Error::NotOpen)
    }
    pub fn info(&self, id: SocketId) -> Result<TcpInfo, Error> {
        Err(Error::NotOpen)
    }
    // ---- what there is
    pub fn stats(&self) -> &Stats {
        loop {}
    }
    /// Open or opening connections, with those that nobody holds any more and still send.
    pub fn connections(&self) -> usize {
        0
    }
    pub fn half_open(&self) -> usize {
        0
    }
    pub fn time_wait(&self) -> usize {
        0
    }
    pub fn pool(&self) -> &Pool {
        loop {}
    }
    /// Graceful stop: SYNs are refused from now on; true when nothing accepted is left (TIME-WAIT aside).
    pub fn is_drained(&self) -> bool {
        true
    }
}
