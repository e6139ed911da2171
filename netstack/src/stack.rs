//! One core's stack: what the runtime drives.

use core::hint::cold_path;
use core::net::SocketAddr;
use core::time::Duration;

use corelane_nic::{Chunk, Pool, RxBurst, RxFrame, TxBurst};

use alloc::boxed::Box;

use crate::config::{Config, Link};
use crate::error::Error;
use crate::event::{Event, ListenerId, SocketId};
use crate::ip::{self, Ip, Received};
use crate::stats::Stats;
use crate::tcp::{
    FourTuple, Keepalive, ListenerInfo, Net, Readiness, RecordSizes, Shutdown, SocketInfo, SocketOptions,
    Tcp, TcpInfo, WriteChunkError, WriteFlags,
};
use crate::time::Instant;

/// Answers made while receiving (ARP, ICMP, SYN-ACK, RST) that may wait for the next `transmit`. What comes beyond is
/// dropped by not being made: see [`Stack::receive`].
const CONTROL_FRAMES: usize = 1024;

/// A TCP/IP stack without I/O, for one core.
///
/// A turn, in this order:
/// 1. handlers: [`Stack::receive`] with what arrived, [`Stack::expire`] with the time;
/// 2. [`Stack::next_event`] until `None`, and the commands that the application gives in answer;
/// 3. [`Stack::transmit`], and then [`Stack::next_deadline`] to know when to come back without a frame.
///
/// `now` never goes back. Commands have no `now`: what they start goes out with the next `transmit`.
pub struct Stack {
    ip: Ip,
    tcp: Tcp,
    stats: Stats,
    pool: Pool,
    /// What was answered while receiving, to go out first.
    control: TxBurst,
    /// For other cores; `None`: there are none.
    sharing: Option<Box<sharing::Sharing>>,
}

impl Stack {
    /// A stack on a device.
    ///
    /// `pool` is the queue's: headers are built in its buffers, which need 128 bytes of headroom or more room than
    /// that. `secret`: 32 random bytes from the operating system, drawn at start; all keyed hashes follow from it.
    pub fn new(config: Config, link: Link, pool: Pool, secret: [u8; 32]) -> Stack {
        Stack {
            ip: Ip::new(&config, &link, &secret),
            tcp: Tcp::new(config.tcp, link, pool.clone(), &secret),
            stats: Stats::default(),
            pool,
            control: TxBurst::with_capacity(CONTROL_FRAMES),
            sharing: None,
        }
    }

    /// Handles what arrived. Frames beyond what can be answered now stay in the burst for the next turn.
    pub fn receive(&mut self, now: Instant, burst: &mut RxBurst) {
        if self.tcp.is_crowded() && burst.len() > 1 {
            let frames = (0..burst.len()).filter_map(|index| burst.get(index));
            let ip = &self.ip;
            self.tcp.look_ahead(frames.filter_map(|frame| {
                if let Some(end) = frame.packet.last() {
                    corelane_nic::prefetch(end); // it will be summed
                }
                ip.peek(&frame.packet)
            }));
        }
        while self.control.room() > 0 && !burst.is_empty() {
            let (tcp, mut net) = self.parts(now);
            tcp.receive_predicted(burst, &mut net);
            let Some(frame) = burst.pop() else { break };
            cold_path();
            self.stats.in_frames += 1;
            self.receive_by_layers(now, frame);
        }
    }

    /// A frame that was not predicted: from layer to layer.
    #[inline(never)] // so that the registers are those of predicted ones
    fn receive_by_layers(&mut self, now: Instant, frame: RxFrame) {
        let Stack { ip, tcp, stats, pool, control, sharing } = self;
        let mut net = Net { now, ip, out: control, pool, stats };
        let (headroom, hash) = (frame.packet.headroom(), frame.hash);
        let mut cx = ip::Context { out: net.out, pool: net.pool, stats: net.stats };
        match net.ip.receive(now, frame, &mut cx) {
            None => {
                if let Some(heard) = net.ip.take_heard()
                    && let Some(sharing) = sharing
                {
                    sharing.tell_neighbor(heard);
                }
            }
            Some(Received::Tcp { source, destination, packet, checksum, ecn }) => {
                if let Some(sharing) = sharing
                    && tcp.is_stray(source, destination, &packet, now)
                {
                    return sharing.put_aside(packet, headroom, checksum, hash);
                }
                tcp.receive(source, destination, packet, checksum, ecn, &mut net);
            }
            Some(Received::TcpError { error, local, remote, sequence }) => {
                let tuple = FourTuple {
                    local: local.0,
                    local_port: local.1,
                    remote: remote.0,
                    remote_port: remote.1,
                };
                match sharing {
                    Some(sharing) if tcp.lookup(&tuple).is_none() => {
                        sharing.tell_error(error, tuple, sequence);
                    }
                    _ => tcp.icmp_error(&error, tuple, sequence, &mut net),
                }
            }
        }
    }

