//! System calls that open, name and close sockets.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::IntoRawFd;
use std::task::Poll;

use corelane_netstack::{ListenerId, Shutdown, SocketId, State};

use crate::errno::Errno;
use crate::machine::{File, Machine};
use crate::options::Options;

/// What a socket is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Neither listening nor connecting yet.
    Idle,
    Listener(ListenerId),
    Connection(SocketId),
}

/// A socket and what the kernel would know of it beside the connection.
pub(crate) struct Socket {
    pub(crate) role: Role,
    pub(crate) nonblocking: bool,
    pub(crate) bound: Option<SocketAddr>,
    pub(crate) options: Options,
    /// A connection waits to be accepted, as far as known.
    pub(crate) acceptable: bool,
    /// A write found no room, and nothing has told of some since (Linux's SOCK_NOSPACE).
    pub(crate) no_space: bool,
    /// Bytes in the last frame that was written, and the largest window of the peer, which bounds frames.
    pub(crate) frame: usize,
    pub(crate) max_window: u32,
    /// connect() has said that it succeeded.
    pub(crate) connected: bool,
}

impl Socket {
    fn new(role: Role, nonblocking: bool, options: Options) -> Socket {
        let connected = matches!(role, Role::Connection(_));
        Socket {
            role,
            nonblocking,
            bound: None,
            options,
            acceptable: false,
            no_space: false,
            frame: 0,
            max_window: 0,
            connected,
        }
    }

    pub(crate) fn connection(&self) -> Option<SocketId> {
        if let Role::Connection(id) = self.role { Some(id) } else { None }
    }

    pub(crate) fn listener(&self) -> Option<ListenerId> {
        if let Role::Listener(id) = self.role { Some(id) } else { None }
    }
}

/// A new descriptor. It must be a real one: packetdrill closes it by itself at the end.
pub(crate) fn descriptor() -> Result<i32, Errno> {
    let file =
        fs::File::open("/dev/null").map_err(|error| Errno(error.raw_os_error().unwrap_or(libc::EMFILE)))?;
    Ok(file.into_raw_fd())
}

impl Machine {
    pub(crate) fn socket(&mut self, fd: i32) -> Result<&mut Socket, Errno> {
        match self.files.get_mut(&fd) {
            Some(File::Socket(socket)) => Ok(socket),
            Some(File::Epoll(_)) => Err(Errno(libc::ENOTSOCK)),
            None => Err(Errno(libc::EBADF)),
        }
    }

    /// The connection behind a descriptor.
    pub(crate) fn connection(&mut self, fd: i32) -> Result<SocketId, Errno> {
        self.socket(fd)?.connection().ok_or(Errno(libc::ENOTCONN))
    }

    pub(crate) fn open_socket(&mut self, domain: i32, kind: i32, protocol: i32) -> Result<i32, Errno> {
        if domain != libc::AF_INET {
            return Err(Errno(libc::EAFNOSUPPORT));
        }
        let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
        if kind & !flags != libc::SOCK_STREAM {
            return Err(Errno(libc::ESOCKTNOSUPPORT));
        }
        if protocol != 0 && protocol != libc::IPPROTO_TCP {
            return Err(Errno(libc::EPROTONOSUPPORT));
        }
        let fd = descriptor()?;
        let socket = Socket::new(Role::Idle, kind & libc::SOCK_NONBLOCK != 0, Options::new(self.flags.fq));
        self.files.insert(fd, File::Socket(Box::new(socket)));
        Ok(fd)
    }

    pub(crate) fn bind(&mut self, fd: i32, address: SocketAddr) -> Result<(), Errno> {
        let ours = self.flags.local.address;
        let socket = self.socket(fd)?;
        if socket.bound.is_some() || socket.role != Role::Idle {
            return Err(Errno(libc::EINVAL));
        }
        let ip = address.ip();
        if ip != IpAddr::V4(ours) && !ip.is_unspecified() {
            return Err(Errno(libc::EADDRNOTAVAIL));
        }
        socket.bound = Some(address);
        Ok(())
    }

    pub(crate) fn listen(&mut self, fd: i32, backlog: i32) -> Result<(), Errno> {
        let socket = self.socket(fd)?;
        match socket.role {
            Role::Connection(_) => return Err(Errno(libc::EINVAL)),
            Role::Listener(_) => return Ok(()),
            Role::Idle => {}
        }
        let any = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
        let address = socket.bound.unwrap_or(any);
        // Linux takes a negative backlog as a large one.
        let backlog = usize::try_from(backlog).unwrap_or(usize::MAX);
        let id = self.stack.listen(address, backlog)?;
        self.socket(fd)?.role = Role::Listener(id);
        self.apply_options(fd)
    }

