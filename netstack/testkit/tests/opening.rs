//! Both ways of opening (RFC 9293 3.5, 3.10.7), segment by segment.

use std::net::SocketAddr;
use std::time::Duration;

use corelane_netstack::{Config, Error, Event, State, TcpConfig};
use corelane_sim::{Faults, LinkConfig, Side};
use corelane_testkit::{PEER, Script, Spoken, US, World};

const SECOND: Duration = Duration::from_secs(1);

fn tcp(tcp: TcpConfig) -> Script {
    Script::new(Config { tcp, ..Config::default() })
}

/// The times at which the stack spoke, in whole seconds; each must be at most 10 ms late.
#[track_caller]
fn seconds(script: &mut Script, flags: &str) -> Vec<u64> {
    let mut times = Vec::new();
    for heard in script.heard() {
        assert_eq!(heard.flags, flags);
        assert!(heard.at.subsec_millis() < 10, "late: {:?}", heard.at);
        times.push(heard.at.as_secs());
    }
    times
}

#[test]
fn a_syn_is_sent_again_and_given_up() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.pass(SECOND * 126);
    assert_eq!(seconds(&mut script, "S"), [0, 1, 3, 7, 15, 31, 63], "tcp_syn_retries 6");
    assert_eq!(script.stack().stats().syn_retrans, 6);
    assert_eq!(script.stack().take_error(id), Ok(None));
    script.pass(SECOND * 2);
    script.silence();
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::TimedOut)));
    assert_eq!((script.stack().flows(), script.stack().timers()), (0, 0));
}

#[test]
fn a_syn_ack_is_sent_again_and_the_half_open_connection_expires() {
    let mut script = Script::new(Config::default());
    script.listen(1);
    script.say(&Spoken { seq: 9000, flags: "S", window: 1000, ..Spoken::default() });
    script.pass(SECOND * 62);
    assert_eq!(script.stack().half_open(), 1);
    assert_eq!(seconds(&mut script, "S"), [0, 1, 3, 7, 15, 31], "tcp_synack_retries 5");
    script.pass(SECOND * 2);
    script.silence();
    assert_eq!((script.stack().half_open(), script.stack().flows()), (0, 0));
    assert_eq!(script.stack().timers(), 0);
}

#[test]
fn a_syn_that_comes_again_is_answered_again() {
    let mut script = Script::new(Config::default());
    script.listen(1);
    let syn = Spoken { seq: 9000, flags: "S", window: 1000, ..Spoken::default() };
    script.say(&syn);
    let first = script.hear();
    script.say(&syn);
    assert_eq!(script.hear().seq, first.seq);
    // RFC 9293 3.10.7.4, SYN-RECEIVED: a wrong ACK gets a RST with its number, and the opening stays.
    script.say(&Spoken { seq: 9001, ack: Some(first.seq), window: 1000, ..Spoken::default() });
    let reset = script.hear();
    assert_eq!((reset.flags.as_str(), reset.seq), ("R", first.seq));
    assert_eq!(script.stack().half_open(), 1);
    // A RST only at the expected number.
    script.say(&Spoken { seq: 9500, flags: "R", ..Spoken::default() });
    assert_eq!(script.stack().half_open(), 1);
    script.say(&Spoken { seq: 9001, flags: "R", ..Spoken::default() });
    assert_eq!((script.stack().half_open(), script.stack().flows()), (0, 0));
    script.silence();
}

#[test]
fn a_wrong_syn_ack_gets_a_reset_and_syn_sent_waits_on() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.port = syn.ports.0;
    script.say(&Spoken { seq: 70, ack: Some(syn.seq.wrapping_add(9)), flags: "S", ..Spoken::default() });
    let reset = script.hear();
    assert_eq!((reset.flags.as_str(), reset.seq), ("R", syn.seq.wrapping_add(9)));
    // Nor does a RST without the right ACK end it.
    script.say(&Spoken { seq: 0, flags: "R", ..Spoken::default() });
    script.say(&Spoken { seq: 0, ack: Some(syn.seq), flags: "R", ..Spoken::default() });
    assert_eq!(script.stack().info(id).unwrap().state, State::SynSent);
    script.say(&Spoken { seq: 0, ack: Some(syn.seq.wrapping_add(1)), flags: "R", ..Spoken::default() });
    assert_eq!(script.stack().take_error(id), Ok(Some(Error::ConnectionRefused)));
    script.silence();
}

