//! Counts this process's system calls: perf_event_open(2) on the tracepoint raw_syscalls:sys_enter.
#![allow(unsafe_code)] // a call of the kernel that std and libc have no function for

use std::fs::{self, File};
use std::io::{self, Read};
use std::mem;

use super::{check, own};

/// Where tracefs is, by proc_filesystems's age.
const TRACEFS: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// `perf_event_attr`, the first of its published sizes (PERF_ATTR_SIZE_VER0), which every kernel takes.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    breakpoint_type: u32,
    config1: u64,
}

const PERF_TYPE_TRACEPOINT: u32 = 2;
/// The bit `inherit` of the flags: threads that are started later count too.
const INHERIT: u64 = 1 << 1;

/// The number of the tracepoint. A process in a network namespace of `ip netns exec` has another /sys, without tracefs: it has to
/// be told the number.
///
/// # Errors
/// The kernel has no such tracepoint, or we may not see it.
pub fn system_call_event() -> io::Result<u64> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for folder in TRACEFS {
        match fs::read_to_string(format!("{folder}/events/raw_syscalls/sys_enter/id")) {
            Ok(text) => return text.trim().parse().map_err(io::Error::other),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Counts from now on, in this thread and in all that it starts.
pub struct SystemCalls {
    file: File,
}

impl SystemCalls {
    /// `event` is the tracepoint's number.
    ///
    /// # Errors
    /// What perf_event_open(2) says: mostly that CAP_PERFMON is missing.
    pub fn count(event: u64) -> io::Result<Self> {
        let attributes = Attributes {
            kind: PERF_TYPE_TRACEPOINT,
            size: mem::size_of::<Attributes>() as u32, // 64
            config: event,
            flags: INHERIT,
            ..Attributes::default()
        };
        let (this_thread, any_core, no_group, no_flags) = (0, -1, -1, 0_u64);
        // SAFETY: `attributes` is of the size that it names, and lives during the call; the kernel only reads it.
        let fd = unsafe {
            libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                this_thread,
                any_core,
                no_group,
                no_flags,
            )
        };
        let fd = check(libc::c_int::try_from(fd).map_err(io::Error::other)?)?;
        Ok(Self { file: File::from(own(fd)) })
    }

    /// How many there were until now.
    ///
    /// # Errors
    /// Those of read(2).
    pub fn read(&self) -> io::Result<u64> {
        let mut count = [0; 8];
        (&self.file).read_exact(&mut count)?;
        Ok(u64::from_ne_bytes(count))
    }
}

#[cfg(test)]
mod tests;
