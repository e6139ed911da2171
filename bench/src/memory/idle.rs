//! Very many connections that are open and have nothing to say: what memory they take, and whether they are there still.

use std::fmt;
use std::iter;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant as Clock};

use corelane_drivers::sim::LinkQueue;
use corelane_netstack::{Config, Error, Event, Instant, Ipv4Cidr, ListenerId, SocketId};
use serde::{Deserialize, Serialize};

use super::corelane_stack::Host;
use super::link;
use crate::cli::{Engine, MemoryArgs};
use crate::error::bad_input;
use crate::load::pattern;
use crate::process;
use crate::sys::Stop;

/// Connections that are opened, or asked, at the same time.
const BATCH: usize = 64;

/// Connections that are asked again at the end.
const SAMPLE: usize = 1000;

/// Bytes of a question: it goes out in one segment.
const MAX_SIZE: usize = 1400;

/// Without a step forward for so long, the run gives up.
const STALL: Duration = Duration::from_secs(10);

/// The result.
#[derive(Serialize, Deserialize, Debug, Clone)]
pub struct IdleReport {
    /// Connections held. Both ends are in this process, so there are twice as many records.
    pub connections: usize,
    /// Bytes of the question, and of the answer, that each connection has exchanged.
    pub size: usize,
    /// Bytes that the process has grown by for each record of the second half, by VmRSS.
    pub resident_bytes_each: f64,
    /// Bytes that a record and its flow take, by their sizes.
    pub record_bytes_each: usize,
    /// The record of an opening whose third ACK is missing.
    pub half_open_bytes: usize,
    /// The record of a connection in TIME-WAIT.
    pub time_wait_bytes: usize,
    /// The record of any other.
    pub connection_bytes: usize,
    /// VmRSS with all connections idle.
    pub resident_bytes: u64,
    /// Seconds to open all of them, with a question and an answer on each.
    pub seconds: f64,
    /// Connections that were asked again at the end, and answered.
    pub asked_again: usize,
    /// Bytes of answers that were wrong or too many.
    pub byte_errors: u64,
}

impl fmt::Display for IdleReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MIB: f64 = 1024.0 * 1024.0;
        let records = 2 * self.connections;
        writeln!(f, "{} idle connections over the in-memory link: {records} records", self.connections)?;
        writeln!(
            f,
            "  memory   {:.0} bytes a record by VmRSS, {} by the sizes of records; {:.0} MiB resident in all",
            self.resident_bytes_each,
            self.record_bytes_each,
            self.resident_bytes as f64 / MIB, // far below 2^52
        )?;
        writeln!(
            f,
            "  records  HalfOpen {}, TimeWait {}, Connection {} bytes",
            self.half_open_bytes, self.time_wait_bytes, self.connection_bytes
        )?;
        writeln!(f, "  time     {:.1} s to open all, with {} bytes each way", self.seconds, self.size)?;
        writeln!(f, "  after    {} asked again, {} wrong bytes", self.asked_again, self.byte_errors)
    }
}

/// A connection that was asked, and how much of its answer has come.
struct Asked {
    socket: SocketId,
    index: usize,
    received: usize,
}

/// Both ends.
struct Idle {
    client: Host,
    server: Host,
    listener: ListenerId,
    sockets: Vec<SocketId>,
    /// Of the client, open.
    opened: usize,
    accepted: usize,
    asked: Vec<Asked>,
    question: Vec<u8>,
    byte_errors: u64,
    begin: Clock,
}

/// Addresses of the client: each has ports for some of the connections.
fn addresses(connections: usize) -> impl Iterator<Item = Ipv4Addr> {
    let [a, b, c, _] = link::SERVER.octets();
    (0..connections.div_ceil(link::CONNECTIONS)).map(move |index| Ipv4Addr::new(a, b, c, 10 + index as u8)) // some 20
}

