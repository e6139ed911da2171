#![allow(unsafe_code)] // the bpf(2) system call
//! Maps, programs and links of bpf(2). The numbers are those of linux/bpf.h; libc has none of them.

use std::io;
use std::mem::size_of;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use crate::program::Instruction;

const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_PROG_LOAD: libc::c_int = 5;
#[cfg(test)]
const BPF_PROG_TEST_RUN: libc::c_int = 10;
const BPF_LINK_CREATE: libc::c_int = 28;

const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_MAP_TYPE_XSKMAP: u32 = 17;
const BPF_PROG_TYPE_XDP: u32 = 6;
const BPF_XDP: u32 = 37;

/// Where an XDP program runs: the flags of linux/if_link.h.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hook {
    /// XDP_FLAGS_DRV_MODE: in the device's driver.
    Native = 1 << 2,
    /// XDP_FLAGS_SKB_MODE: on finished kernel buffers.
    Skb = 1 << 1,
}

#[repr(C)]
#[derive(Default)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

#[repr(C)]
#[derive(Default)]
struct MapElement {
    map_fd: u32,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

#[repr(C)]
#[derive(Default)]
struct ProgramLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

#[repr(C)]
#[derive(Default)]
struct LinkCreate {
    prog_fd: u32,
    target_ifindex: u32,
    attach_type: u32,
    flags: u32,
}

/// # Safety
/// `T` must be the attributes of `command`, and the pointers in it valid for what the command does with them.
unsafe fn bpf<T>(command: libc::c_int, attributes: &mut T) -> io::Result<libc::c_int> {
    let attributes = std::ptr::from_mut(attributes);
    // SAFETY: pointer and size describe the attributes; the rest by contract.
    let result = unsafe { libc::syscall(libc::SYS_bpf, command, attributes, size_of::<T>()) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result as libc::c_int) } // a descriptor or 0
}

fn owned(fd: libc::c_int) -> OwnedFd {
    // SAFETY: only called with the fresh descriptor that a command gave.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

fn number(fd: BorrowedFd<'_>) -> u32 {
    fd.as_raw_fd() as u32 // open descriptors are not negative
}

/// A map from queue number to AF_XDP socket.
pub fn create_socket_map(queues: u32) -> io::Result<OwnedFd> {
    create_map(BPF_MAP_TYPE_XSKMAP, 4, queues)
}

/// A map from queue number to a count, zero at first.
pub fn create_count_map(queues: u32) -> io::Result<OwnedFd> {
    create_map(BPF_MAP_TYPE_ARRAY, 8, queues)
}

fn create_map(map_type: u32, value_size: u32, max_entries: u32) -> io::Result<OwnedFd> {
    let mut attributes = MapCreate { map_type, key_size: 4, value_size, max_entries, map_flags: 0 };
    // SAFETY: the attributes of this command, without pointers.
    unsafe { bpf(BPF_MAP_CREATE, &mut attributes) }.map(owned)
}

/// Puts a bound socket into the map. Closing the socket takes it out.
pub fn map_socket(map: BorrowedFd<'_>, queue: u32, socket: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the values of this map are numbers of descriptors.
    unsafe { update(map, queue, &number(socket)) }
}

/// Sets a queue's count.
pub fn set_count(map: BorrowedFd<'_>, queue: u32, count: u64) -> io::Result<()> {
    // SAFETY: the values of this map are counts.
    unsafe { update(map, queue, &count) }
}

/// # Safety
/// `V` must be what the map was made for.
unsafe fn update<V>(map: BorrowedFd<'_>, queue: u32, value: &V) -> io::Result<()> {
    let mut attributes = MapElement {
        map_fd: number(map),
        key: std::ptr::from_ref(&queue) as u64,
        value: std::ptr::from_ref(value) as u64,
        ..MapElement::default()
    };
    // SAFETY: key and value have the sizes that the map was made for, and outlive the call.
    unsafe { bpf(BPF_MAP_UPDATE_ELEM, &mut attributes) }.map(drop)
}

/// Loads an XDP program. When the verifier refuses, the error ends with its log's last lines.
pub fn load(code: &[Instruction]) -> io::Result<OwnedFd> {
    let error = match try_load(code, &mut []) {
        Err(error) if [Some(libc::EINVAL), Some(libc::EACCES)].contains(&error.raw_os_error()) => error,
        result => return result,
    };
    let mut log = vec![0u8; 64 * 1024];
    if let Ok(program) = try_load(code, &mut log) {
        return Ok(program);
    }
    let text = String::from_utf8_lossy(&log);
    let lines: Vec<&str> = text.trim_end_matches('\0').lines().collect();
    let tail = lines[lines.len().saturating_sub(4)..].join(" | ");
    Err(io::Error::new(error.kind(), format!("{error}: {tail}")))
}

fn try_load(code: &[Instruction], log: &mut [u8]) -> io::Result<OwnedFd> {
    let mut attributes = ProgramLoad {
        prog_type: BPF_PROG_TYPE_XDP,
        insn_cnt: code.len() as u32, // bounded by the filter's limits
        insns: code.as_ptr() as u64,
        license: c"MIT".as_ptr() as u64,
        expected_attach_type: BPF_XDP,
        ..ProgramLoad::default()
    };
    for (to, from) in attributes.prog_name.iter_mut().zip(b"corelane") {
        *to = *from;
    }
    if !log.is_empty() {
        attributes.log_level = 1;
        attributes.log_size = log.len() as u32; // 64 KiB
        attributes.log_buf = log.as_mut_ptr() as u64;
    }
    // SAFETY: code, licence and log live until the call returns, with the lengths given.
    unsafe { bpf(BPF_PROG_LOAD, &mut attributes) }.map(owned)
}

/// Attaches a program to an interface, for as long as the returned link is open: it dies with the process.
pub fn attach(program: BorrowedFd<'_>, interface: u32, hook: Hook) -> io::Result<OwnedFd> {
    let mut attributes = LinkCreate {
        prog_fd: number(program),
        target_ifindex: interface,
        attach_type: BPF_XDP,
        flags: hook as u32,
    };
    // SAFETY: the attributes of this command, without pointers.
    unsafe { bpf(BPF_LINK_CREATE, &mut attributes) }.map(owned)
}

/// Runs a loaded program on `frame`; returns its verdict, and the frame as it left it.
#[cfg(test)]
pub fn run(program: BorrowedFd<'_>, frame: &[u8]) -> io::Result<(u32, Vec<u8>)> {
    #[repr(C)]
    #[derive(Default)]
    struct TestRun {
        prog_fd: u32,
        retval: u32,
        data_size_in: u32,
        data_size_out: u32,
        data_in: u64,
        data_out: u64,
        repeat: u32,
        duration: u32,
    }
    let mut out = vec![0; frame.len() + 256];
    let mut attributes = TestRun {
        prog_fd: number(program),
        data_size_in: frame.len() as u32, // test frames
        data_size_out: out.len() as u32,
        data_in: frame.as_ptr() as u64,
        data_out: out.as_mut_ptr() as u64,
        repeat: 1,
        ..TestRun::default()
    };
    // SAFETY: both buffers live until the call returns, with the lengths given.
    unsafe { bpf(BPF_PROG_TEST_RUN, &mut attributes)? };
    out.truncate(attributes.data_size_out as usize); // at most what was offered
    Ok((attributes.retval, out))
}
