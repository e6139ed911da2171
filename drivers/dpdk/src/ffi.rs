#![allow(unsafe_code)] // calls the shim
//! The shim's functions, each wrapped as one safe function. Errors are DPDK's words for them.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::NonNull;

pub use dpdk_sys::{Frame, PortInfo, PortStats};

/// What DPDK calls an error, which is a negative number.
fn words(error: c_int) -> String {
    // SAFETY: a string in static or thread-local memory, which the next call may overwrite: it is copied at once.
    unsafe { CStr::from_ptr(dpdk_sys::cl_strerror(error)) }.to_string_lossy().into_owned()
}

fn check(result: c_int) -> Result<(), String> {
    if result < 0 { Err(words(result)) } else { Ok(()) }
}

/// A name that was checked to have no zero byte; what follows one is cut.
fn c_string(text: &str) -> CString {
    CString::new(text.split('\0').next().unwrap_or_default()).unwrap_or_default()
}

/// The release of the library that is loaded.
pub fn version() -> String {
    // SAFETY: a string in static memory.
    unsafe { CStr::from_ptr(dpdk_sys::cl_version()) }.to_string_lossy().into_owned()
}

/// Starts EAL. The arguments stay where they are for ever, since EAL keeps pointers to them.
pub fn eal_init(arguments: Vec<CString>) -> Result<(), String> {
    let count = arguments.len() as c_int; // a few
    let pointers: Vec<*mut c_char> = arguments.into_iter().map(CString::into_raw).collect();
    let pointers: &'static mut [*mut c_char] = Vec::leak(pointers);
    let affinity = affinity();
    // SAFETY: `count` pointers to strings, none of which is freed.
    let result = check(unsafe { dpdk_sys::cl_eal_init(count, pointers.as_mut_ptr()) });
    if let Some(affinity) = affinity {
        // EAL pins the thread that starts it.
        // SAFETY: a whole cpu_set_t, for the calling thread.
        unsafe { libc::sched_setaffinity(0, size_of_val(&affinity), &affinity) };
    }
    result
}

fn affinity() -> Option<libc::cpu_set_t> {
    // SAFETY: plain integers.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a whole cpu_set_t.
    (unsafe { libc::sched_getaffinity(0, size_of_val(&set), &mut set) } == 0).then_some(set)
}

/// A thread that EAL knows through us, until it ends: EAL has room for some 128.
struct Registered;

impl Drop for Registered {
    fn drop(&mut self) {
        // SAFETY: no arguments; made only for a thread that was registered.
        unsafe { dpdk_sys::cl_thread_unregister() };
    }
}

thread_local! {
    static REGISTERED: Cell<Option<Registered>> = const { Cell::new(None) };
}

/// Makes the calling thread known to EAL, which gives it caches of its own.
pub fn thread_register() -> Result<(), String> {
    // SAFETY: no arguments; EAL runs.
    let result = unsafe { dpdk_sys::cl_thread_register() };
    if result > 0 {
        REGISTERED.set(Some(Registered));
    }
    check(result)
}

/// Makes a virtual device.
pub fn vdev_add(name: &str, arguments: &str) -> Result<(), String> {
    let (name, arguments) = (c_string(name), c_string(arguments));
    // SAFETY: two strings, which are copied.
    check(unsafe { dpdk_sys::cl_vdev_add(name.as_ptr(), arguments.as_ptr()) })
}

/// Takes a virtual device away.
pub fn vdev_remove(name: &str) -> Result<(), String> {
    let name = c_string(name);
    // SAFETY: a string, which is not kept.
    check(unsafe { dpdk_sys::cl_vdev_remove(name.as_ptr()) })
}

/// The number of the port with this name.
pub fn port_by_name(name: &str) -> Result<u16, String> {
    let (name, mut port) = (c_string(name), 0);
    // SAFETY: a string, which is not kept, and a place for the number.
    check(unsafe { dpdk_sys::cl_port_by_name(name.as_ptr(), &mut port) })?;
    Ok(port)
}

/// What a port is.
pub fn port_info(port: u16) -> Result<PortInfo, String> {
    let mut info = PortInfo::default();
    // SAFETY: a place for the answer. DPDK checks port numbers, here and below.
    check(unsafe { dpdk_sys::cl_port_info(port, &mut info) })?;
    Ok(info)
}

/// Sets a stopped port up for one queue of each kind.
pub fn port_configure(port: u16, mtu: Option<u16>) -> Result<(), String> {
    // SAFETY: numbers only.
    check(unsafe { dpdk_sys::cl_port_configure(port, 1, mtu.unwrap_or(0)) })
}

