#![allow(unsafe_code)] // owns the memory that packets point into, and counts who holds it
//! Bounded pools of equally sized buffers.
//!
//! ```text
//!  memory:  | slot 0: headroom, data, tailroom | slot 1 | slot 2 | ...      DMA-able, one mapping
//!  slots:   | refs, buffer, pool, next         |        |        |          one record a buffer, apart
//!  free:    [ 7, 3, 12 ]                                                    LIFO: the warmest first
//! ```
//!
//! The record ([`Slot`]) stands apart from the buffer, so that a UMEM chunk stays all data, and so that for
//! DPDK it can live in the private area of an mbuf instead of in this array.

use std::cell::{Cell, UnsafeCell};
use std::hint::cold_path;
use std::marker::PhantomData;
use std::ptr::NonNull;

use crate::Packet;
use crate::advice::{HUGE_PAGE, LINE, PAGE, advise_huge_pages, prefetch_line, prefetch_line_to_write};
use crate::span::Span;

/// The sizes of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolConfig {
    /// How many buffers there are; the pool never grows.
    pub slots: u32,
    /// Bytes of one buffer, headroom included.
    pub slot_size: u32,
    /// Bytes left free in front of the data of a new packet, for headers.
    pub headroom: u32,
    /// Buffers that only [`Pool::take_reserved`] hands out: for ACK, SYN-ACK, RST and ARP, so that a pool
    /// that is full of data can still say so.
    pub reserve: u32,
}

/// Memory that a pool cuts its slots from: heap, an AF_XDP UMEM, hugepages.
///
/// # Safety
/// `base()` must stay valid for reads and writes of `len()` initialised bytes, and be used by nobody else in
/// this process, until the value is dropped. (A device may write into a slot while a queue has it on loan.)
pub unsafe trait Memory {
    /// The first byte.
    fn base(&self) -> NonNull<u8>;
    /// How many bytes.
    fn len(&self) -> usize;
    /// Where slot `index` starts, for slots of `size` bytes. Each must lie in memory as above, apart from all others.
    ///
    /// # Panics
    /// It may, when there is no such slot.
    fn slot(&self, index: usize, size: usize) -> NonNull<u8> {
        assert!((index + 1) * size <= self.len(), "the slot is outside the memory");
        // SAFETY: within the memory, as just asserted.
        unsafe { self.base().add(index * size) }
    }
    /// Whether there is no memory at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What a pool has seen. Counts only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Takes refused because only the reserve was left.
    pub refused: u64,
    /// Takes refused because not even the reserve was left.
    pub exhausted: u64,
}

/// The record of one buffer.
///
/// A cache line of its own, so that a buffer costs one miss for its record, and no neighbour's.
#[repr(align(64))]
pub(crate) struct Slot {
    /// Holders: one `Packet`, or any number of `Chunk`s; 0 while free or on loan to a device.
    pub(crate) refs: Cell<u32>,
    index: u32,
    /// The pool's slot size, here so that a look at the tailroom stays in this line.
    size: u32,
    buffer: NonNull<u8>,
    pool: NonNull<Inner>,
    /// The next packet of a chained frame, owned by this one.
    pub(crate) next: Cell<Option<(SlotRef, Span)>>,
}

/// A counted-by-hand pointer to a slot. Who holds one, holds one of `refs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlotRef(NonNull<Slot>);

struct Inner {
    config: PoolConfig,
    slots: NonNull<[Slot]>,
    free: UnsafeCell<Vec<NonNull<Slot>>>,
    handles: Cell<usize>,
    stats: Cell<PoolStats>,
    _memory: Box<dyn Memory>,
}

/// A bounded pool of buffers, owned by one core. Clones are handles of the same pool.
///
/// The memory lives until the last handle and the last packet or chunk are gone, and every loan to a device
/// ([`Pool::lend`]) was taken back.
///
/// ```
/// use corelane_nic::{Pool, PoolConfig};
/// let pool = Pool::heap(PoolConfig { slots: 2, slot_size: 2048, headroom: 128, reserve: 1 });
/// let packet = pool.take().unwrap();
/// assert!(pool.take().is_none(), "the last one is kept for control packets");
/// drop(packet);
/// assert_eq!(pool.available(), 2);
/// ```
pub struct Pool {
    inner: NonNull<Inner>,
    _not_send: PhantomData<*mut ()>,
}

/// Zeroed heap memory: what the in-memory link, TAP and copied writes use.
struct HeapMemory {
    allocation: NonNull<u8>,
    layout: std::alloc::Layout,
    /// The first whole page of the allocation.
    base: NonNull<u8>,
    len: usize,
}

