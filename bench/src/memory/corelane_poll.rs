//! Two corelane workers on one thread: an event loop with `Poll` at both ends, as a program for mio has it.

use std::io::{self, ErrorKind, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use corelane::poll::event::Event;
use corelane::poll::net::{TcpListener, TcpStream};
use corelane::poll::{Events, Interest, Poll, Token};
use corelane::{Chunk, Worker};
use corelane_drivers::sim::LinkQueue;

use super::corelane::worker;
use super::{Pair, SharedClient, link};
use crate::cli::MemoryArgs;

const LISTENER: Token = Token(usize::MAX);

/// As the frames of a turn: each brings an event at most.
const EVENTS: usize = 64;

/// A worker with its event loop.
struct Host {
    worker: Worker,
    poll: Poll,
    events: Events,
}

impl Host {
    fn new(worker: Worker) -> io::Result<Self> {
        let poll = worker.enter(Poll::new)?;
        Ok(Self { worker, poll, events: Events::with_capacity(EVENTS) })
    }

    /// The event loop, twice around at most: the second poll sends what was said in answer to the first one's events. Until nothing was
    /// left to be told, each of ten thousand connections would have said something before the other end read the first of it.
    fn run(&mut self, mut handle: impl FnMut(&Poll, &Event) -> io::Result<()>) -> io::Result<()> {
        let Self { worker, poll, events } = self;
        worker.enter(|| {
            for _ in 0..2 {
                poll.poll(events, Some(Duration::ZERO))?;
                if events.is_empty() {
                    break;
                }
                events.iter().try_for_each(|event| handle(poll, event))?;
            }
            Ok(())
        })
    }
}

struct Server {
    listener: TcpListener,
    /// With what came and found no room to go back.
    streams: Vec<(TcpStream, Option<Chunk>)>,
}

struct Asker {
    streams: Vec<TcpStream>,
    connected: usize,
    wanted: usize,
    client: SharedClient,
}

/// The engine.
pub struct CorelanePoll {
    server_host: Host,
    server: Server,
    host: Host,
    asker: Asker,
}

impl CorelanePoll {
    /// Listens; connects in its turns.
    pub fn new(
        args: &MemoryArgs,
        (client_queue, server_queue): (LinkQueue, LinkQueue),
        client: SharedClient,
    ) -> anyhow::Result<Self> {
        let server_host = Host::new(worker(server_queue, link::SERVER)?)?;
        let listener = server_host.worker.enter(|| {
            let mut listener = TcpListener::bind(SocketAddr::from((link::SERVER, link::PORT)))?;
            server_host.poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
            io::Result::Ok(listener)
        })?;
        Ok(Self {
            server_host,
            server: Server { listener, streams: Vec::new() },
            host: Host::new(worker(client_queue, link::CLIENT)?)?,
            asker: Asker { streams: Vec::new(), connected: 0, wanted: args.all_connections(), client },
        })
    }
}

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// `None` instead of an error where there is nothing to be had now.
fn now<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error),
    }
}

fn closed() -> io::Error {
    io::Error::new(ErrorKind::UnexpectedEof, "the other end closed a connection")
}

impl Server {
    fn handle(&mut self, poll: &Poll, event: &Event) -> io::Result<()> {
        if event.token() == LISTENER {
            return self.accept(poll);
        }
        let (stream, waiting) = &mut self.streams[event.token().0];
        echo(stream, waiting)
    }

    fn accept(&mut self, poll: &Poll) -> io::Result<()> {
        while let Some((mut stream, _peer)) = now(self.listener.accept())? {
            stream.set_nodelay(true)?;
            poll.registry().register(&mut stream, Token(self.streams.len()), BOTH)?;
            self.streams.push((stream, None));
        }
        Ok(())
    }
}

/// Sends back what comes, the received buffers themselves.
fn echo(stream: &TcpStream, waiting: &mut Option<Chunk>) -> io::Result<()> {
    loop {
        let chunk = match waiting.take() {
            Some(chunk) => chunk,
            None => match now(stream.recv_chunk())? {
                Some(chunk) => chunk.ok_or_else(closed)?,
                None => return Ok(()),
            },
        };
        if let Err(refused) = stream.try_send(chunk) {
            *waiting = Some(refused.chunk);
            return now(Err(refused.error)).map(|_: Option<()>| ());
        }
    }
}

impl Asker {
    fn open(&mut self, poll: &Poll) -> io::Result<()> {
        for _ in 0..link::may_open(self.wanted, self.streams.len(), self.connected) {
            let mut stream = TcpStream::connect(SocketAddr::from((link::SERVER, link::PORT)))?;
            stream.set_nodelay(true)?;
            poll.registry().register(&mut stream, Token(self.streams.len()), BOTH)?;
            self.streams.push(stream);
        }
        Ok(())
    }

    fn handle(&mut self, event: &Event) -> io::Result<()> {
        let index = event.token().0;
        if event.is_error()
            && let Some(error) = self.streams[index].take_error()?
        {
            return Err(error);
        }
        if self.connected < self.streams.len() {
            self.connected += usize::from(event.is_writable());
            return Ok(());
        }
        if event.is_readable() && self.read(index)? {
            return Ok(());
        }
        self.write(index)
    }

    /// Whether the answer was complete: then the next question is on its way, or waits for room.
    fn read(&mut self, index: usize) -> io::Result<bool> {
        let mut is_asked = false;
        while let Some(chunk) = now(self.streams[index].recv_chunk())? {
            let chunk = chunk.ok_or_else(closed)?;
            if self.client.borrow_mut().answer(index, &chunk) {
                drop(chunk); // its buffer is the warmest one
                self.write(index)?;
                is_asked = true;
            }
        }
        Ok(is_asked)
    }

    fn write(&mut self, index: usize) -> io::Result<()> {
        let mut client = self.client.borrow_mut();
        while !client.unsent(index).is_empty() {
            let Some(count) = now(self.streams[index].write(client.unsent(index)))? else { break };
            client.sent(index, count);
        }
        Ok(())
    }
}

impl Pair for CorelanePoll {
    fn turn(&mut self, _now: Duration) -> anyhow::Result<()> {
        let Self { server_host, server, host, asker } = self;
        if asker.streams.len() < asker.wanted {
            host.worker.enter(|| asker.open(&host.poll))?;
        }
        host.run(|_, event| asker.handle(event))?;
        server_host.run(|poll, event| server.handle(poll, event))?;
        Ok(())
    }

    fn connected(&self) -> usize {
        self.asker.connected.min(self.server.streams.len())
    }

    fn start(&mut self, mut which: Range<usize>) -> anyhow::Result<()> {
        let Self { host, asker, .. } = self;
        host.worker.enter(|| {
            which.try_for_each(|index| {
                asker.client.borrow_mut().ask(index);
                asker.write(index)
            })
        })?;
        Ok(())
    }
}
