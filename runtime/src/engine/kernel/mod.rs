//! The kernel's own sockets behind an epoll of this core.
//!
//! ```text
//!  epoll_wait --> what is ready --> wakers --> tasks: accept4, recv, send --> the kernel        one turn
//! ```
//!
//! Each descriptor is registered once, edge-triggered, and [`socket`] keeps what the edges told. So a request costs an epoll_wait for
//! all that came in a turn, a recv and a send. Writing reaches the kernel at once, not with the turn's end.
//!
//! What is called all the time is kept out of line, so that the native engine's path, which the callers have inline, stays small.

mod diag;
mod events;
mod listener;
mod options;
pub(crate) mod ports;
mod socket;
mod table;

use std::cell::RefCell;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;

use corelane_netstack::{
    Error, Event, Instant, Keepalive, ListenerId, Readiness, Shutdown, SocketId, SocketInfo, SocketOptions,
    SocketOwner, State, Stats, TcpInfo,
};
use corelane_nic::{Chunk, Pool, PoolConfig, QueueStats};
use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{bind, connect, getpeername, sockopt};

use super::{Counts, Refused, Result, Sent};
use crate::core::clock::Clock;
use crate::error::{Missing, SocketError};
use diag::Diag;
use events::Events;
use listener::{Accepted, FLAGS, Listener, family, local_addr};
use ports::Ports;
use socket::{Socket, boxed};
use table::{Key, Table};

/// Bytes of a chunk: as much as one recv takes.
const CHUNK: u32 = 16 * 1024;
/// Buffers of a NIC queue have 2 KiB.
const SLOTS_A_CHUNK: usize = 8;
/// A few readers always have one.
const MIN_CHUNKS: u32 = 64;

/// The engine.
pub(crate) struct Kernel {
    state: RefCell<Inside>,
    pool: Pool,
    diag: Diag,
    ports: Arc<Ports>,
}

struct Inside {
    events: Events,
    sockets: Table<Socket>,
    listeners: Table<Listener>,
    stats: Stats,
    queue: QueueStats,
}

fn key(id: SocketId) -> Key {
    Key { slot: id.slot(), generation: id.generation() }
}

fn listener_key(id: ListenerId) -> Key {
    Key { slot: id.slot(), generation: id.generation() }
}

fn id(key: Key) -> SocketId {
    SocketId::from_parts(key.slot, key.generation)
}

impl Inside {
    #[inline]
    fn socket(&mut self, id: SocketId) -> Result<&mut Socket> {
        self.sockets.get_mut(key(id)).filter(|socket| !socket.orphan).ok_or(SocketError::NOT_OPEN)
    }

    /// A connection into the table and the epoll, whose events name it by its key.
    fn insert(&mut self, socket: Socket) -> Result<SocketId> {
        let key = self.sockets.next_key();
        self.events.add_socket(&socket.fd, key)?;
        Ok(id(self.sockets.insert(socket)))
    }
}

/// The turn.
impl Kernel {
    /// With the memory of `slots` buffers of a NIC queue for chunks. Pages that no chunk has used yet take none.
    ///
    /// # Errors
    /// When the process has no descriptor left.
    pub(crate) fn new(slots: usize, ports: Arc<Ports>) -> std::io::Result<Kernel> {
        let slots = u32::try_from(slots / SLOTS_A_CHUNK).unwrap_or(u32::MAX).max(MIN_CHUNKS);
        let pool = Pool::heap(PoolConfig { slots, slot_size: CHUNK, headroom: 0, reserve: 0 });
        let state = Inside {
            events: Events::new()?,
            sockets: Table::new(),
            listeners: Table::new(),
            stats: Stats::default(),
            queue: QueueStats::default(),
        };
        Ok(Kernel { state: RefCell::new(state), pool, diag: Diag::new(), ports })
    }

    /// epoll -> events.
    #[inline(never)]
    pub(super) fn receive(&self, _now: Instant) -> u32 {
        let inside = &mut *self.state.borrow_mut();
        inside.queue.system_calls += inside.events.poll();
        inside.events.arrived() as u32 // a batch has some hundred
    }

    #[inline(never)]
    pub(super) fn expire(&self, now: Instant) {
        self.state.borrow_mut().events.expire(now);
    }