fn host(queue: LinkQueue, addresses: impl Iterator<Item = Ipv4Addr>) -> Host {
    let mut config = Config::default();
    config.addresses.extend(addresses.filter_map(|address| Ipv4Cidr::new(address, link::PREFIX)));
    config.tcp.ip_local_port_range = link::CLIENT_PORTS;
    Host::with_config(queue, config)
}

impl Idle {
    fn new(args: &MemoryArgs) -> anyhow::Result<Self> {
        let (client, server) = link::make(BATCH)?;
        let mut server = host(server, iter::once(link::SERVER));
        let listener = server.stack.listen(SocketAddr::from((link::SERVER, link::PORT)), usize::MAX)?;
        Ok(Self {
            client: host(client, addresses(args.connections)),
            server,
            listener,
            sockets: Vec::with_capacity(args.connections),
            opened: 0,
            accepted: 0,
            asked: Vec::with_capacity(BATCH),
            question: vec![0; args.size],
            byte_errors: 0,
            begin: Clock::now(),
        })
    }

    /// Turns both ends until `done`.
    fn until(&mut self, stop: &Stop, done: impl Fn(&Self) -> bool) -> anyhow::Result<()> {
        let start = self.begin.elapsed();
        for turn in 0_u32.. {
            if done(self) {
                break;
            }
            let time = self.begin.elapsed();
            self.turn_client(Instant::ZERO + time)?;
            self.turn_server(Instant::ZERO + time)?;
            if turn.is_multiple_of(1024) {
                anyhow::ensure!(!stop.requested(), "stopped by a signal before the end");
                let open = self.sockets.len();
                anyhow::ensure!(time - start < STALL, "nothing goes on, with {open} connections");
            }
        }
        Ok(())
    }

    fn turn_client(&mut self, now: Instant) -> anyhow::Result<()> {
        self.client.receive(now);
        while let Some(event) = self.client.stack.next_event() {
            match event {
                Event::Readable(socket) => self.read(socket)?,
                Event::Writable(_) => self.opened += 1,
                Event::Acceptable(_) => {}
                Event::Closed(_) => anyhow::bail!("a connection of the client broke"),
            }
        }
        self.client.transmit(now);
        Ok(())
    }

