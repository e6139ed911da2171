#![allow(unsafe_code)] // calls the shim
//! What is received, and what is sent.

use std::ffi::c_void;
use std::ptr::NonNull;

pub use dpdk_sys::{Frame, MAX_SEGMENTS, TxFrame, TxSegment};

use super::mempool::{BATCH, Mbuf};
use super::{c_string, check};

/// Appends the buffers of received frames, each with its mbuf, while there is room for as many as a frame may have. Returns how
/// many frames were dropped.
pub fn receive(port: u16, queue: u16, frames: &mut Vec<Frame>, most: usize) -> u32 {
    let room = (frames.capacity() - frames.len()) / MAX_SEGMENTS;
    let (most, mut dropped) = (most.min(BATCH).min(room), 0);
    // SAFETY: there is room for `most` frames of the most buffers more, and the shim fills in as many as it says.
    unsafe {
        let end = frames.as_mut_ptr().add(frames.len());
        let received = dpdk_sys::cl_rx_burst(port, queue, end, most as u16, &mut dropped);
        frames.set_len(frames.len() + received as usize);
    }
    dropped
}

/// Reads the data of a received buffer into `room`; `None` when it is too small.
pub fn read(frame: &Frame, room: &mut [u8]) -> Option<usize> {
    // SAFETY: the mbuf is ours, and the shim writes no more than there is room for.
    let len = unsafe { dpdk_sys::cl_mbuf_read(frame.mbuf, room.as_mut_ptr(), room.len() as u32) };
    (len == frame.len).then_some(len as usize)
}

/// Gives mbufs back to wherever they came from, with all that hangs on them.
pub fn free(mbufs: &mut [Mbuf]) {
    // SAFETY: the caller's to give, as all mbufs in the driver's lists.
    unsafe { dpdk_sys::cl_pool_give(mbufs.as_mut_ptr(), mbufs.len() as u32) };
}

/// Sends the first of `mbufs`; returns how many: they are the device's now.
pub fn send(port: u16, queue: u16, mbufs: &mut [Mbuf]) -> usize {
    let count = mbufs.len().min(BATCH) as u16;
    // SAFETY: `count` mbufs that are ours, as `Segments::build` made them.
    usize::from(unsafe { dpdk_sys::cl_tx_burst(port, queue, mbufs.as_mut_ptr(), count) })
}

/// Mbufs for payload that stays where it is, and the list of what of it was sent.
#[derive(Debug)]
pub struct Segments {
    pool: NonNull<c_void>,
    /// The shim has pointers to it, and writes to it.
    sent: NonNull<dpdk_sys::Sent>,
    count: usize,
}

impl Segments {
    /// `count` of them, on the port's NUMA node.
    pub fn new(name: &str, count: u32, socket: i32) -> Result<Segments, String> {
        let (name, mut pool) = (c_string(name), std::ptr::null_mut());
        // SAFETY: a place for a pointer.
        check(unsafe { dpdk_sys::cl_segments_create(name.as_ptr(), count, socket, &mut pool) })?;
        let pool = NonNull::new(pool).ok_or_else(|| "a pool at address 0".to_owned())?;
        let tokens = Box::into_raw(vec![0_u32; count as usize].into_boxed_slice());
        let sent = Box::new(dpdk_sys::Sent { tokens: tokens.cast(), count: 0, padding: 0 });
        Ok(Segments { pool, sent: NonNull::from(Box::leak(sent)), count: count as usize })
    }

    /// Makes mbufs of frames, in place; null where the device refuses one for good. The tokens of `segments` are each
    /// among those that are not in use: there are as many as mbufs, and as there is room for in the list.
    pub fn build(&mut self, port: u16, queue: u16, frames: &mut [TxFrame], segments: &[TxSegment]) {
        debug_assert_eq!(
            frames.iter().map(|frame| usize::from(frame.segments)).sum::<usize>(),
            segments.len()
        );
        let (count, pool, sent) = (frames.len() as u16, self.pool.as_ptr(), self.sent.as_ptr());
        // SAFETY: frames with mbufs that are ours, whose headers and segments lie within buffers.
        unsafe {
            dpdk_sys::cl_tx_build(port, queue, frames.as_mut_ptr(), count, segments.as_ptr(), pool, sent);
        }
    }

    /// The tokens of what was sent since the last call.
    pub fn take_sent(&mut self, mut f: impl FnMut(u32)) {
        let sent = self.sent.as_ptr();
        // SAFETY: both live as long as self, and the shim is not at work.
        let (tokens, count) = unsafe { ((*sent).tokens, std::mem::take(&mut (*sent).count)) };
        for index in 0..(count as usize).min(self.count) {
            // SAFETY: the shim has written so many.
            f(unsafe { *tokens.add(index) });
        }
    }
}

impl Drop for Segments {
    fn drop(&mut self) {
        // SAFETY: the port that used them is closed, and no mbuf of a frame is left; both were boxes of these sizes.
        unsafe {
            dpdk_sys::cl_pool_free(self.pool.as_ptr());
            let sent = Box::from_raw(self.sent.as_ptr());
            drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(sent.tokens, self.count)));
        }
    }
}