    /// As of the native engine.
    pub(crate) fn take_events(&self, mut f: impl FnMut(Event)) -> u32 {
        let mut count = 0;
        while let Some(event) = self.next_event() {
            count += 1;
            f(event);
        }
        count
    }

    #[inline(never)]
    fn next_event(&self) -> Option<Event> {
        let inside = &mut *self.state.borrow_mut();
        let Inside { events, sockets, listeners, .. } = inside;
        events.next(
            |key, flags| {
                let socket = sockets.get_mut(key)?;
                let edges = socket.note(flags);
                if socket.orphan {
                    if !socket.has_unsent() || edges.2 {
                        drop(sockets.remove(key)); // what was written is the kernel's to deliver
                    }
                    return None;
                }
                Some(edges)
            },
            |key| listeners.get_mut(key).map(|listener| listener.ready = true),
        )
    }

    /// Nothing waits for the turn's end but readers that found the pool empty.
    #[inline(never)]
    pub(super) fn transmit(&self, _now: Instant) -> Sent {
        let more = self.state.borrow_mut().events.feed_starved_readers(self.pool.available());
        Sent { frames: 0, more }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.state.borrow().events.next_deadline()
    }

    pub(super) fn sleep(
        &self,
        clock: &Clock,
        bell: BorrowedFd<'_>,
        extra: Option<BorrowedFd<'_>>,
        deadline: Option<Instant>,
    ) -> bool {
        let inside = &mut *self.state.borrow_mut();
        let slept = inside.events.sleep(bell, extra, || deadline.map(|at| at - clock.now()));
        inside.queue.system_calls += u64::from(slept);
        slept
    }

    #[cfg(feature = "tokio-rt")]
    pub(super) fn arm(
        &self,
        clock: &Clock,
        deadline: Option<Instant>,
        watch: &mut dyn FnMut(std::os::fd::RawFd, BorrowedFd<'_>),
    ) -> Option<std::time::Duration> {
        let inside = &mut *self.state.borrow_mut();
        let epoll = inside.events.arm()?;
        watch(std::os::fd::AsRawFd::as_raw_fd(&epoll), epoll);
        let time = deadline.map_or(std::time::Duration::MAX, |at| at - clock.now());
        (!time.is_zero()).then_some(time)
    }

    /// What was closed is the kernel's to deliver; what it takes no more of is not.
    pub(super) fn is_drained(&self) -> bool {
        self.state.borrow().sockets.len() == 0
    }

    pub(super) fn abort_all(&self) {
        let inside = &mut *self.state.borrow_mut();
        inside.sockets.drain().for_each(|mut socket| socket.reset_on_close());
        inside.listeners.drain().for_each(|listener| self.forget(&listener));
    }

    fn forget(&self, listener: &Listener) {
        if self.ports.shares(listener.asked) {
            self.ports.release(listener.asked);
        }
    }
}

/// Listeners, opening and closing.
impl Kernel {
    pub(super) fn listen(
        &self,
        local: SocketAddr,
        backlog: usize,
        options: &SocketOptions,
    ) -> Result<ListenerId> {
        let inside = &mut *self.state.borrow_mut();
        // SO_REUSEPORT would let us: a worker listens once on an address, as with the native engine.
        if local.port() != 0 && inside.listeners.iter().any(|(_, other)| other.asked == local) {
            return Err(SocketError::Stack(Error::AddrInUse));
        }
        let listener = Listener::open(local, backlog, options, &self.ports)?;
        let key = inside.listeners.next_key();
        if let Err(errno) = inside.events.add_listener(&listener.fd, key) {
            self.forget(&listener);
            return Err(errno.into());
        }
        let key = inside.listeners.insert(listener);
        Ok(ListenerId::from_parts(key.slot, key.generation))
    }

    pub(super) fn listener_addr(&self, id: ListenerId) -> Result<SocketAddr> {
        let inside = self.state.borrow();
        inside.listeners.get(listener_key(id)).map(|listener| listener.local).ok_or(SocketError::NOT_OPEN)
    }

