//! What the application asks for (RFC 9293 3.9.1).

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use corelane_nic::Chunk;

use super::Tcp;
use super::connection::Connection;
use super::fast_open::SERVER_ALL;
use super::listen::ListenerInfo;
use super::memory::Memory;
use super::settle::watch_memory;
use super::state::State;
use super::table::FourTuple;
use crate::config::TcpConfig;
use crate::error::Error;
use crate::event::{Event, ListenerId, SocketId};
use crate::ip::Ip;
use crate::stats::Stats;
use crate::time::Instant;

/// What can be done without [`Error::WouldBlock`] right now, in epoll's terms and by Linux's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Readiness(u32);

impl Readiness {
    /// EPOLLIN.
    pub const IN: u32 = 0x1;
    /// EPOLLOUT.
    pub const OUT: u32 = 0x4;
    /// EPOLLERR.
    pub const ERR: u32 = 0x8;
    /// EPOLLHUP.
    pub const HUP: u32 = 0x10;
    /// EPOLLRDHUP.
    pub const RDHUP: u32 = 0x2000;

    /// With these of epoll's bits.
    pub fn from_bits(bits: u32) -> Readiness {
        Readiness(bits)
    }

    /// The bits that epoll would report.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// EPOLLIN: data, the end of data or an error can be read.
    pub fn is_readable(self) -> bool {
        self.0 & Self::IN != 0
    }

    /// EPOLLOUT: a write takes at least a byte, or gives an error.
    pub fn is_writable(self) -> bool {
        self.0 & Self::OUT != 0
    }

    /// EPOLLRDHUP: the peer has closed its side.
    pub fn is_read_closed(self) -> bool {
        self.0 & Self::RDHUP != 0
    }

    /// EPOLLHUP: over in both directions.
    pub fn is_write_closed(self) -> bool {
        self.0 & Self::HUP != 0
    }

    /// EPOLLERR: `take_error` has something.
    pub fn is_error(self) -> bool {
        self.0 & Self::ERR != 0
    }
}

/// `bits` where something `is` so.
#[inline(always)]
fn bit(is: bool, bits: u32) -> u32 {
    if is { bits } else { 0 }
}

/// What a write says of its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteFlags {
    /// MSG_MORE: a segment that is not full waits for the next write, TCP_NODELAY or not; as in Linux until an ACK comes, or a
    /// retransmission time-out passes, and it gets no PSH.
    pub more: bool,
    /// MSG_EOR: a record ends here, if all bytes are taken. No segment has bytes of two records. With no bytes the record is
    /// what was written before.
    pub eor: bool,
}

/// A chunk that was not taken.
#[derive(Debug)]
pub struct WriteChunkError {
    /// The chunk, whole.
    pub chunk: Chunk,
    /// Why.
    pub error: Error,
}

pub(crate) fn v4(address: SocketAddr) -> Result<(Ipv4Addr, u16), Error> {
    match address.ip() {
        IpAddr::V4(ip) => Ok((ip, address.port())),
        IpAddr::V6(_) => Err(Error::InvalidInput), // IPv6 comes later
    }
}

impl Tcp {
    pub(crate) fn listen(&mut self, ip: &Ip, local: SocketAddr, backlog: usize) -> Result<ListenerId, Error> {
        let (address, port) = v4(local)?;
        if !address.is_unspecified() && !ip.is_local(address) {
            return Err(Error::AddrNotAvailable);
        }
        let port = if port == 0 {
            let free = |tuple: &FourTuple| !self.listeners.has_port(tuple.local_port);
            self.ports.pick(address, Ipv4Addr::UNSPECIFIED, 0, free).ok_or(Error::AddrInUse)?
        } else {
            port
        };
        let backlog = backlog.min(self.config.somaxconn);
        let id = self.listeners.insert(address, port, backlog)?;
        if self.config.tcp_fastopen & SERVER_ALL != 0 {
            self.set_fast_open(id, backlog)?;
        }
        Ok(id)
    }

    pub(crate) fn listener_addr(&self, id: ListenerId) -> Result<SocketAddr, Error> {
        let listener = self.listeners.get(id).ok_or(Error::NotOpen)?;
        Ok(SocketAddr::new(IpAddr::V4(listener.address), listener.port))
    }

    pub(crate) fn listener_info(&self, id: ListenerId) -> Result<ListenerInfo, Error> {
        let listener = self.listeners.get(id).ok_or(Error::NotOpen)?;
        Ok(ListenerInfo {
            syn_queue: listener.syn_queue,
            syn_limit: listener.syn_limit(&self.config),
            accept_queue: listener.accept_queue.len(),
            backlog: listener.backlog,
            fast_open_queue: listener.early.len,
            drops: listener.drops,
        })
    }