#[test]
fn syns_that_cross_open_one_connection() {
    for with_syn in [true, false] {
        let mut script = Script::new(Config::default());
        let remote = script.peer_addr();
        let id = script.stack().connect(None, remote).unwrap();
        script.run();
        let syn = script.hear();
        script.port = syn.ports.0;
        script.say(&Spoken { seq: 9000, flags: "S", window: 1000, mss: Some(1000), ..Spoken::default() });
        let answer = script.hear();
        assert_eq!((answer.flags.as_str(), answer.seq, answer.ack), ("S", syn.seq, Some(9001)));
        assert_eq!(script.stack().info(id).unwrap().state, State::SynReceived);
        let ack = Some(syn.seq.wrapping_add(1));
        // The peer's SYN-ACK, as RFC 9293 figure 8 has it, or its ACK alone.
        let (seq, flags) = if with_syn { (9000, "S") } else { (9001, "") };
        script.say(&Spoken { seq, ack, flags, window: 1000, ..Spoken::default() });
        assert_eq!(script.stack().info(id).unwrap().state, State::Established, "with SYN: {with_syn}");
        script.heard();
        script.say(&Spoken { seq: 9001, ack, window: 1000, data: b"hi", ..Spoken::default() });
        assert_eq!(script.stack().read(id, &mut [0; 9]), Ok(2));
        script.write(id, b"there");
        assert_eq!(script.heard().last().map(|heard| heard.data.clone()), Some(b"there".to_vec()));
    }
}

#[test]
fn two_stacks_open_towards_each_other() {
    let slow = Faults { delay: Duration::from_millis(10), ..Faults::default() };
    let link = LinkConfig { a_to_b: slow.clone(), b_to_a: slow, ..LinkConfig::default() };
    let mut world = World::new(&link, Default::default(), 32).unwrap();
    let (a, b) = (World::socket_addr(Side::A, 1000), World::socket_addr(Side::B, 2000));
    let at_a = world.host(Side::A).stack.connect(Some(a), b).unwrap();
    let at_b = world.host(Side::B).stack.connect(Some(b), a).unwrap();
    world.pass(SECOND * 5).unwrap();
    let state = |world: &World, side, id| world.peek(side).stack.info(id).map(|info| info.state);
    assert_eq!(state(&world, Side::A, at_a), Ok(State::Established));
    assert_eq!(state(&world, Side::B, at_b), Ok(State::Established));
    world.host(Side::A).stack.write(at_a, b"ping").unwrap();
    world.pass(SECOND).unwrap();
    assert_eq!(world.host(Side::B).stack.read(at_b, &mut [0; 9]), Ok(4));
    for (side, id) in [(Side::A, at_a), (Side::B, at_b)] {
        world.host(side).stack.close(id).unwrap();
    }
    world.pass(SECOND * 100).unwrap();
    assert_eq!(world.leftovers(), Vec::<String>::new());
}

/// The peer opens a connection from `port`; whether it was answered.
fn opens(script: &mut Script, port: u16) -> bool {
    script.peer_port = port;
    script.say(&Spoken { seq: 9000, flags: "S", window: 1000, ..Spoken::default() });
    let heard = script.heard();
    let Some(syn_ack) = heard.first() else { return false };
    assert_eq!(syn_ack.flags, "S");
    let ack = Some(syn_ack.seq.wrapping_add(1));
    script.say(&Spoken { seq: 9001, ack, window: 1000, ..Spoken::default() });
    true
}

#[test]
fn a_full_accept_queue_answers_no_syn() {
    let mut script = Script::new(Config::default());
    let listener = script.listen(2);
    let opened = (5000..5010).filter(|port| opens(&mut script, *port)).count();
    assert!((2..=3).contains(&opened), "backlog 2 (Linux lets one more in): {opened}");
    assert!(script.stack().stats().listen_overflows >= 7);
    assert_eq!(script.stack().connections(), opened);
    script.stack().accept(listener).unwrap();
    assert!(opens(&mut script, 6000), "there is room again");
}

