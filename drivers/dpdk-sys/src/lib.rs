#![allow(unsafe_code)] // declares what the shim in C offers
//! The part of DPDK that corelane calls, behind a shim in C that keeps DPDK's own types to itself.
//!
//! Without the feature `link` the crate is empty. With it, libdpdk 22.11 or later must be installed; the shim asserts
//! the layout of an mbuf when it is compiled. `src/shim.h` says what each function does.
#![cfg(feature = "link")]

use core::ffi::{c_char, c_int, c_void};

/// A buffer of a received frame: `struct cl_frame`.
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
    /// The VLAN tag that the device took off, if `has_vlan`.
    pub vlan: u16,
    /// 0 or 1.
    pub has_vlan: u8,
    /// 0 or 1.
    pub has_hash: u8,
    /// One of `CHECKSUM_*`.
    pub checksum: u8,
    /// 1: the next buffer is of the same frame.
    pub more: u8,
    /// Nothing.
    pub padding: u16,
}

/// A frame to be sent: `struct cl_tx_frame`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct TxFrame {
    /// The headers' mbuf; null when the device refused the frame.
    pub mbuf: *mut c_void,
    /// Where the headers start, from the buffer's first byte.
    pub head: u32,
    /// Bytes of headers.
    pub len: u32,
    /// How many segments of the list are its payload.
    pub segments: u16,
    /// Of the TCP or UDP header, from the frame's first byte; 0: no checksum to fill in.
    pub checksum_start: u16,
    /// Of the checksum, from there.
    pub checksum_offset: u16,
    /// Payload bytes of each segment to be cut; 0: none.
    pub mss: u16,
    /// The VLAN tag to put in, if `has_vlan`.
    pub vlan: u16,
    /// 0 or 1.
    pub has_vlan: u8,
    /// Bytes in front of the IP header, if there is a checksum to fill in.
    pub link_header: u8,
    /// Nothing.
    pub padding: [u8; 4],
}

/// A part of a buffer to be sent: `struct cl_tx_segment`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct TxSegment {
    /// The mbuf whose buffer it is; null: it lies at `data`, at most 65,535 bytes in memory that DPDK knows nothing of.
    pub mbuf: *mut c_void,
    /// Read where there is no mbuf.
    pub data: *const c_void,
    /// Where it starts, from the buffer's first byte.
    pub head: u32,
    /// How many bytes.
    pub len: u32,
    /// Comes back in [`Sent`].
    pub token: u32,
    /// Nothing.
    pub padding: u32,
}

/// The tokens of segments that were sent: `struct cl_sent`.
#[repr(C)]
#[derive(Debug)]
pub struct Sent {
    /// Room for as many as there are mbufs for segments.
    pub tokens: *mut u32,
    /// How many are there.
    pub count: u32,
    /// Nothing.
    pub padding: u32,
}

/// Received checksums are verified.
pub const RX_CHECKSUM: u32 = 1;
/// TCP and UDP checksums are filled in.
pub const TX_CHECKSUM: u32 = 2;
/// TCP segments are cut.
pub const TSO: u32 = 4;
/// Received TCP segments are joined.
pub const LRO: u32 = 8;
/// A frame to be sent may have several buffers.
pub const MULTI_SEGMENT: u32 = 16;
/// VLAN tags are taken off.
pub const VLAN_STRIP: u32 = 32;
/// VLAN tags are put in.
pub const VLAN_INSERT: u32 = 64;
/// The RSS hash is told.
pub const RSS_HASH: u32 = 128;
/// Queues have an interrupt to sleep on.
pub const RX_INTERRUPT: u32 = 256;
/// A received frame may have several buffers.
pub const SCATTER: u32 = 512;

/// How a port is set up: `struct cl_port_setup`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct PortSetup {
    /// Of each kind.
    pub queues: u16,
    /// 0: the device's own.
    pub mtu: u16,
    /// What it shall do, if it can.
    pub wanted: u32,
}

/// How a port spreads flows: `struct cl_rss`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Rss {
    /// The Toeplitz key.
    pub key: [u8; 64],
    /// Its bytes; 0: the device does not tell.
    pub key_len: u32,
    /// Entries of the table.
    pub table_len: u32,
    /// The queue of each hash.
    pub table: [u16; 512],
}

