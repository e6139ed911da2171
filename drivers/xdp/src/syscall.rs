#![allow(unsafe_code)] // the system calls of AF_XDP sockets and network interfaces
//! System calls, each wrapped as one safe function.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;

use corelane_nic::MacAddress;

/// XDP_MAX_TX_SKB_BUDGET of linux/if_xdp.h (since 6.17), not yet in libc.
const XDP_MAX_TX_SKB_BUDGET: libc::c_int = 9;
/// ETHTOOL_GDRVINFO of linux/ethtool.h.
const ETHTOOL_GDRVINFO: u32 = 0x3;
/// ETHTOOL_GCHANNELS of linux/ethtool.h.
const ETHTOOL_GCHANNELS: u32 = 0x3c;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// Opens an AF_XDP socket.
pub fn xdp_socket() -> io::Result<OwnedFd> {
    open_socket(libc::AF_XDP, libc::SOCK_RAW)
}

fn open_socket(family: libc::c_int, kind: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let fd = check(unsafe { libc::socket(family, kind | libc::SOCK_CLOEXEC, 0) })?;
    // SAFETY: the descriptor is new and ours.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// # Safety
/// `T` must be what the kernel expects for this option.
unsafe fn set_option<T>(
    fd: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let len = size_of::<T>() as libc::socklen_t; // small structs
    // SAFETY: pointer and length describe `value`.
    check(unsafe { libc::setsockopt(fd.as_raw_fd(), level, name, std::ptr::from_ref(value).cast(), len) })?;
    Ok(())
}

/// # Safety
/// `T` must be plain integers, and what the kernel fills in for this option.
unsafe fn get_option<T>(fd: BorrowedFd<'_>, level: libc::c_int, name: libc::c_int) -> io::Result<T> {
    // SAFETY: plain integers by contract.
    let mut value: T = unsafe { zeroed() };
    let mut len = size_of::<T>() as libc::socklen_t; // small structs
    let out = std::ptr::from_mut(&mut value).cast();
    // SAFETY: pointer and length describe `value`.
    check(unsafe { libc::getsockopt(fd.as_raw_fd(), level, name, out, &mut len) })?;
    Ok(value)
}

/// Registers memory as the socket's UMEM. The kernel pins its pages for as long as it uses them.
pub fn register_umem(fd: BorrowedFd<'_>, memory: &Mapping, chunk_size: u32) -> io::Result<()> {
    let registration = libc::xdp_umem_reg {
        addr: memory.base().as_ptr() as u64,
        len: memory.len() as u64,
        chunk_size,
        headroom: 0,
        flags: 0,
        tx_metadata_len: 0,
    };
    // SAFETY: the option takes an xdp_umem_reg.
    unsafe { set_option(fd, libc::SOL_XDP, libc::XDP_UMEM_REG, &registration) }
}

/// Creates one of the four rings: `option` is XDP_RX_RING, XDP_TX_RING, XDP_UMEM_FILL_RING or XDP_UMEM_COMPLETION_RING.
pub fn create_ring(fd: BorrowedFd<'_>, option: libc::c_int, entries: u32) -> io::Result<()> {
    // SAFETY: these options take an int.
    unsafe { set_option(fd, libc::SOL_XDP, option, &entries) }
}

/// Lets one kick send up to `frames` in copy mode. Kernels before 6.17 refuse, and send 32.
pub fn set_transmit_budget(fd: BorrowedFd<'_>, frames: u32) -> io::Result<()> {
    // SAFETY: the option takes a u32.
    unsafe { set_option(fd, libc::SOL_XDP, XDP_MAX_TX_SKB_BUDGET, &frames) }
}

/// How many bytes of kernel buffers copy mode may have in flight.
pub fn set_send_buffer(fd: BorrowedFd<'_>, bytes: u32) -> io::Result<()> {
    // SAFETY: the option takes an int.
    unsafe { set_option(fd, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &bytes) }
}

/// Lets reads of this socket, which don't wait, poll the NAPI that it is marked with.
pub fn set_busy_poll(fd: BorrowedFd<'_>, budget: u32) -> io::Result<()> {
    let any_time: libc::c_int = 1; // microseconds: without waiting there is one pass, whatever the time
    for (name, value) in [(libc::SO_BUSY_POLL, any_time), (libc::SO_BUSY_POLL_BUDGET, budget as i32)] {
        // SAFETY: these options take an int.
        unsafe { set_option(fd, libc::SOL_SOCKET, name, &value)? };
    }
    Ok(())
}

/// Whether the NAPI is left to these reads, its interrupts and softirqs off between them.
pub fn prefer_busy_poll(fd: BorrowedFd<'_>, prefer: bool) -> io::Result<()> {
    // SAFETY: the option takes an int.
    unsafe { set_option(fd, libc::SOL_SOCKET, libc::SO_PREFER_BUSY_POLL, &libc::c_int::from(prefer)) }
}

/// The number of the NAPI that a socket is marked with; 0 when it is with none.
pub fn napi_id(fd: BorrowedFd<'_>) -> io::Result<u32> {
    // SAFETY: the option gives an unsigned int.
    unsafe { get_option(fd, libc::SOL_SOCKET, libc::SO_INCOMING_NAPI_ID) }
}

/// Takes only what arrives on this interface.
pub fn bind_to_interface(fd: BorrowedFd<'_>, index: u32) -> io::Result<()> {
    // SAFETY: the option takes an int.
    unsafe { set_option(fd, libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX, &index) }
}

/// A descriptor that is readable when any of `sockets` is.
pub fn any_readable(sockets: &[BorrowedFd<'_>]) -> io::Result<OwnedFd> {
    // SAFETY: no pointers are passed.
    let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
    // SAFETY: the descriptor is new and ours.
    let any = unsafe { OwnedFd::from_raw_fd(fd) };
    for socket in sockets {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
        // SAFETY: the event lives until the call returns.
        check(unsafe {
            libc::epoll_ctl(any.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &mut event)
        })?;
    }
    Ok(any)
}

/// Where the rings' fields are in their mappings.
pub fn ring_offsets(fd: BorrowedFd<'_>) -> io::Result<libc::xdp_mmap_offsets> {
    // SAFETY: the option gives an xdp_mmap_offsets, plain integers.
    unsafe { get_option(fd, libc::SOL_XDP, libc::XDP_MMAP_OFFSETS) }
}

/// The kernel's counts of a socket.
pub fn statistics(fd: BorrowedFd<'_>) -> io::Result<libc::xdp_statistics> {
    // SAFETY: the option gives an xdp_statistics, plain integers.
    unsafe { get_option(fd, libc::SOL_XDP, libc::XDP_STATISTICS) }
}

/// Whether a bound socket is zero-copy.
pub fn is_zero_copy(fd: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: the option gives an xdp_options, plain integers.
    let options: libc::xdp_options = unsafe { get_option(fd, libc::SOL_XDP, libc::XDP_OPTIONS)? };
    Ok(options.flags & libc::XDP_OPTIONS_ZEROCOPY != 0)
}

/// Binds a socket to a queue of an interface.
pub fn bind(fd: BorrowedFd<'_>, interface: u32, queue: u32, flags: u16) -> io::Result<()> {
    let address = libc::sockaddr_xdp {
        sxdp_family: libc::AF_XDP as u16, // 44
        sxdp_flags: flags,
        sxdp_ifindex: interface,
        sxdp_queue_id: queue,
        sxdp_shared_umem_fd: 0,
    };
    let len = size_of::<libc::sockaddr_xdp>() as libc::socklen_t; // 16
    // SAFETY: pointer and length describe `address`.
    check(unsafe { libc::bind(fd.as_raw_fd(), std::ptr::from_ref(&address).cast(), len) })?;
    Ok(())
}

/// Asks the kernel to look at the transmit ring.
pub fn kick_transmit(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: an empty message without an address.
    let sent =
        unsafe { libc::sendto(fd.as_raw_fd(), std::ptr::null(), 0, libc::MSG_DONTWAIT, std::ptr::null(), 0) };
    if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Asks the kernel to look at the fill ring.
pub fn wake_receive(fd: BorrowedFd<'_>) -> io::Result<()> {
    let nothing = std::ptr::null_mut();
    // SAFETY: no room for data and no address.
    let got = unsafe {
        libc::recvfrom(
            fd.as_raw_fd(),
            nothing,
            0,
            libc::MSG_DONTWAIT,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
        )
    };
    if got < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Memory mapped by us; unmapped on drop.
#[derive(Debug)]
pub struct Mapping {
    base: NonNull<u8>,
    len: usize,
}

impl Mapping {
    /// `len` zeroed bytes, page-aligned, on huge pages where the system likes to, and not shared with
    /// children of a fork (their copy would take the pages away from under the device).
    pub fn anonymous(len: usize) -> io::Result<Mapping> {
        let mapping = Mapping::new(len, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0)?;
        for advice in [libc::MADV_DONTFORK, libc::MADV_HUGEPAGE] {
            // SAFETY: the range is the mapping just made. Advice may be refused, and is not needed.
            unsafe { libc::madvise(mapping.base.as_ptr().cast(), len, advice) };
        }
        Ok(mapping)
    }

    /// A ring of an AF_XDP socket, at its XDP_*PGOFF_* offset.
    pub fn ring(fd: BorrowedFd<'_>, len: usize, offset: u64) -> io::Result<Mapping> {
        Mapping::new(len, libc::MAP_SHARED | libc::MAP_POPULATE, fd.as_raw_fd(), offset)
    }

    fn new(len: usize, flags: libc::c_int, fd: libc::c_int, offset: u64) -> io::Result<Mapping> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new mapping wherever the kernel likes replaces nothing. The offsets in use are below 2^33.
        let base = unsafe { libc::mmap(std::ptr::null_mut(), len, access, flags, fd, offset as libc::off_t) };
        if base == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        match NonNull::new(base.cast()) {
            Some(base) => Ok(Mapping { base, len }),
            None => Err(io::Error::other("mmap gave address 0")),
        }
    }

    /// The first byte.
    pub fn base(&self) -> NonNull<u8> {
        self.base
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.len
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `new` with this length, and whoever holds pointers into it holds the Mapping too.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.len) };
    }
}

/// What the kernel says of an interface.
#[derive(Debug, Clone, Copy)]
pub struct Interface {
    /// Its number.
    pub index: u32,
    /// Its address; `None` when it is not an Ethernet device.
    pub mac: Option<MacAddress>,
    /// The largest IP packet in bytes.
    pub mtu: u32,
    /// Whether it is up.
    pub up: bool,
    /// Receive queues that it has now.
    pub rx_queues: u16,
    /// Transmit queues that it has now.
    pub tx_queues: u16,
    /// Whether its frames come from a veth peer, so from this machine.
    pub is_veth: bool,
}

/// struct ethtool_channels of linux/ethtool.h.
#[repr(C)]
#[derive(Default)]
struct Channels {
    cmd: u32,
    max: [u32; 4],
    rx: u32,
    tx: u32,
    other: u32,
    combined: u32,
}

/// struct ethtool_drvinfo of linux/ethtool.h.
#[repr(C)]
struct DriverInfo {
    cmd: u32,
    driver: [u8; 32],
    others: [u8; 160],
}

impl DriverInfo {
    fn is(&self, driver: &[u8]) -> bool {
        self.driver.split(|byte| *byte == 0).next() == Some(driver)
    }
}

impl Interface {
    /// Looks `name` up in the network namespace of the calling thread. ENODEV when there is none.
    pub fn find(name: &str) -> io::Result<Interface> {
        let socket = open_socket(libc::AF_INET, libc::SOCK_DGRAM)?;
        let ask = |what: libc::c_ulong, request: &mut libc::ifreq| {
            // SAFETY: each request used here reads the name and fills in the union.
            check(unsafe {
                libc::ioctl(socket.as_raw_fd(), what as libc::Ioctl, std::ptr::from_mut(request))
            })
        };
        let mut request = interface_request(name)?;
        ask(libc::SIOCGIFINDEX as libc::c_ulong, &mut request)?;
        // SAFETY: SIOCGIFINDEX fills in the index.
        let index = unsafe { request.ifr_ifru.ifru_ifindex };
        ask(libc::SIOCGIFFLAGS as libc::c_ulong, &mut request)?;
        // SAFETY: SIOCGIFFLAGS fills in the flags.
        let flags = libc::c_int::from(unsafe { request.ifr_ifru.ifru_flags });
        ask(libc::SIOCGIFMTU as libc::c_ulong, &mut request)?;
        // SAFETY: SIOCGIFMTU fills in the MTU.
        let mtu = unsafe { request.ifr_ifru.ifru_mtu };
        ask(libc::SIOCGIFHWADDR as libc::c_ulong, &mut request)?;
        // SAFETY: SIOCGIFHWADDR fills in the address.
        let address = unsafe { request.ifr_ifru.ifru_hwaddr };
        let mac = (address.sa_family == libc::ARPHRD_ETHER).then(|| {
            let mut octets = [0; 6];
            for (to, from) in octets.iter_mut().zip(address.sa_data) {
                *to = from as u8; // c_char is i8 on some machines
            }
            MacAddress(octets)
        });
        let mut channels = Channels { cmd: ETHTOOL_GCHANNELS, ..Channels::default() };
        request.ifr_ifru.ifru_data = std::ptr::from_mut(&mut channels).cast();
        // A device that can't tell has one queue.
        let (rx_queues, tx_queues) = match ask(libc::SIOCETHTOOL as libc::c_ulong, &mut request) {
            Ok(_) => (channels.rx + channels.combined, channels.tx + channels.combined),
            Err(_) => (1, 1),
        };
        let mut info = DriverInfo { cmd: ETHTOOL_GDRVINFO, driver: [0; 32], others: [0; 160] };
        request.ifr_ifru.ifru_data = std::ptr::from_mut(&mut info).cast();
        let is_veth = ask(libc::SIOCETHTOOL as libc::c_ulong, &mut request).is_ok() && info.is(b"veth");
        let clamp = |n: u32| u16::try_from(n.max(1)).unwrap_or(u16::MAX);
        Ok(Interface {
            index: index as u32, // interface numbers are positive
            mac,
            mtu: mtu.max(0) as u32,
            up: flags & libc::IFF_UP != 0,
            rx_queues: clamp(rx_queues),
            tx_queues: clamp(tx_queues),
            is_veth,
        })
    }
}

fn interface_request(name: &str) -> io::Result<libc::ifreq> {
    // SAFETY: plain integers and pointers, for which zero is valid.
    let mut request: libc::ifreq = unsafe { zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(io::Error::from_raw_os_error(libc::ENODEV));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char; // c_char is i8 on some machines
    }
    Ok(request)
}

/// Raises the limit of locked memory to at least `bytes` if it may; returns the limit after that.
pub fn raise_locked_memory(bytes: u64) -> u64 {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a rlimit.
    if unsafe { libc::getrlimit(libc::RLIMIT_MEMLOCK, &mut limit) } != 0 || limit.rlim_cur >= bytes {
        return limit.rlim_cur;
    }
    // The first needs CAP_SYS_RESOURCE, the second nothing.
    for hard in [bytes.max(limit.rlim_max), limit.rlim_max] {
        let wanted = libc::rlimit { rlim_cur: bytes.min(hard), rlim_max: hard };
        // SAFETY: the pointer is to a rlimit.
        if unsafe { libc::setrlimit(libc::RLIMIT_MEMLOCK, &wanted) } == 0 {
            return wanted.rlim_cur;
        }
    }
    limit.rlim_cur
}
