//! From the stack's frames to mbufs: headers in a buffer of their own, payload behind them or where it is.
//!
//! ```text
//!  TxFrame   headers | payload <= copy_below      one mbuf, copied behind the headers
//!            headers --> chunk --> chunk          mbufs without buffers, which point into the chunks' own
//! ```
//!
//! A chunk that is sent from where it is, is kept until the device has freed its mbuf.

use std::ops::RangeInclusive;

use corelane_nic::{Chunk, NicInfo, Packet, QueueStats, TxBurst, TxFrame};

use crate::DpdkConfig;
use crate::config::{ETHERNET_HEADER, VLAN_TAG};
use crate::ffi::burst::{self, Segments, TxSegment};
use crate::ffi::mempool::{BATCH, Mbuf};
use crate::ffi::port;
use crate::mbufs::Mbufs;
use crate::vlan;

/// What the device can send.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Of frames that are not cut, in bytes.
    lengths: RangeInclusive<usize>,
    tx_checksum: bool,
    /// Payload bytes of a frame that is cut; 0: none is.
    tso_max: usize,
    /// Whether payload may be in buffers of its own.
    has_segments: bool,
    copy_below: usize,
    vlan: Option<u16>,
    vlan_insert: bool,
    /// Whether it reads with the processor, and so payload that lies anywhere.
    reads_anywhere: bool,
}

impl Limits {
    /// Of a device of this driver that does what `granted` says.
    pub fn new(info: &NicInfo, granted: u32, config: &DpdkConfig, reads_anywhere: bool) -> Limits {
        let header = usize::from(ETHERNET_HEADER);
        Limits {
            lengths: header..=header + usize::from(info.mtu),
            tx_checksum: info.offloads.tx_checksum,
            tso_max: info.offloads.tso_max as usize,
            has_segments: info.offloads.tx_chunks > 0,
            copy_below: config.copy_below,
            vlan: config.vlan,
            vlan_insert: granted & dpdk_sys::VLAN_INSERT != 0,
            reads_anywhere,
        }
    }

    /// Whether the frame can ever be sent.
    fn allow(&self, frame: &TxFrame, len: usize) -> bool {
        let headers = frame.headers.len();
        let checksum = match frame.offload.checksum {
            None => true,
            // TCP's field and UDP's, of headers that are whole in front.
            Some(place) => {
                let start = usize::from(place.start);
                let header = match place.offset {
                    16 => 20,
                    6 => 8,
                    _ => return false,
                };
                self.tx_checksum && start >= 34 && start + header <= headers
            }
        };
        let length = if frame.offload.tso_mss == 0 {
            self.lengths.contains(&len)
        } else {
            frame.offload.checksum.is_some() && (headers..=headers + self.tso_max).contains(&len)
        };
        checksum && length && headers >= usize::from(ETHERNET_HEADER) && !frame.headers.is_chained()
    }
}

/// What became of the burst's oldest frame.
enum Next {
    Taken,
    /// There was none, or it waits for buffers.
    Waits,
}

/// The transmit side of a queue.
pub struct Sender {
    limits: Limits,
    segments: Segments,
    /// Chunks on their way, by their tokens.
    held: Box<[Option<Chunk>]>,
    free: Vec<u32>,
    frames: Vec<burst::TxFrame>,
    parts: Vec<TxSegment>,
    /// What the device had no room for.
    staged: Vec<Mbuf>,
    /// How often in a row it took nothing.
    refused: u32,
}

/// So often in a row a device that is only busy takes nothing; then its link is looked at, which may take registers of a card.
const PATIENCE: u32 = 64;

impl Sender {
    /// With `count` mbufs for segments.
    pub fn new(limits: Limits, segments: Segments, count: u32) -> Sender {
        Sender {
            limits,
            segments,
            held: (0..count).map(|_| None).collect(),
            free: (0..count).rev().collect(),
            frames: Vec::with_capacity(BATCH),
            parts: Vec::with_capacity(BATCH),
            staged: Vec::with_capacity(2 * BATCH),
            refused: 0,
        }
    }

