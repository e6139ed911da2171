//! The queue of a TAP device: one system call a frame.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use corelane_nic::{NicInfo, Packet, Pool, PoolConfig, Queue, QueueStats, RxBurst, RxFrame, TxBurst};

use crate::TapConfig;
use crate::vnet::{self, VnetHeader};

/// Bytes of a buffer.
pub(crate) const SLOT_SIZE: u32 = 2048;
/// Chunks of a frame that are written without an allocation: 64 KiB in slots of this driver's pool, and some more.
pub(crate) const TX_CHUNKS: u16 = 48;
/// A frame of 64 KiB in buffers of 2 KiB, the first with the headroom in front, one byte more (see `TapQueue::read`).
const MAX_BUFFERS: usize = 33;
/// Ethernet with one VLAN tag.
const LINK_HEADER: usize = 18;

/// The queue of a [`TapNic`](crate::TapNic).
///
/// It keeps the buffers of the next frame (33 with TSO, else one for 2 KB of MTU) ready, so its pool never shows all
/// of its buffers as available.
#[derive(Debug)]
pub struct TapQueue {
    file: File,
    pool: Pool,
    name: String,
    vnet_header: usize,
    /// Where the next frame begins; it has the pool's headroom.
    first: Option<Packet>,
    /// Where a long frame goes on. These are full of old bytes until they are read into.
    rest: VecDeque<Packet>,
    rest_wanted: usize,
    stats: QueueStats,
    /// The device said that the interface is gone: nothing arrives any more.
    is_gone: bool,
    warned: bool,
}

/// How many buffers one frame may need.
pub(crate) fn buffers_for(config: &TapConfig, mtu: u16) -> usize {
    // The kernel's own limit is GSO_LEGACY_MAX_SIZE, 65536.
    let longest = LINK_HEADER + 1 + if config.rx_offloads.tso { 65536 } else { mtu as usize };
    let first = (SLOT_SIZE - config.headroom) as usize;
    1 + longest.saturating_sub(first).div_ceil(SLOT_SIZE as usize)
}

impl TapQueue {
    pub(crate) fn new(file: File, config: &TapConfig, info: &NicInfo, pool: PoolConfig) -> TapQueue {
        let buffers = buffers_for(config, info.mtu).min(MAX_BUFFERS);
        TapQueue {
            file,
            pool: Pool::heap(pool),
            name: info.name.clone(),
            vnet_header: config.vnet_header.into(),
            first: None,
            rest: VecDeque::with_capacity(buffers),
            rest_wanted: buffers - 1,
            stats: QueueStats::default(),
            is_gone: false,
            warned: false,
        }
    }

    /// Makes the buffers of the next frame ready. `false` when there is not even one.
    fn refill(&mut self) -> bool {
        if self.first.is_none() {
            // Half of the reserve may be used, so that an ACK which frees buffers still gets in; the other half
            // stays for what the stack must say.
            let reserve = self.pool.config().reserve as usize;
            let first = match self.pool.available() {
                n if n > reserve => self.pool.take(),
                n if n > reserve / 2 => self.pool.take_reserved(),
                _ => None,
            };
            let Some(mut first) = first else { return false };
            first.push_back(first.tailroom());
            self.first = Some(first);
        }
        while self.rest.len() < self.rest_wanted {
            let Some(mut packet) = self.pool.take() else { break };
            packet.set_headroom(0);
            packet.push_back(packet.tailroom());
            self.rest.push_back(packet);
        }
        true
    }

