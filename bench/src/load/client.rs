//! The loop of the client on kernel sockets: one thread, edge-triggered epoll. Per request one read, one write, one
//! look at the clock, and a share of an epoll_wait: the client's core is the limit of most beds.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use super::beside::Beside;
use super::connection::Connection;
use super::exchange::{Exchange, Progress};
use super::in_flight::InFlight;
use super::open_loop::{DRAIN, OpenLoop};
use super::report::Report;
use super::silence::{self, STALL, Silence};
use super::tally::Tally;
use super::window::{Phase, Window};
use super::{mark, no_server};
use crate::cli::{LoadArgs, Workload};
use crate::flow::Flow;
use crate::meter::Meter;
use crate::serve;
use crate::stream::READ;
use crate::sys::{self, ConnectOptions, Epoll, Events, Stop};

/// The token of the stop; connections have their index.
const STOP: u64 = u64::MAX;

/// Events that one epoll_wait may bring. The phase is looked at once in between.
const EVENTS: usize = 256;

/// Bytes that one read takes at most; [`READ`] for the bulk workloads.
const BUFFER: usize = 64 * 1024;

/// For one connection to be made.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

const INTEREST: u32 = sys::IN | sys::OUT | sys::PEER_CLOSED | sys::EDGE;

/// Runs the load that `args` asks for.
pub fn run(args: &LoadArgs, stop: &Stop) -> anyhow::Result<Report> {
    let mut client = Client::new(args)?;
    client.epoll.add(stop, sys::IN, STOP)?;
    let beside = Beside::start(args, stop)?;
    client.connect_all()?;
    let measured = client.measure()?;
    client.hear_verdicts();
    let beside = beside.end(args, &mut client.tally)?;
    let report = Report::new(args.workload, args.connections, args.size, &client.tally, measured);
    Ok(report.with_busy(client.busy).with_open_loop(client.open_loop.as_ref()).with_beside(beside))
}

/// What goes over a connection.
enum Line {
    Asks(Connection),
    Streams(Flow),
}

struct Client<'a> {
    args: &'a LoadArgs,
    epoll: Epoll,
    /// `None`: broken, and not made again.
    lines: Vec<Option<Line>>,
    alive: usize,
    in_flight: InFlight,
    /// `None`: closed loop.
    open_loop: Option<OpenLoop>,
    tally: Tally,
    meter: Meter,
    /// In the measured time; `None` when the client may sleep.
    busy: Option<Duration>,
    buffer: Vec<u8>,
    failures_in_row: u32,
}

impl<'a> Client<'a> {
    fn new(args: &'a LoadArgs) -> anyhow::Result<Self> {
        Ok(Self {
            args,
            epoll: Epoll::new()?,
            lines: Vec::with_capacity(args.connections),
            alive: 0,
            in_flight: InFlight::new(args.connections, args.in_flight),
            open_loop: super::open_loop(args)?,
            meter: Meter::default(),
            busy: None,
            tally: Tally::new(args.connections)?,
            buffer: vec![0; if args.workload.is_bulk() { READ } else { BUFFER }],
            failures_in_row: 0,
        })
    }

    /// Makes the connections one after the other. That the first fails is the user's to mend;
    /// later failures are counted.
    fn connect_all(&mut self) -> anyhow::Result<()> {
        for index in 0..self.args.connections {
            match self.connect(index) {
                Ok(line) => {
                    self.lines.push(Some(line));
                    self.alive += 1;
                }
                Err(error) if self.alive == 0 => return Err(no_server(self.args, &error)),
                Err(error) => {
                    self.tally.connection_error(&error);
                    self.lines.push(None);
                    let _ = self.in_flight.broke(index); // who asks in its place does so first
                }
            }
        }
        Ok(())
    }

