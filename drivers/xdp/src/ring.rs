#![allow(unsafe_code)] // reads and writes memory shared with the kernel
//! The single-producer, single-consumer rings that an AF_XDP socket shares with the kernel.
//!
//! ```text
//!  producer writes entries, then publishes its cursor (release)   consumer reads the cursor (acquire),
//!  consumer reads entries,  then publishes its cursor (release)   then the entries
//! ```
//!
//! Each half keeps copies of both cursors, so that a burst costs one acquire load and one release store.
//! Cursors run freely over all 32 bits; the entry of a cursor is `cursor & (size - 1)`.
//! See Documentation/networking/af_xdp.rst of Linux.

use std::io;
use std::mem::size_of;
use std::os::fd::BorrowedFd;
use std::ptr::NonNull;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::syscall::Mapping;

/// A frame in the receive or transmit ring.
pub type Descriptor = libc::xdp_desc;

/// The shared memory of a ring; the mapping lives as long as it.
struct Shared<T> {
    producer: NonNull<AtomicU32>,
    consumer: NonNull<AtomicU32>,
    flags: NonNull<AtomicU32>,
    entries: NonNull<T>,
    size: u32,
    _memory: Rc<Mapping>,
}

impl<T: Copy> Shared<T> {
    /// The ring of `size` entries in `memory`, with its fields at the given offsets.
    fn new(memory: Rc<Mapping>, at: &libc::xdp_ring_offset, size: u32) -> io::Result<Shared<T>> {
        let fits = |offset: u64, bytes: usize, align: usize| {
            offset.checked_add(bytes as u64).is_some_and(|end| end <= memory.len() as u64)
                && offset.is_multiple_of(align as u64)
        };
        let cursors = [at.producer, at.consumer, at.flags];
        if !size.is_power_of_two()
            || !cursors.iter().all(|&offset| fits(offset, size_of::<AtomicU32>(), align_of::<AtomicU32>()))
            || !fits(at.desc, size as usize * size_of::<T>(), align_of::<T>())
        {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "the kernel's ring layout makes no sense",
            ));
        }
        // SAFETY: the offset is within the mapping, as just checked.
        let field = |offset: u64| unsafe { memory.base().add(offset as usize) };
        Ok(Shared {
            producer: field(at.producer).cast(),
            consumer: field(at.consumer).cast(),
            flags: field(at.flags).cast(),
            entries: field(at.desc).cast(),
            size,
            _memory: memory,
        })
    }

    fn producer(&self) -> &AtomicU32 {
        // SAFETY: aligned and within the mapping, which lives as long as self; the kernel, too, only uses it atomically.
        unsafe { self.producer.as_ref() }
    }

    fn consumer(&self) -> &AtomicU32 {
        // SAFETY: as for the producer.
        unsafe { self.consumer.as_ref() }
    }

    fn flags(&self) -> &AtomicU32 {
        // SAFETY: as for the producer.
        unsafe { self.flags.as_ref() }
    }

    fn entry(&self, cursor: u32) -> NonNull<T> {
        // SAFETY: the masked cursor is below the size, and the mapping holds that many entries.
        unsafe { self.entries.add((cursor & (self.size - 1)) as usize) }
    }
}

/// Our half of a ring that we fill: transmit, fill.
pub struct Producer<T> {
    shared: Shared<T>,
    /// Where the next entry goes; published by [`Producer::submit`].
    next: u32,
    /// Up to where the kernel has consumed, as last seen.
    consumed: u32,
}

impl<T: Copy> Producer<T> {
    /// The half of the ring that the kernel maps at `offset` of the socket.
    pub fn map(
        fd: BorrowedFd<'_>,
        offset: u64,
        at: &libc::xdp_ring_offset,
        size: u32,
    ) -> io::Result<Producer<T>> {
        let len = at.desc as usize + size as usize * size_of::<T>();
        Producer::new(Rc::new(Mapping::ring(fd, len, offset)?), at, size)
    }

