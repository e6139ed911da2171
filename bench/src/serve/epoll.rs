//! One thread on raw epoll(7), edge-triggered: per request one read, one write, and its share of
//! an epoll_wait. The bulk workloads are level-triggered (see [`Flow`]), and with `level` the others too.

use std::io::{self, Read};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use slab::Slab;

use super::session::{Next, Service, Session};
use super::{BUFFER, Server, accept_again, accept_error, write_some};
use crate::cli::Workload;
use crate::error::bad_input;
use crate::flow::Flow;
use crate::meter::Meter;
use crate::stream::READ;
use crate::sys::{self, Epoll, Events};

const LISTENER: u64 = 0;
const STOP: u64 = 1;
/// The token of connection 0.
const FIRST: u64 = 2;

/// Events that one epoll_wait may bring.
const EVENTS: usize = 256;

/// Serves until the stop.
pub fn run(server: &Server<'_>) -> anyhow::Result<()> {
    let listener = server.listen()?;
    listener.set_nonblocking(true)?;
    let epoll = Epoll::new()?;
    if server.busy_poll {
        let missing =
            |error| bad_input(format!("--engine epoll-tuned: {error}: it needs Linux 6.9 and CAP_NET_ADMIN"));
        sys::set_busy_poll(&listener).map_err(missing)?;
        epoll.set_busy_poll().map_err(missing)?;
    }
    epoll.add(&listener, sys::IN, LISTENER)?;
    epoll.add(server.stop, sys::IN, STOP)?;
    server.announce(listener.local_addr()?)?;

    let timeout = server.spin.then_some(Duration::ZERO);
    let mut events = Events::new(EVENTS);
    let mut connections = Connections::default();
    let mut buffers = Buffers::new(server.service);
    let mut meter = Meter::default();
    if server.spin {
        server.gauges.set_meter(meter.reader());
    }
    loop {
        epoll.wait(&mut events, timeout)?;
        if server.spin {
            meter.turn(Instant::now());
            if events.len() > 0 {
                meter.work();
            }
        }
        for index in 0..events.len() {
            match events.get(index) {
                (STOP, _) => return Ok(()),
                (LISTENER, _) => accept(&listener, &epoll, &mut connections, server)?,
                (token, flags) => connections.ready(&epoll, token, flags, &mut buffers),
            }
        }
    }
}

/// Takes all the connections that wait.
fn accept(
    listener: &TcpListener,
    epoll: &Epoll,
    connections: &mut Connections,
    server: &Server<'_>,
) -> anyhow::Result<()> {
    loop {
        let stream = match sys::accept_nonblocking(listener) {
            Ok(stream) => stream,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) if accept_again(&error) => continue,
            Err(error) => return Err(accept_error(&error)),
        };
        if stream.set_nodelay(true).is_err() {
            continue; // reset already
        }
        let entry = connections.0.vacant_entry();
        let token = entry.key() as u64 + FIRST; // usize is at most 64 bits
        let peer = Peer::new(stream, server);
        epoll.add(peer.stream(), peer.interest(), token)?;
        entry.insert(peer);
    }
}

/// Shared by all the connections, since one is served at a time.
struct Buffers {
    input: Vec<u8>,
    scratch: Vec<u8>,
}

impl Buffers {
    fn new(service: Service) -> Self {
        let size = if service.workload.is_bulk() { READ } else { BUFFER };
        Self { input: vec![0; size], scratch: Vec::new() }
    }
}

/// The open connections by their token.
#[derive(Default)]
struct Connections(Slab<Peer>);

impl Connections {
    /// Serves what is ready. A token whose connection was closed within the same wait is either
    /// empty or already another's, for which one read too many does no harm.
    fn ready(&mut self, epoll: &Epoll, token: u64, flags: u32, buffers: &mut Buffers) {
        let slot = usize::try_from(token - FIRST).unwrap_or(usize::MAX);
        let Some(peer) = self.0.get_mut(slot) else {
            return;
        };
        let before = peer.interest();
        let served = peer.serve(flags, buffers).and_then(|()| match peer.interest() {
            interest if interest == before => Ok(()),
            interest => epoll.modify(peer.stream(), interest, token),
        });
        if served.is_err() {
            self.0.remove(slot); // closes the socket
        }
    }
}

/// A client, as its workload wants it.
enum Peer {
    Asks(Connection),
    Streams(Flow),
}

impl Peer {
    fn new(stream: TcpStream, server: &Server<'_>) -> Self {
        match server.service.workload {
            Workload::Bulk => Self::Streams(Flow::sending(stream)),
            Workload::BulkUp => Self::Streams(Flow::receiving(stream)),
            _ => Self::Asks(Connection::new(stream, server)),
        }
    }

    fn stream(&self) -> &TcpStream {
        match self {
            Self::Asks(connection) => &connection.stream,
            Self::Streams(flow) => flow.stream(),
        }
    }

    fn interest(&self) -> u32 {
        match self {
            // An edge costs nothing when nobody wants it, a level is told again and again.
            Self::Asks(connection) if !connection.level => sys::IN | sys::OUT | sys::PEER_CLOSED | sys::EDGE,
            Self::Asks(connection) if connection.pending.is_empty() => sys::IN | sys::PEER_CLOSED,
            Self::Asks(_) => sys::OUT,
            Self::Streams(flow) => flow.interest(),
        }
    }

    /// Goes on. An error: the connection is over.
    fn serve(&mut self, flags: u32, buffers: &mut Buffers) -> io::Result<()> {
        match self {
            Self::Asks(connection) => connection.serve(flags, buffers),
            Self::Streams(flow) => match flow.ready(flags, &mut buffers.input) {
                Ok(_) => Ok(()),
                Err(error) => {
                    if error.kind() == io::ErrorKind::UnexpectedEof {
                        flow.send_verdict()?;
                    }
                    Err(error)
                }
            },
        }
    }
}

struct Connection {
    stream: TcpStream,
    session: Session,
    /// What the socket had no room for. While there is any, nothing is read.
    pending: Vec<u8>,
    closing: bool,
    level: bool,
}

impl Connection {
    fn new(stream: TcpStream, server: &Server<'_>) -> Self {
        let session = Session::new(server.service);
        Self { stream, session, pending: Vec::new(), closing: false, level: server.level }
    }

    /// Reads and answers until the socket is empty or full. An error: the connection is over.
    fn serve(&mut self, flags: u32, buffers: &mut Buffers) -> io::Result<()> {
        loop {
            if !self.flush()? {
                return Ok(());
            }
            if self.closing {
                return Err(io::ErrorKind::ConnectionAborted.into());
            }
            let length = match self.stream.read(&mut buffers.input) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let input = &buffers.input[..length];
            let (answer, next) = self.session.answer(input, &mut buffers.scratch);
            let written = write_some(&self.stream, answer)?;
            self.pending.extend_from_slice(&answer[written..]);
            self.closing = next == Next::Close;
            // epoll(7): less than asked for means that the socket is empty, so a further read
            // that only says so is saved -- unless the peer has closed, which comes just once.
            let drained = length < buffers.input.len() && flags & sys::CLOSED == 0;
            if drained && self.pending.is_empty() && !self.closing {
                return Ok(());
            }
        }
    }

    /// Whether all that was pending is out.
    fn flush(&mut self) -> io::Result<bool> {
        if !self.pending.is_empty() {
            let written = write_some(&self.stream, &self.pending)?;
            self.pending.drain(..written);
        }
        Ok(self.pending.is_empty())
    }
}
