//! 3.8.3, 3.9.1.1: OPEN.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use corelane_netstack::{Config, Error, Ipv4Cidr, State, TcpConfig};
use corelane_sim::{Faults, LinkConfig, Side};
use corelane_testkit::{PEER, Script, Spoken, US, World};

#[test]
fn listening_leaves_what_is_there_alone() {
    let mut script = Script::new(Config::default());
    let (id, theirs, ours) = script.accept(9000);
    let local = SocketAddr::from((US, script.port));
    assert_eq!(script.stack().listen(local, 1), Err(Error::AddrInUse));
    script.say(&Spoken { seq: theirs, ack: Some(ours), data: b"data", window: 9000, ..Spoken::default() });
    assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(4));
}

#[test]
fn one_can_listen_on_a_port_that_opens_a_connection() {
    let mut script = Script::new(Config::default());
    let (remote, local) = (script.peer_addr(), SocketAddr::from((US, 80)));
    let opening = script.stack().connect(Some(local), remote).unwrap();
    script.run();
    script.heard();
    let listener = script.stack().listen(local, 1).expect("MUST-42");
    script.peer_port = 5001;
    script.say(&Spoken { seq: 9000, flags: "S", window: 9000, ..Spoken::default() });
    let ours = script.hear().seq.wrapping_add(1);
    script.say(&Spoken { seq: 9001, ack: Some(ours), window: 9000, ..Spoken::default() });
    assert!(script.stack().accept(listener).is_ok());
    assert_eq!(script.stack().info(opening).unwrap().state, State::SynSent);
}

#[test]
fn the_source_address_is_the_routes_or_the_given_one() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    assert_eq!(script.stack().local_addr(id).unwrap().ip(), US, "MUST-44");
    let given = SocketAddr::from((US, 4242));
    let id = script.stack().connect(Some(given), remote).unwrap();
    assert_eq!(script.stack().local_addr(id), Ok(given), "MUST-43");
    let foreign = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 77), 0));
    assert_eq!(script.stack().connect(Some(foreign), remote), Err(Error::AddrNotAvailable));
}

#[test]
fn all_segments_of_a_connection_have_its_source_address() {
    let second = Ipv4Addr::new(10, 0, 0, 9);
    let addresses = Ipv4Cidr::new(second, 24).into_iter().collect();
    let mut script = Script::new(Config { addresses, ..Config::default() });
    let local = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 80));
    let listener = script.stack().listen(local, 1).unwrap();
    let to_second = |script: &mut Script, spoken: &Spoken<'_>| {
        let mut packet = script.build(spoken);
        packet[19] = 9; // the last byte of the destination, instead of 1: both checksums are 8 less
        for at in [10, 36] {
            let sum = u16::from_be_bytes([packet[at], packet[at + 1]]);
            let (sum, borrow) = sum.overflowing_sub(8);
            packet[at..at + 2].copy_from_slice(&(sum - u16::from(borrow)).to_be_bytes());
        }
        script.say_raw(&packet);
        script.heard()
    };
    let heard = to_second(&mut script, &Spoken { seq: 9000, flags: "S", window: 9000, ..Spoken::default() });
    assert_eq!((heard[0].from, heard[0].flags.as_str()), (second, "S"), "the SYN-ACK");
    let ack = Some(heard[0].seq.wrapping_add(1));
    to_second(&mut script, &Spoken { seq: 9001, ack, window: 9000, ..Spoken::default() });
    let (id, _) = script.stack().accept(listener).unwrap();
    script.write(id, b"data");
    script.stack().abort(id).unwrap();
    script.run();
    let heard = script.heard();
    assert_eq!(
        heard.iter().map(|heard| heard.from).collect::<Vec<_>>(),
        [second, second],
        "data and RST: MUST-45"
    );
}

#[test]
fn addresses_that_no_host_has_are_refused() {
    let mut script = Script::new(Config::default());
    for bad in [[255, 255, 255, 255], [224, 0, 0, 1], [10, 0, 0, 255], [0, 0, 0, 0], [240, 0, 0, 1]] {
        let remote = SocketAddr::from((Ipv4Addr::from(bad), 80));
        assert_eq!(script.stack().connect(None, remote), Err(Error::InvalidInput), "MUST-46: {remote}");
    }
    assert_eq!(script.stack().connect(None, SocketAddr::from((PEER, 0))), Err(Error::InvalidInput));
}

#[test]
fn seven_syn_retries_last_for_more_than_three_minutes() {
    let tcp = TcpConfig { tcp_syn_retries: 7, ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.pass(Duration::from_secs(180));
    assert_eq!(script.stack().info(id).unwrap().state, State::SynSent);
    script.pass(Duration::from_secs(100));
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
}

#[test]
fn the_last_retry_can_be_set() {
    let tcp = TcpConfig { tcp_retries2: 3, ..TcpConfig::default() };
    let mut script = Script::new(Config { tcp, ..Config::default() });
    let (id, ..) = script.accept(9000);
    script.write(id, b"data");
    script.pass(Duration::from_secs(60));
    // As in Linux R2 is a time: 3 are 3 s from the first retransmission on, which comes after 0.2 s; then at 0.6, 1.4 and 3 s.
    assert_eq!(script.heard().len(), 5);
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
}

#[test]
fn the_neighbour_is_suspected_after_three_time_outs() {
    let link = LinkConfig::default();
    let mut world = World::new(&link, Default::default(), 64).unwrap();
    let listener = world.host(Side::B).stack.listen(World::socket_addr(Side::B, 80), 1).unwrap();
    let id = world.host(Side::A).stack.connect(None, World::socket_addr(Side::B, 80)).unwrap();
    world.pass(Duration::from_secs(1)).unwrap();
    assert!(world.host(Side::B).stack.accept(listener).is_ok());
    // The neighbour was confirmed a second ago; now it is silent.
    let silence = Faults { loss: 1.0, ..Faults::default() };
    world.link.set_faults(Side::A, silence).unwrap();
    world.host(Side::A).stack.write(id, b"data").unwrap();
    let asked = |world: &World| world.peek(Side::A).stack.stats().arp_out;
    let before = asked(&world);
    world.pass(Duration::from_millis(1300)).unwrap();
    assert_eq!(asked(&world), before, "200, 400 and 800 ms: two time-outs so far");
    world.pass(Duration::from_secs(9)).unwrap();
    assert!(asked(&world) > before, "R1: three time-outs, then a use and five seconds");
}
