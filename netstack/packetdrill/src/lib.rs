//! `libcorelane_packetdrill.so`: corelane's stack for packetdrill, which loads it with `--so_filename` and calls it in
//! place of the kernel. Time is virtual: hours of time-outs take milliseconds, and every run gives the same result.
//!
//! | file | holds |
//! |---|---|
//! | `ffi` | the C functions that packetdrill calls: pointers in, safe values on; all of the `unsafe` |
//! | `interface` | the struct that packetdrill has filled in at the start |
//! | `flags` | `--so_flags`: addresses, MTU, sysctls |
//! | `wait` | the two threads of packetdrill: calls that block, and who waits for whom |
//! | `machine` | the stack, its device, the clock and the table of descriptors; what moves time on |
//! | `netdev` | the device: raw IP packets in both directions |
//! | `clock` | virtual time |
//! | `sockets`, `data` | system calls on sockets, with Linux's errno |
//! | `options`, `tcp_info` | getsockopt and setsockopt |
//! | `epoll` | poll and epoll |
//!
//! packetdrill and its scripts are not part of this: `scripts/packetdrill.sh` runs them where they are.

mod clock;
mod data;
mod epoll;
mod errno;
mod ffi;
mod flags;
mod interface;
mod machine;
mod netdev;
mod options;
mod sockets;
mod tcp_info;
mod wait;

pub use ffi::open;
pub use flags::Flags;
pub use interface::Interface;
