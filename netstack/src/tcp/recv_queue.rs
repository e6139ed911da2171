//! The bytes that arrived in order and were not read.

use corelane_nic::{Chunk, Packet};

use super::chunk_queue::ChunkQueue;
use super::memory::Memory;

/// Received bytes in order: the device's own buffers, or copies once the device runs low.
#[derive(Default)]
pub(crate) struct RecvQueue {
    chunks: ChunkQueue,
    /// Copied bytes behind the chunks; its tailroom takes what is copied out next.
    tail: Option<Packet>,
    /// Below 2^32: the window limits it.
    len: u32,
}

impl RecvQueue {
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether something is kept for later bytes.
    #[inline]
    pub(crate) fn keeps_memory(&self) -> bool {
        self.chunks.keeps_memory()
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

    #[inline(always)]
    pub(crate) fn push(&mut self, chunk: Chunk) {
        if chunk.is_empty() {
            return;
        }
        if let Some(tail) = self.tail.take() {
            self.chunks.push_back(tail.freeze());
        }
        self.len += chunk.len() as u32; // within the window
        self.chunks.push_back(chunk);
    }

    /// Copies `bytes` whole. `false`, and nothing is taken, when there is no memory.
    pub(crate) fn copy(&mut self, bytes: &[u8], memory: &Memory) -> bool {
        let room = self.tail.as_ref().map_or(0, Packet::tailroom);
        let first = bytes.len().min(room);
        if first < bytes.len() {
            // A request on its own fits a small buffer; what follows unread bytes may be bulk, and a large buffer packs
            // many segments.
            let wanted = if self.len == 0 { bytes.len() } else { usize::MAX };
            let Some(mut fresh) = memory.take(wanted) else { return false };
            if fresh.tailroom() < bytes.len() - first {
                return false;
            }
            fresh.extend_from_slice(&bytes[first..]);
            if let Some(mut tail) = self.tail.replace(fresh) {
                tail.extend_from_slice(&bytes[..first]);
                self.chunks.push_back(tail.freeze());
            }
        } else if let Some(tail) = self.tail.as_mut() {
            tail.extend_from_slice(bytes);
        }
        self.len += bytes.len() as u32; // within the window
        true
    }

    /// The first bytes, as they lie together.
    #[inline(always)]
    pub(crate) fn pop(&mut self) -> Option<Chunk> {
        if self.len == 0 {
            return None; // each reader looks once more than there is something: without a store
        }
        let chunk = self.chunks.pop_front().or_else(|| self.tail.take().map(Packet::freeze))?;
        self.len -= chunk.len() as u32; // part of it
        Some(chunk)
    }

    /// Copies bytes to `buf` and drops them, or keeps them when only `peek`ing; returns how many.
    pub(crate) fn read(&mut self, buf: &mut [u8], peek: bool) -> usize {
        let mut done = 0;
        for piece in self.chunks.iter().map(|chunk| &chunk[..]).chain(self.tail.as_deref()) {
            let n = piece.len().min(buf.len() - done);
            buf[done..done + n].copy_from_slice(&piece[..n]);
            done += n;
            if done == buf.len() {
                break;
            }
        }
        if !peek {
            self.consume(done);
        }
        done
    }

    fn consume(&mut self, mut n: usize) {
        self.len -= n as u32; // at most len
        while let Some(front) = self.chunks.front_mut() {
            if n < front.len() {
                front.advance(n);
                return;
            }
            n -= front.len();
            self.chunks.pop_front();
        }
        if let Some(tail) = self.tail.as_mut() {
            tail.trim_front(n);
            if tail.is_empty() {
                self.tail = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
