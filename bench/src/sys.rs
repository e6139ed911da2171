//! The system calls that std has no safe name for. All of this crate's `unsafe` is here, in [`packet`],
//! in [`perf`] and in [`uring`].
#![allow(unsafe_code)] // raw epoll is one of the things that this crate measures

use std::fs::File;
use std::io::{self, Write};
use std::mem::{self, MaybeUninit};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::{self, Command};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

pub mod packet;
pub mod perf;
pub mod uring;

/// Readable.
pub const IN: u32 = libc::EPOLLIN as u32;
/// Writable.
pub const OUT: u32 = libc::EPOLLOUT as u32;
/// Edge-triggered: one event a change, and so no system call to change the interest.
pub const EDGE: u32 = libc::EPOLLET as u32;
/// Told once, and not again before [`Epoll::modify`].
pub const ONCE: u32 = libc::EPOLLONESHOT as u32;
/// The peer has closed its side, or the connection is gone: read until it says so.
pub const CLOSED: u32 = (libc::EPOLLRDHUP | libc::EPOLLHUP | libc::EPOLLERR) as u32;
/// What to ask for to be told when the peer closes.
pub const PEER_CLOSED: u32 = libc::EPOLLRDHUP as u32;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn own(fd: RawFd) -> OwnedFd {
    // SAFETY: every caller passes a descriptor that the kernel has just given to it alone.
    unsafe { OwnedFd::from_raw_fd(fd) }
}

/// An epoll instance, see epoll(7).
pub struct Epoll {
    fd: OwnedFd,
}

impl Epoll {
    /// epoll_create1(2).
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no pointer.
        let fd = check(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        Ok(Self { fd: own(fd) })
    }

    /// ioctl_eventpoll(2), of Linux 6.9 and later: waits poll the interface of the sockets before they sleep.
    pub fn set_busy_poll(&self) -> io::Result<()> {
        // SAFETY: all zeroes is valid for a struct of integers.
        let mut parameters: libc::epoll_params = unsafe { mem::zeroed() };
        parameters.busy_poll_usecs = BUSY_POLL.unsigned_abs();
        parameters.busy_poll_budget = BUSY_POLL_BUDGET;
        parameters.prefer_busy_poll = 1;
        // SAFETY: `parameters` lives during the call; the kernel only reads it.
        check(unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::EPIOCSPARAMS, &raw const parameters) })?;
        Ok(())
    }

    /// epoll_ctl(2) with EPOLL_CTL_ADD. Closing the descriptor takes it out again.
    pub fn add(&self, fd: &impl AsFd, interest: u32, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, interest, token)
    }

    /// epoll_ctl(2) with EPOLL_CTL_MOD.
    pub fn modify(&self, fd: &impl AsFd, interest: u32, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd, interest, token)
    }

    fn control(&self, operation: libc::c_int, fd: &impl AsFd, interest: u32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest, u64: token };
        let (epoll, fd) = (self.fd.as_raw_fd(), fd.as_fd().as_raw_fd());
        // SAFETY: `event` lives during the call; the kernel copies it.
        check(unsafe { libc::epoll_ctl(epoll, operation, fd, &raw mut event) })?;
        Ok(())
    }

    /// epoll_wait(2); `None` waits without end, zero doesn't wait. A signal gives no events.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let timeout = milliseconds(timeout);
        // SAFETY: the pointer and the length are those of one live array.
        let count = check(unsafe {
            libc::epoll_wait(
                self.fd.as_raw_fd(),
                events.list.as_mut_ptr(),
                libc::c_int::try_from(events.list.len()).unwrap_or(libc::c_int::MAX),
                timeout,
            )
        });
        events.count = match count {
            Ok(count) => usize::try_from(count).unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

/// Rounded up, so that a wait never returns just before its time and spins.
fn milliseconds(timeout: Option<Duration>) -> libc::c_int {
    timeout.map_or(-1, |timeout| {
        libc::c_int::try_from(timeout.as_nanos().div_ceil(1_000_000)).unwrap_or(libc::c_int::MAX)
    })
}

/// What one [`Epoll::wait`] brought.
pub struct Events {
    list: Vec<libc::epoll_event>,
    count: usize,
}

impl Events {
    /// Room for `capacity` events a wait.
    pub fn new(capacity: usize) -> Self {
        let none = libc::epoll_event { events: 0, u64: 0 };
        Self { list: vec![none; capacity], count: 0 }
    }

    /// How many events the last wait brought.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The token and the flags of one event.
    pub fn get(&self, index: usize) -> (u64, u32) {
        let event = self.list[index];
        (event.u64, event.events)
    }
}

/// accept4(2) with SOCK_NONBLOCK: one system call less than std a connection.
pub fn accept_nonblocking(listener: &TcpListener) -> io::Result<TcpStream> {
    let flags = libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    let (name, length) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: null address and length are allowed: the peer's address isn't asked for.
    let fd = check(unsafe { libc::accept4(listener.as_raw_fd(), name, length, flags) })?;
    Ok(TcpStream::from(own(fd)))
}

/// listen(2) again: std's backlog is too short for a thousand clients at once.
pub fn set_backlog(listener: &TcpListener, backlog: i32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::listen(listener.as_raw_fd(), backlog) })?;
    Ok(())
}

