#![allow(unsafe_code)] // calls the shim
//! The shim's functions, each wrapped as one safe function. Errors are DPDK's words for them.

use std::cell::Cell;
use std::ffi::{CStr, CString, c_char, c_int};

pub mod burst;
pub mod mempool;
pub mod port;

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

/// Waits until EAL's own thread has handled the interrupts that have come.
pub fn interrupts_rest() -> Result<(), String> {
    // SAFETY: no arguments; EAL runs, and the calling thread is ours.
    check(unsafe { dpdk_sys::cl_interrupts_rest() })
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

/// Has EAL take a device that it did not look for when it started.
pub fn device_probe(name: &str) -> Result<(), String> {
    let name = c_string(name);
    // SAFETY: a string, which is not kept.
    check(unsafe { dpdk_sys::cl_device_probe(name.as_ptr()) })
}