    pub(crate) fn accept(&mut self, id: ListenerId) -> Result<(SocketId, SocketAddr), Error> {
        let listener = self.listeners.get_mut(id).ok_or(Error::NotOpen)?;
        let socket = listener.accept_queue.pop_front().ok_or(Error::WouldBlock)?;
        let connection = self.connections.get_mut(socket.0).ok_or(Error::ConnectionAborted)?;
        connection.app.listener = None;
        Ok((socket, connection.tuple.remote_addr()))
    }

    pub(crate) fn close_listener(&mut self, id: ListenerId, stats: &mut Stats) -> Result<(), Error> {
        let listener = self.listeners.remove(id).ok_or(Error::NotOpen)?;
        for socket in listener.accept_queue {
            // Nobody will ever accept it.
            let _ = self.abort(socket, stats);
        }
        if listener.syn_queue > 0 {
            // Closing a listener is rare, so looking at all half-open connections is fine here.
            let waiting: alloc::vec::Vec<_> =
                self.half_open.iter().filter(|(_, half)| half.listener == id).map(|(id, _)| id).collect();
            for half in waiting {
                self.remove_half_open(half);
            }
        }
        Ok(())
    }

    pub(crate) fn socket(&self, id: SocketId) -> Result<&Connection, Error> {
        self.connections.get(id.0).filter(|c| !c.app.orphan).ok_or(Error::NotOpen)
    }

    /// For a command that may change anything.
    pub(crate) fn socket_mut(&mut self, id: SocketId) -> Result<&mut Connection, Error> {
        let connection = self.held_mut(id)?;
        connection.unpredict();
        Ok(connection)
    }

    #[inline(always)]
    fn held_mut(&mut self, id: SocketId) -> Result<&mut Connection, Error> {
        self.connections.get_mut(id.0).filter(|c| !c.app.orphan).ok_or(Error::NotOpen)
    }

    pub(crate) fn read(&mut self, id: SocketId, buf: &mut [u8], peek: bool) -> Result<usize, Error> {
        let connection = self.connections.get_mut(id.0).filter(|c| !c.app.orphan).ok_or(Error::NotOpen)?;
        if connection.rcv.queue.len() == 0 {
            return connection.end_of_data().map(|()| 0);
        }
        let n = connection.rcv.queue.read(buf, peek);
        watch_memory(connection, &mut self.wheel, id.0, self.now);
        if !peek && connection.has_read(self.now, &self.config, &self.memory) {
            self.settle(id.0);
        }
        Ok(n)
    }

    #[inline(always)]
    pub(crate) fn read_chunk(&mut self, id: SocketId) -> Result<Option<Chunk>, Error> {
        let connection = self.connections.get_mut(id.0).filter(|c| !c.app.orphan).ok_or(Error::NotOpen)?;
        let Some(chunk) = connection.rcv.queue.pop() else { return connection.end_of_data().map(|()| None) };
        watch_memory(connection, &mut self.wheel, id.0, self.now);
        if connection.has_read(self.now, &self.config, &self.memory) {
            self.settle(id.0);
        }
        Ok(Some(chunk))
    }

    #[inline(always)]
    pub(crate) fn write(&mut self, id: SocketId, buf: &[u8], flags: WriteFlags) -> Result<usize, Error> {
        // `socket_mut` borrows all of self, and the queue needs the memory beside it.
        let connection = self.connections.get_mut(id.0).filter(|c| !c.app.orphan).ok_or(Error::NotOpen)?;
        let room = connection.room_to_write(buf.len(), false)?;
        let n = connection.snd.queue.write(&buf[..buf.len().min(room)], &self.memory);
        if n == 0 && !buf.is_empty() {
            connection.app.want_write = true;
            self.starved.push(id.0);
            return Err(Error::WouldBlock);
        }
        connection.app.send_flags.wrote(flags.more);
        // As Linux's SOCK_NOSPACE: who was not given all of it is told of room as well (epoll(7), question 9).
        connection.app.want_write |= n < buf.len();
        if flags != WriteFlags::default() {
            connection.unpredict();
        }
        if flags.eor && n == buf.len() {
            connection.end_record();
        }
        self.lists.want_transmit(connection, id.0);
        Ok(n)
    }

    pub(crate) fn write_chunk(&mut self, id: SocketId, chunk: Chunk) -> Result<(), WriteChunkError> {
        let Some(connection) = self.connections.get_mut(id.0).filter(|c| !c.app.orphan) else {
            return Err(WriteChunkError { chunk, error: Error::NotOpen });
        };
        if let Err(error) = connection.room_to_write(chunk.len(), true) {
            return Err(WriteChunkError { chunk, error });
        }
        connection.snd.queue.push(chunk);
        connection.app.send_flags.wrote(false);
        self.lists.want_transmit(connection, id.0);
        Ok(())
    }

    pub(crate) fn readiness(&self, id: SocketId) -> Result<Readiness, Error> {
        let c = self.socket(id)?;
        Ok(c.readiness(c.machine.get().can_write() && c.has_room()))
    }

