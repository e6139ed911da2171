//! What passes between a queue and the stack in one turn.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use crate::{Chunk, Packet, Pool, QueueStats};

/// What the device says of a received frame's TCP or UDP checksum.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Checksum {
    /// Nothing: the stack verifies it.
    #[default]
    Unknown,
    /// Verified by the device.
    Good,
    /// Not filled in yet, since the frame never left this machine (virtio's NEEDS_CSUM): the data are as sent.
    Partial,
    /// Nothing, on a link on which frames may come with the whole checksum or, as with `Partial`, with the sum of the pseudo
    /// header alone (veth: its peer leaves the rest to a device that is not there). The stack takes either.
    UnknownOrPartial,
    /// Found wrong by the device.
    Bad,
}

/// A received frame.
#[derive(Debug)]
pub struct RxFrame {
    /// The frame from its first header on; a merged frame (GRO, LRO) is a chain.
    pub packet: Packet,
    /// What the device says of the checksum.
    pub checksum: Checksum,
    /// The RSS hash, where the device tells it.
    pub hash: Option<u32>,
}

/// Frames received in one turn.
#[derive(Debug)]
pub struct RxBurst {
    frames: VecDeque<RxFrame>,
    capacity: usize,
}

impl RxBurst {
    /// A burst of at most `capacity` frames.
    pub fn with_capacity(capacity: usize) -> RxBurst {
        RxBurst { frames: VecDeque::with_capacity(capacity), capacity }
    }

    /// How many more frames fit.
    pub fn room(&self) -> usize {
        self.capacity.saturating_sub(self.frames.len())
    }

    /// Appends a frame. A burst that is full still takes it: drivers look at [`RxBurst::room`] first.
    pub fn push(&mut self, frame: RxFrame) {
        self.frames.push_back(frame);
    }

    /// Takes the oldest frame.
    pub fn pop(&mut self) -> Option<RxFrame> {
        self.frames.pop_front()
    }

    /// The frame at `index`, to look at before its turn.
    pub fn get(&self, index: usize) -> Option<&RxFrame> {
        self.frames.get(index)
    }

    /// Frames in the burst.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing was received.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

/// A checksum that the device fills in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChecksumOffload {
    /// Where the summed bytes start, from the first byte of the frame: the TCP header.
    pub start: u16,
    /// Where the sum goes, from `start`. The field holds the sum of the pseudo header.
    pub offset: u16,
}

/// What the device does with a frame before it sends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TxOffload {
    /// Fill in a checksum.
    pub checksum: Option<ChecksumOffload>,
    /// Cut the TCP payload into segments of this many bytes; 0 = don't.
    pub tso_mss: u16,
}

/// A frame to be sent: headers, and payload chunks behind them.
///
/// The headers are in a packet of their own, since a chunk may still be held by the device from an earlier
/// sending: a retransmission is new headers and the same chunks.
#[derive(Debug)]
pub struct TxFrame {
    /// Headers, and payload that was copied in behind them.
    pub headers: Packet,
    /// How many chunks of the burst belong to this frame; take each with [`TxBurst::pop_chunk`].
    pub chunks: u16,
    /// What the device does with it.
    pub offload: TxOffload,
}

/// Frames to be sent, oldest first. What a queue doesn't take waits here for the next turn.
#[derive(Debug)]
pub struct TxBurst {
    frames: VecDeque<TxFrame>,
    chunks: VecDeque<Chunk>,
    /// Bytes of the chunks.
    bytes: usize,
    capacity: usize,
}

impl TxBurst {
    /// With so many bytes of chunks a burst is full, however few its frames are. Where a device cuts frames of 64 KiB, a turn
    /// of 64 of them would take a millisecond, and push all that waits out of the core's caches.
    pub const MAX_BYTES: usize = 128 * 1024;

    /// A burst of at most `capacity` frames.
    pub fn with_capacity(capacity: usize) -> TxBurst {
        TxBurst { frames: VecDeque::with_capacity(capacity), chunks: VecDeque::new(), bytes: 0, capacity }
    }

    /// How many more frames fit. The last one may go beyond [`TxBurst::MAX_BYTES`].
    pub fn room(&self) -> usize {
        if self.bytes >= Self::MAX_BYTES {
            return 0;
        }
        self.capacity.saturating_sub(self.frames.len())
    }

    /// Frames that wait.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Appends a frame. A burst that is full still takes it: the stack looks at [`TxBurst::room`] first.
    #[inline]
    pub fn push(&mut self, headers: Packet, offload: TxOffload) {
        if self.frames.len() == self.frames.capacity() {
            return self.push_beyond(headers, offload);
        }
        self.frames.push_back(TxFrame { headers, chunks: 0, offload });
    }