#[test]
fn the_limit_of_connections_holds_in_both_directions() {
    let mut script = tcp(TcpConfig { max_connections: 3, ..TcpConfig::default() });
    script.listen(10);
    let remote = SocketAddr::from((PEER, 7));
    for _ in 0..2 {
        script.stack().connect(None, remote).unwrap();
    }
    script.run();
    script.heard();
    assert!(opens(&mut script, 5000));
    assert!(!opens(&mut script, 5001), "a fourth");
    assert_eq!(script.stack().connect(None, remote), Err(Error::OutOfMemory));
    assert_eq!(script.stack().connections(), 3);
}

#[test]
fn ports_run_out_for_one_destination_only() {
    let mut script = tcp(TcpConfig { ip_local_port_range: (1000, 1003), ..TcpConfig::default() });
    let remote = SocketAddr::from((PEER, 7));
    let ids: Vec<_> = (0..4).map(|_| script.stack().connect(None, remote).unwrap()).collect();
    let mut ports: Vec<u16> = ids.iter().map(|id| script.stack().local_addr(*id).unwrap().port()).collect();
    ports.sort_unstable();
    assert_eq!(ports, [1000, 1001, 1002, 1003]);
    assert_eq!(script.stack().connect(None, remote), Err(Error::AddrNotAvailable));
    assert!(script.stack().connect(None, SocketAddr::from((PEER, 8))).is_ok());
    script.stack().abort(ids[2]).unwrap();
    assert!(script.stack().connect(None, remote).is_ok(), "a port is free again");
    let taken = SocketAddr::from((US, 1000));
    assert_eq!(script.stack().connect(Some(taken), remote), Err(Error::AddrInUse));
}

#[test]
fn an_arp_answer_that_is_lost_only_delays_the_opening() {
    let blackout = Duration::ZERO..Duration::from_millis(1500);
    let deaf = Faults { blackouts: vec![blackout], ..Faults::default() };
    let link = LinkConfig { b_to_a: deaf, ..LinkConfig::default() };
    let mut world = World::new(&link, Default::default(), 32).unwrap();
    world.host(Side::B).stack.listen(World::socket_addr(Side::B, 80), 1).unwrap();
    let id = world.host(Side::A).stack.connect(None, World::socket_addr(Side::B, 80)).unwrap();
    world.pass(Duration::from_millis(1900)).unwrap();
    assert_eq!(world.host(Side::A).stack.next_event(), None);
    world.pass(SECOND).unwrap();
    assert_eq!(world.host(Side::A).stack.next_event(), Some(Event::Writable(id)));
    assert!(world.link.stats(Side::B).blacked_out >= 2);
}

#[test]
fn nobody_listening_answers_a_reset() {
    let mut script = Script::new(Config::default());
    script.say(&Spoken { seq: 9000, flags: "S", data: b"abc", ..Spoken::default() });
    let reset = script.hear();
    // RFC 9293 3.10.7.1: without an ACK the number is 0, and all that came is acknowledged.
    assert_eq!((reset.flags.as_str(), reset.seq, reset.ack), ("R", 0, Some(9004)));
    script.say(&Spoken { seq: 9000, ack: Some(77), ..Spoken::default() });
    let reset = script.hear();
    assert_eq!((reset.flags.as_str(), reset.seq, reset.ack), ("R", 77, None));
    script.say(&Spoken { seq: 9000, ack: Some(77), flags: "R", ..Spoken::default() });
    script.silence();
}

#[test]
fn an_opening_that_is_given_up_leaves_nothing() {
    let mut script = Script::new(Config::default());
    let remote = script.peer_addr();
    let id = script.stack().connect(None, remote).unwrap();
    script.run();
    let syn = script.hear();
    script.stack().close(id).unwrap();
    script.run();
    script.silence(); // the peer has no connection that a RST could end
    assert_eq!((script.stack().connections(), script.stack().flows(), script.stack().timers()), (0, 0, 0));
    script.port = syn.ports.0;
    let ack = syn.seq.wrapping_add(1);
    script.say(&Spoken { seq: 9000, ack: Some(ack), flags: "S", window: 1000, ..Spoken::default() });
    let reset = script.hear();
    assert_eq!((reset.flags.as_str(), reset.seq), ("R", ack), "its answer is late");
}
