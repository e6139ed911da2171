#![allow(unsafe_code)] // calls the shim
//! Ports, by their numbers, which DPDK checks.

use std::ffi::CStr;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use dpdk_sys::{Link, PortInfo, PortSetup, PortStats, Rss, Xstat};

use super::mempool::Mempool;
use super::{c_string, check, words};

/// The number of the port with this name.
pub fn by_name(name: &str) -> Result<u16, String> {
    let (name, mut port) = (c_string(name), 0);
    // SAFETY: a string, which is not kept, and a place for the number.
    check(unsafe { dpdk_sys::cl_port_by_name(name.as_ptr(), &mut port) })?;
    Ok(port)
}

/// What a port is.
pub fn info(port: u16) -> Result<PortInfo, String> {
    let mut info = PortInfo::default();
    // SAFETY: a place for the answer.
    check(unsafe { dpdk_sys::cl_port_info(port, &mut info) })?;
    Ok(info)
}

/// Sets a stopped port up; returns what of the wanted offloads it does.
pub fn configure(port: u16, setup: &PortSetup) -> Result<u32, String> {
    let mut granted = 0;
    // SAFETY: a whole structure, which is not kept, and a place for the answer.
    check(unsafe { dpdk_sys::cl_port_configure(port, setup, &mut granted) })?;
    Ok(granted)
}

/// Sets a receive queue up on a pool, which must live until the port is closed.
pub fn rx_queue(port: u16, queue: u16, mut descriptors: u16, pool: &Mempool) -> Result<(), String> {
    // SAFETY: a place for the number, which the device may round, and a live pool.
    check(unsafe { dpdk_sys::cl_port_rx_queue(port, queue, &mut descriptors, pool.as_ptr()) })
}

/// Sets a transmit queue up.
pub fn tx_queue(port: u16, queue: u16, mut descriptors: u16) -> Result<(), String> {
    // SAFETY: a place for the number, which the device may round.
    check(unsafe { dpdk_sys::cl_port_tx_queue(port, queue, &mut descriptors) })
}

/// Starts a configured port.
pub fn start(port: u16) -> Result<(), String> {
    // SAFETY: numbers only, here and in the next two.
    check(unsafe { dpdk_sys::cl_port_start(port) })
}

/// Stops a port.
pub fn stop(port: u16) -> Result<(), String> {
    // SAFETY: as above.
    check(unsafe { dpdk_sys::cl_port_stop(port) })
}

/// Closes a stopped port: all its buffers go back to their pools.
pub fn close(port: u16) -> Result<(), String> {
    // SAFETY: as above.
    check(unsafe { dpdk_sys::cl_port_close(port) })
}

/// A port's counts.
pub fn stats(port: u16) -> Result<PortStats, String> {
    let mut stats = PortStats::default();
    // SAFETY: a place for the answer.
    check(unsafe { dpdk_sys::cl_port_stats(port, &mut stats) })?;
    Ok(stats)
}

/// All that the device counts, by the names of its driver.
pub fn xstats(port: u16) -> Result<Vec<(String, u64)>, String> {
    // SAFETY: no place is written to when there is room for none.
    let there = unsafe { dpdk_sys::cl_port_xstats(port, std::ptr::null_mut(), 0) };
    let there = usize::try_from(there).map_err(|_| words(there))?;
    let mut all = vec![Xstat { name: [0; 64], value: 0 }; there];
    // SAFETY: room for as many as there were.
    let got = unsafe { dpdk_sys::cl_port_xstats(port, all.as_mut_ptr(), there as u32) };
    all.truncate(usize::try_from(got).map_err(|_| words(got))?);
    Ok(all.iter().map(|one| (text(&one.name), one.value)).collect())
}

/// Bytes up to a zero.
pub fn text(bytes: &[u8]) -> String {
    CStr::from_bytes_until_nul(bytes).unwrap_or_default().to_string_lossy().into_owned()
}

/// The state of the link.
pub fn link(port: u16) -> Result<Link, String> {
    let mut link = Link::default();
    // SAFETY: a place for the answer.
    check(unsafe { dpdk_sys::cl_port_link(port, &mut link) })?;
    Ok(link)
}

/// How the device spreads flows over queues, where it tells.
pub fn rss(port: u16) -> Result<Rss, String> {
    let mut rss = Rss { key: [0; 64], key_len: 0, table_len: 0, table: [0; 512] };
    // SAFETY: a place for the answer.
    check(unsafe { dpdk_sys::cl_port_rss(port, &mut rss) })?;
    Ok(rss)
}

/// An epoll descriptor.
pub fn epoll() -> Result<OwnedFd, String> {
    // SAFETY: a flag only.
    let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error().to_string());
    }
    // SAFETY: just made, and nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Has an epoll descriptor tell of a queue's frames, when it is armed.
pub fn interrupt_add(port: u16, queue: u16, epoll: BorrowedFd<'_>) -> Result<(), String> {
    // SAFETY: numbers only, here and below.
    check(unsafe { dpdk_sys::cl_rx_interrupt_add(port, queue, epoll.as_raw_fd()) })
}

/// Has the queue's next frame make its epoll descriptor readable.
pub fn interrupt_arm(port: u16, queue: u16) -> Result<(), String> {
    // SAFETY: as above.
    check(unsafe { dpdk_sys::cl_rx_interrupt_arm(port, queue) })
}

/// Ends that, and forgets what was told.
pub fn interrupt_disarm(port: u16, queue: u16, epoll: BorrowedFd<'_>) -> Result<(), String> {
    // SAFETY: as above.
    check(unsafe { dpdk_sys::cl_rx_interrupt_disarm(port, queue, epoll.as_raw_fd()) })
}
