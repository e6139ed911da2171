//! Two corelane stacks, driven by hand: what the stack costs without the runtime.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::Duration;

use corelane_drivers::sim::LinkQueue;
use corelane_netstack::{Config, Error, Event, Instant, Ipv4Cidr, Link, ListenerId, SocketId, Stack};
use corelane_nic::{Chunk, Queue, RxBurst, TxBurst};

use super::{Pair, SharedClient, link};
use crate::cli::MemoryArgs;

/// Frames that a turn takes and sends.
const BURST: usize = 64;

/// Nobody attacks this link, and the same keys give the same hash chains in every run.
const SECRET: [u8; 32] = [42; 32];

/// A stack on its end of the link.
pub struct Host {
    /// Its stack.
    pub stack: Stack,
    queue: LinkQueue,
    rx: RxBurst,
    tx: TxBurst,
}

/// A stack with its address, as all corelane engines of this bed have it.
pub fn stack(queue: &LinkQueue, address: Ipv4Addr) -> Stack {
    let mut config = Config::default();
    config.addresses.extend(Ipv4Cidr::new(address, link::PREFIX));
    config.tcp.ip_local_port_range = link::CLIENT_PORTS;
    with_config(queue, config)
}

fn with_config(queue: &LinkQueue, config: Config) -> Stack {
    Stack::new(config, Link::from(queue.info()), queue.pool().clone(), SECRET)
}

impl Host {
    fn new(queue: LinkQueue, address: Ipv4Addr) -> Self {
        let stack = stack(&queue, address);
        Self::with_stack(queue, stack)
    }

    /// With settings of its own.
    pub fn with_config(queue: LinkQueue, config: Config) -> Self {
        let stack = with_config(&queue, config);
        Self::with_stack(queue, stack)
    }

    fn with_stack(queue: LinkQueue, stack: Stack) -> Self {
        Self { stack, queue, rx: RxBurst::with_capacity(BURST), tx: TxBurst::with_capacity(BURST) }
    }

    /// What has come, and what is due.
    pub fn receive(&mut self, now: Instant) {
        self.queue.receive(&mut self.rx);
        self.stack.receive(now, &mut self.rx);
        self.stack.expire(now);
    }

    /// What is to be sent.
    pub fn transmit(&mut self, now: Instant) {
        self.stack.transmit(now, &mut self.tx);
        self.queue.transmit(&mut self.tx);
    }
}

/// The engine.
pub struct CorelaneStack {
    server: Host,
    listener: ListenerId,
    /// By slot: what came and found no room to go back.
    waiting: Vec<Option<Chunk>>,
    accepted: usize,
    host: Host,
    client: SharedClient,
    /// By connection.
    sockets: Vec<SocketId>,
    /// By slot: its connection.
    connections: Vec<usize>,
    connected: usize,
    wanted: usize,
}

impl CorelaneStack {
    /// Listens; connects in its turns.
    pub fn new(
        args: &MemoryArgs,
        (client_queue, server_queue): (LinkQueue, LinkQueue),
        client: SharedClient,
    ) -> anyhow::Result<Self> {
        let mut server = Host::new(server_queue, link::SERVER);
        let address = SocketAddr::from((link::SERVER, link::PORT));
        let listener = server.stack.listen(address, usize::MAX)?;
        Ok(Self {
            server,
            listener,
            waiting: Vec::new(),
            accepted: 0,
            host: Host::new(client_queue, link::CLIENT),
            client,
            sockets: Vec::with_capacity(args.all_connections()),
            connections: Vec::with_capacity(args.all_connections()),
            connected: 0,
            wanted: args.all_connections(),
        })
    }

    fn open(&mut self) -> anyhow::Result<()> {
        let server = SocketAddr::from((link::SERVER, link::PORT));
        for _ in 0..link::may_open(self.wanted, self.sockets.len(), self.connected) {
            let socket = self.host.stack.connect(None, server)?;
            self.host.stack.set_nodelay(socket, true)?;
            put(&mut self.connections, socket, self.sockets.len());
            self.sockets.push(socket);
        }
        Ok(())
    }