    /// Reads one frame into the buffers made ready. `Ok(None)`: there was one, but it could not be had.
    fn read(&mut self) -> io::Result<Option<RxFrame>> {
        let mut header = [0; vnet::MAX_LEN];
        let mut parts: [IoSliceMut<'_>; MAX_BUFFERS + 1] = std::array::from_fn(|_| IoSliceMut::new(&mut []));
        parts[0] = IoSliceMut::new(&mut header[..self.vnet_header]);
        let (mut count, mut capacity) = (1, 0);
        for (part, buffer) in parts[1..].iter_mut().zip(self.first.iter_mut().chain(&mut self.rest)) {
            capacity += buffer.len();
            *part = IoSliceMut::new(buffer);
            count += 1;
        }
        self.stats.system_calls += 1;
        let read = (&self.file).read_vectored(&mut parts[..count])?;
        let len = read.saturating_sub(self.vnet_header);
        // The kernel cuts what does not fit without a word, so a frame that fills all may have been longer.
        if len == 0 || len >= capacity {
            self.stats.rx_dropped += 1;
            return Ok(None);
        }
        let checksum = VnetHeader::parse(&header[..self.vnet_header]).checksum();
        let Some(packet) = self.gather(len) else { return Ok(None) };
        self.stats.rx_frames += 1;
        self.stats.rx_bytes += len as u64;
        Ok(Some(RxFrame { packet, checksum, hash: None }))
    }

    /// The first `len` bytes of the buffers as a chain.
    fn gather(&mut self, len: usize) -> Option<Packet> {
        let mut first = self.first.take()?;
        let mut left = len.saturating_sub(first.len());
        first.truncate(len);
        let mut used = 0;
        while left > 0 {
            let packet = self.rest.get_mut(used)?;
            let here = left.min(packet.len());
            packet.truncate(here);
            left -= here;
            used += 1;
        }
        // From the end, since appending walks to the end of what it appends to.
        let mut chain: Option<Packet> = None;
        for mut packet in self.rest.drain(..used).rev() {
            if let Some(tail) = chain.take() {
                packet.append(tail);
            }
            chain = Some(packet);
        }
        if let Some(tail) = chain {
            first.append(tail);
        }
        Some(first)
    }

    /// Writes the oldest frame of the burst and leaves it there.
    fn write(&mut self, burst: &TxBurst) -> io::Result<usize> {
        let Some(frame) = burst.front() else { return Ok(0) };
        if self.vnet_header == 0 && frame.offload.checksum.is_some() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "no vnet header to ask for a checksum with",
            ));
        }
        let header = VnetHeader::for_frame(frame).to_bytes();
        let (header, data) = (IoSlice::new(&header[..self.vnet_header]), IoSlice::new(&frame.headers));
        self.stats.system_calls += 1;
        let mut file = &self.file;
        match frame.chunks {
            0 => file.write_vectored(&[header, data]),
            1..=TX_CHUNKS => {
                let mut parts = [IoSlice::new(&[]); TX_CHUNKS as usize + 2];
                parts[0] = header;
                parts[1] = data;
                for (part, chunk) in parts[2..].iter_mut().zip(burst.front_chunks()) {
                    *part = IoSlice::new(chunk);
                }
                file.write_vectored(&parts[..frame.chunks as usize + 2])
            }
            _ => {
                let chunks = burst.front_chunks().map(|chunk| IoSlice::new(chunk));
                file.write_vectored(&[header, data].into_iter().chain(chunks).collect::<Vec<_>>())
            }
        }
    }

    fn warn_once(&mut self, error: &io::Error, what: &str) {
        if std::mem::replace(&mut self.warned, true) {
            return;
        }
        let name = &self.name;
        match error.raw_os_error() {
            Some(libc::EIO) => {
                tracing::warn!("{name} is down, frames are dropped: `ip link set {name} up`");
            }
            Some(libc::EBADFD) => tracing::warn!("{name} was deleted while it was in use"),
            _ => tracing::warn!(%error, "{name}: cannot {what} a frame"),
        }
    }
}

impl Queue for TapQueue {
    fn pool(&self) -> &Pool {
        &self.pool
    }

    fn receive(&mut self, burst: &mut RxBurst) {
        // Not `while room > 0`: frames that can't be had must not keep the core here.
        for _ in 0..burst.room() {
            if !self.refill() {
                return; // frames wait in the kernel's queue, and it counts what it drops
            }
            match self.read() {
                Ok(Some(frame)) => burst.push(frame),
                Ok(None) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) => {
                    self.is_gone |= error.raw_os_error() == Some(libc::EBADFD);
                    self.warn_once(&error, "receive");
                    return;
                }
            }
        }
    }

    fn transmit(&mut self, burst: &mut TxBurst) {
        while !burst.is_empty() {
            let len = burst.front_len();
            match self.write(burst) {
                Ok(_) => {
                    self.stats.tx_frames += 1;
                    self.stats.tx_bytes += len as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.stats.tx_dropped += 1;
                    self.warn_once(&error, "send");
                }
            }
            let Some(frame) = burst.pop() else { return };
            for _ in 0..frame.chunks {
                drop(burst.pop_chunk());
            }
        }
    }

    /// The device itself: readable when a frame waits. `None` once the interface was deleted.
    fn interrupt(&mut self) -> Option<BorrowedFd<'_>> {
        (!self.is_gone).then(|| self.file.as_fd())
    }

    fn stats(&self) -> QueueStats {
        self.stats
    }
}
