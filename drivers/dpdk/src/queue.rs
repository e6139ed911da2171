//! One receive and transmit ring pair of a port, polled by its thread.

use std::ops::RangeInclusive;
use std::os::fd::BorrowedFd;

use corelane_nic::{Checksum, Pool, Queue, QueueStats, RxBurst, RxFrame, TxBurst};

use crate::ffi::{self, BATCH, Frame};
use crate::mbufs::Mbufs;
use crate::nic::Port;

const ETHERNET_HEADER: usize = 14;

/// An opened queue.
pub struct DpdkQueue {
    /// Closed, and `None`, before the memory goes.
    port: Option<Port>,
    mbufs: Mbufs,
    /// Of frames that can be sent, in bytes.
    lengths: RangeInclusive<usize>,
    received: Vec<Frame>,
    /// What the device had no room for.
    staged: Vec<Frame>,
    stats: QueueStats,
}

impl DpdkQueue {
    /// The queue of a started port.
    pub(crate) fn new(port: Port, mbufs: Mbufs, mtu: u16) -> DpdkQueue {
        let mut queue = DpdkQueue {
            port: Some(port),
            mbufs,
            lengths: ETHERNET_HEADER..=usize::from(mtu) + ETHERNET_HEADER,
            received: Vec::with_capacity(BATCH),
            staged: Vec::with_capacity(BATCH),
            stats: QueueStats::default(),
        };
        queue.mbufs.supply();
        queue
    }

    fn accept(&mut self, frame: Frame, burst: &mut RxBurst) {
        if frame.segments != 1 {
            self.mbufs.mempool().give(frame.slot); // with all that hangs on it
            self.stats.rx_dropped += 1;
            return;
        }
        let Some(packet) = self.mbufs.take_back(frame.slot, frame.head, frame.len) else {
            self.stats.rx_dropped += 1;
            return;
        };
        self.stats.rx_frames += 1;
        self.stats.rx_bytes += u64::from(frame.len);
        let checksum = match frame.checksum {
            dpdk_sys::CHECKSUM_GOOD => Checksum::Good,
            dpdk_sys::CHECKSUM_BAD => Checksum::Bad,
            _ => Checksum::Unknown,
        };
        burst.push(RxFrame { packet, checksum, hash: (frame.has_hash != 0).then_some(frame.hash) });
    }

    fn send_staged(&mut self) {
        let Some(port) = &self.port else { return };
        if !self.staged.is_empty() {
            let sent = ffi::tx_burst(port.number(), &self.staged);
            self.staged.drain(..sent);
        }
    }
}

impl Queue for DpdkQueue {
    fn pool(&self) -> &Pool {
        self.mbufs.pool()
    }

    fn receive(&mut self, burst: &mut RxBurst) {
        let Some(port) = &self.port else { return };
        let mut received = std::mem::take(&mut self.received);
        ffi::rx_burst(port.number(), &mut received, burst.room());
        for frame in received.drain(..) {
            self.accept(frame, burst);
        }
        self.received = received;
        self.mbufs.supply();
    }

    fn transmit(&mut self, burst: &mut TxBurst) {
        self.send_staged();
        while self.staged.len() < BATCH {
            let packet = burst.pop_plain(self.mbufs.pool(), &self.lengths, &mut self.stats);
            let Some(packet) = packet else { break };
            let len = packet.len() as u64;
            let Ok(frame) = self.mbufs.lend(packet) else { break };
            self.staged.push(frame);
            self.stats.tx_frames += 1;
            self.stats.tx_bytes += len;
        }
        self.send_staged();
    }

    fn interrupt(&mut self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn stats(&self) -> QueueStats {
        let mut stats = self.stats;
        stats.held = self.mbufs.held().into();
        let device = self.port.as_ref().and_then(|port| ffi::port_stats(port.number()).ok());
        if let Some(device) = device {
            stats.rx_dropped += device.rx_missed + device.rx_no_buffer + device.rx_errors;
            stats.tx_dropped += device.tx_errors;
        }
        stats
    }
}

impl Drop for DpdkQueue {
    fn drop(&mut self) {
        // Closing gives the rings' mbufs back to the mempool.
        drop(self.port.take());
        self.mbufs.close();
    }
}
