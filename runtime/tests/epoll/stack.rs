//! corelane: two stacks joined in memory, in virtual time, and `Poll`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;

use corelane::Worker;
use corelane::poll::net::{TcpListener, TcpStream};
use corelane::poll::{Events, Poll, Token};
use corelane_netstack::Instant;
use corelane_sim::LinkConfig;

use super::history::{End, Engine, History, How, LISTENER, Op};
use crate::support::Hosts;

/// For delayed ACKs; no retransmission and no window probe is due so early.
const SETTLED: Duration = Duration::from_millis(100);

struct Connection {
    ends: [Option<TcpStream>; 2],
    written: [usize; 2],
    read: [usize; 2],
}

pub struct Stack {
    poll: Poll,
    listener: TcpListener,
    peer: TcpListener,
    connections: Vec<Connection>,
    buf: Vec<u8>,
    hosts: Hosts,
}

fn text<T: std::fmt::Debug>(result: io::Result<T>) -> String {
    format!("{:?}", result.map_err(|error| error.kind()))
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

impl Stack {
    pub fn new() -> io::Result<Stack> {
        let config = LinkConfig { slots: 256, ..LinkConfig::default() };
        // Streams that are full have not to carry more than is needed.
        let hosts = Hosts::with(&config, |tcp| tcp.tcp_rmem = [4096, 16_384, 16_384].into());
        let (poll, listener) = hosts
            .server
            .enter(|| io::Result::Ok((Poll::new()?, TcpListener::bind(address("10.0.0.2:7"))?)))?;
        let peer = hosts.client.enter(|| TcpListener::bind(address("10.0.0.1:7")))?;
        let mut stack =
            Stack { poll, listener, peer, connections: Vec::new(), buf: vec![7; 64 * 1024], hosts };
        stack.settle();
        Ok(stack)
    }

    fn worker(&self, end: End) -> &Worker {
        match end {
            End::Local => &self.hosts.server,
            End::Peer => &self.hosts.client,
        }
    }

    fn prepare(&self, end: End, stream: &TcpStream) -> io::Result<()> {
        self.worker(end).enter(|| {
            stream.set_nodelay(true)?;
            stream.set_send_buffer_size(Some(16 * 1024))
        })
    }

    fn add(&mut self, local: Option<TcpStream>, peer: Option<TcpStream>) -> io::Result<()> {
        for (end, stream) in [(End::Local, &local), (End::Peer, &peer)] {
            if let Some(stream) = stream {
                self.prepare(end, stream)?;
            }
        }
        self.connections.push(Connection { ends: [local, peer], written: [0; 2], read: [0; 2] });
        Ok(())
    }

    /// Both take turns until nothing is under way.
    fn take_turns(&mut self) {
        while self.hosts.client.turn().is_busy() | self.hosts.server.turn().is_busy() {}
    }

    /// As `take_turns`, and time moves on by what delayed ACKs take.
    fn settle(&mut self) {
        let hosts = &mut self.hosts;
        let end = hosts.clock.now() + SETTLED;
        loop {
            while hosts.client.turn().is_busy() | hosts.server.turn().is_busy() {}
            let wire = hosts.link.next_arrival().map(|at| Instant::ZERO + at);
            let deadlines = [hosts.client.next_deadline(), hosts.server.next_deadline(), wire];
            let Some(next) = deadlines.into_iter().flatten().min().filter(|next| *next <= end) else {
                return;
            };
            hosts.clock.set(next.max(hosts.clock.now() + Duration::from_nanos(1)));
            hosts.link.advance_to(hosts.clock.now() - Instant::ZERO);
        }
    }

    fn stream(&self, index: usize, end: End) -> &TcpStream {
        self.connections[index].ends[end as usize].as_ref().unwrap()
    }

    fn open(&mut self, refused: bool) -> io::Result<()> {
        let to = address(if refused { "10.0.0.1:8" } else { "10.0.0.1:7" });
        let local = self.hosts.server.enter(|| TcpStream::connect(to))?;
        self.take_turns();
        let peer = match refused {
            true => None,
            false => Some(self.hosts.client.enter(|| self.peer.accept())?.0),
        };
        self.add(Some(local), peer)
    }

    fn read(&mut self, end: End, index: usize, length: usize) -> io::Result<usize> {
        let Stack { connections, buf, hosts, .. } = self;
        let worker = if end == End::Local { &hosts.server } else { &hosts.client };
        let connection = &mut connections[index];
        let mut stream = connection.ends[end as usize].as_ref().unwrap();
        let n = worker.enter(|| stream.read(&mut buf[..length]))?;
        connection.read[end as usize] += n;
        Ok(n)
    }

    fn write(&mut self, end: End, index: usize, length: usize) -> io::Result<usize> {
        let mut stream = self.stream(index, end);
        let n = self.worker(end).enter(|| stream.write(&self.buf[..length]))?;
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
            self.settle();
        }
        Ok(())
    }

    fn drain(&mut self, end: End, index: usize) -> io::Result<()> {
        while self.connections[index].read[end as usize] < self.connections[index].written[1 - end as usize] {
            match self.read(end, index, self.buf.len()) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.settle(),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn register(&mut self, op: Op) -> io::Result<()> {
        let Stack { poll, listener, connections, hosts, .. } = self;
        let registry = poll.registry();
        let source = match op {
            Op::Register(source, ..) | Op::Reregister(source, ..) | Op::Deregister(source) => source,
            _ => unreachable!(),
        };
        let connection = connections.get_mut(source).and_then(|c| c.ends[0].as_mut());
        let thing: &mut dyn corelane::poll::event::Source = match source {
            LISTENER => listener,
            _ => connection.unwrap(),
        };
        hosts.server.enter(|| match op {
            Op::Register(_, interest, trigger) => {
                registry.register_with(thing, Token(source), interest, trigger)
            }
            Op::Reregister(_, interest, trigger) => {
                registry.reregister_with(thing, Token(source), interest, trigger)
            }
            _ => registry.deregister(thing),
        })
    }

    fn events(&mut self, capacity: usize) -> io::Result<Vec<(usize, u32)>> {
        let mut events = Events::with_capacity(capacity);
        self.hosts.server.enter(|| self.poll.poll(&mut events, Some(Duration::ZERO)))?;
        Ok(events.iter().map(|event| (event.token().0, event.bits())).collect())
    }

    fn try_apply(&mut self, op: Op) -> io::Result<String> {
        Ok(match op {
            Op::Connect => {
                let peer = self.hosts.client.enter(|| TcpStream::connect(address("10.0.0.2:7")))?;
                self.take_turns();
                self.add(None, Some(peer))?;
                String::new()
            }
            Op::Open { refused } => text(self.open(refused)),
            Op::Accept(index) => {
                let accepted = self.hosts.server.enter(|| self.listener.accept());
                if let Ok((stream, _)) = &accepted {
                    self.prepare(End::Local, stream)?;
                }
                text(accepted.map(|(stream, _)| self.connections[index].ends[0] = Some(stream)))
            }
            Op::Register(..) | Op::Reregister(..) | Op::Deregister(_) => text(self.register(op)),
            Op::Read(end, index, length) => text(self.read(end, index, length)),
            Op::Write(end, index, length) => text(self.write(end, index, length)),
            Op::Shutdown(end, index, how) => {
                let how = match how {
                    How::Read => Shutdown::Read,
                    How::Write => Shutdown::Write,
                    How::Both => Shutdown::Both,
                };
                text(self.worker(end).enter(|| self.stream(index, end).shutdown(how)))
            }
            Op::TakeError(index) => {
                let taken = self.worker(End::Local).enter(|| self.stream(index, End::Local).take_error());
                text(taken.map(|e| e.map(|e| e.kind())))
            }
            Op::Close(end, index) => {
                let stream = self.connections[index].ends[end as usize].take();
                self.worker(end).enter(|| drop(stream));
                String::new()
            }
            Op::Reset(index) => {
                let stream = self.connections[index].ends[1].take().unwrap();
                self.worker(End::Peer).enter(|| stream.abort());
                String::new()
            }
            Op::Fill(end, index) => text(self.fill(end, index)),
            Op::Drain(end, index) => text(self.drain(end, index)),
            Op::Poll(capacity) => format!("{:x?}", self.events(capacity)?),
        })
    }
}

impl Engine for Stack {
    fn apply(&mut self, op: Op) -> String {
        let outcome = self.try_apply(op).unwrap();
        if History::waits_for_acks(op) {
            self.settle();
        } else if !matches!(op, Op::Poll(_) | Op::Register(..) | Op::Reregister(..) | Op::Deregister(_)) {
            self.take_turns();
        }
        if let Some(index) = History::ends_local(op)
            && self.connections[index].ends[1].is_some()
        {
            while let Ok(1..) = self.read(End::Peer, index, self.buf.len()) {}
            self.settle();
        }
        outcome
    }
}
