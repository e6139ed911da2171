//! The loop of the client: one thread, edge-triggered epoll. Per request one read, one write, one
//! look at the clock, and a share of an epoll_wait: the client's core is the limit of most beds.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::connection::{Connection, Progress};
use super::report::Report;
use super::tally::Tally;
use super::window::{Phase, Window};
use crate::cli::{LoadArgs, Workload};
use crate::error::bad_input;
use crate::sys::{self, Epoll, Events, Stop};

/// The token of the stop; connections have their index.
const STOP: u64 = u64::MAX;

/// Events that one epoll_wait may bring. The phase is looked at once in between.
const EVENTS: usize = 256;

/// Bytes that one read takes at most.
const BUFFER: usize = 64 * 1024;

/// For one connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Without a single answer for so long, the load gives up.
const STALL: Duration = Duration::from_secs(10);

/// Failed connects in a row after which crr gives up.
const CONNECT_FAILURES: u32 = 100;

const INTEREST: u32 = sys::IN | sys::OUT | sys::PEER_CLOSED | sys::EDGE;

/// Runs the load that `args` asks for.
pub fn run(args: &LoadArgs, stop: &Stop) -> anyhow::Result<Report> {
    let mut client = Client::new(args)?;
    client.epoll.add(stop, sys::IN, STOP)?;
    client.connect_all()?;
    client.measure()?;
    Ok(client.report())
}

struct Client<'a> {
    args: &'a LoadArgs,
    epoll: Epoll,
    /// `None`: broken, and not made again.
    connections: Vec<Option<Connection>>,
    alive: usize,
    tally: Tally,
    buffer: Vec<u8>,
    failures_in_row: u32,
    measured: Duration,
}

impl<'a> Client<'a> {
    fn new(args: &'a LoadArgs) -> anyhow::Result<Self> {
        Ok(Self {
            args,
            epoll: Epoll::new()?,
            connections: Vec::with_capacity(args.connections),
            alive: 0,
            tally: Tally::new()?,
            buffer: vec![0; BUFFER],
            failures_in_row: 0,
            measured: Duration::ZERO,
        })
    }

    /// Makes the connections one after the other. That the first fails is the user's to mend;
    /// later failures are counted.
    fn connect_all(&mut self) -> anyhow::Result<()> {
        let address = self.args.addr;
        for index in 0..self.args.connections {
            let id = index as u64; // usize is at most 64 bits
            match self.connect(id) {
                Ok(connection) => {
                    self.connections.push(Some(connection));
                    self.alive += 1;
                }
                Err(error) if self.alive == 0 => {
                    return Err(bad_input(format!(
                        "--addr {address}: cannot connect ({error}): start the server first, as \
                         with `corelane-bench serve --engine epoll --addr {address}`"
                    )));
                }
                Err(error) => {
                    self.tally.connection_error(&error);
                    self.connections.push(None);
                }
            }
        }
        Ok(())
    }

    fn connect(&self, id: u64) -> io::Result<Connection> {
        let stream = TcpStream::connect_timeout(&self.args.addr, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        self.epoll.add(&stream, INTEREST, id)?;
        Ok(Connection::new(stream, id, self.args.workload, self.args.size))
    }

    /// Sends on all the connections, and goes on until the window closes.
    fn measure(&mut self) -> anyhow::Result<()> {
        let mut window = Window::new(self.args, Instant::now());
        let mut events = Events::new(EVENTS);
        for index in 0..self.connections.len() {
            self.start(index, Instant::now())?;
        }
        let (mut answered, mut answered_at) = (0, Instant::now());
        loop {
            let now = Instant::now();
            match window.advance(now, self.tally.requests) {
                Phase::Measure if !self.tally.measuring => {
                    self.tally.measuring = true;
                    self.mark("start")?;
                }
                Phase::WarmUp | Phase::Measure => {}
                Phase::Over => break,
            }
            if self.tally.answered != answered {
                (answered, answered_at) = (self.tally.answered, now);
            }
            self.check_alive(now.duration_since(answered_at))?;
            let patience = window.until_change(now).map_or(STALL, |change| change.min(STALL));
            self.epoll.wait(&mut events, Some(patience))?;
            for index in 0..events.len() {
                let (token, flags) = events.get(index);
                anyhow::ensure!(token != STOP, "stopped by a signal before the end");
                if self.tally.requests < window.wanted() {
                    self.ready(usize::try_from(token)?, flags)?;
                }
            }
        }
        self.mark("end")?;
        self.measured = window.measured();
        Ok(())
    }

    fn check_alive(&self, silence: Duration) -> anyhow::Result<()> {
        let tally = &self.tally;
        anyhow::ensure!(
            self.alive > 0,
            "all the connections broke; the first error: {}",
            tally.first_connection_error.as_deref().unwrap_or("unknown")
        );
        anyhow::ensure!(
            silence < STALL,
            "no answer for {} s (after {} answers, {} byte errors, {} connection errors)",
            STALL.as_secs(),
            tally.answered,
            tally.byte_errors,
            tally.connection_errors
        );
        Ok(())
    }

    /// Sends the next request; for crr on a connection of its own.
    fn start(&mut self, index: usize, now: Instant) -> anyhow::Result<()> {
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return Ok(());
        };
        connection.start(now);
        let result = if self.args.workload == Workload::Crr {
            reconnect(self.args, &self.epoll, index as u64).map(|stream| connection.replace(stream))
        } else {
            connection.write()
        };
        match result {
            Ok(()) => Ok(()),
            Err(error) => self.failed(index, &error),
        }
    }

