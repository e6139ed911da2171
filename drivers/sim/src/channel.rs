//! One direction between two threads, and the queue on top of a pair of them.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering, fence};

use corelane_nic::{Checksum, Packet, Pool, Queue, QueueStats, Rss, RxBurst, RxFrame, TxBurst};
use crossbeam::queue::ArrayQueue;

use crate::{LinkConfig, WhenFull, steering};

/// A frame between two threads. Packets are `!Send`, so its bytes are copied in and out.
struct Parcel {
    bytes: Box<[u8]>,
    len: usize,
    checksum: Checksum,
}

/// One direction: a bounded ring, and a socket pair that wakes a receiver that sleeps.
///
/// Both ends of the socket pair are kept here: it must not become readable just since the sender is gone.
pub(crate) struct Channel {
    full: ArrayQueue<Parcel>,
    empty: ArrayQueue<Parcel>,
    /// The receiver has armed its interrupt, and wants a byte in `bell`.
    is_armed: AtomicBool,
    /// The sender found the ring full, and wants to be woken when it no longer is.
    is_blocked: AtomicBool,
    /// The receiver is gone for good.
    is_closed: AtomicBool,
    bell: UnixStream,
    ear: UnixStream,
}

impl Channel {
    pub(crate) fn new(config: &LinkConfig) -> io::Result<Channel> {
        let (bell, ear) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        let empty = ArrayQueue::new(config.ring);
        let size = config.header_len() + config.mtu as usize;
        for _ in 0..config.ring {
            let parcel = Parcel { bytes: vec![0; size].into(), len: 0, checksum: Checksum::Unknown };
            drop(empty.push(parcel)); // as many as it holds
        }
        Ok(Channel {
            full: ArrayQueue::new(config.ring),
            empty,
            is_armed: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
            bell,
            ear,
        })
    }

    /// Wakes the receiver if it sleeps or is about to. To be called after what it waits for has happened.
    fn wake_receiver(&self, stats: &mut QueueStats) {
        // Orders what was done before the look at the flag; `arm` has the other half: one of the two sees the other.
        fence(Ordering::SeqCst);
        if self.is_armed.load(Ordering::Relaxed) && self.is_armed.swap(false, Ordering::SeqCst) {
            stats.system_calls += 1;
            // WouldBlock: bytes enough are in there to wake it. The socket can't be closed: both ends are ours.
            let _ = (&self.bell).write(&[1]);
        }
    }

    /// Tells the sender that nobody will receive any more.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::SeqCst);
    }

    fn arm(&self, stats: &mut QueueStats) {
        let mut stale = [0; 64];
        loop {
            stats.system_calls += 1;
            match (&self.ear).read(&mut stale) {
                Ok(n) if n == stale.len() => {}
                _ => break,
            }
        }
        self.is_armed.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }
}

/// A queue of a [`SimNic`](crate::SimNic): frames are copied, since packets can't leave their thread.
///
/// Its [`Queue::interrupt`] wakes for frames that arrive, and when a ring that was full takes frames again.
pub struct ChannelQueue {
    incoming: Arc<Channel>,
    /// Of each queue of the other end.
    outgoing: Vec<Arc<Channel>>,
    /// Which of them takes what `rss` does not send elsewhere.
    index: usize,
    rss: Option<Rss>,
    header_len: usize,
    pool: Pool,
    when_full: WhenFull,
    frame_limit: usize,
    stats: QueueStats,
}

impl ChannelQueue {
    pub(crate) fn new(
        config: &LinkConfig,
        index: u16,
        incoming: Arc<Channel>,
        outgoing: Vec<Arc<Channel>>,
        slots: u32,
    ) -> ChannelQueue {
        ChannelQueue {
            incoming,
            outgoing,
            index: index.into(),
            rss: config.rss.clone(),
            header_len: config.header_len(),
            pool: Pool::heap(config.pool_config(slots)),
            when_full: config.when_full,
            frame_limit: config.header_len() + config.mtu as usize,
            stats: QueueStats::default(),
        }
    }

    /// A buffer for a received frame. Half of the reserve may be used, so that an ACK which frees buffers still gets
    /// in; the other half stays for what the stack must say.
    fn buffer(&self) -> Option<Packet> {
        let reserve = self.pool.config().reserve as usize;
        match self.pool.available() {
            n if n > reserve => self.pool.take(),
            n if n > reserve / 2 => self.pool.take_reserved(),
            _ => None,
        }
    }

