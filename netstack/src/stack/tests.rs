extern crate std;
use core::net::{Ipv4Addr, SocketAddr};
use std::vec;
use std::vec::Vec;

use corelane_nic::{Checksum, MacAddress, Medium, Offloads, PoolConfig, RxFrame};

use super::*;
use crate::config::Ipv4Cidr;

/// One end: a stack on a pool of its own.
pub(super) struct End {
    pub(super) stack: Stack,
    pub(super) rx: RxBurst,
    /// What its device says of received checksums.
    checksum: Checksum,
}

/// Two stacks joined by a wire without loss or delay.
struct Pair {
    now: Instant,
    a: End,
    b: End,
}

pub(super) fn addr(host: u8, port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, host), port))
}

pub(super) fn end(host: u8) -> End {
    end_with(host, Offloads::default(), Checksum::Unknown)
}

fn end_with(host: u8, offloads: Offloads, checksum: Checksum) -> End {
    let pool = Pool::heap(PoolConfig { slots: 4096, slot_size: 2048, headroom: 128, reserve: 64 });
    let address = Ipv4Cidr::new(Ipv4Addr::new(10, 0, 0, host), 24).unwrap();
    let config = Config { addresses: vec![address], ..Config::default() };
    let medium = Medium::Ethernet(MacAddress([2, 0, 0, 0, 0, host]));
    let link = Link { medium, mtu: 1500, offloads };
    End { stack: Stack::new(config, link, pool, [host; 32]), rx: RxBurst::with_capacity(64), checksum }
}

impl End {
    /// Sends into `other`'s receive burst; whether there was anything.
    pub(super) fn send(&mut self, now: Instant, other: &mut End) -> bool {
        let mut tx = TxBurst::with_capacity(64);
        self.stack.transmit(now, &mut tx);
        let any = !tx.is_empty();
        while let Some(frame) = tx.pop_linear() {
            let (packet, ..) = frame.unwrap();
            other.rx.push(RxFrame { packet, checksum: other.checksum, hash: None });
        }
        any
    }

    fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.stack.next_event()).collect()
    }
}

impl Pair {
    fn new() -> Pair {
        Pair { now: Instant::ZERO, a: end(1), b: end(2) }
    }

