//! ICMP errors about segments that are out there (RFC 1191, 5461, 5927).

use std::time::Duration;

use corelane_netstack::{Config, Error, SocketId, State, TcpConfig};
use corelane_sim::{Faults, LinkConfig, Side};
use corelane_testkit::{PEER, Script, Spoken, US, World};
use etherparse::icmpv4::DestUnreachableHeader;
use etherparse::{Icmpv4Type, PacketBuilder};

const WINDOW: u16 = 20_000;

/// A router's complaint about our segment with this number.
fn complaint(script: &Script, what: DestUnreachableHeader, seq: u32) -> Vec<u8> {
    let mut quoted = Vec::new();
    let ours =
        PacketBuilder::ipv4(US.octets(), PEER.octets(), 60).tcp(script.port, script.peer_port, seq, 100);
    ours.ack(1).write(&mut quoted, &[]).expect("a vector takes it");
    quoted.truncate(28); // RFC 792: the header and 8 bytes
    let mut frame = Vec::new();
    PacketBuilder::ipv4([10, 0, 0, 254], US.octets(), 64)
        .icmpv4(Icmpv4Type::DestinationUnreachable(what))
        .write(&mut frame, &quoted)
        .expect("a vector takes it");
    frame
}

fn too_big(script: &Script, mtu: u16, seq: u32) -> Vec<u8> {
    complaint(script, DestUnreachableHeader::FragmentationNeeded { next_hop_mtu: mtu }, seq)
}

#[test]
fn a_packet_too_big_makes_segments_smaller_and_sends_them_again() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.write(id, &[1; 3000]);
    assert_eq!(script.heard().len(), 3, "MSS 1000");
    let packet = too_big(&script, 700, ours);
    script.say_raw(&packet);
    assert_eq!(script.stack().info(id).unwrap().snd_mss, 660);
    let again = script.heard();
    assert_eq!(again.first().map(|heard| (heard.seq, heard.data.len())), Some((ours, 660)), "{again:?}");
    assert_eq!(script.stack().stats().timeouts, 0, "without waiting for the timer");
    script.say(&Spoken {
        seq: theirs,
        ack: Some(ours.wrapping_add(3000)),
        window: WINDOW,
        ..Spoken::default()
    });
    assert_eq!(script.stack().info(id).unwrap().unacked, 0);
}

#[test]
fn complaints_that_can_not_be_are_ignored() {
    let mut script = Script::new(Config::default());
    let (id, _, ours) = script.accept(WINDOW);
    script.write(id, &[1; 3000]);
    script.heard();
    // RFC 5927: the number must be out there; a larger MTU says nothing.
    for (mtu, seq) in [(700, ours.wrapping_sub(1)), (700, ours.wrapping_add(3000)), (9000, ours)] {
        let packet = too_big(&script, mtu, seq);
        script.say_raw(&packet);
        assert_eq!(script.stack().info(id).unwrap().snd_mss, 1000, "MTU {mtu}, number {seq}");
    }
    // And none makes it smaller than Linux's min_pmtu of 552.
    let packet = too_big(&script, 68, ours);
    script.say_raw(&packet);
    assert_eq!(script.stack().info(id).unwrap().snd_mss, 512);
}

#[test]
fn an_unreachable_host_is_only_a_reason_should_the_retries_run_out() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.port = syn.ports.0;
    let packet = complaint(&script, DestUnreachableHeader::Host, syn.seq);
    script.say_raw(&packet);
    assert_eq!(script.stack().info(id).unwrap().state, State::SynSent, "RFC 5461: soft");
    assert_eq!(script.stack().take_error(id), Ok(None));
    script.pass(Duration::from_secs(130));
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::HostUnreachable)));
}

#[test]
fn what_a_router_said_is_forgotten_after_ten_minutes() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(WINDOW);
    script.write(id, &[1; 1000]);
    let packet = too_big(&script, 700, ours);
    script.say_raw(&packet);
    let all = ours.wrapping_add(1000);
    script.say(&Spoken { seq: theirs, ack: Some(all), window: WINDOW, ..Spoken::default() });
    script.pass(Duration::from_secs(590));
    script.heard();
    script.write(id, &[1; 1000]);
    let sizes = |heard: Vec<corelane_testkit::Heard>| heard.iter().map(|h| h.data.len()).collect::<Vec<_>>();
    assert_eq!(sizes(script.heard())[0], 660);
    let all = all.wrapping_add(1000);
    script.say(&Spoken { seq: theirs, ack: Some(all), window: WINDOW, ..Spoken::default() });
    script.pass(Duration::from_secs(20));
    script.heard();
    script.write(id, &[1; 1000]);
    assert_eq!(sizes(script.heard()), [1000], "mtu_expires 600 s");
    assert_eq!(script.stack().info(id).unwrap().snd_mss, 1000);
}

