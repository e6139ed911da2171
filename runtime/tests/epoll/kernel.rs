//! The kernel: TCP over the loopback interface, and epoll.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use corelane::poll::{Interest, Trigger};
use rustix::event::{Timespec, epoll};
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::history::{End, Engine, History, How, LISTENER, Op};

/// Of SO_SNDBUF; the kernel doubles it. Far more than the small writes of a history.
const SEND_BUFFER: usize = 64 * 1024;

/// What is on its way over the loopback interface waits in a queue of this CPU, and what answers it behind it: the softirq works
/// through all of them before a thread runs again. A datagram that has come through shows that it has; the second one is for what
/// the first may have met at the end of the softirq's budget.
const ROUNDS: usize = 2;

struct Connection {
    ends: [Option<TcpStream>; 2],
    /// What each end has written, and read.
    written: [usize; 2],
    read: [usize; 2],
}

pub struct Kernel {
    epoll: OwnedFd,
    listener: TcpListener,
    peer: TcpListener,
    /// Bound, and not listening.
    refusing: OwnedFd,
    connections: Vec<Connection>,
    barrier: UdpSocket,
    buf: Vec<u8>,
}

fn text<T: std::fmt::Debug>(result: io::Result<T>) -> String {
    format!("{:?}", result.map_err(|error| error.kind()))
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl Kernel {
    pub fn new() -> io::Result<Kernel> {
        let listen = || -> io::Result<TcpListener> {
            let listener = TcpListener::bind(loopback(0))?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        };
        let refusing = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None)?;
        rustix::net::bind(&refusing, &loopback(0))?;
        let barrier = UdpSocket::bind(loopback(0))?;
        barrier.connect(barrier.local_addr()?)?;
        barrier.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Kernel {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            listener: listen()?,
            peer: listen()?,
            refusing,
            connections: Vec::new(),
            barrier,
            buf: vec![7; 64 * 1024],
        })
    }

    fn add(&mut self, local: Option<TcpStream>, peer: Option<TcpStream>) -> io::Result<()> {
        for stream in local.iter().chain(&peer) {
            prepare(stream)?;
        }
        self.connections.push(Connection { ends: [local, peer], written: [0; 2], read: [0; 2] });
        Ok(())
    }

    fn pass_barrier(&self) -> io::Result<()> {
        for _ in 0..ROUNDS {
            self.barrier.send(b"!")?;
            self.barrier.recv(&mut [0])?;
        }
        Ok(())
    }

    /// Waits until nothing is under way, and nothing is left to be acknowledged.
    fn settle(&self) -> io::Result<()> {
        for stream in self.connections.iter().flat_map(|c| &c.ends).flatten() {
            sockopt::set_tcp_quickack(stream, true)?;
        }
        self.pass_barrier()
    }

    fn open(&mut self, refused: bool) -> io::Result<()> {
        let socket =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::NONBLOCK, None)?;
        let address = match refused {
            true => SocketAddr::try_from(rustix::net::getsockname(&self.refusing)?).unwrap(),
            false => self.peer.local_addr()?,
        };
        match rustix::net::connect(&socket, &address) {
            Ok(()) | Err(rustix::io::Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        self.pass_barrier()?;
        let peer = if refused { None } else { Some(self.peer.accept()?.0) };
        self.add(Some(socket.into()), peer)
    }

    fn stream(&self, index: usize, end: End) -> &TcpStream {
        self.connections[index].ends[end as usize].as_ref().unwrap()
    }

    fn source(&self, source: usize) -> BorrowedFd<'_> {
        match source {
            LISTENER => self.listener.as_fd(),
            index => self.stream(index, End::Local).as_fd(),
        }
    }

    fn read(&mut self, end: End, index: usize, length: usize) -> io::Result<usize> {
        let n = self.connections[index].ends[end as usize].as_ref().unwrap().read(&mut self.buf[..length])?;
        self.connections[index].read[end as usize] += n;
        Ok(n)
    }

    fn write(&mut self, end: End, index: usize, length: usize) -> io::Result<usize> {
        let n = self.stream(index, end).write(&self.buf[..length])?;
        self.connections[index].written[end as usize] += n;
        Ok(n)
    }

    fn fill(&mut self, end: End, index: usize) -> io::Result<()> {
        let mut refused = 0;
        while refused < 2 {
            match self.write(end, index, self.buf.len()) {
                Ok(_) => refused = 0,
                Err(error) if error.kind() == ErrorKind::WouldBlock => refused += 1,
                Err(error) => return Err(error),
            }
            self.settle()?;
        }
        Ok(())
    }

    fn drain(&mut self, end: End, index: usize) -> io::Result<()> {
        while self.connections[index].read[end as usize] < self.connections[index].written[1 - end as usize] {
            match self.read(end, index, self.buf.len()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.settle()?,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn events(&mut self, capacity: usize) -> io::Result<Vec<(usize, u32)>> {
        let nothing = epoll::Event { flags: epoll::EventFlags::empty(), data: epoll::EventData::new_u64(0) };
        let mut events = vec![nothing; capacity];
        let count = epoll::wait(&self.epoll, &mut events[..], Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))?;
        let told = |event: &epoll::Event| {
            let (data, flags) = (event.data, event.flags);
            (data.u64() as usize, flags.bits())
        };
        Ok(events[..count].iter().map(told).collect())
    }

    fn try_apply(&mut self, op: Op) -> io::Result<String> {
        let data = |source: usize| epoll::EventData::new_u64(source as u64);
        Ok(match op {
            Op::Connect => {
                let peer = TcpStream::connect(self.listener.local_addr()?)?;
                self.add(None, Some(peer))?;
                String::new()
            }
            Op::Open { refused } => text(self.open(refused)),
            Op::Accept(index) => {
                let accepted = self.listener.accept();
                if let Ok((stream, _)) = &accepted {
                    prepare(stream)?;
                }
                text(accepted.map(|(stream, _)| self.connections[index].ends[0] = Some(stream)))
            }
            Op::Register(source, interest, trigger) => {
                let flags = flags(interest, trigger);
                text(epoll::add(&self.epoll, self.source(source), data(source), flags).map_err(Into::into))
            }
            Op::Reregister(source, interest, trigger) => {
                let flags = flags(interest, trigger);
                text(epoll::modify(&self.epoll, self.source(source), data(source), flags).map_err(Into::into))
            }
            Op::Deregister(source) => {
                text(epoll::delete(&self.epoll, self.source(source)).map_err(Into::into))
            }
            Op::Read(end, index, length) => text(self.read(end, index, length)),
            Op::Write(end, index, length) => text(self.write(end, index, length)),
            Op::Shutdown(end, index, how) => text(self.stream(index, end).shutdown(match how {
                How::Read => Shutdown::Read,
                How::Write => Shutdown::Write,
                How::Both => Shutdown::Both,
            })),
            Op::TakeError(index) => {
                text(self.stream(index, End::Local).take_error().map(|e| e.map(|e| e.kind())))
            }
            Op::Close(end, index) => {
                self.connections[index].ends[end as usize] = None;
                String::new()
            }
            Op::Reset(index) => {
                sockopt::set_socket_linger(self.stream(index, End::Peer), Some(Duration::ZERO))?;
                self.connections[index].ends[1] = None;
                String::new()
            }
            Op::Fill(end, index) => text(self.fill(end, index)),
            Op::Drain(end, index) => text(self.drain(end, index)),
            Op::Poll(capacity) => format!("{:x?}", self.events(capacity)?),
        })
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    Ok(sockopt::set_socket_send_buffer_size(stream, SEND_BUFFER)?)
}

fn flags(interest: Interest, trigger: Trigger) -> epoll::EventFlags {
    let bit = |is: bool, flags| if is { flags } else { epoll::EventFlags::empty() };
    bit(interest.is_readable(), epoll::EventFlags::IN | epoll::EventFlags::RDHUP)
        | bit(interest.is_writable(), epoll::EventFlags::OUT)
        | match trigger {
            Trigger::Edge => epoll::EventFlags::ET,
            Trigger::Level => epoll::EventFlags::empty(),
            Trigger::OneShot => epoll::EventFlags::ONESHOT,
        }
}

impl Engine for Kernel {
    fn apply(&mut self, op: Op) -> String {
        let outcome = self.try_apply(op).unwrap();
        if History::waits_for_acks(op) {
            self.settle().unwrap();
        } else if !matches!(op, Op::Poll(_) | Op::Register(..) | Op::Reregister(..) | Op::Deregister(_)) {
            self.pass_barrier().unwrap();
        }
        if let Some(index) = History::ends_local(op)
            && self.connections[index].ends[1].is_some()
        {
            while let Ok(1..) = self.read(End::Peer, index, self.buf.len()) {}
            self.settle().unwrap();
        }
        outcome
    }
}

impl Drop for Kernel {
    /// Resets what is left, so that ten thousand histories leave few TIME-WAITs.
    fn drop(&mut self) {
        for stream in self.connections.iter().flat_map(|c| &c.ends).flatten() {
            let _ = sockopt::set_socket_linger(stream, Some(Duration::ZERO));
        }
    }
}