    /// As `readiness`, with Linux's idea of EPOLLOUT (tcp_poll): room is worth telling once a third of the buffer is free.
    #[inline(always)]
    pub(crate) fn poll(&mut self, id: SocketId) -> Result<Readiness, Error> {
        let connection = self.held_mut(id)?;
        if connection.is_plainly_open() {
            let (readable, writable) = (connection.rcv.queue.len() > 0, connection.has_ample_room());
            connection.app.want_write |= !writable;
            return Ok(Readiness(bit(readable, Readiness::IN) | bit(writable, Readiness::OUT)));
        }
        Ok(connection.poll())
    }

    pub(crate) fn take_error(&mut self, id: SocketId) -> Result<Option<Error>, Error> {
        Ok(self.socket_mut(id)?.app.error.take())
    }

    pub(crate) fn addresses(&self, id: SocketId) -> Result<(SocketAddr, SocketAddr), Error> {
        let connection = self.socket(id)?;
        Ok((connection.tuple.local_addr(), connection.tuple.remote_addr()))
    }

    #[inline(always)]
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        loop {
            let event = self.lists.events.pop()?;
            // Events of what is gone by now are nobody's.
            let live = match event {
                Event::Readable(id) => self.held_mut(id).map(|c| c.app.readable_queued = false).is_ok(),
                Event::Writable(id) => self.held_mut(id).map(|c| c.app.writable_queued = false).is_ok(),
                Event::Closed(id) => self.socket(id).is_ok(),
                Event::Acceptable(id) => {
                    self.listeners.get_mut(id).map(|l| l.acceptable_queued = false).is_some()
                }
            };
            if live {
                return Some(event);
            }
        }
    }

    /// Open or opening connections, orphans among them; not those that are over and only wait to be closed.
    pub(crate) fn connections(&self) -> usize {
        self.connections.len()
    }

    pub(crate) fn half_open(&self) -> usize {
        self.half_open.len()
    }

    pub(crate) fn time_wait(&self) -> usize {
        self.time_wait.len()
    }

    /// Buffers of copied bytes in use.
    pub(crate) fn buffers_in_use(&self) -> usize {
        self.memory.in_use()
    }

    /// Entries of the timer wheel.
    pub(crate) fn timers(&self) -> usize {
        self.wheel.len()
    }

    pub(crate) fn flows(&self) -> usize {
        self.flows.len()
    }
}

impl Connection {
    /// Nothing but data and room is to be told.
    #[inline(always)]
    fn is_plainly_open(&self) -> bool {
        let has_ended = self.rcv.fin_received | self.app.read_shut | self.snd.fin;
        self.machine.get() == State::Established && !has_ended && self.app.error.is_none()
    }

    #[cold]
    fn poll(&mut self) -> Readiness {
        let is_open = self.machine.get().can_write();
        let ready = self.readiness(is_open && self.has_ample_room());
        self.app.want_write |= is_open && !ready.is_writable();
        ready
    }

    /// What epoll reports; `has_room`: for a write, on a connection that takes them.
    fn readiness(&self, has_room: bool) -> Readiness {
        let (error, closed) = (self.app.error.is_some(), self.machine.get() == State::Closed);
        let read_closed = self.rcv.fin_received || self.app.read_shut || closed;
        let early_room = self.takes_early_data() && self.has_room();
        Readiness(
            bit(self.rcv.queue.len() > 0 || read_closed || error, Readiness::IN)
                | bit(closed || error || has_room || early_room || self.snd.fin, Readiness::OUT)
                | bit(read_closed, Readiness::RDHUP)
                | bit(closed || (self.snd.fin && read_closed), Readiness::HUP)
                | bit(error, Readiness::ERR),
        )
    }

    /// Reading made room: whether the peer should hear of it now.
    #[inline(always)]
    fn has_read(&mut self, now: Instant, config: &TcpConfig, memory: &Memory) -> bool {
        self.rcv.adjust_space(now, config);
        if self.rcv.pressed != u32::MAX && !memory.is_pressed() {
            self.rcv.pressed = u32::MAX;
        }
        let due = (self.rcv.update_due() || self.rcv.is_read_out()) && self.machine.get().can_receive();
        if due {
            self.rcv.ack_now = true;
            self.effects.transmit = true;
        }
        due
    }

    /// What a read of an empty queue gives: an error once, the end of data, or nothing yet.
    fn end_of_data(&mut self) -> Result<(), Error> {
        // As in Linux what the peer has ended is at its end, whatever happened since.
        if self.rcv.fin_received {
            return Ok(());
        }
        if let Some(error) = self.app.error.take() {
            return Err(error);
        }
        if self.app.read_shut || self.machine.get() == State::Closed {
            return Ok(());
        }
        Err(Error::WouldBlock)
    }

    /// What is out is too long for the path: it goes again in segments of `mss` bytes.
    pub(crate) fn shorten_segments(&mut self, mss: u16) {
        self.snd.mss = mss;
        self.cc.set_mss(u32::from(mss));
        self.flight.cut(u32::from(mss)); // what is too long was dropped
        self.retransmit_cut();
        self.effects.transmit = true;
    }
}