    /// Handles the timers that are due.
    #[inline]
    pub fn expire(&mut self, now: Instant) {
        self.tcp.set_now(now);
        if self.ip.is_due(now) || self.tcp.is_due(now) {
            self.expire_due(now);
        }
    }

    fn expire_due(&mut self, now: Instant) {
        let mut cx = ip::Context { out: &mut self.control, pool: &self.pool, stats: &mut self.stats };
        self.ip.expire(now, &mut cx);
        while let Some(address) = self.ip.next_unreachable() {
            self.tcp.unreachable(address);
        }
        let (tcp, mut net) = self.parts(now);
        tcp.expire(&mut net);
    }

    #[inline(always)]
    fn parts(&mut self, now: Instant) -> (&mut Tcp, Net<'_>) {
        let Stack { ip, tcp, stats, pool, control, .. } = self;
        (tcp, Net { now, ip, out: control, pool, stats })
    }

    /// Sends what is to be sent, as far as the burst has room; the rest waits for the next turn.
    #[inline]
    pub fn transmit(&mut self, now: Instant, burst: &mut TxBurst) {
        self.tcp.set_now(now);
        if !self.control.is_empty() || self.tcp.has_to_transmit() {
            self.transmit_all(now, burst);
        }
    }

    fn transmit_all(&mut self, now: Instant, burst: &mut TxBurst) {
        while burst.room() > 0
            && let Some(frame) = self.control.pop()
        {
            burst.push(frame.headers, frame.offload);
            for _ in 0..frame.chunks {
                if let Some(chunk) = self.control.pop_chunk() {
                    burst.attach(chunk);
                }
            }
        }
        if burst.room() > 0 {
            let Stack { ip, tcp, stats, pool, .. } = self;
            tcp.transmit(&mut Net { now, ip, out: burst, pool, stats });
        }
    }

    /// Whether `transmit` has something to say right now.
    pub fn wants_transmit(&self) -> bool {
        !self.control.is_empty() || self.tcp.wants_transmit()
    }

    /// Whether `next_event` has something to say. `transmit` may make events too, when what it sends makes room.
    pub fn has_events(&self) -> bool {
        self.tcp.has_events()
    }

    /// When `expire` has something to do; `None`: never, as things are. It may be somewhat early, never late.
    pub fn next_deadline(&self) -> Option<Instant> {
        [self.ip.next_deadline(), self.tcp.next_deadline()].into_iter().flatten().min()
    }

    /// What happened, oldest first.
    #[inline(always)] // for each event, in one loop of each driver
    pub fn next_event(&mut self) -> Option<Event> {
        self.tcp.next_event()
    }

    /// Waits for connections. `backlog` is cut at `somaxconn`; address 0.0.0.0 means all of ours; port 0 picks a free one.
    ///
    /// # Errors
    /// `AddrNotAvailable` for an address that is not ours, `AddrInUse`, `InvalidInput` for IPv6.
    pub fn listen(&mut self, local: SocketAddr, backlog: usize) -> Result<ListenerId, Error> {
        self.tcp.listen(&self.ip, local, backlog)
    }