    fn read(&mut self, socket: SocketId) -> anyhow::Result<()> {
        loop {
            let chunk = match self.client.stack.read_chunk(socket) {
                Ok(Some(chunk)) => chunk,
                Ok(None) => anyhow::bail!("the server closed a connection"),
                Err(Error::WouldBlock) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let Some(place) = self.asked.iter().position(|asked| asked.socket == socket) else {
                anyhow::bail!("an answer on a connection that was not asked");
            };
            let asked = &mut self.asked[place];
            pattern::fill(&mut self.question, asked.index as u64, 1); // usize is at most 64 bits
            self.byte_errors += pattern::errors(&self.question, asked.received, &chunk);
            asked.received += chunk.len();
            if asked.received >= self.question.len() {
                self.asked.swap_remove(place);
            }
        }
    }

    fn turn_server(&mut self, now: Instant) -> anyhow::Result<()> {
        self.server.receive(now);
        while let Some(event) = self.server.stack.next_event() {
            match event {
                Event::Acceptable(_) => {
                    while let Ok((socket, _peer)) = self.server.stack.accept(self.listener) {
                        self.accepted += 1;
                        self.echo(socket)?;
                    }
                }
                Event::Readable(socket) => self.echo(socket)?,
                Event::Writable(_) => {}
                Event::Closed(_) => anyhow::bail!("a connection of the server broke"),
            }
        }
        self.server.transmit(now);
        Ok(())
    }

    /// Sends back what came, the received buffers themselves.
    fn echo(&mut self, socket: SocketId) -> anyhow::Result<()> {
        loop {
            match self.server.stack.read_chunk(socket) {
                Ok(Some(chunk)) => {
                    self.server.stack.write_chunk(socket, chunk).map_err(|refused| refused.error)?;
                }
                Ok(None) => anyhow::bail!("the client closed a connection"),
                Err(Error::WouldBlock) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Opens as many connections as `count`, each with a question and its answer.
    fn open(&mut self, count: usize, stop: &Stop) -> anyhow::Result<()> {
        let server = SocketAddr::from((link::SERVER, link::PORT));
        let (first, total) = (self.sockets.len(), self.sockets.len() + count);
        for index in first..total {
            let address = addresses(index + 1).last().unwrap_or(link::CLIENT);
            let socket = self.client.stack.connect(Some(SocketAddr::from((address, 0))), server)?;
            self.sockets.push(socket);
        }
        self.until(stop, |idle| idle.opened == total && idle.accepted == total)?;
        self.ask(first..total, stop)
    }

    /// Asks on these connections, and waits for the answers.
    fn ask(&mut self, indices: impl Iterator<Item = usize>, stop: &Stop) -> anyhow::Result<()> {
        for index in indices {
            let socket = self.sockets[index];
            pattern::fill(&mut self.question, index as u64, 1); // usize is at most 64 bits
            let count = self.client.stack.write(socket, &self.question)?;
            anyhow::ensure!(count == self.question.len(), "no room for a question of {count} bytes");
            self.asked.push(Asked { socket, index, received: 0 });
        }
        self.until(stop, |idle| idle.asked.is_empty())
    }

    /// Opens connections until there are `count`. Gives the seconds that it took.
    fn open_up_to(&mut self, count: usize, stop: &Stop) -> anyhow::Result<f64> {
        let begin = Clock::now();
        while self.sockets.len() < count {
            self.open(BATCH.min(count - self.sockets.len()), stop)?;
        }
        Ok(begin.elapsed().as_secs_f64())
    }

    /// Turns until nothing is owed, in flight or timed: then a connection is idle.
    fn rest(&mut self, stop: &Stop) -> anyhow::Result<()> {
        self.until(stop, |idle| idle.client.stack.timers() + idle.server.stack.timers() == 0)
    }
}

/// Opens the connections, lets them rest, weighs them, and asks some of them again.
pub fn hold(args: &MemoryArgs, stop: &Stop) -> anyhow::Result<IdleReport> {
    if args.engine != Engine::CorelaneStack {
        return Err(bad_input(format!("--idle --engine {}: it weighs corelane-stack only", args.engine)));
    }
    if args.connections <= BATCH || args.size > MAX_SIZE {
        return Err(bad_input(format!(
            "--idle takes more than {BATCH} connections, and questions of at most {MAX_SIZE} bytes"
        )));
    }
    let mut idle = Idle::new(args)?;
    // What the first half needs while it is busy stays with the process, and serves the other half too: buffers, lists, heap.
    let half = args.connections / 2;
    let mut seconds = idle.open_up_to(half, stop)?;
    idle.rest(stop)?;
    let before = process::resident_bytes()?;
    seconds += idle.open_up_to(args.connections, stop)?;
    idle.rest(stop)?;
    let after = process::resident_bytes()?;
    let step = args.connections.div_ceil(SAMPLE);
    let mut asked_again = 0;
    for first in (0..args.connections).step_by(step * BATCH) {
        let indices = (first..args.connections).step_by(step).take(BATCH);
        asked_again += indices.len();
        idle.ask(indices, stop)?;
    }
    let sizes = corelane_netstack::Stack::record_sizes();
    let records = 2 * (args.connections - half);
    Ok(IdleReport {
        connections: args.connections,
        size: args.size,
        resident_bytes_each: after.saturating_sub(before) as f64 / records as f64, // far below 2^52
        record_bytes_each: sizes.idle_connection(),
        half_open_bytes: sizes.half_open,
        time_wait_bytes: sizes.time_wait,
        connection_bytes: sizes.connection,
        resident_bytes: after,
        seconds,
        asked_again,
        byte_errors: idle.byte_errors,
    })
}
