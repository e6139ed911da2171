//! A queue that several workers share: one has it and hands the others their frames.

use std::io;
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use corelane_nic::{LinkState, Pool, PoolConfig, Queue, QueueStats, RxBurst, TxBurst};

use crate::core::lane;
use crate::core::mesh::{Duplex, Mesh};

/// Times that a device is asked in one turn while what it gives is for others.
const ROUNDS: usize = 4;

/// The device's queue, in the hands of the worker that has it.
pub(crate) struct SpreadQueue {
    queue: Box<dyn Queue>,
    mesh: Arc<Mesh>,
    index: u16,
    fed: Vec<u16>,
    /// Which of these got something.
    got: Vec<bool>,
    received: RxBurst,
    /// What the queue has counted and is not this worker's, but counted where it belongs.
    theirs: QueueStats,
}

impl SpreadQueue {
    /// Shares `queue` with the workers that `index` feeds.
    pub(crate) fn new(queue: Box<dyn Queue>, mesh: Arc<Mesh>, index: u16, burst: usize) -> SpreadQueue {
        let fed: Vec<u16> = mesh.fed_by(index).collect();
        for worker in &fed {
            if let Some(duplex) = mesh.duplex(*worker) {
                duplex.buffers.get_or_init(|| *queue.pool().config());
            }
        }
        let received = RxBurst::with_capacity(burst);
        SpreadQueue {
            queue,
            mesh,
            index,
            got: vec![false; fed.len()],
            fed,
            received,
            theirs: QueueStats::default(),
        }
    }

    /// Hands over what others have to get, and keeps the rest. Returns whether anything went to others.
    fn deal(&mut self, burst: &mut RxBurst) -> bool {
        let mut any = false;
        let counts = &self.mesh.worker(self.index).counts;
        while let Some(frame) = self.received.pop() {
            let to = self.mesh.steering.worker_at(self.index, &frame.packet);
            let place = self.fed.iter().position(|worker| *worker == to);
            let (Some(place), Some(duplex)) = (place, self.mesh.duplex(to)) else {
                burst.push(frame);
                continue;
            };
            if self.mesh.worker(to).mailbox.is_closed() {
                burst.push(frame); // nobody is there any more: it is refused here
                continue;
            }
            let mut len = 0;
            let is_in = duplex.down.put(|parcel| {
                parcel.set_received(&frame);
                len = parcel.len() as u64; // an IP packet's length
            });
            self.theirs.rx_frames += 1;
            self.theirs.rx_bytes += frame.packet.chain().map(|part| part.len() as u64).sum::<u64>();
            if is_in {
                self.theirs.rx_copied_bytes += len;
                counts.spread.add(1);
                self.got[place] = true;
            } else {
                self.theirs.rx_dropped += 1;
                counts.spread_dropped.add(1);
            }
            any = true;
        }
        any
    }

    /// Takes what worker `fed` sends into the burst. Returns whether some is left.
    fn collect(&mut self, fed: u16, burst: &mut TxBurst) -> bool {
        let Some(duplex) = self.mesh.duplex(fed) else { return false };
        while !duplex.up.is_empty() {
            if burst.room() == 0 {
                return true;
            }
            let Some(packet) = lane::buffer(self.queue.pool()) else { return true };
            let sent = duplex.up.take(|parcel| (parcel.send(packet, burst), parcel.len() as u64)); // a frame's length
            match sent {
                Some((true, len)) => {
                    self.theirs.tx_frames += 1;
                    self.theirs.tx_bytes += len;
                    self.theirs.tx_copied_bytes += len;
                }
                Some((false, _)) => self.theirs.tx_dropped += 1,
                None => break,
            }
        }
        false
    }
}

impl Queue for SpreadQueue {
    fn pool(&self) -> &Pool {
        self.queue.pool()
    }

    fn receive(&mut self, burst: &mut RxBurst) {
        let mut any = false;
        for _ in 0..ROUNDS {
            if burst.room() == 0 {
                break;
            }
            self.queue.receive(&mut self.received);
            if self.received.is_empty() {
                break;
            }
            any |= self.deal(burst);
        }
        if !any {
            return;
        }
        for (worker, got) in self.fed.iter().zip(&mut self.got) {
            if std::mem::take(got) {
                self.mesh.worker(*worker).mailbox.nudge();
            }
        }
        // Frames may be left, and the turn does not see those that went to others: it must not sleep on them.
        self.mesh.worker(self.index).mailbox.nudge();
    }