    #[inline(never)]
    pub(super) fn accept(&self, id: ListenerId) -> Result<(SocketId, SocketAddr)> {
        let inside = &mut *self.state.borrow_mut();
        let listener = inside.listeners.get_mut(listener_key(id)).ok_or(SocketError::NOT_OPEN)?;
        if listener.ready {
            inside.queue.system_calls += 1;
        }
        match listener.accept()? {
            Accepted::Connection(fd, peer) => {
                let options = listener.options.clone();
                let socket = inside.insert(Socket::accepted(fd, options))?;
                inside.stats.tcp_passive_opens += 1;
                Ok((socket, peer))
            }
            Accepted::Starved(errno) => {
                if inside.events.starve_listener(id) {
                    tracing::warn!("accept: {errno}: connections wait until a descriptor or memory is free");
                }
                Err(SocketError::WOULD_BLOCK)
            }
        }
    }

    pub(super) fn has_waiting(&self, id: ListenerId) -> Result<bool> {
        let inside = self.state.borrow();
        let listener = inside.listeners.get(listener_key(id)).ok_or(SocketError::NOT_OPEN)?;
        Ok(events::state(listener.fd.as_fd())?.contains(PollFlags::IN))
    }

    pub(super) fn close_listener(&self, id: ListenerId) -> Result<()> {
        let inside = &mut *self.state.borrow_mut();
        let listener = inside.listeners.remove(listener_key(id)).ok_or(SocketError::NOT_OPEN)?;
        self.forget(&listener);
        Ok(())
    }

    pub(super) fn connect(
        &self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        own: &SocketOptions,
    ) -> Result<SocketId> {
        let inside = &mut *self.state.borrow_mut();
        let stream = rustix::net::SocketType::STREAM;
        let fd = rustix::net::socket_with(family(remote), stream, FLAGS, None)?;
        sockopt::set_socket_oobinline(&fd, true)?;
        options::apply(fd.as_fd(), family(remote), &SocketOptions::default(), own)?;
        if let Some(local) = local {
            bind(&fd, &local)?;
        }
        match connect(&fd, &remote) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            // connect(2): the kernel's routing cache is full. It must not read as "wait for the event".
            Err(Errno::AGAIN) => return Err(SocketError::Kernel(Errno::NOBUFS)),
            Err(errno) => return Err(errno.into()),
        }
        inside.queue.system_calls += 1;
        // Registering tells at once what has come of it already.
        let id = inside.insert(Socket::connecting(fd, boxed(own)))?;
        inside.stats.tcp_active_opens += 1;
        Ok(id)
    }

    pub(super) fn opened(&self, id: SocketId) -> Result<()> {
        self.state.borrow_mut().socket(id)?.opened()
    }

    pub(super) fn connected(&self, id: SocketId) -> Result<()> {
        self.peer_addr(id).map(|_| ())
    }

    pub(super) fn shutdown(&self, id: SocketId, how: Shutdown) -> Result<()> {
        self.state.borrow_mut().socket(id)?.shutdown(how)
    }

    pub(super) fn close(&self, id: SocketId) -> Result<()> {
        let inside = &mut *self.state.borrow_mut();
        let socket = inside.socket(id)?;
        if socket.options().linger.is_some_and(|time| time.is_zero()) {
            socket.reset_on_close();
        }
        if socket.has_unsent() {
            socket.orphan = true; // closed when it is sent
            return Ok(());
        }
        drop(inside.sockets.remove(key(id)));
        inside.events.feed_starved_listeners();
        Ok(())
    }

    pub(super) fn abort(&self, id: SocketId) -> Result<()> {
        let inside = &mut *self.state.borrow_mut();
        inside.socket(id)?.reset_on_close();
        drop(inside.sockets.remove(key(id)));
        inside.events.feed_starved_listeners();
        Ok(())
    }

    pub(super) fn has_unread(&self, id: SocketId) -> Result<bool> {
        Ok(rustix::io::ioctl_fionread(&self.state.borrow_mut().socket(id)?.fd)? > 0)
    }

    /// The kernel makes an edge of the ACK of our FIN.
    pub(super) fn delivered(&self, id: SocketId) -> Result<()> {
        let inside = &mut *self.state.borrow_mut();
        let socket = inside.socket(id)?;
        sockopt::socket_error(&socket.fd)??;
        if socket.has_unsent() {
            return Err(SocketError::WOULD_BLOCK);
        }
        match self.ask(socket).map(|answer| answer.state) {
            Ok(State::FinWait2 | State::TimeWait | State::Closed) => Ok(()),
            Ok(_) => Err(SocketError::WOULD_BLOCK),
            // It is over, or in TIME-WAIT.
            Err(SocketError::Stack(Error::NotConnected) | SocketError::Kernel(Errno::NOTCONN)) => {
                Ok(sockopt::socket_error(&socket.fd)??)
            }
            Err(error) => Err(error),
        }
    }