    /// Sends a prefix of `burst`.
    pub fn transmit(
        &mut self,
        (port, queue): (u16, u16),
        burst: &mut TxBurst,
        mbufs: &mut Mbufs,
        stats: &mut QueueStats,
    ) {
        self.take_sent();
        self.send_staged(port, queue, stats);
        while !burst.is_empty() && self.staged.len() < BATCH {
            while self.staged.len() + self.frames.len() < BATCH
                && let Next::Taken = self.take(burst, mbufs, stats)
            {}
            if self.frames.is_empty() {
                break;
            }
            self.build(port, queue, stats);
            self.send_staged(port, queue, stats);
        }
    }

    fn take(&mut self, burst: &mut TxBurst, mbufs: &mut Mbufs, stats: &mut QueueStats) -> Next {
        let Some(frame) = burst.front() else { return Next::Waits };
        let len = burst.front_len();
        if !self.limits.allow(frame, len) {
            return self.drop_front(burst, stats);
        }
        let payload = len - frame.headers.len();
        let own = mbufs.pool().owns(&frame.headers);
        let is_attached = self.limits.has_segments && payload > self.limits.copy_below && frame.chunks > 0;
        let room = if own { frame.headers.tailroom() } else { mbufs.room() - frame.headers.len() };
        if !is_attached && payload > room && !self.limits.has_segments {
            return self.drop_front(burst, stats);
        }
        let is_attached = is_attached || payload > room;
        if is_attached && self.free.len() < self.needed(burst, mbufs) {
            return Next::Waits;
        }
        let foreign = if own { None } else { mbufs.pool().take_reserved() };
        if !own && foreign.is_none() {
            return Next::Waits;
        }
        let Some(frame) = burst.pop() else { return Next::Waits };
        let TxFrame { headers, chunks, offload } = frame;
        let mut headers = match foreign {
            None => headers,
            Some(mut copy) => {
                stats.tx_copied_bytes += copy.extend_from_slice(&headers) as u64;
                copy
            }
        };
        let first = self.parts.len();
        let mut is_whole = true;
        for _ in 0..chunks {
            let Some(chunk) = burst.pop_chunk() else { break };
            if is_attached {
                is_whole &= self.attach(chunk, mbufs, stats);
            } else {
                stats.tx_copied_bytes += headers.extend_from_slice(&chunk) as u64;
            }
        }
        if !is_whole {
            self.give_up(first);
            stats.tx_dropped += 1;
            return Next::Taken;
        }
        stats.tx_frames += 1;
        stats.tx_bytes += len as u64;
        self.add(headers, first, offload, mbufs, stats);
        Next::Taken
    }

    fn drop_front(&mut self, burst: &mut TxBurst, stats: &mut QueueStats) -> Next {
        burst.discard();
        stats.tx_dropped += 1;
        Next::Taken
    }

    /// Puts a chunk behind the frame that is made. `false` when it is another pool's and there is no buffer for a copy.
    fn attach(&mut self, chunk: Chunk, mbufs: &Mbufs, stats: &mut QueueStats) -> bool {
        if self.is_readable(&chunk, mbufs) {
            return self.hold(chunk, mbufs);
        }
        for piece in chunk.chunks(mbufs.data_room()) {
            let Some(copy) = Chunk::copy_from(mbufs.pool(), piece) else { return false };
            stats.tx_copied_bytes += copy.len() as u64;
            if !self.hold(copy, mbufs) {
                return false;
            }
        }
        true
    }

    /// Whether the device can read the chunk where it is.
    fn is_readable(&self, chunk: &Chunk, mbufs: &Mbufs) -> bool {
        mbufs.pool().locate(chunk).is_some()
            || self.limits.reads_anywhere && chunk.len() <= usize::from(u16::MAX)
    }

    /// How many segments the oldest frame takes.
    fn needed(&self, burst: &TxBurst, mbufs: &Mbufs) -> usize {
        let pieces = |chunk: &Chunk| match self.is_readable(chunk, mbufs) {
            true => 1,
            false => chunk.len().div_ceil(mbufs.data_room()),
        };
        burst.front_chunks().map(pieces).sum()
    }

