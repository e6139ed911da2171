//! A NIC queue and our own TCP/IP stack.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Duration;

use corelane_netstack::{
    Error, Event, Instant, Keepalive, ListenerId, Readiness, Shutdown, SocketId, SocketInfo, SocketOptions,
    Stack, State, TcpInfo,
};
use corelane_nic::{Chunk, Pool, Queue, RxBurst, TxBurst};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{Counts, Refused, Result, Sent};
use crate::core::clock::Clock;
use crate::core::mesh::Seat;
use crate::error::SocketError;

/// How long a worker sleeps at most when its device has nothing to sleep on.
pub(crate) const BLIND_SLEEP: Duration = Duration::from_millis(1);

/// A queue with the bursts on their way.
struct Device {
    /// The number and a duplicate of the queue's interrupt, since the queue must be asked for frames after it was armed and
    /// before the sleep. Goes before the queue does.
    interrupt: Option<(RawFd, OwnedFd)>,
    queue: Box<dyn Queue>,
    rx: RxBurst,
    tx: TxBurst,
}

impl Device {
    /// Arms the interrupt; `false` when there is none to sleep on.
    fn arm(&mut self) -> bool {
        let Some(fd) = self.queue.interrupt() else { return false };
        let number = fd.as_raw_fd();
        if self.interrupt.as_ref().is_none_or(|(known, _)| *known != number) {
            // No descriptor left: sleep without it, in short naps.
            self.interrupt = fd.try_clone_to_owned().ok().map(|duplicate| (number, duplicate));
        }
        self.interrupt.is_some()
    }

    /// Whether there is an interrupt to sleep on, and how long to sleep at most; `None` = not at all.
    fn prepare_sleep(&mut self, clock: &Clock, deadline: Option<Instant>) -> Option<(bool, Duration)> {
        let armed = self.arm();
        // Frames may have come before the interrupt was armed. They stay in the burst for the next turn.
        self.queue.receive(&mut self.rx);
        if !self.rx.is_empty() {
            return None;
        }
        let longest = if armed { Duration::MAX } else { BLIND_SLEEP };
        let time = deadline.map_or(longest, |at| longest.min(at - clock.now()));
        (!time.is_zero()).then_some((armed, time))
    }
}

/// The engine. A task that reads a socket borrows the stack, and nothing else.
pub(crate) struct Native {
    device: RefCell<Device>,
    stack: RefCell<Stack>,
    /// Its place among the stacks of other workers; `None`: it is alone.
    seat: Option<RefCell<Seat>>,
}

impl Native {
    /// Takes and sends up to `burst` frames a turn.
    pub(crate) fn new(queue: Box<dyn Queue>, stack: Stack, burst: usize) -> Native {
        let (rx, tx) = (RxBurst::with_capacity(burst), TxBurst::with_capacity(burst));
        let device = Device { interrupt: None, queue, rx, tx };
        Native { device: RefCell::new(device), stack: RefCell::new(stack), seat: None }
    }

    /// Shares its address with the stacks of other workers.
    pub(crate) fn with_seat(mut self, seat: Option<Seat>) -> Native {
        self.seat = seat.map(RefCell::new);
        self
    }

    /// A command to the stack.
    #[inline]
    fn stack<R>(&self, f: impl FnOnce(&mut Stack) -> std::result::Result<R, Error>) -> Result<R> {
        f(&mut self.stack.borrow_mut()).map_err(SocketError::Stack)
    }

    /// NIC ring -> burst -> TCP.
    #[inline]
    pub(super) fn receive(&self, now: Instant) -> u32 {
        let device = &mut *self.device.borrow_mut();
        device.queue.receive(&mut device.rx);
        let count = device.rx.len() as u32; // a burst has some 64
        if count > 0 {
            self.stack.borrow_mut().receive(now, &mut device.rx);
        }
        match &self.seat {
            None => count,
            Some(seat) => count + seat.borrow_mut().exchange(now, &mut self.stack.borrow_mut()),
        }
    }

    #[inline]
    pub(super) fn expire(&self, now: Instant) {
        self.stack.borrow_mut().expire(now);
    }

    /// What happened since it was last asked for: edges, in the stack's words. `f` may not call the engine. Returns how many.
    #[inline]
    pub(crate) fn take_events(&self, mut f: impl FnMut(Event)) -> u32 {
        let (mut stack, mut count) = (self.stack.borrow_mut(), 0);
        while let Some(event) = stack.next_event() {
            count += 1;
            f(event);
        }
        count
    }