/// Sets the receive queue up on a pool, which must live until the port is closed.
pub fn port_rx_queue(port: u16, mut descriptors: u16, pool: &Mempool) -> Result<(), String> {
    // SAFETY: a place for the number, which the device may round, and a live pool.
    check(unsafe { dpdk_sys::cl_port_rx_queue(port, 0, &mut descriptors, pool.pool.as_ptr()) })
}

/// Sets the transmit queue up.
pub fn port_tx_queue(port: u16, mut descriptors: u16) -> Result<(), String> {
    // SAFETY: a place for the number, which the device may round.
    check(unsafe { dpdk_sys::cl_port_tx_queue(port, 0, &mut descriptors) })
}

/// Starts a configured port.
pub fn port_start(port: u16) -> Result<(), String> {
    // SAFETY: numbers only, here and in the next two.
    check(unsafe { dpdk_sys::cl_port_start(port) })
}

/// Stops a port.
pub fn port_stop(port: u16) -> Result<(), String> {
    // SAFETY: as above.
    check(unsafe { dpdk_sys::cl_port_stop(port) })
}

/// Closes a stopped port: all its buffers go back to their pools.
pub fn port_close(port: u16) -> Result<(), String> {
    // SAFETY: as above.
    check(unsafe { dpdk_sys::cl_port_close(port) })
}

/// A port's counts.
pub fn port_stats(port: u16) -> Result<PortStats, String> {
    let mut stats = PortStats::default();
    // SAFETY: a place for the answer.
    check(unsafe { dpdk_sys::cl_port_stats(port, &mut stats) })?;
    Ok(stats)
}

/// An mbuf. Whoever has it owns it; it is only ever given back to the shim.
pub type Mbuf = *mut c_void;

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

impl Mempool {
    /// `count` mbufs with `room` bytes each, on the port's NUMA node.
    pub fn new(name: &str, count: u32, room: u16, socket: i32) -> Result<Mempool, String> {
        let mut mbufs: Box<[Mbuf]> = vec![std::ptr::null_mut(); count as usize].into();
        let mut buffers: Vec<Mbuf> = vec![std::ptr::null_mut(); count as usize];
        let (name, mut pool) = (c_string(name), std::ptr::null_mut());
        // SAFETY: places for a pointer, and for `count` pointers each.
        check(unsafe {
            let (mbufs, buffers) = (mbufs.as_mut_ptr(), buffers.as_mut_ptr());
            dpdk_sys::cl_pool_create(name.as_ptr(), count, room, socket, &mut pool, mbufs, buffers)
        })?;
        let pool = NonNull::new(pool).ok_or_else(|| "a pool at address 0".to_owned())?;
        let buffers: Option<Box<[_]>> = buffers.into_iter().map(|start| NonNull::new(start.cast())).collect();
        // A pool that was made has numbered each of its objects.
        let buffers = buffers.ok_or_else(|| "a buffer has no number".to_owned())?;
        Ok(Mempool { pool, mbufs, buffers, room })
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

    /// Gives a slot's mbuf back.
    pub fn give(&self, slot: u32) {
        let mut mbuf = self.mbuf(slot);
        // SAFETY: the slot's owner gives it, with the one reference that there is.
        unsafe { dpdk_sys::cl_pool_give(&mut mbuf, 1) };
    }
}

/// The most mbufs that one `take` gives.
pub const BATCH: usize = 64;

impl Drop for Mempool {
    fn drop(&mut self) {
        // SAFETY: the port that used it is closed, and nobody has a buffer: see `Mbufs`.
        unsafe { dpdk_sys::cl_pool_free(self.pool.as_ptr()) };
    }
}

/// Appends received frames, each with its mbuf.
pub fn rx_burst(port: u16, frames: &mut Vec<Frame>, most: usize) {
    let most = most.min(BATCH).min(frames.capacity() - frames.len());
    // SAFETY: there is room for `most` more, and the shim fills in as many as it says.
    unsafe {
        let end = frames.as_mut_ptr().add(frames.len());
        let received = dpdk_sys::cl_rx_burst(port, 0, end, most as u16);
        frames.set_len(frames.len() + usize::from(received));
    }
}

/// Sends the first of `frames`; returns how many: their mbufs are the device's now.
pub fn tx_burst(port: u16, frames: &[Frame]) -> usize {
    let count = frames.len().min(BATCH) as u16;
    // SAFETY: `count` frames with mbufs that are ours, whose data lie within their buffers.
    usize::from(unsafe { dpdk_sys::cl_tx_burst(port, 0, frames.as_ptr(), count) })
}