impl HeapMemory {
    fn new(len: usize) -> HeapMemory {
        // Asking for page alignment would make the allocator write zeros to every page; asking for less and
        // rounding up leaves the pages untouched until they are used.
        let align = if len < HUGE_PAGE { PAGE } else { HUGE_PAGE };
        let layout = std::alloc::Layout::from_size_align(len + align, 16)
            .expect("pool sizes are checked by the caller");
        // SAFETY: the layout is not empty.
        let Some(allocation) = NonNull::new(unsafe { std::alloc::alloc_zeroed(layout) }) else {
            std::alloc::handle_alloc_error(layout)
        };
        let skip = allocation.align_offset(align);
        let skip = if skip > align { 0 } else { skip };
        // SAFETY: `skip` is at most `align`, which was added to the size.
        let base = unsafe { allocation.add(skip) };
        if align == HUGE_PAGE {
            advise_huge_pages(base.as_ptr(), len);
        }
        HeapMemory { allocation, layout, base, len }
    }
}

// SAFETY: the allocation is ours alone, zeroed, and freed only on drop.
unsafe impl Memory for HeapMemory {
    fn base(&self) -> NonNull<u8> {
        self.base
    }
    fn len(&self) -> usize {
        self.len
    }
}

impl Drop for HeapMemory {
    fn drop(&mut self) {
        // SAFETY: allocated in `new` with this layout.
        unsafe { std::alloc::dealloc(self.allocation.as_ptr(), self.layout) }
    }
}

impl Pool {
    /// A pool on the heap. Its pages are touched only when used.
    ///
    /// # Panics
    /// When `slots` or `slot_size` is 0, when `headroom` exceeds `slot_size`, or when memory runs out.
    pub fn heap(config: PoolConfig) -> Pool {
        assert!(config.slots > 0 && config.slot_size > 0, "a pool needs slots");
        let memory = HeapMemory::new(config.slots as usize * config.slot_size as usize);
        Pool::on(config, Box::new(memory))
    }

    /// A pool on memory that somebody mapped (a UMEM, DPDK's mbufs): it says where each slot starts.
    ///
    /// # Panics
    /// When the memory is smaller than `slots * slot_size`, or `headroom` exceeds `slot_size`.
    pub fn on(config: PoolConfig, memory: Box<dyn Memory>) -> Pool {
        assert!(
            memory.len() >= config.slots as usize * config.slot_size as usize,
            "the memory is smaller than the pool"
        );
        assert!(config.headroom <= config.slot_size, "headroom exceeds the slot");
        let buffers: Vec<NonNull<u8>> =
            (0..config.slots as usize).map(|index| memory.slot(index, config.slot_size as usize)).collect();
        let inner = Box::into_raw(Box::new(Inner {
            config,
            slots: NonNull::slice_from_raw_parts(NonNull::dangling(), 0),
            free: UnsafeCell::new(Vec::with_capacity(config.slots as usize)),
            handles: Cell::new(1),
            stats: Cell::default(),
            _memory: memory,
        }));
        // SAFETY: Box::into_raw never gives null.
        let pool = unsafe { NonNull::new_unchecked(inner) };
        let slots: Box<[Slot]> = (0..config.slots)
            .zip(buffers)
            .map(|(index, buffer)| Slot {
                refs: Cell::new(0),
                index,
                size: config.slot_size,
                buffer,
                pool,
                next: Cell::new(None),
            })
            .collect();
        // SAFETY: `inner` was just made and has no other user yet; the slots live until Inner is dropped.
        unsafe {
            (*inner).slots = NonNull::new_unchecked(Box::into_raw(slots));
            let free = &mut *(*inner).free.get();
            let first = (*inner).slots.cast::<Slot>();
            // Backwards, so that the first take gives slot 0.
            free.extend((0..config.slots as usize).rev().map(|i| first.add(i)));
        }
        Pool { inner: pool, _not_send: PhantomData }
    }

    fn inner(&self) -> &Inner {
        // SAFETY: Inner lives while `handles` > 0, and self is one of them.
        unsafe { self.inner.as_ref() }
    }

    /// An empty packet with the pool's headroom, or `None` when only the reserve is left (counted).
    pub fn take(&self) -> Option<Packet> {
        let inner = self.inner();
        // SAFETY: the pool is !Send and this reference does not outlive the statement.
        if unsafe { (*inner.free.get()).len() } <= inner.config.reserve as usize {
            let mut stats = inner.stats.get();
            stats.refused += 1;
            inner.stats.set(stats);
            return None;
        }
        self.pop()
    }

    /// As [`Pool::take`], but may use the reserve: for control packets. `None` when nothing is left (counted).
    pub fn take_reserved(&self) -> Option<Packet> {
        let packet = self.pop();
        if packet.is_none() {
            let mut stats = self.inner().stats.get();
            stats.exhausted += 1;
            self.inner().stats.set(stats);
        }
        packet
    }