    /// Which queue of the other end the next frame goes to.
    fn target(&self, burst: &TxBurst) -> usize {
        match (&self.rss, burst.front()) {
            (Some(rss), Some(frame)) => steering::queue(rss, &frame.headers, self.header_len).into(),
            _ => self.index,
        }
    }

    /// An empty parcel for the next frame, or `None` when the ring is full.
    fn parcel(&mut self, target: usize) -> Option<Parcel> {
        let out = &self.outgoing[target];
        out.empty.pop().or_else(|| {
            if self.when_full == WhenFull::Drop {
                return None;
            }
            out.is_blocked.store(true, Ordering::SeqCst);
            fence(Ordering::SeqCst);
            out.empty.pop() // the receiver may have made room before it could see the flag
        })
    }
}

impl Queue for ChannelQueue {
    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn receive(&mut self, burst: &mut RxBurst) {
        let mut count = 0;
        while burst.room() > 0 && !self.incoming.full.is_empty() {
            let Some(mut packet) = self.buffer() else { break }; // the frame waits in the ring
            let Some(parcel) = self.incoming.full.pop() else { break };
            let len = packet.extend_from_slice(&parcel.bytes[..parcel.len]);
            let checksum = parcel.checksum;
            drop(self.incoming.empty.push(parcel)); // there is room: it came from there
            self.stats.rx_bytes += len as u64;
            burst.push(RxFrame { packet, checksum, hash: None });
            count += 1;
        }
        self.stats.rx_frames += count;
        if count > 0 {
            fence(Ordering::SeqCst); // with the one in `parcel`
            if self.incoming.is_blocked.load(Ordering::Relaxed)
                && self.incoming.is_blocked.swap(false, Ordering::SeqCst)
            {
                // The sender over there sleeps on the channel that we send into: with RSS it may be any of them.
                for channel in &self.outgoing {
                    channel.wake_receiver(&mut self.stats);
                }
            }
        }
    }

    fn transmit(&mut self, burst: &mut TxBurst) {
        let mut woken = 0u64; // a bit for each queue: what does not fit in is woken at once
        while burst.front().is_some() {
            let len = burst.front_len();
            let target = self.target(burst);
            let closed = self.outgoing[target].is_closed.load(Ordering::Relaxed);
            let parcel = if len > self.frame_limit || closed { None } else { self.parcel(target) };
            let wait = self.when_full == WhenFull::Wait && len <= self.frame_limit && !closed;
            if parcel.is_none() && wait {
                break;
            }
            let Some(frame) = burst.pop() else { break };
            let chunks = (0..frame.chunks).map_while(|_| burst.pop_chunk());
            let Some(mut parcel) = parcel else {
                chunks.for_each(drop);
                self.stats.tx_dropped += 1;
                continue;
            };
            let mut at = frame.headers.len();
            parcel.bytes[..at].copy_from_slice(&frame.headers);
            for chunk in chunks {
                parcel.bytes[at..at + chunk.len()].copy_from_slice(&chunk);
                at += chunk.len();
            }
            parcel.len = at;
            let partial = frame.offload.checksum.is_some();
            parcel.checksum = if partial { Checksum::Partial } else { Checksum::Unknown };
            drop(self.outgoing[target].full.push(parcel)); // there is room: as many parcels as places
            self.stats.tx_frames += 1;
            self.stats.tx_bytes += at as u64;
            self.stats.tx_copied_bytes += at as u64;
            match 1u64.checked_shl(target as u32) {
                Some(bit) => woken |= bit,
                None => self.outgoing[target].wake_receiver(&mut self.stats),
            }
        }
        for (index, channel) in self.outgoing.iter().enumerate().take(64) {
            if woken >> index & 1 == 1 {
                channel.wake_receiver(&mut self.stats);
            }
        }
    }

    fn interrupt(&mut self) -> Option<BorrowedFd<'_>> {
        self.incoming.arm(&mut self.stats);
        Some(self.incoming.ear.as_fd())
    }

    fn stats(&self) -> QueueStats {
        self.stats
    }
}

impl Drop for ChannelQueue {
    fn drop(&mut self) {
        self.incoming.close();
        // A sender that waits for room must learn that none comes.
        for channel in &self.outgoing {
            channel.wake_receiver(&mut self.stats);
        }
    }
}
