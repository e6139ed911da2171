//! A shared, read-only range of a buffer.

use std::ops::{Bound, Deref, RangeBounds};

use bytes::Bytes;

use crate::Packet;
use crate::pool::SlotRef;
use crate::span::Span;

/// A frozen range of a [`Packet`], cheap to clone and to cut (the count is not atomic): what applications
/// read and write without a copy.
///
/// It holds its whole slot, however short it is: keep it only as long as needed. `!Send`; to take the bytes to
/// another thread copy them out with [`Chunk::to_bytes`].
///
/// ```
/// use corelane_nic::{Chunk, Pool, PoolConfig};
/// let pool = Pool::heap(PoolConfig { slots: 4, slot_size: 2048, headroom: 0, reserve: 0 });
/// let mut hello = Chunk::copy_from(&pool, b"hello world").unwrap();
/// let first = hello.split_to(5);
/// assert_eq!((&first[..], &hello[..]), (&b"hello"[..], &b" world"[..]));
/// ```
pub struct Chunk {
    slot: SlotRef,
    span: Span,
}

impl Chunk {
    #[inline(always)]
    pub(crate) fn from_slot(slot: SlotRef, span: Span) -> Chunk {
        Chunk { slot, span }
    }

    #[inline(always)]
    pub(crate) fn place(&self) -> (&SlotRef, Span) {
        (&self.slot, self.span)
    }

    /// Brings the buffer's record near: what is read first of a chunk that was not touched for a while.
    #[inline(always)]
    pub fn prefetch_record(&self) {
        self.slot.prefetch_record();
    }

    /// Brings the first bytes of the data near. It reads the record: see [`prefetch_record`](Self::prefetch_record).
    #[inline(always)]
    pub fn prefetch_data(&self) {
        self.slot.prefetch_data(self.span.head());
    }

    /// Copies `bytes` into a buffer of `pool`. `None` when the pool refuses or the slot is too small.
    pub fn copy_from(pool: &crate::Pool, bytes: &[u8]) -> Option<Chunk> {
        let mut packet = pool.take()?;
        (packet.extend_from_slice(bytes) == bytes.len()).then(|| packet.freeze())
    }

    /// Drops `n` bytes at the front (all when there are fewer).
    pub fn advance(&mut self, n: usize) {
        self.span = self.span.advanced(n);
    }

    /// Shortens the chunk to `len` bytes; a shorter one is untouched.
    pub fn truncate(&mut self, len: usize) {
        self.span = self.span.truncated(len);
    }

    /// Cuts off and returns the first `n` bytes (all when there are fewer); both parts share the slot.
    #[must_use]
    pub fn split_to(&mut self, n: usize) -> Chunk {
        let mut front = self.clone();
        front.truncate(n);
        self.advance(n);
        front
    }

    /// A part of the chunk, sharing its slot.
    ///
    /// # Panics
    /// When the range is not within the chunk.
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Chunk {
        let len = self.len();
        let start = match range.start_bound() {
            Bound::Included(&n) => n,
            Bound::Excluded(&n) => n.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&n) => n.saturating_add(1),
            Bound::Excluded(&n) => n,
            Bound::Unbounded => len,
        };
        assert!(start <= end && end <= len, "range {start}..{end} of a chunk of {len} bytes");
        let mut part = self.clone();
        part.truncate(end);
        part.advance(start);
        part
    }

    /// Bytes of memory that the chunk keeps from its pool: the slot, not the data.
    pub fn truesize(&self) -> usize {
        self.slot.size() as usize
    }

    /// Copies the data into a `Bytes` that other threads can have. Costs an allocation and a copy of `len()` bytes;
    /// the slot goes home when the chunk is dropped.
    pub fn to_bytes(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }

    /// The packet again, writable, when this chunk is the slot's only holder; otherwise the chunk.
    pub fn try_into_packet(self) -> Result<Packet, Chunk> {
        if self.slot.get().refs.get() != 1 {
            return Err(self);
        }
        let packet = Packet::from_slot(self.slot, self.span);
        std::mem::forget(self); // its hold is now the packet's
        Ok(packet)
    }
}

impl Clone for Chunk {
    fn clone(&self) -> Chunk {
        Chunk { slot: self.slot.share(), span: self.span }
    }
}

impl Deref for Chunk {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.slot.bytes(self.span.head(), self.span.len())
    }
}

impl AsRef<[u8]> for Chunk {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        self.slot.release();
    }
}

impl std::fmt::Debug for Chunk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chunk({} bytes)", self.len())
    }
}

impl PartialEq for Chunk {
    fn eq(&self, other: &Chunk) -> bool {
        self[..] == other[..]
    }
}

#[cfg(test)]
mod tests;