    /// accept: the new descriptor and the peer's address.
    pub(crate) fn accept(&mut self, fd: i32) -> Poll<Result<(i32, SocketAddr), Errno>> {
        let socket = match self.socket(fd) {
            Ok(socket) => socket,
            Err(error) => return Poll::Ready(Err(error)),
        };
        let Some(id) = socket.listener() else { return Poll::Ready(Err(Errno(libc::EINVAL))) };
        let (nonblocking, options) = (socket.nonblocking, socket.options.clone());
        match self.stack.accept(id) {
            Ok((connection, peer)) => Poll::Ready(descriptor().map(|new| {
                let socket = Socket::new(Role::Connection(connection), false, options);
                self.files.insert(new, File::Socket(Box::new(socket)));
                (new, peer)
            })),
            Err(corelane_netstack::Error::WouldBlock) => {
                if let Ok(socket) = self.socket(fd) {
                    socket.acceptable = false;
                }
                if nonblocking { Poll::Ready(Err(Errno(libc::EAGAIN))) } else { Poll::Pending }
            }
            Err(error) => Poll::Ready(Err(error.into())),
        }
    }

    /// connect. `started`: whether this very call has sent the SYN.
    pub(crate) fn connect(&mut self, fd: i32, to: SocketAddr, started: &mut bool) -> Poll<Result<(), Errno>> {
        match self.try_connect(fd, to, started) {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => Poll::Pending,
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn try_connect(&mut self, fd: i32, to: SocketAddr, started: &mut bool) -> Result<bool, Errno> {
        let socket = self.socket(fd)?;
        let (nonblocking, bound) = (socket.nonblocking, socket.bound);
        let id = match socket.role {
            Role::Listener(_) => return Err(Errno(libc::EISCONN)),
            Role::Connection(_) if socket.connected => return Err(Errno(libc::EISCONN)),
            Role::Connection(id) => id,
            Role::Idle => {
                let id = self.stack.connect(bound, to)?;
                self.socket(fd)?.role = Role::Connection(id);
                self.apply_options(fd)?;
                *started = true;
                return if nonblocking { Err(Errno(libc::EINPROGRESS)) } else { Ok(false) };
            }
        };
        if let Some(error) = self.stack.take_error(id)? {
            return Err(error.into());
        }
        match self.stack.info(id)?.state {
            State::SynSent | State::SynReceived if *started => Ok(false),
            State::SynSent | State::SynReceived => Err(Errno(libc::EALREADY)),
            State::Closed => Err(Errno(libc::ECONNABORTED)),
            _ => {
                self.socket(fd)?.connected = true;
                Ok(true)
            }
        }
    }

    pub(crate) fn shutdown(&mut self, fd: i32, how: i32) -> Result<(), Errno> {
        let how = match how {
            libc::SHUT_RD => Shutdown::Read,
            libc::SHUT_WR => Shutdown::Write,
            libc::SHUT_RDWR => Shutdown::Both,
            _ => return Err(Errno(libc::EINVAL)),
        };
        let id = self.connection(fd)?;
        Ok(self.stack.shutdown(id, how)?)
    }

    /// Forgets a descriptor; the caller closes it.
    pub(crate) fn close(&mut self, fd: i32) -> Result<(), Errno> {
        let file = self.files.remove(&fd).ok_or(Errno(libc::EBADF))?;
        for other in self.files.values_mut() {
            if let File::Epoll(epoll) = other {
                epoll.forget(fd);
            }
        }
        let File::Socket(socket) = file else { return Ok(()) };
        // An id that names nothing any more is as good as closed.
        match socket.role {
            Role::Idle => {}
            Role::Listener(id) => drop(self.stack.close_listener(id)),
            Role::Connection(id) => drop(self.stack.close(id)),
        }
        Ok(())
    }

    pub(crate) fn fcntl(&mut self, fd: i32, command: i32, argument: i32) -> Result<i32, Errno> {
        let socket = self.socket(fd)?;
        match command {
            libc::F_GETFL => Ok(libc::O_RDWR | if socket.nonblocking { libc::O_NONBLOCK } else { 0 }),
            libc::F_SETFL => {
                socket.nonblocking = argument & libc::O_NONBLOCK != 0;
                Ok(0)
            }
            libc::F_GETFD | libc::F_SETFD => Ok(0),
            _ => Err(Errno(libc::EINVAL)),
        }
    }

    /// ioctl: SIOCINQ (FIONREAD), SIOCOUTQ and SIOCOUTQNSD give a number.
    pub(crate) fn ioctl(&mut self, fd: i32, request: u64) -> Result<i32, Errno> {
        /// linux/sockios.h
        const SIOCOUTQNSD: u64 = 0x894b;
        let id = match self.socket(fd)?.role {
            Role::Listener(_) => return Err(Errno(libc::EINVAL)),
            Role::Idle => None,
            Role::Connection(id) => Some(id),
        };
        let count = match request {
            libc::FIONREAD => id.map_or(0, |id| self.readable_bytes(id) as u64),
            libc::TIOCOUTQ => match id {
                Some(id) => {
                    let info = self.stack.info(id)?;
                    info.unacked + u64::from(info.notsent_bytes)
                }
                None => 0,
            },
            SIOCOUTQNSD => match id {
                Some(id) => self.stack.info(id)?.notsent_bytes.into(),
                None => 0,
            },
            _ => return Err(Errno(libc::ENOTTY)),
        };
        Ok(i32::try_from(count).unwrap_or(i32::MAX))
    }
}
