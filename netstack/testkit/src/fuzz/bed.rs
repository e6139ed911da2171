//! Two stacks, a wire between them, and a server that echoes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use corelane_netstack::{
    Config, Error, Event, Instant, Ipv4Cidr, Link, ListenerId, SocketId, Stack, TcpConfig,
};
use corelane_nic::{Checksum, MacAddress, Medium, Offloads, Pool, PoolConfig, RxBurst, RxFrame, TxBurst};

use super::frame::Segment;

const SLOTS: u32 = 256;
/// Where the server listens.
pub(super) const PORT: u16 = 7;
/// No exchange within one instant takes so many turns: beyond it, two ends answer each other for ever.
const TURNS: usize = 5_000;

/// Which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Server,
    Client,
}

impl End {
    pub(super) fn other(self) -> End {
        match self {
            End::Server => End::Client,
            End::Client => End::Server,
        }
    }

    pub(super) fn address(self) -> Ipv4Addr {
        match self {
            End::Server => Ipv4Addr::new(10, 0, 0, 1),
            End::Client => Ipv4Addr::new(10, 0, 0, 2),
        }
    }

    pub(super) fn mac(self) -> MacAddress {
        MacAddress([2, 0, 0, 0, 0, self as u8 + 1])
    }
}

/// A stack on a device of its own.
pub(super) struct Host {
    pub(super) stack: Stack,
    pool: Pool,
    rx: RxBurst,
    tx: TxBurst,
}

impl Host {
    pub(super) fn new(end: End) -> Host {
        let pool = Pool::heap(PoolConfig { slots: SLOTS, slot_size: 2048, headroom: 128, reserve: 64 });
        let config = Config {
            addresses: Ipv4Cidr::new(end.address(), 24).into_iter().collect(),
            // Small, so that an input costs microseconds and limits are met.
            tcp: TcpConfig {
                tcp_mem: 1 << 20,
                tcp_rmem: (1 << 14).into(),
                tcp_wmem: (1 << 14).into(),
                tcp_max_syn_backlog: 16,
                ..TcpConfig::default()
            },
            ..Config::default()
        };
        let link = Link { medium: Medium::Ethernet(end.mac()), mtu: 1500, offloads: Offloads::default() };
        Host {
            stack: Stack::new(config, link, pool.clone(), [end as u8 + 1; 32]),
            pool,
            rx: RxBurst::with_capacity(64),
            tx: TxBurst::with_capacity(64),
        }
    }

    /// Puts a frame on the wire towards this host, in one buffer or cut in two. Without a buffer it is lost.
    pub(super) fn deliver(&mut self, frame: &[u8], cut: Option<usize>, checksum: Checksum) {
        let (first, second) = frame.split_at(cut.unwrap_or(frame.len()).min(frame.len()));
        let take = |bytes: &[u8]| {
            let mut packet = self.pool.take()?;
            (packet.extend_from_slice(bytes) == bytes.len()).then_some(packet)
        };
        let Some(mut packet) = take(first) else { return };
        if !second.is_empty() {
            let Some(tail) = take(second) else { return };
            packet.append(tail);
        }
        self.rx.push(RxFrame { packet, checksum, hash: None });
    }

    /// Lets the stack take a frame; gives what it answers.
    pub(super) fn answer(&mut self, now: Instant, frame: &[u8]) -> Vec<Vec<u8>> {
        self.deliver(frame, None, Checksum::Unknown);
        self.stack.receive(now, &mut self.rx);
        self.stack.transmit(now, &mut self.tx);
        std::iter::from_fn(|| self.tx.pop_linear())
            .map(|frame| frame.expect("the stack sends no more than fits a slot").0.to_vec())
            .collect()
    }

    /// The stack's turn: what it sends, and what happened.
    pub(super) fn turn(&mut self, now: Instant) -> (Vec<Vec<u8>>, Vec<Event>) {
        self.stack.receive(now, &mut self.rx);
        self.stack.expire(now);
        let events = std::iter::from_fn(|| self.stack.next_event()).collect();
        self.stack.transmit(now, &mut self.tx);
        let frames = std::iter::from_fn(|| self.tx.pop_linear())
            .map(|frame| frame.expect("the stack sends no more than fits a slot").0.to_vec())
            .collect();
        (frames, events)
    }

    /// Lets the stack handle its timers; what it sends is lost.
    pub(super) fn expire(&mut self, now: Instant) {
        self.stack.expire(now);
        self.stack.transmit(now, &mut self.tx);
        while self.tx.pop_linear().is_some() {}
    }

    /// Whether nothing is left: no connection in any state, no timer, no buffer.
    pub(super) fn is_empty(&self) -> bool {
        !self.has_connections() && self.stack.next_deadline().is_none()
    }

    /// Whether there is a connection in any state.
    pub(super) fn has_connections(&self) -> bool {
        self.stack.connections() + self.stack.half_open() + self.stack.time_wait() > 0
    }

    /// Fails when something is left.
    pub(super) fn check_empty(&self) {
        let stack = &self.stack;
        let left = (stack.connections(), stack.half_open(), stack.time_wait(), stack.next_deadline());
        assert!(self.is_empty(), "left: connections, half-open, TIME-WAIT, deadline: {left:?}");
        assert_eq!(self.pool.available(), SLOTS as usize, "buffers are missing");
    }
}