    /// Attaches what the device [can read](Self::is_readable).
    fn hold(&mut self, chunk: Chunk, mbufs: &Mbufs) -> bool {
        let Some(token) = self.free.pop() else { return false };
        let part = mbufs.segment(&chunk, token).or_else(|| Mbufs::foreign_segment(&chunk, token));
        let Some(part) = part else {
            self.free.push(token);
            return false;
        };
        self.parts.push(part);
        self.held[token as usize] = Some(chunk);
        true
    }

    /// Lets go of what was attached from `first` on.
    fn give_up(&mut self, first: usize) {
        for part in self.parts.drain(first..) {
            self.held[part.token as usize] = None;
            self.free.push(part.token);
        }
    }

    /// A frame with its headers and the parts from `first` on.
    fn add(
        &mut self,
        mut headers: Packet,
        first: usize,
        offload: corelane_nic::TxOffload,
        mbufs: &mut Mbufs,
        stats: &mut QueueStats,
    ) {
        let mut link_header = ETHERNET_HEADER;
        if let Some(tag) = self.limits.vlan.filter(|_| !self.limits.vlan_insert) {
            if !vlan::insert(&mut headers, tag) {
                self.give_up(first);
                stats.tx_dropped += 1;
                return;
            }
            link_header += VLAN_TAG;
        }
        let (checksum_start, checksum_offset) = match offload.checksum {
            Some(place) => (place.start + link_header - ETHERNET_HEADER, place.offset),
            None => (0, 0),
        };
        let vlan = self.limits.vlan.filter(|_| self.limits.vlan_insert);
        // Own, or a copy in an own one.
        let Ok((mbuf, head, len)) = mbufs.lend(headers) else {
            self.give_up(first);
            return;
        };
        self.frames.push(burst::TxFrame {
            mbuf,
            head,
            len,
            segments: (self.parts.len() - first) as u16, // at most a burst's chunks
            checksum_start,
            checksum_offset,
            mss: offload.tso_mss,
            vlan: vlan.unwrap_or(0),
            has_vlan: u8::from(vlan.is_some()),
            link_header: link_header as u8,
            padding: [0; 4],
        });
    }

    /// Makes mbufs of what was gathered.
    fn build(&mut self, port: u16, queue: u16, stats: &mut QueueStats) {
        self.segments.build(port, queue, &mut self.frames, &self.parts);
        self.parts.clear();
        for frame in self.frames.drain(..) {
            if frame.mbuf.is_null() {
                stats.tx_dropped += 1;
            } else {
                self.staged.push(frame.mbuf);
            }
        }
    }

    /// Whether frames wait that the device had no room for.
    pub fn has_staged(&self) -> bool {
        !self.staged.is_empty()
    }

    fn send_staged(&mut self, port: u16, queue: u16, stats: &mut QueueStats) {
        if self.staged.is_empty() {
            return;
        }
        let sent = burst::send(port, queue, &mut self.staged);
        self.staged.drain(..sent);
        self.refused = if sent > 0 { 0 } else { self.refused + 1 };
        if self.refused < PATIENCE {
            return;
        }
        if port::link(port).is_ok_and(|link| link.up == 0) {
            self.drop_staged(stats);
            self.refused = PATIENCE - 1; // what comes now does not wait either
        } else {
            self.refused = 0;
        }
    }

    /// The link is down, as vhost's is when its guest was killed. As Linux does, nothing waits for it to come up: who comes then
    /// is someone else, and until then each turn would try again.
    fn drop_staged(&mut self, stats: &mut QueueStats) {
        stats.tx_dropped += self.staged.len() as u64;
        burst::free(&mut self.staged);
        self.staged.clear();
    }

    /// Lets go of the chunks that the device is done with.
    pub fn take_sent(&mut self) {
        let (held, free) = (&mut self.held, &mut self.free);
        self.segments.take_sent(|token| {
            if let Some(place) = held.get_mut(token as usize) {
                *place = None;
                free.push(token);
            }
        });
    }

    /// Frees what was not sent. The port is closed.
    pub fn close(&mut self) {
        burst::free(&mut self.staged);
        self.staged.clear();
        self.take_sent();
    }
}
