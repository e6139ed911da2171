#![allow(unsafe_code)] // the one place that writes to a slot
//! An owned buffer.

use std::ops::{Deref, DerefMut};

use crate::Chunk;
use crate::pool::SlotRef;
use crate::span::Span;

/// An owned buffer of a [`Pool`](crate::Pool), alone on its slot. Dropping it gives the slot back.
///
/// ```text
///  slot:  | headroom      | data            | tailroom     |
///         0               head              head+len       slot_size
///         push_front <----                  ----> push_back
/// ```
///
/// It derefs to its data. A frame longer than one buffer is a chain: the first packet owns the rest
/// ([`Packet::append`], [`Packet::split_next`]), as an mbuf does.
pub struct Packet {
    slot: SlotRef,
    span: Span,
}

impl Packet {
    #[inline(always)]
    pub(crate) fn from_slot(slot: SlotRef, span: Span) -> Packet {
        Packet { slot, span }
    }

    pub(crate) fn slot(&self) -> &SlotRef {
        &self.slot
    }

    /// Hands over the hold on the slot. A chain behind it is dropped: loans to a device are single buffers.
    #[inline(always)]
    pub(crate) fn into_slot(self) -> (SlotRef, Span) {
        let parts = (self.slot, self.span);
        if let Some((slot, _)) = self.slot.take_next() {
            slot.release();
        }
        std::mem::forget(self);
        parts
    }

    /// Brings the buffer's record near: what is read first of a packet that was not touched for a while.
    #[inline(always)]
    pub fn prefetch_record(&self) {
        self.slot.prefetch_record();
    }

    /// Brings the first bytes of the data near. It reads the record: see [`prefetch_record`](Self::prefetch_record).
    #[inline(always)]
    pub fn prefetch_data(&self) {
        self.slot.prefetch_data(self.span.head());
    }

    /// Free bytes in front of the data.
    pub fn headroom(&self) -> usize {
        self.span.head() as usize
    }

    /// Free bytes behind the data.
    pub fn tailroom(&self) -> usize {
        (self.slot.size() - self.span.end()) as usize
    }

    /// Empties the packet and restores the pool's headroom; a chain behind it is dropped.
    pub fn clear(&mut self) {
        self.span = Span::new(self.slot.headroom(), 0);
        drop(self.split_next());
    }

    /// Moves the start of an empty packet, so that `headroom` bytes are in front. `false` when it has data or the slot is smaller.
    pub fn set_headroom(&mut self, headroom: usize) -> bool {
        let fits = self.span.len() == 0 && headroom <= self.slot.size() as usize;
        if fits {
            self.span = Span::new(headroom as u32, 0); // <= slot size, a u32
        }
        fits
    }

    /// Grows the data by `n` bytes at the front and gives them to be written. Their content is left over from
    /// an earlier use. `None` when the headroom is smaller.
    pub fn push_front(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.span.head() as usize {
            return None;
        }
        let n = n as u32; // <= head, a u32
        self.span = Span::new(self.span.head() - n, self.span.len() + n);
        // SAFETY: a Packet is the only holder of its slot, and is borrowed mutably.
        Some(unsafe { self.slot.bytes_mut(self.span.head(), n) })
    }

    /// Grows the data by `n` bytes at the back and gives them to be written. Their content is left over from
    /// an earlier use. `None` when the tailroom is smaller.
    pub fn push_back(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.tailroom() {
            return None;
        }
        let (at, n) = (self.span.end(), n as u32); // <= tailroom, a u32
        self.span = Span::new(self.span.head(), self.span.len() + n);
        // SAFETY: a Packet is the only holder of its slot, and is borrowed mutably.
        Some(unsafe { self.slot.bytes_mut(at, n) })
    }

    /// Copies as much of `bytes` behind the data as the tailroom takes; returns how much.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.tailroom());
        if let Some(room) = self.push_back(n) {
            room.copy_from_slice(&bytes[..n]);
        }
        n
    }

    /// Drops `n` bytes at the front (all when there are fewer).
    pub fn trim_front(&mut self, n: usize) {
        self.span = self.span.advanced(n);
    }

    /// Shortens the data to `len` bytes; longer data than that is untouched.
    pub fn truncate(&mut self, len: usize) {
        self.span = self.span.truncated(len);
    }

    /// Makes the data shareable and read-only. A chain behind it is dropped: split it off first.
    #[inline(always)]
    pub fn freeze(self) -> Chunk {
        let (slot, span) = self.into_slot();
        Chunk::from_slot(slot, span)
    }

    /// Puts `tail` (with its own chain) behind the end of this packet's chain.
    pub fn append(&mut self, tail: Packet) {
        let mut last = self.slot;
        while let Some((next, _)) = last.get().next.get() {
            last = next;
        }
        let parts = (tail.slot, tail.span);
        std::mem::forget(tail); // its hold now belongs to the chain
        last.get().next.set(Some(parts));
    }

    /// Takes the rest of the chain off, as a packet with its own chain.
    pub fn split_next(&mut self) -> Option<Packet> {
        let (slot, span) = self.slot.take_next()?;
        Some(Packet { slot, span })
    }

    /// The data of this packet and of those chained behind it, in order.
    pub fn chain(&self) -> impl Iterator<Item = &[u8]> {
        let mut next = Some((self.slot, self.span));
        std::iter::from_fn(move || {
            let (slot, span) = next?;
            next = slot.get().next.get();
            let bytes: *const [u8] = slot.bytes(span.head(), span.len());
            // SAFETY: a chained slot is owned by the slot before it, and so by this packet, which is borrowed.
            Some(unsafe { &*bytes })
        })
    }

    /// Whether more packets of the same frame follow.
    pub fn is_chained(&self) -> bool {
        self.slot.get().next.get().is_some()
    }
}

impl Deref for Packet {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.slot.bytes(self.span.head(), self.span.len())
    }
}

impl DerefMut for Packet {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: a Packet is the only holder of its slot, and is borrowed mutably.
        unsafe { self.slot.bytes_mut(self.span.head(), self.span.len()) }
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        self.slot.release();
    }
}

impl std::fmt::Debug for Packet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Packet({} bytes, headroom {}, tailroom {})", self.len(), self.headroom(), self.tailroom())
    }
}

#[cfg(test)]
mod tests;