    #[cold]
    fn push_beyond(&mut self, headers: Packet, offload: TxOffload) {
        self.frames.push_back(TxFrame { headers, chunks: 0, offload });
    }

    /// Puts a payload chunk behind the frame pushed last. Without a frame the chunk is dropped.
    pub fn attach(&mut self, chunk: Chunk) {
        if let Some(frame) = self.frames.back_mut() {
            frame.chunks += 1;
            self.bytes += chunk.len();
            self.chunks.push_back(chunk);
        }
    }

    /// The oldest frame.
    pub fn front(&self) -> Option<&TxFrame> {
        self.frames.front()
    }

    /// The chunks of the oldest frame, in order.
    pub fn front_chunks(&self) -> impl Iterator<Item = &Chunk> {
        let count = self.frames.front().map_or(0, |frame| frame.chunks as usize);
        self.chunks.iter().take(count)
    }

    /// Bytes of the oldest frame, headers included; 0 when there is none.
    pub fn front_len(&self) -> usize {
        self.frames.front().map_or(0, |frame| frame.headers.len())
            + self.front_chunks().map(|c| c.len()).sum::<usize>()
    }

    /// Takes the oldest frame. The caller must then take its [`TxFrame::chunks`] chunks with [`TxBurst::pop_chunk`].
    pub fn pop(&mut self) -> Option<TxFrame> {
        self.frames.pop_front()
    }

    /// Takes the oldest chunk: see [`TxBurst::pop`].
    pub fn pop_chunk(&mut self) -> Option<Chunk> {
        let chunk = self.chunks.pop_front()?;
        self.bytes -= chunk.len();
        Some(chunk)
    }

    /// Takes the oldest frame as one buffer, with the number of bytes copied to make it so. Payload that does
    /// not fit behind the headers gives `Err` with the bytes it would have needed, and the frame is dropped.
    #[inline]
    pub fn pop_linear(&mut self) -> Option<Result<(Packet, TxOffload, usize), usize>> {
        // Looked at before it is taken: a frame that goes to a call goes through memory, and waits there for its own stores.
        if self.frames.front()?.chunks > 0 {
            return self.gather();
        }
        let frame = self.frames.pop_front()?;
        Some(Ok((frame.headers, frame.offload, 0)))
    }

    /// Copies the oldest frame's chunks behind its headers.
    fn gather(&mut self) -> Option<Result<(Packet, TxOffload, usize), usize>> {
        let mut frame = self.frames.pop_front()?;
        let (mut copied, mut lost) = (0, 0);
        for _ in 0..frame.chunks {
            let Some(chunk) = self.pop_chunk() else { break };
            let n = if lost == 0 { frame.headers.extend_from_slice(&chunk) } else { 0 };
            copied += n;
            lost += chunk.len() - n;
        }
        Some(if lost == 0 { Ok((frame.headers, frame.offload, copied)) } else { Err(lost) })
    }

    /// The oldest frame as one packet of `pool`, for a device that sends nothing else. Frames that can never be sent, since
    /// their length is none of `lengths` or they ask for an offload, are dropped on the way and counted in `stats`, as copied
    /// bytes are. `None` when there is no frame, or no buffer to copy a foreign one into: then it waits.
    pub fn pop_plain(
        &mut self,
        pool: &Pool,
        lengths: &RangeInclusive<usize>,
        stats: &mut QueueStats,
    ) -> Option<Packet> {
        loop {
            let frame = self.front()?;
            let len = self.front_len();
            let sendable = lengths.contains(&len)
                && frame.offload == TxOffload::default()
                && !frame.headers.is_chained();
            if !sendable {
                self.discard();
                stats.tx_dropped += 1;
                continue;
            }
            let payload = len - frame.headers.len();
            if pool.owns(&frame.headers) && frame.headers.tailroom() >= payload {
                let Ok((packet, _, copied)) = self.pop_linear()? else {
                    stats.tx_dropped += 1;
                    continue;
                };
                stats.tx_copied_bytes += copied as u64;
                return Some(packet);
            }
            let mut packet = pool.take_reserved()?;
            packet.extend_from_slice(&frame.headers);
            for chunk in self.front_chunks() {
                packet.extend_from_slice(chunk);
            }
            self.discard();
            stats.tx_copied_bytes += packet.len() as u64;
            return Some(packet);
        }
    }

    /// Drops the oldest frame.
    pub fn discard(&mut self) {
        if let Some(frame) = self.pop() {
            for _ in 0..frame.chunks {
                self.pop_chunk();
            }
        }
    }
}

#[cfg(test)]
mod tests;