/// tcp(7), TCP_CONGESTION: of a connection, or of those that a listener will accept.
pub fn set_congestion(socket: &impl AsRawFd, name: &str) -> io::Result<()> {
    let length = name.len() as libc::socklen_t; // some letters
    let (level, option) = (libc::IPPROTO_TCP, libc::TCP_CONGESTION);
    // SAFETY: `length` bytes at the pointer, which are copied.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, name.as_ptr().cast(), length) })?;
    Ok(())
}

/// How long epoll-tuned polls the interface, in microseconds, before it sleeps: longer than an answer takes to come back.
const BUSY_POLL: libc::c_int = 200;

/// Packets of one such poll: as many as are allowed without CAP_NET_ADMIN.
const BUSY_POLL_BUDGET: u16 = 64;

/// socket(7): reads of this socket, or of those that a listener accepts, poll the interface, and its interrupts stay off meanwhile.
pub fn set_busy_poll(socket: &impl AsRawFd) -> io::Result<()> {
    set_option(socket, libc::SOL_SOCKET, libc::SO_BUSY_POLL, &BUSY_POLL)?;
    set_option(socket, libc::SOL_SOCKET, libc::SO_PREFER_BUSY_POLL, &1)
}

/// What a connection is made with.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConnectOptions {
    /// Its own address, IPv4; `None`: that of the route.
    pub from: Option<Ipv4Addr>,
    /// SO_RCVBUF, in bytes, which the kernel doubles; `None`: the kernel's.
    pub receive_buffer: Option<libc::c_int>,
}

/// socket(2) and connect(2) without waiting: the socket is writable when it is connected, and
/// [`TcpStream::take_error`] says how it went.
pub fn connect_nonblocking(address: SocketAddr, options: ConnectOptions) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => libc::AF_INET,
        SocketAddr::V6(_) => libc::AF_INET6,
    };
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: takes no pointer.
    let socket = own(check(unsafe { libc::socket(family, kind, 0) })?);
    if let Some(bytes) = options.receive_buffer {
        set_option(&socket, libc::SOL_SOCKET, libc::SO_RCVBUF, &bytes)?;
    }
    if let Some(from) = options.from {
        // The port is chosen by connect(2), which knows that one may have many peers (ip(7)).
        set_option(&socket, libc::IPPROTO_IP, libc::IP_BIND_ADDRESS_NO_PORT, &1)?;
        bind(&socket, &name_of(SocketAddrV4::new(from, 0)))?;
    }
    let result = match address {
        SocketAddr::V4(address) => connect(&socket, &name_of(address)),
        SocketAddr::V6(address) => {
            let name = libc::sockaddr_in6 {
                sin6_family: libc::AF_INET6 as libc::sa_family_t,
                sin6_port: address.port().to_be(),
                sin6_flowinfo: address.flowinfo(),
                sin6_addr: libc::in6_addr { s6_addr: address.ip().octets() },
                sin6_scope_id: address.scope_id(),
            };
            connect(&socket, &name)
        }
    };
    match result {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error),
        _ => Ok(TcpStream::from(socket)),
    }
}

