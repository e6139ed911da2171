#![allow(unsafe_code)] // the ioctls of /dev/net/tun and of interfaces
//! The system calls that std has no word for.
//!
//! Source: Documentation/networking/tuntap.rst, linux/if_tun.h, netdevice(7).

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;

use corelane_nic::MacAddress;

/// `struct ifreq` with its union as bytes.
#[repr(C, align(8))]
#[derive(Default)]
struct IfReq {
    name: [u8; libc::IFNAMSIZ],
    value: [u8; 24],
}

const _: () = assert!(size_of::<IfReq>() >= size_of::<libc::ifreq>());
const _: () = assert!(std::mem::offset_of!(libc::ifreq, ifr_ifru) == libc::IFNAMSIZ);

impl IfReq {
    /// A request for interface `name`, which [`TapConfig::check`](crate::TapConfig) has found to fit.
    fn new(name: &str) -> IfReq {
        let mut request = IfReq::default();
        let fits = name.len().min(libc::IFNAMSIZ - 1);
        request.name[..fits].copy_from_slice(&name.as_bytes()[..fits]);
        request
    }

    fn word(&self) -> u16 {
        u16::from_ne_bytes([self.value[0], self.value[1]])
    }

    fn set_word(&mut self, word: u16) {
        self.value[..2].copy_from_slice(&word.to_ne_bytes());
    }
}

/// An ioctl whose argument is an `ifreq`, read and written.
fn ioctl_ifreq(fd: &impl AsFd, request: libc::Ioctl, argument: &mut IfReq) -> io::Result<()> {
    // SAFETY: every request passed here takes a pointer to an ifreq, which IfReq is at least as large as.
    let result = unsafe { libc::ioctl(fd.as_fd().as_raw_fd(), request, std::ptr::from_mut(argument)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

pub(crate) fn open_tun() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).open("/dev/net/tun")
}

/// TUNSETIFF: makes the interface or attaches to it. Returns its name, with `%d` resolved.
pub(crate) fn attach(tun: &File, name: &str, flags: libc::c_int) -> io::Result<String> {
    let mut request = IfReq::new(name);
    request.set_word(flags as u16); // the flags fit a short, as the kernel's field does
    ioctl_ifreq(tun, libc::TUNSETIFF, &mut request)?;
    let end = request.name.iter().position(|&b| b == 0).unwrap_or(request.name.len());
    Ok(String::from_utf8_lossy(&request.name[..end]).into_owned())
}

pub(crate) fn set_vnet_header_len(tun: &File, len: u8) -> io::Result<()> {
    let len = libc::c_int::from(len);
    // SAFETY: TUNSETVNETHDRSZ reads an int.
    let result = unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETVNETHDRSZ, &raw const len) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// TUNSETOFFLOAD: what the kernel may leave to us.
pub(crate) fn set_offload(tun: &File, features: libc::c_uint) -> io::Result<()> {
    // SAFETY: TUNSETOFFLOAD takes its argument by value.
    let result = unsafe { libc::ioctl(tun.as_raw_fd(), libc::TUNSETOFFLOAD, libc::c_ulong::from(features)) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Asks and tells the kernel about an interface of the calling thread's network namespace.
pub(crate) struct Interface {
    name: String,
    socket: UnixDatagram,
}

impl Interface {
    pub(crate) fn new(name: &str) -> io::Result<Interface> {
        // netdevice(7): any socket will do, whatever its family.
        Ok(Interface { name: name.to_string(), socket: UnixDatagram::unbound()? })
    }

    fn get(&self, request: libc::c_ulong) -> io::Result<IfReq> {
        let mut argument = IfReq::new(&self.name);
        ioctl_ifreq(&self.socket, request as libc::Ioctl, &mut argument)?;
        Ok(argument)
    }

    pub(crate) fn is_up(&self) -> io::Result<bool> {
        Ok(libc::c_int::from(self.get(libc::SIOCGIFFLAGS)?.word()) & libc::IFF_UP != 0)
    }

    pub(crate) fn set_up(&self) -> io::Result<()> {
        let mut argument = self.get(libc::SIOCGIFFLAGS)?;
        argument.set_word(argument.word() | libc::IFF_UP as u16); // IFF_UP is 1
        ioctl_ifreq(&self.socket, libc::SIOCSIFFLAGS as libc::Ioctl, &mut argument)
    }

    pub(crate) fn mtu(&self) -> io::Result<u32> {
        let [a, b, c, d, ..] = self.get(libc::SIOCGIFMTU)?.value;
        Ok(u32::from_ne_bytes([a, b, c, d]))
    }

    pub(crate) fn set_mtu(&self, mtu: u16) -> io::Result<()> {
        let mut argument = IfReq::new(&self.name);
        argument.value[..4].copy_from_slice(&u32::from(mtu).to_ne_bytes());
        ioctl_ifreq(&self.socket, libc::SIOCSIFMTU as libc::Ioctl, &mut argument)
    }

    /// The kernel's address on the interface.
    pub(crate) fn mac(&self) -> io::Result<MacAddress> {
        // struct sockaddr: two bytes of family, then the address.
        let [_, _, a, b, c, d, e, f, ..] = self.get(libc::SIOCGIFHWADDR)?.value;
        Ok(MacAddress([a, b, c, d, e, f]))
    }
}