    /// Goes on with a connection that has an event.
    fn ready(&mut self, index: usize, flags: u32) -> anyhow::Result<()> {
        let Some(Some(connection)) = self.connections.get_mut(index) else {
            return Ok(());
        };
        match connection.ready(flags, &mut self.buffer, &mut self.tally) {
            Ok(Progress::Waiting) => Ok(()),
            Ok(Progress::Answered) => {
                // The end of this request and the start of the next: one look at the clock.
                let now = Instant::now();
                connection.finish(now, &mut self.tally);
                self.failures_in_row = 0;
                self.start(index, now)
            }
            Err(error) => self.failed(index, &error),
        }
    }

    /// Counts a failure. A crr connection tries again; another one is lost.
    fn failed(&mut self, index: usize, error: &io::Error) -> anyhow::Result<()> {
        self.tally.connection_error(error);
        if self.args.workload != Workload::Crr {
            self.connections[index] = None;
            self.alive -= 1;
            return Ok(());
        }
        anyhow::ensure!(
            error.kind() != io::ErrorKind::AddrNotAvailable,
            "no free local port is left: set net.ipv4.tcp_tw_reuse=1 or widen \
             net.ipv4.ip_local_port_range with sysctl"
        );
        self.failures_in_row += 1;
        anyhow::ensure!(
            self.failures_in_row < CONNECT_FAILURES,
            "{CONNECT_FAILURES} connections in a row failed; the last: {error}"
        );
        self.start(index, Instant::now())
    }

    /// Tells `compare` where the measured time starts and ends.
    fn mark(&self, what: &str) -> io::Result<()> {
        if self.args.marks {
            let mut out = io::stdout().lock();
            writeln!(out, "{what}")?;
            out.flush()?;
        }
        Ok(())
    }

    fn report(self) -> Report {
        let seconds = self.measured.as_secs_f64();
        let rate = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        let size = super::payload(self.args.workload, self.args.size);
        let requests = self.tally.requests as f64; // exact up to 2^53
        let answered = |connection: &&Option<Connection>| {
            connection.as_ref().is_some_and(|connection| connection.measured > 0)
        };
        Report {
            workload: self.args.workload,
            connections: self.args.connections,
            size,
            seconds,
            requests: self.tally.requests,
            requests_per_second: rate(requests),
            latency_us: self.tally.latency(),
            gbit_per_second: rate(requests * size as f64 * 8.0 / 1e9),
            byte_errors: self.tally.byte_errors,
            connection_errors: self.tally.connection_errors,
            starved_connections: self.args.connections - self.connections.iter().filter(answered).count(),
            first_connection_error: self.tally.first_connection_error,
        }
    }
}

/// A socket that is connecting; it has an event when it is connected or refused.
fn reconnect(args: &LoadArgs, epoll: &Epoll, token: u64) -> io::Result<TcpStream> {
    let stream = sys::connect_nonblocking(args.addr)?;
    stream.set_nodelay(true)?;
    epoll.add(&stream, INTEREST, token)?;
    Ok(stream)
}
