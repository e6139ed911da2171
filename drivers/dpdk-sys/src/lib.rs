#![allow(unsafe_code)] // declares what the shim in C offers
//! The part of DPDK that corelane calls, behind a shim in C that keeps DPDK's own types to itself.
//!
//! Without the feature `link` the crate is empty. With it, libdpdk 22.11 or later must be installed; the shim asserts
//! the layout of an mbuf when it is compiled. `src/shim.h` says what each function does.
#![cfg(feature = "link")]

use core::ffi::{c_char, c_int, c_void};

/// Received, or to be sent: `struct cl_frame`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Frame {
    /// The mbuf, owned by whoever has the frame.
    pub mbuf: *mut c_void,
    /// The number of its slot.
    pub slot: u32,
    /// Where the data start, from the buffer's first byte.
    pub head: u32,
    /// Bytes of data.
    pub len: u32,
    /// The RSS hash, if `has_hash`.
    pub hash: u32,
    /// One of `CHECKSUM_*`.
    pub checksum: u8,
    /// 0 or 1.
    pub has_hash: u8,
    /// More than one: the frame is not whole in this buffer.
    pub segments: u8,
    /// Nothing.
    pub padding: u8,
}

/// The device says nothing of the frame's checksums.
pub const CHECKSUM_UNKNOWN: u8 = 0;
/// It found them right.
pub const CHECKSUM_GOOD: u8 = 1;
/// It found one wrong.
pub const CHECKSUM_BAD: u8 = 2;

/// What a port is: `struct cl_port_info`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct PortInfo {
    /// The poll-mode driver's name, ended by a zero.
    pub driver: [u8; 32],
    /// The Ethernet address.
    pub mac: [u8; 6],
    /// The largest IP packet now.
    pub mtu: u16,
    /// The largest that can be set.
    pub max_mtu: u16,
    /// Receive queues at most.
    pub max_rx_queues: u16,
    /// Transmit queues at most.
    pub max_tx_queues: u16,
    /// Nothing.
    pub padding: u16,
    /// The NUMA node, or -1.
    pub socket: i32,
    /// RTE_ETH_RX_OFFLOAD_* that the device can do.
    pub rx_offloads: u64,
    /// RTE_ETH_TX_OFFLOAD_* that the device can do.
    pub tx_offloads: u64,
}

/// Counts of a port: `struct cl_port_stats`.
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct PortStats {
    /// Frames that found no room in the ring.
    pub rx_missed: u64,
    /// Frames that found no buffer.
    pub rx_no_buffer: u64,
    /// Frames that arrived broken.
    pub rx_errors: u64,
    /// Frames that could not be sent.
    pub tx_errors: u64,
}

#[allow(missing_docs)] // src/shim.h says it
unsafe extern "C" {
    pub fn cl_version() -> *const c_char;
    pub fn cl_strerror(error: c_int) -> *const c_char;
    pub fn cl_eal_init(argc: c_int, argv: *mut *mut c_char) -> c_int;
    pub fn cl_thread_register() -> c_int;
    pub fn cl_thread_unregister();
    pub fn cl_vdev_add(name: *const c_char, args: *const c_char) -> c_int;
    pub fn cl_vdev_remove(name: *const c_char) -> c_int;

    pub fn cl_port_by_name(name: *const c_char, port: *mut u16) -> c_int;
    pub fn cl_port_info(port: u16, info: *mut PortInfo) -> c_int;
    pub fn cl_port_configure(port: u16, queues: u16, mtu: u16) -> c_int;
    pub fn cl_port_rx_queue(port: u16, queue: u16, descriptors: *mut u16, pool: *mut c_void) -> c_int;
    pub fn cl_port_tx_queue(port: u16, queue: u16, descriptors: *mut u16) -> c_int;
    pub fn cl_port_start(port: u16) -> c_int;
    pub fn cl_port_stop(port: u16) -> c_int;
    pub fn cl_port_close(port: u16) -> c_int;
    pub fn cl_port_stats(port: u16, stats: *mut PortStats) -> c_int;

    pub fn cl_pool_create(
        name: *const c_char,
        count: u32,
        room: u16,
        socket: c_int,
        pool: *mut *mut c_void,
        mbufs: *mut *mut c_void,
        buffers: *mut *mut c_void,
    ) -> c_int;
    pub fn cl_pool_free(pool: *mut c_void);
    pub fn cl_pool_take(pool: *mut c_void, mbufs: *mut *mut c_void, slots: *mut u32, count: u32) -> c_int;
    pub fn cl_pool_give(mbufs: *mut *mut c_void, count: u32);

    pub fn cl_rx_burst(port: u16, queue: u16, frames: *mut Frame, count: u16) -> u16;
    pub fn cl_tx_burst(port: u16, queue: u16, frames: *const Frame, count: u16) -> u16;
}
