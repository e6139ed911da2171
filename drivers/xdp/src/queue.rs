//! One receive and transmit ring pair: an AF_XDP socket with its packet memory.
//!
//! ```text
//!  pool --> fill ring ------> kernel --> receive ring    --> RxBurst      refilled after each receive
//!  TxBurst --> transmit ring --> kernel --> completion ring --> pool      one kick a burst, if the kernel asks
//! ```

use std::io;
use std::ops::RangeInclusive;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use corelane_nic::{Checksum, Pool, Queue, QueueId, QueueStats, RxBurst, RxFrame, TxBurst};

use crate::XdpConfig;
use crate::busy_poll::BusyPoll;
use crate::fill::FillTarget;
use crate::nic::Attachment;
use crate::ring::Descriptor;
use crate::socket::Socket;
use crate::syscall;
use crate::umem::{Loan, Umem};

const ETHERNET_HEADER: usize = 14;
/// Buffers that are missing in the fill ring before it is worth filling it up.
const REFILL_BATCH: u32 = 16;
/// Frames that kernels before 6.17 send by one kick.
const KICK_BUDGET: u32 = 32;

/// An opened queue.
pub struct XdpQueue {
    /// `None` only while being dropped.
    socket: Option<Socket>,
    umem: Umem,
    fill: FillTarget,
    /// Of frames that can be sent, in bytes.
    lengths: RangeInclusive<usize>,
    always_kick: bool,
    zero_copy: bool,
    /// What is known of the checksums of received frames.
    checksum: Checksum,
    busy_poll: Option<(BusyPoll, QueueId)>,
    stats: QueueStats,
    /// The program stays attached, and the queue counts as open, for as long as this lives.
    attachment: Arc<Attachment>,
    _open: Arc<()>,
}

impl XdpQueue {
    /// A queue on a bound socket. Posts the first empty buffers.
    pub(crate) fn new(
        socket: Socket,
        umem: Umem,
        config: &XdpConfig,
        mtu: u16,
        checksum: Checksum,
        attachment: Arc<Attachment>,
        open: Arc<()>,
    ) -> XdpQueue {
        let zero_copy = syscall::is_zero_copy(socket.fd()).unwrap_or(false);
        // Half of the buffers at most wait for frames, so that the stack has some to send with.
        let fill = FillTarget::new(config.fill_ring.min(umem.pool().config().slots / 2));
        let mut queue = XdpQueue {
            socket: Some(socket),
            umem,
            fill,
            lengths: ETHERNET_HEADER..=usize::from(mtu) + ETHERNET_HEADER,
            always_kick: !config.need_wakeup,
            zero_copy,
            checksum,
            busy_poll: None,
            stats: QueueStats::default(),
            attachment,
            _open: open,
        };
        queue.refill();
        queue.wake_receive();
        queue
    }

    /// Leaves the device's polling to this queue, which has this number.
    pub(crate) fn set_busy_poll(&mut self, busy_poll: BusyPoll, id: QueueId) {
        self.busy_poll = Some((busy_poll, id));
    }

    /// Has the device put what it holds into the receive ring, where that is left to us.
    fn poll_device(&mut self, burst: &mut RxBurst) {
        let (Some((busy_poll, id)), Some(socket)) = (&mut self.busy_poll, &mut self.socket) else { return };
        if socket.rx.available() > 0 {
            busy_poll.resume(socket.fd());
        }
        let learning = busy_poll.is_learning();
        while busy_poll.is_on() && burst.room() > 0 {
            self.stats.system_calls += 1;
            let Some(frame) = busy_poll.poll(socket.fd()) else { break };
            match self.umem.pool().take() {
                Some(mut packet) if packet.tailroom() >= frame.len() => {
                    packet.extend_from_slice(frame);
                    self.stats.rx_frames += 1;
                    self.stats.rx_bytes += frame.len() as u64;
                    burst.push(RxFrame { packet, checksum: self.checksum, hash: None });
                }
                _ => self.stats.rx_dropped += 1,
            }
        }
        if learning && !busy_poll.is_learning() {
            self.attachment.end_detour(id.0);
        } else if learning
            && socket.rx.available() > 0
            && burst.room() > 0
            && !busy_poll.learn_from_ring(socket.fd())
        {
            tracing::warn!(
                queue = id.0,
                "no busy polling, and frames may wait for gro_flush_timeout: the first ones did not reach our UDP socket, or \
                 its NAPI is not known; let broadcasts to UDP ports pass this host's firewall, and use native XDP"
            );
        }
    }

    /// Tops the fill ring up. What the pool can't spare is counted there as refused, and tried again next turn.
    fn refill(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        let missing = self.fill.get().saturating_sub(self.umem.lent(Loan::Fill));
        if missing < REFILL_BATCH.min(self.fill.get()) {
            return;
        }
        let mut filled = 0;
        for _ in 0..missing.min(socket.fill.room(missing)) {
            let Some(mut packet) = self.umem.pool().take() else { break };
            packet.set_headroom(0); // the kernel wants the start of the chunk, and keeps its own headroom
            let Ok((address, _)) = self.umem.lend(packet, Loan::Fill) else { break };
            socket.fill.push(address);
            filled += 1;
        }
        if filled > 0 {
            socket.fill.submit();
        }
    }