    /// TCP -> burst -> NIC ring.
    #[inline]
    pub(super) fn transmit(&self, now: Instant) -> Sent {
        let device = &mut *self.device.borrow_mut();
        let mut stack = self.stack.borrow_mut();
        stack.transmit(now, &mut device.tx);
        let before = device.tx.len();
        device.queue.transmit(&mut device.tx);
        let frames = before.saturating_sub(device.tx.len()) as u32; // a burst has some 64
        // What was sent may have made room for writers.
        Sent { frames, more: !device.tx.is_empty() || stack.wants_transmit() || stack.has_events() }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.stack.borrow().next_deadline()
    }

    pub(super) fn sleep(
        &self,
        clock: &Clock,
        bell: BorrowedFd<'_>,
        extra: Option<BorrowedFd<'_>>,
        deadline: Option<Instant>,
    ) -> bool {
        let device = &mut *self.device.borrow_mut();
        let Some((armed, time)) = device.prepare_sleep(clock, deadline) else { return false };
        let timeout = Timespec::try_from(time).ok(); // some 584 years are for ever
        let readable = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let interrupt = device.interrupt.as_ref().filter(|_| armed).map(|(_, fd)| fd.as_fd());
        let mut fds = [readable(bell), readable(bell), readable(bell)];
        let mut count = 1;
        for fd in interrupt.into_iter().chain(extra) {
            fds[count] = readable(fd);
            count += 1;
        }
        // EINTR and the like end the sleep early: the next turn finds out.
        let _ = poll(&mut fds[..count], timeout.as_ref());
        true
    }

    #[cfg(feature = "tokio-rt")]
    pub(super) fn arm(
        &self,
        clock: &Clock,
        deadline: Option<Instant>,
        watch: &mut dyn FnMut(RawFd, BorrowedFd<'_>),
    ) -> Option<Duration> {
        let device = &mut *self.device.borrow_mut();
        let (armed, time) = device.prepare_sleep(clock, deadline)?;
        if armed && let Some((number, fd)) = &device.interrupt {
            watch(*number, fd.as_fd());
        }
        Some(time)
    }

    pub(super) fn is_drained(&self) -> bool {
        self.stack.borrow().is_drained()
    }

    pub(super) fn abort_all(&self) {
        self.stack.borrow_mut().abort_all();
    }
}

/// Listeners, opening and closing.
impl Native {
    pub(super) fn listen(
        &self,
        local: SocketAddr,
        backlog: usize,
        options: &SocketOptions,
    ) -> Result<ListenerId> {
        options.check().map_err(SocketError::Stack)?;
        self.stack(|stack| {
            let id = stack.listen(local, backlog)?;
            stack.set_listener_options(id, options)?;
            Ok(id)
        })
    }

    pub(super) fn listener_addr(&self, id: ListenerId) -> Result<SocketAddr> {
        self.stack(|stack| stack.listener_addr(id))
    }

    #[inline]
    pub(super) fn accept(&self, id: ListenerId) -> Result<(SocketId, SocketAddr)> {
        self.stack(|stack| stack.accept(id))
    }

    pub(super) fn has_waiting(&self, id: ListenerId) -> Result<bool> {
        self.stack(|stack| Ok(stack.listener_info(id)?.accept_queue > 0))
    }

    pub(super) fn close_listener(&self, id: ListenerId) -> Result<()> {
        self.stack(|stack| stack.close_listener(id))
    }

    pub(super) fn connect(
        &self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        options: &SocketOptions,
    ) -> Result<SocketId> {
        options.check().map_err(SocketError::Stack)?;
        self.stack(|stack| {
            let id = stack.connect(local, remote)?;
            // The SYN has not gone out yet: it goes with the end of this turn.
            stack.set_options(id, options)?;
            Ok(id)
        })
    }

    pub(super) fn opened(&self, id: SocketId) -> Result<()> {
        self.stack(|stack| {
            if let Some(error) = stack.take_error(id)? {
                return Err(error);
            }
            match stack.info(id)?.state {
                State::SynSent | State::SynReceived => Err(Error::WouldBlock),
                State::Closed => Err(Error::ConnectionAborted),
                _ => Ok(()),
            }
        })
    }

    pub(super) fn connected(&self, id: SocketId) -> Result<()> {
        self.stack(|stack| match stack.info(id)?.state {
            State::SynSent | State::Closed => Err(Error::NotConnected),
            _ => Ok(()),
        })
    }

    pub(super) fn shutdown(&self, id: SocketId, how: Shutdown) -> Result<()> {
        self.stack(|stack| stack.shutdown(id, how))
    }

    pub(super) fn close(&self, id: SocketId) -> Result<()> {
        self.stack(|stack| stack.close(id))
    }

    pub(super) fn abort(&self, id: SocketId) -> Result<()> {
        self.stack(|stack| stack.abort(id))
    }

    pub(super) fn has_unread(&self, id: SocketId) -> Result<bool> {
        self.stack(|stack| stack.has_unread(id))
    }