    fn ask(&self, socket: &Socket) -> Result<diag::Answer> {
        self.diag.ask(local_addr(&socket.fd)?, peer_addr(socket)?)
    }
}

fn peer_addr(socket: &Socket) -> Result<SocketAddr> {
    let peer = getpeername(&socket.fd)?.ok_or(SocketError::Stack(Error::NotConnected))?;
    Ok(SocketAddr::try_from(peer)?)
}

/// Data.
impl Kernel {
    #[inline(never)]
    pub(super) fn poll(&self, id: SocketId) -> Result<Readiness> {
        self.state.borrow_mut().socket(id)?.poll()
    }

    #[inline(never)]
    pub(super) fn read(&self, id: SocketId, buf: &mut [u8]) -> Result<usize> {
        let inside = &mut *self.state.borrow_mut();
        let n = inside.socket(id)?.read(buf)?;
        inside.queue.system_calls += 1;
        inside.queue.rx_bytes += n as u64; // a usize has at most 64 bits
        Ok(n)
    }

    #[inline(never)]
    pub(super) fn peek(&self, id: SocketId, buf: &mut [u8]) -> Result<usize> {
        self.state.borrow_mut().socket(id)?.peek(buf)
    }

    #[inline(never)]
    pub(super) fn read_chunk(&self, id: SocketId) -> Result<Option<Chunk>> {
        let inside = &mut *self.state.borrow_mut();
        let read = inside.socket(id)?.read_chunk(&self.pool);
        match &read {
            // The application holds all the buffers: it goes on when it lets go of one.
            Err(SocketError::Stack(Error::OutOfMemory)) => {
                inside.events.starve_reader(id);
                return Err(SocketError::WOULD_BLOCK);
            }
            Ok(chunk) => {
                inside.queue.system_calls += 1;
                inside.queue.rx_bytes += chunk.as_ref().map_or(0, |chunk| chunk.len() as u64); // at most 64 bits
            }
            Err(_) => {}
        }
        read
    }

    #[inline(never)]
    pub(super) fn write(&self, id: SocketId, buf: &[u8]) -> Result<usize> {
        let inside = &mut *self.state.borrow_mut();
        let n = inside.socket(id)?.write(buf)?;
        inside.queue.system_calls += 1;
        inside.queue.tx_bytes += n as u64; // at most 64 bits
        Ok(n)
    }

    #[cfg(any(feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
    pub(super) fn write_vectored(&self, id: SocketId, bufs: &[std::io::IoSlice<'_>]) -> Result<usize> {
        let inside = &mut *self.state.borrow_mut();
        let n = inside.socket(id)?.write_vectored(bufs)?;
        inside.queue.system_calls += 1;
        inside.queue.tx_bytes += n as u64; // at most 64 bits
        Ok(n)
    }

    #[inline(never)]
    pub(super) fn write_chunk(&self, id: SocketId, chunk: Chunk) -> std::result::Result<(), Refused> {
        let inside = &mut *self.state.borrow_mut();
        let len = chunk.len() as u64; // at most 64 bits
        match inside.socket(id) {
            Ok(socket) => socket.write_chunk(chunk)?,
            Err(error) => return Err(Refused { chunk, error }),
        };
        inside.queue.system_calls += 1;
        inside.queue.tx_bytes += len;
        Ok(())
    }
}

/// What is known and set.
impl Kernel {
    pub(super) fn local_addr(&self, id: SocketId) -> Result<SocketAddr> {
        local_addr(&self.state.borrow_mut().socket(id)?.fd)
    }

    pub(super) fn peer_addr(&self, id: SocketId) -> Result<SocketAddr> {
        peer_addr(self.state.borrow_mut().socket(id)?)
    }

    pub(super) fn take_error(&self, id: SocketId) -> Result<Option<SocketError>> {
        let error = sockopt::socket_error(&self.state.borrow_mut().socket(id)?.fd)?;
        Ok(error.err().map(SocketError::Kernel))
    }