    fn new(memory: Rc<Mapping>, at: &libc::xdp_ring_offset, size: u32) -> io::Result<Producer<T>> {
        let shared = Shared::<T>::new(memory, at, size)?;
        let (next, consumed) =
            (shared.producer().load(Ordering::Relaxed), shared.consumer().load(Ordering::Acquire));
        Ok(Producer { shared, next, consumed })
    }

    /// How many entries can be written. Looks at the kernel's cursor only when `wanted` exceeds what is known.
    pub fn room(&mut self, wanted: u32) -> u32 {
        let known = self.shared.size - self.next.wrapping_sub(self.consumed);
        if known >= wanted {
            return known;
        }
        self.consumed = self.shared.consumer().load(Ordering::Acquire);
        self.shared.size - self.next.wrapping_sub(self.consumed)
    }

    /// Writes an entry; `false` when the ring is full. The kernel sees it after [`Producer::submit`].
    pub fn push(&mut self, entry: T) -> bool {
        if self.room(1) == 0 {
            return false;
        }
        // SAFETY: within the ring; the kernel does not read between its cursor and the published one of ours.
        unsafe { self.shared.entry(self.next).write(entry) };
        self.next = self.next.wrapping_add(1);
        true
    }

    /// Publishes what was pushed.
    pub fn submit(&mut self) {
        self.shared.producer().store(self.next, Ordering::Release);
    }

    /// Entries that the kernel has not consumed yet.
    pub fn pending(&mut self) -> u32 {
        self.consumed = self.shared.consumer().load(Ordering::Acquire);
        self.next.wrapping_sub(self.consumed)
    }

    /// Whether the kernel waits for a system call before it looks at the ring.
    pub fn needs_wakeup(&self) -> bool {
        self.shared.flags().load(Ordering::Relaxed) & libc::XDP_RING_NEED_WAKEUP != 0
    }
}

/// Our half of a ring that the kernel fills: receive, completion.
pub struct Consumer<T> {
    shared: Shared<T>,
    /// The next entry to be read; published by [`Consumer::release`].
    next: u32,
    /// Up to where the kernel has produced, as last seen.
    produced: u32,
}

impl<T: Copy> Consumer<T> {
    /// The half of the ring that the kernel maps at `offset` of the socket.
    pub fn map(
        fd: BorrowedFd<'_>,
        offset: u64,
        at: &libc::xdp_ring_offset,
        size: u32,
    ) -> io::Result<Consumer<T>> {
        let len = at.desc as usize + size as usize * size_of::<T>();
        Consumer::new(Rc::new(Mapping::ring(fd, len, offset)?), at, size)
    }

    fn new(memory: Rc<Mapping>, at: &libc::xdp_ring_offset, size: u32) -> io::Result<Consumer<T>> {
        let shared = Shared::<T>::new(memory, at, size)?;
        let next = shared.consumer().load(Ordering::Relaxed);
        Ok(Consumer { shared, next, produced: next })
    }

    /// Entries to be read, by a look at the kernel's cursor.
    pub fn available(&mut self) -> u32 {
        self.produced = self.shared.producer().load(Ordering::Acquire);
        // A cursor beyond the ring would be the kernel's mistake; never read more than there can be.
        self.produced.wrapping_sub(self.next).min(self.shared.size)
    }

    /// Takes an entry of those that [`Consumer::available`] saw.
    pub fn pop(&mut self) -> Option<T> {
        if self.next == self.produced {
            return None;
        }
        // SAFETY: within the ring; the kernel does not write between our published cursor and its own.
        let entry = unsafe { self.shared.entry(self.next).read() };
        self.next = self.next.wrapping_add(1);
        Some(entry)
    }

    /// Gives the room of what was popped back to the kernel.
    pub fn release(&mut self) {
        self.shared.consumer().store(self.next, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
