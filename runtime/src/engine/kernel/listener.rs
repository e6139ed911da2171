//! A listener of the kernel.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use corelane_netstack::SocketOptions;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, acceptfrom_with, bind, getsockname, listen, socket_with, sockopt,
};

use super::options;
use super::ports::Ports;
use super::socket::boxed;
use crate::engine::Result;
use crate::error::SocketError;

/// Sockets never block, and programs that are started don't get them.
pub(super) const FLAGS: SocketFlags = SocketFlags::NONBLOCK.union(SocketFlags::CLOEXEC);

pub(super) struct Listener {
    pub(super) fd: OwnedFd,
    /// Where it was asked to listen: its place in [`Ports`].
    pub(super) asked: SocketAddr,
    pub(super) local: SocketAddr,
    /// What is accepted starts with these; the kernel hands them on.
    pub(super) options: Option<Box<SocketOptions>>,
    /// An edge was told, and accepting has not come to `EAGAIN` since.
    pub(super) ready: bool,
}

/// What came of an accept.
pub(super) enum Accepted {
    Connection(OwnedFd, SocketAddr),
    /// No descriptor or no memory is left: what waits goes on waiting.
    Starved(Errno),
}

pub(super) fn family(addr: SocketAddr) -> AddressFamily {
    if addr.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 }
}

pub(super) fn local_addr(fd: &OwnedFd) -> Result<SocketAddr> {
    Ok(SocketAddr::try_from(getsockname(fd)?)?)
}

impl Listener {
    /// Listens. The kernel cuts the backlog at its `somaxconn`.
    pub(super) fn open(
        addr: SocketAddr,
        backlog: usize,
        own: &SocketOptions,
        ports: &Ports,
    ) -> Result<Listener> {
        let mut shared = ports.shares(addr).then(|| ports.lock());
        if shared.as_ref().is_some_and(|ports| !ports.contains_key(&addr)) {
            // Without SO_REUSEPORT this fails when anybody listens there.
            bind(&bare(addr)?, &addr)?;
        }
        let fd = bare(addr)?;
        sockopt::set_socket_reuseport(&fd, shared.is_some())?;
        // Urgent data are read in line (RFC 6093), as with the native engine. Connections inherit it.
        sockopt::set_socket_oobinline(&fd, true)?;
        options::apply(fd.as_fd(), family(addr), &SocketOptions::default(), own)?;
        bind(&fd, &addr)?;
        listen(&fd, i32::try_from(backlog).unwrap_or(i32::MAX))?;
        let local = local_addr(&fd)?;
        if let Some(ports) = &mut shared {
            *ports.entry(addr).or_default() += 1;
        }
        Ok(Listener { fd, asked: addr, local, options: boxed(own), ready: true })
    }

    /// Takes the oldest connection that waits. Those that failed meanwhile are left out.
    pub(super) fn accept(&mut self) -> Result<Accepted> {
        if !self.ready {
            return Err(SocketError::WOULD_BLOCK);
        }
        loop {
            match acceptfrom_with(&self.fd, FLAGS) {
                Ok((fd, peer)) => {
                    let Some(Ok(peer)) = peer.map(SocketAddr::try_from) else { continue };
                    return Ok(Accepted::Connection(fd, peer));
                }
                Err(Errno::AGAIN) => {
                    self.ready = false;
                    return Err(SocketError::WOULD_BLOCK);
                }
                Err(errno @ (Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM)) => {
                    return Ok(Accepted::Starved(errno));
                }
                // accept(2): errors of the network that this one connection has met.
                Err(
                    Errno::INTR
                    | Errno::CONNABORTED
                    | Errno::NETDOWN
                    | Errno::PROTO
                    | Errno::NOPROTOOPT
                    | Errno::HOSTDOWN
                    | Errno::NONET
                    | Errno::HOSTUNREACH
                    | Errno::NETUNREACH,
                ) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}

/// A socket that takes an address in spite of connections in TIME-WAIT on it, as std's and tokio's do.
fn bare(addr: SocketAddr) -> Result<OwnedFd> {
    let fd = socket_with(family(addr), SocketType::STREAM, FLAGS, None)?;
    sockopt::set_socket_reuseaddr(&fd, true)?;
    Ok(fd)
}
