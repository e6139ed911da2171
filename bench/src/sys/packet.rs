//! Raw frames of an interface (packet(7)), and waiting for them to a tenth of a millisecond.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use super::{check, own};

/// Bytes of frames that may wait for us: some hundred milliseconds at any rate that is forwarded.
const RECEIVE_BUFFER: libc::c_int = 32 << 20;

/// All frames that an interface receives, and the way out of it.
pub struct PacketSocket {
    fd: OwnedFd,
}

impl PacketSocket {
    /// A socket on `interface`, which doesn't block and sees no frame that this host sends there.
    ///
    /// # Errors
    /// Without CAP_NET_RAW and CAP_NET_ADMIN, or without such an interface.
    pub fn open(interface: &str) -> io::Result<Self> {
        let name = CString::new(interface)?;
        // SAFETY: `name` is a live string that ends with a zero.
        let index = match unsafe { libc::if_nametoindex(name.as_ptr()) } {
            0 => return Err(io::Error::last_os_error()),
            index => i32::try_from(index).map_err(io::Error::other)?,
        };
        let kind = libc::SOCK_RAW | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        // Without a protocol nothing is received until bind, which names the interface too.
        // SAFETY: takes no pointer.
        let socket = Self { fd: own(check(unsafe { libc::socket(libc::AF_PACKET, kind, 0) })?) };
        socket.set(libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &RECEIVE_BUFFER)?;
        socket.set(libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &RECEIVE_BUFFER)?;
        socket.set(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, &1)?;
        // A qdisc would be a second queue, with losses of its own.
        socket.set(libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, &1)?;
        // SAFETY: all zeroes are a valid packet_mreq and a valid sockaddr_ll.
        let (mut membership, mut name): (libc::packet_mreq, libc::sockaddr_ll) =
            unsafe { (mem::zeroed(), mem::zeroed()) };
        membership.mr_ifindex = index;
        membership.mr_type = libc::PACKET_MR_PROMISC as libc::c_ushort; // 1
        socket.set(libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &membership)?;
        name.sll_family = libc::AF_PACKET as libc::c_ushort; // 17
        name.sll_protocol = (libc::ETH_P_ALL as u16).to_be(); // 3
        name.sll_ifindex = index;
        super::bind(&socket.fd, &name)?;
        Ok(socket)
    }

    fn set<T>(&self, level: libc::c_int, option: libc::c_int, value: &T) -> io::Result<()> {
        let length = mem::size_of::<T>() as libc::socklen_t; // some bytes
        // SAFETY: `length` bytes at the pointer, which are copied.
        check(unsafe {
            libc::setsockopt(self.fd.as_raw_fd(), level, option, (&raw const *value).cast(), length)
        })?;
        Ok(())
    }

    /// The next frame into `buffer`; its whole length, even where that is more than the buffer holds. `None`: none waits.
    pub fn receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let (start, length) = (buffer.as_mut_ptr().cast(), buffer.len());
        // SAFETY: the pointer and the length are those of one live slice.
        let result = unsafe { libc::recv(self.fd.as_raw_fd(), start, length, libc::MSG_TRUNC) };
        match usize::try_from(result) {
            Ok(length) => Ok(Some(length)),
            Err(_) => match io::Error::last_os_error() {
                error if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Sends a frame; false when the interface has no room for it.
    pub fn send(&self, frame: &[u8]) -> io::Result<bool> {
        // SAFETY: the pointer and the length are those of one live slice.
        let result = unsafe { libc::send(self.fd.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
        if result >= 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::ENOBUFS | libc::EAGAIN) => Ok(false),
            _ => Err(error),
        }
    }

    /// Frames that came while the socket's buffer was full, since the last call.
    pub fn overflows(&self) -> io::Result<u64> {
        let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
        let mut length = mem::size_of_val(&stats) as libc::socklen_t; // some bytes
        // SAFETY: `length` bytes at the pointer, which the call writes.
        check(unsafe {
            libc::getsockopt(
                self.fd.as_raw_fd(),
                libc::SOL_PACKET,
                libc::PACKET_STATISTICS,
                (&raw mut stats).cast(),
                &raw mut length,
            )
        })?;
        Ok(u64::from(stats.tp_drops))
    }
}

impl AsFd for PacketSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Lets the kernel end this thread's sleeps when they are over, not up to 50 µs later (PR_SET_TIMERSLACK).
pub fn sleep_precisely() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, 1) })?;
    Ok(())
}

/// ppoll(2): which of the descriptors can be read, or are closed. None of them when the time is over or a signal came.
pub fn wait_any<const N: usize>(
    fds: [BorrowedFd<'_>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let mut entries = fds.map(|fd| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 });
    let time = timeout.map(|timeout| libc::timespec {
        tv_sec: libc::time_t::try_from(timeout.as_secs()).unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let time = time.as_ref().map_or(std::ptr::null(), |time| &raw const *time);
    let count = entries.len() as libc::nfds_t; // some
    // SAFETY: the entries and, where there is one, the time are live during the call.
    let result = check(unsafe { libc::ppoll(entries.as_mut_ptr(), count, time, std::ptr::null()) });
    match result {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok([false; N]),
        Err(error) => Err(error),
        Ok(_) => Ok(entries.map(|entry| entry.revents != 0)),
    }
}
