//! The bytes that were written and not acknowledged.

use corelane_nic::{Chunk, Packet};

use super::chunk_queue::ChunkQueue;
use super::memory::Memory;
use crate::wire::checksum::{self, Sum};

/// Bytes from `snd_una` on: chunks of the application, copied writes, and one buffer that still takes small writes.
#[derive(Default)]
pub(crate) struct SendQueue {
    chunks: ChunkQueue,
    /// Copied bytes behind the chunks; its tailroom takes the next small write.
    tail: Option<Packet>,
    /// Below 2^31: `tcp_wmem` and a chunk.
    len: u32,
    /// Where the last look-up ended: (index of the chunk, offset of its first byte). Bulk sending goes on from there.
    cursor: (u32, u32),
}

impl SendQueue {
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Gives back what was kept for later bytes.
    pub(crate) fn release_memory(&mut self) {
        self.chunks.release_memory();
    }

    /// Bytes beside the record, without the buffers.
    #[cfg(test)]
    pub(crate) fn heap_size(&self) -> usize {
        self.chunks.heap_size()
    }

    /// Brings the record of the first buffer near.
    #[inline]
    pub(crate) fn prefetch_record(&self) {
        match (self.chunks.front(), &self.tail) {
            (Some(chunk), _) => chunk.prefetch_record(),
            (None, Some(tail)) => tail.prefetch_record(),
            (None, None) => {}
        }
    }

    /// Brings the first bytes near; reads their buffer's record.
    #[inline]
    pub(crate) fn prefetch_data(&self) {
        match (self.chunks.front(), &self.tail) {
            (Some(chunk), _) => chunk.prefetch_data(),
            (None, Some(tail)) => tail.prefetch_data(),
            (None, None) => {}
        }
    }

    /// Copies as many of `bytes` as there are buffers for; returns how many.
    pub(crate) fn write(&mut self, bytes: &[u8], memory: &Memory) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            let full = self.tail.as_ref().is_none_or(|tail| tail.tailroom() == 0);
            if full {
                let Some(fresh) = memory.take(bytes.len() - done) else { break };
                self.freeze_tail();
                self.tail = Some(fresh);
            }
            let Some(tail) = self.tail.as_mut() else { break };
            done += tail.extend_from_slice(&bytes[done..]);
        }
        self.len += done as u32; // within tcp_wmem
        done
    }

    /// Appends a chunk without a copy.
    #[inline(always)]
    pub(crate) fn push(&mut self, chunk: Chunk) {
        if chunk.is_empty() {
            return;
        }
        self.freeze_tail();
        self.len += chunk.len() as u32; // a chunk is part of a buffer
        self.chunks.push_back(chunk);
    }

    #[inline(always)]
    fn freeze_tail(&mut self) {
        if let Some(tail) = self.tail.take() {
            self.chunks.push_back(tail.freeze());
        }
    }

    /// Drops the first `n` bytes: they are acknowledged.
    #[inline(always)]
    pub(crate) fn consume(&mut self, n: usize) {
        if n < self.len as usize {
            return self.consume_some(n);
        }
        while self.chunks.pop_front().is_some() {}
        self.tail = None;
        self.len = 0;
        self.cursor = (0, 0);
    }

    fn consume_some(&mut self, mut n: usize) {
        self.len -= n as u32; // below len
        let acked = n as u32;
        let mut gone = 0;
        while let Some(front) = self.chunks.front_mut() {
            if n < front.len() {
                front.advance(n);
                n = 0;
                break;
            }
            n -= front.len();
            gone += 1;
            self.chunks.pop_front();
        }
        // What is left of n lies in the tail.
        if let Some(tail) = self.tail.as_mut() {
            tail.trim_front(n);
            if tail.is_empty() {
                self.tail = None;
            }
        }
        let (index, start) = self.cursor;
        self.cursor = if index >= gone && start >= acked { (index - gone, start - acked) } else { (0, 0) };
    }

    /// The bytes at `offset` that lie together, at least one where `offset` is below the length.
    fn seek(&mut self, offset: usize) -> (usize, usize) {
        let known = offset >= self.cursor.1 as usize;
        let (index, start) = if known { self.cursor } else { (0, 0) };
        let (mut index, mut start) = (index as usize, start as usize);
        while let Some(chunk) = self.chunks.get(index) {
            if offset < start + chunk.len() {
                break;
            }
            start += chunk.len();
            index += 1;
        }
        self.cursor = (index as u32, start as u32); // within len
        (index, offset - start)
    }

    /// As [`SendQueue::copy_to`] to an empty packet, all or nothing, with the sum of the bytes.
    #[inline(always)]
    pub(crate) fn copy_summed(&mut self, offset: usize, len: usize, packet: &mut Packet) -> Option<Sum> {
        let first =
            if self.chunks.is_empty() { self.tail.as_deref() } else { self.chunks.front().map(|c| &**c) };
        let piece = first.filter(|_| offset == 0).and_then(|piece| piece.get(..len));
        let Some(piece) = piece else {
            return (self.copy_to(offset, len, packet) == len).then(|| checksum::sum(packet));
        };
        packet.push_back(len).map(|room| checksum::copy(room, piece))
    }

    /// Copies `len` bytes from `offset` behind the data of `packet`, as far as it has room; returns how many.
    pub(crate) fn copy_to(&mut self, offset: usize, len: usize, packet: &mut Packet) -> usize {
        let (mut index, mut within) = self.seek(offset);
        let mut done = 0;
        while done < len {
            let piece: &[u8] = match self.chunks.get(index) {
                Some(chunk) => chunk,
                None => self.tail.as_deref().unwrap_or_default(),
            };
            let Some(piece) = piece.get(within..) else { break };
            let n = packet.extend_from_slice(&piece[..piece.len().min(len - done)]);
            if n == 0 {
                break;
            }
            done += n;
            (index, within) = (index + 1, 0);
        }
        done
    }

    /// Gives at most `max` chunks that hold `len` bytes from `offset`; returns how many bytes these are.
    pub(crate) fn chunks(
        &mut self,
        offset: usize,
        len: usize,
        max: usize,
        mut give: impl FnMut(Chunk),
    ) -> usize {
        self.freeze_tail();
        let (mut index, mut within) = self.seek(offset);
        let (mut done, mut count) = (0, 0);
        while done < len && count < max {
            let Some(chunk) = self.chunks.get(index) else { break };
            let end = chunk.len().min(within + len - done);
            give(chunk.slice(within..end));
            done += end - within;
            count += 1;
            (index, within) = (index + 1, 0);
        }
        done
    }
}

#[cfg(test)]
mod tests;
