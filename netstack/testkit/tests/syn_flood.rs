//! A SYN flood in virtual time: 20,000 SYNs a second from addresses that never answer, and a client that connects all along.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use corelane_netstack::{Config, Event, Ipv4Cidr, ListenerId, RouteConfig, SocketId, TcpConfig};
use corelane_nic::{Queue, RxBurst, TxBurst, TxOffload};
use corelane_sim::{Link, LinkConfig, LinkQueue};
use corelane_testkit::{Host, Medium, Segment};
use etherparse::PacketBuilder;

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const STEP: Duration = Duration::from_millis(1);
const SYNS_A_STEP: u32 = 20;
const SECOND: Duration = Duration::from_secs(1);
const MESSAGE: [u8; 1000] = [7; 1000];

/// A host, and the other end of its link.
struct End {
    host: Host,
    link: Link,
    wire: LinkQueue,
}

impl End {
    fn new(address: Ipv4Addr, tcp: TcpConfig) -> End {
        let settings = LinkConfig { macs: None, slots: 4096, ..LinkConfig::default() };
        let (link, queue, wire) = Link::new(&settings).unwrap();
        let addresses = Ipv4Cidr::new(address, 24).into_iter().collect();
        let all = Ipv4Cidr::new(Ipv4Addr::UNSPECIFIED, 0).unwrap();
        let routes = vec![RouteConfig { destination: all, gateway: CLIENT }];
        let config = Config { addresses, routes, tcp, ..Config::default() };
        End { host: Host::new(queue, config, [address.octets()[3]; 32], 64), link, wire }
    }

    fn put(&mut self, frame: &[u8]) {
        let mut packet = self.wire.pool().take().expect("the far end has buffers");
        packet.extend_from_slice(frame);
        let mut tx = TxBurst::with_capacity(1);
        tx.push(packet, TxOffload::default());
        self.wire.transmit(&mut tx);
    }

    /// The host's turn; what it sent.
    fn turn(&mut self, now: Duration) -> RxBurst {
        let mut sent = RxBurst::with_capacity(4096);
        self.link.advance_to(now);
        for _ in 0..4 {
            self.host.receive(now, |_, _| {});
            self.host.transmit(now, |_, _| {});
            self.link.advance_to(now);
            self.wire.receive(&mut sent);
        }
        sent
    }

    /// Buffers that are not home.
    fn buffers(&self) -> usize {
        let pool = self.host.stack.pool();
        pool.config().slots as usize - pool.available() + self.host.stack.buffers_in_use()
    }
}

/// One exchange of the client: since when, and what came back.
struct Exchange {
    id: SocketId,
    since: Duration,
    echoed: usize,
}

struct Flood {
    server: End,
    client: End,
    listener: ListenerId,
    accepted: Vec<SocketId>,
    exchange: Option<Exchange>,
    /// No exchange begins any more.
    over: bool,
    now: Duration,
    syns: u32,
    /// SYN-ACKs that each SYN of the flood has brought.
    answers: HashMap<(Ipv4Addr, u16), u32>,
    /// How long each exchange took.
    latencies: Vec<Duration>,
}

impl Flood {
    fn new(tcp: TcpConfig) -> Flood {
        let mut server = End::new(SERVER, tcp);
        let listener = server.host.stack.listen(SocketAddr::from((SERVER, 80)), 4096).unwrap();
        Flood {
            server,
            client: End::new(CLIENT, TcpConfig::default()),
            listener,
            accepted: Vec::new(),
            exchange: None,
            over: false,
            now: Duration::ZERO,
            syns: 0,
            answers: HashMap::new(),
            latencies: Vec::new(),
        }
    }

