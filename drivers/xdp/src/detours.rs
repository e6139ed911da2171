//! The UDP sockets by which the first frames of each queue come, so that one learns which NAPI serves the queue.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};

use corelane_nic::MacAddress;

use crate::program::{DETOURS, Detour};
use crate::{bpf, syscall};

/// Tries to find as many free ports in a row as there are queues.
const TRIES: u32 = 64;

/// A socket for each queue, on ports that follow each other.
pub struct Detours {
    sockets: Vec<UdpSocket>,
    port: u16,
    taken: OwnedFd,
}

impl Detours {
    /// For queues 0 to `queues` of an interface.
    pub fn open(interface: u32, queues: u16) -> io::Result<Detours> {
        let taken = bpf::create_count_map(queues.into())?;
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..TRIES {
            match bind(queues) {
                Ok((port, sockets)) => {
                    for socket in &sockets {
                        socket.set_nonblocking(true)?;
                        syscall::bind_to_interface(socket.as_fd(), interface)?;
                    }
                    return Ok(Detours { sockets, port, taken });
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// What the XDP program has to know.
    pub fn program(&self, mac: MacAddress) -> Detour<'_> {
        Detour { mac, port: self.port, taken: self.taken.as_fd() }
    }

    /// The socket of a queue.
    pub fn socket(&self, queue: u16) -> io::Result<Option<UdpSocket>> {
        self.sockets.get(usize::from(queue)).map(UdpSocket::try_clone).transpose()
    }

    /// Sends no more frames of the queue this way.
    pub fn close(&self, queue: u16) {
        // Refused, it closes by itself after a few frames.
        let _ = bpf::set_count(self.taken.as_fd(), queue.into(), DETOURS);
    }
}

/// Sockets for broadcasts only, since nothing else is sent to them.
fn bind(queues: u16) -> io::Result<(u16, Vec<UdpSocket>)> {
    let first = UdpSocket::bind((Ipv4Addr::BROADCAST, 0))?;
    let port = first.local_addr()?.port();
    let mut sockets = vec![first];
    for offset in 1..queues {
        let next = port.checked_add(offset).ok_or(io::ErrorKind::AddrInUse)?;
        sockets.push(UdpSocket::bind((Ipv4Addr::BROADCAST, next))?);
    }
    Ok((port, sockets))
}