/// `struct cl_link`
#[repr(C)]
#[derive(Debug, Clone, Copy, Default)]
pub struct Link {
    /// Mbit/s; 0: unknown.
    pub mbit: u32,
    /// 0 or 1.
    pub up: u8,
    /// 0 or 1.
    pub full_duplex: u8,
    /// Nothing.
    pub padding: u16,
}

/// A counter of the device: `struct cl_xstat`.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct Xstat {
    /// Ended by a zero.
    pub name: [u8; 64],
    /// What it counted.
    pub value: u64,
}

/// The most buffers of a received frame.
pub const MAX_SEGMENTS: usize = 64;

/// The device says nothing of the frame's checksums.
pub const CHECKSUM_UNKNOWN: u8 = 0;
/// It found them right.
pub const CHECKSUM_GOOD: u8 = 1;
/// It found one wrong.
pub const CHECKSUM_BAD: u8 = 2;
/// It holds the sum of the pseudo header alone.
pub const CHECKSUM_PARTIAL: u8 = 3;

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
    /// What the device can do.
    pub can: u32,
    /// The most buffers of a frame to be sent; 0: no limit is told.
    pub max_segments: u16,
    /// Nothing.
    pub tail: u16,
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
    pub fn cl_interrupts_rest() -> c_int;
    pub fn cl_thread_register() -> c_int;
    pub fn cl_thread_unregister();
    pub fn cl_vdev_add(name: *const c_char, args: *const c_char) -> c_int;
    pub fn cl_vdev_remove(name: *const c_char) -> c_int;
    pub fn cl_device_probe(name: *const c_char) -> c_int;

    pub fn cl_port_by_name(name: *const c_char, port: *mut u16) -> c_int;
    pub fn cl_port_info(port: u16, info: *mut PortInfo) -> c_int;
    pub fn cl_port_configure(port: u16, setup: *const PortSetup, granted: *mut u32) -> c_int;
    pub fn cl_port_rx_queue(port: u16, queue: u16, descriptors: *mut u16, pool: *mut c_void) -> c_int;
    pub fn cl_port_tx_queue(port: u16, queue: u16, descriptors: *mut u16) -> c_int;
    pub fn cl_port_start(port: u16) -> c_int;
    pub fn cl_port_stop(port: u16) -> c_int;
    pub fn cl_port_close(port: u16) -> c_int;
    pub fn cl_port_stats(port: u16, stats: *mut PortStats) -> c_int;
    pub fn cl_port_xstats(port: u16, stats: *mut Xstat, count: u32) -> c_int;
    pub fn cl_port_link(port: u16, link: *mut Link) -> c_int;
    pub fn cl_port_rss(port: u16, rss: *mut Rss) -> c_int;
    pub fn cl_rx_interrupt_add(port: u16, queue: u16, epoll: c_int) -> c_int;
    pub fn cl_rx_interrupt_arm(port: u16, queue: u16) -> c_int;
    pub fn cl_rx_interrupt_disarm(port: u16, queue: u16, epoll: c_int) -> c_int;

    pub fn cl_pool_create(
        name: *const c_char,
        count: u32,
        room: u16,
        shift: u16,
        packed: u16,
        socket: c_int,
        pool: *mut *mut c_void,
        mbufs: *mut *mut c_void,
        buffers: *mut *mut c_void,
    ) -> c_int;
    pub fn cl_pool_free(pool: *mut c_void);
    pub fn cl_pool_take(pool: *mut c_void, mbufs: *mut *mut c_void, slots: *mut u32, count: u32) -> c_int;
    pub fn cl_pool_give(mbufs: *mut *mut c_void, count: u32);
    pub fn cl_mbuf_read(mbuf: *mut c_void, to: *mut u8, room: u32) -> u32;
    pub fn cl_pool_flush(pool: *mut c_void);
    pub fn cl_segments_create(
        name: *const c_char,
        count: u32,
        socket: c_int,
        pool: *mut *mut c_void,
    ) -> c_int;

    pub fn cl_rx_burst(port: u16, queue: u16, frames: *mut Frame, count: u16, dropped: *mut u32) -> u32;
    pub fn cl_tx_build(
        port: u16,
        queue: u16,
        frames: *mut TxFrame,
        count: u16,
        segments: *const TxSegment,
        pool: *mut c_void,
        sent: *mut Sent,
    );
    pub fn cl_tx_burst(port: u16, queue: u16, mbufs: *mut *mut c_void, count: u16) -> u16;
}