fn name_of(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(address.ip().octets()) },
        sin_zero: [0; 8],
    }
}

/// socket(7), SO_LINGER with 0 s: the connection is reset when it is closed, and leaves no TIME-WAIT.
pub fn reset_on_close(stream: &TcpStream) -> io::Result<()> {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    set_option(stream, libc::SOL_SOCKET, libc::SO_LINGER, &linger)
}

/// setsockopt(2); `T` is what the option takes.
fn set_option<T>(
    socket: &impl AsRawFd,
    level: libc::c_int,
    option: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(mem::size_of::<T>()).unwrap_or(0);
    let socket = socket.as_raw_fd();
    // SAFETY: `length` live bytes at the pointer, which are copied.
    check(unsafe { libc::setsockopt(socket, level, option, (&raw const *value).cast(), length) })?;
    Ok(())
}

fn connect<T>(socket: &OwnedFd, name: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(mem::size_of::<T>()).unwrap_or(0);
    // SAFETY: `name` is a live socket address of `length` bytes; the kernel only reads it.
    check(unsafe { libc::connect(socket.as_raw_fd(), (&raw const *name).cast(), length) })?;
    Ok(())
}

fn bind<T>(socket: &OwnedFd, name: &T) -> io::Result<()> {
    let length = libc::socklen_t::try_from(mem::size_of::<T>()).unwrap_or(0);
    // SAFETY: `name` is a live socket address of `length` bytes; the kernel only reads it.
    check(unsafe { libc::bind(socket.as_raw_fd(), (&raw const *name).cast(), length) })?;
    Ok(())
}

static STOP_FD: AtomicI32 = AtomicI32::new(-1);
static STOP_REQUESTED: AtomicBool = AtomicBool::new(false);

extern "C" fn on_stop_signal(_signal: libc::c_int) {
    STOP_REQUESTED.store(true, Ordering::SeqCst);
    let one = 1_u64;
    // SAFETY: write(2) and errno are async-signal-safe; `one` is 8 live bytes, as an eventfd
    // wants; errno is put back, since the interrupted code may be about to read it.
    unsafe {
        let errno = *libc::__errno_location();
        libc::write(STOP_FD.load(Ordering::SeqCst), (&raw const one).cast(), mem::size_of::<u64>());
        *libc::__errno_location() = errno;
    }
}

/// The wish to end: SIGINT, SIGTERM or SIGHUP came, or [`Stop::request`] was called. Its
/// descriptor becomes readable and stays so.
pub struct Stop {
    fd: OwnedFd,
}

impl Stop {
    /// Takes the three signals. To be called once, before other threads start.
    pub fn install() -> io::Result<Self> {
        // SAFETY: takes no pointer.
        let fd = check(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        STOP_FD.store(fd, Ordering::SeqCst);
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
            // SAFETY: all zeroes is a valid sigaction: no flags, an empty mask.
            let mut action: libc::sigaction = unsafe { mem::zeroed() };
            action.sa_sigaction = on_stop_signal as *const () as libc::sighandler_t;
            // SAFETY: `action` lives during the call, and its handler is async-signal-safe.
            check(unsafe { libc::sigaction(signal, &raw const action, std::ptr::null_mut()) })?;
        }
        Ok(Self { fd: own(fd) })
    }

    /// Ends as if a signal had come.
    pub fn request() {
        on_stop_signal(0);
    }

    /// Whether the end is wished for.
    pub fn requested(&self) -> bool {
        STOP_REQUESTED.load(Ordering::SeqCst)
    }
}