    /// Where a listener listens.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn listener_addr(&self, id: ListenerId) -> Result<SocketAddr, Error> {
        self.tcp.listener_addr(id)
    }

    /// A listener's queues.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn listener_info(&self, id: ListenerId) -> Result<ListenerInfo, Error> {
        self.tcp.listener_info(id)
    }

    /// Takes the oldest connection of the accept queue, with the peer's address. Its events count from now on: try to read first.
    ///
    /// # Errors
    /// `WouldBlock`, `NotOpen`.
    pub fn accept(&mut self, id: ListenerId) -> Result<(SocketId, SocketAddr), Error> {
        self.tcp.accept(id)
    }

    /// Ends a listener. Connections that were not accepted are reset.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn close_listener(&mut self, id: ListenerId) -> Result<(), Error> {
        self.tcp.close_listener(id, &mut self.stats)
    }

    /// Opens a connection. [`Event::Writable`] tells that it is open, [`Event::Closed`] that it failed (`take_error` says why).
    ///
    /// # Errors
    /// `NetworkUnreachable`, `AddrNotAvailable` (a local address that is not ours, or no port left), `AddrInUse`,
    /// `InvalidInput` (port 0, an address that no host has, IPv6), `OutOfMemory` at `max_connections`.
    pub fn connect(&mut self, local: Option<SocketAddr>, remote: SocketAddr) -> Result<SocketId, Error> {
        self.tcp.connect(&self.ip, local, remote, &mut self.stats)
    }

    /// As [`Stack::connect`], with Fast Open where `tcp_fastopen` allows it (TCP_FASTOPEN_CONNECT): when the server's cookie is
    /// known, the SYN waits for the first write and takes along what has room. [`Event::Writable`] comes at once then.
    /// Otherwise the SYN goes out at once and asks for a cookie. What goes with a SYN may reach the server's application twice
    /// (RFC 7413, section 2.1).
    ///
    /// # Errors
    /// As `connect`.
    pub fn connect_fast_open(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
    ) -> Result<SocketId, Error> {
        self.tcp.connect_fast_open(&self.ip, local, remote, &mut self.stats)
    }

    /// TCP_FASTOPEN: how many connections of a listener may be accepted before their third ACK; at most `somaxconn`, 0: none.
    /// `tcp_fastopen` must allow it too.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn set_fast_open(&mut self, id: ListenerId, limit: usize) -> Result<(), Error> {
        self.tcp.set_fast_open(id, limit)
    }

    /// TCP_FASTOPEN_KEY: cookies are made by this key from now on; those by the key before stay good until the next change.
    pub fn rotate_fast_open_key(&mut self, key: [u8; 16]) {
        self.tcp.rotate_fast_open_key(key);
    }

    /// Copies received bytes to `buf`. `Ok(0)`: the peer has closed and all is read (or `buf` is empty).
    ///
    /// # Errors
    /// `WouldBlock`; once, the reason why the connection failed; `NotOpen`.
    pub fn read(&mut self, id: SocketId, buf: &mut [u8]) -> Result<usize, Error> {
        let n = self.tcp.read(id, buf, false)?;
        self.stats.rx_copied_bytes += n as u64;
        Ok(n)
    }

    /// As [`Stack::read`], but the bytes stay.
    ///
    /// # Errors
    /// As `read`.
    pub fn peek(&mut self, id: SocketId, buf: &mut [u8]) -> Result<usize, Error> {
        self.tcp.read(id, buf, true)
    }

    /// Takes received bytes as they lie together in a buffer, without a copy. `Ok(None)`: the peer has closed and all is read.
    ///
    /// # Errors
    /// As `read`.
    #[inline(always)] // a chunk that comes back through memory is read there while it is still being stored
    pub fn read_chunk(&mut self, id: SocketId) -> Result<Option<Chunk>, Error> {
        self.tcp.read_chunk(id)
    }

    /// Copies bytes to the send buffer; returns how many it took, at least one unless `buf` is empty.
    ///
    /// # Errors
    /// `WouldBlock` while there is no room (then `Writable` tells when there is), `BrokenPipe` after a shutdown;
    /// once, the reason why the connection failed; `NotOpen`.
    pub fn write(&mut self, id: SocketId, buf: &[u8]) -> Result<usize, Error> {
        self.tcp.write(id, buf, WriteFlags::default())
    }

    /// As `write`, with MSG_MORE or MSG_EOR.
    ///
    /// # Errors
    /// As `write`.
    pub fn write_with(&mut self, id: SocketId, buf: &[u8], flags: WriteFlags) -> Result<usize, Error> {
        self.tcp.write(id, buf, flags)
    }

    /// Takes a chunk whole and without a copy, or gives it back.
    ///
    /// # Errors
    /// As `write`, with the chunk.
    pub fn write_chunk(&mut self, id: SocketId, chunk: Chunk) -> Result<(), WriteChunkError> {
        self.tcp.write_chunk(id, chunk)
    }

    /// Ends one direction or both.
    ///
    /// # Errors
    /// `NotConnected` while it is being opened or when it is over, `NotOpen`.
    pub fn shutdown(&mut self, id: SocketId, how: Shutdown) -> Result<(), Error> {
        self.tcp.shutdown(id, how)
    }

    /// The application lets go: what was written is still delivered, unless there are unread data or SO_LINGER is 0:
    /// then the peer gets a RST. The id names nothing from now on.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn close(&mut self, id: SocketId) -> Result<(), Error> {
        self.tcp.close(id, &mut self.stats)
    }

    /// A RST, and all is gone. The id names nothing from now on.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn abort(&mut self, id: SocketId) -> Result<(), Error> {
        self.tcp.abort(id, &mut self.stats)
    }

    /// A RST to each peer: nothing is left after the next `transmit` but TIME-WAIT. For a process that ends, whose peers would
    /// else hear nothing any more. All ids name nothing from now on.
    pub fn abort_all(&mut self) {
        self.tcp.abort_all(&mut self.stats);
    }

    /// Whether the peer has acknowledged all that was written, and our FIN: what a close(2) that lingers waits for.
    ///
    /// # Errors
    /// `WouldBlock` while it has not ([`Event::Writable`] or [`Event::Closed`] tells when it has); once, the reason why the
    /// connection failed; `NotOpen`.
    pub fn delivered(&mut self, id: SocketId) -> Result<(), Error> {
        self.tcp.delivered(id)
    }

    /// Whether something was received and not read: closing then sends a RST.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn has_unread(&self, id: SocketId) -> Result<bool, Error> {
        self.tcp.has_unread(id)
    }

    /// What can be done right now.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn readiness(&self, id: SocketId) -> Result<Readiness, Error> {
        self.tcp.readiness(id)
    }

    /// As [`Stack::readiness`], as epoll has it: `writable` tells of room only once a third of the send buffer is free, and where
    /// less is, [`Event::Writable`] comes when it has become so.
    ///
    /// # Errors
    /// `NotOpen`.
    #[inline(always)] // asked in a loop, for each event
    pub fn poll(&mut self, id: SocketId) -> Result<Readiness, Error> {
        self.tcp.poll(id)
    }

    /// Why the connection failed; told once (SO_ERROR).
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn take_error(&mut self, id: SocketId) -> Result<Option<Error>, Error> {
        self.tcp.take_error(id)
    }

    /// Our address and port.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn local_addr(&self, id: SocketId) -> Result<SocketAddr, Error> {
        self.tcp.addresses(id).map(|(local, _)| local)
    }

    /// The peer's address and port.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn peer_addr(&self, id: SocketId) -> Result<SocketAddr, Error> {
        self.tcp.addresses(id).map(|(_, peer)| peer)
    }

    /// The options that were set on a socket.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn options(&self, id: SocketId) -> Result<SocketOptions, Error> {
        self.tcp.options(id)
    }

    /// Sets all options of a socket. What is to count for its SYN (`maxseg`, `ttl`, `tos`) must be set before the
    /// [`Stack::transmit`] that follows [`Stack::connect`].
    ///
    /// # Errors
    /// `InvalidInput` for a value out of its bounds: then nothing is set. `NotOpen`.
    pub fn set_options(&mut self, id: SocketId, options: &SocketOptions) -> Result<(), Error> {
        self.tcp.set_options(id, options)
    }

    /// The options of a listener.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn listener_options(&self, id: ListenerId) -> Result<SocketOptions, Error> {
        self.tcp.listener_options(id)
    }

    /// Sets the options that connections of a listener start with, from its SYN-ACK on.
    ///
    /// # Errors
    /// As [`Stack::set_options`].
    pub fn set_listener_options(&mut self, id: ListenerId, options: &SocketOptions) -> Result<(), Error> {
        self.tcp.set_listener_options(id, options)
    }

    /// Changes one option or some.
    ///
    /// # Errors
    /// As [`Stack::set_options`].
    fn change(&mut self, id: SocketId, change: impl FnOnce(&mut SocketOptions)) -> Result<(), Error> {
        let mut options = self.options(id)?;
        change(&mut options);
        self.set_options(id, &options)
    }

    /// TCP_NODELAY: switches Nagle's algorithm off.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn set_nodelay(&mut self, id: SocketId, on: bool) -> Result<(), Error> {
        self.change(id, |options| options.nodelay = on)
    }

    /// TCP_QUICKACK: off lets ACKs wait for the application's answers, on does not. Neither stays: what the connection sees of
    /// questions and answers changes it again, as in Linux.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn set_quickack(&mut self, id: SocketId, on: bool) -> Result<(), Error> {
        self.tcp.set_quickack(id, on)
    }

    /// Whether ACKs don't wait for the application's answers.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn quickack(&self, id: SocketId) -> Result<bool, Error> {
        self.tcp.quickack(id)
    }

    /// SO_RCVBUF: the receive buffer stays at this many bytes, which are not tuned any more. Unlike in Linux they are not
    /// doubled: all of them are payload. No window is larger than the scale of our SYN, which is for `tcp_rmem.max`, allows.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn set_recv_buffer_size(&mut self, id: SocketId, bytes: usize) -> Result<(), Error> {
        self.tcp.set_recv_buffer_size(id, bytes)
    }

    /// SO_RCVBUF: the size of the receive buffer in bytes, as set or as tuned.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn recv_buffer_size(&self, id: SocketId) -> Result<usize, Error> {
        self.tcp.recv_buffer_size(id)
    }

    /// TCP_WINDOW_CLAMP: the window offered is at most this many bytes, once what was offered before has arrived.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn set_window_clamp(&mut self, id: SocketId, bytes: usize) -> Result<(), Error> {
        self.tcp.set_window_clamp(id, bytes)
    }

    /// SO_KEEPALIVE with its times; `None` switches it off.
    ///
    /// # Errors
    /// `InvalidInput` for a zero and beyond Linux's bounds (32,767 s, 127 probes), `NotOpen`.
    pub fn set_keepalive(&mut self, id: SocketId, keepalive: Option<Keepalive>) -> Result<(), Error> {
        self.change(id, |options| options.keepalive = keepalive)
    }

    /// What SO_KEEPALIVE without times means: `tcp_keepalive_time`, `tcp_keepalive_intvl` and `tcp_keepalive_probes`.
    pub fn default_keepalive(&self) -> Keepalive {
        self.tcp.default_keepalive()
    }

    /// SO_LINGER: see [`SocketOptions::linger`].
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn set_linger(&mut self, id: SocketId, linger: Option<Duration>) -> Result<(), Error> {
        self.change(id, |options| options.linger = linger)
    }

    /// TCP_INFO.
    ///
    /// # Errors
    /// `NotOpen`.
    pub fn info(&self, id: SocketId) -> Result<TcpInfo, Error> {
        self.tcp.info(id)
    }

    /// All sockets, as `ss -a` lists them: listeners, connections, half-open ones, TIME-WAIT. It looks at every one.
    pub fn sockets(&self) -> impl Iterator<Item = SocketInfo> {
        self.tcp.sockets()
    }

    /// Counters.
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Connections: opening, open, those that nobody holds and that still send, and those that are over but not closed by the application.
    pub fn connections(&self) -> usize {
        self.tcp.connections()
    }

    /// Half-open connections: all SYN queues.
    pub fn half_open(&self) -> usize {
        self.tcp.half_open()
    }

    /// TIME-WAIT records.
    pub fn time_wait(&self) -> usize {
        self.tcp.time_wait()
    }

    /// Entries of the flow table: attached connections, half-open ones and TIME-WAIT records.
    pub fn flows(&self) -> usize {
        self.tcp.flows()
    }

    /// Timers that wait.
    pub fn timers(&self) -> usize {
        self.tcp.timers()
    }

    /// What records take, in bytes: the same for all stacks.
    pub const fn record_sizes() -> RecordSizes {
        RecordSizes::ALL
    }

    /// Buffers of copied bytes in use (`tcp_mem`).
    pub fn buffers_in_use(&self) -> usize {
        self.tcp.buffers_in_use()
    }

    /// The device's pool.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Whether nothing is left to finish: no connection, no half-open one (TIME-WAIT aside), nothing to send.
    pub fn is_drained(&self) -> bool {
        self.tcp.connections() == 0 && self.tcp.half_open() == 0 && !self.wants_transmit()
    }
}

pub(crate) mod sharing;

#[cfg(test)]
mod tests;
