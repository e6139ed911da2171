//! One receive and transmit ring pair of a port, polled by its thread.

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use corelane_nic::{Checksum, LinkState, Packet, Pool, Queue, QueueStats, RxBurst, RxFrame, TxBurst};

use crate::DpdkConfig;
use crate::ffi::burst::{self, Frame, MAX_SEGMENTS};
use crate::ffi::mempool::BATCH;
use crate::ffi::port;
use crate::interrupt::Interrupt;
use crate::mbufs::Mbufs;
use crate::poll_size::PollSize;
use crate::port::SharedPort;
use crate::sender::Sender;
use crate::vlan;

/// An opened queue.
pub struct DpdkQueue {
    port: Arc<SharedPort>,
    number: u16,
    /// Before `mbufs`: what is on its way is theirs.
    sender: Sender,
    mbufs: Mbufs,
    vlan: Option<u16>,
    poll_size: PollSize,
    received: Vec<Frame>,
    /// The buffers of a frame with several.
    parts: Vec<Packet>,
    interrupt: Interrupt,
    stats: QueueStats,
}

impl DpdkQueue {
    /// The queue of a port, which starts with the last of its queues.
    pub(crate) fn new(
        port: Arc<SharedPort>,
        number: u16,
        mbufs: Mbufs,
        sender: Sender,
        interrupt: Interrupt,
        poll_size: PollSize,
        config: &DpdkConfig,
    ) -> DpdkQueue {
        let mut queue = DpdkQueue {
            port,
            number,
            sender,
            mbufs,
            vlan: config.vlan,
            poll_size,
            received: Vec::with_capacity(BATCH * MAX_SEGMENTS),
            parts: Vec::with_capacity(MAX_SEGMENTS),
            interrupt,
            stats: QueueStats::default(),
        };
        queue.mbufs.supply();
        queue
    }

    /// Takes a frame of one or more buffers.
    fn accept(&mut self, buffers: &[Frame], burst: &mut RxBurst) {
        let Some(packet) = self.gather(buffers) else {
            self.stats.rx_dropped += 1;
            return;
        };
        let first = &buffers[0];
        let Some(packet) = self.of_our_vlan(packet, first) else {
            self.stats.rx_dropped += 1;
            return;
        };
        // Another core, or the card, has just written it. All of the burst is asked for before the first frame of it is read.
        packet.prefetch_data();
        if let Some(end) = packet.last() {
            corelane_nic::prefetch(end);
        }
        self.stats.rx_frames += 1;
        self.stats.rx_bytes += buffers.iter().map(|buffer| u64::from(buffer.len)).sum::<u64>();
        let checksum = match first.checksum {
            dpdk_sys::CHECKSUM_GOOD => Checksum::Good,
            dpdk_sys::CHECKSUM_BAD => Checksum::Bad,
            dpdk_sys::CHECKSUM_PARTIAL => Checksum::Partial,
            _ => Checksum::Unknown,
        };
        burst.push(RxFrame { packet, checksum, hash: (first.has_hash != 0).then_some(first.hash) });
    }

    /// The buffers as one packet, chained if there are several. `None` when one of them can't be had.
    fn gather(&mut self, buffers: &[Frame]) -> Option<Packet> {
        let copied =
            |mbufs: &Mbufs, frame: &Frame| if mbufs.is_own(frame) { 0 } else { u64::from(frame.len) };
        if let [frame] = buffers {
            self.stats.rx_copied_bytes += copied(&self.mbufs, frame);
            return self.mbufs.accept(frame);
        }
        let mut is_whole = true;
        for frame in buffers {
            self.stats.rx_copied_bytes += copied(&self.mbufs, frame);
            match self.mbufs.accept(frame) {
                Some(packet) => self.parts.push(packet),
                None => is_whole = false,
            }
        }
        // From the end, since appending walks to the end of what it appends to.
        let mut chain: Option<Packet> = None;
        for mut packet in self.parts.drain(..).rev() {
            if let Some(tail) = chain.take() {
                packet.append(tail);
            }
            chain = Some(packet);
        }
        chain.filter(|_| is_whole)
    }

    /// The frame without its tag, if it has the one that is ours. A port without VLAN gives its frames as they are.
    fn of_our_vlan(&self, mut packet: Packet, frame: &Frame) -> Option<Packet> {
        let Some(ours) = self.vlan else { return Some(packet) };
        let tag = if frame.has_vlan != 0 { Some(vlan::number(frame.vlan)) } else { vlan::strip(&mut packet) };
        (tag == Some(ours)).then_some(packet)
    }
}

impl Queue for DpdkQueue {
    fn pool(&self) -> &Pool {
        self.mbufs.pool()
    }

    fn receive(&mut self, burst: &mut RxBurst) {
        let mut received = std::mem::take(&mut self.received);
        let (number, room, size) = (self.number, burst.room(), &mut self.poll_size);
        let polled = self.port.with(number, |port| {
            size.poll(room, |most| {
                let before = received.len();
                let dropped = burst::receive(port, number, &mut received, most);
                // Of a frame with several buffers each counts: more came than was asked for, and it is asked again.
                (received.len() - before, dropped)
            })
        });
        self.stats.rx_dropped += polled.map_or(0, |(_, dropped)| dropped.into());
        if !received.is_empty() {
            self.interrupt.disarm(&self.port);
            for frame in received.chunk_by(|buffer, _| buffer.more != 0) {
                self.accept(frame, burst);
            }
            received.clear();
        }
        self.received = received;
        if polled.is_some() {
            self.mbufs.supply();
        }
    }

    fn transmit(&mut self, burst: &mut TxBurst) {
        let number = self.number;
        let (sender, mbufs, stats) = (&mut self.sender, &mut self.mbufs, &mut self.stats);
        self.port.with(number, |port| sender.transmit((port, number), burst, mbufs, stats));
    }

    fn interrupt(&mut self) -> Option<BorrowedFd<'_>> {
        if self.sender.has_staged() {
            return None; // the device tells of frames that come, and not of room for those that wait here
        }
        self.interrupt.arm(&self.port)
    }

    fn stats(&self) -> QueueStats {
        let mut stats = self.stats;
        stats.held = self.mbufs.held().into();
        // The port counts for all of its queues: the first one tells.
        let device = if self.number == 0 { self.port.ask(port::stats) } else { None };
        if let Some(device) = device {
            stats.rx_dropped += device.rx_missed + device.rx_no_buffer + device.rx_errors;
            stats.tx_dropped += device.tx_errors;
        }
        stats
    }

    fn link(&self) -> Option<LinkState> {
        let link = self.port.ask(port::link)?;
        Some(LinkState { is_up: link.up != 0, megabits: (link.mbit > 0).then_some(link.mbit) })
    }

    fn device_stats(&self) -> Vec<(String, u64)> {
        self.port.ask(port::xstats).unwrap_or_default()
    }
}

impl Drop for DpdkQueue {
    fn drop(&mut self) {
        self.port.close();
        self.sender.close();
        self.mbufs.close();
    }
}