    fn connect(&self, index: usize) -> io::Result<Line> {
        let args = self.args;
        let id = index as u64; // usize is at most 64 bits
        let stream = TcpStream::connect_timeout(&args.addr, CONNECT_TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        if let Some(name) = &args.congestion {
            let refused = |error: io::Error| io::Error::other(serve::no_congestion(name, &error));
            sys::set_congestion(&stream, name).map_err(refused)?;
        }
        let flow = match args.workload {
            Workload::Bulk => Flow::receiving(stream),
            Workload::BulkUp => Flow::sending(stream),
            workload => {
                self.epoll.add(&stream, INTEREST, id)?;
                let exchange =
                    Exchange::new(index, workload, args.size, args.client_closes).pipelined(args.pipeline);
                return Ok(Line::Asks(Connection::new(stream, exchange)));
            }
        };
        self.epoll.add(flow.stream(), flow.interest(), id)?;
        Ok(Line::Streams(flow))
    }

    /// Sends on all the connections, or when requests are due, and goes on until the window closes; how long was measured.
    fn measure(&mut self) -> anyhow::Result<Duration> {
        let mut window = Window::new(self.args, Instant::now());
        let mut events = Events::new(EVENTS);
        self.start_all()?;
        // The client of an open loop would be late by each wake-up.
        let spins = self.args.spin || self.open_loop.is_some();
        let mut silence = Silence::new(Instant::now());
        let end = loop {
            let now = Instant::now();
            self.meter.turn(now);
            match window.advance(now, self.tally.requests) {
                Phase::Measure if !self.tally.measuring => self.start_measuring(now)?,
                Phase::WarmUp | Phase::Measure => {}
                Phase::Over => break now,
            }
            silence.check(now, self.alive, &self.tally)?;
            self.start_due(now)?;
            let patience = window.until_change(now).map_or(STALL, |change| change.min(STALL));
            self.wait(&mut events, if spins { Duration::ZERO } else { patience }, window.wanted())?;
        };
        self.busy = spins.then(|| self.meter.busy());
        mark(self.args, "end")?;
        self.drain(end, &mut events)?;
        Ok(window.measured())
    }

    fn start_all(&mut self) -> anyhow::Result<()> {
        let indices = 0..self.lines.len();
        if let Some(open_loop) = &mut self.open_loop {
            let lines = &self.lines;
            open_loop.start(Instant::now(), indices.filter(|index| lines[*index].is_some()));
            return Ok(());
        }
        let first = indices.filter(|index| self.in_flight.asks_first(*index)).collect::<Vec<_>>();
        for index in first {
            self.start(index, Instant::now())?;
        }
        Ok(())
    }

    fn start_measuring(&mut self, now: Instant) -> anyhow::Result<()> {
        self.tally.measuring = true;
        self.meter.restart();
        if let Some(open_loop) = &mut self.open_loop {
            open_loop.open(now, &mut self.tally);
        }
        Ok(mark(self.args, "start")?)
    }

    /// Sends what is due in an open loop.
    fn start_due(&mut self, now: Instant) -> anyhow::Result<()> {
        let due = |client: &mut Self| client.open_loop.as_mut()?.due(now, &mut client.tally);
        while let Some((connection, due)) = due(self) {
            self.meter.work();
            self.start(connection, due)?;
        }
        Ok(())
    }

    /// Goes on with all connections that have an event, while no more than `wanted` requests were measured.
    fn wait(&mut self, events: &mut Events, patience: Duration, wanted: u64) -> anyhow::Result<()> {
        self.epoll.wait(events, Some(patience))?;
        for index in 0..events.len() {
            let (token, flags) = events.get(index);
            anyhow::ensure!(token != STOP, "stopped by a signal before the end");
            self.meter.work();
            if self.tally.requests < wanted {
                self.ready(usize::try_from(token)?, flags)?;
            }
        }
        Ok(())
    }

    /// Waits for the answers to what an open loop has sent: the slowest ones would be missing in its percentiles.
    fn drain(&mut self, end: Instant, events: &mut Events) -> anyhow::Result<()> {
        self.start_due(end)?; // what has come due since the last look, and has a connection
        let Some(open_loop) = &mut self.open_loop else { return Ok(()) };
        open_loop.close(end);
        self.tally.measuring = false;
        let is_under_way = |client: &Self| client.open_loop.as_ref().is_some_and(OpenLoop::is_under_way);
        while is_under_way(self) && end.elapsed() < DRAIN {
            self.wait(events, DRAIN.saturating_sub(end.elapsed()), u64::MAX)?;
        }
        if let Some(open_loop) = &mut self.open_loop {
            open_loop.leave_all(Instant::now(), &mut self.tally);
        }
        Ok(())
    }

    /// Sends the next request; for crr and http-close on a connection of its own.
    fn start(&mut self, index: usize, now: Instant) -> anyhow::Result<()> {
        let Some(Some(Line::Asks(connection))) = self.lines.get_mut(index) else {
            return Ok(());
        };
        connection.start(now);
        let result = if self.args.workload.reconnects() {
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
        let Some(Some(line)) = self.lines.get_mut(index) else {
            return Ok(());
        };
        let connection = match line {
            Line::Asks(connection) => connection,
            Line::Streams(flow) => {
                return match flow.ready(flags, &mut self.buffer) {
                    Ok((count, wrong)) => {
                        self.tally.stream(index, count, wrong);
                        Ok(())
                    }
                    Err(error) => self.failed(index, &error),
                };
            }
        };
        match connection.ready(flags, &mut self.buffer, &mut self.tally) {
            Ok(Progress::Waiting) => Ok(()),
            Ok(Progress::Answered) => {
                // The end of this request and the start of the next: one look at the clock.
                let now = Instant::now();
                self.failures_in_row = 0;
                let Some(open_loop) = &mut self.open_loop else {
                    connection.finish(now, &mut self.tally);
                    let next = self.in_flight.after(index);
                    return self.start(next, now);
                };
                connection.finish_due(now, &mut self.tally);
                match open_loop.answered(index, now, &mut self.tally) {
                    Some(due) => self.start(index, due),
                    None => Ok(()),
                }
            }
            Err(error) => self.failed(index, &error),
        }
    }

    /// Counts a failure. One that is made anew for each request tries again; another one is lost.
    fn failed(&mut self, index: usize, error: &io::Error) -> anyhow::Result<()> {
        self.tally.connection_error(error);
        if !self.args.workload.reconnects() {
            self.lines[index] = None;
            self.alive -= 1;
            if let Some(open_loop) = &mut self.open_loop {
                open_loop.broke(index, Instant::now(), &mut self.tally);
                return Ok(());
            }
            return match self.in_flight.broke(index) {
                Some(next) => self.start(next, Instant::now()),
                None => Ok(()),
            };
        }
        anyhow::ensure!(
            error.kind() != io::ErrorKind::AddrNotAvailable,
            "no free local port is left: set net.ipv4.tcp_tw_reuse=1 or widen \
             net.ipv4.ip_local_port_range with sysctl"
        );
        self.failures_in_row += 1;
        silence::check_connects(self.failures_in_row, error)?;
        self.start(index, Instant::now())
    }

    /// Ends the streams of bulk-up, and adds what the server found wrong in them.
    fn hear_verdicts(&mut self) {
        if self.args.workload != Workload::BulkUp {
            return;
        }
        let lines = self.lines.iter_mut().flatten();
        let flows = lines.filter_map(|line| if let Line::Streams(flow) = line { Some(flow) } else { None });
        let mut flows: Vec<&mut Flow> = flows.collect();
        let end = |flow: &mut Flow| {
            flow.stream().set_nonblocking(false)?;
            flow.stream().set_read_timeout(Some(STALL))?;
            flow.stream().shutdown(Shutdown::Write)
        };
        // All at once: none has to wait for the others.
        let ended: Vec<io::Result<()>> = flows.iter_mut().map(|flow| end(flow)).collect();
        for (flow, ended) in flows.into_iter().zip(ended) {
            match ended.and_then(|()| flow.verdict()) {
                Ok(errors) => self.tally.byte_errors += errors,
                Err(error) => self.tally.connection_error(&error),
            }
        }
    }
}

/// A socket that is connecting; it has an event when it is connected or refused.
fn reconnect(args: &LoadArgs, epoll: &Epoll, token: u64) -> io::Result<TcpStream> {
    let stream = sys::connect_nonblocking(args.addr, ConnectOptions::default())?;
    stream.set_nodelay(true)?;
    epoll.add(&stream, INTEREST, token)?;
    Ok(stream)
}