    fn serve(&mut self, now: Instant) -> anyhow::Result<()> {
        self.server.receive(now);
        while let Some(event) = self.server.stack.next_event() {
            match event {
                Event::Acceptable(_) => self.accept()?,
                Event::Readable(socket) | Event::Writable(socket) => self.echo(socket)?,
                Event::Closed(_) => anyhow::bail!("the server's connection broke"),
            }
        }
        self.server.transmit(now);
        Ok(())
    }

    fn accept(&mut self) -> anyhow::Result<()> {
        loop {
            match self.server.stack.accept(self.listener) {
                Ok((socket, _peer)) => {
                    self.server.stack.set_nodelay(socket, true)?;
                    put(&mut self.waiting, socket, None);
                    self.accepted += 1;
                    self.echo(socket)?;
                }
                Err(Error::WouldBlock) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Sends back what came, the received buffers themselves.
    fn echo(&mut self, socket: SocketId) -> anyhow::Result<()> {
        let waiting = &mut self.waiting[socket.slot() as usize];
        let stack = &mut self.server.stack;
        loop {
            let chunk = match waiting.take() {
                Some(chunk) => chunk,
                None => match stack.read_chunk(socket) {
                    Ok(Some(chunk)) => chunk,
                    Ok(None) => anyhow::bail!("the client closed a connection"),
                    Err(Error::WouldBlock) => return Ok(()),
                    Err(error) => return Err(error.into()),
                },
            };
            match stack.write_chunk(socket, chunk) {
                Ok(()) => {}
                Err(refused) if refused.error == Error::WouldBlock => {
                    *waiting = Some(refused.chunk);
                    return Ok(());
                }
                Err(refused) => return Err(refused.error.into()),
            }
        }
    }

    fn ask(&mut self, now: Instant) -> anyhow::Result<()> {
        self.host.receive(now);
        while let Some(event) = self.host.stack.next_event() {
            match event {
                Event::Acceptable(_) => {}
                Event::Readable(socket) => self.read(socket)?,
                Event::Writable(_) if self.connected < self.sockets.len() => self.connected += 1,
                Event::Writable(socket) => self.write(socket)?,
                Event::Closed(socket) => {
                    let error = self.host.stack.take_error(socket)?;
                    anyhow::bail!("the client's connection broke: {error:?}");
                }
            }
        }
        self.host.transmit(now);
        Ok(())
    }

    fn read(&mut self, socket: SocketId) -> anyhow::Result<()> {
        let index = self.connections[socket.slot() as usize];
        loop {
            match self.host.stack.read_chunk(socket) {
                Ok(Some(chunk)) => {
                    if self.client.borrow_mut().answer(index, &chunk) {
                        drop(chunk); // its buffer is the warmest one
                        self.write(socket)?;
                    }
                }
                Ok(None) => anyhow::bail!("the server closed a connection"),
                Err(Error::WouldBlock) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn write(&mut self, socket: SocketId) -> anyhow::Result<()> {
        let index = self.connections[socket.slot() as usize];
        let mut client = self.client.borrow_mut();
        while !client.unsent(index).is_empty() {
            match self.host.stack.write(socket, client.unsent(index)) {
                Ok(count) => client.sent(index, count),
                Err(Error::WouldBlock) => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// Sets the entry of a socket in a table by slots.
fn put<T: Default>(table: &mut Vec<T>, socket: SocketId, value: T) {
    let slot = socket.slot() as usize;
    if table.len() <= slot {
        table.resize_with(slot + 1, T::default);
    }
    table[slot] = value;
}

impl Pair for CorelaneStack {
    fn turn(&mut self, now: Duration) -> anyhow::Result<()> {
        let now = Instant::ZERO + now;
        if self.sockets.len() < self.wanted {
            self.open()?;
        }
        self.ask(now)?;
        self.serve(now)
    }

    fn connected(&self) -> usize {
        self.connected.min(self.accepted)
    }

    fn start(&mut self, which: Range<usize>) -> anyhow::Result<()> {
        for index in which {
            self.client.borrow_mut().ask(index);
            self.write(self.sockets[index])?;
        }
        Ok(())
    }
}