    /// Lets both talk until neither has anything to say at this time.
    fn run(&mut self) {
        loop {
            let (a, b) = (&mut self.a, &mut self.b);
            a.stack.expire(self.now);
            b.stack.expire(self.now);
            let busy = a.send(self.now, b) | b.send(self.now, a);
            a.stack.receive(self.now, &mut a.rx);
            b.stack.receive(self.now, &mut b.rx);
            if !busy {
                return;
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) =
            [self.a.stack.next_deadline(), self.b.stack.next_deadline()].into_iter().flatten().min()
            && next <= end
        {
            self.now = next.max(self.now);
            self.run();
        }
        self.now = end;
        self.run();
    }

    /// An open connection: (a's end, b's end).
    fn connect(&mut self) -> (SocketId, SocketId) {
        let listener = self.b.stack.listen(addr(2, 80), 16).unwrap();
        let client = self.a.stack.connect(None, addr(2, 80)).unwrap();
        self.run();
        assert_eq!(self.a.events(), [Event::Writable(client)]);
        assert_eq!(self.b.events(), [Event::Acceptable(listener)]);
        let (server, peer) = self.b.stack.accept(listener).unwrap();
        assert_eq!(peer, self.a.stack.local_addr(client).unwrap());
        (client, server)
    }
}

#[test]
fn partial_checksums_are_taken_where_they_may_come() {
    // As a veth peer with its transmit offload on: SYN, ACKs and data come with the sum of the pseudo header alone.
    let offloads = Offloads { tx_checksum: true, sum_below: 0, ..Offloads::default() };
    let a = end_with(1, offloads, Checksum::Unknown);
    let mut pair =
        Pair { now: Instant::ZERO, a, b: end_with(2, Offloads::default(), Checksum::UnknownOrPartial) };
    let (client, server) = pair.connect();
    assert_eq!(pair.a.stack.write(client, b"hello"), Ok(5));
    pair.run();
    let mut buf = [0; 16];
    assert_eq!(pair.b.stack.read(server, &mut buf), Ok(5));
    assert_eq!(pair.b.stack.stats().tcp_in_csum_errors, 0);
    // Where they can't come they are damage.
    pair.b.checksum = Checksum::Unknown;
    assert_eq!(pair.a.stack.write(client, b"hello"), Ok(5));
    pair.run();
    assert_eq!(pair.b.stack.read(server, &mut buf), Err(Error::WouldBlock));
    assert_eq!(pair.b.stack.stats().tcp_in_csum_errors, 1);
}

#[test]
fn a_conversation_from_syn_to_time_wait() {
    let mut pair = Pair::new();
    let (client, server) = pair.connect();
    assert_eq!(pair.a.stack.write(client, b"hello"), Ok(5));
    pair.run();
    assert_eq!(pair.b.events(), [Event::Readable(server)]);
    let mut buf = [0; 16];
    assert_eq!(pair.b.stack.read(server, &mut buf), Ok(5));
    assert_eq!(&buf[..5], b"hello");
    assert_eq!(pair.b.stack.read(server, &mut buf), Err(Error::WouldBlock));
    pair.b.stack.write(server, b"world!").unwrap();
    pair.b.stack.shutdown(server, Shutdown::Write).unwrap();
    pair.run();
    assert_eq!(&pair.a.stack.read_chunk(client).unwrap().unwrap()[..], b"world!");
    assert_eq!(pair.a.stack.read_chunk(client).unwrap(), None);
    pair.a.stack.close(client).unwrap();
    pair.run();
    assert_eq!(pair.b.stack.read(server, &mut buf), Ok(0));
    pair.b.stack.close(server).unwrap();
    pair.pass(Duration::from_millis(100));
    assert_eq!((pair.a.stack.connections(), pair.b.stack.connections()), (0, 0));
    assert_eq!((pair.a.stack.time_wait(), pair.b.stack.time_wait()), (0, 1));
    pair.pass(Duration::from_secs(61));
    for end in [&pair.a, &pair.b] {
        assert_eq!((end.stack.flows(), end.stack.timers(), end.stack.buffers_in_use()), (0, 0, 0));
        assert_eq!(end.stack.pool().available(), 4096);
        assert!(end.stack.is_drained());
    }
}

#[test]
fn a_megabyte_arrives_whole() {
    let mut pair = Pair::new();
    let (client, server) = pair.connect();
    let data: Vec<u8> = (0..3_000_000u32).map(|i| ((i * 7) >> 3) as u8).collect();
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < data.len() {
        if sent < data.len() {
            sent += pair.a.stack.write(client, &data[sent..]).unwrap_or(0);
        }
        pair.pass(Duration::from_millis(1));
        while let Ok(Some(chunk)) = pair.b.stack.read_chunk(server) {
            got.extend_from_slice(&chunk);
        }
    }
    assert!(got == data);
    assert_eq!(pair.a.stack.stats().tcp_retrans_segs, 0);
}

#[test]
fn nobody_listens_nobody_answers() {
    let mut pair = Pair::new();
    let refused = pair.a.stack.connect(None, addr(2, 81)).unwrap();
    pair.run();
    assert!(pair.a.events().contains(&Event::Closed(refused)));
    assert_eq!(pair.a.stack.take_error(refused), Ok(Some(Error::ConnectionRefused)));
    let nobody = pair.a.stack.connect(None, addr(9, 80)).unwrap();
    pair.pass(Duration::from_secs(5));
    assert_eq!(pair.a.stack.take_error(nobody), Ok(Some(Error::HostUnreachable)));
    assert_eq!(pair.a.stack.close(nobody), Ok(()));
    assert_eq!(pair.a.stack.close(nobody), Err(Error::NotOpen));
    assert_eq!(pair.a.stack.connect(None, addr(2, 0)), Err(Error::InvalidInput));
    assert_eq!(pair.a.stack.listen(addr(7, 80), 1), Err(Error::AddrNotAvailable));
}

#[test]
fn a_shut_window_is_probed_and_opens() {
    let mut pair = Pair::new();
    let (client, server) = pair.connect();
    let data = vec![7; 4 << 20];
    let mut sent = 0;
    for _ in 0..100 {
        sent += pair.a.stack.write(client, &data[sent..]).unwrap_or(0);
        pair.pass(Duration::from_millis(5));
    }
    assert_eq!(pair.a.stack.info(client).unwrap().snd_wnd, 0);
    pair.pass(Duration::from_secs(600));
    assert!(pair.a.stack.stats().win_probe > 5);
    let mut got = 0;
    while got < data.len() {
        while let Ok(Some(chunk)) = pair.b.stack.read_chunk(server) {
            got += chunk.len();
        }
        if sent < data.len() {
            sent += pair.a.stack.write(client, &data[sent..]).unwrap_or(0);
        }
        pair.pass(Duration::from_millis(10));
    }
}

#[test]
fn keepalive_drops_a_silent_peer() {
    let mut pair = Pair::new();
    let (client, server) = pair.connect();
    let second = Duration::from_secs(1);
    pair.a
        .stack
        .set_keepalive(client, Some(Keepalive { time: second * 10, interval: second, probes: 3 }))
        .unwrap();
    pair.pass(second * 100);
    assert!(pair.a.stack.stats().keep_alive >= 9, "answered ones start the time anew");
    assert_eq!(pair.a.stack.info(client).unwrap().state, crate::State::Established);
    // The peer forgets everything: it now answers with a RST.
    pair.b.stack.abort(server).unwrap();
    pair.b.stack.transmit(pair.now, &mut TxBurst::with_capacity(64));
    pair.pass(second * 11);
    assert_eq!(pair.a.stack.take_error(client), Ok(Some(Error::ConnectionReset)));
}

#[test]
fn closing_with_unread_data_resets() {
    let mut pair = Pair::new();
    let (client, server) = pair.connect();
    pair.a.stack.write(client, b"never read").unwrap();
    pair.run();
    pair.b.stack.close(server).unwrap();
    pair.run();
    assert_eq!(pair.a.stack.read(client, &mut [0; 4]), Err(Error::ConnectionReset));
    assert_eq!(pair.b.stack.stats().abort_on_close, 1);
    assert_eq!((pair.a.stack.flows(), pair.b.stack.flows()), (0, 0));
}

#[test]
fn a_full_accept_queue_drops_the_third_ack_and_recovers() {
    let mut pair = Pair::new();
    let listener = pair.b.stack.listen(addr(2, 80), 1).unwrap();
    let clients: Vec<_> = (0..4).map(|_| pair.a.stack.connect(None, addr(2, 80)).unwrap()).collect();
    pair.run();
    assert!(pair.b.stack.stats().listen_overflows > 0);
    for client in &clients {
        // Some were answered by a cookie, which only the peer can bring back.
        pair.a.stack.write(*client, b"here").unwrap();
    }
    let mut accepted = 0;
    for _ in 0..10 {
        while pair.b.stack.accept(listener).is_ok() {
            accepted += 1;
        }
        pair.pass(Duration::from_secs(1));
    }
    assert_eq!((accepted, pair.b.stack.half_open()), (clients.len(), 0));
}

/// TOS and TTL of each frame that a stack sends now.
fn sent_marks(end: &mut End, now: Instant) -> Vec<(u8, u8)> {
    let mut tx = TxBurst::with_capacity(64);
    end.stack.transmit(now, &mut tx);
    let frames = std::iter::from_fn(|| tx.pop_linear());
    frames.map(|frame| frame.unwrap().0).map(|packet| (packet[14 + 1], packet[14 + 8])).collect()
}

#[test]
fn every_segment_has_the_sockets_ttl_and_tos() {
    let mut pair = Pair::new();
    let (client, server) = pair.connect();
    let plain = (0, 64);
    pair.a.stack.write(client, b"plain").unwrap();
    assert_eq!(sent_marks(&mut pair.a, pair.now), [plain]);
    let nodelay = SocketOptions { nodelay: true, ..SocketOptions::default() };
    let options = SocketOptions { tos: 0xb8, ttl: Some(7), ..nodelay };
    pair.a.stack.set_options(client, &options).unwrap();
    pair.a.stack.write(client, b"marked").unwrap();
    assert_eq!(sent_marks(&mut pair.a, pair.now), [(0xb8, 7)]);
    pair.b.stack.write(server, b"other").unwrap();
    assert_eq!(sent_marks(&mut pair.b, pair.now), [plain], "the peer's own");
    pair.a.stack.set_options(client, &nodelay).unwrap();
    pair.a.stack.write(client, b"plain again").unwrap();
    assert_eq!(sent_marks(&mut pair.a, pair.now), [plain]);
    // A SYN too, when it is set before it goes out.
    let second = pair.a.stack.connect(None, addr(2, 81)).unwrap();
    pair.a.stack.set_options(second, &options).unwrap();
    assert_eq!(sent_marks(&mut pair.a, pair.now), [(0xb8, 7)]);
}

/// Connections with all that they take, when nothing happens any more; bytes of one.
fn idle_size(end: &End) -> usize {
    assert_eq!((end.stack.connections(), end.stack.flows(), end.stack.timers()), (1, 1, 0), "it is idle");
    Stack::record_sizes().idle_connection() + end.stack.tcp.connections_heap_size()
}

/// Sends many chunks, which the peer reads, and sends back; with `lose`, a frame of each burst is lost.
fn talk(pair: &mut Pair, (client, server): (SocketId, SocketId), lose: bool) {
    for _ in 0..2 {
        for turn in 0..2 {
            let (a, b) = (&mut pair.a, &mut pair.b);
            let (from, to) = if turn == 0 { ((a, client), (b, server)) } else { ((b, server), (a, client)) };
            assert_eq!(from.0.stack.write(from.1, &[7; 14_000]), Ok(14_000));
            from.0.send(pair.now, to.0);
            assert!(from.0.stack.tcp.connections_heap_size() > 0, "what is out is noted");
            if lose {
                assert!(to.0.rx.pop().is_some(), "the first is lost");
            }
            pair.pass(Duration::from_secs(10));
            let (to, socket) = if turn == 0 { (&mut pair.b, server) } else { (&mut pair.a, client) };
            assert_eq!(to.stack.read(socket, &mut [0; 20_000]), Ok(14_000));
            to.events();
            pair.pass(Duration::from_secs(10));
        }
    }
}

#[test]
fn an_idle_connection_takes_a_kibibyte_at_most() {
    let sizes = Stack::record_sizes();
    assert!(sizes.half_open <= 128 && sizes.time_wait <= 96, "{sizes:?}");
    let mut pair = Pair::new();
    let sockets = pair.connect();
    pair.pass(Duration::from_secs(1));
    talk(&mut pair, sockets, false);
    for end in [&pair.a, &pair.b] {
        assert!(idle_size(end) <= 1024, "{} of {sizes:?}", idle_size(end));
        assert_eq!(end.stack.tcp.connections_heap_size(), 0, "what traffic needed is given back");
    }
    talk(&mut pair, sockets, true);
    for end in [&pair.a, &pair.b] {
        assert!(end.stack.stats().tcp_retrans_segs > 0);
        assert_eq!(end.stack.tcp.connections_heap_size(), 0, "what losses needed, too");
    }
}