/// A connection of the server.
struct Echo {
    id: SocketId,
    pending: Vec<u8>,
}

pub(super) struct Bed {
    pub(super) now: Instant,
    pub(super) server: Host,
    pub(super) client: Host,
    listener: ListenerId,
    echoes: Vec<Echo>,
    /// The port of the client whose segments are kept: see `seen`.
    pub(super) victim: u16,
    /// The last frame of the victim's connection from the server, and from the client.
    pub(super) seen: [Vec<u8>; 2],
    /// How many of the next frames from the server, and from the client, the wire loses.
    pub(super) lose: [u8; 2],
}

impl Bed {
    pub(super) fn new() -> Bed {
        let mut server = Host::new(End::Server);
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
        let listener = server.stack.listen(address, 16).expect("nobody else listens");
        Bed {
            now: Instant::from_nanos(1_000_000_000),
            server,
            client: Host::new(End::Client),
            listener,
            echoes: Vec::new(),
            victim: 0,
            seen: [Vec::new(), Vec::new()],
            lose: [0; 2],
        }
    }

    pub(super) fn host(&mut self, end: End) -> &mut Host {
        match end {
            End::Server => &mut self.server,
            End::Client => &mut self.client,
        }
    }

    /// Opens a connection of the client to the server.
    pub(super) fn connect(&mut self) -> SocketId {
        let id =
            self.client.stack.connect(None, (End::Server.address(), PORT).into()).expect("there is a route");
        self.settle();
        id
    }

    /// Lets both ends talk until they have nothing to say at this time.
    pub(super) fn settle(&mut self) {
        for _ in 0..TURNS {
            let mut is_busy = false;
            for end in [End::Server, End::Client] {
                let now = self.now;
                let host = self.host(end);
                host.stack.receive(now, &mut host.rx);
                host.stack.expire(now);
                while host.stack.next_event().is_some() {}
            }
            self.echo();
            for end in [End::Server, End::Client] {
                is_busy |= self.carry(end);
            }
            if !is_busy && self.server.rx.is_empty() && self.client.rx.is_empty() {
                return;
            }
        }
        panic!("the two ends answer each other without end");
    }

    /// Carries what `end` sends to the other one.
    fn carry(&mut self, end: End) -> bool {
        let (now, victim) = (self.now, self.victim);
        let host = self.host(end);
        host.stack.transmit(now, &mut host.tx);
        let is_busy = !host.tx.is_empty();
        while let Some(frame) = self.host(end).tx.pop_linear() {
            let (packet, ..) = frame.expect("the stack sends no more than fits a slot");
            let segment = Segment::parse(&packet);
            if segment.is_some_and(|s| s.source.1 == victim || s.destination.1 == victim) {
                self.seen[end as usize] = packet.to_vec();
            }
            match &mut self.lose[end as usize] {
                0 => self.host(end.other()).deliver(&packet, None, Checksum::Unknown),
                left => *left -= 1,
            }
        }
        is_busy
    }

    /// The server's application.
    fn echo(&mut self) {
        let stack = &mut self.server.stack;
        while let Ok((id, _)) = stack.accept(self.listener) {
            self.echoes.push(Echo { id, pending: Vec::new() });
        }
        self.echoes.retain_mut(|echo| {
            let stays = echo.run(stack).is_ok();
            if !stays {
                // It may be gone already.
                let _ = stack.close(echo.id);
            }
            stays
        });
    }

    /// Moves time on, stopping at each deadline.
    pub(super) fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        self.settle();
        while let Some(next) = self.next_deadline().filter(|next| *next <= end) {
            // A deadline in the past would be one that `expire` does not settle.
            self.now = next.max(self.now + Duration::from_nanos(1));
            self.settle();
        }
        self.now = self.now.max(end);
        self.settle();
    }

    fn next_deadline(&self) -> Option<Instant> {
        [&self.server, &self.client].into_iter().filter_map(|host| host.stack.next_deadline()).min()
    }

    /// Closes all that the server holds; the client has closed its own.
    pub(super) fn shut_down(&mut self) {
        for echo in self.echoes.drain(..) {
            let _ = self.server.stack.close(echo.id);
        }
        self.server.stack.close_listener(self.listener).expect("it is open");
    }

    /// Everything is gone in the end: connections, timers, buffers.
    pub(super) fn check_empty(&mut self) {
        // The longest timer is that of an orphan whose peer is silent: a quarter of an hour.
        for _ in 0..120 {
            if self.server.is_empty() && self.client.is_empty() {
                break;
            }
            self.advance(Duration::from_secs(60));
        }
        self.server.check_empty();
        self.client.check_empty();
    }
}

impl Echo {
    /// `Err` when the connection is over.
    fn run(&mut self, stack: &mut Stack) -> Result<(), Error> {
        let mut buffer = [0; 4096];
        loop {
            while !self.pending.is_empty() {
                match stack.write(self.id, &self.pending) {
                    Ok(n) => drop(self.pending.drain(..n)),
                    Err(Error::WouldBlock) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
            match stack.read(self.id, &mut buffer) {
                Ok(0) => return Err(Error::NotConnected), // the peer's FIN
                Ok(n) => self.pending.extend(&buffer[..n]),
                Err(Error::WouldBlock) => return Ok(()),
                Err(error) => return Err(error),
            }
        }
    }
}
