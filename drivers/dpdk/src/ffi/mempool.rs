#![allow(unsafe_code)] // calls the shim
//! Pools of mbufs.

use std::ffi::c_void;
use std::ptr::NonNull;

use super::{c_string, check};

/// An mbuf. Whoever has it owns it; it is only ever given back to the shim.
pub type Mbuf = *mut c_void;

/// The most mbufs that one `take` gives.
pub const BATCH: usize = 64;

/// How a pool's memory is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Buffers start so many bytes behind the start of a cache line.
    pub shift: u16,
    /// With all that belongs to it an mbuf takes so many bytes, and there are no gaps between them; 0: as DPDK likes it.
    pub packed: u16,
}

/// A pool of mbufs, each with one buffer.
#[derive(Debug)]
pub struct Mempool {
    pool: NonNull<c_void>,
    /// The mbuf of each slot.
    mbufs: Box<[Mbuf]>,
    /// The first byte of each slot's buffer.
    buffers: Box<[NonNull<u8>]>,
    room: u16,
}

// SAFETY: DPDK's mempools may be used by several threads, and nothing else of it changes.
unsafe impl Send for Mempool {}
// SAFETY: as above.
unsafe impl Sync for Mempool {}

impl Mempool {
    /// `count` mbufs with `room` bytes each, on the port's NUMA node.
    pub fn new(name: &str, count: u32, room: u16, layout: Layout, socket: i32) -> Result<Mempool, String> {
        let mut mbufs: Box<[Mbuf]> = vec![std::ptr::null_mut(); count as usize].into();
        let mut buffers: Vec<Mbuf> = vec![std::ptr::null_mut(); count as usize];
        let (name, mut pool) = (c_string(name), std::ptr::null_mut());
        // SAFETY: places for a pointer, and for `count` pointers each.
        check(unsafe {
            let (mbufs, buffers) = (mbufs.as_mut_ptr(), buffers.as_mut_ptr());
            let (name, Layout { shift, packed }) = (name.as_ptr(), layout);
            dpdk_sys::cl_pool_create(name, count, room, shift, packed, socket, &mut pool, mbufs, buffers)
        })?;
        let pool = NonNull::new(pool).ok_or_else(|| "a pool at address 0".to_owned())?;
        let buffers: Option<Box<[_]>> = buffers.into_iter().map(|start| NonNull::new(start.cast())).collect();
        // A pool that was made has numbered each of its objects.
        let buffers = buffers.ok_or_else(|| "a buffer has no number".to_owned())?;
        Ok(Mempool { pool, mbufs, buffers, room })
    }

    /// DPDK's own pointer.
    pub(super) fn as_ptr(&self) -> *mut c_void {
        self.pool.as_ptr()
    }

    /// Leaves none of the mbufs in the cache of the calling thread, which is not the one that will use them.
    pub fn flush(&self) {
        // SAFETY: a live pool.
        unsafe { dpdk_sys::cl_pool_flush(self.pool.as_ptr()) };
    }

    /// How many mbufs there are.
    pub fn len(&self) -> u32 {
        self.mbufs.len() as u32 // as it was made
    }

    /// Bytes of a buffer.
    pub fn room(&self) -> u16 {
        self.room
    }

    /// The first byte of a slot's buffer.
    pub fn buffer(&self, slot: usize) -> NonNull<u8> {
        self.buffers[slot]
    }

    /// The mbuf of a slot.
    pub fn mbuf(&self, slot: u32) -> Mbuf {
        self.mbufs[slot as usize]
    }

    /// Takes as many mbufs as `slots` has places, or none: the numbers of their slots.
    pub fn take(&self, slots: &mut [u32]) -> bool {
        let mut mbufs: [Mbuf; BATCH] = [std::ptr::null_mut(); BATCH];
        let count = slots.len();
        if count > BATCH {
            return false;
        }
        // SAFETY: places for `count` pointers and numbers.
        unsafe {
            dpdk_sys::cl_pool_take(self.pool.as_ptr(), mbufs.as_mut_ptr(), slots.as_mut_ptr(), count as u32)
                == 0
        }
    }
}

impl Drop for Mempool {
    fn drop(&mut self) {
        // SAFETY: the port that used it is closed, and nobody has a buffer: see `Mbufs` and `SharedPort`.
        unsafe { dpdk_sys::cl_pool_free(self.pool.as_ptr()) };
    }
}

#[cfg(test)]
mod tests;