    pub(super) fn info(&self, id: SocketId) -> Result<TcpInfo> {
        self.ask(self.state.borrow_mut().socket(id)?)?.tcp_info()
    }

    pub(super) fn options(&self, id: SocketId) -> Result<SocketOptions> {
        Ok(self.state.borrow_mut().socket(id)?.options())
    }

    pub(super) fn set_options(&self, id: SocketId, options: &SocketOptions) -> Result<()> {
        let inside = &mut *self.state.borrow_mut();
        let socket = inside.socket(id)?;
        let family = family(local_addr(&socket.fd)?);
        options::apply(socket.fd.as_fd(), family, &socket.options(), options)?;
        let mut set = *options;
        if set.send_buffer.is_some() {
            set.send_buffer = Some(sockopt::socket_send_buffer_size(&socket.fd)?); // as the kernel has cut it
        }
        socket.set_options(&set);
        Ok(())
    }

    pub(super) fn set_quickack(&self, id: SocketId, on: bool) -> Result<()> {
        Ok(sockopt::set_tcp_quickack(&self.state.borrow_mut().socket(id)?.fd, on)?)
    }

    pub(super) fn quickack(&self, id: SocketId) -> Result<bool> {
        Ok(sockopt::tcp_quickack(&self.state.borrow_mut().socket(id)?.fd)?)
    }

    /// The kernel doubles it, for its overhead beside the payload.
    pub(super) fn set_recv_buffer_size(&self, id: SocketId, bytes: usize) -> Result<()> {
        Ok(sockopt::set_socket_recv_buffer_size(&self.state.borrow_mut().socket(id)?.fd, bytes)?)
    }

    pub(super) fn recv_buffer_size(&self, id: SocketId) -> Result<usize> {
        Ok(sockopt::socket_recv_buffer_size(&self.state.borrow_mut().socket(id)?.fd)? / 2)
    }

    pub(super) fn set_window_clamp(&self, id: SocketId, _bytes: usize) -> Result<()> {
        self.state.borrow_mut().socket(id)?;
        Err(SocketError::Unsupported(Missing::WindowClamp))
    }

    pub(super) fn default_keepalive(&self) -> Keepalive {
        options::default_keepalive()
    }

    pub(super) fn pool(&self) -> Pool {
        self.pool.clone()
    }

    pub(super) fn counts(&self) -> Counts {
        let inside = self.state.borrow();
        Counts {
            stack: inside.stats,
            queue: inside.queue,
            connections: inside.sockets.len(),
            flows: inside.sockets.len(),
            ..Counts::default()
        }
    }

    /// The kernel does not tell the age of a state.
    pub(super) fn sockets(&self) -> Vec<SocketInfo> {
        let inside = self.state.borrow();
        let listeners = inside.listeners.iter().map(|(key, listener)| {
            let owner = SocketOwner::Listener(ListenerId::from_parts(key.slot, key.generation));
            bare(owner, listener.local, State::Listen)
        });
        let connections = inside.sockets.iter().filter_map(|(key, socket)| {
            let local = local_addr(&socket.fd).ok()?;
            let owner = if socket.orphan { SocketOwner::Nobody } else { SocketOwner::Socket(id(key)) };
            let state = if socket.is_connecting() { State::SynSent } else { State::Closed };
            let line = SocketInfo {
                peer: peer_addr(socket).ok(),
                orphan: socket.orphan,
                ..bare(owner, local, state)
            };
            Some(match self.ask(socket) {
                Ok(answer) => SocketInfo {
                    state: answer.state,
                    recv_queue: answer.recv_queue as usize, // a u32
                    send_queue: answer.send_queue as usize, // a u32
                    retransmits: answer.retransmits,
                    ..line
                },
                // It has a peer, and more is not told.
                Err(SocketError::Unsupported(_)) if line.peer.is_some() => {
                    SocketInfo { state: State::Established, ..line }
                }
                Err(_) => line,
            })
        });
        listeners.chain(connections).collect()
    }

    pub(super) fn device_stats(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

fn bare(owner: SocketOwner, local: SocketAddr, state: State) -> SocketInfo {
    SocketInfo {
        owner,
        local,
        peer: None,
        state,
        age: None,
        recv_queue: 0,
        send_queue: 0,
        orphan: false,
        unaccepted: false,
        retransmits: 0,
    }
}