    pub(super) fn delivered(&self, id: SocketId) -> Result<()> {
        self.stack(|stack| stack.delivered(id))
    }
}

/// Data.
impl Native {
    #[inline]
    pub(super) fn read(&self, id: SocketId, buf: &mut [u8]) -> Result<usize> {
        self.stack(|stack| stack.read(id, buf))
    }

    #[inline]
    pub(super) fn peek(&self, id: SocketId, buf: &mut [u8]) -> Result<usize> {
        self.stack(|stack| stack.peek(id, buf))
    }

    #[inline(always)]
    pub(super) fn read_chunk(&self, id: SocketId) -> Result<Option<Chunk>> {
        self.stack.borrow_mut().read_chunk(id).map_err(SocketError::Stack)
    }

    #[inline]
    pub(super) fn write(&self, id: SocketId, buf: &[u8]) -> Result<usize> {
        self.stack(|stack| stack.write(id, buf))
    }

    #[cfg(any(feature = "tokio-io", feature = "futures-io", feature = "hyper"))]
    pub(super) fn write_vectored(&self, id: SocketId, bufs: &[std::io::IoSlice<'_>]) -> Result<usize> {
        self.stack(|stack| {
            let mut written = 0;
            for buf in bufs.iter().filter(|buf| !buf.is_empty()) {
                match stack.write(id, buf) {
                    Ok(n) => written += n,
                    Err(error) if written == 0 => return Err(error),
                    Err(_) => break, // told by the next call
                }
                if written > 0 && buf.len() > written {
                    break;
                }
            }
            Ok(written)
        })
    }

    #[inline(always)]
    pub(super) fn write_chunk(&self, id: SocketId, chunk: Chunk) -> std::result::Result<(), Refused> {
        self.stack
            .borrow_mut()
            .write_chunk(id, chunk)
            .map_err(|refused| Refused { chunk: refused.chunk, error: SocketError::Stack(refused.error) })
    }
}

/// What is known and set.
impl Native {
    #[inline(always)]
    pub(super) fn poll(&self, id: SocketId) -> Result<Readiness> {
        self.stack.borrow_mut().poll(id).map_err(SocketError::Stack)
    }

    pub(super) fn local_addr(&self, id: SocketId) -> Result<SocketAddr> {
        self.stack(|stack| stack.local_addr(id))
    }

    pub(super) fn peer_addr(&self, id: SocketId) -> Result<SocketAddr> {
        self.stack(|stack| stack.peer_addr(id))
    }

    pub(super) fn take_error(&self, id: SocketId) -> Result<Option<SocketError>> {
        Ok(self.stack(|stack| stack.take_error(id))?.map(SocketError::Stack))
    }

    pub(super) fn info(&self, id: SocketId) -> Result<TcpInfo> {
        self.stack(|stack| stack.info(id))
    }

    pub(super) fn options(&self, id: SocketId) -> Result<SocketOptions> {
        self.stack(|stack| stack.options(id))
    }

    pub(super) fn set_options(&self, id: SocketId, options: &SocketOptions) -> Result<()> {
        self.stack(|stack| stack.set_options(id, options))
    }

    pub(super) fn set_quickack(&self, id: SocketId, on: bool) -> Result<()> {
        self.stack(|stack| stack.set_quickack(id, on))
    }

    pub(super) fn quickack(&self, id: SocketId) -> Result<bool> {
        self.stack(|stack| stack.quickack(id))
    }

    pub(super) fn set_recv_buffer_size(&self, id: SocketId, bytes: usize) -> Result<()> {
        self.stack(|stack| stack.set_recv_buffer_size(id, bytes))
    }

    pub(super) fn recv_buffer_size(&self, id: SocketId) -> Result<usize> {
        self.stack(|stack| stack.recv_buffer_size(id))
    }

    pub(super) fn set_window_clamp(&self, id: SocketId, bytes: usize) -> Result<()> {
        self.stack(|stack| stack.set_window_clamp(id, bytes))
    }

    pub(super) fn default_keepalive(&self) -> Keepalive {
        self.stack.borrow().default_keepalive()
    }

    pub(super) fn pool(&self) -> Pool {
        self.stack.borrow().pool().clone()
    }

    pub(super) fn counts(&self) -> Counts {
        let (stack, device) = (self.stack.borrow(), self.device.borrow());
        Counts {
            stack: *stack.stats(),
            queue: device.queue.stats(),
            link: device.queue.link(),
            connections: stack.connections(),
            half_open: stack.half_open(),
            time_wait: stack.time_wait(),
            flows: stack.flows(),
            tcp_timers: stack.timers(),
            tcp_buffers: stack.buffers_in_use(),
        }
    }

    pub(super) fn sockets(&self) -> Vec<SocketInfo> {
        self.stack.borrow().sockets().collect()
    }

    pub(super) fn device_stats(&self) -> Vec<(String, u64)> {
        self.device.borrow().queue.device_stats()
    }
}