/// A path that swallows packets longer than 900 bytes and says nothing; later it takes all again.
fn black_hole(probing: u8) -> World {
    let mtu_changes = vec![(Duration::from_secs(1), 900), (Duration::from_secs(300), 1500)];
    let delay = Duration::from_millis(5);
    let link = LinkConfig {
        a_to_b: Faults { delay, mtu_changes, ..Faults::default() },
        b_to_a: Faults { delay, ..Faults::default() },
        ..LinkConfig::default()
    };
    let tcp = TcpConfig { tcp_mtu_probing: probing, ..TcpConfig::default() };
    let config = || Config { tcp: tcp.clone(), ..Config::default() };
    World::new(&link, [config(), config()], 64).expect("the link is right")
}

/// Sends from A to B until `time`; gives the sender's socket.
struct Stream {
    world: World,
    from: SocketId,
    to: SocketId,
    received: u64,
}

impl Stream {
    fn new(mut world: World) -> Stream {
        let local = World::socket_addr(Side::B, 80);
        let listener = world.host(Side::B).stack.listen(local, 1).unwrap();
        let from = world.host(Side::A).stack.connect(None, local).unwrap();
        world.pass(Duration::from_millis(500)).unwrap();
        let (to, _) = world.host(Side::B).stack.accept(listener).unwrap();
        Stream { world, from, to, received: 0 }
    }

    /// Writes `burst` bytes each 100 ms, as far as there is room.
    fn run_until(&mut self, time: Duration, burst: usize) {
        while self.world.now() < time {
            let _ = self.world.host(Side::A).stack.write(self.from, &vec![1; burst]);
            self.world.pass(Duration::from_millis(100)).unwrap();
            let mut buffer = [0; 65_536];
            while let Ok(n) = self.world.host(Side::B).stack.read(self.to, &mut buffer) {
                self.received += n as u64;
            }
        }
    }

    fn mss(&self) -> u32 {
        self.world.peek(Side::A).stack.info(self.from).unwrap().snd_mss
    }
}

#[test]
fn without_probing_a_black_hole_stands_still() {
    let mut stream = Stream::new(black_hole(0));
    stream.run_until(Duration::from_secs(1), 30_000);
    let before = stream.received;
    stream.run_until(Duration::from_secs(100), 30_000);
    assert!(stream.received - before < 100_000, "as Linux by default: {}", stream.received - before);
    assert_eq!(stream.mss(), 1448);
}

#[test]
fn a_black_hole_is_found_and_the_path_is_used_as_far_as_it_goes() {
    let mut stream = Stream::new(black_hole(1));
    stream.run_until(Duration::from_secs(1), 30_000);
    assert_eq!(stream.mss(), 1448, "no probes before something is wrong");
    stream.run_until(Duration::from_secs(60), 30_000);
    // 900 bytes less the headers of 52; the search leaves less than 8 in doubt.
    assert!((841..=848).contains(&stream.mss()), "MSS {}", stream.mss());
    let stats = *stream.world.peek(Side::A).stack.stats();
    assert!(stats.mtup_success > 0 && stats.mtup_fail > 0, "{} {}", stats.mtup_success, stats.mtup_fail);
    let before = stream.received;
    stream.run_until(Duration::from_secs(70), 30_000);
    assert!(stream.received - before > 2_000_000, "{} bytes in ten seconds", stream.received - before);
    // Ten minutes later longer ones are tried again.
    stream.world.pass(Duration::from_secs(640)).unwrap();
    stream.run_until(Duration::from_secs(760), 30_000);
    assert!((1441..=1448).contains(&stream.mss()), "MSS {}", stream.mss());
}

#[test]
fn with_probing_from_the_start_segments_grow_from_tcp_base_mss() {
    let mut stream = Stream::new(black_hole(2));
    stream.run_until(Duration::from_millis(600), 1000);
    assert_eq!(stream.mss(), 1024);
    stream.run_until(Duration::from_millis(950), 60_000);
    assert!(stream.mss() > 1024 && stream.world.peek(Side::A).stack.stats().mtup_success > 0);
}