    fn pop(&self) -> Option<Packet> {
        let inner = self.inner();
        // SAFETY: the pool is !Send and nothing called here touches the free list.
        let slot = SlotRef(unsafe { (*inner.free.get()).pop() }?);
        slot.get().refs.set(1);
        Some(Packet::from_slot(slot, Span::new(inner.config.headroom, 0)))
    }

    /// Brings near what coming takes will write to: the record of the buffer that is `nth` after the next one, and the bytes
    /// around the end of its headroom of the one that is half as far away. Changes nothing but time.
    #[inline]
    pub fn prefetch_free(&self, nth: usize) {
        let inner = self.inner();
        // SAFETY: the pool is !Send and this reference does not outlive the function.
        let free = unsafe { &*inner.free.get() };
        let coming = |nth: usize| free.len().checked_sub(nth + 1).and_then(|at| free.get(at));
        if let Some(slot) = coming(nth) {
            SlotRef(*slot).prefetch_record();
        }
        if let Some(slot) = coming(nth / 2) {
            SlotRef(*slot).prefetch_room(inner.config.headroom);
        }
    }

    /// Buffers that are free, the reserve included.
    pub fn available(&self) -> usize {
        // SAFETY: the pool is !Send and this reference does not outlive the statement.
        unsafe { (*self.inner().free.get()).len() }
    }

    /// The sizes that the pool was made with.
    pub fn config(&self) -> &PoolConfig {
        &self.inner().config
    }

    /// What was refused so far.
    pub fn stats(&self) -> PoolStats {
        self.inner().stats.get()
    }

    /// Whether `packet` came from this pool: a driver may hand only its own buffers to its ring.
    pub fn owns(&self, packet: &Packet) -> bool {
        packet.slot().get().pool == self.inner
    }

    /// Where a chunk of this pool is: `(index, head, len)` as [`Pool::lend`] tells it. `None` for another pool's.
    pub fn locate(&self, chunk: &crate::Chunk) -> Option<(u32, u32, u32)> {
        let (slot, span) = chunk.place();
        (slot.get().pool == self.inner).then(|| (slot.get().index, span.head(), span.len()))
    }

    /// Lends a buffer to a device: the caller now answers for slot `index`, and gives it back by
    /// [`Pool::reclaim`]. Returns `(index, head, len)`: the data start at byte `index * slot_size + head` of the memory.
    ///
    /// # Panics
    /// When the packet is not of this pool.
    pub fn lend(&self, packet: Packet) -> (u32, u32, u32) {
        assert!(self.owns(&packet), "a buffer of another pool");
        let (slot, span) = packet.into_slot();
        slot.get().refs.set(0);
        (slot.get().index, span.head(), span.len())
    }

    /// Takes a buffer back from a device, with `len` bytes of data from `head` on.
    /// `None`, and nothing changes, when the device named a slot or a range that can't be.
    ///
    /// # Safety
    /// The slot must be on loan (by [`Pool::lend`], once), and the device must no longer write to it.
    pub unsafe fn reclaim(&self, index: u32, head: u32, len: u32) -> Option<Packet> {
        let inner = self.inner();
        if index >= inner.config.slots || u64::from(head) + u64::from(len) > u64::from(inner.config.slot_size)
        {
            return None;
        }
        // SAFETY: index is below the number of slots.
        let slot = SlotRef(unsafe { inner.slots.cast::<Slot>().add(index as usize) });
        debug_assert_eq!(slot.get().refs.get(), 0, "the slot was not on loan");
        slot.get().refs.set(1);
        Some(Packet::from_slot(slot, Span::new(head, len)))
    }
}

impl Clone for Pool {
    fn clone(&self) -> Pool {
        self.inner().handles.set(self.inner().handles.get() + 1);
        Pool { inner: self.inner, _not_send: PhantomData }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let handles = self.inner().handles.get() - 1;
        self.inner().handles.set(handles);
        // SAFETY: the pointer is valid, as just used.
        unsafe { free_if_last(self.inner) };
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool").field("config", self.config()).field("available", &self.available()).finish()
    }
}

/// # Safety
/// `inner` must be valid, and not used again by the caller's own reference when it was the last.
#[inline(never)]
unsafe fn free_if_last(inner: NonNull<Inner>) {
    // SAFETY: valid by contract.
    let last = unsafe {
        let i = inner.as_ref();
        i.handles.get() == 0 && (*i.free.get()).len() == i.config.slots as usize
    };
    if last {
        // SAFETY: no handle and no packet is left, so nobody can reach Inner or its slots any more.
        unsafe {
            let inner = Box::from_raw(inner.as_ptr());
            drop(Box::from_raw(inner.slots.as_ptr()));
        }
    }
}