    fn transmit(&mut self, burst: &mut TxBurst) {
        self.queue.transmit(burst);
        let before = burst.len();
        let mut is_left = false;
        for place in 0..self.fed.len() {
            is_left |= self.collect(self.fed[place], burst);
        }
        if self.fed.len() > 1 {
            self.fed.rotate_left(1); // the next turn begins with another
        }
        if burst.len() > before {
            self.queue.transmit(burst);
        }
        if is_left {
            self.mesh.worker(self.index).mailbox.nudge();
        }
    }

    fn interrupt(&mut self) -> Option<BorrowedFd<'_>> {
        self.queue.interrupt()
    }

    fn stats(&self) -> QueueStats {
        let (all, theirs) = (self.queue.stats(), &self.theirs);
        QueueStats {
            rx_frames: all.rx_frames.saturating_sub(theirs.rx_frames),
            rx_bytes: all.rx_bytes.saturating_sub(theirs.rx_bytes),
            rx_dropped: all.rx_dropped + theirs.rx_dropped,
            // Some may still wait for the device.
            tx_frames: all.tx_frames.saturating_sub(theirs.tx_frames),
            tx_bytes: all.tx_bytes.saturating_sub(theirs.tx_bytes),
            tx_dropped: all.tx_dropped + theirs.tx_dropped,
            rx_copied_bytes: all.rx_copied_bytes + theirs.rx_copied_bytes,
            tx_copied_bytes: all.tx_copied_bytes + theirs.tx_copied_bytes,
            ..all
        }
    }

    fn link(&self) -> Option<LinkState> {
        self.queue.link()
    }

    fn device_stats(&self) -> Vec<(String, u64)> {
        self.queue.device_stats()
    }
}

/// What a worker without a queue of the device has in its place.
pub(crate) struct FedQueue {
    mesh: Arc<Mesh>,
    index: u16,
    pool: Pool,
    stats: QueueStats,
}

impl FedQueue {
    /// # Errors
    /// When worker `index` has a queue, or the worker that feeds it is not there yet.
    pub(crate) fn new(mesh: Arc<Mesh>, index: u16, slots: usize) -> io::Result<FedQueue> {
        let buffers = mesh.duplex(index).and_then(|duplex| duplex.buffers.get()).copied();
        let Some(buffers) = buffers else {
            return Err(io::Error::other(format!("worker {index} has nobody that feeds it")));
        };
        let slots = u32::try_from(slots).unwrap_or(u32::MAX);
        let pool = Pool::heap(PoolConfig { slots, reserve: buffers.reserve.min(slots / 2), ..buffers });
        Ok(FedQueue { mesh, index, pool, stats: QueueStats::default() })
    }

    fn duplex(&self) -> &Duplex {
        match self.mesh.duplex(self.index) {
            Some(duplex) => duplex,
            None => unreachable!("new() has found it"),
        }
    }
}

impl Queue for FedQueue {
    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn receive(&mut self, burst: &mut RxBurst) {
        // A frame that no buffer is left for waits in the ring; when that is full, the device's worker counts what it drops.
        let enough = self.pool.config().reserve as usize / 2;
        while burst.room() > 0 && self.pool.available() > enough {
            let Some((frame, len)) =
                self.duplex().down.take(|parcel| (parcel.to_received(&self.pool), parcel.len()))
            else {
                break;
            };
            let Some(frame) = frame else {
                self.stats.rx_dropped += 1;
                continue;
            };
            self.stats.rx_frames += 1;
            self.stats.rx_bytes += len as u64; // an IP packet's length
            burst.push(frame);
        }
    }

    fn transmit(&mut self, burst: &mut TxBurst) {
        let feeder = self.mesh.feeder(self.index);
        let is_closed = self.mesh.worker(feeder).mailbox.is_closed();
        let mut any = false;
        while !burst.is_empty() {
            if is_closed {
                burst.discard();
                self.stats.tx_dropped += 1;
                continue;
            }
            let len = burst.front_len() as u64; // a frame's length
            if !self.duplex().up.put(|parcel| parcel.set_sent(burst)) {
                break; // it waits, as for a device
            }
            self.stats.tx_frames += 1;
            self.stats.tx_bytes += len;
            self.stats.tx_copied_bytes += len;
            any = true;
        }
        if any {
            self.mesh.worker(feeder).mailbox.nudge();
        }
    }

    /// The bell of the mailbox: who hands over frames rings it.
    fn interrupt(&mut self) -> Option<BorrowedFd<'_>> {
        Some(self.mesh.worker(self.index).mailbox.bell())
    }

    fn stats(&self) -> QueueStats {
        self.stats
    }
}

#[cfg(test)]
mod tests;