    /// Wakes a zero-copy driver that stopped looking at the fill ring. Copy mode never asks for it.
    fn wake_receive(&mut self) {
        let Some(socket) = &self.socket else { return };
        if socket.fill.needs_wakeup() && self.umem.lent(Loan::Fill) > 0 {
            self.stats.system_calls += 1;
            let _ = syscall::wake_receive(socket.fd()); // refused now, it is asked for again next turn
        }
    }

    /// Takes sent buffers home.
    fn collect(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        if self.umem.lent(Loan::Transmit) == 0 || socket.completion.available() == 0 {
            return;
        }
        while let Some(address) = socket.completion.pop() {
            drop(self.umem.take_back(address, 0, Loan::Transmit));
        }
        socket.completion.release();
    }

    /// Asks the kernel to send, where it waits to be asked. What it can't send now stays in the ring, and is
    /// asked for again by the next call of `transmit`.
    fn kick(&mut self) {
        let mut tries = match &mut self.socket {
            Some(socket) if self.always_kick || socket.tx.needs_wakeup() => {
                socket.tx.pending() / KICK_BUDGET + 1
            }
            _ => return,
        };
        while tries > 0 {
            tries -= 1;
            let Some(socket) = &mut self.socket else { return };
            let before = socket.tx.pending();
            self.stats.system_calls += 1;
            let sent = syscall::kick_transmit(socket.fd());
            let progress = socket.tx.pending() < before;
            match sent {
                Ok(()) => return,
                // The budget of one call is used up, or the completion ring is full.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && progress => self.collect(),
                // EBUSY, ENOBUFS: the device is busy. ENETDOWN, ENXIO: it is down. The frames wait in the ring.
                Err(_) => return,
            }
        }
    }

    /// Whether frames of an earlier turn still wait for a kick.
    fn is_stalled(&mut self) -> bool {
        self.umem.lent(Loan::Transmit) > 0
            && self
                .socket
                .as_mut()
                .is_some_and(|s| s.tx.needs_wakeup() && (self.zero_copy || s.tx.pending() > 0))
    }
}

impl Queue for XdpQueue {
    fn pool(&self) -> &Pool {
        self.umem.pool()
    }

    fn receive(&mut self, burst: &mut RxBurst) {
        self.poll_device(burst);
        let Some(socket) = &mut self.socket else { return };
        let room = u32::try_from(burst.room()).unwrap_or(u32::MAX);
        let waiting = socket.rx.available();
        let frames = waiting.min(room);
        for _ in 0..frames {
            let Some(Descriptor { addr, len, .. }) = socket.rx.pop() else { break };
            let Some(packet) = self.umem.take_back(addr, len, Loan::Fill) else {
                self.stats.rx_dropped += 1;
                continue;
            };
            self.stats.rx_frames += 1;
            self.stats.rx_bytes += u64::from(len);
            burst.push(RxFrame { packet, checksum: self.checksum, hash: None });
        }
        if frames > 0 {
            socket.rx.release();
            self.fill.observe(waiting);
        }
        self.refill();
        self.wake_receive();
    }

    fn transmit(&mut self, burst: &mut TxBurst) {
        self.collect();
        let wanted = u32::try_from(burst.len()).unwrap_or(u32::MAX);
        let mut room = match &mut self.socket {
            Some(socket) if wanted > 0 => socket.tx.room(wanted),
            _ => 0,
        };
        let mut queued = false;
        while room > 0 {
            let packet = burst.pop_plain(self.umem.pool(), &self.lengths, &mut self.stats);
            let Some(packet) = packet else { break };
            let (Ok((addr, len)), Some(socket)) = (self.umem.lend(packet, Loan::Transmit), &mut self.socket)
            else {
                break;
            };
            socket.tx.push(Descriptor { addr, len, options: 0 });
            self.stats.tx_frames += 1;
            self.stats.tx_bytes += u64::from(len);
            queued = true;
            room -= 1;
        }
        if let (true, Some(socket)) = (queued, &mut self.socket) {
            socket.tx.submit();
        }
        if queued || self.is_stalled() {
            self.kick();
            // Copy mode is done with the buffers by now: back into the pool while they are warm.
            self.collect();
        }
    }

    fn interrupt(&mut self) -> Option<BorrowedFd<'_>> {
        if self.is_stalled() {
            self.kick();
        }
        let socket = self.socket.as_ref()?.fd();
        match &mut self.busy_poll {
            Some((busy_poll, _)) => busy_poll.rest(socket),
            None => Some(socket),
        }
    }

    fn stats(&self) -> QueueStats {
        let mut stats = self.stats;
        stats.held = u64::from(self.umem.lent(Loan::Fill) + self.umem.lent(Loan::Transmit));
        let kernel = self.socket.as_ref().and_then(|socket| syscall::statistics(socket.fd()).ok());
        if let Some(kernel) = kernel {
            // A frame that finds the fill ring empty is in rx_dropped already.
            stats.rx_dropped += kernel.rx_dropped + kernel.rx_ring_full;
            stats.tx_dropped += kernel.tx_invalid_descs;
        }
        stats
    }
}

impl Drop for XdpQueue {
    fn drop(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.umem.close(socket);
        }
    }
}