impl AsFd for Stop {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Stop {
    fn drop(&mut self) {
        // The number may soon belong to another file: a late signal must not write into it.
        STOP_FD.store(-1, Ordering::SeqCst);
    }
}

/// Why [`wait_readable`] came back.
#[derive(Debug, PartialEq, Eq)]
pub enum Wake {
    /// There is something to read, or the other end is closed.
    Readable,
    /// The end is wished for.
    Stop,
    /// The time is over.
    Timeout,
}

/// poll(2) on a descriptor and on [`Stop`]; the latter goes first.
pub fn wait_readable(fd: &impl AsFd, stop: &Stop, timeout: Option<Duration>) -> io::Result<Wake> {
    let entry = |fd: BorrowedFd<'_>| libc::pollfd { fd: fd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    let mut entries = [entry(stop.as_fd()), entry(fd.as_fd())];
    // SAFETY: the pointer and the length are those of one live array.
    let result = check(unsafe { libc::poll(entries.as_mut_ptr(), 2, milliseconds(timeout)) });
    match result {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
        _ => {}
    }
    Ok(if stop.requested() || entries[0].revents != 0 {
        Wake::Stop
    } else if entries[1].revents != 0 {
        Wake::Readable
    } else {
        Wake::Timeout
    })
}

/// Has the kernel end this process when the thread that started it ends (PR_SET_PDEATHSIG).
/// An error when that parent, process `parent`, is already gone.
pub fn die_with_parent(parent: u32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) })?;
    if std::os::unix::process::parent_id() == parent {
        Ok(())
    } else {
        Err(io::Error::other(format!("process {parent}, which started this one, is gone")))
    }
}

/// Has the kernel end the process that `command` starts when the thread that started it ends.
pub fn end_with_us(command: &mut Command) {
    let parent = process::id();
    // SAFETY: prctl(2) and getppid(2) are async-signal-safe; an error is made without an allocation.
    unsafe {
        command.pre_exec(move || {
            check(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL))?;
            if std::os::unix::process::parent_id() == parent {
                Ok(())
            } else {
                Err(io::Error::from_raw_os_error(libc::ESRCH))
            }
        });
    }
}

/// memfd_create(2): a file without a name, which goes away with this value.
pub fn memory_file(content: &[u8]) -> io::Result<File> {
    // SAFETY: the name is a live string that ends with a zero.
    let fd = check(unsafe { libc::memfd_create(c"corelane-bench".as_ptr(), libc::MFD_CLOEXEC) })?;
    let mut file = File::from(own(fd));
    file.write_all(content)?;
    Ok(file)
}

/// Where others find a file of this process, while it is open.
pub fn path_of(file: &File) -> String {
    format!("/proc/{}/fd/{}", process::id(), file.as_raw_fd())
}

/// setsid(2): the scheduler's autogroup is made of sessions.
pub fn new_session() -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::setsid() })?;
    Ok(())
}

/// setpriority(2) for this process: -20 is the most, and needs CAP_SYS_NICE.
pub fn set_nice(nice: i32) -> io::Result<()> {
    // SAFETY: takes no pointer.
    check(unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) })?;
    Ok(())
}

/// geteuid(2).
pub fn is_root() -> bool {
    // SAFETY: takes no pointer and can't fail.
    unsafe { libc::geteuid() == 0 }
}

/// Context switches of all the threads of a process since its start.
#[derive(Debug, Clone, Copy)]
pub struct ContextSwitches {
    /// To wait for something.
    pub voluntary: u64,
    /// For another's turn.
    pub involuntary: u64,
}

/// Those of this process.
pub fn context_switches() -> io::Result<ContextSwitches> {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is to room for one rusage, which is valid as zeroes too.
    let usage = unsafe {
        check(libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr()))?;
        usage.assume_init()
    };
    let count = |switches| u64::try_from(switches).unwrap_or(0);
    Ok(ContextSwitches { voluntary: count(usage.ru_nvcsw), involuntary: count(usage.ru_nivcsw) })
}

/// Raises the limit of open files (RLIMIT_NOFILE) to at least `needed`; the hard limit too where
/// that is allowed. The error names the limit and the command that raises it.
pub fn raise_open_files(needed: u64) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is live and of the type that the call writes.
    check(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    if limit.rlim_cur >= needed {
        return Ok(());
    }
    let hard = limit.rlim_max;
    let set = |current, maximum| {
        let limit = libc::rlimit { rlim_cur: current, rlim_max: maximum };
        // SAFETY: `limit` lives during the call; the kernel only reads it.
        check(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) })
    };
    let Err(error) = set(needed, hard.max(needed)) else {
        return Ok(());
    };
    set(hard, hard)?; // as far as it goes
    let message = format!(
        "{needed} open files are needed and the hard limit is {hard} ({error}): \
         raise it with `ulimit -Hn {needed}` as root, or ask for fewer connections"
    );
    Err(io::Error::new(error.kind(), message))
}