impl SlotRef {
    /// Brings the record near.
    #[inline(always)]
    pub(crate) fn prefetch_record(self) {
        prefetch_line(self.0.as_ptr().cast());
    }

    /// Brings the first two lines from `head` on near; reads the record.
    #[inline(always)]
    pub(crate) fn prefetch_data(self, head: u32) {
        let start = self.get().buffer.as_ptr().wrapping_add(head as usize);
        prefetch_line(start);
        prefetch_line(start.wrapping_add(LINE));
    }

    /// Brings the lines around `headroom` near; reads the record.
    #[inline(always)]
    fn prefetch_room(self, headroom: u32) {
        let start = self.get().buffer.as_ptr().wrapping_add(headroom as usize);
        prefetch_line_to_write(start.wrapping_sub(LINE + 2));
        prefetch_line_to_write(start.wrapping_sub(2));
        prefetch_line_to_write(start.wrapping_add(LINE - 2));
    }

    pub(crate) fn get(&self) -> &Slot {
        // SAFETY: slots live as long as their pool, which lives as long as any holder of a SlotRef.
        unsafe { self.0.as_ref() }
    }

    pub(crate) fn size(&self) -> u32 {
        self.get().size
    }

    pub(crate) fn headroom(&self) -> u32 {
        // SAFETY: as in `get`.
        unsafe { self.get().pool.as_ref() }.config.headroom
    }

    /// The bytes `head..head + len`. The holders keep the range within the slot, and nobody writes to a slot
    /// that is shared: only a `Packet`, which is alone, gives out `&mut`.
    pub(crate) fn bytes(&self, head: u32, len: u32) -> &[u8] {
        debug_assert!(head + len <= self.size());
        // SAFETY: in range and initialised; see above for aliasing.
        unsafe { std::slice::from_raw_parts(self.get().buffer.add(head as usize).as_ptr(), len as usize) }
    }

    /// The bytes `head..head + len`, to be written.
    ///
    /// # Safety
    /// The caller must be the slot's only holder, and borrow it mutably for as long as the slice lives.
    #[expect(clippy::mut_from_ref, reason = "the exclusive borrow is the caller's Packet")]
    pub(crate) unsafe fn bytes_mut(&self, head: u32, len: u32) -> &mut [u8] {
        debug_assert!(head + len <= self.size() && self.get().refs.get() == 1);
        // SAFETY: in range and initialised; exclusive by contract.
        unsafe { std::slice::from_raw_parts_mut(self.get().buffer.add(head as usize).as_ptr(), len as usize) }
    }

    /// Takes the rest of a chain off. Mostly there is none: then nothing is written, since the next look would wait for it.
    #[inline]
    pub(crate) fn take_next(self) -> Option<(SlotRef, Span)> {
        let next = &self.get().next;
        if next.get().is_some() { next.take() } else { None }
    }

    /// One hold more.
    ///
    /// # Panics
    /// At 2^32 holds, which only `mem::forget` can reach: a count that wraps would free a slot that is in use.
    pub(crate) fn share(self) -> SlotRef {
        let refs = &self.get().refs;
        refs.set(refs.get().checked_add(1).expect("a buffer is held 2^32 times: chunks are leaked"));
        self
    }

    /// Gives up one hold; the last one sends the buffer home.
    #[inline(never)] // a few instructions, in many places
    pub(crate) fn release(self) {
        let slot = self.get();
        let refs = slot.refs.get() - 1;
        slot.refs.set(refs);
        if refs > 0 {
            return;
        }
        let pool = slot.pool;
        // SAFETY: as in `give_back`.
        let (free, handles) = unsafe { (&mut *pool.as_ref().free.get(), pool.as_ref().handles.get()) };
        // What is rare is called at the very end: then the usual way saves no registers.
        if slot.next.get().is_some() || handles == 0 || free.len() == free.capacity() {
            cold_path();
            return self.release_chain();
        }
        free.push(self.0);
    }

    /// A chained frame goes home as a whole, and so does whatever `release` finds rare. A loop, not recursion: chains may be long.
    #[inline(never)]
    fn release_chain(self) {
        let mut next = self.take_next();
        self.give_back();
        while let Some((tail, _)) = next {
            tail.get().refs.set(0);
            next = tail.take_next();
            tail.give_back();
        }
    }

    #[inline]
    fn give_back(self) {
        let pool = self.get().pool;
        // SAFETY: the pool outlives its slots; !Send, so nobody else is in the free list.
        unsafe {
            (*pool.as_ref().free.get()).push(self.0);
            if pool.as_ref().handles.get() == 0 {
                cold_path();
                free_if_last(pool);
            }
        }
    }
}

#[cfg(test)]
mod tests;