    /// The `n`th SYN: from an address and a port of its own, in the benchmark network 198.18.0.0/15.
    fn spoof(&mut self) {
        let n = self.syns;
        self.syns += 1;
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(198, 18, 0, 0)) + n % 100_000);
        let port = 1024 + (n / 100_000) as u16;
        let mut frame = Vec::new();
        let seq = n.wrapping_mul(0x9e37_79b1);
        let step = PacketBuilder::ipv4(address.octets(), SERVER.octets(), 64).tcp(port, 80, seq, 1000).syn();
        step.options_raw(&[2, 4, 5, 180]).unwrap().write(&mut frame, &[]).unwrap();
        self.server.put(&frame);
    }

    fn step(&mut self, syns: u32) {
        for _ in 0..syns {
            self.spoof();
        }
        let mut sent = self.server.turn(self.now);
        while let Some(frame) = sent.pop() {
            let segment = Segment::parse(&frame.packet, Medium::Ip).unwrap();
            if segment.to.0 == CLIENT {
                self.client.put(&frame.packet);
                continue;
            }
            assert!(segment.syn && segment.ack.is_some(), "{segment:?}");
            *self.answers.entry(segment.to).or_default() += 1;
        }
        let mut sent = self.client.turn(self.now);
        while let Some(frame) = sent.pop() {
            self.server.put(&frame.packet);
        }
        self.serve();
        self.exchange();
        self.now += STEP;
    }

    /// The server echoes.
    fn serve(&mut self) {
        let stack = &mut self.server.host.stack;
        while let Ok((id, peer)) = stack.accept(self.listener) {
            assert_eq!(peer.ip(), CLIENT);
            self.accepted.push(id);
        }
        while stack.next_event().is_some() {}
        self.accepted.retain(|id| {
            let mut buf = [0; 2000];
            match stack.read(*id, &mut buf) {
                Ok(n @ 1..) => assert_eq!(stack.write(*id, &buf[..n]), Ok(n)),
                Ok(0) => stack.close(*id).unwrap(),
                Err(_) => {}
            }
            stack.info(*id).is_ok()
        });
    }

    /// The client's exchanges, one after the other.
    fn exchange(&mut self) {
        let stack = &mut self.client.host.stack;
        let Some(exchange) = &mut self.exchange else {
            if self.over {
                return;
            }
            let id = stack.connect(None, SocketAddr::from((SERVER, 80))).unwrap();
            self.exchange = Some(Exchange { id, since: self.now, echoed: 0 });
            return;
        };
        while let Some(event) = stack.next_event() {
            match event {
                Event::Writable(id) => assert_eq!(stack.write(id, &MESSAGE), Ok(MESSAGE.len())),
                Event::Readable(id) => exchange.echoed += stack.read(id, &mut [0; 2000]).unwrap_or(0),
                Event::Closed(id) if id == exchange.id => panic!("{:?}", stack.take_error(id)),
                _ => {}
            }
        }
        if exchange.echoed == MESSAGE.len() {
            self.latencies.push(self.now - exchange.since);
            stack.close(exchange.id).unwrap();
            self.exchange = None;
        }
        let waits = self.exchange.as_ref().map_or(Duration::ZERO, |exchange| self.now - exchange.since);
        assert!(waits <= SECOND, "the client waits for {waits:?} at {:?}", self.now);
    }

    /// The flood for `time`, with what must hold all along.
    fn run(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(SYNS_A_STEP);
            let stack = &self.server.host.stack;
            assert!(stack.half_open() <= 4096, "{} half-open connections", stack.half_open());
            assert!(stack.connections() <= 8, "{} connections", stack.connections());
            assert!(stack.timers() <= 4096 + 8, "{} timers", stack.timers());
            assert!(self.server.buffers() <= 64, "{} buffers", self.server.buffers());
        }
        assert!(self.latencies.len() > 100, "only {} exchanges", self.latencies.len());
    }

    /// After the flood all that it left goes away.
    fn drain(&mut self) {
        self.over = true;
        for _ in 0..1000 {
            self.step(0);
        }
        for _ in 0..70_000 {
            self.now += STEP;
            if self
                .server
                .host
                .stack
                .next_deadline()
                .is_some_and(|at| u128::from(at.as_nanos()) <= self.now.as_nanos())
            {
                self.step(0);
            }
        }
        let stack = &self.server.host.stack;
        assert_eq!((stack.half_open(), stack.listener_info(self.listener).unwrap().syn_queue), (0, 0));
        assert_eq!((stack.connections(), stack.flows(), stack.timers()), (0, 0, 0));
        assert_eq!(self.server.buffers(), 0);
        let most = self.answers.values().max().copied().unwrap_or(0);
        assert!(most <= 5, "{most} SYN-ACKs for one SYN");
    }

    fn answers(&self) -> u64 {
        self.answers.values().map(|count| u64::from(*count)).sum()
    }
}

#[test]
fn with_cookies_the_flood_keeps_nobody_out() {
    let mut flood = Flood::new(TcpConfig::default());
    flood.run(SECOND * 10);
    let info = flood.server.host.stack.listener_info(flood.listener).unwrap();
    assert_eq!((info.syn_limit, info.drops), (4096, 0));
    flood.drain();
    let stats = *flood.server.host.stack.stats();
    assert_eq!(flood.answers.len(), 200_000, "each SYN was answered");
    // By a cookie once, or from the queue: then again by its timer.
    assert_eq!(stats.syncookies_sent, stats.req_q_full_do_cookies);
    assert!(stats.syncookies_sent > 150_000, "{}", stats.syncookies_sent);
    assert!(stats.syncookies_recv > 100, "the client came in by {} of them", stats.syncookies_recv);
    assert_eq!((stats.syncookies_failed, stats.req_q_full_drop, stats.listen_drops), (0, 0, 0));
    assert_eq!((stats.listen_overflows, stats.out_no_buffers), (0, 0));
    assert_eq!(flood.answers(), 200_000 + stats.syn_retrans);
    assert!(stats.syn_retrans < 40_000, "{}", stats.syn_retrans);
}

#[test]
fn without_cookies_the_oldest_make_room_for_the_client() {
    let mut flood = Flood::new(TcpConfig { tcp_syncookies: 0, ..TcpConfig::default() });
    flood.run(SECOND * 3);
    flood.drain();
    let stats = *flood.server.host.stack.stats();
    assert_eq!((stats.syncookies_sent, stats.req_q_full_do_cookies), (0, 0));
    assert!(stats.req_q_full_drop > 50_000, "{}", stats.req_q_full_drop);
    assert_eq!(stats.listen_drops, stats.req_q_full_drop);
}
